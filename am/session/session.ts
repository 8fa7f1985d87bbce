/**
 * Session mode: this master takes jobs from clients until it is stopped or, if asked, has been idle for long enough. It outlives its
 * jobs, whatever becomes of them.
 *
 *   RUNNING ── stop (REST) or idle ──▶ CANCELING: jobs are cancelled ──▶ FINISHED
 */
import type { JobGraph } from '#core/graph/job-graph.js'
import { isTerminalJobState } from '#core/graph/states.js'
import type { JobId } from '#core/ids/ids.js'
import { logger } from '#core/log/logger.js'
import { formatDuration } from '#core/config/units.js'
import type { ApplicationDetails } from '#core/rest/responses.js'
import type { Environment, Millis, TimerHandle } from '#core/time/environment.js'
import type { ApplicationResult } from '../application/application.js'
import { checkJobGraph } from '../dispatcher/check-job-graph.js'
import type { Dispatcher } from '../dispatcher/dispatcher.js'
import type { StoredJobResults } from '../dispatcher/job-result-store.js'
import type { ProgramCoordinators } from '../jobmaster/coordinators/coordinator-loader.js'
import { InvalidJobGraph } from '../jobmaster/errors.js'
import type { Job } from '../jobmaster/job-master.js'
import { InvalidSubmission, NotSubmitted, SessionEnding } from './errors.js'
import type { Submissions } from './submissions.js'

export interface SessionSettings {
  readonly id: string
  readonly name: string
  readonly user: string
  readonly submissionDirectory: string
  /** Undefined: it does not end by itself. */
  readonly idleTimeout: Millis | undefined
  /** An earlier attempt of this master may have left jobs. */
  readonly recovers: boolean
  readonly environment: Environment
  readonly dispatcher: Dispatcher
  readonly submissions: Submissions
  /** Ends of jobs, for later attempts; undefined: there are none. */
  readonly results?: Pick<StoredJobResults, 'remove'> | undefined
  /** Enumerators and committers of a program's own sources and sinks. `ended`: the job needs them no longer. */
  coordinators(jobGraph: JobGraph, bundle: Uint8Array): { readonly program: ProgramCoordinators; close(): Promise<void> }
}

