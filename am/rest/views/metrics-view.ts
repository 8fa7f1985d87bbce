/**
 * Metrics under Flink's names, made from the model on demand. A metric's value is a number or a text; what is not known (yet) is not there.
 * Workers report every half second, so that is how old they are.
 */
import { HISTOGRAM_STATISTICS, type LatencyHistogram, type TaskMetrics } from '#core/rpc/gateways/task-metrics.js'
import type { Millis } from '#core/time/environment.js'
import type { CheckpointsView } from '../../jobmaster/checkpoint/checkpoint-host.js'
import { totalsOf } from '../../jobmaster/checkpoint/statistics.js'
import { executions, type Execution, type ExecutionJobVertex } from '../../jobmaster/executiongraph/execution-graph.js'
import type { Job } from '../../jobmaster/job-master.js'

export type Metrics = ReadonlyMap<string, number | string>

/** Java's Long.MIN_VALUE: no watermark yet. As text, since it is no safe integer. */
const NO_WATERMARK = '-9223372036854775808'

/** Of a job: how long it runs, its checkpoints, and how long latency markers took to each operator. */
export function jobMetrics({ run, checkpoints }: Pick<Job, 'run' | 'checkpoints'>, now: Millis): Metrics {
  const metrics = new Map<string, number | string>()
  const since = run.timestamps.RUNNING
  if (run.jobState === 'RUNNING' && since !== undefined) metrics.set('uptime', now - since)
  if (checkpoints !== undefined) addCheckpointMetrics(metrics, checkpoints.view)
  for (const { subtaskIndex, metrics: task } of executions(run.graph)) {
    for (const histogram of task?.latencies ?? []) addLatency(metrics, histogram, subtaskIndex)
  }
  return metrics
}

/** `latency.source_id.<id>.source_subtask_index.<i>.operator_id.<id>.operator_subtask_index.<i>.latency_p99`; what is not told apart is left out. */
function addLatency(metrics: Map<string, number | string>, histogram: LatencyHistogram, subtaskIndex: number): void {
  const { sourceId, sourceSubtaskIndex, operatorId, statistics } = histogram
  const source = sourceId === null ? '' : `source_id.${sourceId}.`
  const subtask = sourceSubtaskIndex === null ? '' : `source_subtask_index.${sourceSubtaskIndex}.`
  const name = `latency.${source}${subtask}operator_id.${operatorId}.operator_subtask_index.${subtaskIndex}.latency`
  for (const [i, statistic] of HISTOGRAM_STATISTICS.entries()) metrics.set(`${name}_${statistic}`, statistics[i] as number)
}

function addCheckpointMetrics(metrics: Map<string, number | string>, { statistics, inProgress }: CheckpointsView): void {
  const { completed, failed, latestCompleted: latest, latestRestored } = statistics
  metrics.set('totalNumberOfCheckpoints', completed + failed + inProgress.length)
  metrics.set('numberOfCompletedCheckpoints', completed)
  metrics.set('numberOfFailedCheckpoints', failed)
  metrics.set('numberOfInProgressCheckpoints', inProgress.length)
  if (latest !== undefined) {
    const totals = totalsOf(latest)
    metrics.set('lastCompletedCheckpointId', latest.id)
    metrics.set('lastCheckpointDuration', totals.duration)
    metrics.set('lastCheckpointSize', totals.checkpointedSize)
    metrics.set('lastCheckpointFullSize', totals.stateSize)
    metrics.set('lastCheckpointMetadataSize', latest.metadataSize)
    metrics.set('lastCheckpointProcessedData', totals.processedData)
    metrics.set('lastCheckpointPersistedData', totals.persistedData)
    metrics.set('lastCheckpointExternalPath', latest.path)
    if (latest.endedAt !== undefined) metrics.set('lastCheckpointCompletedTimestamp', latest.endedAt)
  }
  if (latestRestored !== undefined) metrics.set('lastCheckpointRestoreTimestamp', latestRestored.at)
}

