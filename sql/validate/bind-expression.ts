/**
 * Expressions: names resolved, types found, functions looked up in runtime/expr, implicit casts written out. The result is a
 * core/graph expression over the columns of the scope.
 */
import { nearest } from '#core/config/nearest.js'
import type { Expression } from '#core/graph/expression.js'
import { notNull, BOOLEAN, INT, typeToString, type LogicalType } from '#core/types/logical-type.js'
import { COLLECTION_NAMES } from '#runtime/expr/functions/collections.js'
import { resolveFunction } from '#runtime/expr/function-table.js'
import { canCast, commonType, isNumeric, typeInMessage, widened } from '#runtime/expr/type-rules.js'
import type { Catalog } from '../catalog/catalog.js'
import type { BinaryNode, CallNode, CaseNode, ElementNode, ExpressionNode } from '../parser/ast-expression.js'
import type { SelectNode } from '../parser/ast-query.js'
import type { Position, SourceText } from '../parser/source-text.js'
import type { Name } from '../parser/token-stream.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import { OUTER } from '../plan/decorrelate.js'
import { castTo, inputColumn } from '../plan/expressions.js'
import type { AggregateCollector } from './aggregate-calls.js'
import { bindFunctionCall } from './bind-call.js'
import { bindIsJson, bindJsonCall } from './bind-json.js'
import type { GroupWindow } from './group-window.js'
import { logicalType } from './data-type.js'
import { binaryLiteral, intervalLiteral, NULL_LITERAL, numberLiteral, stringLiteral, temporalLiteral, type Interval } from './literals.js'
import type { MatchScope } from './match-names.js'
import { isColumn, fieldAlone, resolveColumn, rowPrefix, type Scope } from './scope.js'
import type { ScalarSubqueries } from './subqueries.js'

/** Longest list of IN: what an expression spec holds (core/graph). */
const MAX_LIST = 9_999

export interface ExpressionContext {
  readonly source: SourceText
  readonly scope: Scope
  /** Takes aggregate calls; null where none may stand, `clause` then says where that is. */
  readonly aggregates: AggregateCollector | null
  /** WHERE, ON, GROUP BY, …: for messages. */
  readonly clause: string
  /** Takes sub-queries that stand as values; null where none may. */
  readonly subqueries: ScalarSubqueries | null
  /** In a sub-query: the columns of the query around it. */
  readonly outer?: Scope | undefined
  /** With the functions made by CREATE FUNCTION. */
  readonly catalog?: Catalog | undefined
  /** With groups: takes GROUPING, GROUPING_ID and GROUP_ID. */
  readonly grouping?: ((call: CallNode, name: string) => Expression) | undefined
  /** Of the WINDOW clause. */
  readonly windows?: SelectNode['windows'] | undefined
  /** With a window in GROUP BY: takes TUMBLE_START and the like. */
  readonly groupWindow?: GroupWindow | undefined
  /** Inside MATCH_RECOGNIZE: what names and some functions mean there. */
  readonly match?: MatchScope | undefined
  /** Where each column reference stands in the text. */
  readonly origins: WeakMap<Expression, Position>
}

export function expressionContext(
  source: SourceText,
  scope: Scope,
  clause: string,
  catalog?: Catalog,
  aggregates: AggregateCollector | null = null,
): ExpressionContext {
  return { source, scope, clause, aggregates, subqueries: null, catalog, origins: new WeakMap() }
}

