/** A job's checkpoints as Flink's REST API shows them. */
import type {
  CheckpointConfiguration,
  CheckpointDetails,
  CheckpointItem,
  CheckpointsBody,
  SubtaskCheckpointsBody,
  Summary,
  TaskCheckpoint,
} from '#core/rest/checkpoint-responses.js'
import type { CheckpointsView } from '../../jobmaster/checkpoint/checkpoint-host.js'
import { totalsOf, type CheckpointRecord, type CheckpointTotals, type SubtaskRecord } from '../../jobmaster/checkpoint/statistics.js'

export function checkpointsBody(view: CheckpointsView): CheckpointsBody {
  const { statistics, inProgress } = view
  const { completed, failed, restoredCount, latestRestored, totals } = statistics
  const item = (record: CheckpointRecord | undefined) => (record === undefined ? null : checkpointItem(record, view))
  const over = (value: (each: CheckpointTotals) => number) => summary(totals.map(value))
  return {
    counts: {
      restored: restoredCount,
      total: completed + failed + inProgress.length,
      in_progress: inProgress.length,
      completed,
      failed,
    },
    summary: {
      checkpointed_size: over((each) => each.checkpointedSize),
      state_size: over((each) => each.stateSize),
      end_to_end_duration: over((each) => each.duration),
      alignment_buffered: over(() => 0),
      processed_data: over((each) => each.processedData),
      persisted_data: over((each) => each.persistedData),
    },
    latest: {
      completed: item(statistics.latestCompleted),
      savepoint: item(statistics.latestSavepoint),
      failed: item(statistics.latestFailed),
      restored:
        latestRestored === undefined
          ? null
          : {
              id: latestRestored.id,
              restore_timestamp: latestRestored.at,
              is_savepoint: latestRestored.savepoint,
              external_path: latestRestored.path,
            },
    },
    history: recordsOf(view).map((record) => checkpointItem(record, view)),
  }
}

/** Newest first, at most web.checkpoints.history. */
function recordsOf({ statistics, inProgress, settings }: CheckpointsView): CheckpointRecord[] {
  return [...inProgress, ...statistics.history].sort((a, b) => b.id - a.id).slice(0, settings.history)
}

/** Undefined: not known any more. */
export function findRecord(view: CheckpointsView, id: number): CheckpointRecord | undefined {
  const { latestCompleted, latestSavepoint, latestFailed, history } = view.statistics
  return [...view.inProgress, ...history, latestCompleted, latestSavepoint, latestFailed].find((record) => record?.id === id)
}

export function checkpointItem(record: CheckpointRecord, { retained }: CheckpointsView): CheckpointItem {
  const subtasks = record.vertices.flatMap((vertex) => vertex.subtasks)
  const acknowledged = subtasks.filter((subtask) => subtask !== undefined)
  const savepoint = record.kind === 'savepoint'
  const common = {
    id: record.id,
    status: record.status,
    is_savepoint: savepoint,
    savepointFormat: savepoint ? 'CANONICAL' : null,
    trigger_timestamp: record.triggeredAt,
    latest_ack_timestamp: latestAck(acknowledged),
    ...sizes(record),
    num_subtasks: subtasks.length,
    num_acknowledged_subtasks: acknowledged.length,
    checkpoint_type: checkpointType(record),
    tasks: {},
  }
  switch (record.status) {
    case 'IN_PROGRESS':
      return { className: 'in_progress', ...common }
    case 'COMPLETED':
      return { className: 'completed', ...common, external_path: record.path, discarded: !savepoint && !retained.has(record.path) }
    case 'FAILED':
      return {
        className: 'failed',
        ...common,
        failure_timestamp: record.endedAt ?? record.triggeredAt,
        failure_message: record.failure ?? '',
      }
  }
}

export function checkpointDetails(record: CheckpointRecord, view: CheckpointsView): CheckpointDetails {
  return {
    ...checkpointItem(record, view),
    tasks: Object.fromEntries(record.vertices.map(({ vertexId }) => [vertexId, taskCheckpoint(record, vertexId)])),
  }
}

