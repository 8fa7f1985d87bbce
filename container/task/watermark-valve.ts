/** The watermark of several channels: the lowest one of those that have not ended. Pure bookkeeping. */
import { MAX_WATERMARK, NO_WATERMARK } from '#runtime/operators/operator.js'

export class WatermarkValve {
  readonly #watermarks: number[]
  readonly #ended: boolean[]
  #live: number
  #current = NO_WATERMARK

  constructor(channels: number) {
    this.#watermarks = new Array<number>(channels).fill(NO_WATERMARK)
    this.#ended = new Array<boolean>(channels).fill(false)
    this.#live = channels
  }

  /** What has been let through so far. */
  get current(): number {
    return this.#current
  }

  get allEnded(): boolean {
    return this.#live === 0
  }

  /** The combined watermark when that one's rise made it rise. */
  advance(channel: number, watermark: number): number | undefined {
    const before = this.#watermarks[channel]
    if (before === undefined || this.#ended[channel] === true || watermark <= before) return undefined
    this.#watermarks[channel] = watermark
    // Only the lowest channel can raise the minimum.
    return before > this.#current ? undefined : this.#rise()
  }

  /** The channel holds nothing back any more; MAX_WATERMARK after the last one. */
  end(channel: number): number | undefined {
    if (this.#ended[channel] !== false) return undefined
    this.#ended[channel] = true
    this.#live--
    return this.#rise()
  }

  #rise(): number | undefined {
    let lowest = MAX_WATERMARK
    for (let i = 0; i < this.#watermarks.length; i++) {
      const watermark = this.#watermarks[i] as number
      if (this.#ended[i] === false && watermark < lowest) lowest = watermark
    }
    if (lowest <= this.#current) return undefined
    this.#current = lowest
    return lowest
  }
}
