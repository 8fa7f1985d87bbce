/** JOIN t FOR SYSTEM_TIME AS OF o.p, p being PROCTIME(): the table as it is when a row comes. */
import type { JoinNode, NamedTableNode } from '../parser/ast-query.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import type { Name } from '../parser/token-stream.js'
import type { Relation, Scan } from '../plan/relation.js'
import { bindExpression, expressionContext } from './bind-expression.js'
import type { BindContext } from './binder.js'
import type { BoundTable } from './bind-table.js'
import { isProcessingTime } from '../plan/processing-time.js'

/** What the join of `left` with the table of `node` looks up: its scan. `bound`: the table as it is read otherwise. @throws SQL_NOT_SUPPORTED, SQL_VALIDATION */
export function lookupTable(join: JoinNode, node: NamedTableNode, left: BoundTable, bound: Relation, context: BindContext): Scan {
  const { source } = context
  const at = (node.name.at(-1) as Name).at
  if (node.asOf === null) throw new Error('a table as of a time was expected')
  const time = bindExpression(node.asOf, expressionContext(source, left.scope, 'FOR SYSTEM_TIME AS OF'))
  if (time.kind !== 'input' || !isProcessingTime(left.relation, time.index))
    throw notSupported(
      source,
      node.asOf.at,
      'FOR SYSTEM_TIME AS OF a time other than PROCTIME().',
      'Add a column PROCTIME() to the table on the left and join as of that.',
    )
  if (join.type !== 'INNER' && join.type !== 'LEFT')
    throw validationError(source, at, `A lookup join is an INNER or a LEFT JOIN, not ${join.type}.`)
  if (join.on === null) throw validationError(source, at, 'A lookup join needs ON with an equality on a column of the table.')
  const scan = bound.kind === 'watermark' ? bound.input : bound
  if (scan.kind !== 'scan') throw notSupported(source, at, 'a lookup in a view, a query or a table with computed columns.')
  if (!scan.bounded)
    throw validationError(
      source,
      at,
      'A lookup join reads its table whole, and this table has no end.',
      'Use a table of a bounded connector.',
    )
  return scan
}