/** Undefined: the vertex took no part. */
export function subtaskCheckpoints(record: CheckpointRecord, vertexId: string): SubtaskCheckpointsBody | undefined {
  const vertex = record.vertices.find((each) => each.vertexId === vertexId)
  if (vertex === undefined) return undefined
  const acknowledged = vertex.subtasks.filter((subtask) => subtask !== undefined)
  const over = (value: (subtask: SubtaskRecord) => number) => summary(acknowledged.map(value))
  return {
    ...taskCheckpoint(record, vertexId),
    summary: {
      checkpointed_size: over(({ metrics }) => metrics.checkpointedSize),
      state_size: over(({ metrics }) => metrics.stateSize),
      end_to_end_duration: over((subtask) => durationOf(record, subtask)),
      checkpoint_duration: { sync: over(({ metrics }) => metrics.syncDurationMs), async: over(({ metrics }) => metrics.asyncDurationMs) },
      alignment: {
        buffered: over(() => 0),
        processed: over(({ metrics }) => metrics.processedBytes),
        persisted: over(({ metrics }) => metrics.persistedBytes),
        duration: over(({ metrics }) => metrics.alignmentDurationMs),
      },
      start_delay: over(({ metrics }) => metrics.startDelayMs),
    },
    subtasks: vertex.subtasks.map((subtask, index) =>
      subtask === undefined
        ? { className: 'pending', index, status: 'pending_or_failed' }
        : {
            className: 'completed',
            index,
            ack_timestamp: subtask.ackAt,
            end_to_end_duration: durationOf(record, subtask),
            checkpointed_size: subtask.metrics.checkpointedSize,
            state_size: subtask.metrics.stateSize,
            checkpoint: { sync: Math.round(subtask.metrics.syncDurationMs), async: Math.round(subtask.metrics.asyncDurationMs) },
            alignment: {
              buffered: 0,
              processed: subtask.metrics.processedBytes,
              persisted: subtask.metrics.persistedBytes,
              duration: Math.round(subtask.metrics.alignmentDurationMs),
            },
            start_delay: Math.round(subtask.metrics.startDelayMs),
            unaligned_checkpoint: subtask.metrics.unaligned,
            aborted: record.status === 'FAILED',
            status: 'completed',
          },
    ),
  }
}

export function checkpointConfiguration({ settings }: CheckpointsView): CheckpointConfiguration {
  return {
    mode: settings.mode === 'EXACTLY_ONCE' ? 'exactly_once' : 'at_least_once',
    interval: settings.interval ?? Number.MAX_SAFE_INTEGER,
    timeout: settings.timeout,
    min_pause: settings.minPause,
    max_concurrent: settings.maxConcurrent,
    externalization: {
      enabled: settings.retention !== 'NO_EXTERNALIZED_CHECKPOINTS',
      delete_on_cancellation: settings.retention !== 'RETAIN_ON_CANCELLATION',
    },
    state_backend: 'ColumnarStateBackend',
    checkpoint_storage: 'FileSystemCheckpointStorage',
    unaligned_checkpoints: settings.unaligned,
    tolerable_failed_checkpoints: settings.tolerableFailures,
    aligned_checkpoint_timeout: settings.alignedTimeout,
    checkpoints_after_tasks_finish: settings.afterTasksFinish,
    state_changelog_enabled: false,
    changelog_periodic_materialization_interval: 600_000,
    changelog_storage: 'memory',
  }
}

function checkpointType({ kind, stop, unaligned }: CheckpointRecord): CheckpointItem['checkpoint_type'] {
  if (kind === 'savepoint') return stop === null ? 'SAVEPOINT' : 'SYNC_SAVEPOINT'
  return unaligned ? 'UNALIGNED_CHECKPOINT' : 'CHECKPOINT'
}

function sizes(record: Pick<CheckpointRecord, 'vertices' | 'triggeredAt'>) {
  const { checkpointedSize, stateSize, duration, processedData, persistedData } = totalsOf(record)
  return {
    checkpointed_size: checkpointedSize,
    state_size: stateSize,
    end_to_end_duration: duration,
    alignment_buffered: 0,
    processed_data: processedData,
    persisted_data: persistedData,
  }
}

function taskCheckpoint(record: CheckpointRecord, vertexId: string): TaskCheckpoint {
  const vertices = record.vertices.filter((vertex) => vertex.vertexId === vertexId)
  const subtasks = vertices.flatMap((vertex) => vertex.subtasks)
  const acknowledged = subtasks.filter((subtask) => subtask !== undefined)
  return {
    id: record.id,
    status: record.status,
    latest_ack_timestamp: latestAck(acknowledged),
    ...sizes({ vertices, triggeredAt: record.triggeredAt }),
    num_subtasks: subtasks.length,
    num_acknowledged_subtasks: acknowledged.length,
  }
}

function latestAck(acknowledged: readonly SubtaskRecord[]): number {
  return acknowledged.reduce((latest, { ackAt }) => Math.max(latest, ackAt), -1)
}

function durationOf({ triggeredAt }: CheckpointRecord, { ackAt }: SubtaskRecord): number {
  return Math.max(0, ackAt - triggeredAt)
}

/** Percentiles as Flink's histogram gives them: between two values in proportion; the text NaN of nothing. */
export function summary(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b)
  const percentile = (p: number): number | 'NaN' => {
    const [first, last] = [sorted[0], sorted.at(-1)]
    if (first === undefined || last === undefined) return 'NaN'
    const position = p * (sorted.length + 1)
    if (position < 1) return first
    if (position >= sorted.length) return last
    const below = sorted[Math.floor(position) - 1] ?? first
    const above = sorted[Math.floor(position)] ?? last
    return below + (position - Math.floor(position)) * (above - below)
  }
  const sum = sorted.reduce((total, value) => total + value, 0)
  return {
    min: Math.round(sorted[0] ?? 0),
    max: Math.round(sorted.at(-1) ?? 0),
    avg: sorted.length === 0 ? 0 : Math.trunc(sum / sorted.length),
    p50: percentile(0.5),
    p90: percentile(0.9),
    p95: percentile(0.95),
    p99: percentile(0.99),
    p999: percentile(0.999),
  }
}
