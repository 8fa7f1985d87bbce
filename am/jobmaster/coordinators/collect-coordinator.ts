/**
 * The result of a SELECT between its operator and the client: a bounded buffer of rows, numbered from 0. The client asks with
 * the number of the first row that it has not seen; what lies before is forgotten. While the buffer is full the operator waits
 * for its answer, which holds back the job.
 *
 *   forgotten │ seen by the client ── shown: may be fetched ──│── of checkpoints to come ──▶
 *           first                                           shown                        end
 *
 * No row appears twice: of a job that takes checkpoints, rows are shown when their checkpoint is complete, and those of later ones
 * are taken back when the job starts again. A checkpoint must not wait for the client, so when too many rows wait for one, the oldest
 * are shown early; a restart that would have to take those back fails.
 */
import * as z from '#core/zod.js'
import { defineError } from '#core/errors/define-error.js'
import type { CollectedRows } from '#core/rest/responses.js'
import type { CollectedRow } from '#core/rpc/operator-events.js'
import type { Environment, Millis, TimerHandle } from '#core/time/environment.js'
import { ResultLost } from '../errors.js'

export const CAPACITY_ROWS = 5_000
/** Rows that wait for their checkpoint; and characters of their cells. */
export const CAPACITY_UNCOMMITTED_ROWS = 50_000
const CAPACITY_UNCOMMITTED_CHARACTERS = 32 * 1024 * 1024
/** Rows of one answer. */
const MAX_ANSWER_ROWS = 2_000
/** Complete checkpoints whose position is kept: more than a job can go back to. */
const MAX_CHECKPOINTS = 1000
const MAX_ANSWER_CELL_CHARACTERS = 8 * 1024 * 1024

export const InvalidToken = defineError('COLLECT_INVALID_TOKEN', {
  recovery: 'none',
  message: (d: { token: number; from: number; to: number }) =>
    `The result has no row number ${d.token} to go on with; known are ${d.from} to ${d.to}`,
})

/** What the operator prepares for a checkpoint: the number of rows that its attempt has sent before the barrier. */
const SentRowsSchema = z.object({ rows: z.int().min(0) })

export class CollectCoordinator {
  readonly #environment: Environment
  readonly #clientTimeout: Millis
  readonly #onClientGone: () => void
  /** Rows wait for their checkpoint. */
  readonly #waits: boolean
  #rows: CollectedRow[] = []
  /** Number of the first row in the buffer. */
  #first = 0
  #handedOut = 0
  /** Number of the first row that may not be fetched yet. */
  #shown = 0
  /** Of the rows from `shown` on. */
  #uncommittedCharacters = 0
  /** Number of the first row that the operator's present attempt sent. */
  #attempt = 0
  /** By checkpoint, the newest ones: number of the first row that it does not hold. */
  readonly #checkpoints = new Map<number, number>()
  #ended = false
  #lastFetch: Millis
  #waitingOperators: (() => void)[] = []
  #clientTimer: TimerHandle | undefined

  /** `onClientGone`: nobody asked for `clientTimeout` ms although rows wait. `checkpoints`: the job takes some by itself. */
  constructor(environment: Environment, clientTimeout: Millis, onClientGone: () => void, checkpoints = false) {
    this.#environment = environment
    this.#waits = checkpoints
    this.#clientTimeout = clientTimeout
    this.#onClientGone = onClientGone
    this.#lastFetch = environment.clock.monotonic()
    this.#watchClient(clientTimeout)
  }

