/**
 * ROW_NUMBER() OVER (PARTITION BY … ORDER BY …) in a SELECT list. While the list is bound, a call of `$ROW_NUMBER` over the partition's and the
 * order's expressions stands for it, so that what happens to columns happens to those too; at the end it becomes a column of a rank node.
 */
import type { Expression } from '#core/graph/expression.js'
import type { SortKey } from '#core/graph/operator-spec.js'
import { BIGINT, notNull, STRING } from '#core/types/logical-type.js'
import type { CallNode, SortItemNode } from '../parser/ast-expression.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import { digest, inputColumn, rewrite } from '../plan/expressions.js'
import { projectedField, type Rank, type Relation, type RelationField } from '../plan/relation.js'
import { bindAll, bindExpression, type ExpressionContext } from './bind-expression.js'

const STAND_IN = '$ROW_NUMBER'
const NUMBER = notNull(BIGINT)

/** The stand-in: how many of its arguments make the partition, the sort directions, then the expressions. */
export function bindRowNumber(node: CallNode, context: ExpressionContext): Expression {
  const { source } = context
  const { over } = node
  if (over === null || !('partitionBy' in over)) throw notSupported(source, node.at, 'OVER with a named window.')
  if (context.clause !== 'SELECT')
    throw notSupported(source, node.at, `ROW_NUMBER() OVER (…) in ${context.clause}.`, 'Select it in a sub-query, and use its column.')
  if (node.args.length > 0 || node.star) throw validationError(source, node.at, 'ROW_NUMBER takes no arguments.')
  if (node.distinct || node.filter !== null) throw validationError(source, node.at, 'ROW_NUMBER takes no DISTINCT and no FILTER.')
  if (over.frame !== null) throw validationError(source, node.at, 'ROW/RANGE not allowed with RANK, DENSE_RANK or ROW_NUMBER functions.')
  if (over.orderBy.length === 0) throw validationError(source, node.at, 'ROW_NUMBER needs ORDER BY in its OVER clause.')
  const partition = bindAll(over.partitionBy, context)
  const order = over.orderBy.map(({ expression }) => bindExpression(expression, context))
  const layout = JSON.stringify([partition.length, over.orderBy.map(direction)])
  return { kind: 'call', name: STAND_IN, args: [{ kind: 'literal', value: layout, type: STRING }, ...partition, ...order], type: NUMBER }
}

/** NULL counts as the lowest value, as in Flink. */
function direction({ ascending, nullsFirst }: SortItemNode): Omit<SortKey, 'column'> {
  return { ascending, nullsFirst: nullsFirst ?? ascending }
}

/** The expressions with columns in the place of stand-ins, over the relation that has these columns behind its own. */
export function attachRowNumbers(input: Relation, expressions: readonly Expression[]): { relation: Relation; expressions: Expression[] } {
  const calls = new Map<string, readonly Expression[]>()
  for (const expression of expressions) {
    rewrite(expression, (node) => {
      if (node.kind === 'call' && node.name === STAND_IN) calls.set(digest(node), node.args)
      return undefined
    })
  }
  if (calls.size === 0) return { relation: input, expressions: [...expressions] }
  const columns: Expression[] = input.fields.map((field, i) => inputColumn(i, field.type))
  const place = (expression: Expression): number => {
    const same = columns.findIndex((column) => digest(column) === digest(expression))
    return same >= 0 ? same : columns.push(expression) - 1
  }
  const ranks = [...calls.values()].map(([layout, ...args]) => {
    const [partitions, directions] = JSON.parse((layout as { value: string }).value) as [number, Omit<SortKey, 'column'>[]]
    const places = args.map(place)
    return {
      partition: [...new Set(places.slice(0, partitions))],
      order: directions.map((each, i) => ({ column: places[partitions + i] as number, ...each })),
    }
  })
  let relation: Relation = input
  if (columns.length > input.fields.length) {
    const fields = columns.map((column, i) => projectedField(input.fields[i]?.name ?? `$f${i}`, column, input.fields))
    relation = { kind: 'project', input, expressions: columns, fields }
  }
  for (const { partition, order } of ranks) {
    // A row's number changes as others come, so times are no longer those of a stream.
    const fields: RelationField[] = relation.fields.map((field) => ({ ...field, rowtime: false }))
    const number: RelationField = { name: `w0$o${relation.fields.length - columns.length}`, type: NUMBER, rowtime: false }
    const rank: Rank = { kind: 'rank', input: relation, partition, order, limit: null, numbered: true, fields: [...fields, number] }
    relation = rank
  }
  const names = [...calls.keys()]
  return {
    relation,
    expressions: expressions.map((expression) =>
      rewrite(expression, (node) =>
        node.kind === 'call' && node.name === STAND_IN ? inputColumn(columns.length + names.indexOf(digest(node)), NUMBER) : undefined,
      ),
    ),
  }
}
