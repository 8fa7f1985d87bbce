/**
 * Where a program runs. The JobManager runs it for good; a worker runs it again only to have its functions. Both say so by the global
 * value that this module reads: the program's bundle and the host have no module in common.
 */
import { defineError } from '#core/errors/define-error.js'
import type { Pipeline } from './transformation.js'

export const NoProgramHost = defineError('API_NO_PROGRAM_HOST', {
  recovery: 'none',
  message: () => `There is nothing here that could run a job: start the program with 'weft run <file>' instead of with node`,
})

export type JobStatus =
  | 'INITIALIZING'
  | 'CREATED'
  | 'RUNNING'
  | 'FAILING'
  | 'FAILED'
  | 'CANCELLING'
  | 'CANCELED'
  | 'FINISHED'
  | 'RESTARTING'
  | 'SUSPENDED'
  | 'RECONCILING'

export interface JobExecutionResult {
  readonly jobId: string
  /** From the submission to the end, ms. */
  readonly netRuntime: number
}

/** A job that was started. Flink's JobClient. */
export interface JobClient {
  getJobID(): string
  getJobStatus(): Promise<JobStatus>
  /** Resolves when the job has ended. */
  cancel(): Promise<void>
  /** Resolves with the path of the savepoint. `directory` absent: execution.checkpointing.savepoint-dir. */
  triggerSavepoint(directory?: string): Promise<string>
  /** Ends the job with a savepoint; `advanceToEndOfEventTime`: event-time windows fire before. Resolves with the savepoint's path. */
  stopWithSavepoint(advanceToEndOfEventTime: boolean, directory?: string): Promise<string>
  /** Resolves when the job has finished. Rejects with its failure, or when it was cancelled. */
  getJobExecutionResult(): Promise<JobExecutionResult>
}

export interface SubmittedJob extends JobClient {
  /** Elements of the collect operator, in the order of their arrival. Can be read once. */
  collect(): AsyncIterable<unknown>
}

export interface ProgramHost {
  readonly args: readonly string[]
  /** What was set before the program began. */
  readonly configuration: Readonly<Record<string, string>>
  /** @throws CONFIG_UNKNOWN_OPTION, CONFIG_INVALID_VALUE */
  checkOption(key: string, value: string): void
  /** A pipeline was begun; asked at the end whether it was executed. */
  began(pipeline: () => number): void
  submit(pipeline: Pipeline): Promise<SubmittedJob>
}

export const PROGRAM_HOST = Symbol.for('weft.program-host')

/** @throws API_NO_PROGRAM_HOST */
export function programHost(): ProgramHost {
  const host = (globalThis as { [PROGRAM_HOST]?: ProgramHost })[PROGRAM_HOST]
  if (host === undefined) throw new NoProgramHost({})
  return host
}