/** @throws SQL_VALIDATION, SQL_NOT_SUPPORTED */
export function bindExpression(node: ExpressionNode, context: ExpressionContext): Expression {
  const { source } = context
  switch (node.kind) {
    case 'column': {
      if (context.match !== undefined) return context.match.column(node, context)
      const { outer } = context
      if (outer !== undefined && !isColumn(context.scope, node.path) && isColumn(outer, node.path)) {
        const around = resolveColumn(source, outer, node.path)
        return inputColumn(OUTER + around, (outer[around] as Scope[number]).type)
      }
      const inRow = rowPrefix(context.scope, node.path)
      if (inRow !== undefined) {
        const row = bindExpression({ ...node, path: node.path.slice(0, inRow) }, context)
        return node.path.slice(inRow).reduce((of, name) => bindField(of, name, context), row)
      }
      const around = fieldAlone(context.scope, node.path)
      if (around !== undefined)
        return bindField(inputColumn(around, (context.scope[around] as Scope[number]).type), node.path[0] as Name, context)
      const index = resolveColumn(source, context.scope, node.path)
      const column = inputColumn(index, (context.scope[index] as Scope[number]).type)
      context.origins.set(column, node.at)
      return column
    }
    case 'number':
      return numberLiteral(source, node, false)
    case 'string':
      return stringLiteral(node.value)
    case 'boolean':
      return { kind: 'literal', value: node.value, type: notNull(BOOLEAN) }
    case 'null':
      return NULL_LITERAL
    case 'temporal':
      return temporalLiteral(source, node)
    case 'unary':
      if (node.operator === '-' && node.arg.kind === 'number') return numberLiteral(source, node.arg, true)
      if (node.operator === 'NOT') return call(context, node.at, 'NOT', [bindCondition(node.arg, context, 'NOT')])
      if (node.operator === '+') return bindNumeric(node.arg, context)
      return call(context, node.at, '-', [bindExpression(node.arg, context)])
    case 'binary':
      return bindBinary(node, context)
    case 'is':
      return call(context, node.at, `IS ${node.negated ? 'NOT ' : ''}${node.truth}`, [bindExpression(node.arg, context)])
    case 'distinct-from':
      return call(context, node.at, `IS ${node.negated ? 'NOT ' : ''}DISTINCT FROM`, bindAll([node.left, node.right], context))
    case 'between': {
      const [arg, low, high] = bindAll([node.arg, node.low, node.high], context) as [Expression, Expression, Expression]
      const name = node.negated ? 'NOT BETWEEN' : 'BETWEEN'
      if (!node.symmetric) return call(context, node.at, name, [arg, low, high])
      const either = [call(context, node.at, name, [arg, low, high]), call(context, node.at, name, [arg, high, low])]
      return call(context, node.at, node.negated ? 'AND' : 'OR', either)
    }
    case 'in-list':
      if (node.list.length > MAX_LIST)
        throw notSupported(source, node.at, `IN with more than ${MAX_LIST} values.`, 'Join with a table of them.')
      return call(context, node.at, node.negated ? 'NOT IN' : 'IN', bindAll([node.arg, ...node.list], context))
    case 'like': {
      if (node.operator === 'SIMILAR TO') throw notSupported(source, node.at, 'SIMILAR TO.', 'Use LIKE or REGEXP.')
      const args = [node.arg, node.pattern, ...(node.escape === null ? [] : [node.escape])]
      return call(context, node.at, node.negated ? 'NOT LIKE' : 'LIKE', bindAll(args, context))
    }
    case 'case':
      return bindCase(node, context)
    case 'cast': {
      const arg = bindExpression(node.arg, context)
      const type = logicalType(source, node.type)
      if (!canCast(arg.type, type, true)) {
        throw validationError(
          source,
          node.at,
          `Cast function cannot convert value of type ${typeInMessage(arg.type)} to type ${typeInMessage(type)}.`,
        )
      }
      if (!node.type.nullable) throw validationError(source, node.type.at, `CAST takes a type without NOT NULL.`)
      return castTo(arg, type, node.safe)
    }
    case 'call':
      return bindFunctionCall(node, context)
    case 'interval':
      return intervalValue(intervalLiteral(source, node))
    case 'star':
      throw validationError(source, node.at, "'*' stands for columns only in SELECT and in COUNT(*).")
    case 'symbol':
    case 'named-argument':
      throw validationError(
        source,
        node.at,
        `'${node.kind === 'symbol' ? node.name : `${node.name.text} =>`}' has no meaning as an argument here.`,
      )
    case 'in-query':
      if (context.subqueries !== null) return context.subqueries.bindIn(node, context)
      throw notSupported(source, node.at, `IN with a sub-query in ${context.clause}.`, 'Use it in SELECT, WHERE or HAVING.')
    case 'exists':
      if (context.subqueries !== null) return context.subqueries.bindExists(node)
      throw notSupported(source, node.at, `EXISTS in ${context.clause}.`, 'Use it in SELECT, WHERE or HAVING.')
    case 'scalar-query':
      if (context.subqueries !== null) return context.subqueries.bind(node)
      throw notSupported(source, node.at, `a sub-query as a value in ${context.clause}.`, 'Use it in SELECT, WHERE or HAVING.')
    case 'json-call':
      return bindJsonCall(node, context)
    case 'is-json':
      return bindIsJson(node, context)
    case 'quantified':
      throw notSupported(source, node.at, `${node.operator} ${node.quantifier}.`)
    case 'overlaps':
      throw notSupported(source, node.at, 'OVERLAPS.')
    case 'binary-string':
      return binaryLiteral(source, node)
    case 'row':
      return call(context, node.at, 'ROW', bindAll(node.items, context))
    case 'collection':
      if (node.type === 'MULTISET') throw notSupported(source, node.at, 'the constructor MULTISET[…].', 'Use the aggregate COLLECT.')
      return call(context, node.at, node.type, bindAll(node.items, context))
    case 'element':
      return bindElement(node, context)
    case 'field':
      return bindField(bindExpression(node.arg, context), node.name, context)
    case 'at-time-zone':
      throw notSupported(source, node.at, 'AT TIME ZONE.')
    case 'descriptor':
      throw validationError(source, node.at, 'DESCRIPTOR(…) stands only among the arguments of a table function.')
    case 'model-argument':
    case 'table-argument':
      throw validationError(source, node.at, 'TABLE … stands only among the arguments of a table function.')
  }
}

