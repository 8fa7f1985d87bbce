/** What a lost worker or slot takes with it. Pure. */
import { isTerminalExecutionState } from '#core/graph/states.js'
import { findExecution, inState, mapExecutions, regionsWhere, taskName, type Execution } from '../executiongraph/execution-graph.js'
import type { AllocationId, ResourceId } from '#core/ids/ids.js'
import type { Millis } from '#core/time/environment.js'
import type { PooledSlot } from '../../slots/slot-provider.js'
import { removeSlot, removeWorker, type SlotPool } from '../slotpool/slot-pool.js'
import type { JobFailure, JobRun, Moment, SchedulerEvent } from './state.js'

export interface Loss {
  readonly job: JobRun
  /** Of the tasks that were lost; empty: there were none. */
  readonly regions: ReadonlySet<number>
  /** Names the first of them; undefined: there were none. */
  readonly failure: JobFailure | undefined
}

/** The worker's slots are gone, and the tasks on it have failed. */
export function loseWorker(job: JobRun, event: Extract<SchedulerEvent, { type: 'workerLost' }>, moment: Moment): Loss {
  const slots = removeWorker(job.slots, event.resourceId)
  return lose(job, slots, (execution) => execution.slot?.location.resourceId === event.resourceId, event.error, moment.now)
}

/** The slot ended: its worker does not know the tasks any more that ran there. */
export function loseSlot(job: JobRun, event: Extract<SchedulerEvent, { type: 'slotLost' }>, moment: Moment): Loss {
  const slots = removeSlot(job.slots, event.allocationId)
  return lose(job, slots, (execution) => execution.slot?.allocationId === event.allocationId, event.error, moment.now)
}

/** The job's slots on these workers, which it gives back; their tasks are still there. `regions`: of those. */
export function leaveWorkers(
  job: JobRun,
  resourceIds: ReadonlySet<ResourceId>,
): { readonly job: JobRun; readonly regions: ReadonlySet<number>; readonly giveBack: readonly AllocationId[] } {
  const there = (slot: PooledSlot | undefined) => slot !== undefined && resourceIds.has(slot.location.resourceId)
  return {
    job: { ...job, slots: job.slots.filter((slot) => !there(slot)) },
    regions: regionsWhere(job.graph, (execution) => there(execution.slot) && !isTerminalExecutionState(execution.state)),
    giveBack: job.slots.filter(there).map(({ allocationId }) => allocationId),
  }
}

function lose(job: JobRun, slots: SlotPool, there: (execution: Execution) => boolean, error: Error, now: Millis): Loss {
  // One that is CREATED is not there yet: its slot is where it ran before.
  const isLost = (execution: Execution) => there(execution) && execution.state !== 'CREATED' && !isTerminalExecutionState(execution.state)
  const regions = regionsWhere(job.graph, isLost)
  const first = job.graph.vertices.flatMap(({ executions }) => executions).find(isLost)
  const graph = mapExecutions(job.graph, (execution) => (isLost(execution) ? inState(execution, 'FAILED', now) : execution))
  const lost: JobRun = { ...job, slots, graph }
  if (first === undefined) return { job: lost, regions, failure: undefined }
  const vertex = findExecution(job.graph, first.attemptId)?.vertex
  const failure: JobFailure = {
    error,
    timestamp: now,
    taskName: vertex === undefined ? undefined : taskName(vertex, first.subtaskIndex),
    endpoint: first.slot?.location.host,
    resourceId: first.slot?.location.resourceId,
  }
  return { job: lost, regions, failure }
}
