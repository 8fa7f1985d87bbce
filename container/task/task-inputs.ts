/** All input gates of a task: read in turn, their watermarks combined, their ends counted. Channels are numbered through all gates. */
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import type { InputGateDescriptor } from '#core/graph/deployment.js'
import type { EdgeId } from '#core/ids/ids.js'
import type { Schema } from '#core/types/schema.js'
import type { Batch } from '#runtime/columnar/batch.js'
import { NO_WATERMARK } from '#runtime/operators/operator.js'
import { InputGate, type ProducerAccess } from '../network/input-gate.js'
import type { LatencyMarker } from '../network/latency-marker.js'
import type { Element, Overtaken } from '../network/subpartition.js'
import { WatermarkValve } from './watermark-valve.js'

/** What one poll brought, in terms of the head operator's inputs. */
export type InputStep =
  | { readonly kind: 'batch'; readonly batch: Batch; readonly bytes: number; readonly input: number }
  /** In this order: the combined watermark rose; all inputs together became idle or active; an input has ended. */
  | {
      readonly kind: 'event'
      readonly watermark: number | undefined
      readonly idle: boolean | undefined
      readonly ended: number | undefined
      /** The channel that brought no more than its end. */
      readonly endedChannel: number | undefined
    }
  | { readonly kind: 'barrier'; readonly channel: number; readonly barrier: CheckpointBarrier }
  | { readonly kind: 'latencyMarker'; readonly marker: LatencyMarker }

export interface TaskInputsUser {
  /** Something can be polled. */
  onAvailable(): void
  /** A channel broke. */
  onFailure(error: Error): void
  /** As InputGateUser. */
  onOvertakingBarrier(channel: number, barrier: CheckpointBarrier, overtaken: readonly Overtaken[]): void
  onBarrierQueued(channel: number, barrier: CheckpointBarrier): void
}

interface Place {
  readonly input: number
  /** Where the gate's channels begin among those of its input, and among all. */
  readonly offset: number
  readonly first: number
}

export class TaskInputs {
  readonly #gates: readonly InputGate[]
  readonly #places: readonly Place[]
  readonly #inputs: readonly WatermarkValve[]
  readonly #combined: WatermarkValve
  /** Of all gates together. */
  readonly channels: number
  /** Hears of everything that a barrier may overtake, as it is polled. */
  onPolled: ((channel: number, element: Overtaken) => void) | undefined
  #turn = 0
  #liveInputs: number
  #suspended = false

