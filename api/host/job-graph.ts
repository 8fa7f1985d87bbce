/** A program's operators as a job graph, and the digests by which a worker knows that it has built the same one. */
import { createHash } from 'node:crypto'
import { chainedGraph, type JobHeader } from '#core/graph/chaining.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import type { OperatorSpec } from '#core/graph/operator-spec.js'
import type { ProgramReference } from '#core/graph/program-reference.js'
import type { FunctionDefinition } from '#runtime/operators/process/definition.js'
import type { StreamOperator } from './stream-graph.js'

/** `operators`: inputs before readers. `chaining` off: a vertex for each operator. */
export function jobGraph(
  operators: readonly StreamOperator[],
  header: JobHeader,
  chaining: boolean,
  program: Omit<ProgramReference, 'operators'>,
): JobGraph {
  const reference: ProgramReference = { ...program, operators: digests(operators) }
  return chainedGraph(operators, header, {
    allows: (operator, input) => chaining && operator.chaining === 'ALWAYS' && input.chaining !== 'NEVER',
    node: (operator, number) => ({ name: operator.name, spec: specOf(operator, number, reference) }),
    label: ({ name }) => name,
  })
}

/** A digest of each operator: the same program must come to the same graph wherever it runs. */
export function digests(operators: readonly StreamOperator[]): string[] {
  return operators.map((operator) => {
    const { implementation, inputs, id, name, outputSchema, parallelism, maxParallelism, chaining, role, bounded } = operator
    const what = 'definition' in implementation ? staticPart(implementation.definition) : implementation.spec
    const from = inputs.map(({ from: { id: input }, partitioner }) => ({ input, partitioner }))
    const text = JSON.stringify([id, name, what, from, outputSchema, parallelism, maxParallelism, chaining, role, bounded])
    return createHash('sha256').update(text).digest('hex').slice(0, 16)
  })
}

/** What of a definition is plain data of ours; users' objects may hold anything, what differs from run to run too. */
function staticPart(definition: FunctionDefinition): unknown {
  const { kind, inputs, output, sideOutputs } = definition
  const tags = sideOutputs.map(({ id, type }) => ({ id, type }))
  const common = { kind, inputs, output, tags }
  switch (definition.kind) {
    case 'window':
    case 'window-join':
    case 'window-flat-join':
    case 'co-group': {
      const { assigner, allowedLateness, trigger, evictor } = definition.window
      const how = definition.kind === 'window' ? ['reduce', 'aggregate', 'process', 'apply'].filter((part) => part in definition) : []
      return {
        ...common,
        assigner: plainValues(assigner),
        allowedLateness,
        trigger: trigger !== undefined,
        evictor: evictor !== undefined,
        how,
      }
    }
    case 'broadcast-process':
    case 'keyed-broadcast-process':
      return { ...common, states: definition.states.map(({ name }) => name) }
    case 'collection-source':
      return { ...common, elements: definition.elements.length }
    default:
      return { ...common, ...plainValues(definition) }
  }
}

/** Members that are texts, numbers or booleans. */
function plainValues(of: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(of).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value)))
}

function specOf({ implementation, role, bounded }: StreamOperator, position: number, program: ProgramReference): OperatorSpec {
  if ('spec' in implementation) return implementation.spec
  return { op: 'function', operator: implementation.definition.kind, role, bounded, position, program }
}
