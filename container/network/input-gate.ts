/**
 * The input of a task from one edge: a channel for each producing subtask, read in turn. Lives in the consumer's slot thread.
 *
 *   subpartition in this thread ──by reference──────────────▶ local channel  ─┐
 *   DataConnection (other thread, other process) ──frames──▶ remote channel ─┴▶ ready channels, in turn ──▶ poll()
 */
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import type { InputGateDescriptor, SlotLocation } from '#core/graph/deployment.js'
import { decodeBatch } from '#runtime/columnar/wire.js'
import { CreditLedger, EXCLUSIVE_CREDITS, type Grant } from './credit-ledger.js'
import type { DataConnection, RemoteChannel } from './data-connection.js'
import { ProtocolViolation } from './errors.js'
import { MAX_WAITING_MARKERS } from './latency-marker.js'
import type { PartitionKey, PartitionRegistry } from './partition-registry.js'
import { isOvertakable, type Element, type Overtaken, type Subpartition } from './subpartition.js'

/** How a gate reaches its producers. */
export interface ProducerAccess {
  /** Subpartitions of tasks in the same slot. */
  readonly registry: PartitionRegistry
  isHere(location: SlotLocation): boolean
  connectionTo(location: SlotLocation): Promise<DataConnection>
}

export interface InputGateUser {
  /** Something can be polled. */
  onAvailable(): void
  /** A channel broke. */
  onFailure(error: Error): void
  /** A barrier came that does not wait its turn; it passed `overtaken`, which is still to be polled. */
  onOvertakingBarrier(channel: number, barrier: CheckpointBarrier, overtaken: readonly Overtaken[]): void
  /** A barrier waits its turn in the channel's queue. Not told of channels inside the slot: there the producer sees to it. */
  onBarrierQueued(channel: number, barrier: CheckpointBarrier): void
}

/** An element and where it came from. */
export interface GateElement {
  readonly channel: number
  readonly element: Element
}

interface InputChannel {
  poll(): Element | undefined
  readonly available: boolean
  /** Takes the barrier of that checkpoint out of the queue; what waits before it, or undefined: it is not here. */
  overtake(checkpointId: number): Overtaken[] | undefined
  close(): void
}

interface ChannelUser {
  onAvailable(): void
  onFailure(error: Error): void
  /** `overtaken`: of this channel's own queue. */
  onOvertakingBarrier(barrier: CheckpointBarrier, overtaken: readonly Overtaken[]): void
  onBarrierQueued(barrier: CheckpointBarrier): void
}

export class InputGate {
  readonly descriptor: InputGateDescriptor
  readonly #channels: InputChannel[]
  readonly #ready: number[] = []
  readonly #isReady: boolean[]
  readonly #isBlocked: boolean[]
  /** By channel: what an earlier attempt's barrier overtook, to be polled before all else. */
  readonly #restored: Overtaken[][]
  readonly #user: InputGateUser

