/** Changes of the part of the scheduler that lives through all states. Pure. */
import { WeftError } from '#core/errors/define-error.js'
import { isTerminalExecutionState, type ExecutionState, type JobState } from '#core/graph/states.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import { go, type Step } from '#core/machine/step.js'
import type { Millis } from '#core/time/environment.js'
import {
  createExecutionGraph,
  findExecution,
  inState,
  isIn,
  mapExecutions,
  taskName,
  updateExecution,
} from '../executiongraph/execution-graph.js'
import { isWorkerGone, WorkerLost, WorkerTakenBack } from '../../slots/worker-lost.js'
import { initialRequirements, NO_RESCALES } from './rescale.js'
import { forgiveFailure, NO_FAILURES } from './restart-strategy.js'
import type { JobFailure, JobRun, SchedulerEffect, SchedulerEvent, SchedulerSettings } from './state.js'

export function createJobRun(jobGraph: JobGraph, epoch: number, now: Millis): JobRun {
  return {
    graph: createExecutionGraph(jobGraph, epoch, now),
    slots: [],
    jobState: 'INITIALIZING',
    timestamps: { INITIALIZING: now },
    failures: [],
    restarts: NO_FAILURES,
    starts: 0,
    requirements: initialRequirements(jobGraph),
    rescale: undefined,
    rescales: NO_RESCALES,
  }
}

/** Takes a job state and tells the outside. */
export function enterJobState(job: JobRun, state: JobState, now: Millis, failure?: JobFailure): Step<JobRun, SchedulerEffect> {
  if (job.jobState === state) return go(job)
  return go({ ...job, jobState: state, timestamps: { ...job.timestamps, [state]: now } }, { type: 'jobState', state, failure })
}

const ORDER: readonly ExecutionState[] = ['CREATED', 'SCHEDULED', 'DEPLOYING', 'INITIALIZING', 'RUNNING', 'CANCELING']

/** What a task reports about itself; reports about ended or unknown attempts, and steps back, change nothing. */
export function applyTaskState(job: JobRun, event: Extract<SchedulerEvent, { type: 'taskState' }>, now: Millis): JobRun {
  const graph = updateExecution(job.graph, event.attemptId, (execution) => {
    if (isTerminalExecutionState(execution.state)) return execution
    const forward = isTerminalExecutionState(event.state) || ORDER.indexOf(event.state) > ORDER.indexOf(execution.state)
    if (!forward) return event.metrics === undefined ? execution : { ...execution, metrics: event.metrics }
    return {
      ...inState(execution, event.state, now),
      metrics: event.metrics ?? execution.metrics,
    }
  })
  return graph === job.graph ? job : { ...job, graph }
}

export function applyTaskMetrics(job: JobRun, event: Extract<SchedulerEvent, { type: 'taskMetrics' }>): JobRun {
  const graph = updateExecution(job.graph, event.attemptId, (execution) =>
    isTerminalExecutionState(execution.state) ? execution : { ...execution, metrics: event.metrics },
  )
  return graph === job.graph ? job : { ...job, graph }
}

/** Begins to cancel whatever has not ended: what was not deployed ends at once, the rest is told. `regions`: only these. */
export function cancelTasks(job: JobRun, now: Millis, regions?: ReadonlySet<number>): Step<JobRun, SchedulerEffect> {
  const effects: SchedulerEffect[] = []
  const graph = mapExecutions(job.graph, (execution, vertex) => {
    if (regions !== undefined && !isIn(job.graph, regions, execution, vertex)) return execution
    switch (execution.state) {
      case 'CREATED':
      case 'SCHEDULED':
        return inState(execution, 'CANCELED', now)
      case 'DEPLOYING':
      case 'INITIALIZING':
      case 'RUNNING':
        if (execution.slot !== undefined)
          effects.push({ type: 'cancelTask', attemptId: execution.attemptId, resourceId: execution.slot.location.resourceId })
        return inState(execution, 'CANCELING', now)
      default:
        return execution
    }
  })
  return { state: { ...job, graph }, effects }
}

/** Takes note of a failure; the history is bounded. */
export function recordFailure(job: JobRun, failure: JobFailure, settings: SchedulerSettings): JobRun {
  return { ...job, failures: [failure, ...job.failures].slice(0, settings.exceptionHistorySize) }
}

/** The failure of a job as a whole. */
export function jobFailure(error: Error, now: Millis): JobFailure {
  return { error, timestamp: now, taskName: undefined, endpoint: undefined, resourceId: undefined }
}

/** The failure of the task that reports it. */
export function taskFailure(job: JobRun, event: Extract<SchedulerEvent, { type: 'taskState' }>, now: Millis): JobFailure {
  const found = findExecution(job.graph, event.attemptId)
  const name = found === undefined ? event.attemptId : taskName(found.vertex, found.execution.subtaskIndex)
  return {
    error: event.error ?? new Error(`Task ${name} was ${event.state} by its TaskManager, which gave no reason`),
    timestamp: now,
    taskName: name,
    endpoint: found?.execution.slot?.location.host,
    resourceId: found?.execution.slot?.location.resourceId,
  }
}

/** The first error of the chain that was declared with a recovery: what the code that knew it best says. */
function declared(error: unknown): WeftError | undefined {
  for (let current = error, depth = 0; current instanceof Error && depth < 20; current = current.cause, depth++) {
    if (current instanceof WeftError) return current
  }
  return undefined
}

/** True where starting again cannot help: a malformed row stays malformed. */
export function isFinal(error: Error): boolean {
  const recovery = declared(error)?.recovery
  return recovery === 'none' || recovery === 'fail-job'
}

/** A lost worker explains the broken connections that its peers report, whichever is heard of first. */
export function explainsBetter(candidate: JobFailure, current: JobFailure): boolean {
  return isWorkerGone(candidate.error) && !isWorkerGone(current.error) && declared(current.error)?.recovery === 'retry-elsewhere'
}

/** Why a worker was lost is put in the place of "its connection broke". One that the cluster took back does not count as a failure. */
export function explainFailures(job: JobRun, event: Extract<SchedulerEvent, { type: 'workerExplained' }>): JobRun {
  const explains = (failure: JobFailure) => failure.resourceId === event.resourceId && WorkerLost.is(failure.error)
  const forgiven = WorkerTakenBack.is(event.error) ? job.failures.filter(explains) : []
  return {
    ...job,
    failures: job.failures.map((failure) => (explains(failure) ? { ...failure, error: event.error } : failure)),
    restarts: forgiven.reduce((history, { timestamp }) => forgiveFailure(history, timestamp), job.restarts),
  }
}
