/**
 * The network between hosts. A connection keeps the order of its messages and loses none while it lives; different connections
 * overtake each other. A partition holds back what crosses it: short ones only delay, long ones break connections, which each end
 * learns at its own time. A killed process's peers learn it at once, a dead host's only when they send.
 */
import type { Channel } from '#core/rpc/channel.js'
import { ConnectFailed } from '#core/rpc/channel.js'
import type { Millis } from '#core/time/environment.js'
import { Dice, type Kernel, type SimProcess } from './kernel.js'

export interface NetworkSettings {
  /** Latency of a message: from, to. */
  readonly latency: readonly [Millis, Millis]
  /** A connection that cannot be made is given up, and one whose messages are not confirmed is broken, after this time. */
  readonly timeout: Millis
}

/** `host:port` served by a process. */
interface Listener {
  readonly process: SimProcess
  accept(channel: Channel): void
}

class End implements Channel {
  readonly process: SimProcess
  readonly peer: string
  open = true
  /** Later messages arrive no earlier. */
  arrival = 0
  readonly link: Link
  other!: End
  #listener: ((message: unknown) => void) | undefined
  readonly #early: unknown[] = []
  readonly #closeListeners: ((reason?: Error) => void)[] = []

  constructor(process: SimProcess, peer: string, link: Link) {
    this.process = process
    this.peer = peer
    this.link = link
  }

