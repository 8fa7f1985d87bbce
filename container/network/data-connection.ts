/**
 * One connection between two slots with all the channels on it, in both roles: for what this slot's tasks consume (receivers)
 * and for what they produce (senders). Channel ids are chosen by the consumer's side; each side counts its own.
 */
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import { fromWireError, toWireError } from '#core/errors/wire-error.js'
import type { EdgeId, ExecutionAttemptId } from '#core/ids/ids.js'
import { concatBatches } from '#runtime/columnar/gather.js'
import { encodeBatch } from '#runtime/columnar/wire.js'
import { ProtocolViolation, RowTooLarge } from './errors.js'
import {
  BarrierPayloadSchema,
  decodeJson,
  decodeWatermark,
  encodeJson,
  encodeWatermark,
  ErrorPayloadSchema,
  FrameType,
  MAX_CREDITS,
  MAX_DATA_BYTES,
  PartitionRequestSchema,
  type Frame,
} from './frame.js'
import { decodeLatencyMarker, encodeLatencyMarker, type LatencyMarker } from './latency-marker.js'
import type { PartitionKey, PartitionRegistry } from './partition-registry.js'
import type { Element, Subpartition, SubpartitionReader } from './subpartition.js'
import type { FrameTransport } from './transport.js'

/** The consumer's end of a channel. After onEnd or onError nothing more comes. */
export interface ChannelReceiver {
  onData(payload: Uint8Array<ArrayBuffer>, backlog: number): void
  onWatermark(watermark: number): void
  onIdle(idle: boolean): void
  onLatencyMarker(marker: LatencyMarker): void
  onBarrier(barrier: CheckpointBarrier, overtaking: boolean): void
  onEnd(suspended: boolean): void
  onError(error: Error): void
}

export interface RemoteChannel {
  grant(credits: number): void
  /** All has been received, or nothing more is wanted. */
  close(): void
}

export class DataConnection {
  readonly #transport: FrameTransport
  readonly #registry: PartitionRegistry
  readonly #receivers = new Map<number, ChannelReceiver>()
  readonly #senders = new Map<number, Sender>()
  /** Senders that have something to send and the credit for it, in turn. */
  readonly #ready = new Set<Sender>()
  #nextChannel = 1
  #closedBy: Error | undefined
  readonly #onClosed: () => void

  constructor(transport: FrameTransport, registry: PartitionRegistry, onClosed: () => void) {
    this.#transport = transport
    this.#registry = registry
    this.#onClosed = onClosed
    transport.start({
      onFrame: (frame) => this.#receive(frame),
      onDrain: () => this.#pump(),
      onClose: (error) => this.#closed(error),
    })
  }

  get peer(): string {
    return this.#transport.peer
  }

  get open(): boolean {
    return this.#closedBy === undefined
  }

