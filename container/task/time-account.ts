/** How a task spends its time: working, without input, or held back by its outputs. */
import type { Clock, Millis } from '#core/time/environment.js'

export type Activity = 'busy' | 'idle' | 'backPressured'

export class TimeAccount {
  readonly #clock: Clock
  readonly #spent: Record<Activity, Millis> = { busy: 0, idle: 0, backPressured: 0 }
  #activity: Activity | undefined
  #since = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** From now on; undefined: the task does not run (yet, any more). */
  switchTo(activity: Activity | undefined): void {
    if (activity === this.#activity) return
    this.#settle()
    this.#activity = activity
  }

  /** Whole milliseconds up to now. */
  spent(): Record<Activity, Millis> {
    this.#settle()
    return { busy: Math.round(this.#spent.busy), idle: Math.round(this.#spent.idle), backPressured: Math.round(this.#spent.backPressured) }
  }

  #settle(): void {
    const now = this.#clock.monotonic()
    if (this.#activity !== undefined) this.#spent[this.#activity] += now - this.#since
    this.#since = now
  }
}
