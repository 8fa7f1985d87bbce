/** Runs compiled statements: the part that scripts and programs share. Keeps the list of them for REST. */
import type { JobGraph } from '#core/graph/job-graph.js'
import type { StatementSummary } from '#core/rest/responses.js'
import type { PlannedStatement } from '#sql/session/statement-effect.js'
import type { Dispatcher, SubmittedProgram } from '../dispatcher/dispatcher.js'
import type { Job } from '../jobmaster/job-master.js'
import { ApplicationCanceled, DetachedSelect } from './errors.js'
import { jobFailed } from './job-failure.js'

export class StatementRunner {
  readonly #dispatcher: Dispatcher
  readonly #attached: boolean
  readonly #statements: StatementSummary[] = []
  readonly #jobs: Job[] = []
  readonly #canceledByProgram = new Set<Job>()
  /** The first job was submitted. */
  readonly begun: Promise<void>
  #begin!: () => void

  constructor(dispatcher: Dispatcher, attached: boolean) {
    this.#dispatcher = dispatcher
    this.#attached = attached
    this.begun = new Promise((resolve) => (this.#begin = resolve))
  }

  /** Jobs that the statements started, in order. */
  get jobs(): readonly Job[] {
    return this.#jobs
  }

  /** Jobs whose end decides how the application ends: not those that the program itself cancelled. */
  get awaited(): readonly Job[] {
    return this.#jobs.filter((job) => !this.#canceledByProgram.has(job))
  }

  /** The program wants no more of it. */
  cancel(job: Job): void {
    this.#canceledByProgram.add(job)
    job.cancel()
  }

  get statements(): readonly StatementSummary[] {
    return this.#statements
  }

  /** Answers with the job that was started, if any. A SELECT's result is for the client. @throws APPLICATION_DETACHED_SELECT, JOB_GRAPH_INVALID */
  execute(statement: PlannedStatement): Job | undefined {
    const started = this.executeUnread(statement)
    started?.showToClient()
    return started?.job
  }

  /** Starts a job of a DataStream program. @throws JOB_GRAPH_INVALID */
  executeProgram({ jobGraph, program }: ProgramJob): Job {
    const index = this.#statements.length
    const job = this.#dispatcher.submit(jobGraph, index, program)
    this.#jobs.push(job)
    this.#begin()
    const summary: StatementSummary = {
      index,
      text: `execute('${jobGraph.name}')`,
      kind: 'execute',
      jobid: job.jobId,
      columns: null,
      rows: null,
    }
    if (job.recovered) summary.recovered = true
    this.#statements.push(summary)
    return job
  }

  /** As `execute`, but who reads a SELECT's result is decided later, by one of the answer's methods. */
  executeUnread({ text, kind, effect }: PlannedStatement): StartedJob | undefined {
    const index = this.#statements.length
    const summary: StatementSummary = { index, text, kind, jobid: null, columns: null, rows: null }
    switch (effect.kind) {
      case 'none':
        break
      case 'message':
        summary.columns = ['result']
        summary.rows = effect.text.split('\n').map((line) => [line])
        break
      case 'rows':
        summary.columns = [...effect.columns]
        summary.rows = effect.rows.map((row) => [...row])
        break
      case 'job': {
        const { columns } = effect
        const job = this.#dispatcher.submit(effect.jobGraph, index)
        this.#jobs.push(job)
        this.#begin()
        if (job.recovered) summary.recovered = true
        this.#statements.push(summary)
        // A client that sees a job decides at once whether it fetches rows: so it sees it when that is settled.
        if (columns === null) summary.jobid = job.jobId
        return {
          job,
          columns: columns ?? [],
          readByProgram: () => void (summary.jobid ??= job.jobId),
          showToClient: () => {
            if (summary.jobid !== null || columns === null) return
            if (!this.#attached) {
              job.cancel()
              throw new DetachedSelect({})
            }
            summary.columns = [...columns]
            if (effect.order !== undefined) summary.order = [...effect.order]
            summary.jobid = job.jobId
          },
        }
      }
    }
    this.#statements.push(summary)
    return undefined
  }
}

/** A job of a DataStream program. */
export interface ProgramJob {
  readonly jobGraph: JobGraph
  readonly program: SubmittedProgram
}

export interface StartedJob {
  readonly job: Job
  /** Of its result; empty: it has none. */
  readonly columns: readonly string[]
  readByProgram(): void
  /** No effect once it is read by the program. @throws APPLICATION_DETACHED_SELECT when there is no client */
  showToClient(): void
}

/** Resolves when the job has finished. @throws APPLICATION_JOB_FAILED with the failure as its cause, APPLICATION_CANCELED */
export async function jobFinished(job: Job): Promise<void> {
  const { state, failure } = await job.result
  if (state === 'FINISHED') return
  if (state === 'CANCELED') throw new ApplicationCanceled({ what: `Job '${job.jobGraph.name}' (${job.jobId})` })
  throw jobFailed(job, failure)
}
