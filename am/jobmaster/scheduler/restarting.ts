/** Restarting: some regions, or all, end their tasks and start again; the tasks of the others go on. */
import { findExecution } from '../executiongraph/execution-graph.js'
import type { RestoredJob } from '../checkpoint/checkpoint-host.js'
import { allRegions, regionOf } from '../executiongraph/pipelined-regions.js'
import { go, then, unreachable, type Step } from '#core/machine/step.js'
import { adoptTasks } from './adopting.js'
import { cancel } from './closing.js'
import { advance, fail } from './failover.js'
import { applyTaskState, explainFailures, explainsBetter, jobFailure, recordFailure, taskFailure } from './job-run.js'
import { loseSlot, loseWorker, type Loss } from './losses.js'
import { requestRescale } from './rescaling.js'
import { vacate } from './vacating.js'
import { goOnRescaled } from './waiting-for-resources.js'
import type { JobFailure, Moment, Restart, SchedulerEffect, SchedulerEvent, SchedulerSettings, SchedulerState, StateOf } from './state.js'

type SchedulerStep = Step<SchedulerState, SchedulerEffect>

export function onRestarting(
  state: StateOf<'Restarting'>,
  event: SchedulerEvent,
  moment: Moment,
  settings: SchedulerSettings,
): SchedulerStep {
  const { restart } = state
  switch (event.type) {
    case 'taskState':
      return onTaskState(state, event, moment, settings)
    case 'workerLost':
      return onLoss(state, loseWorker(state.job, event, moment), moment, settings, event.explained ? undefined : event)
    case 'slotLost':
      return onLoss(state, loseSlot(state.job, event, moment), moment, settings, undefined)
    case 'vacate':
      return vacate(state, event, moment, settings)
    case 'workerExplained':
      return go({ ...state, job: explainFailures(state.job, event) })
    case 'slotOffered':
      return advance(state, moment, settings)
    case 'coordinatorsStarted':
      if (restart.coordinators.name !== 'starting' || restart.coordinators.start !== event.start) return go(state)
      return onCoordinatorsStarted(state, event.restored, moment, settings)
    case 'coordinatorFailed':
      if (restart.coordinators.name !== 'starting' || restart.coordinators.start !== event.start) return go(state)
      return fail(state.job, jobFailure(event.error, moment.now), { what: 'job', during: restart, byCoordinators: true }, moment, settings)
    case 'globalFailure':
      return fail(state.job, jobFailure(event.error, moment.now), { what: 'job', during: restart }, moment, settings)
    case 'fatal':
      return fail(state.job, jobFailure(event.error, moment.now), { what: 'job', during: restart, final: true }, moment, settings)
    case 'timer':
      if (event.timer === 'restart') return advance({ ...state, restart: { ...restart, pausing: false } }, moment, settings)
      if (event.timer === 'resource-wait' && restart.lackingSlots) {
        const error = event.error ?? new Error('the slots did not come in time')
        return fail(state.job, jobFailure(error, moment.now), { what: 'job', during: restart, final: true }, moment, settings)
      }
      return go(state)
    case 'cancel':
      return cancel(state.job, moment, settings)
    case 'rescale': {
      const { state: job, effects } = requestRescale(state.job, event.request, false, moment, settings)
      return { state: { ...state, job }, effects }
    }
    case 'tasksAdopted':
      // What the job begins with could not be found at once: nothing of this master was deployed.
      if (restart.coordinators.name !== 'starting' || restart.coordinators.start !== event.start) return go(state)
      return then(goOnRescaled(state.job, event.restored?.parallelism, moment), (job) => adoptTasks(job, event, moment, settings))
    case 'start':
    case 'taskMetrics':
    case 'committed':
    case 'aborted':
    case 'rescalePrepared':
      return go(state)
    default:
      return unreachable(event)
  }
}

function onCoordinatorsStarted(
  state: StateOf<'Restarting'>,
  restored: RestoredJob | undefined,
  moment: Moment,
  settings: SchedulerSettings,
): SchedulerStep {
  const restart: Restart = { ...state.restart, coordinators: { name: 'started', restored } }
  if (restored?.parallelism === undefined) return advance({ ...state, restart }, moment, settings)
  // Their first start failed, and the job has not been given the parallelism yet that an earlier master had rescaled it to.
  return then(goOnRescaled(state.job, restored.parallelism, moment), (job) =>
    advance({ ...state, job, restart: { ...restart, regions: allRegions(job.graph.regions) } }, moment, settings),
  )
}

function onTaskState(
  state: StateOf<'Restarting'>,
  event: Extract<SchedulerEvent, { type: 'taskState' }>,
  moment: Moment,
  settings: SchedulerSettings,
): SchedulerStep {
  const job = applyTaskState(state.job, event, moment.now)
  if (job === state.job) return go(state)
  const found = findExecution(job.graph, event.attemptId)
  const region = found === undefined ? -1 : regionOf(job.graph.regions, found.vertex.id, found.execution.subtaskIndex)
  if (event.state !== 'FAILED' && event.state !== 'CANCELED') return advance({ ...state, job }, moment, settings)
  const failure = taskFailure(job, event, moment.now)
  if (!state.restart.regions.has(region)) return fail(job, failure, { what: new Set([region]), during: state.restart }, moment, settings)
  return advance(event.state === 'FAILED' ? note({ ...state, job }, failure, settings) : { ...state, job }, moment, settings)
}

function onLoss(
  state: StateOf<'Restarting'>,
  { job, regions, failure }: Loss,
  moment: Moment,
  settings: SchedulerSettings,
  unexplained: Extract<SchedulerEvent, { type: 'workerLost' }> | undefined,
): SchedulerStep {
  const known = { ...state, job }
  if (failure === undefined) return advance(known, moment, settings)
  if ([...regions].every((region) => state.restart.regions.has(region))) return advance(note(known, failure, settings), moment, settings)
  return fail(job, failure, { what: regions, during: state.restart, unexplained: unexplained?.resourceId }, moment, settings)
}

/** Failures that follow from the first one are kept for display; one of them may turn out to be the cause. */
function note(state: StateOf<'Restarting'>, failure: JobFailure, settings: SchedulerSettings): StateOf<'Restarting'> {
  const job = recordFailure(state.job, failure, settings)
  return state.failure === undefined || explainsBetter(failure, state.failure) ? { ...state, job, failure } : { ...state, job }
}
