/** Sets of row ids as bits in int32 words: id i is bit i & 31 of word i >> 5. Sets may differ in length; what is missing is 0. */
import { grown } from './growable.js'

export type Bits = Int32Array

export function hasBit(bits: Bits, id: number): boolean {
  return (((bits[id >> 5] ?? 0) >>> (id & 31)) & 1) !== 0
}

/** The ids below `limit` but the first `freeCount` of `free`. */
export function bitsWithout(limit: number, free: Int32Array, freeCount: number): Bits {
  const bits = new Int32Array((limit + 31) >> 5).fill(-1)
  if ((limit & 31) !== 0) bits[limit >> 5] = (1 << (limit & 31)) - 1
  for (let i = 0; i < freeCount; i++) {
    const id = free[i] as number
    bits[id >> 5] = (bits[id >> 5] as number) & ~(1 << (id & 31))
  }
  return bits
}

/** A copy for the ids below `limit`. */
export function bitsOf(bits: Bits, limit: number): Bits {
  const copy = new Int32Array((limit + 31) >> 5)
  copy.set(bits.subarray(0, copy.length))
  return copy
}

/** Adds the ids of `more`; the result may be a longer copy of `bits`. */
export function union(bits: Bits, more: Bits): Bits {
  const result = grown(bits, more.length)
  for (let word = 0; word < more.length; word++) if (more[word] !== 0) result[word] = (result[word] as number) | (more[word] as number)
  return result
}
