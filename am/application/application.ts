/**
 * Application mode: this master runs one program and ends with it. Knows the application's state for REST and its result for
 * whoever started the master.
 */
import { logger } from '#core/log/logger.js'
import type { ApplicationDetails } from '#core/rest/responses.js'
import type { Environment, Millis } from '#core/time/environment.js'
import type { Dispatcher } from '../dispatcher/dispatcher.js'
import { stackTrace } from '../stack-trace.js'
import { describeFailure } from './describe-failure.js'
import { ApplicationCanceled } from './errors.js'
import { jobFinished, type StatementRunner } from './statement-runner.js'

/** How long an attached client that was heard of last may stay silent before nobody waits for it any more. */
const CLIENT_PATIENCE_MS: Millis = 5_000
const CLIENT_CHECK_MS: Millis = 100

export interface ApplicationSettings {
  readonly id: string
  readonly name: string
  readonly attached: boolean
  readonly environment: Environment
  readonly dispatcher: Dispatcher
  readonly runner: StatementRunner
  /** Runs the program: resolves when all of it has run, though jobs may go on. */
  run(canceled: () => boolean): Promise<void>
}

export interface ApplicationResult {
  readonly status: 'FINISHED' | 'FAILED' | 'CANCELED'
  /** Lines for people, cause first; null when it went well. */
  readonly failure: string | null
}

export class Application {
  readonly #settings: ApplicationSettings
  readonly #log = logger('Application')
  readonly #startTime: Millis
  #status: ApplicationDetails['status'] = 'CREATED'
  #endTime: Millis = -1
  #failure: string | null = null
  #canceled = false
  #acknowledged = false
  #acknowledge!: () => void
  readonly #acknowledgement = new Promise<void>((resolve) => (this.#acknowledge = resolve))
  #lastContact: Millis
  #wakeCanceled: (() => void) | undefined

  constructor(settings: ApplicationSettings) {
    this.#settings = settings
    this.#startTime = settings.environment.clock.now()
    this.#lastContact = settings.environment.clock.monotonic()
  }

  get id(): string {
    return this.#settings.id
  }

  details(): Omit<ApplicationDetails, 'jobs'> {
    const { id, name, runner, environment } = this.#settings
    return {
      id,
      name,
      status: this.#status,
      'start-time': this.#startTime,
      'end-time': this.#endTime,
      duration: (this.#endTime < 0 ? environment.clock.now() : this.#endTime) - this.#startTime,
      statements: [...runner.statements],
      failure: this.#failure,
    }
  }

  /** Runs to the end; never throws. */
  async run(): Promise<ApplicationResult> {
    const { dispatcher, runner, environment } = this.#settings
    this.#status = 'RUNNING'
    let failure: unknown
    try {
      const canceled = new Promise<void>((resolve) => (this.#wakeCanceled = resolve))
      await Promise.race([this.#settings.run(() => this.#canceled), canceled])
      if (!this.#canceled) for (const job of runner.awaited) await jobFinished(job)
    } catch (error) {
      failure = error
    }
    const status = this.#canceled || ApplicationCanceled.is(failure) ? 'CANCELED' : failure === undefined ? 'FINISHED' : 'FAILED'
    if (status !== 'FINISHED') {
      this.#status = status === 'FAILED' ? 'FAILING' : 'CANCELING'
      dispatcher.cancelAll()
      await Promise.all(runner.jobs.map((job) => job.result))
    }
    if (failure !== undefined && status === 'FAILED') {
      this.#failure = describeFailure(failure)
      // Not an error of the master's: whoever started the application is told.
      this.#log.info(`The application failed: ${this.#failure}\n${stackTrace(failure)}`)
    } else if (status === 'CANCELED') {
      this.#failure = failure instanceof Error ? failure.message : 'The application was cancelled'
    }
    this.#endTime = environment.clock.now()
    this.#status = status
    this.#log.info(`The application has ended: ${status}.`)
    return { status, failure: this.#failure }
  }

  cancel(): void {
    if (this.#canceled || this.#endTime >= 0) return
    this.#canceled = true
    this.#log.info('Cancelling the application, as asked.')
    this.#settings.dispatcher.cancelAll()
    this.#wakeCanceled?.()
  }

  /** A client asked something about this application. */
  contacted(): void {
    this.#lastContact = this.#settings.environment.clock.monotonic()
  }

  /** The client has seen the end. */
  acknowledge(): void {
    this.#acknowledged = true
    this.#acknowledge()
  }

  /** After the end: resolves once an attached client has fetched it, or is not there any more. */
  async clientIsDone(): Promise<void> {
    const { environment, attached } = this.#settings
    while (attached && !this.#acknowledged && environment.clock.monotonic() - this.#lastContact < CLIENT_PATIENCE_MS) {
      await new Promise<void>((resolve) => {
        const timer = environment.timers.after(CLIENT_CHECK_MS, resolve)
        void this.#acknowledgement.then(() => {
          timer.cancel()
          resolve()
        })
      })
    }
  }
}
