/**
 * What the checkpoint coordinator knows, hears and asks for. The machine (machine.ts) is pure: `(state, event) → (state, effects)`.
 *
 *   one checkpoint:  preparing ──▶ collecting ──▶ storing ──▶ committing ──▶ complete
 *                        └─────────────┴────────────┴─▶ given up
 */
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import type { CheckpointMetadata, StateBytes, SubtaskCheckpointMetrics, SubtaskState } from '#core/checkpoint/state-handles.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import type { JobState } from '#core/graph/states.js'
import type { ExecutionAttemptId } from '#core/ids/ids.js'
import type { Millis } from '#core/time/environment.js'
import type { Committable } from '../executiongraph/execution-graph.js'
import type { CheckpointSubtask, EnumeratorSnapshot, RestartedSubtask } from './checkpoint-host.js'
import type { CheckpointSettings } from './settings.js'
import type { CheckpointStatistics } from './statistics.js'

/** What never depends on the state. */
export interface CoordinatorContext {
  readonly jobGraph: JobGraph
  readonly settings: CheckpointSettings
  readonly epoch: number
  /** Full URI of <execution.checkpointing.dir>/<job id>. */
  readonly directory: string
}

/** Somebody asked for it. */
export interface ManualRequest {
  readonly requestId: number
  readonly at: Millis
  /** When it may begin. */
  readonly notBefore: Millis
  readonly what:
    | {
        readonly kind: 'checkpoint'
        readonly type: 'CONFIGURED' | 'FULL' | 'INCREMENTAL'
        /** The job goes on from it at another parallelism: aligned, and nothing begins before it is complete. */
        readonly rescale?: boolean
      }
    | {
        readonly kind: 'savepoint'
        /** The savepoint's own. */
        readonly directory: string
        readonly stop: CheckpointBarrier['stop']
        readonly cancel: boolean
      }
}

export interface Acknowledgement {
  readonly at: Millis
  readonly state: SubtaskState
  readonly metrics: SubtaskCheckpointMetrics
}

export interface PendingCheckpoint {
  readonly id: number
  readonly stage: 'preparing' | 'collecting' | 'storing' | 'committing'
  readonly barrier: CheckpointBarrier
  /** Of its own files and `_metadata`. */
  readonly directory: string
  readonly request: ManualRequest | undefined
  readonly triggeredAt: Millis
  readonly deadline: Millis
  /** Subtasks that acknowledge. */
  readonly running: ReadonlyMap<ExecutionAttemptId, CheckpointSubtask>
  readonly acknowledged: ReadonlyMap<ExecutionAttemptId, Acknowledgement>
  /** Subtasks that had ended, with what they had prepared and nobody has committed. */
  readonly finished: readonly { readonly subtask: CheckpointSubtask; readonly committables: readonly Committable[] }[]
  readonly enumerators: readonly EnumeratorSnapshot[]
}

/** A complete checkpoint that the job can start from. */
export interface CompletedCheckpoint {
  readonly id: number
  readonly directory: string
  readonly metadata: CheckpointMetadata
  /** State files it refers to: full URIs. */
  readonly files: ReadonlySet<string>
  /** It is the job's to delete when no longer needed: its own checkpoints, and what it claimed. */
  readonly owned: boolean
}

/** What is to be deleted once nothing can refer to it. */
export interface Garbage {
  /** Together with all that is in them, unless a retained checkpoint refers to it. */
  readonly directories: readonly string[]
  readonly files: readonly string[]
  /** A task that has not heard yet that this checkpoint is complete may build on the one before: kept until a later one is complete. */
  readonly after: number
}

export interface CoordinatorState {
  readonly ended: boolean
  readonly nextId: number
  readonly subtasks: readonly CheckpointSubtask[]
  /** Ascending by id. */
  readonly pending: readonly PendingCheckpoint[]
  /** In order. */
  readonly requests: readonly ManualRequest[]
  /** When the next one by itself is due; undefined: there is no interval, or tasks do not run. */
  readonly nextPeriodicAt: Millis | undefined
  /** Of the latest checkpoint, however it ended. */
  readonly lastEndAt: Millis
  /** One after the other. */
  readonly failures: number
  /** What can be started from; ascending by id. */
  readonly retained: readonly CompletedCheckpoint[]
  /** The next checkpoint refers to nothing earlier. */
  readonly mustBeFull: boolean
  /** By subtaskKey: what finished subtasks prepared and nobody has committed. */
  readonly prepared: ReadonlyMap<string, readonly Committable[]>
  /** Checkpoints that were given up lately: what is still acknowledged of them is deleted. */
  readonly givenUp: readonly number[]
  /**
   * Directories of checkpoints that were given up, emptied: whoever follows this master counts on from their numbers. They go when a
   * checkpoint of a higher number is complete.
   */
  readonly markers: readonly string[]
  readonly garbage: readonly Garbage[]
  /** The next quiet moment is used to look for files that nobody knows. */
  readonly sweepDue: boolean
  /** The savepoint of a stop is complete; the job ends now. */
  readonly stopping: { readonly requestId: number; readonly id: number; readonly path: string } | undefined
  readonly statistics: CheckpointStatistics
}