  constructor(descriptor: InputGateDescriptor, access: ProducerAccess, user: InputGateUser) {
    this.descriptor = descriptor
    this.#user = user
    this.#isReady = descriptor.channels.map(() => false)
    this.#isBlocked = descriptor.channels.map(() => false)
    this.#restored = descriptor.channels.map(() => [])
    const ledger = new CreditLedger(descriptor.channels.length)
    const remote: (RemoteInputChannel | undefined)[] = []
    const apply = (grants: readonly Grant[]) => {
      for (const grant of grants) remote[grant.channel]?.grant(grant.credits)
    }
    this.#channels = descriptor.channels.map(({ producer, subpartition, location }, index) => {
      const key: PartitionKey = { producer, edge: descriptor.edgeId, subpartition }
      const channelUser: ChannelUser = {
        onAvailable: () => this.#markReady(index),
        onFailure: (error) => user.onFailure(error),
        onOvertakingBarrier: (barrier, overtaken) =>
          user.onOvertakingBarrier(index, barrier, [...(this.#restored[index] as Overtaken[]), ...overtaken]),
        onBarrierQueued: (barrier) => user.onBarrierQueued(index, barrier),
      }
      if (access.isHere(location)) return new LocalInputChannel(key, access.registry, channelUser)
      const channel = new RemoteInputChannel(index, descriptor, ledger, apply, channelUser)
      remote[index] = channel
      channel.connect(access.connectionTo(location), key)
      return channel
    })
  }

  get available(): boolean {
    return this.#ready.length > 0
  }

  poll(): GateElement | undefined {
    for (;;) {
      const channel = this.#ready.shift()
      if (channel === undefined) return undefined
      this.#isReady[channel] = false
      if (this.#isBlocked[channel] === true) continue
      const input = this.#channels[channel] as InputChannel
      const restored = this.#restored[channel] as Overtaken[]
      const element = restored.shift() ?? input.poll()
      if (restored.length > 0 || input.available) this.#markReady(channel)
      if (element !== undefined) return { channel, element }
    }
  }

  /** What an earlier attempt's barrier overtook in that channel: comes before all else. */
  preload(channel: number, elements: readonly Overtaken[]): void {
    this.#restored[channel]?.push(...elements)
    if (elements.length > 0) this.#markReady(channel)
  }

  /** Nothing is polled from the channel until unblockAll(). */
  block(channel: number): void {
    this.#isBlocked[channel] = true
  }

  unblockAll(): void {
    for (const [channel, input] of this.#channels.entries()) {
      if (this.#isBlocked[channel] !== true) continue
      this.#isBlocked[channel] = false
      if (input.available || (this.#restored[channel] as Overtaken[]).length > 0) this.#markReady(channel)
    }
  }

  /** The barrier of that checkpoint, if it waits in the channel, is taken out. What it passed; undefined: it is not here yet. */
  overtake(channel: number, checkpointId: number): Overtaken[] | undefined {
    const overtaken = this.#channels[channel]?.overtake(checkpointId)
    return overtaken === undefined ? undefined : [...(this.#restored[channel] as Overtaken[]), ...overtaken]
  }

  close(): void {
    for (const channel of this.#channels) channel.close()
  }

  #markReady(channel: number): void {
    if (this.#isReady[channel] === true) return
    this.#isReady[channel] = true
    this.#ready.push(channel)
    this.#user.onAvailable()
  }
}

class LocalInputChannel implements InputChannel {
  #subpartition: Subpartition | undefined
  readonly #stopWaiting: () => void

  constructor(key: PartitionKey, registry: PartitionRegistry, user: ChannelUser) {
    this.#stopWaiting = registry.request(
      key,
      (subpartition) => {
        this.#subpartition = subpartition
        subpartition.attach({
          onAvailable: () => {
            while (subpartition.nextIsOvertaking) {
              const element = subpartition.poll()
              // What it passed lies in the producer's queue and belongs to the producer's part of the checkpoint.
              if (element?.kind === 'barrier') user.onOvertakingBarrier(element.barrier, [])
            }
            if (subpartition.available) user.onAvailable()
          },
        })
      },
      (error) => user.onFailure(error),
    )
  }

  get available(): boolean {
    return this.#subpartition?.available ?? false
  }

  poll(): Element | undefined {
    const element = this.#subpartition?.poll()
    if (element?.kind === 'end') this.#subpartition?.confirmConsumed()
    return element
  }

  overtake(): undefined {
    return undefined
  }

  close(): void {
    this.#stopWaiting()
    this.#subpartition?.release()
  }
}

type Received = { readonly kind: 'payload'; readonly payload: Uint8Array<ArrayBuffer> } | Exclude<Element, { kind: 'data' }>

class RemoteInputChannel implements InputChannel {
  readonly #index: number
  readonly #descriptor: InputGateDescriptor
  readonly #ledger: CreditLedger
  readonly #apply: (grants: readonly Grant[]) => void
  readonly #user: ChannelUser
  readonly #queue: Received[] = []
  #channel: RemoteChannel | undefined
  #markers = 0
  #peer = ''
  #closed = false

  constructor(
    index: number,
    descriptor: InputGateDescriptor,
    ledger: CreditLedger,
    apply: (grants: readonly Grant[]) => void,
    user: ChannelUser,
  ) {
    this.#index = index
    this.#descriptor = descriptor
    this.#ledger = ledger
    this.#apply = apply
    this.#user = user
  }

  connect(connecting: Promise<DataConnection>, key: PartitionKey): void {
    connecting.then(
      (connection) => {
        if (this.#closed) return
        this.#peer = connection.peer
        this.#channel = connection.request(key, EXCLUSIVE_CREDITS, {
          onData: (payload, backlog) => this.#onData(payload, backlog),
          onWatermark: (watermark) => this.#add({ kind: 'watermark', watermark }),
          onIdle: (idle) => this.#add({ kind: 'idle', idle }),
          onLatencyMarker: (marker) => {
            if (this.#markers < MAX_WAITING_MARKERS) this.#add({ kind: 'latencyMarker', marker })
          },
          onBarrier: (barrier, overtaking) => this.#onBarrier(barrier, overtaking),
          onEnd: (suspended) => this.#add({ kind: 'end', suspended }),
          onError: (error) => this.#fail(error),
        })
      },
      (error: unknown) => this.#fail(error as Error),
    )
  }

  grant(credits: number): void {
    this.#channel?.grant(credits)
  }

  get available(): boolean {
    return this.#queue.length > 0
  }

  /** @throws MALFORMED_BATCH */
  poll(): Element | undefined {
    const received = this.#queue.shift()
    if (received === undefined) return undefined
    if (received.kind === 'payload') {
      this.#apply(this.#ledger.recycled(this.#index))
      return { kind: 'data', batch: decodeBatch(received.payload, this.#descriptor.schema), bytes: received.payload.length }
    }
    if (received.kind === 'latencyMarker') this.#markers--
    if (received.kind === 'end') this.close()
    return received
  }

  overtake(checkpointId: number): Overtaken[] | undefined {
    const at = this.#queue.findIndex((received) => received.kind === 'barrier' && received.barrier.checkpointId === checkpointId)
    if (at < 0) return undefined
    this.#queue.splice(at, 1)
    return this.#waiting(at)
  }

  /** The first `count` of the queue. @throws MALFORMED_BATCH */
  #waiting(count: number): Overtaken[] {
    const { schema } = this.#descriptor
    return this.#queue
      .slice(0, count)
      .map((received): Element => {
        if (received.kind !== 'payload') return received
        return { kind: 'data', batch: decodeBatch(received.payload, schema), bytes: received.payload.length }
      })
      .filter(isOvertakable)
  }

  #onBarrier(barrier: CheckpointBarrier, overtaking: boolean): void {
    if (this.#closed) return
    if (!overtaking) {
      this.#add({ kind: 'barrier', barrier, overtaking })
      return this.#user.onBarrierQueued(barrier)
    }
    try {
      this.#user.onOvertakingBarrier(barrier, this.#waiting(this.#queue.length))
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#queue.length = 0
    this.#channel?.close()
    this.#apply(this.#ledger.closed(this.#index))
  }

  #onData(payload: Uint8Array<ArrayBuffer>, backlog: number): void {
    if (this.#closed) return
    const grants = this.#ledger.received(this.#index, backlog)
    if (grants === undefined) {
      this.close()
      return this.#user.onFailure(new ProtocolViolation({ peer: this.#peer, problem: 'a batch without credit' }))
    }
    this.#add({ kind: 'payload', payload })
    this.#apply(grants)
  }

  #add(received: Received): void {
    if (this.#closed) return
    if (received.kind === 'latencyMarker') this.#markers++
    this.#queue.push(received)
    this.#user.onAvailable()
  }

  #fail(error: Error): void {
    if (this.#closed) return
    this.close()
    this.#user.onFailure(error)
  }
}
