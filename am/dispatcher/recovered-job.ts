/** A job that ended under an earlier attempt of the master: to a record of it and, in a later attempt, back to a job to look at. Pure. */
import { fromWireError, toWireError } from '#core/errors/wire-error.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import type { TaskCounters } from '#core/rpc/gateways/task-metrics.js'
import { inState, mapExecutions, type ExecutionJobVertex } from '../jobmaster/executiongraph/execution-graph.js'
import type { Job, JobResult } from '../jobmaster/job-master.js'
import { RescaleRefused } from '../jobmaster/requirements.js'
import { createJobRun } from '../jobmaster/scheduler/job-run.js'
import type { JobFailure, SchedulerSettings } from '../jobmaster/scheduler/state.js'
import type { JobResultRecord } from './job-result-store.js'

const NO_METRICS: TaskCounters = {
  recordsIn: 0,
  recordsOut: 0,
  bytesIn: 0,
  bytesOut: 0,
  busyMs: 0,
  idleMs: 0,
  backPressuredMs: 0,
  watermark: null,
  lateRecordsDropped: 0,
}

/** `statement`: number of the statement that the job was. The job must have ended. */
export function recordOf({ jobId, jobGraph, run }: Job, { state, failure }: JobResult, statement: number): JobResultRecord {
  return {
    version: 1,
    jobId,
    name: jobGraph.name,
    statement,
    state,
    startTime: run.timestamps.INITIALIZING ?? 0,
    endTime: run.timestamps[state] ?? 0,
    metrics: run.graph.vertices.map(totals),
    failure: failure === undefined ? null : { ...failure, error: toWireError(failure.error) },
  }
}

function totals({ executions }: ExecutionJobVertex): TaskCounters {
  return executions.reduce<TaskCounters>((sum, { metrics }) => {
    if (metrics === undefined) return sum
    const { watermark: mine } = sum
    const { watermark: other, rates: _rates, latencies: _latencies, userCounters: _userCounters, ...counters } = metrics
    const added = Object.fromEntries(Object.entries(counters).map(([name, value]) => [name, value + sum[name as keyof typeof counters]]))
    return { ...(added as typeof counters), watermark: mine === null || other === null ? (mine ?? other) : Math.min(mine, other) }
  }, NO_METRICS)
}

/** True when the record is of this job: a program may have taken another way this time. */
export function isRecordOf(record: JobResultRecord, jobGraph: JobGraph, statement: number): boolean {
  return (
    record.jobId === jobGraph.jobId &&
    record.name === jobGraph.name &&
    record.statement === statement &&
    record.metrics.length === jobGraph.vertices.length
  )
}

/** `jobGraph`: as compiled by this attempt. The sums stand at the first subtask of each vertex. */
export function recoveredJob(
  jobGraph: JobGraph,
  record: JobResultRecord,
  settings: SchedulerSettings,
  removeLeftovers: () => Promise<void>,
): Job {
  const { state, startTime, endTime } = record
  const failure: JobFailure | undefined =
    record.failure === null
      ? undefined
      : {
          error: fromWireError(record.failure.error),
          timestamp: record.failure.timestamp,
          taskName: record.failure.taskName,
          endpoint: record.failure.endpoint,
          resourceId: record.failure.resourceId,
        }
  const created = createJobRun(jobGraph, 0, startTime)
  const metrics = new Map(jobGraph.vertices.map((vertex, index) => [vertex.id, record.metrics[index] ?? NO_METRICS]))
  const graph = mapExecutions(created.graph, (execution, vertex) => ({
    ...inState(inState(execution, 'DEPLOYING', startTime), state, endTime),
    metrics: execution.subtaskIndex === 0 ? metrics.get(vertex.id) : NO_METRICS,
  }))
  return {
    jobId: jobGraph.jobId,
    jobGraph,
    settings,
    recovered: true,
    collect: undefined,
    checkpoints: undefined,
    autoscaler: undefined,
    run: {
      ...created,
      graph,
      jobState: state,
      timestamps: { ...created.timestamps, [state]: endTime },
      failures: failure === undefined ? [] : [failure],
    },
    state,
    result: Promise.resolve({ state, failure }),
    cancel: () => undefined, // it has ended
    rescale: () => {
      throw new RescaleRefused({ job: jobGraph.jobId, reason: `it is ${state}` })
    },
    removeLeftovers,
  }
}
