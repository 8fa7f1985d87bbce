/**
 * The contract of operators, sources and sinks as a task runs them. All methods are called from the slot's mailbox, one at a
 * time; none blocks. A method that returns a promise holds back the next input of the task until it settles (back-pressure).
 */
import type { Configuration } from '#core/config/configuration.js'
import type { FileSystems } from '#core/fs/file-systems.js'
import type { JobId, OperatorId } from '#core/ids/ids.js'
import type { Environment } from '#core/time/environment.js'
import type { Schema } from '#core/types/schema.js'
import type { Batch } from '../columnar/batch.js'
import type { Stateful } from '../state/snapshot.js'

/** No watermark yet, and the watermark after the last record. */
export const NO_WATERMARK = Number.MIN_SAFE_INTEGER
export const MAX_WATERMARK = Number.MAX_SAFE_INTEGER

/** Where an operator's output goes: the next operator of the chain, and result partitions. */
export interface Output {
  collect(batch: Batch): void
  /** Ms; rises strictly, the caller sees to it. */
  emitWatermark(watermark: number): void
  /**
   * Idle: rows may stay away for long, so nothing downstream waits for this output's watermark until it is active again. Absent
   * where nobody combines watermarks.
   */
  emitIdle?(idle: boolean): void
}

/** Counts what a function of the program wants counted; shown among the task's metrics. */
export interface Counter {
  inc(by?: number): void
  readonly count: number
}

export interface OperatorContext {
  readonly jobId: JobId
  /** 0, 1, … : which attempt to run the subtask this is. */
  readonly attemptNumber: number
  readonly operatorId: OperatorId
  readonly operatorName: string
  readonly subtaskIndex: number
  readonly parallelism: number
  readonly maxParallelism: number
  readonly inputSchemas: readonly Schema[]
  readonly outputSchema: Schema
  /** Job-level configuration. */
  readonly configuration: Configuration
  readonly environment: Environment
  readonly fileSystems: FileSystems
  /** Asks the operator's coordinator beside the JobMaster (core/rpc/operator-events.ts). */
  requestCoordinator(event: unknown): Promise<unknown>
  /** A line of the print connector: the container's stdout, or the client's terminal in local mode. */
  printLine(line: string, stderr: boolean): void
  /** Counts rows dropped because they came too late. */
  countLate(rows: number): void
  /** This operator's counter of that name, the same each time. */
  counter(name: string): Counter
  /** Key groups of this subtask, both inclusive. */
  readonly keyGroups: { readonly first: number; readonly last: number }
  /** Runs the action in the mailbox after `delay` ms unless the task has ended. */
  schedule(delay: number, action: () => void): { cancel(): void }
  /**
   * For work that emits much at once: resolves in a later turn of the mailbox, when the outputs have room, state that exceeds its memory
   * has gone to disk, and no snapshot is being read. The operator has returned one promise for that work. Rejected when the task ends.
   */
  nextTurn(): Promise<void>
}

export interface Operator extends Stateful {
  open?(context: OperatorContext, output: Output): void | Promise<void>
  /** `input` counts the operator's inputs (a join: 0 left, 1 right). May be called again before a returned promise settles. */
  processBatch(batch: Batch, input: number): void | Promise<void>
  /**
   * The lowest watermark over all inputs has risen. The operator passes it on when it has emitted what it fires. May be called again,
   * and the input may end, before a returned promise settles.
   */
  processWatermark(watermark: number): void | Promise<void>
  /** That input has ended. After the last one the operator emits what is left; the task then sends MAX_WATERMARK before this. */
  endInput(input: number): void | Promise<void>
  /**
   * Two-phase sinks: at a barrier (before snapshotState) and after endInput. Resolves with what makes visible all rows since the last
   * call; the coordinator commits it when the checkpoint, or the job, is complete. Rows that come before it resolves belong to the
   * next call. [] or absent: nothing.
   */
  prepareCommit?(): Promise<readonly unknown[]>
  /** Always called once at the end; `failed`: the task failed or was cancelled, uncommitted work is given up. */
  close?(failed: boolean): void | Promise<void>
}

/** A source: pulled by the task whenever its outputs have room. */
export interface SourceOperator extends Stateful {
  open?(context: OperatorContext, output: Output): void | Promise<void>
  /**
   * Emits at most a few batches. 'more': call again; 'end': no more rows will come. A promise: waiting for input. It emits only
   * before it returns, never while its promise is pending: between polls, and while one is pending, a snapshot may be taken.
   */
  poll(): 'more' | 'end' | Promise<'more' | 'end'>
  close?(failed: boolean): void | Promise<void>
}
