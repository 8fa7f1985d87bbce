/**
 * Expressions made ready to run: functions looked up, arguments cast to what their function takes, literals turned into values,
 * synonyms (IF, IFNULL, NOT IN …) replaced. Interpreter and compiler both start from here.
 */
import type { Expression, LiteralValue } from '#core/graph/expression.js'
import { BOOLEAN, sameType, typeToString, withNullable, type LogicalType, type Value } from '#core/types/logical-type.js'
import { describeExpression } from './describe.js'
import { InvalidExpression } from './evaluation.js'
import { NEGATED } from './functions/comparison.js'
import type { FunctionDefinition, Signature } from './functions/definition.js'
import { findFunction } from './function-table.js'
import { canCast } from './type-rules.js'

export type BoundExpression =
  | { readonly kind: 'input'; readonly index: number; readonly type: LogicalType }
  | { readonly kind: 'constant'; readonly value: Value; readonly type: LogicalType }
  | { readonly kind: 'cast'; readonly arg: BoundExpression; readonly safe: boolean; readonly type: LogicalType }
  | {
      readonly kind: 'call'
      readonly definition: FunctionDefinition
      readonly signature: Signature
      readonly args: readonly BoundExpression[]
      readonly type: LogicalType
    }

/** Deep enough for any query, and far from the end of the stack. */
const MAX_DEPTH = 1_000

/** @throws INVALID_EXPRESSION for a function that does not exist, arguments that do not fit, or a literal not of its type. */
export function bindExpression(expression: Expression, depth = 0): BoundExpression {
  const invalid = (problem: string): never => {
    throw new InvalidExpression({ problem, expression: describeExpression(expression) })
  }
  if (depth > MAX_DEPTH) throw new InvalidExpression({ problem: `expression nested more than ${MAX_DEPTH} levels deep`, expression: '…' })
  switch (expression.kind) {
    case 'input':
      return expression
    case 'literal':
      return { kind: 'constant', value: literalToValue(expression.value, expression.type), type: expression.type }
    case 'cast': {
      const arg = bindExpression(expression.arg, depth + 1)
      if (!canCast(arg.type, expression.type, true)) invalid(`cannot cast ${typeToString(arg.type)} to ${typeToString(expression.type)}`)
      return { kind: 'cast', arg, safe: expression.safe, type: expression.type }
    }
    case 'call': {
      const positive = NEGATED.get(expression.name)
      if (positive !== undefined) {
        const inner: Expression = { ...expression, name: positive }
        return bindExpression({ kind: 'call', name: 'NOT', args: [inner], type: expression.type }, depth + 1)
      }
      const connective = flatten(expression)
      if (connective !== undefined) expression = connective
      const definition = findFunction(SYNONYMS[expression.name] ?? expression.name)
      if (definition === undefined) return invalid(`there is no function ${expression.name}`)
      const literals = expression.args.map((arg): LiteralValue | undefined => (arg.kind === 'literal' ? arg.value : undefined))
      const signature = definition.resolve(
        expression.args.map((arg) => arg.type),
        literals,
      )
      if ('problem' in signature) return invalid(signature.problem)
      const args = expression.args.map((arg, i): BoundExpression => {
        const target = signature.argTypes[i] as LogicalType
        return castTo(bindExpression(arg, depth + 1), target)
      })
      return castTo({ kind: 'call', definition, signature, args, type: signature.type }, expression.type)
    }
  }
}

/** a AND (b AND c) as one AND of three, found without recursion: the WHERE of a program may have thousands of terms. */
function flatten(call: Extract<Expression, { kind: 'call' }>): Extract<Expression, { kind: 'call' }> | undefined {
  const { name } = call
  if ((name !== 'AND' && name !== 'OR') || !call.args.some((arg) => arg.kind === 'call' && arg.name === name)) return undefined
  const args: Expression[] = []
  const open: Expression[] = [...call.args].reverse()
  for (let arg = open.pop(); arg !== undefined; arg = open.pop()) {
    if (arg.kind === 'call' && arg.name === name) open.push(...[...arg.args].reverse())
    else args.push(arg)
  }
  return { ...call, args }
}

const SYNONYMS: Record<string, string> = { IF: 'CASE', IFNULL: 'COALESCE' }

/** Wraps in a cast unless the types agree; a NULL constant simply takes the type. */
export function castTo(bound: BoundExpression, type: LogicalType): BoundExpression {
  if (sameType(bound.type, type)) return bound
  if (bound.kind === 'constant' && bound.value === null) return { ...bound, type: withNullable(type, true) }
  return { kind: 'cast', arg: bound, safe: false, type }
}

/** @throws INVALID_EXPRESSION when the literal is no value of the type. */
export function literalToValue(value: LiteralValue, type: LogicalType): Value {
  if (value === null) return null
  const fits = (): Value => {
    switch (type.kind) {
      case 'BOOLEAN':
        return typeof value === 'boolean' ? value : null
      case 'INT':
      case 'DATE':
      case 'TIME':
      case 'INTERVAL_MONTHS':
        return typeof value === 'number' && (value | 0) === value ? value : null
      case 'TINYINT':
        return typeof value === 'number' && (value << 24) >> 24 === value ? value : null
      case 'SMALLINT':
        return typeof value === 'number' && (value << 16) >> 16 === value ? value : null
      case 'FLOAT':
      case 'DOUBLE':
        return typeof value === 'number'
          ? value
          : typeof value === 'string' && /^-?(Infinity|NaN|[\d.eE+-]+)$/.test(value)
            ? Number(value)
            : null
      case 'BIGINT':
      case 'DECIMAL':
      case 'INTERVAL_MILLIS':
      case 'TIMESTAMP':
      case 'TIMESTAMP_LTZ':
        return (typeof value === 'string' && /^-?\d{1,60}$/.test(value)) || (typeof value === 'number' && Number.isSafeInteger(value))
          ? BigInt(value)
          : null
      case 'VARCHAR':
      case 'VARIANT':
        return typeof value === 'string' ? value : null
      case 'BYTES':
      case 'ARRAY':
      case 'MAP':
      case 'MULTISET':
      case 'ROW':
        return typeof value === 'string' && /^[\0-\xff]*$/.test(value) ? value : null
      case 'NULL':
      case 'RAW':
        return null
    }
  }
  const result = fits()
  if (result === null) {
    throw new InvalidExpression({
      problem: `the literal ${JSON.stringify(value)} is no ${typeToString(withNullable(type, true))}`,
      expression: 'a literal',
    })
  }
  return result
}

/** What may be evaluated once instead of for each row: no columns, no clock. */
export function isConstant(bound: BoundExpression): boolean {
  switch (bound.kind) {
    case 'input':
      return false
    case 'constant':
      return true
    case 'cast':
      return isConstant(bound.arg)
    case 'call':
      return bound.definition.deterministic !== false && bound.args.every(isConstant)
  }
}

export const CONDITION_TYPE: LogicalType = BOOLEAN