/** Of a subtask: without a report there are none. */
export function subtaskMetrics({ metrics: task }: Pick<Execution, 'metrics'>): Metrics {
  const metrics = new Map<string, number | string>()
  if (task === undefined) return metrics
  metrics.set('numRecordsIn', task.recordsIn)
  metrics.set('numRecordsOut', task.recordsOut)
  metrics.set('numBytesIn', task.bytesIn)
  metrics.set('numBytesOut', task.bytesOut)
  metrics.set('numLateRecordsDropped', task.lateRecordsDropped)
  metrics.set('currentInputWatermark', task.watermark ?? NO_WATERMARK)
  metrics.set('accumulateBusyTimeMs', task.busyMs)
  metrics.set('accumulateIdleTimeMs', task.idleMs)
  metrics.set('accumulateBackPressuredTimeMs', task.backPressuredMs)
  addRates(metrics, task)
  for (const { name, count } of task.userCounters ?? []) metrics.set(name, count)
  return metrics
}

function addRates(metrics: Map<string, number | string>, { rates }: TaskMetrics): void {
  if (rates === undefined) return
  metrics.set('numRecordsInPerSecond', rates.recordsIn)
  metrics.set('numRecordsOutPerSecond', rates.recordsOut)
  metrics.set('numBytesInPerSecond', rates.bytesIn)
  metrics.set('numBytesOutPerSecond', rates.bytesOut)
  metrics.set('busyTimeMsPerSecond', rates.busyMs)
  metrics.set('idleTimeMsPerSecond', rates.idleMs)
  metrics.set('backPressuredTimeMsPerSecond', rates.backPressuredMs)
}

/** Of all subtasks of a vertex: `0.numRecordsIn`. */
export function vertexMetrics({ executions: all }: Pick<ExecutionJobVertex, 'executions'>): Metrics {
  const metrics = new Map<string, number | string>()
  for (const execution of all) {
    for (const [name, value] of subtaskMetrics(execution)) metrics.set(`${execution.subtaskIndex}.${name}`, value)
  }
  return metrics
}

export interface MetricItem {
  readonly id: string
  /** Always text. */
  readonly value?: string
}

/** `wanted` undefined: which there are; otherwise their values, those that there are not left out. */
export function metricItems(metrics: Metrics, wanted: readonly string[] | undefined): MetricItem[] {
  if (wanted === undefined) return [...metrics.keys()].map((id) => ({ id }))
  return wanted.flatMap((id) => {
    const value = metrics.get(id)
    return value === undefined ? [] : [{ id, value: String(value) }]
  })
}

export const AGGREGATIONS = ['min', 'max', 'avg', 'sum', 'skew'] as const
export type Aggregation = (typeof AGGREGATIONS)[number]
export type AggregatedItem = { readonly id: string } & Partial<Record<Aggregation, number>>

/** Each metric over the subtasks that have it. */
export function aggregatedItems(
  subtasks: readonly Metrics[],
  wanted: readonly string[] | undefined,
  aggregations: readonly Aggregation[],
): AggregatedItem[] {
  if (wanted === undefined) return [...new Set(subtasks.flatMap((metrics) => [...metrics.keys()]))].map((id) => ({ id }))
  return wanted.flatMap((id) => {
    const values = subtasks.flatMap((metrics) => metrics.get(id) ?? []).map(Number)
    if (values.length === 0) return []
    return [{ id, ...Object.fromEntries(aggregations.map((aggregation) => [aggregation, aggregate(values, aggregation)])) }]
  })
}

function aggregate(values: readonly number[], aggregation: Aggregation): number {
  const sum = values.reduce((total, value) => total + value, 0)
  const average = sum / values.length
  switch (aggregation) {
    case 'min':
      return Math.min(...values)
    case 'max':
      return Math.max(...values)
    case 'sum':
      return sum
    case 'avg':
      return average
    case 'skew': {
      // Mean distance from the average, in percent of it.
      if (values.length < 2 || average === 0) return 0
      const distance = values.reduce((total, value) => total + Math.abs(value - average), 0) / values.length
      return Math.min(100, (distance / Math.abs(average)) * 100)
    }
  }
}
