/**
 * Between the JobMaster and its CheckpointCoordinator: what the coordinator asks of the JobMaster (CheckpointHost), and what the
 * JobMaster tells and asks the coordinator (Checkpoints). Everything happens on the JobMaster's thread; no method throws unless said.
 */
import type { CheckpointMetadata, SubtaskCheckpointMetrics, SubtaskState, TaskRestore } from '#core/checkpoint/state-handles.js'
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import type { JobState } from '#core/graph/states.js'
import type { ExecutionAttemptId, OperatorId, VertexId } from '#core/ids/ids.js'
import type { Committable } from '../executiongraph/execution-graph.js'
import type { Parallelism } from '../executiongraph/rescaled-graph.js'
import type { CheckpointSettings } from './settings.js'
import type { CheckpointRecord, CheckpointStatistics } from './statistics.js'

/** A subtask of the job in its current attempt. */
export interface CheckpointSubtask {
  readonly vertexId: VertexId
  readonly subtaskIndex: number
  readonly attemptId: ExecutionAttemptId
  /** 'away': not RUNNING yet, or on its way out; no checkpoint begins meanwhile. */
  readonly state: 'away' | 'running' | 'finished'
}

export interface EnumeratorSnapshot {
  readonly operatorId: OperatorId
  /** JSON. */
  readonly state: unknown
}

export interface CheckpointHost {
  /** As it is run now: the parallelism of its vertices may change. */
  jobGraph(): JobGraph
  /** Every subtask of the job, in any order; as of now. */
  subtasks(): readonly CheckpointSubtask[]
  /** TaskExecutor.triggerCheckpoint of that subtask. Rejects when it is not there or refuses. */
  trigger(attemptId: ExecutionAttemptId, barrier: CheckpointBarrier): Promise<void>
  /** TaskExecutor.concludeCheckpoint, grouped by worker; a worker that is not there hears nothing. */
  conclude(attemptIds: readonly ExecutionAttemptId[], checkpointId: number, complete: boolean): void
  /**
   * The enumerators' state at this moment. From now on answers to split requests of these subtasks are held back, each until
   * releaseSplits (always called for each, sooner or later). May throw: the checkpoint is given up.
   */
  snapshotEnumerators(checkpointId: number, sources: readonly ExecutionAttemptId[]): readonly EnumeratorSnapshot[]
  /** The subtask has taken its snapshot, or the checkpoint is over: its splits after the snapshot may go out. */
  releaseSplits(checkpointId: number, attemptId: ExecutionAttemptId): void
  /** A checkpoint that the job may go on from is complete: committers make its output visible. Calls come one after the other, in order of completion. */
  commit(checkpointId: number, committables: readonly Committable[]): Promise<void>
  /**
   * The job cannot go on as it is: more failed checkpoints than tolerated, a commit that failed, a stop with drain whose savepoint failed.
   * It fails over (what its restart strategy says), and the coordinator hears `suspend`.
   */
  failJob(error: Error): void
  /** The savepoint of `cancel -s` is complete. */
  cancelJob(): void
}

export interface SavepointRequest {
  /** Undefined: execution.checkpointing.savepoint-dir. */
  readonly directory?: string | undefined
  /** The job ends FINISHED once the savepoint is complete. Absent, null: it goes on. */
  readonly stop?: 'suspend' | 'drain' | null
  /** The job is cancelled once the savepoint is complete (Flink's cancel-with-savepoint). */
  readonly cancel?: boolean
}

/** What a job, or a part of it, starts from. */
export interface RestoredJob {
  readonly checkpointId: number
  /** The directory that holds `_metadata`: full URI. */
  readonly path: string
  readonly metadata: CheckpointMetadata
  /** By vertex and subtask index; a vertex that is not there starts without state. */
  readonly tasks: ReadonlyMap<VertexId, readonly TaskRestore[]>
  readonly enumerators: ReadonlyMap<OperatorId, unknown>
  /** For SinkCommitter.start: to be committed (again). */
  readonly committables: readonly Committable[]
  /** What an earlier master had rescaled the job to; absent: it is as it was submitted. */
  readonly parallelism?: Parallelism
}

