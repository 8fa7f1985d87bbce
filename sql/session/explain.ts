/** EXPLAIN: the bound query, the optimised plan and the operators it runs as, in Flink's layout. */
import { changelogText, type RuntimeMode } from '../plan/changelog.js'
import { describeNode, describeTree } from '../plan/describe.js'
import type { Relation, Root } from '../plan/relation.js'
import { describeJobGraph } from '../translate/describe-job-graph.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import type { JobPlan } from './plan-job.js'

export function explain(bound: readonly Root[], plan: JobPlan, graph: JobGraph, details: readonly string[]): string {
  const changelogs = details.includes('CHANGELOG_MODE')
  const line = (node: Relation | Root): string => describeNode(node) + (changelogs ? changelogSuffix(node, plan.mode) : '')
  const trees = (roots: readonly Root[], describe: (node: Relation | Root) => string): string => roots.map((root) => describeTree(root, describe)).join('\n\n')
  return [
    '== Abstract Syntax Tree ==',
    trees(bound, (node) => `Logical${describeNode(node)}`),
    '',
    '== Optimized Physical Plan ==',
    trees(plan.roots, line),
    '',
    '== Optimized Execution Plan ==',
    describeJobGraph(graph),
    '',
  ].join('\n')
}

/** `Calc(a=[1])` → `, changelogMode=[I])`, in place of the last parenthesis. */
function changelogSuffix(node: Relation | Root, mode: RuntimeMode): string {
  return `, changelogMode=${node.kind === 'sink' || node.kind === 'collect' ? '[NONE]' : changelogText(node, mode)}`
}
