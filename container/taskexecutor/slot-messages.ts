/** What a TaskExecutor and its slots' threads say to each other (structured clone; both are this process). */
import type { MessagePort } from 'node:worker_threads'
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import type { SubtaskCheckpointMetrics, SubtaskState } from '#core/checkpoint/state-handles.js'
import type { WireError } from '#core/errors/wire-error.js'
import type { BlobReference, TaskDeploymentDescriptor } from '#core/graph/deployment.js'
import type { ExecutionState } from '#core/graph/states.js'
import type { ExecutionAttemptId, OperatorId, ResourceId } from '#core/ids/ids.js'
import type { LogLevel } from '#core/log/logger.js'
import type { TaskMetrics } from '#core/rpc/gateways/task-metrics.js'

/** The first message to a slot's thread. */
export interface SlotDescriptor {
  readonly resourceId: ResourceId
  readonly slotIndex: number
  /** The application's secret for connections to other processes; undefined: there are none. */
  readonly secret: Uint8Array | undefined
  readonly bindHost: string | undefined
  readonly dataPorts: readonly number[]
  /** Bytes; 0: not limited. */
  readonly networkBytes: number
  /** Bytes of keyed state in memory; 0: not limited. What is beyond lies in files in `spillDirectory`. */
  readonly managedBytes: number
  readonly spillDirectory: string
  /** Copies of checkpoints' segments, by job. */
  readonly localStateDirectory: string
  readonly metricsIntervalMs: number
  readonly configuration: Readonly<Record<string, string>>
  readonly workingDirectory: string | undefined
  readonly hadoopConfiguration: Readonly<Record<string, string>> | undefined
  readonly user: string
}

export interface TaskStateUpdate {
  readonly executionAttemptId: ExecutionAttemptId
  readonly state: ExecutionState
  readonly error?: WireError
  readonly metrics?: TaskMetrics
  readonly committables?: { operatorId: OperatorId; committable: unknown }[]
}

export interface TaskMetricsEntry {
  readonly executionAttemptId: ExecutionAttemptId
  readonly metrics: TaskMetrics
}

export type TaskExecutorToSlot =
  /** `programs`: files of the bundles that the task's functions are in. */
  | {
      readonly type: 'submit'
      readonly task: TaskDeploymentDescriptor
      readonly programs: readonly { readonly bundle: BlobReference; readonly path: string }[]
    }
  /** The task is about to come: answered by `prepared` when what it needs is at hand. */
  | {
      readonly type: 'prepare'
      readonly preparation: number
      readonly task: TaskDeploymentDescriptor
      readonly programs: readonly { readonly bundle: BlobReference; readonly path: string }[]
    }
  /** The slot is no job's any more: nothing that was prepared will come. */
  | { readonly type: 'freed' }
  | { readonly type: 'cancel'; readonly executionAttemptId: ExecutionAttemptId }
  | {
      readonly type: 'trigger'
      readonly trigger: number
      readonly executionAttemptId: ExecutionAttemptId
      readonly barrier: CheckpointBarrier
    }
  | {
      readonly type: 'conclude'
      readonly executionAttemptIds: readonly ExecutionAttemptId[]
      readonly checkpointId: number
      readonly complete: boolean
    }
  /** Nobody concludes checkpoints any more: what is not acknowledged is given up, and barriers on their way count for nothing. */
  | { readonly type: 'masterLost' }
  /**
   * The next master goes on with these tasks: `checkpointId` is complete (undefined: none is), everything else up to `upTo` is given up.
   */
  | {
      readonly type: 'adopted'
      readonly executionAttemptIds: readonly ExecutionAttemptId[]
      readonly checkpointId: number | undefined
      readonly upTo: number
    }
  /** To a `request`. */
  | { readonly type: 'answer'; readonly request: number; readonly answer: unknown; readonly error?: WireError | undefined }
  /** Slot `slotIndex` opened a data connection to this one. */
  | { readonly type: 'connection'; readonly slotIndex: number; readonly port: MessagePort }
  /** The process has another size: what its slot's state may take of memory now. */
  | { readonly type: 'budget'; readonly managedBytes: number }
  /** The process is short of memory, or no more: state is to take less of it. */
  | { readonly type: 'memory'; readonly tight: boolean }
  /** That many characters of `print` messages have been written. */
  | { readonly type: 'printed'; readonly characters: number }

/** What a task says of its part in a checkpoint. */
export type CheckpointReport =
  | {
      readonly type: 'acknowledge'
      readonly executionAttemptId: ExecutionAttemptId
      readonly checkpointId: number
      readonly state: SubtaskState
      readonly metrics: SubtaskCheckpointMetrics
    }
  | { readonly type: 'decline'; readonly executionAttemptId: ExecutionAttemptId; readonly checkpointId: number; readonly error: WireError }

/** Bytes of one slot's thread. */
export interface SlotMemory {
  readonly heapUsed: number
  readonly arrayBuffers: number
  /** State of its operators: in memory, and written to local disk so far. */
  readonly stateBytes: number
  readonly spilledBytes: number
}

export type SlotToTaskExecutor =
  /** First message: the thread is ready. */
  | { readonly type: 'started'; readonly dataPort: number }
  | ({ readonly type: 'state' } & TaskStateUpdate)
  | CheckpointReport
  /** To a `trigger`: the barrier went out, or why not. */
  | { readonly type: 'triggered'; readonly trigger: number; readonly error?: WireError | undefined }
  /** To a `prepare`. */
  | { readonly type: 'prepared'; readonly preparation: number; readonly error?: WireError | undefined }
  | {
      readonly type: 'metrics'
      readonly tasks: readonly TaskMetricsEntry[]
      readonly memory: SlotMemory
    }
  /** An operator asks its coordinator. */
  | {
      readonly type: 'request'
      readonly request: number
      readonly executionAttemptId: ExecutionAttemptId
      readonly operatorId: OperatorId
      readonly event: unknown
    }
  /** Hands one end of a data connection to another slot. */
  | { readonly type: 'connectSlot'; readonly slotIndex: number; readonly port: MessagePort }
  /** Whole lines. */
  | { readonly type: 'print'; readonly text: string; readonly stderr: boolean }
  | {
      readonly type: 'log'
      readonly level: LogLevel
      readonly component: string
      readonly message: string
      readonly error?: WireError | undefined
    }
