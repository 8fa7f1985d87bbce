/** EXPLAIN: the bound query, the optimised plan and the operators it runs as, in Flink's layout. */
import { changelogOf, changelogText, type RuntimeMode } from '../plan/changelog.js'
import { describeLogical, recordType, tuples } from '../plan/describe-logical.js'
import { describeNode, describeTree } from '../plan/describe.js'
import { costText } from '../plan/estimate-cost.js'
import { planAdvice, type Advice } from '../plan/plan-advice.js'
import type { Relation, Root } from '../plan/relation.js'
import type { ExplainDetail } from '../parser/ast-statement.js'
import { executionPlanJson, exchangeText, type ExplainedPlan } from '../translate/explained-plan.js'
import type { PlannedInput, PlannedOperator } from '../translate/operator-plan.js'
import type { JobPlan } from './plan-job.js'

export function explain(bound: readonly Root[], plan: JobPlan, explained: ExplainedPlan, details: readonly ExplainDetail[]): string {
  const advised = details.includes('PLAN_ADVICE')
  const advice = advised ? adviceOf(plan) : []
  const roots = explained.roots.map(withoutCollect)
  const physical = roots.map((root) => operatorTree(root, (operator) => physicalLine(operator, explained, plan.mode, details, advice)))
  return [
    '== Abstract Syntax Tree ==',
    bound.map((root) => describeTree(root.kind === 'collect' ? root.input : root, describeLogical)).join('\n\n'),
    '',
    `== Optimized Physical Plan${advised ? ' With Advice' : ''} ==`,
    physical.join('\n\n'),
    '',
    ...(advised ? [adviceText(advice), ''] : []),
    '== Optimized Execution Plan ==',
    executionTrees(roots, explained),
    '',
    ...(details.includes('JSON_EXECUTION_PLAN') ? ['== Physical Execution Plan ==', executionPlanJson(explained), ''] : []),
  ].join('\n')
}

/** A SELECT's rows go to the client; Flink's plan ends with the query. */
function withoutCollect(operator: PlannedOperator): PlannedOperator {
  return operator.spec.op === 'collect' ? (operator.inputs[0] as PlannedInput).from : operator
}

interface Line {
  readonly text: string
  /** Of an exchange of its rows. */
  exchange(text: string): string
  /** What it reads was printed before. */
  readonly isLeaf: boolean
}

/** Operators, root first, with the exchanges between one and what it reads. */
function operatorTree(root: PlannedOperator, line: (operator: PlannedOperator) => Line): string {
  const lines: string[] = []
  const visit = (operator: PlannedOperator, shown: Line, first: string, rest: string): void => {
    lines.push(first + shown.text)
    if (shown.isLeaf) return
    for (const [i, input] of operator.inputs.entries()) {
      const last = i === operator.inputs.length - 1
      let [begin, below] = [`${rest}${last ? '+- ' : ':- '}`, `${rest}${last ? '   ' : ':  '}`]
      const next = line(input.from)
      const exchange = exchangeText(input)
      if (exchange !== undefined) {
        lines.push(begin + next.exchange(exchange))
        ;[begin, below] = [`${below}+- `, `${below}   `]
      }
      visit(input.from, next, begin, below)
    }
  }
  visit(root, line(root), '', '')
  return lines.join('\n')
}

const unchanged = (text: string): string => text

function physicalLine(
  operator: PlannedOperator,
  { nodes }: ExplainedPlan,
  mode: RuntimeMode,
  details: readonly ExplainDetail[],
  advice: readonly Advice[],
): Line {
  const node = nodes.get(operator)
  if (node === undefined) return { text: operator.description, exchange: unchanged, isLeaf: false }
  const changelogs = details.includes('CHANGELOG_MODE')
  const numbers = advice.flatMap((each, i) => (each.node === node ? [i + 1] : []))
  const cost = details.includes('ESTIMATED_COST') ? costText(node) : ''
  const more = [
    ...(changelogs ? [`changelogMode=${changelogAttribute(node, mode)}`] : []),
    ...(numbers.length === 0 ? [] : [`advice=[${numbers.join(', ')}]`]),
  ]
  return {
    text: physicalText(node, more) + cost,
    exchange: (text) => (changelogs ? `${text.slice(0, -1)}, changelogMode=${changelogAttribute(node, mode)})` : text) + cost,
    isLeaf: false,
  }
}

function physicalText(node: Relation | Root, more: readonly string[]): string {
  if (node.kind !== 'values') return describeNode(node, more)
  return `Values(${[`type=[${recordType(node.fields)}]`, `tuples=[${tuples(node.rows, node.fields)}]`, ...more].join(', ')})`
}

function executionText(operator: PlannedOperator, { nodes }: ExplainedPlan): string {
  const node = nodes.get(operator)
  return node?.kind === 'values' ? `Values(tuples=[${tuples(node.rows, node.fields)}])` : operator.description
}

/** What several read is printed where it comes first, and referred to elsewhere. */
function executionTrees(roots: readonly PlannedOperator[], explained: ExplainedPlan): string {
  const readers = new Map<PlannedOperator, number>()
  for (const operator of explained.operators) for (const { from } of operator.inputs) readers.set(from, (readers.get(from) ?? 0) + 1)
  const shared = new Set(explained.operators.filter((operator) => (readers.get(operator) ?? 0) > 1))
  const numbers = new Map<PlannedOperator, number>()
  const line = (operator: PlannedOperator): Line => {
    const known = numbers.get(operator)
    if (known !== undefined) return { text: `Reused(reference_id=[${known}])`, exchange: unchanged, isLeaf: true }
    const text = executionText(operator, explained)
    if (!shared.has(operator)) return { text, exchange: unchanged, isLeaf: false }
    numbers.set(operator, numbers.size + 1)
    return { text: `${text}(reuse_id=[${numbers.size}])`, exchange: unchanged, isLeaf: false }
  }
  return roots.map((root) => operatorTree(root, line)).join('\n\n')
}

function adviceOf(plan: JobPlan): Advice[] {
  if (plan.mode === 'BATCH') return []
  return plan.roots.flatMap((root) => planAdvice(root, (relation) => changelogOf(relation, plan.mode) === 'retract'))
}

function adviceText(advice: readonly Advice[]): string {
  if (advice.length === 0) return 'No available advice...'
  return advice.map(({ text }, i) => `advice[${i + 1}]: ${text}`).join('\n')
}

function changelogAttribute(node: Relation | Root, mode: RuntimeMode): string {
  return node.kind === 'sink' || node.kind === 'collect' ? '[NONE]' : changelogText(node, mode)
}
