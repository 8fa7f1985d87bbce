/** From the bound query to the plan that is translated: the rules, in their order. */
import type { OverCall } from '#core/graph/operator-spec.js'
import { extractJoinKeys } from './join-keys.js'
import { foldRelation, type FoldContext } from './fold-constants.js'
import { fuseWindowAggregates } from './fuse-window-aggregates.js'
import { planJoinTimes } from './join-times.js'
import { mergeCalcs } from './merge-calcs.js'
import { pruneAll } from './prune-columns.js'
import { pushFilters } from './push-filters.js'
import { readVersions } from './read-versions.js'
import { overNode } from './over-node.js'
import { inputsOf, withInputs, type Relation, type RelationField, type Root } from './relation.js'

/** Plans of the roots of one job, in their order. `problem` reports what is not executed. */
export function optimize(roots: readonly Root[], context: FoldContext, problem: (root: Root, text: string) => never): Root[] {
  const planned = roots.map((root) => {
    const folded = foldRelation(withoutInnerSorts(root.input, true), context)
    const pushed = pushFilters(folded)
    const fused = fuseWindowAggregates(numberAll(pushed), (text) => problem(root, text))
    // Again: what was pushed down may have met constants.
    const keyed = extractJoinKeys(foldRelation(pushFilters(fused), context))
    // In batch mode there are no watermarks to let rows go.
    return context.clockStands ? keyed : planJoinTimes(keyed)
  })
  return pruneAll(planned).map((input, i) => ({ ...(roots[i] as Root), input: readVersions(mergeCalcs(input)) }))
}

/** Numbers of rows on which no condition sets a limit: those of all rows. */
function numberAll(relation: Relation): Relation {
  const node = withInputs(relation, inputsOf(relation).map(numberAll))
  if (node.kind !== 'rank' || node.limit !== null) return node
  const { input, partition, order, fields } = node
  const [number] = fields.slice(input.fields.length) as [RelationField]
  const call: OverCall = { function: 'ROW_NUMBER', args: [], distinct: false, type: number.type }
  const frame = { unit: 'ROWS', start: null, end: 0 } as const
  return { ...overNode(input, { partition, order, frame, calls: [call] }, { added: [number], continues: input.kind === 'over' }), fields }
}

/** An order without LIMIT means nothing below another query: only the outermost is kept (projections above it do not count). */
function withoutInnerSorts(relation: Relation, outermost: boolean): Relation {
  if (relation.kind === 'sort' && relation.limit === null && relation.offset === 0 && !outermost)
    return withoutInnerSorts(relation.input, false)
  const stays = outermost && relation.kind === 'project'
  return withInputs(
    relation,
    inputsOf(relation).map((input) => withoutInnerSorts(input, stays)),
  )
}