export function bindAll(nodes: readonly ExpressionNode[], context: ExpressionContext): Expression[] {
  return nodes.map((node) => bindExpression(node, context))
}

/** a[i], m[k], and r['f'] is no such thing: fields have names. */
function bindElement(node: ElementNode, context: ExpressionContext): Expression {
  return call(context, node.at, 'ITEM', [bindExpression(node.arg, context), bindExpression(node.index, context)])
}

/** (r).f */
export function bindField(of: Expression, name: Name, context: ExpressionContext): Expression {
  const fields = of.type.kind === 'ROW' ? of.type.fields : undefined
  if (fields === undefined)
    throw validationError(context.source, name.at, `'${name.text}' is asked of a ${typeToString(of.type)}, which has no fields.`)
  const index = fields.findIndex((field) => field.name === name.text)
  if (index < 0) {
    const meant = nearest(
      name.text,
      fields.map((field) => field.name),
    )
    throw validationError(
      context.source,
      name.at,
      `Column '${name.text}' not found in the ROW.`,
      meant === undefined ? null : `Did you mean '${meant}'?`,
    )
  }
  return call(context, name.at, 'FIELD', [of, { kind: 'literal', value: index, type: notNull(INT) }])
}

/** A BOOLEAN for WHERE, ON, HAVING, FILTER, NOT. */
export function bindCondition(node: ExpressionNode, context: ExpressionContext, clause = context.clause): Expression {
  const condition = bindExpression(node, context)
  if (condition.type.kind === 'NULL') return castTo(condition, BOOLEAN)
  if (condition.type.kind !== 'BOOLEAN') {
    throw validationError(
      context.source,
      node.at,
      `${clause} clause must be a condition, but this is of type ${typeToString(condition.type)}.`,
    )
  }
  return condition
}

function bindNumeric(node: ExpressionNode, context: ExpressionContext): Expression {
  const value = bindExpression(node, context)
  if (!isNumeric(value.type))
    throw validationError(context.source, node.at, `Cannot apply '+' to a value of type ${typeInMessage(value.type)}.`)
  return value
}

/** Functions whose result has the type of their arguments also where that is a narrow one. */
const TYPE_KEEPING: ReadonlySet<string> = new Set(
  '+ - * / % MOD ABS SIGN CASE IF IFNULL NULLIF COALESCE GREATEST LEAST FLOOR CEIL CEILING ROUND TRUNCATE'.split(' '),
)

/**
 * A call of the function table, its arguments cast to what it takes. TINYINT and SMALLINT are computed as INT and FLOAT as DOUBLE, and the result is
 * brought back: that wraps and rounds as computing in the narrow type does.
 */
export function call(context: ExpressionContext, at: Position, name: string, args: readonly Expression[]): Expression {
  if (COLLECTION_NAMES.has(name) || args.every(({ type }) => widened(type) === type)) return callAsIs(context, at, name, args)
  const result = callAsIs(
    context,
    at,
    name,
    args.map((arg) => castTo(arg, widened(arg.type))),
  )
  if (!TYPE_KEEPING.has(name)) return result
  const numbers = args.map(({ type }) => type).filter(isNumeric)
  const narrow = commonType(numbers)
  return narrow !== undefined && widened(narrow).kind === result.type.kind ? castTo(result, narrow) : result
}

/** A call whose arguments stay of the types that they are of. */
export function callAsIs(context: ExpressionContext, at: Position, name: string, args: readonly Expression[]): Expression {
  const literals = args.map((arg) => (arg.kind === 'literal' ? arg.value : undefined))
  const resolved = resolveFunction(
    name,
    args.map((arg) => arg.type),
    literals,
  )
  if ('problem' in resolved) throw validationError(context.source, at, ended(resolved.problem))
  const cast = args.map((arg, i) => castTo(arg, resolved.argTypes[i] as LogicalType))
  return { kind: 'call', name, args: cast, type: resolved.type }
}

function ended(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}

