/**
 * JOIN t FOR SYSTEM_TIME AS OF o.time. Of a PROCTIME(): the table as it is when a row comes (a lookup). Of event time: the version of the row that
 * held then.
 */
import { typeToString } from '#core/types/logical-type.js'
import type { JoinNode, NamedTableNode } from '../parser/ast-query.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import type { Name } from '../parser/token-stream.js'
import { isProcessingTime } from '../plan/processing-time.js'
import type { Join, Relation, RelationField } from '../plan/relation.js'
import { bindExpression, expressionContext } from './bind-expression.js'
import type { BindContext } from './binder.js'
import type { BoundTable } from './bind-table.js'

/** The right side of the join of `left` with the table of `node`. `bound`: the table as it is read otherwise. @throws SQL_NOT_SUPPORTED, SQL_VALIDATION */
export function tableAsOf(
  join: JoinNode,
  node: NamedTableNode,
  left: BoundTable,
  bound: Relation,
  context: BindContext,
): Pick<Join, 'right' | 'lookup' | 'temporal'> {
  const { source } = context
  const at = (node.name.at(-1) as Name).at
  if (node.asOf === null) throw new Error('a table as of a time was expected')
  const time = bindExpression(node.asOf, expressionContext(source, left.scope, 'FOR SYSTEM_TIME AS OF'))
  const isColumn = time.kind === 'input'
  const processing = isColumn && isProcessingTime(left.relation, time.index)
  const field = isColumn ? left.relation.fields[time.index] : undefined
  if (!processing && field?.rowtime !== true)
    throw validationError(
      source,
      node.asOf.at,
      'Temporal table join currently only supports FOR SYSTEM_TIME AS OF a time attribute of the left table.',
      'Join as of a column with WATERMARK FOR, or as of a column PROCTIME(), passed on unchanged up to here.',
    )
  const kind = processing ? 'A lookup join' : 'A temporal join'
  if (join.type !== 'INNER' && join.type !== 'LEFT')
    throw validationError(source, at, `${kind} is an INNER or a LEFT JOIN, not ${join.type}.`)
  if (join.on === null) throw validationError(source, at, `${kind} needs ON with an equality on a column of the table.`)
  if (!processing) {
    const temporal = { left: (time as { index: number }).index, right: versionTime(bound, field as RelationField) }
    return { right: bound, temporal }
  }
  const scan = bound.kind === 'watermark' ? bound.input : bound
  if (scan.kind !== 'scan') throw notSupported(source, at, 'a lookup in a view, a query or a table with computed columns.')
  if (!scan.bounded)
    throw validationError(
      source,
      at,
      'A lookup join reads its table whole, and this table has no end.',
      'Use a table of a bounded connector.',
    )
  return { right: scan, lookup: true }

  function versionTime(relation: Relation, ofLeft: RelationField): number {
    const column = eventTimeOf(relation)
    const found = relation.fields[column]
    if (found === undefined)
      throw validationError(
        source,
        at,
        'Event-Time Temporal Table Join requires both primary key and row time attribute in versioned table, but no row time attribute can be found.',
        'Declare WATERMARK FOR the column from which on a row holds.',
      )
    if (found.type.kind !== ofLeft.type.kind)
      throw validationError(
        source,
        at,
        'Event-Time Temporal Table Join requires same rowtime type in left table and versioned table, but the actual types are ' +
          `${typeToString(ofLeft.type)} and ${typeToString(found.type)}.`,
        'CAST one of them where it is declared.',
      )
    return column
  }
}

/** The column that is event time, also that by which the last row of each key is taken; -1: there is none. */
function eventTimeOf(relation: Relation): number {
  const own = relation.fields.findIndex((field) => field.rowtime)
  if (own >= 0) return own
  switch (relation.kind) {
    case 'filter':
      return eventTimeOf(relation.input)
    case 'project': {
      const below = eventTimeOf(relation.input)
      return relation.expressions.findIndex((expression) => expression.kind === 'input' && expression.index === below)
    }
    case 'rank': {
      const column = relation.order[0]?.column ?? -1
      return relation.input.fields[column]?.rowtime === true ? column : -1
    }
    default:
      return -1
  }
}
