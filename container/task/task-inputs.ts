/** All input gates of a task: read in turn, their watermarks combined, their ends counted. */
import type { InputGateDescriptor } from '#core/graph/deployment.js'
import type { Batch } from '#runtime/columnar/batch.js'
import { NO_WATERMARK } from '#runtime/operators/operator.js'
import { InputGate, type InputGateUser, type ProducerAccess } from '../network/input-gate.js'
import { WatermarkValve } from './watermark-valve.js'

/** What one poll brought, in terms of the head operator's inputs. */
export type InputStep =
  | { readonly kind: 'batch'; readonly batch: Batch; readonly bytes: number; readonly input: number }
  /** The combined watermark rose to that; undefined: not yet. Then inputs (perhaps several) that have ended now. */
  | { readonly kind: 'event'; readonly watermark: number | undefined; readonly ended: number | undefined }

interface Input {
  readonly valve: WatermarkValve
}

export class TaskInputs {
  readonly #gates: readonly InputGate[]
  /** For each gate its input, and where its channels begin among that input's. */
  readonly #places: readonly { readonly input: number; readonly offset: number }[]
  readonly #inputs: readonly Input[]
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
    this.#inputs = channels.map((count) => ({ valve: new WatermarkValve(count) }))
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
      const { valve } = this.#inputs[input] as Input
      const channel = offset + polled.channel
      const risen = element.kind === 'watermark' ? valve.advance(channel, element.watermark) : valve.end(channel)
      const watermark = risen === undefined ? undefined : this.#combined.advance(input, risen)
      const ended = element.kind === 'end' && valve.allEnded ? input : undefined
      if (ended !== undefined) this.#liveInputs--
      return { kind: 'event', watermark, ended }
    }
    return undefined
  }

  close(): void {
    for (const gate of this.#gates) gate.close()
  }
}
