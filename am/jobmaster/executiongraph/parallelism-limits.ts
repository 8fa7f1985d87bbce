/**
 * Within which bounds the parallelism of a vertex may be changed while the job runs, and which vertices change it together. Pure, from the
 * job graph alone.
 */
import type { JobGraph, JobVertex } from '#core/graph/job-graph.js'
import { roleOf } from '#core/graph/operator-spec.js'
import type { VertexId } from '#core/ids/ids.js'

export interface ParallelismLimit {
  readonly vertex: JobVertex
  /** Highest possible parallelism; of a vertex that is `fixed` the one it has. */
  readonly max: number
  /** Why the parallelism cannot be changed; undefined: it can. */
  readonly fixed: string | undefined
  /** The vertices, itself included, that are joined one to one and so have one parallelism; in the graph's order. */
  readonly group: readonly VertexId[]
}

/** In the order of the graph. */
export function parallelismLimits(graph: JobGraph): ReadonlyMap<VertexId, ParallelismLimit> {
  const groups = forwardGroups(graph)
  const limits = new Map<VertexId, ParallelismLimit>()
  for (const vertex of graph.vertices) {
    const group = groups.get(vertex.id) ?? [vertex]
    const fixed = firstOf(group, (member) => whyFixed(graph, member))
    const max = fixed === undefined ? Math.min(...group.map(({ maxParallelism }) => maxParallelism)) : vertex.parallelism
    limits.set(vertex.id, { vertex, max, fixed, group: group.map(({ id }) => id) })
  }
  return limits
}

function whyFixed(graph: JobGraph, vertex: JobVertex): string | undefined {
  if (vertex.maxParallelism === 1) return 'its max parallelism is 1'
  if (vertex.operators.some((node) => roleOf(node.spec) === 'collect')) return 'it collects the result of the query'
  for (const { target, partitioner } of graph.edges) {
    if (target !== vertex.id) continue
    if (partitioner.kind === 'GLOBAL') return 'all rows go to its first subtask'
    if (partitioner.kind === 'CUSTOM') return 'a partitioner of the program chooses among its subtasks'
  }
  return undefined
}

/** Rows that were sent straight on stay with their subtask, so that the order of one key's rows is kept: both sides go together. */
function forwardGroups(graph: JobGraph): Map<VertexId, readonly JobVertex[]> {
  const groups = new Map<VertexId, VertexId>(graph.vertices.map(({ id }) => [id, id]))
  const find = (id: VertexId): VertexId => {
    const above = groups.get(id) ?? id
    return above === id ? id : find(above)
  }
  for (const { source, target, partitioner } of graph.edges) if (partitioner.kind === 'FORWARD') groups.set(find(target), find(source))
  const members = new Map<VertexId, JobVertex[]>()
  for (const vertex of graph.vertices) {
    const root = find(vertex.id)
    const own = members.get(root)
    if (own === undefined) members.set(root, [vertex])
    else own.push(vertex)
  }
  return new Map(graph.vertices.map(({ id }) => [id, members.get(find(id)) ?? []]))
}

function firstOf<T, R>(values: readonly T[], of: (value: T) => R | undefined): R | undefined {
  for (const value of values) {
    const found = of(value)
    if (found !== undefined) return found
  }
  return undefined
}
