/** Row-wise evaluation: folds constants for the planner, finds the row behind a failure, and is what compiled code is tested against. */
import type { Expression, LiteralValue } from '#core/graph/expression.js'
import type { LogicalType, Value } from '#core/types/logical-type.js'
import { bindExpression, isConstant, type BoundExpression } from './bound-expression.js'
import { prepareCast } from './cast.js'
import { describeExpression } from './describe.js'
import { EvaluationFailure, ExpressionFailed, type EvaluationContext } from './evaluation.js'

/** A row's values, by column. */
export type RowEvaluator = (row: readonly Value[]) => Value

const prepared = new WeakMap<Expression, WeakMap<EvaluationContext, RowEvaluator>>()

/**
 * The expression's value for one row. Arguments of functions are all evaluated, first to last, before NULL is looked at; AND, OR,
 * CASE and COALESCE stop as soon as they know.
 * @throws EvaluationFailure with Flink's text when a value cannot be computed; INVALID_EXPRESSION when the tree is wrong.
 */
export function evaluate(expression: Expression, row: readonly Value[], context: EvaluationContext): Value {
  let evaluators = prepared.get(expression)
  if (evaluators === undefined) prepared.set(expression, (evaluators = new WeakMap()))
  let evaluator = evaluators.get(context)
  if (evaluator === undefined) evaluators.set(context, (evaluator = prepareEvaluator(bindExpression(expression), context)))
  return evaluator(row)
}

/**
 * The expression's value when it has no columns and no clock, as a literal of its type; undefined when it has.
 * @throws EXPRESSION_FAILED when it can never be computed: CAST('abc' AS INT).
 */
export function foldConstant(expression: Expression, context: EvaluationContext): Expression | undefined {
  const bound = bindExpression(expression)
  if (!isConstant(bound)) return undefined
  try {
    return { kind: 'literal', value: valueToLiteral(prepareEvaluator(bound, context)([])), type: expression.type }
  } catch (cause) {
    if (!(cause instanceof EvaluationFailure)) throw cause
    throw new ExpressionFailed({ reason: cause.message, expression: describeExpression(expression), row: '()' }, { cause })
  }
}

export function valueToLiteral(value: Value): LiteralValue {
  if (typeof value === 'bigint') return value.toString()
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
}

export function prepareEvaluator(bound: BoundExpression, context: EvaluationContext): RowEvaluator {
  switch (bound.kind) {
    case 'input': {
      const { index } = bound
      return (row) => row[index] ?? null
    }
    case 'constant': {
      const { value } = bound
      return () => value
    }
    case 'cast':
      return prepareCastEvaluator(prepareEvaluator(bound.arg, context), bound.arg.type, bound.type, bound.safe, context)
    case 'call': {
      const args = bound.args.map((arg) => prepareEvaluator(arg, context))
      switch (bound.definition.name) {
        case 'AND':
          return (row) => connect(args, row, false)
        case 'OR':
          return (row) => connect(args, row, true)
        case 'CASE':
          return (row) => choose(args, row)
        case 'COALESCE':
          return (row) => firstPresent(args, row)
      }
      const constants = bound.args.map((arg) => constantValue(arg, context))
      const call = bound.definition.bind({ ...bound.signature, constants, context })
      if (bound.definition.nulls === 'custom') return (row) => call(...args.map((arg) => arg(row)))
      return (row) => {
        const values = args.map((arg) => arg(row))
        return values.includes(null) ? null : call(...values)
      }
    }
  }
}

/** Value of a constant argument; undefined: not constant, or it fails (then it fails again at the first row). */
export function constantValue(bound: BoundExpression, context: EvaluationContext): Value | undefined {
  if (bound.kind === 'constant') return bound.value
  if (!isConstant(bound)) return undefined
  try {
    return prepareEvaluator(bound, context)([])
  } catch (error) {
    if (error instanceof EvaluationFailure) return undefined
    throw error
  }
}

function prepareCastEvaluator(
  arg: RowEvaluator,
  from: LogicalType,
  to: LogicalType,
  safe: boolean,
  context: EvaluationContext,
): RowEvaluator {
  const cast = prepareCast(from, to, context)
  return (row) => {
    const value = arg(row)
    if (value === null) return null
    if (!safe) return cast(value)
    try {
      return cast(value)
    } catch (error) {
      if (error instanceof EvaluationFailure) return null
      throw error
    }
  }
}

/** AND (decisive: false) and OR (decisive: true). */
function connect(args: readonly RowEvaluator[], row: readonly Value[], decisive: boolean): Value {
  let result: Value = !decisive
  for (const arg of args) {
    const value = arg(row)
    if (value === decisive) return decisive
    if (value === null) result = null
  }
  return result
}

function choose(args: readonly RowEvaluator[], row: readonly Value[]): Value {
  let i = 0
  for (; i + 1 < args.length; i += 2) if (args[i]?.(row) === true) return args[i + 1]?.(row) ?? null
  return args[i]?.(row) ?? null
}

function firstPresent(args: readonly RowEvaluator[], row: readonly Value[]): Value {
  for (const arg of args) {
    const value = arg(row)
    if (value !== null) return value
  }
  return null
}
