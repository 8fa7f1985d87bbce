/**
 * Functions OVER a window in a SELECT list. While the list is bound, a call of `$OVER` over all their expressions stands for each, so that what
 * happens to columns happens to those too; at the end it becomes a column of an over node, or of a rank node where it is a row's number.
 */
import type { Expression } from '#core/graph/expression.js'
import type { Frame, OverCall, OverFunction, SortKey } from '#core/graph/operator-spec.js'
import { BIGINT, DOUBLE, INT, notNull, STRING, withNullable, type LogicalType } from '#core/types/logical-type.js'
import { aggregateType, commonType, typeInMessage, widened } from '#runtime/expr/type-rules.js'
import type { CallNode, ExpressionNode, SortItemNode, WindowNode } from '../parser/ast-expression.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import { castTo, digest, inputColumn, rewrite } from '../plan/expressions.js'
import { overNode } from '../plan/over-node.js'
import { projectedField, type Over, type Rank, type Relation, type RelationField } from '../plan/relation.js'
import { bindAll, bindCondition, bindExpression, type ExpressionContext } from './bind-expression.js'
import { frameOf } from './over-frame.js'

const STAND_IN = '$OVER'
const COUNTED = notNull(BIGINT)
/** Functions that take no frame: what they need is said by their order. */
const UNFRAMED: Readonly<Partial<Record<OverFunction, LogicalType | null>>> = {
  ROW_NUMBER: COUNTED,
  RANK: COUNTED,
  DENSE_RANK: COUNTED,
  PERCENT_RANK: notNull(DOUBLE),
  CUME_DIST: notNull(DOUBLE),
  NTILE: notNull(INT),
  LAG: null,
  LEAD: null,
}
const FRAMED: ReadonlySet<string> = new Set(['COUNT', 'SUM', 'AVG', 'MIN', 'MAX', 'FIRST_VALUE', 'LAST_VALUE'])
const UP_TO_ROW: Frame = { unit: 'RANGE', start: null, end: 0 }
const ROWS_UP_TO_ROW: Frame = { unit: 'ROWS', start: null, end: 0 }

/** What of a call is no expression. */
interface Layout {
  readonly function: OverFunction
  readonly distinct: boolean
  readonly offset: number | null
  readonly frame: Frame
  readonly directions: readonly Omit<SortKey, 'column'>[]
  /** How many of the expressions are what. */
  readonly partition: number
  readonly args: number
  readonly filter: boolean
}

/** The stand-in of a call with OVER. */
export function bindOver(node: CallNode, name: string, context: ExpressionContext): Expression {
  const { source } = context
  const called = `${name}(${node.args.length > 0 || node.star ? '…' : ''}) OVER (…)`
  if (!FRAMED.has(name) && !(name in UNFRAMED)) throw notSupported(source, node.at, `${called}.`)
  if (context.clause !== 'SELECT')
    throw notSupported(source, node.at, `${called} in ${context.clause}.`, 'Select it in a sub-query, and use its column.')
  const window = windowOf(node, context)
  const inner: ExpressionContext = { ...context, clause: 'an OVER clause' }
  const partition = bindAll(window.partitionBy, inner)
  const order = window.orderBy.map(({ expression }) => bindExpression(expression, inner))
  const bound = bindFunction(node, name as OverFunction, window, { ...context, clause: `the arguments of ${name}` })
  const framed = FRAMED.has(name)
  const frame = framed ? frameOf(window, order, inner) : name === 'ROW_NUMBER' ? ROWS_UP_TO_ROW : UP_TO_ROW
  const layout: Layout = {
    function: name as OverFunction,
    distinct: node.distinct && name !== 'MIN' && name !== 'MAX',
    offset: bound.offset,
    frame,
    directions: window.orderBy.map(direction),
    partition: partition.length,
    args: bound.args.length,
    filter: bound.filter !== null,
  }
  const seesItself = (frame.start === null || frame.start <= 0) && (frame.end === null || frame.end >= 0)
  const sure = bound.filter === null && seesItself
  const type = name === 'COUNT' || !framed ? bound.type : withNullable(bound.type, bound.type.nullable || !sure)
  const expressions = [...partition, ...order, ...bound.args, ...(bound.filter === null ? [] : [bound.filter])]
  const standIn: Expression = {
    kind: 'call',
    name: STAND_IN,
    args: [{ kind: 'literal', value: JSON.stringify(layout), type: STRING }, ...expressions],
    type,
  }
  const { narrow } = bound
  return narrow === undefined ? standIn : castTo(standIn, withNullable(narrow, type.nullable))
}

