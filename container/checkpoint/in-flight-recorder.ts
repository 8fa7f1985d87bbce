/** Collects what is in flight in a task's input channels: everything that comes after the snapshot and before its channel's barrier. */
import type { Overtaken } from '../network/subpartition.js'

export class InFlightRecorder {
  /** Channels whose barrier is still to come. */
  readonly #open: Set<number>
  readonly #elements = new Map<number, Overtaken[]>()
  #resolve!: (elements: ReadonlyMap<number, readonly Overtaken[]>) => void
  /** By channel, once `complete` was called. */
  readonly done: Promise<ReadonlyMap<number, readonly Overtaken[]>>
  #complete = false

  constructor(channels: readonly number[]) {
    this.#open = new Set(channels)
    this.done = new Promise((resolve) => (this.#resolve = resolve))
  }

  /** More may come. */
  get open(): boolean {
    return !this.#complete
  }

  /** The task takes the element; it is in flight when its channel's barrier has not come. */
  polled(channel: number, element: Overtaken): void {
    if (this.#open.has(channel)) this.#of(channel).push(element)
  }

  /** The channel's barrier passed these, which the task has yet to take. */
  overtaken(channel: number, elements: readonly Overtaken[]): void {
    this.#of(channel).push(...elements)
    this.#open.delete(channel)
  }

  stop(channel: number): void {
    this.#open.delete(channel)
  }

  complete(): void {
    if (this.#complete) return
    this.#complete = true
    for (const [channel, elements] of this.#elements) if (elements.length === 0) this.#elements.delete(channel)
    this.#resolve(this.#elements)
  }

  #of(channel: number): Overtaken[] {
    let elements = this.#elements.get(channel)
    if (elements === undefined) this.#elements.set(channel, (elements = []))
    return elements
  }
}
