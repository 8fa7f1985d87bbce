/**
 * A script or program that runs in this client and whose jobs run in a session: what `Application` is in a master of its own. Answers
 * what `followApplication` asks, so that attached mode looks the same wherever jobs run.
 */
import type { JobGraph } from '#core/graph/job-graph.js'
import { isTerminalJobState } from '#core/graph/states.js'
import type { ApplicationDetails, CollectedRows, JobDetails, StatementSummary } from '#core/rest/responses.js'
import type { Environment, Millis } from '#core/time/environment.js'
import type { PlannedStatement } from '#sql/session/statement-effect.js'
import { failureLines } from './failure-lines.js'
import { DetachedSelect, RemoteJobCanceled } from './errors.js'
import type { RemoteJob } from './remote-job.js'
import type { SessionConnection } from './session-connection.js'
import { submitJob } from './submit-job.js'

/** A job whose rows are read by the program, or shown to whoever follows. */
export interface StartedJob {
  readonly job: RemoteJob
  /** Of its result; empty: it has none. */
  readonly columns: readonly string[]
  readByProgram(): void
  /** No effect once it is read by the program. @throws SESSION_DETACHED_SELECT */
  showToClient(): Promise<void>
}

export interface SessionApplicationSettings {
  readonly id: string
  readonly name: string
  /** Somebody follows: waits for the jobs, sees a SELECT's rows. */
  readonly attached: boolean
  readonly environment: Environment
  readonly connection: SessionConnection
  /** Told of each job when the session has taken it. */
  onJob?(job: RemoteJob): void
}

export class SessionApplication {
  readonly #settings: SessionApplicationSettings
  readonly #statements: StatementSummary[] = []
  readonly #jobs: RemoteJob[] = []
  readonly #canceledByProgram = new Set<RemoteJob>()
  readonly #startTime: Millis
  #status: ApplicationDetails['status'] = 'CREATED'
  #endTime: Millis = -1
  #failure: string | null = null
  #left = false

  constructor(settings: SessionApplicationSettings) {
    this.#settings = settings
    this.#startTime = settings.environment.clock.now()
  }

  get attached(): boolean {
    return this.#settings.attached
  }

  get environment(): Environment {
    return this.#settings.environment
  }

  /** In the order of their submission. */
  get jobs(): readonly RemoteJob[] {
    return this.#jobs
  }

  /** Nobody is there any more: no further statement is run. */
  get left(): boolean {
    return this.#left
  }

  leave(): void {
    this.#left = true
  }

  /** Runs `program` and, attached, waits for its jobs. Resolves with the failure: lines for people, cause first; null when it went well. */
  async run(program: () => Promise<void>): Promise<string | null> {
    this.#status = 'RUNNING'
    try {
      await program()
      if (this.attached) for (const job of this.#jobs) if (!this.#canceledByProgram.has(job)) await job.finished()
      this.#status = 'FINISHED'
    } catch (error) {
      this.#failure = failureLines(error)
      this.#status = RemoteJobCanceled.is(error) ? 'CANCELED' : 'FAILED'
    }
    this.#endTime = this.environment.clock.now()
    return this.#failure
  }

  /** Answers with the job that was started, if any. A SELECT's result is for whoever follows. @throws SESSION_* */
  async execute(statement: PlannedStatement): Promise<RemoteJob | undefined> {
    if (statement.effect.kind === 'job' && statement.effect.columns !== null && !this.attached) throw new DetachedSelect({})
    const started = await this.executeUnread(statement)
    await started?.showToClient()
    return started?.job
  }

  /** As `execute`, but who reads a SELECT's result is decided later, by one of the answer's methods. */
  async executeUnread({ text, kind, effect }: PlannedStatement): Promise<StartedJob | undefined> {
    const summary: StatementSummary = { index: this.#statements.length, text, kind, jobid: null, columns: null, rows: null }
    if (effect.kind === 'message') {
      summary.columns = ['result']
      summary.rows = effect.text.split('\n').map((line) => [line])
    } else if (effect.kind === 'rows') {
      summary.columns = [...effect.columns]
      summary.rows = effect.rows.map((row) => [...row])
    }
    if (effect.kind !== 'job') {
      this.#statements.push(summary)
      return undefined
    }
    const { columns, order } = effect
    const job = await this.#submit(effect.jobGraph)
    this.#statements.push(summary)
    // Who follows decides at the first sight of a job whether to fetch rows.
    if (columns === null) summary.jobid = job.jobId
    return {
      job,
      columns: columns ?? [],
      readByProgram: () => void (summary.jobid ??= job.jobId),
      showToClient: async () => {
        if (summary.jobid !== null || columns === null) return
        if (!this.attached) {
          await job.cancel()
          throw new DetachedSelect({})
        }
        summary.columns = [...columns]
        if (order !== undefined) summary.order = [...order]
        summary.jobid = job.jobId
      },
    }
  }

  /** Starts a job of a DataStream program. */
  async executeProgram(jobGraph: JobGraph, bundle: Uint8Array): Promise<RemoteJob> {
    const job = await this.#submit(jobGraph, bundle)
    const text = `execute('${jobGraph.name}')`
    this.#statements.push({ index: this.#statements.length, text, kind: 'execute', jobid: job.jobId, columns: null, rows: null })
    return job
  }

  /** The program wants no more of it: its end is not this application's. */
  async cancel(job: RemoteJob): Promise<void> {
    this.#canceledByProgram.add(job)
    await job.cancel()
  }

  async #submit(jobGraph: JobGraph, bundle?: Uint8Array): Promise<RemoteJob> {
    const job = await submitJob(this.#settings.connection, this.environment, jobGraph, bundle)
    this.#jobs.push(job)
    this.#settings.onJob?.(job)
    return job
  }

  // For followApplication.

  async application(): Promise<ApplicationDetails> {
    const own = new Set(this.#jobs.map(({ jobId }) => jobId))
    // As of before the jobs are asked for: a statement of now may have no job there yet.
    const statements = [...this.#statements]
    const { id, name } = this.#settings
    const { jobs } = own.size === 0 ? { jobs: [] } : await this.#settings.connection.master.jobs()
    return {
      id,
      name,
      status: this.#status,
      'start-time': this.#startTime,
      'end-time': this.#endTime,
      duration: (this.#endTime < 0 ? this.environment.clock.now() : this.#endTime) - this.#startTime,
      jobs: jobs.filter(({ jid }) => own.has(jid)),
      statements,
      failure: this.#failure,
    }
  }

  acknowledge(): Promise<void> {
    return Promise.resolve()
  }

  job(jobId: string): Promise<JobDetails> {
    return this.#settings.connection.master.job(jobId)
  }

  collect(jobId: string, token: number): Promise<CollectedRows> {
    return this.#settings.connection.master.collect(jobId, token)
  }

  /** Those that go on without this client. */
  async running(): Promise<RemoteJob[]> {
    const { jobs } = await this.#settings.connection.master.jobs()
    const running = new Set(jobs.filter(({ state }) => !isTerminalJobState(state)).map(({ jid }) => jid))
    return this.#jobs.filter(({ jobId }) => running.has(jobId))
  }
}
