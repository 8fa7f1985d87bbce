/** A job in a session, as the client that started it sees it. A JobManager that is being replaced is waited for. */
import type { ExecutionResult } from '#core/rest/session-responses.js'
import type { JobState } from '#core/graph/states.js'
import type { CollectedRow } from '#core/rpc/operator-events.js'
import { sleep, type Environment, type Millis } from '#core/time/environment.js'
import { MasterRefused, MasterUnreachable } from '../cluster/master-client.js'
import { RemoteJobCanceled, RemoteJobFailed, RemoteJobLost } from './errors.js'
import type { SessionConnection } from './session-connection.js'

const FIRST_POLL_MS: Millis = 50
const MAX_POLL_MS: Millis = 500
/** Where nobody can be asked whether the session has ended. */
const UNREACHABLE_PATIENCE_MS: Millis = 60_000

export class RemoteJob {
  readonly jobId: string
  readonly name: string
  readonly #connection: SessionConnection
  readonly #environment: Environment
  #end: Promise<NonNullable<ExecutionResult['job-execution-result']>> | undefined

  constructor(connection: SessionConnection, environment: Environment, jobId: string, name: string) {
    this.#connection = connection
    this.#environment = environment
    this.jobId = jobId
    this.name = name
  }

  /** Resolves with its time in ms when it has finished. @throws SESSION_JOB_FAILED, SESSION_JOB_CANCELED, SESSION_JOB_LOST */
  async finished(): Promise<Millis> {
    const result = await this.ended()
    if (result['application-status'] === 'SUCCEEDED') return result['net-runtime']
    if (result['application-status'] === 'CANCELED') throw new RemoteJobCanceled({ job: this.name, jobId: this.jobId })
    throw new RemoteJobFailed({ failure: result['failure-cause']?.message ?? `Job '${this.name}' (${this.jobId}) failed` })
  }

  /** Resolves when it has ended, however. @throws SESSION_JOB_LOST */
  ended(): Promise<NonNullable<ExecutionResult['job-execution-result']>> {
    this.#end ??= this.#untilEnded()
    return this.#end
  }

  async state(): Promise<JobState> {
    return this.#patiently(async () => (await this.#connection.master.jobStatus(this.jobId)).status)
  }

  async cancel(): Promise<void> {
    await this.#patiently(() => this.#connection.master.cancelJob(this.jobId))
  }

  /** Its rows from number `token` on. */
  async fetch(token: number): Promise<{ readonly rows: readonly CollectedRow[]; readonly next: number; readonly end: boolean }> {
    return this.#patiently(() => this.#connection.master.collect(this.jobId, token))
  }

  async #untilEnded(): Promise<NonNullable<ExecutionResult['job-execution-result']>> {
    for (let delay = FIRST_POLL_MS; ; delay = Math.min(delay * 1.5, MAX_POLL_MS)) {
      const { 'job-execution-result': result } = await this.#patiently(() => this.#connection.master.executionResult(this.jobId))
      if (result !== null) return result
      await sleep(this.#environment, delay)
    }
  }

  /** @throws SESSION_JOB_LOST when the session has ended, does not answer for long, or knows the job no more */
  async #patiently<T>(ask: () => Promise<T>): Promise<T> {
    const { clock } = this.#environment
    const since = clock.monotonic()
    for (;;) {
      try {
        return await ask()
      } catch (error) {
        const lost = (reason: string) => new RemoteJobLost({ jobId: this.jobId, session: this.#connection.name, reason }, { cause: error })
        // A JobManager that took over starts its jobs a moment after it answers.
        const absent = MasterRefused.is(error) && error.details.status === 404
        if (!absent && !MasterUnreachable.is(error)) throw error
        const gone = await this.#connection.gone()
        if (gone !== undefined) throw lost(gone)
        if (clock.monotonic() - since > (absent ? MAX_POLL_MS * 10 : UNREACHABLE_PATIENCE_MS)) throw lost((error as Error).message)
        await sleep(this.#environment, MAX_POLL_MS)
      }
    }
  }
}
