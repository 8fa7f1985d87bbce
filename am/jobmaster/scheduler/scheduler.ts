/**
 * The scheduler of one job: `(state, event) → (state, effects)`. Pure; time and random numbers are arguments. The shell
 * (job-master.ts) feeds it events one at a time and carries out the effects in order.
 */
import type { JobGraph } from '#core/graph/job-graph.js'
import { go, unreachable, type Step } from '#core/machine/step.js'
import type { Millis } from '#core/time/environment.js'
import { addSlot } from '../slotpool/slot-pool.js'
import { waitForResources } from './begin.js'
import { finish, onClosing } from './closing.js'
import { onExecuting } from './executing.js'
import { applyTaskMetrics, createJobRun, explainFailures, jobFailure, recordFailure } from './job-run.js'
import { onRestarting } from './restarting.js'
import type { Moment, SchedulerEffect, SchedulerEvent, SchedulerSettings, SchedulerState } from './state.js'
import { assertTransition } from './transitions.js'
import { onWaitingForResources } from './waiting-for-resources.js'

/** `epoch`: of this master. */
export function createScheduler(jobGraph: JobGraph, epoch: number, now: Millis): SchedulerState {
  return { name: 'Created', job: createJobRun(jobGraph, epoch, now) }
}

export function schedule(
  state: SchedulerState,
  event: SchedulerEvent,
  moment: Moment,
  settings: SchedulerSettings,
): Step<SchedulerState, SchedulerEffect> {
  const next = decide(beforehand(state, event), event, moment, settings)
  assertTransition(state.name, next.state.name)
  return next
}

/** What an event means in any state. */
function beforehand(state: SchedulerState, event: SchedulerEvent): SchedulerState {
  if (state.name === 'Finished') return state
  if (event.type === 'slotOffered') return { ...state, job: { ...state.job, slots: addSlot(state.job.slots, event.slot) } }
  if (event.type === 'taskMetrics') return { ...state, job: applyTaskMetrics(state.job, event) }
  return state
}

function decide(
  state: SchedulerState,
  event: SchedulerEvent,
  moment: Moment,
  settings: SchedulerSettings,
): Step<SchedulerState, SchedulerEffect> {
  switch (state.name) {
    case 'Created':
      if (event.type === 'start') return waitForResources(state.job, moment, settings)
      if (event.type === 'cancel') return finish(state.job, 'CANCELED', undefined, moment, settings)
      if (event.type === 'fatal') {
        const failure = jobFailure(event.error, moment.now)
        return finish(recordFailure(state.job, failure, settings), 'FAILED', failure, moment, settings)
      }
      return go(state)
    case 'WaitingForResources':
      return onWaitingForResources(state, event, moment, settings)
    case 'Executing':
      return onExecuting(state, event, moment, settings)
    case 'Restarting':
      return onRestarting(state, event, moment, settings)
    case 'Failing':
    case 'Canceling':
      return onClosing(state, event, moment, settings)
    case 'Finished':
      return go(event.type === 'workerExplained' ? { ...state, job: explainFailures(state.job, event) } : state)
    default:
      return unreachable(state)
  }
}