export class Session {
  readonly #settings: SessionSettings
  readonly #log = logger('Session')
  readonly #startTime: Millis
  readonly #starting = new Map<JobId, Promise<Job>>()
  #status: ApplicationDetails['status'] = 'CREATED'
  #endTime: Millis = -1
  #stop!: (why: string) => void
  readonly #stopped = new Promise<string>((resolve) => (this.#stop = resolve))
  #idle: TimerHandle | undefined
  #onRecovered!: () => void
  /** Jobs of an earlier attempt are there again: before that nobody is to be told which jobs there are. */
  readonly recovered = new Promise<void>((resolve) => (this.#onRecovered = resolve))

  constructor(settings: SessionSettings) {
    this.#settings = settings
    this.#startTime = settings.environment.clock.now()
  }

  get id(): string {
    return this.#settings.id
  }

  get user(): string {
    return this.#settings.user
  }

  get submissionDirectory(): string {
    return this.#settings.submissionDirectory
  }

  details(): Omit<ApplicationDetails, 'jobs'> {
    const { id, name, environment } = this.#settings
    return {
      id,
      name,
      status: this.#status,
      'start-time': this.#startTime,
      'end-time': this.#endTime,
      duration: (this.#endTime < 0 ? environment.clock.now() : this.#endTime) - this.#startTime,
      statements: [],
      failure: null,
    }
  }

  /** Until it is stopped; then until its jobs have ended. @throws FS_* when the jobs of an earlier attempt cannot be read */
  async run(): Promise<ApplicationResult> {
    const { dispatcher, environment } = this.#settings
    this.#status = 'RUNNING'
    if (this.#settings.recovers) await this.#recover()
    this.#onRecovered()
    this.#watchIdle()
    const why = await this.#stopped
    this.#status = 'CANCELING'
    this.#idle?.cancel()
    this.#log.info(`The session ends: ${why}.`)
    // A job that is being started is cancelled like the others.
    await Promise.allSettled(this.#starting.values())
    dispatcher.cancelAll()
    await Promise.all(dispatcher.jobs().map((job) => job.result))
    this.#endTime = environment.clock.now()
    this.#status = 'FINISHED'
    return { status: 'FINISHED', failure: null }
  }

  /** Stops the session and what runs in it. */
  cancel(): void {
    this.#stop('it was stopped by a client')
  }

  /**
   * Starts a job that lies in the submission directory; one that runs or ran here is answered with.
   * @throws SESSION_JOB_NOT_SUBMITTED, SESSION_SUBMISSION_INVALID, SESSION_ENDING, JOB_GRAPH_INVALID, FS_*
   */
  submit(jobId: JobId): Promise<Job> {
    const { dispatcher, name } = this.#settings
    const present = dispatcher.job(jobId)
    if (present !== undefined) return Promise.resolve(present)
    const starting = this.#starting.get(jobId)
    if (starting !== undefined) return starting
    if (this.#status !== 'RUNNING') return Promise.reject(new SessionEnding({ name }))
    return this.#begin(jobId, true)
  }

  /** Clients need nothing of a session that was stopped. */
  clientIsDone(): Promise<void> {
    return Promise.resolve()
  }

  contacted(): void {
    // Each SELECT looks after its own client; the session waits for none.
  }

  acknowledge(): void {
    // Nor does its end.
  }

  /** The job is not listed any more. */
  forgotten(jobId: JobId): void {
    void this.#remove(jobId)
  }

  #begin(jobId: JobId, accept: boolean): Promise<Job> {
    this.#idle?.cancel()
    const started = this.#start(jobId, accept).finally(() => {
      this.#starting.delete(jobId)
      this.#watchIdle()
    })
    this.#starting.set(jobId, started)
    return started
  }

  async #start(jobId: JobId, accept: boolean): Promise<Job> {
    const { dispatcher, submissions } = this.#settings
    const { jobGraph, bundle } = await submissions.read(jobId)
    if (accept) await submissions.accept(jobId)
    let close = async (): Promise<void> => undefined
    try {
      const checked = checkJobGraph(jobGraph)
      if (checked.jobId !== jobId)
        throw new InvalidSubmission({ path: submissions.path(jobId), problem: `its graph is that of job ${checked.jobId}` })
      let program
      if (bundle !== undefined) {
        const coordinators = this.#settings.coordinators(checked, bundle)
        close = () => coordinators.close()
        program = { bundle, coordinators: coordinators.program }
      }
      const job = dispatcher.submit(checked, 0, program)
      void job.result.then(async () => {
        await close().catch((error: unknown) => this.#log.warn(`The program of job ${jobId} could not be removed`, error))
        // What a SELECT answers went to its client: there is nothing to keep of it for a later attempt, and nothing to run again.
        if (job.collect !== undefined) await this.#remove(jobId)
        this.#watchIdle()
      })
      return job
    } catch (error) {
      await close()
      await this.#remove(jobId)
      throw error
    }
  }

  /**
   * One that is none is left out, with a word in the log: the others go on. What a file system throws ends this attempt of the master;
   * the next may find all of them.
   */
  async #recover(): Promise<void> {
    for (const jobId of await this.#settings.submissions.accepted()) {
      try {
        await this.#begin(jobId, false)
      } catch (error) {
        if (!InvalidSubmission.is(error) && !InvalidJobGraph.is(error) && !NotSubmitted.is(error)) throw error
        this.#log.error(`Job ${jobId} of the attempt before cannot go on`, error)
      }
    }
  }

  #watchIdle(): void {
    const { idleTimeout, environment, dispatcher } = this.#settings
    this.#idle?.cancel()
    if (idleTimeout === undefined || this.#status !== 'RUNNING' || this.#starting.size > 0) return
    if (dispatcher.jobs().some((job) => !isTerminalJobState(job.state))) return
    this.#idle = environment.timers.after(idleTimeout, () =>
      this.#stop(`no job has run for ${formatDuration(idleTimeout)} (session.idle-timeout)`),
    )
  }

  async #remove(jobId: JobId): Promise<void> {
    try {
      // In this order: without its end a job that is still there would run again.
      await this.#settings.submissions.remove(jobId)
      await this.#settings.results?.remove(jobId)
    } catch (error) {
      this.#log.warn(`What was submitted for job ${jobId} could not be removed`, error)
    }
  }
}