  constructor(descriptors: readonly InputGateDescriptor[], access: ProducerAccess, user: TaskInputsUser) {
    const perInput: number[] = []
    let first = 0
    this.#places = descriptors.map(({ targetInput, channels: own }) => {
      const place = { input: targetInput, offset: perInput[targetInput] ?? 0, first }
      perInput[targetInput] = place.offset + own.length
      first += own.length
      return place
    })
    this.channels = first
    this.#inputs = perInput.map((count) => new WatermarkValve(count))
    this.#combined = new WatermarkValve(perInput.length)
    this.#liveInputs = perInput.length
    this.#gates = descriptors.map((descriptor, gate) => {
      const start = (this.#places[gate] as Place).first
      return new InputGate(descriptor, access, {
        onAvailable: () => user.onAvailable(),
        onFailure: (error) => user.onFailure(error),
        onOvertakingBarrier: (channel, barrier, overtaken) => user.onOvertakingBarrier(start + channel, barrier, overtaken),
        onBarrierQueued: (channel, barrier) => user.onBarrierQueued(start + channel, barrier),
      })
    })
  }

  get allEnded(): boolean {
    return this.#liveInputs === 0
  }

  /** A stop cut the stream: the inputs have ended (or will at once) without having come to their end. */
  get suspended(): boolean {
    return this.#suspended
  }

  /** Lowest watermark over all inputs; undefined: none yet. */
  get watermark(): number | undefined {
    return this.#combined.current === NO_WATERMARK ? undefined : this.#combined.current
  }

  /** Undefined: nothing there now. @throws MALFORMED_BATCH */
  poll(): InputStep | undefined {
    for (let tried = 0; tried < this.#gates.length; tried++) {
      const index = this.#turn
      this.#turn = (this.#turn + 1) % this.#gates.length
      const polled = this.#gates[index]?.poll()
      const place = this.#places[index]
      if (polled === undefined || place === undefined) continue
      const { input, offset, first } = place
      const { element } = polled
      const channel = first + polled.channel
      if (element.kind === 'barrier') return { kind: 'barrier', channel, barrier: element.barrier }
      if (element.kind === 'latencyMarker') return element
      if (element.kind !== 'end') this.onPolled?.(channel, element)
      if (element.kind === 'data') return { kind: 'batch', batch: element.batch, bytes: element.bytes, input }
      const event = this.#onEvent(element, input, offset + polled.channel)
      return { kind: 'event', ...event, endedChannel: element.kind === 'end' ? channel : undefined }
    }
    return undefined
  }

  #onEvent(element: Exclude<Element, { kind: 'data' | 'barrier' | 'latencyMarker' }>, input: number, channel: number) {
    const valve = this.#inputs[input] as WatermarkValve
    const wasIdle = this.#combined.idle
    if (element.kind === 'end' && element.suspended) this.#suspended = true
    const risen =
      element.kind === 'watermark'
        ? valve.advance(channel, element.watermark)
        : element.kind === 'idle'
          ? valve.setIdle(channel, element.idle)
          : valve.end(channel)
    const ended = element.kind === 'end' && valve.allEnded ? input : undefined
    if (ended !== undefined) this.#liveInputs--
    // The stream is cut: that nothing comes any more says nothing about time, or about the end of the input.
    if (this.#suspended) return { watermark: undefined, idle: undefined, ended: undefined }
    let watermark = risen === undefined ? undefined : this.#combined.advance(input, risen)
    watermark = this.#combined.setIdle(input, valve.idle) ?? watermark
    if (ended !== undefined) watermark = this.#combined.end(input) ?? watermark
    const { idle } = this.#combined
    return { watermark, idle: idle === wasIdle ? undefined : idle, ended }
  }

  /** Edge of a channel, and its number within the edge's gate. */
  describe(channel: number): { readonly edgeId: EdgeId; readonly channel: number } {
    const [gate, own] = this.#locate(channel)
    return { edgeId: gate.descriptor.edgeId, channel: own }
  }

  schemaOf(edgeId: EdgeId): Schema | undefined {
    return this.#gates.find(({ descriptor }) => descriptor.edgeId === edgeId)?.descriptor.schema
  }

  /** The gate of that edge gets what an earlier attempt's barrier overtook. False: there is no such channel. */
  preload(edgeId: EdgeId, channel: number, elements: readonly Overtaken[]): boolean {
    const gate = this.#gates.find(({ descriptor }) => descriptor.edgeId === edgeId)
    if (gate === undefined || channel >= gate.descriptor.channels.length) return false
    gate.preload(channel, elements)
    return true
  }

  block(channel: number): void {
    const [gate, own] = this.#locate(channel)
    gate.block(own)
  }

  unblockAll(): void {
    for (const gate of this.#gates) gate.unblockAll()
  }

  /** As InputGate. */
  overtake(channel: number, checkpointId: number): Overtaken[] | undefined {
    const [gate, own] = this.#locate(channel)
    return gate.overtake(own, checkpointId)
  }

  #locate(channel: number): [gate: InputGate, own: number] {
    const index = this.#places.findLastIndex(({ first }) => first <= channel)
    return [this.#gates[index] as InputGate, channel - (this.#places[index] as Place).first]
  }

  close(): void {
    for (const gate of this.#gates) gate.close()
  }
}
