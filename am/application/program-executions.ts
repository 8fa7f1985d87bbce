/** The DataStream side of a program that runs in the application: its graphs become jobs of this master. */
import { collectedRows } from '#core/rest/collected-rows.js'
import type { Environment } from '#core/time/environment.js'
import type { JobClient, SubmittedJob } from '#api/datastream/program-host.js'
import { decodeCollected, functionCoordinators } from '#api/host/coordinators.js'
import { ProgramExecutions, type BundledProgram } from '#api/host/program-executions.js'
import type { ProgramGraph } from '#api/host/program-graph.js'
import type { Job } from '../jobmaster/job-master.js'
import { SavepointsUnavailable } from './errors.js'
import { jobFinished, type StatementRunner } from './statement-runner.js'

export const POLL_MS = 10

export class ApplicationExecutions extends ProgramExecutions {
  readonly #environment: Environment
  readonly #runner: StatementRunner
  readonly #canceled: () => boolean

  constructor(program: BundledProgram, environment: Environment, runner: StatementRunner, canceled: () => boolean) {
    super(program)
    this.#environment = environment
    this.#runner = runner
    this.#canceled = canceled
  }

  protected ended(): boolean {
    return this.#canceled()
  }

  protected start({ jobGraph, definitions }: ProgramGraph): SubmittedJob {
    const program = { bundle: this.program.bundle, coordinators: functionCoordinators(definitions) }
    return this.#submitted(this.#runner.executeProgram({ jobGraph, program }))
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
    const { collect } = job
    if (collect !== undefined)
      for await (const { cells } of collectedRows((token) => collect.fetch(token), this.#environment, POLL_MS))
        yield decodeCollected(cells[0] ?? null)
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
