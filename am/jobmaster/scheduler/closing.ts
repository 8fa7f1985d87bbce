/**
 * The ways out of a run: Restarting, Failing, Canceling. All three first end the tasks, then have the coordinators give up what
 * sinks prepared; then they part: a new attempt after a pause, or the end.
 */
import {
  allTerminal,
  createExecutionGraph,
  executionsOn,
  inState,
  taskName,
  updateExecution,
  findExecution,
} from '../executiongraph/execution-graph.js'
import { then, go, unreachable, type Step } from '#core/machine/step.js'
import type { ResourceId } from '#core/ids/ids.js'
import { WorkerLost } from '../../slots/worker-lost.js'
import { removeSlot, removeWorker } from '../slotpool/slot-pool.js'
import { waitForResources } from './begin.js'
import { applyTaskState, cancelAll, enterJobState, explainsBetter, isFinal, jobFailure, recordFailure, taskFailure } from './job-run.js'
import { onFailure } from './restart-strategy.js'
import type { JobFailure, JobRun, Moment, SchedulerEffect, SchedulerEvent, SchedulerSettings, SchedulerState, StateOf } from './state.js'

type Closing = StateOf<'Restarting'> | StateOf<'Failing'> | StateOf<'Canceling'>
type SchedulerStep = Step<SchedulerState, SchedulerEffect>

/** A run has failed: on to Restarting or Failing. `final`: no restart, whatever the strategy says. */
export function fail(
  job: JobRun,
  cause: JobFailure,
  moment: Moment,
  settings: SchedulerSettings,
  final = false,
  unexplained?: ResourceId,
): SchedulerStep {
  const recorded = recordFailure(job, cause, settings)
  const { history, decision } = onFailure(settings.restartStrategy, recorded.restarts, moment.now, moment.uniform)
  const mayRestart = !final && !isFinal(cause.error)
  const restart = decision.restart && mayRestart ? decision : undefined
  const exhausted = mayRestart && !decision.restart && settings.restartStrategy.kind !== 'none'
  const failure: JobFailure = exhausted ? { ...cause, notRestarted: decision.why } : cause
  const ending = then(enterJobState({ ...recorded, restarts: history }, restart ? 'RESTARTING' : 'FAILING', moment.now, failure), (next) =>
    cancelAll(next, moment.now),
  )
  const effects: SchedulerEffect[] = [
    { type: 'cancelTimer', timer: 'resource-wait' },
    ...(restart ? [] : [keepOnly(recorded)]),
    ...ending.effects,
  ]
  return then({ state: ending.state, effects }, (next) =>
    proceed(
      restart
        ? { name: 'Restarting', job: next, phase: 'canceling', failure, delay: restart.delay }
        : { name: 'Failing', job: next, phase: 'canceling', failure, unexplained },
      settings,
    ),
  )
}

/** Somebody wants the job to end. */
export function cancel(job: JobRun, moment: Moment, settings: SchedulerSettings): SchedulerStep {
  const ending = then(enterJobState(job, 'CANCELLING', moment.now), (next) => cancelAll(next, moment.now))
  return then(
    { state: ending.state, effects: [{ type: 'cancelTimer', timer: 'resource-wait' }, keepOnly(job), ...ending.effects] },
    (next) => proceed({ name: 'Canceling', job: next, phase: 'canceling' }, settings),
  )
}

/** A job on its way to its end needs no more slots than it has. */
function keepOnly(job: JobRun): SchedulerEffect {
  return { type: 'declareSlots', count: job.slots.length }
}

/** The last state: everything is given back. */
export function finish(
  job: JobRun,
  state: 'FINISHED' | 'FAILED' | 'CANCELED',
  failure: JobFailure | undefined,
  moment: Moment,
): SchedulerStep {
  const ended = enterJobState(job, state, moment.now, failure)
  return { state: { name: 'Finished', job: ended.state, failure }, effects: [{ type: 'declareSlots', count: 0 }, ...ended.effects] }
}

