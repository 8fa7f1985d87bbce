/**
 * Frames of the data exchange. A connection between two slots carries many channels, each one subpartition on its way to one
 * input channel, and both slots may be consumer and producer of it at once.
 *
 *    0        4      5         9          13
 *   +--------+------+---------+----------+---------------------------+
 *   | length | type | channel | argument | payload: length - 9 bytes |
 *   +--------+------+---------+----------+---------------------------+
 *     u32 BE   u8     u32 BE    u32 BE     length counts everything after itself
 *
 *   type       from       argument              payload
 *   HELLO      both       protocol version      JSON { resourceId, slotIndex }; first frame of each side, channel 0
 *   REQUEST    consumer   initial credits       JSON { producer, edge, subpartition }; opens `channel`
 *   CREDIT     consumer   further credits       -
 *   CLOSE      consumer   -                     - (after END: all received; before: no longer wanted)
 *   DATA       producer   backlog in batches    batch (runtime/columnar/wire); uses one credit
 *   WATERMARK  producer   -                     float64 BE, ms
 *   IDLE       producer   1 idle, 0 active      -
 *   END        producer   1 suspended           - (no more will come; suspended: the stream is cut here, it has not ended)
 *   BARRIER    producer   1 overtaking          JSON CheckpointBarrier; overtaking: it passed what still waits on both sides
 *   ERROR      producer   -                     JSON WireError; the request failed
 *   LATENCY    producer   -                     a latency marker (latency-marker.ts)
 *
 * Between threads the same frames travel as objects with the payload's buffer transferred (transport.ts).
 */
import * as z from '#core/zod.js'
import { CheckpointBarrierSchema } from '#core/checkpoint/barrier.js'
import { WireErrorSchema } from '#core/errors/wire-error.js'
import { ProtocolViolation } from './errors.js'

export const FrameType = {
  HELLO: 1,
  REQUEST: 2,
  CREDIT: 3,
  CLOSE: 4,
  DATA: 5,
  WATERMARK: 6,
  END: 7,
  ERROR: 8,
  IDLE: 9,
  BARRIER: 10,
  LATENCY: 11,
} as const
export type FrameType = (typeof FrameType)[keyof typeof FrameType]

export const PROTOCOL_VERSION = 3
export const HEADER_BYTES = 13
/** Largest payload of a DATA frame, and of any other. */
export const MAX_DATA_BYTES = 64 * 1024 * 1024
export const MAX_CONTROL_BYTES = 256 * 1024
/** Most credits that one frame may give. */
export const MAX_CREDITS = 65_536

export interface Frame {
  readonly type: FrameType
  readonly channel: number
  readonly argument: number
  readonly payload: Uint8Array<ArrayBuffer>
}

export const NO_PAYLOAD: Uint8Array<ArrayBuffer> = new Uint8Array(0)

export const HelloSchema = z.object({ resourceId: z.string().min(1).max(300), slotIndex: z.int().min(0).max(1023) })
export type Hello = z.infer<typeof HelloSchema>
export const PartitionRequestSchema = z.object({
  producer: z.string().min(1).max(300),
  edge: z.string().min(1).max(300),
  subpartition: z.int().min(0).max(32_767),
})
export type PartitionRequest = z.infer<typeof PartitionRequestSchema>

export function encodeHeader(type: FrameType, channel: number, argument: number, payloadBytes: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES)
  header.writeUInt32BE(payloadBytes + HEADER_BYTES - 4, 0)
  header.writeUInt8(type, 4)
  header.writeUInt32BE(channel, 5)
  header.writeUInt32BE(argument, 9)
  return header
}

export function encodeJson(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value)) as Uint8Array<ArrayBuffer>
}

/** @throws NETWORK_PROTOCOL_VIOLATION */
export function decodeJson<T>(payload: Uint8Array, schema: z.ZodType<T>, peer: string): T {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
  } catch (error) {
    throw new ProtocolViolation({ peer, problem: 'payload is no JSON' }, { cause: error })
  }
  const parsed = schema.safeParse(value)
  if (!parsed.success) throw new ProtocolViolation({ peer, problem: z.prettifyError(parsed.error) })
  return parsed.data
}

