/** A plan's operators as a job graph. A vertex's name has the operators' numbers: `Source: t[1] -> Calc[2] -> (Sink: a[3], Sink: b[4])`. */
import { chainedGraph, type JobHeader } from '#core/graph/chaining.js'
import { moduleDigests, type FunctionModule } from '#core/graph/function-module.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import type { OperatorSpec } from '#core/graph/operator-spec.js'
import { registeredModule } from '#runtime/expr/user-functions.js'
import type { PlannedOperator } from './operator-plan.js'

/** `operators`: inputs before readers. `chaining` off: a vertex for each operator. */
export function chainOperators(operators: readonly PlannedOperator[], header: JobHeader, chaining: boolean): JobGraph {
  return chainedGraph(operators, header, {
    allows: () => chaining,
    node: ({ description, spec }) => ({ name: description, spec, ...modulesOf(spec) }),
    label: ({ label, number }) => `${label}[${number}]`,
  })
}

/** The user functions that the operator's expressions call go with it. */
function modulesOf(spec: OperatorSpec): { readonly modules?: FunctionModule[] } {
  const modules = [...moduleDigests(spec)].map((digest) => registeredModule(digest)).filter((module) => module !== undefined)
  return modules.length === 0 ? {} : { modules }
}