/** A subtask that is started again. */
export interface RestartedSubtask {
  readonly vertexId: VertexId
  readonly subtaskIndex: number
}

/** For people. */
export interface CheckpointsView {
  readonly settings: CheckpointSettings
  /** Full URI. */
  readonly directory: string
  readonly statistics: CheckpointStatistics
  /** Ascending by id. */
  readonly inProgress: readonly CheckpointRecord[]
  /** Directories of checkpoints that are still there. */
  readonly retained: ReadonlySet<string>
}

export interface Checkpoints {
  readonly view: CheckpointsView
  /**
   * Once, before the first task of this master: the newest complete checkpoint in the job's own directory, else the savepoint or checkpoint
   * of `execution.state-recovery.path`, else undefined: the job begins anew. @throws CHECKPOINT_* when the user's path cannot be restored
   * `passOver`: checkpoints of an earlier master count for nothing, since what else the job needs went with it (rows of a SELECT).
   */
  recover(passOver?: boolean): Promise<RestoredJob | undefined>
  /** After `recover`, when tasks of an earlier master go on: barriers of its checkpoints up to this one may still be on their way. */
  numbersUsed(upTo: number): void
  /**
   * At every later failover, after suspend(): the newest complete checkpoint, or what recover() found; undefined: the region begins anew.
   * Waits for a checkpoint that is being written down or committed, since it may become the newest.
   */
  restore(): Promise<RestoredJob | undefined>
  /** Resolves when no checkpoint is being written down or committed (others than suspended ones may still begin). */
  settled(): Promise<void>
  /** A subtask changed its state: all running (or finished) lets checkpoints begin. Cheap; call it after every change. */
  tasksChanged(): void
  /** Call before tasksChanged. `committables`: what it prepared and no checkpoint has acknowledged. */
  taskFinished(subtask: CheckpointSubtask, committables: readonly Committable[]): void
  /**
   * A region fails over, or the job ends: pending checkpoints are given up, and nothing begins until tasksChanged finds all tasks running.
   * What finished subtasks among `restarted` had prepared is forgotten ('all': the whole job starts again; []: nothing does). `again`: who
   * asked for one that is given up waits for the next.
   */
  suspend(reason: Error, restarted: readonly RestartedSubtask[] | 'all', again?: boolean): void
  acknowledge(attemptId: ExecutionAttemptId, checkpointId: number, state: SubtaskState, metrics: SubtaskCheckpointMetrics): void
  decline(attemptId: ExecutionAttemptId, checkpointId: number, error: Error): void
  /** What finished subtasks prepared and no complete checkpoint has committed: for the commit at the job's end. */
  uncommitted(): readonly Committable[]
  /** Resolves with the savepoint's directory. @throws CHECKPOINT_* */
  triggerSavepoint(request: SavepointRequest): Promise<string>
  /** A checkpoint at once, out of its turn. Resolves with its number. @throws CHECKPOINT_* */
  triggerCheckpoint(type: 'CONFIGURED' | 'FULL' | 'INCREMENTAL'): Promise<number>
  /**
   * A checkpoint at once from which `jobGraph` can go on: the job at another parallelism. No record is in flight in it, and no other checkpoint
   * begins before it is complete. Resolves with its number. `prepare` comes before it: with what the tasks would begin with if they began from
   * the newest complete checkpoint, of which most is likely to be in that one, too. @throws CHECKPOINT_* also when its state cannot be dealt
   * out to `jobGraph`
   */
  triggerForRescale(jobGraph: JobGraph, prepare?: (tasks: RestoredJob['tasks']) => Promise<void>): Promise<number>
  /**
   * The job has reached its end (SUSPENDED: this master goes, a later one goes on): nothing begins any more, and checkpoints are kept or
   * deleted as externalized-checkpoint-retention says. Resolves when that is done; never rejects.
   */
  end(state: JobState): Promise<void>
  /** A while after `end`: what has been written since goes as it did then. Never rejects. */
  removeLeftovers(state: JobState): Promise<void>
}