/** What a lost worker takes with it: its slots, and the tasks on it have failed. The failure names the first of them, if any. */
export function loseWorker(
  job: JobRun,
  event: Extract<SchedulerEvent, { type: 'workerLost' }>,
  moment: Moment,
): { readonly job: JobRun; readonly failure: JobFailure | undefined } {
  const lost = executionsOn(job.graph, event.resourceId)
  let graph = job.graph
  for (const execution of lost) graph = updateExecution(graph, execution.attemptId, (each) => inState(each, 'FAILED', moment.now))
  const next: JobRun = { ...job, graph, slots: removeWorker(job.slots, event.resourceId) }
  const first = lost[0]
  if (first === undefined) return { job: next, failure: undefined }
  const vertex = findExecution(graph, first.attemptId)?.vertex
  return {
    job: next,
    failure: {
      error: event.error,
      timestamp: moment.now,
      taskName: vertex === undefined ? undefined : taskName(vertex, first.subtaskIndex),
      endpoint: event.host,
      resourceId: event.resourceId,
    },
  }
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
      if (event.timer === 'restart' && state.name === 'Restarting' && state.phase === 'backoff')
        return startAgain(state.job, moment, settings)
      return go(state)
    case 'aborted':
      return state.phase === 'aborting' ? close(state, moment) : go(state)
    case 'slotLost':
      return go({ ...state, job: { ...state.job, slots: removeSlot(state.job.slots, event.allocationId) } })
    case 'cancel':
      return state.name === 'Restarting' ? cancelInstead(state, moment) : go(state)
    case 'fatal':
      return state.name === 'Restarting' ? failInstead(state, jobFailure(event.error, moment.now), moment, settings) : go(state)
    case 'start':
    case 'slotOffered':
    case 'taskMetrics':
    case 'coordinatorsStarted':
    case 'coordinatorFailed':
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

export function explainFailures(job: JobRun, event: Extract<SchedulerEvent, { type: 'workerExplained' }>): JobRun {
  return {
    ...job,
    failures: job.failures.map((failure) =>
      failure.resourceId === event.resourceId && WorkerLost.is(failure.error) ? { ...failure, error: event.error } : failure,
    ),
  }
}

function close(state: Closing, moment: Moment): SchedulerStep {
  switch (state.name) {
    case 'Restarting':
      return go({ ...state, phase: 'backoff' }, { type: 'startTimer', timer: 'restart', delay: state.delay })
    case 'Failing':
      return finish(state.job, 'FAILED', state.failure, moment)
    case 'Canceling':
      return finish(state.job, 'CANCELED', undefined, moment)
    default:
      return unreachable(state)
  }
}

function startAgain(job: JobRun, moment: Moment, settings: SchedulerSettings): SchedulerStep {
  return waitForResources(
    { ...job, graph: createExecutionGraph(job.graph.jobGraph, job.graph.epoch, job.graph.attempt + 1, moment.now) },
    moment,
    settings,
  )
}

function cancelInstead(state: StateOf<'Restarting'>, moment: Moment): SchedulerStep {
  const entered = enterJobState(state.job, 'CANCELLING', moment.now)
  const canceling: StateOf<'Canceling'> = { name: 'Canceling', job: entered.state, phase: state.phase }
  if (state.phase !== 'backoff') return { state: canceling, effects: entered.effects }
  return then({ state: canceling, effects: [{ type: 'cancelTimer', timer: 'restart' } as SchedulerEffect, ...entered.effects] }, () =>
    finish(canceling.job, 'CANCELED', undefined, moment),
  )
}

function failInstead(state: StateOf<'Restarting'>, failure: JobFailure, moment: Moment, settings: SchedulerSettings): SchedulerStep {
  const entered = enterJobState(recordFailure(state.job, failure, settings), 'FAILING', moment.now, failure)
  const failing: StateOf<'Failing'> = { name: 'Failing', job: entered.state, phase: state.phase, failure, unexplained: undefined }
  if (state.phase !== 'backoff') return { state: failing, effects: entered.effects }
  return then({ state: failing, effects: [{ type: 'cancelTimer', timer: 'restart' } as SchedulerEffect, ...entered.effects] }, () =>
    finish(failing.job, 'FAILED', failure, moment),
  )
}
