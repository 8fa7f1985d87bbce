/** One value of a column as JavaScript sees it. For row-wise code at the edges (printing, interpreter, tests), not for inner loops. */
import { isBinary, type Value } from '#core/types/logical-type.js'
import { isNull, type Decimal128Vector, type Utf8Vector, type Vector } from './vector.js'

const LOW_64 = (1n << 64n) - 1n

/** The value at a column *position* (not a row number: see Batch.position); null is NULL. */
export function readValue(vector: Vector, position: number): Value {
  if (isNull(vector, position)) return null
  switch (vector.kind) {
    case 'boolean':
      return vector.type.kind === 'NULL' ? null : vector.values[position] === 1
    case 'int32':
    case 'float64':
      return vector.values[position] as number
    case 'int64':
      return vector.values[position] as bigint
    case 'decimal128':
      return readDecimal128(vector, position)
    case 'utf8':
      return isBinary(vector.type) ? readBinary(vector, position) : readString(vector, position)
    case 'object':
      return vector.values[position] as Value
  }
}

/** The unscaled value; the position must not be NULL. */
export function readDecimal128(vector: Decimal128Vector, position: number): bigint {
  return ((vector.lanes[2 * position + 1] as bigint) << 64n) | ((vector.lanes[2 * position] as bigint) & LOW_64)
}

/** The text at a position that is not NULL. Bytes that are not UTF-8 become U+FFFD. */
export function readString(vector: Utf8Vector, position: number): string {
  const start = vector.offsets[position] as number
  return decodeUtf8(textBuffer(vector.bytes), start, start + (vector.lengths[position] as number))
}

/** The bytes at a position that is not NULL, as a binary string. */
export function readBinary(vector: Utf8Vector, position: number): string {
  const start = vector.offsets[position] as number
  return textBuffer(vector.bytes).toString('latin1', start, start + (vector.lengths[position] as number))
}

const buffers = new WeakMap<Uint8Array, Buffer>()

/** The same memory as a Buffer, made once for each byte array (a Buffer decodes short texts several times faster than TextDecoder). */
export function textBuffer(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes
  let buffer = buffers.get(bytes)
  if (buffer === undefined) {
    buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    buffers.set(bytes, buffer)
  }
  return buffer
}

/** Longest text for which one character at a time beats the call into the runtime. */
const SHORT_TEXT = 12

export function decodeUtf8(buffer: Buffer, start: number, end: number): string {
  if (end - start > SHORT_TEXT) return buffer.toString('utf8', start, end)
  let text = ''
  for (let i = start; i < end; i++) {
    const byte = buffer[i] as number
    if (byte > 127) return buffer.toString('utf8', start, end)
    text += String.fromCharCode(byte)
  }
  return text
}
