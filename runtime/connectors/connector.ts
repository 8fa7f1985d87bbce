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
  start(): Promise<void>
  /** The next split for that subtask, or null when there are no more. */
  nextSplit(subtaskIndex: number): Promise<unknown>
  /** Splits handed to a subtask that failed come back (all of the job restarts: everything does). */
  reset(): void
  close(): Promise<void>
}

/** Beside the JobMaster: makes visible what a sink's subtasks prepared. Every method may be repeated. */
export interface SinkCommitter {
  /** Before the first task runs: checks that the target can be written. */
  start(): Promise<void>
  /** The job ended well: all committables of all subtasks. */
  commit(committables: readonly unknown[]): Promise<void>
  /** The job failed, was cancelled or restarts: nothing of it may stay behind. */
  abort(): Promise<void>
}
