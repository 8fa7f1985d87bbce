/**
 * The mailbox of a slot's thread: lets the tasks that have something to do run in turn, one step at a time, and goes back to the
 * event loop (sockets, ports, timers) after a few milliseconds at the latest.
 */
import type { Clock } from '#core/time/environment.js'

export interface Runnable {
  /** Does one piece of work (a batch, an event). False: nothing to do until woken. */
  step(): boolean
}

/** Steps of one task in a row: enough to stay in the caches, few enough to be fair. */
const STEPS_IN_A_ROW = 8
const TURN_MS = 5

export class SlotMailbox {
  readonly #clock: Clock
  readonly #runnable: Runnable[] = []
  readonly #queued = new Set<Runnable>()
  #scheduled = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The task has something to do; it runs in a later turn. */
  wake(task: Runnable): void {
    if (this.#queued.has(task)) return
    this.#queued.add(task)
    this.#runnable.push(task)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#turn)
  }

  readonly #turn = (): void => {
    this.#scheduled = false
    const end = this.#clock.monotonic() + TURN_MS
    do {
      const task = this.#runnable.shift()
      if (task === undefined) return
      // Out of the queue first: a wake during the step counts.
      this.#queued.delete(task)
      let more = true
      for (let i = 0; i < STEPS_IN_A_ROW && more && this.#clock.monotonic() < end; i++) more = task.step()
      if (more) this.wake(task)
    } while (this.#clock.monotonic() < end)
    if (this.#runnable.length > 0) this.#schedule()
  }
}
