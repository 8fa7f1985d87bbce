/**
 * From operators to a job graph: an operator whose one input comes straight on, with as many subtasks, joins the chain of its input, unless
 * it or that one refuses; the rest of the connections are edges. Chaining as Flink's StreamingJobGraphGenerator.
 */
import { createHash } from 'node:crypto'
import { JOB_GRAPH_VERSION, type JobEdge, type JobGraph, type JobVertex, type OperatorNode } from '#core/graph/job-graph.js'
import type { OperatorSpec } from '#core/graph/operator-spec.js'
import type { ProgramReference } from '#core/graph/program-reference.js'
import type { EdgeId, JobId, VertexId } from '#core/ids/ids.js'
import type { FunctionDefinition } from '#runtime/operators/process/definition.js'
import type { StreamOperator } from './stream-graph.js'

/** Longest name of an operator or vertex; the rest is cut. */
const MAX_NAME = 10_000

export interface JobHeader {
  readonly jobId: JobId
  readonly name: string
  readonly jobType: JobGraph['jobType']
  readonly configuration: Readonly<Record<string, string>>
}

interface Chain {
  readonly head: StreamOperator
  readonly members: StreamOperator[]
  readonly nodes: OperatorNode[]
}

/** `operators`: inputs before readers. `chaining` off: a vertex for each operator. */
export function jobGraph(
  operators: readonly StreamOperator[],
  header: JobHeader,
  chaining: boolean,
  program: Omit<ProgramReference, 'operators'>,
): JobGraph {
  const reference: ProgramReference = { ...program, operators: digests(operators) }
  const places = new Map<StreamOperator, { readonly chain: Chain; readonly position: number }>()
  const chains: Chain[] = []
  const edges: JobEdge[] = []
  for (const [number, operator] of operators.entries()) {
    const before = chaining && chainable(operator) ? places.get((operator.inputs[0] as StreamOperator['inputs'][number]).from) : undefined
    const chain: Chain = before?.chain ?? { head: operator, members: [], nodes: [] }
    if (before === undefined) chains.push(chain)
    places.set(operator, { chain, position: chain.nodes.length })
    chain.members.push(operator)
    chain.nodes.push({
      id: operator.id,
      name: operator.name.slice(0, MAX_NAME),
      spec: specOf(operator, number, reference),
      from: before?.position ?? null,
      outputSchema: operator.outputSchema as OperatorNode['outputSchema'],
    })
    if (before !== undefined) continue
    for (const [targetInput, { from, partitioner }] of operator.inputs.entries()) {
      const source = places.get(from) as { chain: Chain; position: number }
      const [sourceId, targetId] = [vertexId(source.chain), vertexId(chain)]
      edges.push({
        id: edgeId(sourceId, source.position, targetId, targetInput),
        source: sourceId,
        sourceOperator: source.position,
        target: targetId,
        targetInput,
        partitioner,
        schema: from.outputSchema as JobEdge['schema'],
      })
    }
  }
  const vertices = chains.map((chain): JobVertex => ({
    id: vertexId(chain),
    name: chainName(chain).slice(0, MAX_NAME),
    parallelism: chain.head.parallelism,
    // Keyed state is the head's: others read what it emits.
    maxParallelism: chain.head.maxParallelism,
    operators: chain.nodes,
  }))
  return {
    version: JOB_GRAPH_VERSION,
    jobId: header.jobId,
    name: header.name,
    jobType: header.jobType,
    vertices,
    edges,
    configuration: { ...header.configuration },
  }
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

function chainable(operator: StreamOperator): boolean {
  const [input, second] = operator.inputs
  if (input === undefined || second !== undefined || operator.chaining !== 'ALWAYS') return false
  const { from, partitioner } = input
  return partitioner.kind === 'FORWARD' && from.parallelism === operator.parallelism && from.chaining !== 'NEVER'
}

function specOf({ implementation, role, bounded }: StreamOperator, position: number, program: ProgramReference): OperatorSpec {
  if ('spec' in implementation) return implementation.spec
  return { op: 'function', operator: implementation.definition.kind, role, bounded, position, program }
}

/** As in Flink, a vertex goes by the id of its first operator. */
function vertexId(chain: Chain): VertexId {
  return chain.head.id as string as VertexId
}

function edgeId(source: VertexId, position: number, target: VertexId, input: number): EdgeId {
  return createHash('sha256').update(`${source} ${position} ${target} ${input}`).digest('hex').slice(0, 32) as EdgeId
}

/** `Source: words -> Flat Map -> (Sink: Print to Std. Out, KeyBy)` */
function chainName(chain: Chain): string {
  const label = (position: number): string => {
    const { name } = chain.members[position] as StreamOperator
    const next = chain.nodes.flatMap((node, i) => (node.from === position ? [i] : []))
    if (next.length === 0) return name
    return next.length === 1 ? `${name} -> ${label(next[0] as number)}` : `${name} -> (${next.map(label).join(', ')})`
  }
  return label(0)
}