export type CoordinatorEvent =
  /** Time has passed. */
  | { readonly type: 'tick' }
  | { readonly type: 'recovered'; readonly retained: readonly CompletedCheckpoint[]; readonly nextId: number }
  /** An earlier master has begun checkpoints up to this one. */
  | { readonly type: 'numbersUsed'; readonly upTo: number }
  | { readonly type: 'tasks'; readonly subtasks: readonly CheckpointSubtask[] }
  | { readonly type: 'taskFinished'; readonly subtask: CheckpointSubtask; readonly committables: readonly Committable[] }
  | { readonly type: 'suspend'; readonly reason: Error; readonly restarted: readonly RestartedSubtask[] | 'all'; readonly again?: boolean }
  | { readonly type: 'request'; readonly request: ManualRequest }
  | { readonly type: 'prepared'; readonly id: number }
  | { readonly type: 'enumerators'; readonly id: number; readonly enumerators: readonly EnumeratorSnapshot[] }
  | { readonly type: 'notTriggered'; readonly id: number; readonly attemptId: ExecutionAttemptId; readonly error: Error }
  | {
      readonly type: 'acknowledged'
      readonly id: number
      readonly attemptId: ExecutionAttemptId
      readonly state: SubtaskState
      readonly metrics: SubtaskCheckpointMetrics
    }
  | { readonly type: 'declined'; readonly id: number; readonly attemptId: ExecutionAttemptId; readonly error: Error }
  | { readonly type: 'stored'; readonly id: number; readonly metadata: CheckpointMetadata; readonly metadataSize: number }
  | { readonly type: 'committed'; readonly id: number }
  /** Preparing, snapshotting enumerators, storing or committing went wrong. */
  | { readonly type: 'broke'; readonly id: number; readonly error: Error }
  | { readonly type: 'swept'; readonly nextId: number; readonly files: readonly string[]; readonly directories: readonly string[] }
  | { readonly type: 'restored'; readonly checkpointId: number }
  | { readonly type: 'end'; readonly state: JobState }

export type CoordinatorEffect =
  /** See that the checkpoint's directory can be written: answered by 'prepared' or 'broke'. */
  | { readonly type: 'prepare'; readonly id: number; readonly directory: string; readonly savepoint: boolean }
  /** Snapshot the enumerators ('enumerators' or 'broke', at once), then trigger these subtasks. */
  | { readonly type: 'trigger'; readonly id: number; readonly barrier: CheckpointBarrier; readonly attempts: readonly ExecutionAttemptId[] }
  | {
      readonly type: 'store'
      readonly id: number
      readonly directory: string
      readonly metadata: CheckpointMetadata
      /** State that no earlier checkpoint has verified. */
      readonly fresh: readonly StateBytes[]
      /** A second copy of the metadata, in the job's own directory; undefined: none. */
      readonly copy: string | undefined
    }
  | { readonly type: 'commit'; readonly id: number; readonly committables: readonly Committable[] }
  | { readonly type: 'conclude'; readonly id: number; readonly attempts: readonly ExecutionAttemptId[]; readonly complete: boolean }
  /** Splits held back for it go out. */
  | { readonly type: 'release'; readonly id: number }
  /** Files first, then what `emptied` hold, then directories with all in them. Failures are logged. */
  | {
      readonly type: 'delete'
      readonly files: readonly string[]
      readonly directories: readonly string[]
      readonly emptied?: readonly string[]
    }
  /** Look for files below the job's directory: answered by 'swept'. */
  | { readonly type: 'sweep'; readonly nextId: number }
  | { readonly type: 'succeed'; readonly requestId: number; readonly id: number; readonly path: string }
  | { readonly type: 'refuse'; readonly requestId: number; readonly error: Error }
  | { readonly type: 'failJob'; readonly error: Error }
  | { readonly type: 'cancelJob' }
  | { readonly type: 'log'; readonly level: 'info' | 'warn'; readonly message: string; readonly error?: Error | undefined }
