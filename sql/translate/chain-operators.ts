/** A plan's operators as a job graph. A vertex's name has the operators' numbers: `Source: t[1] -> Calc[2] -> (Sink: a[3], Sink: b[4])`. */
import { chainedGraph, type JobHeader } from '#core/graph/chaining.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import type { PlannedOperator } from './operator-plan.js'

/** `operators`: inputs before readers. `chaining` off: a vertex for each operator. */
export function chainOperators(operators: readonly PlannedOperator[], header: JobHeader, chaining: boolean): JobGraph {
  return chainedGraph(operators, header, {
    allows: () => chaining,
    node: ({ description, spec }) => ({ name: description, spec }),
    label: ({ label, number }) => `${label}[${number}]`,
  })
}