function windowOf({ over, at }: CallNode, { source, windows }: ExpressionContext): WindowNode {
  if (over === null) throw new Error('a call without OVER')
  if ('partitionBy' in over) return over
  const named = windows?.find(({ name }) => name.text === over.text)
  if (named === undefined)
    throw validationError(source, at, `Window '${over.text}' not found.`, 'Declare it: WINDOW name AS (PARTITION BY … ORDER BY …).')
  return named.window
}

interface BoundFunction {
  readonly args: readonly Expression[]
  readonly filter: Expression | null
  readonly offset: number | null
  readonly type: LogicalType
  /** The type of the result where the function is computed in a wider one. */
  readonly narrow?: LogicalType
}

function bindFunction(node: CallNode, name: OverFunction, window: WindowNode, context: ExpressionContext): BoundFunction {
  const { source } = context
  const unframed = UNFRAMED[name]
  if (unframed !== undefined) {
    if (node.distinct || node.filter !== null || node.star)
      throw validationError(source, node.at, `${name} takes no DISTINCT, no FILTER and no '*'.`)
    if (window.frame !== null)
      throw validationError(source, node.at, 'ROW/RANGE not allowed with RANK, DENSE_RANK or ROW_NUMBER functions.')
    if (window.orderBy.length === 0) throw validationError(source, node.at, `${name} needs ORDER BY in its OVER clause.`)
    if (name === 'LAG' || name === 'LEAD') return bindNeighbour(node, name, context)
    if (name === 'NTILE') {
      const offset = node.args.length === 1 ? positiveLiteral(node.args[0] as ExpressionNode, 1) : undefined
      if (offset === undefined) throw validationError(source, node.at, 'NTILE takes a number of parts: a literal of at least 1.')
      return { args: [], filter: null, offset, type: unframed as LogicalType }
    }
    if (node.args.length > 0) throw validationError(source, node.at, `${name} takes no arguments.`)
    return { args: [], filter: null, offset: null, type: unframed as LogicalType }
  }
  if (node.star && name !== 'COUNT') throw validationError(source, node.at, `${name}(*) has no meaning; only COUNT takes '*'.`)
  if (!node.star && node.args.length === 0)
    throw validationError(source, node.at, `Invalid number of arguments to function '${name}'. Was expecting 1 arguments.`)
  if (node.args.length > 1) throw notSupported(source, node.at, `${name} of more than one argument.`)
  const filter = node.filter === null ? null : bindCondition(node.filter, context, 'FILTER')
  const bound = bindAll(node.args, context)
  const isValue = name === 'FIRST_VALUE' || name === 'LAST_VALUE'
  if (isValue && (node.distinct || filter !== null)) throw validationError(source, node.at, `${name} takes no DISTINCT and no FILTER.`)
  const [narrow] = bound
  const args = isValue ? bound : bound.map((arg) => castTo(arg, widened(arg.type)))
  const resolved = aggregateType(name as 'COUNT', args[0]?.type)
  if ('problem' in resolved) throw validationError(source, node.at, `${resolved.problem}.`)
  // COUNT of something that is never NULL counts rows.
  if (name === 'COUNT')
    return { args: !node.distinct && args[0]?.type.nullable === false ? [] : args, filter, offset: null, type: notNull(resolved.type) }
  const cast = narrow !== undefined && !isValue && widened(narrow.type) !== narrow.type
  return { args, filter, offset: null, type: resolved.type, ...(cast ? { narrow: narrow.type } : {}) }
}

/** LAG(value [, rows [, default]]) */
function bindNeighbour(node: CallNode, name: string, context: ExpressionContext): BoundFunction {
  const { source } = context
  const [value, rows, fallback] = node.args
  if (value === undefined || node.args.length > 3)
    throw validationError(
      source,
      node.at,
      `${name} takes a value, how many rows away (1), and what stands for rows that are not there (NULL).`,
    )
  const offset = rows === undefined ? 1 : positiveLiteral(rows, 0)
  if (offset === undefined) throw validationError(source, rows?.at ?? node.at, `The offset of ${name} is a literal of at least 0.`)
  const bound = bindExpression(value, context)
  if (bound.type.kind === 'NULL') throw validationError(source, node.at, "Illegal use of 'NULL': cast it to a type.")
  if (fallback === undefined)
    return { args: [bound], filter: null, offset, type: withNullable(bound.type, bound.type.nullable || offset > 0) }
  const other = bindExpression(fallback, context)
  const type = commonType([bound.type, other.type])
  if (type === undefined)
    throw validationError(
      source,
      fallback.at,
      `The default of ${name} is a ${typeInMessage(other.type)}, its value a ${typeInMessage(bound.type)}.`,
    )
  const args = [bound, other].map((arg) => castTo(arg, withNullable(type, arg.type.nullable)))
  return { args, filter: null, offset, type: withNullable(type, args.some((arg) => arg.type.nullable)) } // prettier-ignore
}

