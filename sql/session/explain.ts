/** EXPLAIN: the bound query, the optimised plan and the operators it runs as, in Flink's layout. */
import { changelogText, type RuntimeMode } from '../plan/changelog.js'
import { describeNode, describeTree } from '../plan/describe.js'
import type { Relation, Root } from '../plan/relation.js'
import { describeJobGraph } from '../translate/describe-job-graph.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import type { JobPlan } from './plan-job.js'

/** Calcite's names in the first tree. */
const LOGICAL_NAMES: Readonly<Record<(Relation | Root)['kind'], string>> = {
  scan: 'LogicalTableScan',
  values: 'LogicalValues',
  project: 'LogicalProject',
  filter: 'LogicalFilter',
  calc: 'LogicalCalc',
  watermark: 'LogicalWatermarkAssigner',
  aggregate: 'LogicalAggregate',
  unnest: 'LogicalCorrelate',
  'window-table-function': 'LogicalTableFunctionScan',
  'window-aggregate': 'LogicalAggregate',
  join: 'LogicalJoin',
  rank: 'LogicalRank',
  over: 'LogicalWindow',
  'to-changelog': 'LogicalTableFunctionScan',
  'from-changelog': 'LogicalTableFunctionScan',
  match: 'LogicalMatch',
  sort: 'LogicalSort',
  union: 'LogicalUnion',
  // LogicalIntersect, LogicalMinus
  'set-operation': 'Logical$&',
  sink: 'LogicalSink',
  collect: 'LogicalSink',
}

export function explain(bound: readonly Root[], plan: JobPlan, graph: JobGraph, details: readonly string[]): string {
  const changelogs = details.includes('CHANGELOG_MODE')
  const line = (node: Relation | Root): string =>
    describeNode(node, changelogs ? [`changelogMode=${changelogAttribute(node, plan.mode)}`] : [])
  const trees = (roots: readonly Root[], describe: (node: Relation | Root) => string): string =>
    roots.map((root) => describeTree(root, describe)).join('\n\n')
  return [
    '== Abstract Syntax Tree ==',
    trees(bound, (node) => describeNode(node).replace(/^\w+/, LOGICAL_NAMES[node.kind])),
    '',
    '== Optimized Physical Plan ==',
    trees(plan.roots, line),
    '',
    '== Optimized Execution Plan ==',
    describeJobGraph(graph),
    '',
  ].join('\n')
}

function changelogAttribute(node: Relation | Root, mode: RuntimeMode): string {
  return node.kind === 'sink' || node.kind === 'collect' ? '[NONE]' : changelogText(node, mode)
}
