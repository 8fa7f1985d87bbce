/**
 * Credits of one input gate towards its remote channels: decides, does nothing. One credit allows one batch to come. Each channel
 * owns `exclusive` credits; the gate's `floating` ones go, in turn, to channels whose producer says that more batches wait than
 * it has credits for (Flink's exclusive and floating buffers).
 *
 * Invariant of an open channel: granted (given, not yet used) + queued (received, not yet consumed) = exclusive + floating held.
 */
export const EXCLUSIVE_CREDITS = 2
export const FLOATING_CREDITS = 8

export interface Grant {
  readonly channel: number
  readonly credits: number
}

interface ChannelCredits {
  open: boolean
  granted: number
  queued: number
  floating: number
  backlog: number
}

const NONE: readonly Grant[] = []

export class CreditLedger {
  readonly #channels: ChannelCredits[]
  #pool: number
  /** Where the round over the channels goes on. */
  #cursor = 0

  constructor(channels: number, exclusive = EXCLUSIVE_CREDITS, floating = FLOATING_CREDITS) {
    this.#channels = Array.from({ length: channels }, () => ({ open: true, granted: exclusive, queued: 0, floating: 0, backlog: 0 }))
    this.#pool = floating
  }

  get available(): number {
    return this.#pool
  }

  of(channel: number): Readonly<ChannelCredits> {
    return this.#channels[channel] as ChannelCredits
  }

  /** A batch came; `backlog` more wait at the producer. Undefined: it had no credit (a violation of the protocol). */
  received(channel: number, backlog: number): readonly Grant[] | undefined {
    const credits = this.#channels[channel]
    if (credits === undefined || !credits.open || credits.granted === 0) return undefined
    credits.granted--
    credits.queued++
    credits.backlog = backlog
    return this.#assign()
  }

  /** A received batch has been consumed: its credit goes back to the channel, or to the channel next in need. */
  recycled(channel: number): readonly Grant[] {
    const credits = this.#channels[channel]
    if (credits === undefined || !credits.open) return NONE
    credits.queued--
    if (credits.floating === 0) {
      credits.granted++
      return [{ channel, credits: 1 }]
    }
    credits.floating--
    this.#pool++
    return this.#assign()
  }

  /** The channel ended: what floating credits it held are for others. */
  closed(channel: number): readonly Grant[] {
    const credits = this.#channels[channel]
    if (credits === undefined || !credits.open) return NONE
    credits.open = false
    this.#pool += credits.floating
    credits.floating = 0
    return this.#assign()
  }

  #assign(): readonly Grant[] {
    if (this.#pool === 0) return NONE
    const grants: Grant[] = []
    const count = this.#channels.length
    for (let satisfied = 0; this.#pool > 0 && satisfied < count;) {
      const channel = this.#cursor
      this.#cursor = (this.#cursor + 1) % count
      const credits = this.#channels[channel] as ChannelCredits
      if (!credits.open || credits.granted >= credits.backlog) {
        satisfied++
        continue
      }
      satisfied = 0
      this.#pool--
      credits.floating++
      credits.granted++
      grants.push({ channel, credits: 1 })
    }
    return grants
  }
}
