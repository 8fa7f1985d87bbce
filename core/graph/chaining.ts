/**
 * Operators to a job graph, those of SQL and those of programs: an operator whose one input comes straight on, with as many subtasks, joins
 * the chain of its input and so becomes part of that vertex, unless it or that one refuses; the rest of the connections are edges. Chaining
 * as Flink's StreamingJobGraphGenerator.
 */
import { createHash } from 'node:crypto'
import type { EdgeId, OperatorId, VertexId } from '../ids/ids.js'
import type { Schema } from '../types/schema.js'
import { JOB_GRAPH_VERSION, type JobEdge, type JobGraph, type JobVertex, type OperatorNode, type Partitioner } from './job-graph.js'

/** Longest name of an operator or vertex; the rest is cut. */
const MAX_NAME = 10_000

export type JobHeader = Pick<JobGraph, 'jobId' | 'name' | 'jobType'> & { readonly configuration: Readonly<Record<string, string>> }

/** An operator before chaining. */
export interface ChainableOperator<O> {
  readonly id: OperatorId
  readonly inputs: readonly { readonly from: O; readonly partitioner: Partitioner }[]
  readonly outputSchema: Schema
  readonly parallelism: number
  readonly maxParallelism: number
}

export interface Chaining<O> {
  /** Whether an operator may be chained to its one input, which comes straight on. */
  allows(operator: O, input: O): boolean
  /** `number`: the operator's place among all, from 0. */
  node(operator: O, number: number): Pick<OperatorNode, 'name' | 'spec' | 'modules'>
  /** The operator in its vertex's name. */
  label(operator: O): string
}

interface Chain<O> {
  readonly head: O
  readonly members: O[]
  readonly nodes: OperatorNode[]
}

/** `operators`: inputs before readers. */
export function chainedGraph<O extends ChainableOperator<O>>(operators: readonly O[], header: JobHeader, chaining: Chaining<O>): JobGraph {
  const places = new Map<O, { readonly chain: Chain<O>; readonly position: number }>()
  const placeOf = (operator: O) => places.get(operator) as { readonly chain: Chain<O>; readonly position: number }
  const chains: Chain<O>[] = []
  const edges: JobEdge[] = []
  for (const [number, operator] of operators.entries()) {
    const input = straightInput(operator)
    const before = input !== undefined && chaining.allows(operator, input) ? placeOf(input) : undefined
    const chain: Chain<O> = before?.chain ?? { head: operator, members: [], nodes: [] }
    if (before === undefined) chains.push(chain)
    places.set(operator, { chain, position: chain.nodes.length })
    chain.members.push(operator)
    const { name, spec, modules } = chaining.node(operator, number)
    const { id, outputSchema } = operator
    chain.nodes.push({
      id,
      name: name.slice(0, MAX_NAME),
      spec,
      from: before?.position ?? null,
      outputSchema,
      ...(modules === undefined ? {} : { modules }),
    })
    if (before !== undefined) continue
    for (const [targetInput, { from, partitioner }] of operator.inputs.entries()) {
      const { chain: sourceChain, position } = placeOf(from)
      const source = vertexId(sourceChain)
      const target = vertexId(chain)
      edges.push({
        id: edgeId(source, position, target, targetInput),
        source,
        sourceOperator: position,
        target,
        targetInput,
        partitioner,
        schema: from.outputSchema,
      })
    }
  }
  const vertices = chains.map((chain): JobVertex => ({
    id: vertexId(chain),
    name: chainName(chain, chaining).slice(0, MAX_NAME),
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

/** The operator's one input, if its rows come straight on. */
function straightInput<O extends ChainableOperator<O>>({ inputs, parallelism }: O): O | undefined {
  const [input] = inputs
  if (input === undefined || inputs.length > 1 || input.partitioner.kind !== 'FORWARD') return undefined
  return input.from.parallelism === parallelism ? input.from : undefined
}

/** As in Flink, a vertex goes by the id of its first operator. */
function vertexId<O extends ChainableOperator<O>>(chain: Chain<O>): VertexId {
  return chain.head.id as string as VertexId
}

function edgeId(source: VertexId, position: number, target: VertexId, input: number): EdgeId {
  return createHash('sha256').update(`${source} ${position} ${target} ${input}`).digest('hex').slice(0, 32) as EdgeId
}

/** `Source: words -> Flat Map -> (Sink: Print to Std. Out, KeyBy)` */
function chainName<O>(chain: Chain<O>, chaining: Chaining<O>): string {
  const label = (position: number): string => {
    const text = chaining.label(chain.members[position] as O)
    const next = chain.nodes.flatMap((node, i) => (node.from === position ? [i] : []))
    if (next.length === 0) return text
    return next.length === 1 ? `${text} -> ${label(next[0] as number)}` : `${text} -> (${next.map(label).join(', ')})`
  }
  return label(0)
}
