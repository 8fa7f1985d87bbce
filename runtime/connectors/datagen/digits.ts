/** Text made of digits, straight into the bytes of a column. */
import { byteLanes, int32Lanes } from '../../columnar/lanes.js'

/** Two hexadecimal digits of a byte, as a little-endian 16-bit word. */
const HEX_PAIRS = Uint16Array.from({ length: 256 }, (_, byte) => {
  const text = byte.toString(16).padStart(2, '0')
  return text.charCodeAt(0) | (text.charCodeAt(1) << 8)
})
/** Words drawn at once: 8 digits each. */
const WORDS_AT_ONCE = 4096

/** `total` random hexadecimal digits; `draw` gives an array whose first n words are random. */
export function hexDigits(total: number, draw: (n: number) => Int32Array): Uint8Array {
  const words = (total + 7) >> 3
  const bytes = byteLanes(words * 8)
  const out = new Uint32Array(bytes.buffer, bytes.byteOffset, words * 2)
  for (let done = 0; done < words;) {
    const count = Math.min(WORDS_AT_ONCE, words - done)
    const drawn = draw(count)
    for (let i = 0, at = done * 2; i < count; i++, at += 2) {
      const word = drawn[i] as number
      out[at] = (HEX_PAIRS[word & 255] as number) | ((HEX_PAIRS[(word >>> 8) & 255] as number) << 16)
      out[at + 1] = (HEX_PAIRS[(word >>> 16) & 255] as number) | ((HEX_PAIRS[word >>> 24] as number) << 16)
    }
    done += count
  }
  return bytes.subarray(0, total)
}

/** Most characters of a 64-bit integer. */
const MAX_DIGITS = 20
const BILLION = 1_000_000_000
const ZERO = 48
const MINUS = 45

/** The integers `at(0)`, `at(1)`, …; numbers are safe integers. */
export function decimalDigits(
  count: number,
  at: (i: number) => number | bigint,
): { readonly offsets: Int32Array; readonly lengths: Int32Array; readonly bytes: Uint8Array } {
  const offsets = int32Lanes(count)
  const lengths = int32Lanes(count)
  const bytes = byteLanes(count * MAX_DIGITS)
  let end = 0
  for (let i = 0; i < count; i++) {
    const value = at(i)
    const start = end
    if (typeof value === 'bigint') {
      const text = value.toString()
      for (let k = 0; k < text.length; k++) bytes[end++] = text.charCodeAt(k)
    } else {
      if (value < 0) bytes[end++] = MINUS
      const magnitude = Math.abs(value)
      const billions = Math.floor(magnitude / BILLION)
      if (billions > 0) {
        end = putDigits(bytes, end, billions, digitsOf(billions))
        end = putDigits(bytes, end, magnitude - billions * BILLION, 9)
      } else end = putDigits(bytes, end, magnitude, digitsOf(magnitude))
    }
    offsets[i] = start
    lengths[i] = end - start
  }
  return { offsets, lengths, bytes: bytes.subarray(0, end) }
}

/** Of an integer below 10^9. */
function digitsOf(value: number): number {
  let digits = 1
  for (let limit = 10; digits < 9 && value >= limit; limit *= 10) digits++
  return digits
}

/** The last `digits` digits of an integer below 10^9. Returns where they end. */
function putDigits(bytes: Uint8Array, start: number, value: number, digits: number): number {
  let rest = value | 0
  for (let at = start + digits - 1; at >= start; at--) {
    const tens = (rest / 10) | 0
    bytes[at] = ZERO + rest - tens * 10
    rest = tens
  }
  return start + digits
}
