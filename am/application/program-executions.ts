/** The DataStream side of a program that runs for good: its graphs become jobs, submitted one after the other as the program says. */
import { createHash } from 'node:crypto'
import { Configuration } from '#core/config/configuration.js'
import { MAX_BLOB_BYTES } from '#core/rpc/gateways/blob.js'
import { executedJobId, type JobId } from '#core/ids/ids.js'
import { sleep, type Environment } from '#core/time/environment.js'
import type { JobClient, ProgramHost, SubmittedJob } from '#api/datastream/program-host.js'
import type { Pipeline } from '#api/datastream/transformation.js'
import { decodeCollected, functionCoordinators } from '#api/host/coordinators.js'
import { ProgramTooLarge } from '#api/host/graph-errors.js'
import { programGraph } from '#api/host/program-graph.js'
import type { Job } from '../jobmaster/job-master.js'
import { ExecuteMissing, SavepointsUnavailable } from './errors.js'
import { jobFinished, type StatementRunner } from './statement-runner.js'

export interface ExecutedProgram {
  readonly name: string
  readonly args: readonly string[]
  readonly configuration: Configuration
  /** Of the application. */
  readonly jobId: JobId
  readonly bundle: Uint8Array
}

const POLL_MS = 10

export class ProgramExecutions implements ProgramHost {
  readonly args: readonly string[]
  readonly configuration: Readonly<Record<string, string>>
  readonly #program: ExecutedProgram
  readonly #environment: Environment
  readonly #runner: StatementRunner
  readonly #canceled: () => boolean
  readonly #pipelines: (() => number)[] = []
  #executions = 0

  constructor(program: ExecutedProgram, environment: Environment, runner: StatementRunner, canceled: () => boolean) {
    this.#program = program
    this.args = program.args
    this.configuration = program.configuration.toRecord()
    this.#environment = environment
    this.#runner = runner
    this.#canceled = canceled
  }

  /** Calls of execute() so far. */
  get executions(): number {
    return this.#executions
  }

  checkOption(key: string, value: string): void {
    Configuration.of({ [key]: value }).validate(`set in ${this.#program.name}`)
  }

  began(pipeline: () => number): void {
    this.#pipelines.push(pipeline)
  }

  /** The program has ended. @throws APPLICATION_EXECUTE_MISSING when it built something and ran it not */
  checkExecuted(): void {
    const operators = this.#pipelines.reduce((sum, count) => sum + count(), 0)
    if (operators > 0) throw new ExecuteMissing({ program: this.#program.name, operators })
  }

  async submit(pipeline: Pipeline): Promise<SubmittedJob> {
    if (this.#canceled()) return await new Promise<never>(() => undefined) // the application is ending; nothing of the program runs any more
    const { name, bundle, args, jobId } = this.#program
    if (bundle.length > MAX_BLOB_BYTES) throw new ProgramTooLarge({ name, bytes: bundle.length, limit: MAX_BLOB_BYTES })
    const execution = this.#executions++
    const { jobGraph, definitions } = programGraph(pipeline, executedJobId(jobId, execution), {
      name,
      bundle: { blobKey: createHash('sha256').update(bundle).digest('hex'), size: bundle.length },
      args: [...args],
      configuration: this.configuration,
      execution,
    })
    const job = this.#runner.executeProgram({ jobGraph, program: { bundle, coordinators: functionCoordinators(definitions) } })
    return this.#submitted(job)
  }

  #submitted(job: Job): SubmittedJob {
    const { clock } = this.#environment
    const begin = clock.monotonic()
    return {
      ...jobClient(job, () => this.#runner.cancel(job)),
      getJobExecutionResult: async () => {
        await jobFinished(job)
        return { jobId: job.jobId, netRuntime: Math.round(clock.monotonic() - begin) }
      },
      collect: () => this.#elements(job),
    }
  }

  async *#elements(job: Job): AsyncGenerator<unknown> {
    for (let token = 0; job.collect !== undefined;) {
      const { rows, next, end } = job.collect.fetch(token)
      for (const { cells } of rows) yield decodeCollected(cells[0] ?? null)
      token = next
      if (end) break
      if (rows.length === 0) await sleep(this.#environment, POLL_MS)
    }
    await jobFinished(job)
  }
}

function jobClient(job: Job, cancel: () => void): Omit<JobClient, 'getJobExecutionResult'> {
  const checkpoints = () => {
    if (job.checkpoints === undefined) throw new SavepointsUnavailable({ job: job.jobGraph.name })
    return job.checkpoints
  }
  return {
    getJobID: () => job.jobId,
    getJobStatus: () => Promise.resolve(job.state),
    cancel: async () => {
      cancel()
      await job.result
    },
    triggerSavepoint: async (directory) => checkpoints().triggerSavepoint({ directory, stop: null, cancel: false }),
    stopWithSavepoint: async (drain, directory) =>
      checkpoints().triggerSavepoint({ directory, stop: drain ? 'drain' : 'suspend', cancel: false }),
  }
}
