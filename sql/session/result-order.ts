/**
 * The order that the outermost ORDER BY … LIMIT of a SELECT gives its result. A streaming query emits changes as they happen, so whoever
 * shows what they add up to has to put the rows into this order.
 */
import type { ResultSortKey } from '#core/rest/responses.js'
import type { LogicalType } from '#core/types/logical-type.js'
import type { Collect, Sort } from '../plan/relation.js'

export interface OrderedResult {
  /** What to execute: its rows may have columns behind those of the SELECT, for sorting only. */
  readonly root: Collect
  readonly order: readonly ResultSortKey[]
}

export function orderedResult(root: Collect): OrderedResult {
  const sort = outermostSort(root)
  if (sort === undefined) return { root, order: [] }
  const order = sort.keys.map(({ column, ascending, nullsFirst }): ResultSortKey => {
    return { column, ascending, nullsFirst, compare: comparisonOf((sort.fields[column] as Sort['fields'][number]).type) }
  })
  return { root: { ...root, input: sort }, order }
}

/** The sort that gives the result's rows; above it at most a projection that leaves its last columns out. */
function outermostSort({ input }: Collect): Sort | undefined {
  if (input.kind === 'sort') return input
  if (input.kind !== 'project' || input.input.kind !== 'sort') return undefined
  return input.expressions.every((expression, i) => expression.kind === 'input' && expression.index === i) ? input.input : undefined
}

function comparisonOf(type: LogicalType): ResultSortKey['compare'] {
  switch (type.kind) {
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
    case 'BIGINT':
    case 'DECIMAL':
      return 'number'
    case 'FLOAT':
    case 'DOUBLE':
      return 'double'
    default:
      return 'text'
  }
}