export const ErrorPayloadSchema = WireErrorSchema
export const BarrierPayloadSchema = CheckpointBarrierSchema

export function encodeWatermark(watermark: number): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(8)
  new DataView(payload.buffer).setFloat64(0, watermark)
  return payload
}

/** @throws NETWORK_PROTOCOL_VIOLATION unless it is a safe integer */
export function decodeWatermark(payload: Uint8Array, peer: string): number {
  const watermark = payload.length === 8 ? new DataView(payload.buffer, payload.byteOffset, 8).getFloat64(0) : NaN
  if (!Number.isSafeInteger(watermark)) throw new ProtocolViolation({ peer, problem: 'watermark is no whole number' })
  return watermark
}

/** What is wrong with a frame's head, or undefined. */
export function frameProblem(type: number, argument: number, payloadBytes: number): string | undefined {
  if (type < FrameType.HELLO || type > FrameType.LATENCY || !Number.isInteger(type)) return `unknown frame type ${type}`
  const limit = type === FrameType.DATA ? MAX_DATA_BYTES : MAX_CONTROL_BYTES
  if (payloadBytes > limit) return `payload of ${payloadBytes} bytes is over the limit of ${limit}`
  if ((type === FrameType.CREDIT || type === FrameType.REQUEST) && (argument < 1 || argument > MAX_CREDITS)) return `${argument} credits`
  return undefined
}

/**
 * Cuts a byte stream into frames. Each payload is copied once, into a buffer of its own (so that columns in it are aligned).
 * @throws NETWORK_PROTOCOL_VIOLATION from `push`; the decoder must not be used after that
 */
export class FrameDecoder {
  readonly #from: { readonly peer: string }
  readonly #header = Buffer.alloc(HEADER_BYTES)
  #headerFilled = 0
  #payload: Uint8Array<ArrayBuffer> = NO_PAYLOAD
  #payloadFilled = 0

  constructor(from: { readonly peer: string }) {
    this.#from = from
  }

  push(chunk: Uint8Array, onFrame: (frame: Frame) => void): void {
    let at = 0
    for (;;) {
      if (this.#headerFilled < HEADER_BYTES) {
        const take = Math.min(HEADER_BYTES - this.#headerFilled, chunk.length - at)
        this.#header.set(chunk.subarray(at, at + take), this.#headerFilled)
        this.#headerFilled += take
        at += take
        if (this.#headerFilled < HEADER_BYTES) return
        this.#startPayload()
      }
      const take = Math.min(this.#payload.length - this.#payloadFilled, chunk.length - at)
      if (take > 0) {
        this.#payload.set(chunk.subarray(at, at + take), this.#payloadFilled)
        this.#payloadFilled += take
        at += take
      }
      if (this.#payloadFilled < this.#payload.length) return
      const frame: Frame = {
        type: this.#header.readUInt8(4) as FrameType,
        channel: this.#header.readUInt32BE(5),
        argument: this.#header.readUInt32BE(9),
        payload: this.#payload,
      }
      this.#headerFilled = 0
      this.#payloadFilled = 0
      this.#payload = NO_PAYLOAD
      onFrame(frame)
    }
  }

  #startPayload(): void {
    const payloadBytes = this.#header.readUInt32BE(0) - (HEADER_BYTES - 4)
    const problem =
      payloadBytes < 0
        ? 'frame shorter than its header'
        : frameProblem(this.#header.readUInt8(4), this.#header.readUInt32BE(9), payloadBytes)
    if (problem !== undefined) throw new ProtocolViolation({ peer: this.#from.peer, problem })
    this.#payload = payloadBytes === 0 ? NO_PAYLOAD : new Uint8Array(payloadBytes)
    this.#payloadFilled = 0
  }
}
