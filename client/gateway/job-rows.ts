/** Rows of a SELECT's job, portion by portion, as clients of the gateway ask for them. */
import { sleep, type Environment, type Millis } from '#core/time/environment.js'
import type { RemoteJob } from '../session/remote-job.js'
import type { ResultRow } from './result-page.js'

/** A request for rows waits so long for the first of them: most small queries have ended by then. */
const PATIENCE_MS: Millis = 60
const FIRST_POLL_MS: Millis = 2
const MAX_POLL_MS: Millis = 20
/** Nobody asked for so long: the job is told that its client is still there. */
const SILENCE_MS: Millis = 30_000

export class JobRows {
  readonly #job: RemoteJob
  readonly #environment: Environment
  #token = 0
  #end = false
  #lastAsked: Millis
  #left = false

  constructor(job: RemoteJob, environment: Environment) {
    this.#job = job
    this.#environment = environment
    this.#lastAsked = environment.clock.monotonic()
  }

  /** What has come since; empty: nothing yet. Undefined: there is no more. @throws what ended the job */
  async next(): Promise<readonly ResultRow[] | undefined> {
    const { clock } = this.#environment
    if (this.#end) return undefined
    const until = clock.monotonic() + PATIENCE_MS
    for (let pause = FIRST_POLL_MS; ; pause = Math.min(pause * 2, MAX_POLL_MS)) {
      const { rows, next, end } = await this.#job.fetch(this.#token)
      this.#lastAsked = clock.monotonic()
      this.#token = next
      if (end) {
        this.#end = true
        await this.#job.finished()
        return rows.length === 0 ? undefined : rows
      }
      if (rows.length > 0 || clock.monotonic() >= until) return rows
      await sleep(this.#environment, pause)
    }
  }

  /** A job whose rows nobody fetches is taken for abandoned; a client may take its time over a page. */
  async keepAlive(): Promise<void> {
    if (this.#end || this.#left || this.#environment.clock.monotonic() - this.#lastAsked < SILENCE_MS) return
    this.#lastAsked = this.#environment.clock.monotonic()
    // The same token again: nothing is taken.
    await this.#job.fetch(this.#token)
  }

  /** Nobody wants the rest. */
  async leave(): Promise<void> {
    if (this.#end || this.#left) return
    this.#left = true
    await this.#job.cancel()
  }
}
