/** Jobs as Flink's REST API shows them: made from the model on demand. */
import {
  EXECUTION_STATES,
  isTerminalExecutionState,
  isTerminalJobState,
  JOB_STATES,
  type ExecutionState,
  type JobState,
} from '#core/graph/states.js'
import type { IoMetrics, JobDetails, JobExceptions, JobSummary, PlanNode, TaskCounts, VertexSummary } from '#core/rest/responses.js'
import type { Millis } from '#core/time/environment.js'
import type { Execution, ExecutionJobVertex } from '../../jobmaster/executiongraph/execution-graph.js'
import { executions, vertexState } from '../../jobmaster/executiongraph/execution-graph.js'
import type { Job } from '../../jobmaster/job-master.js'
import { stackTrace } from '../../stack-trace.js'
import type { JobFailure, JobRun } from '../../jobmaster/scheduler/state.js'

export interface Times {
  readonly start: Millis
  /** -1: not ended. */
  readonly end: Millis
  readonly duration: Millis
}

export function jobTimes(run: JobRun, now: Millis): Times {
  const start = run.timestamps.INITIALIZING ?? now
  const end = isTerminalJobState(run.jobState) ? (run.timestamps[run.jobState] ?? now) : -1
  return { start, end, duration: (end < 0 ? now : end) - start }
}

export function jobSummary(job: Job, now: Millis): JobSummary {
  const run = job.run
  const times = jobTimes(run, now)
  const counts = countStates([...executions(run.graph)].map((execution) => execution.state))
  const tasks = Object.fromEntries(EXECUTION_STATES.map((state) => [state.toLowerCase(), counts[state]])) as Omit<TaskCounts, 'total'>
  return {
    jid: job.jobId,
    name: job.jobGraph.name,
    jobType: job.jobGraph.jobType,
    schedulerType: run.jobState === 'INITIALIZING' ? null : 'Adaptive',
    'start-time': times.start,
    'end-time': times.end,
    duration: times.duration,
    state: run.jobState,
    'last-modification': Math.max(...Object.values(run.timestamps)),
    tasks: { ...tasks, total: Object.values(counts).reduce((sum, count) => sum + count, 0) } as TaskCounts,
    'pending-operators': 0,
  }
}

export function jobDetails(job: Job, applicationId: string, now: Millis): JobDetails {
  const run = job.run
  const times = jobTimes(run, now)
  const { jobGraph } = job
  return {
    jid: job.jobId,
    'application-id': applicationId,
    name: jobGraph.name,
    isStoppable: false,
    state: run.jobState,
    'job-type': jobGraph.jobType,
    schedulerType: 'Adaptive',
    'start-time': times.start,
    'end-time': times.end,
    duration: times.duration,
    maxParallelism: Math.max(...jobGraph.vertices.map((vertex) => vertex.maxParallelism)),
    now,
    timestamps: Object.fromEntries(JOB_STATES.map((state) => [state, run.timestamps[state] ?? 0])) as Record<JobState, number>,
    vertices: run.graph.vertices.map((vertex) => vertexSummary(vertex, now)),
    'status-counts': countStates(run.graph.vertices.map(vertexState)),
    plan: { jid: job.jobId, name: jobGraph.name, type: jobGraph.jobType, nodes: planNodes(job) },
    'pending-operators': 0,
  }
}

export function vertexSummary(entry: ExecutionJobVertex, now: Millis): VertexSummary {
  const { vertex } = entry
  const times = vertexTimes(entry.executions, now)
  return {
    id: vertex.id,
    slotSharingGroupId: SLOT_SHARING_GROUP,
    name: vertex.name,
    maxParallelism: vertex.maxParallelism,
    parallelism: vertex.parallelism,
    status: vertexState(entry),
    'start-time': times.start,
    'end-time': times.end,
    duration: times.duration,
    tasks: countStates(entry.executions.map((execution) => execution.state)),
    metrics: ioMetrics(entry.executions),
  }
}

/** All vertices of a job share slots: there is one group. */
export const SLOT_SHARING_GROUP = '0'.repeat(32)

/** Start of the first deployment, -1 before it; end of the last subtask. */
function vertexTimes(all: readonly Execution[], now: Millis): Times {
  const starts = all.flatMap((execution) => execution.timestamps.DEPLOYING ?? [])
  if (starts.length === 0) return { start: -1, end: -1, duration: -1 }
  const start = Math.min(...starts)
  const ended = all.every((execution) => isTerminalExecutionState(execution.state))
  const end = ended ? Math.max(...all.map((execution) => execution.timestamps[execution.state] ?? now)) : -1
  return { start, end, duration: (ended ? end : now) - start }
}

export function ioMetrics(all: readonly Execution[]): IoMetrics {
  const sum = (value: (metrics: NonNullable<Execution['metrics']>) => number) =>
    all.reduce((total, { metrics }) => total + (metrics === undefined ? 0 : value(metrics)), 0)
  const complete = all.every((execution) => execution.metrics !== undefined)
  return {
    'read-bytes': sum((metrics) => metrics.bytesIn),
    'read-bytes-complete': complete,
    'write-bytes': sum((metrics) => metrics.bytesOut),
    'write-bytes-complete': complete,
    'read-records': sum((metrics) => metrics.recordsIn),
    'read-records-complete': complete,
    'write-records': sum((metrics) => metrics.recordsOut),
    'write-records-complete': complete,
    'accumulated-backpressured-time': sum((metrics) => metrics.backPressuredMs),
    'accumulated-idle-time': sum((metrics) => metrics.idleMs),
    'accumulated-busy-time': sum((metrics) => metrics.busyMs),
  }
}

/** Sinks first, as Flink. */
export function planNodes(job: Job): PlanNode[] {
  const { vertices, edges } = job.jobGraph
  return [...vertices].reverse().map((vertex) => {
    const inputs = edges.filter((edge) => edge.target === vertex.id)
    return {
      id: vertex.id,
      operator: '',
      parallelism: vertex.parallelism,
      operator_strategy: '',
      description: vertex.operators
        .map((operator, depth) => `${depth === 0 ? '' : `${'&nbsp;'.repeat(3 * (depth - 1))}+- `}${escapeHtml(operator.name)}<br/>`)
        .join(''),
      optimizer_properties: {},
      ...(inputs.length === 0
        ? {}
        : {
            inputs: inputs.map((edge, num) => ({
              id: edge.source,
              num,
              exchange: 'pipelined_bounded',
              ship_strategy: edge.partitioner.kind,
            })),
          }),
    }
  })
}

export function jobExceptions(job: Job, limit: number): JobExceptions {
  const failures = job.run.failures
  return {
    exceptionHistory: { entries: failures.slice(0, limit).map(exceptionEntry), truncated: failures.length > limit },
  }
}

function exceptionEntry(failure: JobFailure): JobExceptions['exceptionHistory']['entries'][number] {
  return {
    exceptionName: failure.error.name,
    stacktrace: stackTrace(failure.error),
    timestamp: failure.timestamp,
    failureLabels: {},
    ...(failure.taskName === undefined ? {} : { taskName: failure.taskName }),
    ...(failure.endpoint === undefined ? {} : { endpoint: failure.endpoint }),
    ...(failure.resourceId === undefined ? {} : { taskManagerId: failure.resourceId }),
    concurrentExceptions: [],
  }
}

export function countStates(states: readonly ExecutionState[]): Record<ExecutionState, number> {
  const counts = Object.fromEntries(EXECUTION_STATES.map((state) => [state, 0])) as Record<ExecutionState, number>
  for (const state of states) counts[state]++
  return counts
}

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
