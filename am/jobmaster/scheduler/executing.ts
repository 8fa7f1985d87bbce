/** Executing: tasks are deployed or run; when all have finished, sinks commit what is left and the job ends. */
import { allFinished, findExecution } from '../executiongraph/execution-graph.js'
import { regionOf } from '../executiongraph/pipelined-regions.js'
import { go, type Step } from '#core/machine/step.js'
import { cancel, finish } from './closing.js'
import { fail } from './failover.js'
import { applyTaskState, explainFailures, jobFailure, taskFailure } from './job-run.js'
import { loseSlot, loseWorker } from './losses.js'
import { completeRescale, onSlotOffered, onSlotsTimeout, requestRescale } from './rescaling.js'
import { onRescalePrepared } from './switching.js'
import { vacate } from './vacating.js'
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
      if (event.state === 'FAILED' || event.state === 'CANCELED') {
        const found = findExecution(job.graph, event.attemptId)
        const region = found === undefined ? -1 : regionOf(job.graph.regions, found.vertex.id, found.execution.subtaskIndex)
        return fail(job, taskFailure(job, event, moment.now), { what: new Set([region]) }, moment, settings)
      }
      if (state.committing || !allFinished(job.graph)) return go({ ...state, job: completeRescale(job, moment.now, settings) })
      return go({ ...state, job, committing: true }, { type: 'commit' })
    }
    case 'committed':
      return state.committing ? finish(state.job, 'FINISHED', undefined, moment, settings) : go(state)
    case 'globalFailure':
      return fail(state.job, jobFailure(event.error, moment.now), { what: 'job' }, moment, settings)
    case 'fatal':
      return fail(state.job, jobFailure(event.error, moment.now), { what: 'job', final: true }, moment, settings)
    case 'workerLost': {
      const { job, regions, failure } = loseWorker(state.job, event, moment)
      if (failure === undefined) return go({ ...state, job })
      return fail(job, failure, { what: regions, unexplained: event.explained ? undefined : event.resourceId }, moment, settings)
    }
    case 'vacate':
      return vacate(state, event, moment, settings)
    case 'workerExplained':
      return go({ ...state, job: explainFailures(state.job, event) })
    case 'slotLost': {
      const { job, regions, failure } = loseSlot(state.job, event, moment)
      return failure === undefined ? go({ ...state, job }) : fail(job, failure, { what: regions }, moment, settings)
    }
    case 'slotOffered':
      return onSlotOffered(state, moment)
    case 'rescale': {
      if (state.committing) return go(state)
      const { state: job, effects } = requestRescale(state.job, event.request, true, moment, settings)
      return { state: { ...state, job }, effects }
    }
    case 'rescalePrepared':
      return onRescalePrepared(state, event, moment, settings)
    case 'timer':
      if (event.timer !== 'rescale-slots') return go(state)
      return onSlotsTimeout(state, event.error ?? new Error('the slots did not come in time'), moment, settings)
    case 'cancel':
      // Once sinks make their output visible there is no way back: the job is as good as finished.
      return state.committing ? go(state) : cancel(state.job, moment, settings)
    default:
      return go(state)
  }
}
