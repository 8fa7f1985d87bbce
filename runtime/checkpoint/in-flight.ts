/**
 * The stored form of what barriers overtook in one channel: batches, watermarks and idleness in their order. Little-endian; payloads
 * begin at multiples of 8.
 *
 *   magic u32 'WIF1' | items u32 | item, item, …
 *   item   kind u32 (1 data, 2 watermark, 3 idle, 4 active) | length u32 | payload, padded to 8
 *          data: a batch (columnar/wire); watermark: f64
 */
import { CheckpointFileCorrupt } from '#core/checkpoint/errors.js'
import type { Schema } from '#core/types/schema.js'
import type { Batch } from '../columnar/batch.js'
import { decodeBatch, encodeBatch, MalformedBatch } from '../columnar/wire.js'

export type InFlightElement =
  | { readonly kind: 'data'; readonly batch: Batch }
  | { readonly kind: 'watermark'; readonly watermark: number }
  | { readonly kind: 'idle'; readonly idle: boolean }

const MAGIC = 0x31464957
const [DATA, WATERMARK, IDLE, ACTIVE] = [1, 2, 3, 4] as const
const align = (offset: number): number => offset + ((8 - (offset % 8)) % 8)

export function encodeInFlight(elements: readonly InFlightElement[]): Uint8Array<ArrayBuffer> {
  const payloads = elements.map((element) => {
    if (element.kind === 'data') return encodeBatch(element.batch)
    return element.kind === 'watermark' ? new Uint8Array(new Float64Array([element.watermark]).buffer) : new Uint8Array(0)
  })
  const bytes = new Uint8Array(payloads.reduce((size, payload) => size + 8 + align(payload.length), 8))
  const view = new DataView(bytes.buffer)
  view.setUint32(0, MAGIC, true)
  view.setUint32(4, elements.length, true)
  let at = 8
  for (const [i, payload] of payloads.entries()) {
    view.setUint32(at, kindOf(elements[i] as InFlightElement), true)
    view.setUint32(at + 4, payload.length, true)
    bytes.set(payload, at + 8)
    at += 8 + align(payload.length)
  }
  return bytes
}

function kindOf(element: InFlightElement): number {
  if (element.kind === 'data') return DATA
  return element.kind === 'watermark' ? WATERMARK : element.idle ? IDLE : ACTIVE
}

/** `file`: for messages. @throws CHECKPOINT_FILE_CORRUPT */
export function decodeInFlight(bytes: Uint8Array<ArrayBuffer>, schema: Schema, file: string): InFlightElement[] {
  const fail = (offset: number, problem: string): never => {
    throw new CheckpointFileCorrupt({ file, offset, problem })
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (bytes.length < 8 || view.getUint32(0, true) !== MAGIC) fail(0, 'it does not begin with the mark of in-flight data')
  const count = view.getUint32(4, true)
  const elements: InFlightElement[] = []
  let at = 8
  for (let i = 0; i < count; i++) {
    if (at + 8 > bytes.length) fail(at, `it ends before item ${i} of ${count}`)
    const kind = view.getUint32(at, true)
    const length = view.getUint32(at + 4, true)
    const start = at + 8
    at = start + align(length)
    if (at > bytes.length) fail(start, `item ${i} has ${length} bytes, ${bytes.length - start} are left`)
    elements.push(decodeItem(kind, bytes.subarray(start, start + length), schema, (problem) => fail(start, problem)))
  }
  if (at !== bytes.length) fail(at, `${bytes.length - at} bytes behind the last item`)
  return elements
}

function decodeItem(kind: number, payload: Uint8Array<ArrayBuffer>, schema: Schema, fail: (problem: string) => never): InFlightElement {
  switch (kind) {
    case DATA:
      try {
        return { kind: 'data', batch: decodeBatch(payload, schema) }
      } catch (error) {
        if (MalformedBatch.is(error)) return fail(error.message)
        throw error
      }
    case WATERMARK: {
      const watermark = payload.length === 8 ? new DataView(payload.buffer, payload.byteOffset, 8).getFloat64(0, true) : NaN
      return Number.isSafeInteger(watermark) ? { kind: 'watermark', watermark } : fail('a watermark that is no whole number')
    }
    case IDLE:
    case ACTIVE:
      return payload.length === 0 ? { kind: 'idle', idle: kind === IDLE } : fail(`an idle mark of ${payload.length} bytes`)
    default:
      return fail(`an item of unknown kind ${kind}`)
  }
}
