/** Two ends of a channel within one thread. What is sent is copied, as between threads, and arrives in a later turn of the event loop. */
import type { Channel } from './channel.js'

/** `first` and `second`: what each end's user is called. */
export function channelPair(first: string, second: string): readonly [Channel, Channel] {
  const a = new End(second)
  const b = new End(first)
  a.far = b
  b.far = a
  return [a, b]
}

class End implements Channel {
  readonly peer: string
  far!: End
  #open = true
  #arrived: unknown[] = []
  #scheduled = false
  #listener: ((message: unknown) => void) | undefined
  readonly #closeListeners: ((reason?: Error) => void)[] = []

  constructor(peer: string) {
    this.peer = peer
  }

  send(message: unknown): void {
    if (this.#open) this.far.#receive(structuredClone(message))
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#listener = listener
    this.#schedule()
  }

  onClose(listener: (reason?: Error) => void): void {
    this.#closeListeners.push(listener)
  }

  close(): void {
    if (!this.#open) return
    this.#closed()
    // What was sent before arrives first.
    setImmediate(() => setImmediate(() => this.far.#closed()))
  }

  #receive(message: unknown): void {
    this.#arrived.push(message)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled || this.#listener === undefined || this.#arrived.length === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      for (const message of this.#arrived.splice(0)) if (this.#open) this.#listener?.(message)
    })
  }

  #closed(): void {
    if (!this.#open) return
    this.#open = false
    for (const listener of this.#closeListeners) listener()
  }
}
