/** A job that was rescaled goes on as it was under the next master, too: its own newest checkpoint tells the parallelism. Pure. */
import type { CheckpointMetadata } from '#core/checkpoint/state-handles.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import { parallelismLimits } from '../executiongraph/parallelism-limits.js'
import { changedVertices, type Parallelism } from '../executiongraph/rescaled-graph.js'

/** `metadata`: of a checkpoint of this very job. Undefined: it ran as it was submitted, or is another one now. */
export function rescaledBefore(metadata: CheckpointMetadata, jobGraph: JobGraph): Parallelism | undefined {
  const stored: Parallelism = new Map(metadata.vertices.map(({ vertexId, parallelism }) => [vertexId, parallelism]))
  if (changedVertices(jobGraph, stored).length === 0) return undefined
  const limits = parallelismLimits(jobGraph)
  for (const { vertex, max, fixed, group } of limits.values()) {
    const before = stored.get(vertex.id)
    if (before === undefined || before > max || (fixed !== undefined && before !== vertex.parallelism)) return undefined
    if (group.some((id) => stored.get(id) !== before)) return undefined
  }
  return stored
}
