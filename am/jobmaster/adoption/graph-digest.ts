/**
 * By what tasks of an earlier master are known to be of the same job: the same operators, connected in the same way. A program that builds
 * another graph this time, for whatever reason, has other tasks. Its parallelism is left out: a rescale keeps what it does not touch.
 */
import { createHash } from 'node:crypto'
import type { JobGraph } from '#core/graph/job-graph.js'

/** 64 hex digits. */
export function graphDigest(graph: JobGraph): string {
  const vertices = graph.vertices.map((vertex) => ({ ...vertex, parallelism: 0 }))
  return createHash('sha256')
    .update(JSON.stringify({ ...graph, vertices }))
    .digest('hex')
}
