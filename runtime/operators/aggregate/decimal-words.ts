/** DECIMAL sums as 128-bit two's complement in four int32 words, low first: exact addition without BigInt. */
import type { LogicalType } from '#core/types/logical-type.js'
import { vectorKind, type Vector } from '../../columnar/vector.js'
import { nullBits, setNull, wordsOf } from './accumulator.js'

export const DECIMAL_WORDS = 4
/** Top word of 10^38 (0x4B3B4CA8 5A86C47A 098A2240 00000000): sums whose top word is smaller by magnitude fit every DECIMAL(38). */
const TOP_OF_LIMIT = 0x4b3b4ca8
const LOW_64 = (1n << 64n) - 1n

/** A DECIMAL column's words: 2 a value up to 18 digits, 4 above. */
export function decimalWords(vector: Vector): { words: Int32Array; width: 2 | 4 } {
  if (vector.kind === 'decimal128') return { words: wordsOf(vector.lanes), width: 4 }
  return { words: wordsOf((vector as { values: BigInt64Array }).values), width: 2 }
}

/** sums[at..] += or -= the value at words[from..]; wraps at 128 bits. */
export function addDecimal(sums: Int32Array, at: number, words: Int32Array, from: number, width: 2 | 4, weight: number): void {
  const flip = weight > 0 ? 0 : -1
  let carry = weight > 0 ? 0 : 1
  const sign = ((words[from + width - 1] as number) >> 31) ^ flip
  for (let w = 0; w < DECIMAL_WORDS; w++) {
    const word = w < width ? (words[from + w] as number) ^ flip : sign
    const sum = ((sums[at + w] as number) >>> 0) + (word >>> 0) + carry
    sums[at + w] = sum | 0
    carry = sum > 0xffffffff ? 1 : 0
  }
}

/** The number at words[at..]. */
export function readDecimalWords(words: Int32Array, at: number): bigint {
  const low = ((BigInt(words[at + 1] as number) & 0xffffffffn) << 32n) | (BigInt(words[at] as number) & 0xffffffffn)
  const high = (BigInt(words[at + 3] as number) << 32n) | (BigInt(words[at + 2] as number) & 0xffffffffn)
  return (high << 64n) | low
}

/** Sums as a column of the DECIMAL `type` (same scale): NULL where `empty` or too large for the type. Takes over `words`. */
export function decimalResults(words: Int32Array, empty: Uint8Array, rows: number, type: LogicalType): Vector {
  let nulls: Uint8Array | undefined
  const limit = 10n ** BigInt(type.kind === 'DECIMAL' ? type.precision : 38)
  const wide = type.kind !== 'DECIMAL' || type.precision === 38
  for (let row = 0; row < rows; row++) {
    let isNull = empty[row] === 1
    const top = words[row * DECIMAL_WORDS + 3] as number
    if (!isNull && (!wide || top >= TOP_OF_LIMIT || top <= -TOP_OF_LIMIT)) {
      const value = readDecimalWords(words, row * DECIMAL_WORDS)
      isNull = value >= limit || value <= -limit
    }
    if (isNull) setNull((nulls ??= nullBits(rows)), row)
  }
  if (vectorKind(type) === 'decimal128') return { kind: 'decimal128', type, nulls, lanes: new BigInt64Array(words.buffer, 0, rows * 2) }
  const values = new BigInt64Array(rows)
  const narrow = wordsOf(values)
  for (let row = 0; row < rows; row++) {
    narrow[2 * row] = words[row * DECIMAL_WORDS] as number
    narrow[2 * row + 1] = words[row * DECIMAL_WORDS + 1] as number
  }
  return { kind: 'int64', type, nulls, values }
}

/** Writes an unscaled value as two 64-bit lanes at lanes[2 * row]. */
export function writeDecimal128(lanes: BigInt64Array, row: number, value: bigint): void {
  lanes[2 * row] = BigInt.asIntN(64, value & LOW_64)
  lanes[2 * row + 1] = BigInt.asIntN(64, value >> 64n)
}
