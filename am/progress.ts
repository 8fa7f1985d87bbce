/** How far the application is, for YARN's pages: the share of its jobs' subtasks that have finished. Pure. */
import type { JobRun } from './jobmaster/scheduler/state.js'

/** 0..1. A job that never ends stays at 0; one more statement takes some back. */
export function progressOf(runs: Iterable<JobRun>): number {
  let finished = 0
  let all = 0
  for (const { graph } of runs) {
    for (const { executions } of graph.vertices) {
      all += executions.length
      finished += executions.filter(({ state }) => state === 'FINISHED').length
    }
  }
  return all === 0 ? 0 : finished / all
}
