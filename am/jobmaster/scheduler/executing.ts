/** Executing: tasks are deployed or run; when all have finished, sinks commit and the job ends. */
import { allFinished, executions } from '../executiongraph/execution-graph.js'
import { go, type Step } from '#core/machine/step.js'
import { removeSlot } from '../slotpool/slot-pool.js'
import { cancel, explainFailures, fail, finish, loseWorker } from './closing.js'
import { applyTaskState, jobFailure, taskFailure } from './job-run.js'
import type { Moment, SchedulerEffect, SchedulerEvent, SchedulerSettings, SchedulerState, StateOf } from './state.js'

type SchedulerStep = Step<SchedulerState, SchedulerEffect>

export function onExecuting(
  state: StateOf<'Executing'>,
  event: SchedulerEvent,
  moment: Moment,
  settings: SchedulerSettings,
): SchedulerStep {
  switch (event.type) {
    case 'taskState': {
      const job = applyTaskState(state.job, event, moment.now)
      if (job === state.job) return go(state)
      if (event.state === 'FAILED' || event.state === 'CANCELED')
        return fail(job, taskFailure(state.job, event, moment.now), moment, settings)
      if (state.committing || !allFinished(job.graph)) return go({ ...state, job })
      const committables = [...executions(job.graph)].flatMap((execution) => execution.committables)
      return go({ ...state, job, committing: true }, { type: 'commit', committables })
    }
    case 'committed':
      return state.committing ? finish(state.job, 'FINISHED', undefined, moment) : go(state)
    case 'coordinatorFailed':
      return fail(state.job, jobFailure(event.error, moment.now), moment, settings)
    case 'fatal':
      return fail(state.job, jobFailure(event.error, moment.now), moment, settings, true)
    case 'workerLost': {
      const { job, failure } = loseWorker(state.job, event, moment)
      if (failure === undefined) return go({ ...state, job })
      return fail(job, failure, moment, settings, false, event.explained ? undefined : event.resourceId)
    }
    case 'workerExplained':
      return go({ ...state, job: explainFailures(state.job, event) })
    case 'slotLost': {
      const lost = [...executions(state.job.graph)].filter((execution) => execution.slot?.allocationId === event.allocationId)
      const job = { ...state.job, slots: removeSlot(state.job.slots, event.allocationId) }
      if (lost.every((execution) => execution.state === 'FINISHED')) return go({ ...state, job })
      return fail(job, jobFailure(event.error, moment.now), moment, settings)
    }
    case 'cancel':
      // Once sinks make their output visible there is no way back: the job is as good as finished.
      return state.committing ? go(state) : cancel(state.job, moment, settings)
    default:
      return go(state)
  }
}