function bindBinary(node: BinaryNode, context: ExpressionContext): Expression {
  const { operator } = node
  if (operator === 'AND' || operator === 'OR') {
    // A chain of one connective becomes one call, however long it is.
    const operands: ExpressionNode[] = []
    let rest: ExpressionNode = node
    while (rest.kind === 'binary' && rest.operator === operator) {
      operands.push(rest.right)
      rest = rest.left
    }
    operands.push(rest)
    return call(
      context,
      node.at,
      operator,
      operands.reverse().map((operand) => bindCondition(operand, context, operator)),
    )
  }
  const [left, right] = bindAll([node.left, node.right], context) as [Expression, Expression]
  if (isInterval(left.type) || isInterval(right.type)) return intervalArithmetic(node, left, right, context)
  return call(context, node.at, operator, [left, right])
}

function isInterval({ kind }: LogicalType): boolean {
  return kind === 'INTERVAL_MONTHS' || kind === 'INTERVAL_MILLIS'
}

function intervalValue({ unit, amount }: Interval): Expression {
  return unit === 'MONTHS'
    ? { kind: 'literal', value: amount, type: { kind: 'INTERVAL_MONTHS', nullable: false } }
    : { kind: 'literal', value: String(amount), type: { kind: 'INTERVAL_MILLIS', nullable: false } }
}

/** t + i, i + t, t - i, i + i, i - i, i * n, n * i; an interval is computed with as its number of months or ms. Comparisons are like any other. */
function intervalArithmetic(node: BinaryNode, left: Expression, right: Expression, context: ExpressionContext): Expression {
  const { operator, at } = node
  const counted = (of: Expression): Expression =>
    castTo(of, { kind: of.type.kind === 'INTERVAL_MONTHS' ? 'INT' : 'BIGINT', nullable: of.type.nullable })
  const negated = (of: Expression): Expression => {
    if (of.kind !== 'literal' || of.value === null) return call(context, at, '-', [of])
    return { ...of, value: typeof of.value === 'string' ? String(-BigInt(of.value)) : -Number(of.value) || 0 }
  }
  const amount = (of: Expression): Expression =>
    of.kind === 'literal'
      ? { ...of, type: { kind: of.type.kind === 'INTERVAL_MONTHS' ? 'INT' : 'BIGINT', nullable: of.type.nullable } }
      : counted(of)
  const isTime = ({ type: { kind } }: Expression): boolean => ['DATE', 'TIME', 'TIMESTAMP', 'TIMESTAMP_LTZ'].includes(kind)
  const [base, interval] = isInterval(right.type) ? [left, right] : [right, left]
  if (isTime(base) && (operator === '+' || (operator === '-' && interval === right))) {
    const name = interval.type.kind === 'INTERVAL_MONTHS' ? 'TIMESTAMP_ADD_MONTHS' : 'TIMESTAMP_ADD_MILLIS'
    return call(context, at, name, [base, operator === '-' ? negated(amount(interval)) : amount(interval)])
  }
  const both = left.type.kind === right.type.kind
  if (both && (operator === '+' || operator === '-')) return castTo(call(context, at, operator, [amount(left), amount(right)]), left.type)
  if (operator === '*' && isNumeric(base.type) && base.type.kind !== 'DOUBLE' && base.type.kind !== 'DECIMAL')
    return castTo(call(context, at, '*', [amount(interval), base]), interval.type)
  return call(context, at, operator, [left, right])
}

/** The length of an INTERVAL literal (with signs before it); undefined for anything else. */
export function intervalOf(node: ExpressionNode, context: Pick<ExpressionContext, 'source'>): Interval | undefined {
  if (node.kind === 'interval') return intervalLiteral(context.source, node)
  if (node.kind === 'unary' && node.operator !== 'NOT') {
    const inner = intervalOf(node.arg, context)
    return inner !== undefined && node.operator === '-' ? { ...inner, amount: -inner.amount } : inner
  }
  return undefined
}

/** Both forms become (when, then, …, else). */
function bindCase(node: CaseNode, context: ExpressionContext): Expression {
  const operand = node.operand === null ? undefined : bindExpression(node.operand, context)
  const args: Expression[] = []
  for (const { when, then } of node.branches) {
    args.push(
      operand === undefined ? bindCondition(when, context, 'WHEN') : call(context, when.at, '=', [operand, bindExpression(when, context)]),
    )
    args.push(bindExpression(then, context))
  }
  if (node.otherwise !== null) args.push(bindExpression(node.otherwise, context))
  const values = args.filter((_, i) => i % 2 === 1 || (node.otherwise !== null && i === args.length - 1))
  if (values.every((value) => value.type.kind === 'NULL'))
    throw validationError(context.source, node.at, "Illegal use of 'NULL': every branch of CASE is NULL.", 'Cast one of them to a type.')
  return call(context, node.at, 'CASE', args)
}