  /** Resolves when there is room for more. */
  add(rows: readonly CollectedRow[]): Promise<void> {
    for (const row of rows) {
      this.#rows.push(row)
      this.#uncommittedCharacters += charactersOf(row)
    }
    if (!this.#waits) this.#showUpTo(this.#end)
    else this.#showEarly()
    if (this.#hasRoom) return Promise.resolve()
    return new Promise((resolve) => this.#waitingOperators.push(resolve))
  }

  /** Rows from number `token` on. @throws COLLECT_INVALID_TOKEN */
  fetch(token: number): CollectedRows {
    if (token < this.#first || token > this.#shown) throw new InvalidToken({ token, from: this.#first, to: this.#shown })
    this.#lastFetch = this.#environment.clock.monotonic()
    this.#rows.splice(0, token - this.#first)
    this.#first = token
    this.#wakeOperators()
    const rows = this.#answer()
    const next = token + rows.length
    this.#handedOut = Math.max(this.#handedOut, next)
    return { rows, next, end: this.#ended && next === this.#shown }
  }

  /** A checkpoint is complete: its rows are shown. `committables`: the operator's. */
  checkpointComplete(checkpointId: number, committables: readonly unknown[]): void {
    let held = this.#attempt
    for (const committable of committables) held = Math.max(held, this.#attempt + SentRowsSchema.parse(committable).rows)
    if (committables.length === 0) held = Math.max(held, ...this.#checkpoints.values())
    this.#checkpoints.set(checkpointId, held)
    for (const older of [...this.#checkpoints.keys()].slice(0, -MAX_CHECKPOINTS)) this.#checkpoints.delete(older)
    this.#showUpTo(held)
    this.#wakeOperators()
  }

  /** The job ended well: all rows are shown. */
  complete(): void {
    this.#showUpTo(this.#end)
  }

  /** The job has ended: no more rows will come. Those that wait for a checkpoint are not shown any more. */
  end(): void {
    this.#ended = true
    this.#clientTimer?.cancel()
    for (const resume of this.#waitingOperators.splice(0)) resume()
  }

  /**
   * The operator starts again from that checkpoint, or from the beginning: rows beyond it will come again.
   * @throws JOB_RESULT_NOT_REPEATABLE when some of them were fetched already
   */
  restart(checkpointId: number | undefined): void {
    const from = (checkpointId === undefined ? undefined : this.#checkpoints.get(checkpointId)) ?? 0
    if (this.#handedOut > from) throw new ResultLost({ rows: this.#handedOut - from })
    for (const [id, held] of this.#checkpoints) if (held > from) this.#checkpoints.delete(id)
    this.#rows.length = from - this.#first
    this.#shown = from
    this.#attempt = from
    this.#uncommittedCharacters = 0
    for (const resume of this.#waitingOperators.splice(0)) resume()
  }

  /** True when the client has all there will be. */
  get exhausted(): boolean {
    return this.#ended && this.#handedOut >= this.#shown
  }

  get #end(): number {
    return this.#first + this.#rows.length
  }

  get #hasRoom(): boolean {
    return this.#shown - this.#first < CAPACITY_ROWS
  }

  #wakeOperators(): void {
    if (this.#hasRoom) for (const resume of this.#waitingOperators.splice(0)) resume()
  }

  #showUpTo(number: number): void {
    for (; this.#shown < Math.min(number, this.#end); this.#shown++) {
      this.#uncommittedCharacters -= charactersOf(this.#rows[this.#shown - this.#first] as CollectedRow)
    }
  }

  #showEarly(): void {
    while (this.#end - this.#shown > CAPACITY_UNCOMMITTED_ROWS || this.#uncommittedCharacters > CAPACITY_UNCOMMITTED_CHARACTERS) {
      this.#showUpTo(this.#shown + 1)
    }
  }

  #answer(): CollectedRow[] {
    let characters = 0
    let count = 0
    while (count < this.#shown - this.#first && count < MAX_ANSWER_ROWS) {
      characters += charactersOf(this.#rows[count] as CollectedRow)
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

function charactersOf(row: CollectedRow): number {
  let characters = 0
  for (const cell of row.cells) characters += cell?.length ?? 0
  for (const cell of row.json ?? []) characters += cell?.length ?? 0
  return characters
}
