/**
 * The result of a SELECT between its operator and the client: a bounded buffer of rows, numbered from 0. The client asks with
 * the number of the first row that it has not seen; what lies before is forgotten. While the buffer is full the operator waits
 * for its answer, which holds back the job.
 */
import { defineError } from '#core/errors/define-error.js'
import type { CollectedRows } from '#core/rest/responses.js'
import type { CollectedRow } from '#core/rpc/operator-events.js'
import type { Environment, Millis, TimerHandle } from '#core/time/environment.js'
import { ResultLost } from '../errors.js'

export const CAPACITY_ROWS = 5_000
/** Rows of one answer. */
const MAX_ANSWER_ROWS = 2_000
const MAX_ANSWER_CELL_CHARACTERS = 8 * 1024 * 1024

export const InvalidToken = defineError('COLLECT_INVALID_TOKEN', {
  recovery: 'none',
  message: (d: { token: number; from: number; to: number }) =>
    `The result has no row number ${d.token} to go on with; known are ${d.from} to ${d.to}`,
})

export class CollectCoordinator {
  readonly #environment: Environment
  readonly #clientTimeout: Millis
  readonly #onClientGone: () => void
  #rows: CollectedRow[] = []
  /** Number of the first row in the buffer. */
  #first = 0
  #handedOut = 0
  #ended = false
  #lastFetch: Millis
  #waitingOperators: (() => void)[] = []
  #clientTimer: TimerHandle | undefined

  /** `onClientGone`: nobody asked for `clientTimeout` ms although rows wait. */
  constructor(environment: Environment, clientTimeout: Millis, onClientGone: () => void) {
    this.#environment = environment
    this.#clientTimeout = clientTimeout
    this.#onClientGone = onClientGone
    this.#lastFetch = environment.clock.monotonic()
    this.#watchClient(clientTimeout)
  }

  /** Resolves when there is room for more. */
  add(rows: readonly CollectedRow[]): Promise<void> {
    for (const row of rows) this.#rows.push(row)
    if (this.#rows.length < CAPACITY_ROWS) return Promise.resolve()
    return new Promise((resolve) => this.#waitingOperators.push(resolve))
  }

  /** Rows from number `token` on. @throws COLLECT_INVALID_TOKEN */
  fetch(token: number): CollectedRows {
    const end = this.#first + this.#rows.length
    if (token < this.#first || token > end) throw new InvalidToken({ token, from: this.#first, to: end })
    this.#lastFetch = this.#environment.clock.monotonic()
    this.#rows.splice(0, token - this.#first)
    this.#first = token
    if (this.#rows.length < CAPACITY_ROWS) for (const resume of this.#waitingOperators.splice(0)) resume()
    const rows = this.#answer()
    const next = token + rows.length
    this.#handedOut = Math.max(this.#handedOut, next)
    return { rows, next, end: this.#ended && rows.length === this.#rows.length }
  }

  /** The job has ended: no more rows will come. */
  end(): void {
    this.#ended = true
    this.#clientTimer?.cancel()
    for (const resume of this.#waitingOperators.splice(0)) resume()
  }

  /** The job starts again from the beginning. @throws JOB_RESULT_NOT_REPEATABLE when rows were shown already */
  reset(): void {
    if (this.#handedOut > 0) throw new ResultLost({ rows: this.#handedOut })
    this.#rows = []
    for (const resume of this.#waitingOperators.splice(0)) resume()
  }

  /** True when the client has all there will be. */
  get exhausted(): boolean {
    return this.#ended && this.#handedOut >= this.#first + this.#rows.length
  }

  #answer(): CollectedRow[] {
    let characters = 0
    let count = 0
    while (count < this.#rows.length && count < MAX_ANSWER_ROWS) {
      characters += this.#rows[count]?.cells.reduce((sum, cell) => sum + (cell?.length ?? 0), 0) ?? 0
      if (count > 0 && characters > MAX_ANSWER_CELL_CHARACTERS) break
      count++
    }
    return this.#rows.slice(0, count)
  }

  #watchClient(delay: Millis): void {
    this.#clientTimer = this.#environment.timers.after(
      delay,
      () => {
        const silent = this.#environment.clock.monotonic() - this.#lastFetch
        if (silent >= this.#clientTimeout) this.#onClientGone()
        else this.#watchClient(this.#clientTimeout - silent)
      },
      true,
    )
  }
}