  send(message: unknown): void {
    if (this.open && this.process.alive) this.link.send(this, JSON.stringify(message) ?? 'null')
  }
  onMessage(listener: (message: unknown) => void): void {
    this.#listener = listener
    for (const message of this.#early.splice(0)) listener(message)
  }
  onClose(listener: (reason?: Error) => void): void {
    this.#closeListeners.push(listener)
  }
  close(): void {
    if (!this.open) return
    this.closed(undefined)
    if (this.process.alive) this.link.closing(this)
  }
  receive(message: string): void {
    if (!this.open) return
    const parsed: unknown = JSON.parse(message)
    if (this.#listener === undefined) this.#early.push(parsed)
    else this.#listener(parsed)
  }
  closed(reason: Error | undefined): void {
    if (!this.open) return
    this.open = false
    for (const listener of this.#closeListeners) listener(reason)
  }
}

class Link {
  readonly network: Network
  readonly ends: readonly [End, End]

  constructor(network: Network, a: SimProcess, b: SimProcess) {
    this.network = network
    const [first, second] = [new End(a, b.name, this), new End(b, a.name, this)]
    first.other = second
    second.other = first
    this.ends = [first, second]
    a.onEnd(() => this.onProcessEnd(first))
    b.onEnd(() => this.onProcessEnd(second))
  }

  send(from: End, message: string): void {
    this.network.messages++
    this.#arrive(from, (to) => to.receive(message))
  }

  /** The other end learns of it behind what was sent before. */
  closing(from: End): void {
    this.#arrive(from, (to) => to.closed(undefined))
  }

  onProcessEnd(end: End): void {
    if (!end.open) return
    end.open = false
    if (this.network.isDown(end.process.host)) return
    this.#arrive(end, (to) => to.closed(new Error('connection reset')))
  }

  break(reason: string): void {
    const { kernel, dice } = this.network
    for (const end of this.ends) {
      if (!end.open) continue
      kernel.after(dice.between(0, 500), () => end.process.deliver(() => end.closed(new Error(reason))), end.process.name)
    }
    for (const end of this.ends) end.arrival = Infinity
  }

  #arrive(from: End, action: (to: End) => void): void {
    const { network } = this
    const { kernel } = network
    const to = from.other
    if (from.arrival === Infinity) return
    from.arrival = Math.max(from.arrival, kernel.now + network.latency(from.process.host, to.process.host))
    const deliver = () => {
      if (from.arrival === Infinity) return
      const blocked = network.blockedUntil(from.process.host, to.process.host)
      if (blocked === undefined) return to.process.deliver(() => action(to))
      // Sent again until it is confirmed, or the sender gives up.
      if (blocked - kernel.now >= network.settings.timeout || network.isDown(to.process.host)) {
        const giveUp = () => from.process.deliver(() => from.closed(new Error('the other side does not confirm')))
        kernel.after(network.settings.timeout, giveUp, from.process.name)
        // What the other end still sends finds nobody.
        return
      }
      from.arrival = Math.max(from.arrival, blocked + 1)
      kernel.after(blocked - kernel.now + 1, deliver, to.process.name)
    }
    kernel.after(from.arrival - kernel.now, deliver, to.process.name)
  }
}

export class Network {
  readonly kernel: Kernel
  readonly settings: NetworkSettings
  readonly dice: Dice
  messages = 0
  /** Latencies are multiplied by it. */
  slowness = 1
  readonly #listeners = new Map<string, Listener>()
  #nextPort = 20_000
  /** By pair of hosts: until when nothing passes. */
  readonly #partitions = new Map<string, Millis>()
  readonly #down = new Set<string>()
  #links: Link[] = []

  constructor(kernel: Kernel, settings: NetworkSettings) {
    this.kernel = kernel
    this.settings = settings
    this.dice = kernel.random('network')
  }

  latency(from: string, to: string): Millis {
    const [least, most] = this.settings.latency
    const latency = this.dice.between(least, most)
    return from === to ? latency / 10 : latency * this.slowness
  }

  freePort(): number {
    return this.#nextPort++
  }

  listen(process: SimProcess, port: number, accept: (channel: Channel) => void): void {
    const address = `${process.host}:${port}`
    const listener = { process, accept }
    this.#listeners.set(address, listener)
    process.onEnd(() => {
      if (this.#listeners.get(address) === listener) this.#listeners.delete(address)
    })
  }

  /** @throws RPC_CONNECT_FAILED */
  async connect(process: SimProcess, host: string, port: number): Promise<Channel> {
    const address = `${host}:${port}`
    const blocked = this.blockedUntil(process.host, host)
    if (blocked !== undefined) {
      await process.wait(Math.min(this.settings.timeout, Math.max(1, blocked - this.kernel.now)))
      if (this.blockedUntil(process.host, host) !== undefined) throw new ConnectFailed({ address, reason: 'no answer' })
    }
    await process.wait(2 * this.latency(process.host, host))
    const listener = this.#listeners.get(address)
    if (listener === undefined) throw new ConnectFailed({ address, reason: 'connection refused' })
    const link = new Link(this, process, listener.process)
    this.#links.push(link)
    if (this.#links.length % 500 === 0) this.#links = this.#links.filter(({ ends: [a, b] }) => a.open || b.open)
    this.kernel.after(
      this.latency(process.host, host),
      () => listener.process.deliver(() => listener.accept(link.ends[1])),
      listener.process.name,
    )
    return link.ends[0]
  }

  /** Undefined: messages pass. */
  blockedUntil(a: string, b: string): Millis | undefined {
    if (this.#down.has(a) || this.#down.has(b)) return Infinity
    const until = this.#partitions.get(pair(a, b))
    return until === undefined || until <= this.kernel.now ? undefined : until
  }

  isDown(host: string): boolean {
    return this.#down.has(host)
  }

  partition(a: string, b: string, length: Millis): void {
    if (a === b) return
    this.#partitions.set(pair(a, b), Math.max(this.#partitions.get(pair(a, b)) ?? 0, this.kernel.now + length))
    if (length < this.settings.timeout) return
    // Connections with something to say are broken when it is over, at the latest.
    for (const link of this.#links) {
      const [one, two] = [link.ends[0].process.host, link.ends[1].process.host]
      if (pair(one, two) === pair(a, b) && this.dice.chance(0.7))
        this.kernel.after(this.dice.between(this.settings.timeout / 2, length), () => link.break('timed out'))
    }
  }

  /** A host that is down neither sends nor answers. */
  setDown(host: string, down: boolean): void {
    if (down) this.#down.add(host)
    else this.#down.delete(host)
  }

  /** Some open connection of those between processes that `which` names, broken. */
  breakOne(which: (a: SimProcess, b: SimProcess) => boolean): boolean {
    const links = this.#links.filter(({ ends: [a, b] }) => a.open && b.open && which(a.process, b.process))
    if (links.length === 0) return false
    const link = this.dice.pick(links)
    this.kernel.say(`the connection of ${link.ends[0].process.name} and ${link.ends[1].process.name} breaks`)
    link.break('connection reset')
    return true
  }
}

function pair(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}
