/**
 * What a planner and a coordinator know of a connector. `factory.ts` of each connector exports a TableConnector; it loads
 * neither readers nor writers. The registry of all is connectors/registry.ts.
 */
import type { Configuration } from '#core/config/configuration.js'
import type { FileSystems } from '#core/fs/file-systems.js'
import type { JobId, OperatorId } from '#core/ids/ids.js'
import type { Environment } from '#core/time/environment.js'
import type { Schema } from '#core/types/schema.js'

/** An option of a WITH clause. Names and defaults are Flink's. */
export interface TableOption {
  /** Exact key, or a pattern with `#` for a column name: `fields.#.min`. */
  readonly key: string
  readonly required?: boolean
  readonly description: string
  /** Problem with the value in words, or undefined. */
  check?(value: string, schema: Schema): string | undefined
}

export interface TableConnector {
  readonly identifier: string
  readonly options: readonly TableOption[]
  /** Parallelism the table's options ask for (`scan.parallelism`, `sink.parallelism`), or undefined. */
  parallelism?(options: Readonly<Record<string, string>>, use: 'source' | 'sink'): number | undefined
  /** Absent: cannot be read. */
  readonly source?: {
    bounded(options: Readonly<Record<string, string>>): boolean
    /** Highest useful parallelism for these options, or undefined. */
    maxParallelism?(options: Readonly<Record<string, string>>): number | undefined
  }
  /** Absent: cannot be written. 'append': takes +I only; 'all': any row kind. */
  readonly sink?: { readonly changelog: 'append' | 'all' }
  /** True: takes a `format` option and that format's options, prefixed (`csv.field-delimiter`). */
  readonly formats?: boolean
  /** True: columns may be ROWs. It is given their fields as columns of their own, named `column.field`. */
  readonly rows?: boolean
  /** Its tables may have VARIANT columns: it writes them as their JSON. Files have no form for them, in Flink neither. */
  readonly variants?: boolean
  /** Everything beyond single options (combinations, schema); throws a WeftError. */
  validate?(options: Readonly<Record<string, string>>, schema: Schema, use: 'source' | 'sink'): void
}

/** What an enumerator or committer is given. */
export interface CoordinatorContext {
  readonly jobId: JobId
  readonly operatorId: OperatorId
  readonly parallelism: number
  readonly configuration: Configuration
  readonly environment: Environment
  readonly fileSystems: FileSystems
}

/** Beside the JobMaster: finds splits and hands them out. Splits are plain JSON. */
export interface SplitEnumerator {
  /** `restored`: what snapshotState gave for the checkpoint that the job begins with; undefined: it begins anew. */
  start(restored?: unknown): Promise<void>
  /**
   * The next split for that subtask, or null when there will be no more. May wait until there is one; a later call for the same subtask
   * (its next attempt's) takes the place of the one that waits, which is answered with null.
   */
  nextSplit(subtaskIndex: number): Promise<unknown>
  /** What has not been handed out by now (JSON). Splits in readers are theirs to keep. */
  snapshotState(): unknown
  /**
   * Splits, as far as a reader came with them or as they were handed out, of a subtask that is started again without them. Also called
   * with none: a call of nextSplit that waits for that subtask is answered with null, for nobody listens any more.
   */
  addSplitsBack(splits: readonly unknown[], subtaskIndex: number): void
  /**
   * Once, after `start` and before any other call: readers that run on have these splits, which the enumerator of a lost master handed out
   * after the state of `start`. All of them, as they were handed out; none of them may be handed out again. Absent: such readers begin again.
   */
  assigned?(splits: readonly unknown[]): void
  /** Rows that are known to wait in splits that were not handed out; undefined: not known. For the autoscaler, often: no look at anything outside. */
  pendingRecords?(): number | undefined
  close(): Promise<void>
}

/** The checkpoint that a job, or a part of it, goes on from, as a committer is told. */
export interface CommitterRestore {
  readonly checkpointId: number
  /** What its subtasks prepared for that checkpoint; may have been committed already. */
  readonly committables: readonly unknown[]
}

/**
 * Beside the JobMaster: makes visible what a sink's subtasks prepared. Every method may be repeated, with the same arguments, by this
 * master or the next one.
 */
export interface SinkCommitter {
  /**
   * Before the first task of an attempt runs: checks that the target can be written; commits what `restored` holds; gives up what
   * earlier attempts prepared beyond it, and what an end of the job that was never recorded has made visible. Undefined: the attempt
   * begins anew, so everything that the job made is given up. `subtasks`: only these start again, what the others prepared is theirs.
   */
  start(restored?: CommitterRestore, subtasks?: readonly number[]): Promise<void>
  /**
   * A checkpoint is complete, or (`last`) the job ended well: its committables, of all subtasks. Some may have been in an earlier call.
   * Before and between the calls of a job that takes checkpoints rows of later ones are being prepared; after `last` nothing comes.
   */
  commit(committables: readonly unknown[], last: boolean): Promise<void>
  /** The job failed or was cancelled for good: nothing uncommitted may stay behind. What checkpoints committed stays. */
  abort(): Promise<void>
}
