/**
 * The input of a task from one edge: a channel for each producing subtask, read in turn. Lives in the consumer's slot thread.
 *
 *   subpartition in this thread ──by reference──────────────▶ local channel  ─┐
 *   DataConnection (other thread, other process) ──frames──▶ remote channel ─┴▶ ready channels, in turn ──▶ poll()
 */
import type { InputGateDescriptor, SlotLocation } from '#core/graph/deployment.js'
import { decodeBatch } from '#runtime/columnar/wire.js'
import { CreditLedger, EXCLUSIVE_CREDITS, type Grant } from './credit-ledger.js'
import type { DataConnection, RemoteChannel } from './data-connection.js'
import { ProtocolViolation } from './errors.js'
import type { PartitionKey, PartitionRegistry } from './partition-registry.js'
import type { Element, Subpartition } from './subpartition.js'

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
}

/** An element and where it came from. */
export interface GateElement {
  readonly channel: number
  readonly element: Element
}

interface InputChannel {
  poll(): Element | undefined
  readonly available: boolean
  close(): void
}

export class InputGate {
  readonly descriptor: InputGateDescriptor
  readonly #channels: InputChannel[]
  readonly #ready: number[] = []
  readonly #isReady: boolean[]
  readonly #user: InputGateUser

  constructor(descriptor: InputGateDescriptor, access: ProducerAccess, user: InputGateUser) {
    this.descriptor = descriptor
    this.#user = user
    this.#isReady = descriptor.channels.map(() => false)
    const ledger = new CreditLedger(descriptor.channels.length)
    const remote: (RemoteInputChannel | undefined)[] = []
    const apply = (grants: readonly Grant[]) => {
      for (const grant of grants) remote[grant.channel]?.grant(grant.credits)
    }
    this.#channels = descriptor.channels.map(({ producer, subpartition, location }, index) => {
      const key: PartitionKey = { producer, edge: descriptor.edgeId, subpartition }
      const channelUser = { onAvailable: () => this.#markReady(index), onFailure: (error: Error) => user.onFailure(error) }
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
      const input = this.#channels[channel] as InputChannel
      const element = input.poll()
      this.#isReady[channel] = false
      if (input.available) this.#markReady(channel)
      if (element !== undefined) return { channel, element }
    }
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

  constructor(key: PartitionKey, registry: PartitionRegistry, user: InputGateUser) {
    this.#stopWaiting = registry.request(
      key,
      (subpartition) => {
        this.#subpartition = subpartition
        subpartition.attach({ onAvailable: () => user.onAvailable() })
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
  readonly #user: InputGateUser
  readonly #queue: Received[] = []
  #channel: RemoteChannel | undefined
  #peer = ''
  #closed = false

  constructor(
    index: number,
    descriptor: InputGateDescriptor,
    ledger: CreditLedger,
    apply: (grants: readonly Grant[]) => void,
    user: InputGateUser,
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
          onEnd: () => this.#add({ kind: 'end' }),
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
    if (received.kind === 'end') this.close()
    return received
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
    this.#queue.push(received)
    this.#user.onAvailable()
  }

  #fail(error: Error): void {
    if (this.#closed) return
    this.close()
    this.#user.onFailure(error)
  }
}
