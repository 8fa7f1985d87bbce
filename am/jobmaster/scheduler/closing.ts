/**
 * The ways out of a job that does not end well: Failing, Canceling. Both first end the tasks, then have the coordinators give up what
 * sinks prepared and no checkpoint committed.
 */
import { defineError } from '#core/errors/define-error.js'
import type { JobState } from '#core/graph/states.js'
import type { ResourceId } from '#core/ids/ids.js'
import { then, go, unreachable, type Step } from '#core/machine/step.js'
import { allTerminal } from '../executiongraph/execution-graph.js'
import { applyTaskState, cancelTasks, enterJobState, explainFailures, explainsBetter, recordFailure, taskFailure } from './job-run.js'
import { loseSlot, loseWorker } from './losses.js'
import type { RescaleEnd } from './rescale.js'
import { endRescale } from './rescaling.js'
import type { JobFailure, JobRun, Moment, SchedulerEffect, SchedulerEvent, SchedulerSettings, SchedulerState, StateOf } from './state.js'

/** Why a checkpoint of a cancelled job is given up. */
const JobCanceled = defineError('JOB_CANCELED', { recovery: 'none', message: () => 'The job is being cancelled' })

type Closing = StateOf<'Failing'> | StateOf<'Canceling'>
type SchedulerStep = Step<SchedulerState, SchedulerEffect>

/** The job ends: no restart. */
export function beginFailing(
  job: JobRun,
  failure: JobFailure,
  moment: Moment,
  settings: SchedulerSettings,
  unexplained: ResourceId | undefined,
): SchedulerStep {
  return then(leave(job, 'FAILING', failure.error, moment, failure), (next) =>
    proceed({ name: 'Failing', job: next, phase: 'canceling', failure, unexplained }, settings),
  )
}

/** Somebody wants the job to end. */
export function cancel(job: JobRun, moment: Moment, settings: SchedulerSettings): SchedulerStep {
  return then(leave(job, 'CANCELLING', new JobCanceled({}), moment, undefined), (next) =>
    proceed({ name: 'Canceling', job: next, phase: 'canceling' }, settings),
  )
}

/** Nothing is awaited any more, all tasks are told to end, and the job needs no more slots than it has. */
function leave(
  job: JobRun,
  state: JobState,
  reason: Error,
  moment: Moment,
  failure: JobFailure | undefined,
): Step<JobRun, SchedulerEffect> {
  const before: SchedulerEffect[] = [
    { type: 'suspendCheckpoints', reason, restarted: 'all' },
    { type: 'cancelTimer', timer: 'resource-wait' },
    { type: 'cancelTimer', timer: 'restart' },
    { type: 'declareSlots', count: job.slots.length },
  ]
  return then(
    then(go<JobRun, SchedulerEffect>(job, ...before), (next) => enterJobState(next, state, moment.now, failure)),
    (next) => cancelTasks(next, moment.now),
  )
}

/** The last state: everything is given back. */
export function finish(
  job: JobRun,
  state: 'FINISHED' | 'FAILED' | 'CANCELED',
  failure: JobFailure | undefined,
  moment: Moment,
  settings: SchedulerSettings,
): SchedulerStep {
  const end: RescaleEnd = {
    at: moment.now,
    state: state === 'FAILED' ? 'FAILED' : 'IGNORED',
    reason: `JOB_${state}`,
    message: failure?.error.message,
  }
  const ended = enterJobState(endRescale(job, end, settings), state, moment.now, failure)
  return { state: { name: 'Finished', job: ended.state, failure }, effects: [{ type: 'declareSlots', count: 0 }, ...ended.effects] }
}

/** Goes on as far as it can: nothing is awaited that has already come. */
function proceed(state: Closing, settings: SchedulerSettings): SchedulerStep {
  if (state.phase !== 'canceling' || !allTerminal(state.job.graph)) return go(state)
  if (state.name === 'Failing' && state.unexplained !== undefined) {
    return go({ ...state, phase: 'explaining' }, { type: 'startTimer', timer: 'explanation', delay: settings.explanationTimeout })
  }
  return go({ ...state, phase: 'aborting' }, { type: 'abortCoordinators' })
}

export function onClosing(state: Closing, event: SchedulerEvent, moment: Moment, settings: SchedulerSettings): SchedulerStep {
  switch (event.type) {
    case 'taskState': {
      const job = applyTaskState(state.job, event, moment.now)
      const noted = event.state === 'FAILED' ? note({ ...state, job }, taskFailure(job, event, moment.now), settings) : { ...state, job }
      return proceed(noted, settings)
    }
    case 'workerLost': {
      const { job, failure } = loseWorker(state.job, event, moment)
      const known: Closing = { ...state, job }
      if (failure === undefined) return proceed(known, settings)
      const noted = note(known, failure, settings)
      const unexplained: Closing =
        noted.name === 'Failing' && noted.failure === failure && !event.explained ? { ...noted, unexplained: event.resourceId } : noted
      return proceed(unexplained, settings)
    }
    case 'workerExplained': {
      const job = explainFailures(state.job, event)
      if (state.name !== 'Failing' || state.unexplained !== event.resourceId) return go({ ...state, job })
      const explained: StateOf<'Failing'> = { ...state, job, unexplained: undefined, failure: { ...state.failure, error: event.error } }
      if (state.phase !== 'explaining') return go(explained)
      return then(go<SchedulerState, SchedulerEffect>(explained, { type: 'cancelTimer', timer: 'explanation' }), () =>
        proceed({ ...explained, phase: 'canceling' }, settings),
      )
    }
    case 'timer':
      if (event.timer === 'explanation' && state.name === 'Failing' && state.phase === 'explaining') {
        return proceed({ ...state, phase: 'canceling', unexplained: undefined }, settings)
      }
      return go(state)
    case 'aborted':
      return state.phase === 'aborting' ? close(state, moment, settings) : go(state)
    case 'slotLost':
      return proceed({ ...state, job: loseSlot(state.job, event, moment).job }, settings)
    case 'start':
    case 'cancel':
    case 'fatal':
    case 'vacate':
    case 'rescale':
    case 'rescalePrepared':
    case 'slotOffered':
    case 'taskMetrics':
    case 'coordinatorsStarted':
    case 'tasksAdopted':
    case 'coordinatorFailed':
    case 'globalFailure':
    case 'committed':
      return go(state)
    default:
      return unreachable(event)
  }
}

/** Failures that follow from the first one are kept for display; one of them may turn out to be the cause. */
function note<S extends Closing>(state: S, failure: JobFailure, settings: SchedulerSettings): S {
  const job = recordFailure(state.job, failure, settings)
  if (state.name === 'Canceling' || !explainsBetter(failure, state.failure)) return { ...state, job }
  return { ...state, job, failure }
}

function close(state: Closing, moment: Moment, settings: SchedulerSettings): SchedulerStep {
  switch (state.name) {
    case 'Failing':
      return finish(state.job, 'FAILED', state.failure, moment, settings)
    case 'Canceling':
      return finish(state.job, 'CANCELED', undefined, moment, settings)
    default:
      return unreachable(state)
  }
}