function positiveLiteral(node: ExpressionNode, least: number): number | undefined {
  if (node.kind !== 'number' || !/^\d{1,9}$/.test(node.text)) return undefined
  return Number(node.text) >= least ? Number(node.text) : undefined
}

/** NULL counts as the lowest value, as in Flink. */
function direction({ ascending, nullsFirst }: SortItemNode): Omit<SortKey, 'column'> {
  return { ascending, nullsFirst: nullsFirst ?? ascending }
}

/** Calls of one window. */
interface Window {
  readonly partition: readonly number[]
  readonly order: readonly SortKey[]
  readonly frame: Frame
  readonly calls: { readonly call: OverCall; readonly standIn: string }[]
}

/** The expressions with columns in the place of stand-ins, over the relation that has these columns behind its own. */
export function attachOver(input: Relation, expressions: readonly Expression[]): { relation: Relation; expressions: Expression[] } {
  const standIns = new Map<string, Expression & { kind: 'call' }>()
  for (const expression of expressions) {
    rewrite(expression, (node) => {
      if (node.kind === 'call' && node.name === STAND_IN) standIns.set(digest(node), node)
      return undefined
    })
  }
  if (standIns.size === 0) return { relation: input, expressions: [...expressions] }
  const columns: Expression[] = input.fields.map((field, i) => inputColumn(i, field.type))
  const place = (expression: Expression): number => {
    const same = columns.findIndex((column) => digest(column) === digest(expression) && column.type.nullable === expression.type.nullable)
    return same >= 0 ? same : columns.push(expression) - 1
  }
  const windows = new Map<string, Window>()
  for (const [standIn, { args, type }] of standIns) {
    const layout = JSON.parse((args[0] as { value: string }).value) as Layout
    const places = args.slice(1).map(place)
    const partition = [...new Set(places.splice(0, layout.partition))]
    const order = places
      .splice(0, layout.directions.length)
      .map((column, i): SortKey => ({ column, ...(layout.directions[i] as Omit<SortKey, 'column'>) }))
    const call: OverCall = {
      function: layout.function,
      args: places.slice(0, layout.args),
      distinct: layout.distinct,
      ...(layout.filter ? { filter: places.at(-1) as number } : {}),
      ...(layout.offset === null ? {} : { offset: layout.offset }),
      type,
    }
    const key = JSON.stringify([partition, order, layout.frame])
    const window = windows.get(key) ?? { partition, order, frame: layout.frame, calls: [] }
    window.calls.push({ call, standIn })
    windows.set(key, window)
  }
  let relation: Relation = input
  if (columns.length > input.fields.length) {
    const fields = columns.map((column, i) => projectedField(input.fields[i]?.name ?? `$f${i}`, column, input.fields))
    relation = { kind: 'project', input, expressions: columns, fields }
  }
  const at = new Map<string, number>()
  // Numbers last: they end event time, whose order the others may need.
  const isNumber = ({ calls }: Window): boolean => calls.length === 1 && calls[0]?.call.function === 'ROW_NUMBER'
  const sorted = [...windows.values()].sort((a, b) => Number(isNumber(a)) - Number(isNumber(b)))
  for (const window of sorted) {
    window.calls.forEach(({ standIn }, i) => at.set(standIn, relation.fields.length + i))
    relation = isNumber(window) ? rankOf(relation, window, columns.length) : overOf(relation, window, columns.length)
  }
  return {
    relation,
    expressions: expressions.map((expression) =>
      rewrite(expression, (node) =>
        node.kind === 'call' && node.name === STAND_IN ? inputColumn(at.get(digest(node)) as number, node.type) : undefined,
      ),
    ),
  }
}

function rankOf(input: Relation, { partition, order }: Window, width: number): Rank {
  // A row's number changes as others come, so times are no longer those of a stream.
  const fields: RelationField[] = input.fields.map((field) => ({ ...field, rowtime: false }))
  const number: RelationField = { name: `w0$o${input.fields.length - width}`, type: COUNTED, rowtime: false }
  return { kind: 'rank', input, partition, order, limit: null, numbered: true, fields: [...fields, number] }
}

function overOf(input: Relation, { partition, order, frame, calls }: Window, width: number): Over {
  const added = calls.map(({ call }, i): RelationField => ({
    name: `w0$o${input.fields.length - width + i}`,
    type: call.type,
    rowtime: false,
  }))
  return overNode(input, { partition, order, frame, calls: calls.map(({ call }) => call) }, { added, continues: input.kind === 'over' })
}
