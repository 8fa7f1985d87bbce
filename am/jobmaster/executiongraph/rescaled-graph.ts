/** An execution graph at another parallelism: what is affected starts again with new attempts, the rest is as it was. Pure. */
import type { JobGraph } from '#core/graph/job-graph.js'
import type { VertexId } from '#core/ids/ids.js'
import type { Millis } from '#core/time/environment.js'
import { newExecution, type ExecutionGraph, type ExecutionJobVertex } from './execution-graph.js'
import { pipelinedRegions, regionOf } from './pipelined-regions.js'

/** By vertex; vertices that are not in it keep theirs. */
export type Parallelism = ReadonlyMap<VertexId, number>

export function withParallelism(graph: JobGraph, parallelism: Parallelism): JobGraph {
  return {
    ...graph,
    vertices: graph.vertices.map((vertex) => {
      const wanted = parallelism.get(vertex.id) ?? vertex.parallelism
      return wanted === vertex.parallelism ? vertex : { ...vertex, parallelism: wanted }
    }),
  }
}

export function parallelismOf(graph: JobGraph): Parallelism {
  return new Map(graph.vertices.map(({ id, parallelism }) => [id, parallelism]))
}

/** Vertices whose parallelism differs from `parallelism`. */
export function changedVertices(graph: JobGraph, parallelism: Parallelism): VertexId[] {
  return graph.vertices.flatMap(({ id, parallelism: now }) => ((parallelism.get(id) ?? now) === now ? [] : [id]))
}

/** What these are connected with over any number of edges, themselves included: connections are made anew when one end is. */
export function connectedVertices(graph: JobGraph, of: readonly VertexId[]): ReadonlySet<VertexId> {
  const neighbours = new Map<VertexId, VertexId[]>(graph.vertices.map(({ id }) => [id, []]))
  for (const { source, target } of graph.edges) {
    neighbours.get(source)?.push(target)
    neighbours.get(target)?.push(source)
  }
  const found = new Set(of)
  const open = [...of]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const neighbour of neighbours.get(next) ?? []) {
      if (found.has(neighbour)) continue
      found.add(neighbour)
      open.push(neighbour)
    }
  }
  return found
}

export function regionsOfVertices(graph: ExecutionGraph, vertices: ReadonlySet<VertexId>): Set<number> {
  return new Set([...vertices].flatMap((id) => graph.regions.get(id) ?? []))
}

export interface Rescaled {
  readonly graph: ExecutionGraph
  /** Of what is affected, and `regions` of before as they are numbered now. */
  readonly regions: ReadonlySet<number>
}

/**
 * The graph at `parallelism`. All subtasks of `affected` vertices (those that change and all that they are connected with) are CREATED with
 * attempt numbers that none of the vertex's subtasks has had; they must have ended. `regions`: others that start again, too.
 */
export function rescaledGraph(
  graph: ExecutionGraph,
  parallelism: Parallelism,
  affected: ReadonlySet<VertexId>,
  regions: ReadonlySet<number>,
  now: Millis,
): Rescaled {
  const jobGraph = withParallelism(graph.jobGraph, parallelism)
  const next: ExecutionGraph = {
    ...graph,
    jobGraph,
    regions: pipelinedRegions(jobGraph),
    vertices: graph.vertices.map((entry, index): ExecutionJobVertex => {
      const vertex = jobGraph.vertices[index] ?? entry.vertex
      if (!affected.has(vertex.id)) return entry
      const attempt = Math.max(...entry.executions.map((execution) => execution.attempt)) + 1
      const executions = Array.from({ length: vertex.parallelism }, (_, subtask) => ({
        ...newExecution(jobGraph, graph.epoch, vertex, subtask, attempt, now),
        // Where it ran, so that it comes back there.
        slot: entry.executions[subtask]?.slot,
      }))
      return { vertex, executions }
    }),
  }
  const renumbered = regionsOfVertices(next, affected)
  for (const { vertex, executions } of graph.vertices) {
    if (affected.has(vertex.id)) continue
    for (const { subtaskIndex } of executions)
      if (regions.has(regionOf(graph.regions, vertex.id, subtaskIndex))) renumbered.add(regionOf(next.regions, vertex.id, subtaskIndex))
  }
  return { graph: next, regions: renumbered }
}
