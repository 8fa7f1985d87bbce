/** A plan with the exchanges that its operators need, for EXPLAIN: the translation to operators with the plan node of each beside it. */
import type { Configuration } from '#core/config/configuration.js'
import type { Partitioner } from '#core/graph/job-graph.js'
import type { Collect, Relation, Root, Sink } from '../plan/relation.js'
import type { RuntimeMode } from '../plan/changelog.js'
import type { PlannedInput, PlannedOperator } from './operator-plan.js'
import { PlanTranslator } from './translate-plan.js'

export interface ExplainedPlan {
  readonly operators: readonly PlannedOperator[]
  /** One for each root. */
  readonly roots: readonly PlannedOperator[]
  readonly nodes: ReadonlyMap<PlannedOperator, Relation | Root>
}

export function explainedPlan(roots: readonly Root[], configuration: Configuration, mode: RuntimeMode): ExplainedPlan {
  const translator = new NotingTranslator(configuration, mode)
  const operators = roots.map((root) => translator.translateRoot(root))
  return { operators: translator.plan.operators, roots: operators, nodes: translator.nodes }
}

class NotingTranslator extends PlanTranslator {
  readonly nodes = new Map<PlannedOperator, Relation | Root>()

  override translate(node: Relation): PlannedOperator {
    const operator = super.translate(node)
    this.nodes.set(operator, node)
    return operator
  }

  override translateRoot(root: Sink | Collect): PlannedOperator {
    const operator = super.translateRoot(root)
    this.nodes.set(operator, root)
    return operator
  }
}

/** `Exchange(distribution=[hash[a, b]])`; undefined: rows stay where they are. */
export function exchangeText({ from, partitioner }: PlannedInput): string | undefined {
  const distribution = distributionText(partitioner, from)
  return distribution === undefined ? undefined : `Exchange(distribution=[${distribution}])`
}

function distributionText(partitioner: Partitioner, from: PlannedOperator): string | undefined {
  switch (partitioner.kind) {
    case 'FORWARD':
      return undefined
    case 'HASH':
      return `hash[${partitioner.keys.map((key) => from.outputSchema.fields[key]?.name ?? `$${key}`).join(', ')}]`
    case 'GLOBAL':
      return 'single'
    case 'BROADCAST':
      return 'broadcast'
    default:
      return partitioner.kind.toLowerCase()
  }
}

/** The execution plan as Flink's JSON: nodes, each with what it reads and how that comes. */
export function executionPlanJson({ operators }: ExplainedPlan): string {
  const nodes = operators.map(({ number, label, description, spec, parallelism, inputs }) => ({
    id: number,
    type: label,
    pact: inputs.length === 0 ? 'Data Source' : spec.op === 'sink' || spec.op === 'collect' ? 'Data Sink' : 'Operator',
    contents: description,
    parallelism,
    ...(inputs.length === 0
      ? {}
      : {
          predecessors: inputs.map(({ from, partitioner }, i) => ({
            id: from.number,
            ship_strategy: partitioner.kind,
            side: i === 0 ? 'first' : 'second',
          })),
        }),
  }))
  return JSON.stringify({ nodes }, undefined, 2)
}
