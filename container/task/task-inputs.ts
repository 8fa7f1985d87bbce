/** All input gates of a task: read in turn, their watermarks combined, their ends counted. */
import type { InputGateDescriptor } from '#core/graph/deployment.js'
import type { Batch } from '#runtime/columnar/batch.js'
import { NO_WATERMARK } from '#runtime/operators/operator.js'
import { InputGate, type InputGateUser, type ProducerAccess } from '../network/input-gate.js'
import type { Element } from '../network/subpartition.js'
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
    }

export class TaskInputs {
  readonly #gates: readonly InputGate[]
  /** For each gate its input, and where its channels begin among that input's. */
  readonly #places: readonly { readonly input: number; readonly offset: number }[]
  readonly #inputs: readonly WatermarkValve[]
  readonly #combined: WatermarkValve
  #turn = 0
  #liveInputs: number

  constructor(descriptors: readonly InputGateDescriptor[], access: ProducerAccess, user: InputGateUser) {
    const channels: number[] = []
    this.#places = descriptors.map(({ targetInput, channels: own }) => {
      const offset = channels[targetInput] ?? 0
      channels[targetInput] = offset + own.length
      return { input: targetInput, offset }
    })
    this.#inputs = channels.map((count) => new WatermarkValve(count))
    this.#combined = new WatermarkValve(channels.length)
    this.#liveInputs = channels.length
    this.#gates = descriptors.map((descriptor) => new InputGate(descriptor, access, user))
  }

  get allEnded(): boolean {
    return this.#liveInputs === 0
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
      const { input, offset } = place
      const { element } = polled
      if (element.kind === 'data') return { kind: 'batch', batch: element.batch, bytes: element.bytes, input }
      return this.#onEvent(element, input, offset + polled.channel)
    }
    return undefined
  }

  #onEvent(element: Exclude<Element, { kind: 'data' }>, input: number, channel: number): InputStep {
    const valve = this.#inputs[input] as WatermarkValve
    const wasIdle = this.#combined.idle
    const risen =
      element.kind === 'watermark'
        ? valve.advance(channel, element.watermark)
        : element.kind === 'idle'
          ? valve.setIdle(channel, element.idle)
          : valve.end(channel)
    const ended = element.kind === 'end' && valve.allEnded ? input : undefined
    if (ended !== undefined) this.#liveInputs--
    let watermark = risen === undefined ? undefined : this.#combined.advance(input, risen)
    watermark = this.#combined.setIdle(input, valve.idle) ?? watermark
    if (ended !== undefined) watermark = this.#combined.end(input) ?? watermark
    const { idle } = this.#combined
    return { kind: 'event', watermark, idle: idle === wasIdle ? undefined : idle, ended }
  }

  close(): void {
    for (const gate of this.#gates) gate.close()
  }
}
