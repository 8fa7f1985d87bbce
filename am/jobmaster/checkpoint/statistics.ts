/** What people see of a job's checkpoints: counters, the newest of each kind and a history of bounded length. Immutable data. */
import type { SubtaskCheckpointMetrics } from '#core/checkpoint/state-handles.js'
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import type { VertexId } from '#core/ids/ids.js'
import type { Millis } from '#core/time/environment.js'

export type CheckpointStatus = 'IN_PROGRESS' | 'COMPLETED' | 'FAILED'

export interface SubtaskRecord {
  readonly ackAt: Millis
  readonly metrics: SubtaskCheckpointMetrics
}

export interface CheckpointRecord {
  readonly id: number
  readonly status: CheckpointStatus
  readonly kind: CheckpointBarrier['kind']
  readonly stop: CheckpointBarrier['stop']
  readonly unaligned: boolean
  readonly triggeredAt: Millis
  /** When it was complete or given up; undefined while under way. */
  readonly endedAt: Millis | undefined
  /** By vertex in the job graph's order, then by subtask: undefined: not acknowledged (yet). Finished subtasks are not counted. */
  readonly vertices: readonly { readonly vertexId: VertexId; readonly subtasks: readonly (SubtaskRecord | undefined)[] }[]
  readonly path: string
  readonly metadataSize: number
  readonly failure: string | undefined
}

export interface RestoredRecord {
  readonly id: number
  readonly at: Millis
  readonly savepoint: boolean
  readonly path: string
}

/** Sums over the subtasks of one checkpoint, in bytes and ms. */
export interface CheckpointTotals {
  readonly checkpointedSize: number
  readonly stateSize: number
  readonly duration: number
  readonly processedData: number
  readonly persistedData: number
}

export interface CheckpointStatistics {
  readonly restoredCount: number
  readonly completed: number
  readonly failed: number
  /** Newest first; those under way are not in it. */
  readonly history: readonly CheckpointRecord[]
  readonly latestCompleted: CheckpointRecord | undefined
  readonly latestSavepoint: CheckpointRecord | undefined
  readonly latestFailed: CheckpointRecord | undefined
  readonly latestRestored: RestoredRecord | undefined
  /** Of complete ones, newest last; bounded. */
  readonly totals: readonly CheckpointTotals[]
}

/** Complete checkpoints that the summary is over. */
const SUMMARY_WINDOW = 1_000

export const NO_STATISTICS: CheckpointStatistics = {
  restoredCount: 0,
  completed: 0,
  failed: 0,
  history: [],
  latestCompleted: undefined,
  latestSavepoint: undefined,
  latestFailed: undefined,
  latestRestored: undefined,
  totals: [],
}

export function recordEnd(statistics: CheckpointStatistics, record: CheckpointRecord, historySize: number): CheckpointStatistics {
  const history = [record, ...statistics.history].sort((a, b) => b.id - a.id).slice(0, historySize)
  if (record.status !== 'COMPLETED') return { ...statistics, failed: statistics.failed + 1, history, latestFailed: record }
  return {
    ...statistics,
    completed: statistics.completed + 1,
    history,
    ...(record.kind === 'savepoint' ? { latestSavepoint: record } : { latestCompleted: record }),
    totals: [...statistics.totals.slice(-SUMMARY_WINDOW + 1), totalsOf(record)],
  }
}

export function recordRestore(statistics: CheckpointStatistics, latestRestored: RestoredRecord): CheckpointStatistics {
  return { ...statistics, restoredCount: statistics.restoredCount + 1, latestRestored }
}

export function totalsOf(record: Pick<CheckpointRecord, 'vertices' | 'triggeredAt'>): CheckpointTotals {
  const acknowledged = record.vertices.flatMap((vertex) => vertex.subtasks.filter((subtask) => subtask !== undefined))
  const sum = (value: (metrics: SubtaskCheckpointMetrics) => number) => acknowledged.reduce((total, each) => total + value(each.metrics), 0)
  const latest = acknowledged.reduce((at, each) => Math.max(at, each.ackAt), record.triggeredAt)
  return {
    checkpointedSize: sum((metrics) => metrics.checkpointedSize),
    stateSize: sum((metrics) => metrics.stateSize),
    duration: Math.max(0, latest - record.triggeredAt),
    processedData: sum((metrics) => metrics.processedBytes),
    persistedData: sum((metrics) => metrics.persistedBytes),
  }
}
