/**
 * The watermark of several channels: the lowest one of those that are active. Pure bookkeeping, after Flink's StatusWatermarkValve.
 *
 *   active ── idle ──▶ idle ── active again ──▶ active, or lagging until its watermark has caught up with what was let through
 *     └───────────────── end ──▶ ended
 */
import { MAX_WATERMARK, NO_WATERMARK } from '#runtime/operators/operator.js'

interface ChannelStatus {
  watermark: number
  state: 'active' | 'lagging' | 'idle' | 'ended'
}

export class WatermarkValve {
  readonly #channels: ChannelStatus[]
  #live: number
  #current = NO_WATERMARK

  constructor(channels: number) {
    this.#channels = Array.from({ length: channels }, () => ({ watermark: NO_WATERMARK, state: 'active' }))
    this.#live = channels
  }

  /** What has been let through so far. */
  get current(): number {
    return this.#current
  }

  get allEnded(): boolean {
    return this.#live === 0
  }

  /** Every channel that has not ended is idle (and there is one). */
  get idle(): boolean {
    return this.#live > 0 && this.#channels.every(({ state }) => state === 'idle' || state === 'ended')
  }

  /** The combined watermark when that one's rise made it rise. */
  advance(index: number, watermark: number): number | undefined {
    const channel = this.#channels[index]
    if (channel === undefined || channel.state === 'ended' || watermark <= channel.watermark) return undefined
    const before = channel.watermark
    channel.watermark = watermark
    if (channel.state === 'idle') return undefined
    if (channel.state === 'lagging') {
      if (watermark < this.#current) return undefined
      channel.state = 'active'
    } else if (before > this.#current) return undefined // only the lowest channel can raise the minimum
    return this.#rise()
  }

  /** The channel has no rows for a while, or has again. The combined watermark when that made it rise. */
  setIdle(index: number, idle: boolean): number | undefined {
    const channel = this.#channels[index]
    if (channel === undefined || channel.state === 'ended' || (channel.state === 'idle') === idle) return undefined
    channel.state = idle ? 'idle' : channel.watermark < this.#current ? 'lagging' : 'active'
    return idle ? this.#rise() : undefined
  }

  /** The channel holds nothing back any more; MAX_WATERMARK after the last one. */
  end(index: number): number | undefined {
    const channel = this.#channels[index]
    if (channel === undefined || channel.state === 'ended') return undefined
    channel.state = 'ended'
    this.#live--
    return this.#rise()
  }

  #rise(): number | undefined {
    let lowest = MAX_WATERMARK
    let active = this.#live === 0
    for (const { watermark, state } of this.#channels) {
      if (state !== 'active') continue
      active = true
      if (watermark < lowest) lowest = watermark
    }
    // Without an active channel nobody says how far time is.
    if (!active || lowest <= this.#current) return undefined
    this.#current = lowest
    return lowest
  }
}
