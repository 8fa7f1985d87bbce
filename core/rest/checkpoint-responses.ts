/** Bodies of the REST API about checkpoints and savepoints: Flink 2.3's shapes. Sizes in bytes, times in ms. */
import * as z from '../zod.js'

export interface Summary {
  min: number
  max: number
  avg: number
  p50: number | 'NaN'
  p90: number | 'NaN'
  p95: number | 'NaN'
  p99: number | 'NaN'
  p999: number | 'NaN'
}

interface Sizes<T> {
  checkpointed_size: T
  state_size: T
  end_to_end_duration: T
  alignment_buffered: T
  processed_data: T
  persisted_data: T
}

export interface TaskCheckpoint extends Sizes<number> {
  id: number
  status: 'IN_PROGRESS' | 'COMPLETED' | 'FAILED'
  /** -1: nobody has acknowledged. */
  latest_ack_timestamp: number
  num_subtasks: number
  num_acknowledged_subtasks: number
}

export interface CheckpointItem extends TaskCheckpoint {
  className: 'in_progress' | 'completed' | 'failed'
  is_savepoint: boolean
  savepointFormat: string | null
  trigger_timestamp: number
  checkpoint_type: 'CHECKPOINT' | 'SAVEPOINT' | 'SYNC_SAVEPOINT' | 'UNALIGNED_CHECKPOINT'
  tasks: Record<string, TaskCheckpoint>
  /** Of completed ones. */
  external_path?: string
  discarded?: boolean
  /** Of failed ones. */
  failure_timestamp?: number
  failure_message?: string
}

/** GET /jobs/:jobid/checkpoints/details/:checkpointid */
export type CheckpointDetails = CheckpointItem

/** GET /jobs/:jobid/checkpoints */
export interface CheckpointsBody {
  counts: { restored: number; total: number; in_progress: number; completed: number; failed: number }
  summary: Sizes<Summary>
  latest: {
    completed: CheckpointItem | null
    savepoint: CheckpointItem | null
    failed: CheckpointItem | null
    restored: { id: number; restore_timestamp: number; is_savepoint: boolean; external_path: string } | null
  }
  /** Newest first. */
  history: CheckpointItem[]
}

/** GET /jobs/:jobid/checkpoints/config */
export interface CheckpointConfiguration {
  mode: 'exactly_once' | 'at_least_once'
  interval: number
  timeout: number
  min_pause: number
  max_concurrent: number
  externalization: { enabled: boolean; delete_on_cancellation: boolean }
  state_backend: string
  checkpoint_storage: string
  unaligned_checkpoints: boolean
  tolerable_failed_checkpoints: number
  aligned_checkpoint_timeout: number
  checkpoints_after_tasks_finish: boolean
  state_changelog_enabled: boolean
  changelog_periodic_materialization_interval: number
  changelog_storage: string
}

interface SubtaskFigures<T> {
  checkpointed_size: T
  state_size: T
  end_to_end_duration: T
  alignment: { buffered: T; processed: T; persisted: T; duration: T }
  start_delay: T
}

export type SubtaskCheckpoint =
  | { className: 'pending'; index: number; status: 'pending_or_failed' }
  | (SubtaskFigures<number> & {
      className: 'completed'
      index: number
      ack_timestamp: number
      checkpoint: { sync: number; async: number }
      unaligned_checkpoint: boolean
      aborted: boolean
      status: 'completed'
    })

/** GET /jobs/:jobid/checkpoints/details/:checkpointid/subtasks/:vertexid */
export interface SubtaskCheckpointsBody extends TaskCheckpoint {
  summary: SubtaskFigures<Summary> & { checkpoint_duration: { sync: Summary; async: Summary } }
  subtasks: SubtaskCheckpoint[]
}

const triggerId = z.string().regex(/^[0-9a-f]{32}$/)
const path = z.string().min(1).max(4000)
const format = z.enum(['CANONICAL', 'NATIVE'])

/** Absent and null mean the same, as with Flink's clients; names that are not known are ignored. */
function optional<T extends z.ZodType>(type: T) {
  return z.union([type, z.null()]).optional()
}

/** POST /jobs/:jobid/savepoints */
export const SavepointTriggerRequestSchema = z.object({
  'target-directory': optional(path),
  'cancel-job': optional(z.boolean()),
  formatType: optional(format),
  triggerId: optional(triggerId),
})

/** POST /jobs/:jobid/stop */
export const StopWithSavepointRequestSchema = z.object({
  targetDirectory: optional(path),
  drain: optional(z.boolean()),
  formatType: optional(format),
  triggerId: optional(triggerId),
})

/** POST /jobs/:jobid/checkpoints */
export const CheckpointTriggerRequestSchema = z.object({
  checkpointType: optional(z.enum(['CONFIGURED', 'FULL', 'INCREMENTAL'])),
  triggerId: optional(triggerId),
})

/** POST /savepoint-disposal */
export const SavepointDisposalRequestSchema = z.object({ 'savepoint-path': path })

/** What triggering answers. */
export interface TriggerResponse {
  'request-id': string
}

export interface FailureCause {
  class: string
  'stack-trace': string
}

/** What became of a triggered operation. A failure is COMPLETED, too. */
export type OperationStatus<T> =
  { status: { id: 'IN_PROGRESS' }; operation: null } | { status: { id: 'COMPLETED' }; operation: T | { 'failure-cause': FailureCause } }