  /** Asks the other side for a subpartition. */
  request(wanted: PartitionKey, credits: number, receiver: ChannelReceiver): RemoteChannel {
    if (this.#closedBy !== undefined) {
      receiver.onError(this.#closedBy)
      return { grant: () => undefined, close: () => undefined }
    }
    const channel = this.#nextChannel++
    this.#receivers.set(channel, receiver)
    this.#transport.send(FrameType.REQUEST, channel, credits, encodeJson(wanted))
    return {
      grant: (more) => {
        if (this.#receivers.has(channel)) this.#transport.send(FrameType.CREDIT, channel, more)
      },
      close: () => {
        if (this.#receivers.delete(channel)) this.#transport.send(FrameType.CLOSE, channel, 0)
      },
    }
  }

  close(): void {
    this.#transport.close()
    this.#closedBy ??= new Error('closed')
  }

  #receive(frame: Frame): void {
    try {
      switch (frame.type) {
        case FrameType.REQUEST:
          return this.#onRequest(frame)
        case FrameType.CREDIT:
          return this.#senders.get(frame.channel)?.addCredits(frame.argument)
        case FrameType.CLOSE:
          return this.#onClose(frame.channel)
        case FrameType.DATA:
          return this.#receivers.get(frame.channel)?.onData(frame.payload, frame.argument)
        case FrameType.WATERMARK:
          return this.#receivers.get(frame.channel)?.onWatermark(decodeWatermark(frame.payload, this.peer))
        case FrameType.IDLE:
          return this.#receivers.get(frame.channel)?.onIdle(frame.argument !== 0)
        case FrameType.LATENCY:
          return this.#receivers.get(frame.channel)?.onLatencyMarker(decodeLatencyMarker(frame.payload, this.peer))
        case FrameType.END:
          return this.#receivers.get(frame.channel)?.onEnd(frame.argument !== 0)
        case FrameType.BARRIER:
          return this.#receivers
            .get(frame.channel)
            ?.onBarrier(decodeJson(frame.payload, BarrierPayloadSchema, this.peer), frame.argument !== 0)
        case FrameType.ERROR: {
          const receiver = this.#receivers.get(frame.channel)
          this.#receivers.delete(frame.channel)
          return receiver?.onError(fromWireError(decodeJson(frame.payload, ErrorPayloadSchema, this.peer)))
        }
        case FrameType.HELLO:
          throw new ProtocolViolation({ peer: this.peer, problem: 'a second HELLO' })
      }
    } catch (error) {
      // What a receiver finds wrong with its data is its task's failure and does not come here: this is about the frames themselves.
      this.#transport.close()
      this.#closed(error as Error)
    }
  }

  #onRequest(frame: Frame): void {
    const { producer, edge, subpartition } = decodeJson(frame.payload, PartitionRequestSchema, this.peer)
    if (this.#senders.has(frame.channel))
      throw new ProtocolViolation({ peer: this.peer, problem: `channel ${frame.channel} is open already` })
    const sender = new Sender(frame.channel, frame.argument, (each) => this.#schedule(each))
    this.#senders.set(frame.channel, sender)
    const stopWaiting = this.#registry.request(
      { producer: producer as ExecutionAttemptId, edge: edge as EdgeId, subpartition },
      (found) => sender.attachTo(found),
      (error) => {
        this.#senders.delete(frame.channel)
        this.#transport.send(FrameType.ERROR, frame.channel, 0, encodeJson({ ...toWireError(error), stack: undefined }))
      },
    )
    sender.stopWaiting = stopWaiting
  }

  #onClose(channel: number): void {
    const sender = this.#senders.get(channel)
    if (sender === undefined) return
    this.#senders.delete(channel)
    this.#ready.delete(sender)
    sender.stopWaiting()
    sender.subpartition?.confirmConsumed()
  }

  #schedule(sender: Sender): void {
    if (this.#senders.get(sender.channel) !== sender) return
    this.#ready.add(sender)
    this.#pump()
  }

  #pump(): void {
    for (const sender of this.#ready) {
      if (this.#transport.congested || this.#closedBy !== undefined) return
      this.#ready.delete(sender)
      const element = sender.next()
      if (element === undefined) continue
      this.#send(sender, element)
      if (sender.sendable) this.#ready.add(sender) // behind the others: a Set iterates in order of insertion
    }
  }

  #send(sender: Sender, element: Element): void {
    switch (element.kind) {
      case 'data': {
        try {
          if (element.bytes > MAX_DATA_BYTES) throw new RowTooLarge({ bytes: element.bytes, limit: MAX_DATA_BYTES })
          const payload = encodeBatch(element.batch)
          if (payload.length > MAX_DATA_BYTES) throw new RowTooLarge({ bytes: payload.length, limit: MAX_DATA_BYTES })
          this.#transport.send(FrameType.DATA, sender.channel, sender.subpartition?.dataCount ?? 0, payload)
        } catch (error) {
          this.#senders.delete(sender.channel)
          sender.subpartition?.readerLost(error as Error)
        }
        return
      }
      case 'watermark':
        return this.#transport.send(FrameType.WATERMARK, sender.channel, 0, encodeWatermark(element.watermark))
      case 'idle':
        return this.#transport.send(FrameType.IDLE, sender.channel, element.idle ? 1 : 0)
      case 'latencyMarker':
        return this.#transport.send(FrameType.LATENCY, sender.channel, 0, encodeLatencyMarker(element.marker))
      case 'end':
        return this.#transport.send(FrameType.END, sender.channel, element.suspended ? 1 : 0)
      case 'barrier':
        return this.#transport.send(FrameType.BARRIER, sender.channel, element.overtaking ? 1 : 0, encodeJson(element.barrier))
    }
  }

  #closed(error: Error): void {
    if (this.#closedBy !== undefined) return
    this.#closedBy = error
    const receivers = [...this.#receivers.values()]
    const senders = [...this.#senders.values()]
    this.#receivers.clear()
    this.#senders.clear()
    this.#ready.clear()
    this.#onClosed()
    for (const receiver of receivers) receiver.onError(error)
    for (const sender of senders) {
      sender.stopWaiting()
      sender.subpartition?.readerLost(error)
    }
  }
}

/** Batches that wait are sent together in a frame of at most this size: the slower the consumer, the fewer frames. */
const FRAME_BYTES = 128 * 1024
const FRAME_ROWS = 4096

/** The producer's end of a channel: takes from its subpartition what credits allow. */
class Sender implements SubpartitionReader {
  readonly channel: number
  readonly #schedule: (sender: Sender) => void
  #credits: number
  subpartition: Subpartition | undefined
  stopWaiting: () => void = () => undefined

  constructor(channel: number, credits: number, schedule: (sender: Sender) => void) {
    this.channel = channel
    this.#credits = credits
    this.#schedule = schedule
  }

  attachTo(subpartition: Subpartition): void {
    this.subpartition = subpartition
    subpartition.attach(this)
  }

  get sendable(): boolean {
    return this.subpartition !== undefined && this.subpartition.available && (this.#credits > 0 || this.subpartition.nextIsEvent)
  }

  onAvailable(): void {
    if (this.sendable) this.#schedule(this)
  }

  addCredits(credits: number): void {
    this.#credits = Math.min(this.#credits + credits, MAX_CREDITS)
    if (this.sendable) this.#schedule(this)
  }

  next(): Element | undefined {
    if (!this.sendable) return undefined
    const element = this.subpartition?.poll()
    if (element?.kind !== 'data') return element
    this.#credits--
    return this.#withFollowers(element)
  }

  #withFollowers(first: Extract<Element, { kind: 'data' }>): Element {
    const batches = [first.batch]
    let rows = first.batch.length
    let bytes = first.bytes
    for (;;) {
      const next = this.subpartition?.nextBatch
      if (next === undefined || rows + next.rows > FRAME_ROWS || bytes + next.bytes > FRAME_BYTES) break
      const follower = this.subpartition?.poll()
      if (follower?.kind !== 'data') break
      batches.push(follower.batch)
      rows += next.rows
      bytes += next.bytes
    }
    return batches.length === 1 ? first : { kind: 'data', batch: concatBatches(first.batch.schema, batches), bytes }
  }
}
