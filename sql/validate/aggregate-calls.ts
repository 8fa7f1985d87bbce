/** Collects the aggregate calls of a SELECT and gives each a place-holder column behind all others. */
import type { Expression } from '#core/graph/expression.js'
import type { AggregateCall } from '#core/graph/operator-spec.js'
import { notNull, withNullable, type LogicalType } from '#core/types/logical-type.js'
import { aggregateType, widened } from '#runtime/expr/type-rules.js'
import type { CallNode } from '../parser/ast-expression.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import { bindAll, bindCondition, type ExpressionContext } from './bind-expression.js'
import { castTo, digest, inputColumn } from '../plan/expressions.js'

export type AggregateFunction = AggregateCall['function']

export const AGGREGATE_FUNCTIONS: readonly AggregateFunction[] = ['COUNT', 'SUM', 'AVG', 'MIN', 'MAX']
const FUNCTIONS: ReadonlySet<string> = new Set(AGGREGATE_FUNCTIONS)
/** Aggregate and window functions of the dialect that are not executed. */
const REFUSED = new Set([
  'STDDEV',
  'STDDEV_POP',
  'STDDEV_SAMP',
  'VAR_POP',
  'VAR_SAMP',
  'VARIANCE',
  'COLLECT',
  'FIRST_VALUE',
  'LAST_VALUE',
  'LEAD',
  'LAG',
  'LISTAGG',
  'ARRAY_AGG',
  'PERCENTILE',
  'SUM0',
  'APPROX_COUNT_DISTINCT',
  'RANK',
  'DENSE_RANK',
  'ROW_NUMBER',
  'CUME_DIST',
  'PERCENT_RANK',
  'NTILE',
  'GROUPING',
  'GROUPING_ID',
  'TUMBLE',
  'HOP',
  'SESSION',
  ...['TUMBLE', 'HOP', 'SESSION'].flatMap((window) => ['START', 'END', 'ROWTIME', 'PROCTIME'].map((border) => `${window}_${border}`)),
])

export function isAggregateFunction(name: string): name is AggregateFunction {
  return FUNCTIONS.has(name)
}

export function isRefusedFunction(name: string): boolean {
  return REFUSED.has(name)
}

/** An aggregate call before its arguments have columns. */
export interface CollectedCall {
  readonly function: AggregateFunction
  readonly args: readonly Expression[]
  readonly distinct: boolean
  readonly filter: Expression | null
  readonly type: LogicalType
}

/** Place-holder columns begin here; no table has that many columns. */
export const PLACEHOLDER = 1_000_000

export class AggregateCollector {
  readonly calls: CollectedCall[] = []
  readonly #digests: string[] = []
  readonly #grouped: boolean

  /** `grouped`: there are keys, so that no group is ever empty. */
  constructor(grouped: boolean) {
    this.#grouped = grouped
  }

  /** The place-holder of a call; equal calls share one. */
  collect(node: CallNode, name: AggregateFunction, context: ExpressionContext): Expression {
    const { source } = context
    const inner: ExpressionContext = { ...context, aggregates: null, subqueries: null, clause: `the arguments of ${name}` }
    if (node.star && name !== 'COUNT') throw validationError(source, node.at, `${name}(*) has no meaning; only COUNT takes '*'.`)
    if (!node.star && node.args.length === 0)
      throw validationError(source, node.at, `Invalid number of arguments to function '${name}'. Was expecting 1 arguments.`)
    if (node.args.length > 1) throw notSupported(source, node.at, `${name} of more than one argument.`)
    const bound = bindAll(node.args, inner)
    const args = bound.map((arg) => castTo(arg, widened(arg.type)))
    const filter = node.filter === null ? null : bindCondition(node.filter, inner, 'FILTER')
    const resolved = aggregateType(name, args[0]?.type)
    if ('problem' in resolved) throw validationError(source, node.at, `${resolved.problem}.`)
    const always = this.#grouped && filter === null
    const type = name === 'COUNT' ? notNull(resolved.type) : withNullable(resolved.type, resolved.type.nullable || !always)
    // MIN and MAX of distinct values are those of all values.
    const distinct = node.distinct && name !== 'MIN' && name !== 'MAX'
    // COUNT of something that is never NULL counts rows.
    const counted = name === 'COUNT' && !distinct && args[0]?.type.nullable === false ? [] : args
    const call: CollectedCall = { function: name, args: counted, distinct, filter, type }
    const key = `${name} ${distinct} ${counted.map(digest).join(',')} ${filter === null ? '' : digest(filter)}`
    let index = this.#digests.indexOf(key)
    if (index < 0) {
      index = this.calls.push(call) - 1
      this.#digests.push(key)
    }
    const result = inputColumn(PLACEHOLDER + index, (this.calls[index] as CollectedCall).type)
    // Sums of narrow numbers wrap, and averages are cut, as their type does.
    const narrow = bound[0]?.type
    return name === 'COUNT' || narrow === undefined || widened(narrow) === narrow
      ? result
      : castTo(result, withNullable(narrow, result.type.nullable))
  }
}
