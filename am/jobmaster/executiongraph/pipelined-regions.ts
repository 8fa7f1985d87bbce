/**
 * Pipelined regions: what must fail and restart together. All edges are pipelined, so a region is a connected component of
 * subtasks; consumers and producers of a subtask lie in its own region. Flink's SchedulingPipelinedRegion. Pure.
 */
import type { JobGraph } from '#core/graph/job-graph.js'
import type { VertexId } from '#core/ids/ids.js'
import { consumersOf, isAllToAll } from '../deployment/channels.js'

/** By vertex: the region of each subtask. */
export type PipelinedRegions = ReadonlyMap<VertexId, readonly number[]>

/** Regions are numbered from 0 in the order of the graph. */
export function pipelinedRegions(graph: JobGraph): PipelinedRegions {
  const first = new Map<VertexId, number>()
  let subtasks = 0
  for (const vertex of graph.vertices) {
    first.set(vertex.id, subtasks)
    subtasks += vertex.parallelism
  }
  const parents = Array.from({ length: subtasks }, (_, index) => index)
  const parallelism = new Map(graph.vertices.map((vertex) => [vertex.id, vertex.parallelism]))
  for (const { source, target, partitioner } of graph.edges) {
    const [from, to] = [first.get(source) ?? 0, first.get(target) ?? 0]
    const [producers, consumers] = [parallelism.get(source) ?? 0, parallelism.get(target) ?? 0]
    for (let producer = 0; producer < producers; producer++) {
      for (const consumer of consumersOf(partitioner.kind, producer, producers, consumers)) join(parents, from + producer, to + consumer)
      // Every producer of a full exchange reaches the same consumers: what the first joined is joined.
      if (isAllToAll(partitioner.kind)) {
        for (let other = 1; other < producers; other++) join(parents, from, from + other)
        break
      }
    }
  }
  const numbers = new Map<number, number>()
  return new Map(
    graph.vertices.map((vertex) => [
      vertex.id,
      Array.from({ length: vertex.parallelism }, (_, subtask) => {
        const root = find(parents, (first.get(vertex.id) ?? 0) + subtask)
        const known = numbers.get(root) ?? numbers.size
        numbers.set(root, known)
        return known
      }),
    ]),
  )
}

export function regionOf(regions: PipelinedRegions, vertexId: VertexId, subtaskIndex: number): number {
  return regions.get(vertexId)?.[subtaskIndex] ?? -1
}

export function allRegions(regions: PipelinedRegions): ReadonlySet<number> {
  return new Set([...regions.values()].flat())
}

function find(parents: number[], of: number): number {
  let at = of
  while (parents[at] !== at) {
    const above = parents[at] as number
    parents[at] = parents[above] as number // halves the path
    at = above
  }
  return at
}

function join(parents: number[], a: number, b: number): void {
  const [x, y] = [find(parents, a), find(parents, b)]
  parents[Math.max(x, y)] = Math.min(x, y)
}
