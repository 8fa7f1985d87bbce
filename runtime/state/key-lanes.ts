/** Key columns as int32 lanes: equal keys have equal lanes (strings: equal lengths, their bytes are compared apart). */
import type { Vector } from '../columnar/vector.js'

/** int32 lanes of a fixed-width key column. */
export const LANES = { boolean: 1, int32: 1, int64: 2, float64: 2, decimal128: 4, utf8: 0, object: 0 } as const

const CANONICAL_NAN = new Int32Array(new Float64Array([NaN]).buffer)

/**
 * Writes one key column of `count` rows (row r at column position positions[r]) into rows of `stride` lanes: a fixed-width value
 * at `lane`; a string's length at `lane` and its offset in the column's bytes at `refLane`. NULL rows are left to the caller.
 */
export function encodeColumn(
  vector: Vector,
  positions: Int32Array,
  count: number,
  scratch: Int32Array,
  stride: number,
  lane: number,
  refLane: number,
): void {
  switch (vector.kind) {
    case 'boolean':
    case 'int32': {
      const values = vector.values
      for (let row = 0, at = lane; row < count; row++, at += stride) scratch[at] = values[positions[row] as number] as number
      return
    }
    case 'int64': {
      const words = new Int32Array(vector.values.buffer, vector.values.byteOffset, vector.values.length * 2)
      for (let row = 0, at = lane; row < count; row++, at += stride) {
        const word = 2 * (positions[row] as number)
        scratch[at] = words[word] as number
        scratch[at + 1] = words[word + 1] as number
      }
      return
    }
    case 'float64': {
      const values = vector.values
      const words = new Int32Array(values.buffer, values.byteOffset, values.length * 2)
      for (let row = 0, at = lane; row < count; row++, at += stride) {
        const position = positions[row] as number
        const value = values[position] as number
        const nan = value !== value
        scratch[at] = nan ? (CANONICAL_NAN[0] as number) : value === 0 ? 0 : (words[2 * position] as number)
        scratch[at + 1] = nan ? (CANONICAL_NAN[1] as number) : value === 0 ? 0 : (words[2 * position + 1] as number)
      }
      return
    }
    case 'decimal128': {
      const words = new Int32Array(vector.lanes.buffer, vector.lanes.byteOffset, vector.lanes.length * 2)
      for (let row = 0, at = lane; row < count; row++, at += stride) {
        const word = 4 * (positions[row] as number)
        for (let i = 0; i < 4; i++) scratch[at + i] = words[word + i] as number
      }
      return
    }
    case 'utf8': {
      const { offsets, lengths } = vector
      for (let row = 0, at = 0; row < count; row++, at += stride) {
        const position = positions[row] as number
        scratch[at + lane] = lengths[position] as number
        scratch[at + refLane] = offsets[position] as number
      }
      return
    }
    case 'object':
      throw new Error('a key of objects is encoded before it comes here')
  }
}

/** Hashes with one more int32 per row mixed in, as Murmur3 does. */
export function mixed(hashes: Int32Array, prefix: Int32Array, count: number): Int32Array {
  const result = new Int32Array(count)
  for (let i = 0; i < count; i++) {
    let k = Math.imul(prefix[i] as number, 0xcc9e2d51)
    k = Math.imul((k << 15) | (k >>> 17), 0x1b873593)
    let h = (hashes[i] as number) ^ k
    h = Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64
    h ^= h >>> 16
    h = Math.imul(h, 0x85ebca6b)
    h ^= h >>> 13
    h = Math.imul(h, 0xc2b2ae35)
    result[i] = h ^ (h >>> 16)
  }
  return result
}
