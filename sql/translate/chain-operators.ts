/**
 * Operators to a job graph: an operator whose one input comes straight on, with as many subtasks, joins the chain of its input
 * and so becomes part of that vertex; the rest of the connections are edges.
 */
import { createHash } from 'node:crypto'
import { JOB_GRAPH_VERSION, type JobEdge, type JobGraph, type JobVertex, type OperatorNode } from '#core/graph/job-graph.js'
import type { EdgeId, JobId, VertexId } from '#core/ids/ids.js'
import type { PlannedOperator } from './operator-plan.js'

/** Longest name of an operator or vertex; the rest is cut. */
const MAX_NAME = 10_000

interface Place {
  readonly vertex: number
  readonly position: number
}

interface Chain {
  readonly head: PlannedOperator
  readonly members: PlannedOperator[]
  readonly nodes: OperatorNode[]
}

export interface JobHeader {
  readonly jobId: JobId
  readonly name: string
  readonly jobType: JobGraph['jobType']
  readonly configuration: Readonly<Record<string, string>>
}

/** `operators`: inputs before readers. `chaining` off: a vertex for each operator. */
export function chainOperators(operators: readonly PlannedOperator[], header: JobHeader, chaining: boolean): JobGraph {
  const places = new Map<PlannedOperator, Place>()
  const chains: Chain[] = []
  const edges: JobEdge[] = []
  for (const operator of operators) {
    const [first, second] = operator.inputs
    const straight =
      chaining &&
      first !== undefined &&
      second === undefined &&
      first.partitioner.kind === 'FORWARD' &&
      first.operator.parallelism === operator.parallelism
    const before = straight ? (places.get(first.operator) as Place) : undefined
    const vertex = before?.vertex ?? chains.push({ head: operator, members: [], nodes: [] }) - 1
    const chain = chains[vertex] as Chain
    places.set(operator, { vertex, position: chain.nodes.length })
    chain.members.push(operator)
    chain.nodes.push({
      id: operator.id,
      name: operator.description.slice(0, MAX_NAME),
      spec: operator.spec,
      from: before?.position ?? null,
      outputSchema: operator.outputSchema,
    })
    if (before !== undefined) continue
    for (const [targetInput, { operator: input, partitioner }] of operator.inputs.entries()) {
      const from = places.get(input) as Place
      const source = vertexId(chains[from.vertex] as Chain)
      const target = vertexId(chain)
      edges.push({
        id: edgeId(source, from.position, target, targetInput),
        source,
        sourceOperator: from.position,
        target,
        targetInput,
        partitioner,
        schema: input.outputSchema,
      })
    }
  }
  const vertices = chains.map((chain): JobVertex => ({
    id: vertexId(chain),
    name: chainName(chain).slice(0, MAX_NAME),
    parallelism: chain.head.parallelism,
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

/** As in Flink, a vertex goes by the id of its first operator. */
function vertexId(chain: Chain): VertexId {
  return chain.head.id as string as VertexId
}

function edgeId(source: VertexId, position: number, target: VertexId, input: number): EdgeId {
  return createHash('sha256').update(`${source} ${position} ${target} ${input}`).digest('hex').slice(0, 32) as EdgeId
}

/** `Source: t[1] -> Calc[2] -> (Sink: a[3], Sink: b[4])` */
function chainName(chain: Chain): string {
  const label = (position: number): string => {
    const operator = chain.members[position] as PlannedOperator
    const text = `${operator.label}[${operator.number}]`
    const next = chain.nodes.flatMap((node, i) => (node.from === position ? [i] : []))
    if (next.length === 0) return text
    return next.length === 1 ? `${text} -> ${label(next[0] as number)}` : `${text} -> (${next.map(label).join(', ')})`
  }
  return label(0)
}
