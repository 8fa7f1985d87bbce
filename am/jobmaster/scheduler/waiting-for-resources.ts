/** WaitingForResources: slots and coordinators are on their way, in parallel. Flink's state of the same name. */
import { createExecutionGraph, slotsNeeded } from '../executiongraph/execution-graph.js'
import { allRegions } from '../executiongraph/pipelined-regions.js'
import { withParallelism, type Parallelism } from '../executiongraph/rescaled-graph.js'
import { go, then, type Step } from '#core/machine/step.js'
import { adoptTasks } from './adopting.js'
import { cancel } from './closing.js'
import { deployRegions } from './deploying.js'
import { fail } from './failover.js'
import { explainFailures, jobFailure } from './job-run.js'
import { loseSlot, loseWorker } from './losses.js'
import { initialRequirements } from './rescale.js'
import { requestRescale } from './rescaling.js'
import { vacate } from './vacating.js'
import type {
  CoordinatorsState,
  JobRun,
  Moment,
  SchedulerEffect,
  SchedulerEvent,
  SchedulerSettings,
  SchedulerState,
  StateOf,
} from './state.js'

type SchedulerStep = Step<SchedulerState, SchedulerEffect>

export function onWaitingForResources(
  state: StateOf<'WaitingForResources'>,
  event: SchedulerEvent,
  moment: Moment,
  settings: SchedulerSettings,
): SchedulerStep {
  switch (event.type) {
    case 'slotOffered':
      return executeIfReady(state, moment, settings)
    case 'coordinatorsStarted': {
      const coordinators: CoordinatorsState = { name: 'started', restored: event.restored }
      return then(goOnRescaled(state.job, event.restored?.parallelism, moment), (job) =>
        executeIfReady({ ...state, job, coordinators }, moment, settings),
      )
    }
    case 'tasksAdopted':
      if (state.coordinators.name !== 'starting' || state.coordinators.start !== event.start) return go(state)
      return then(goOnRescaled(state.job, event.restored?.parallelism, moment), (job) => adoptTasks(job, event, moment, settings))
    case 'slotLost':
      return go({ ...state, job: loseSlot(state.job, event, moment).job })
    case 'workerLost':
      return go({ ...state, job: loseWorker(state.job, event, moment).job })
    case 'vacate':
      return vacate(state, event, moment, settings)
    case 'workerExplained':
      return go({ ...state, job: explainFailures(state.job, event) })
    case 'coordinatorFailed':
      return fail(state.job, jobFailure(event.error, moment.now), { what: 'job', byCoordinators: true }, moment, settings)
    case 'globalFailure':
      return fail(state.job, jobFailure(event.error, moment.now), { what: 'job' }, moment, settings)
    case 'fatal':
      return fail(state.job, jobFailure(event.error, moment.now), { what: 'job', final: true }, moment, settings)
    case 'timer': {
      if (event.timer !== 'resource-wait') return go(state)
      const error = event.error ?? new Error('the slots did not come in time')
      return fail(state.job, jobFailure(error, moment.now), { what: 'job', final: true }, moment, settings)
    }
    case 'rescale': {
      const { state: job, effects } = requestRescale(state.job, event.request, false, moment, settings)
      return { state: { ...state, job }, effects }
    }
    case 'cancel':
      return cancel(state.job, moment, settings)
    default:
      return go(state)
  }
}

/** An earlier master had rescaled the job: no task of this one runs yet. */
export function goOnRescaled(job: JobRun, parallelism: Parallelism | undefined, moment: Moment): Step<JobRun, SchedulerEffect> {
  if (parallelism === undefined) return go(job)
  const jobGraph = withParallelism(job.graph.jobGraph, parallelism)
  const graph = createExecutionGraph(jobGraph, job.graph.epoch, moment.now)
  return go<JobRun, SchedulerEffect>(
    { ...job, graph, requirements: initialRequirements(jobGraph) },
    { type: 'declareSlots', count: slotsNeeded(jobGraph) },
  )
}

function executeIfReady(state: StateOf<'WaitingForResources'>, moment: Moment, settings: SchedulerSettings): SchedulerStep {
  const { job, coordinators } = state
  if (coordinators.name !== 'started' || job.slots.length < slotsNeeded(job.graph.jobGraph)) return go(state)
  return deployRegions(job, allRegions(job.graph.regions), coordinators.restored, moment, settings) ?? go(state)
}
