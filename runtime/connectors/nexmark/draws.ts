/**
 * Random numbers of the Nexmark generator, by 32-bit operations only: draw k of event n is a pure function of n and k, so events can be made
 * in any order and an unused draw costs nothing.
 */
const GOLDEN = 0x9e3779b9 | 0
const EVENT_SEED = 0x4e584d4b
const TWO_32 = 4_294_967_296

/** The finalizer of MurmurHash3. */
export function mix(word: number): number {
  let h = word
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

/** What all draws of event n begin with. */
export function eventBase(n: number): number {
  return mix((n | 0) ^ mix((Math.floor(n / TWO_32) + EVENT_SEED) | 0))
}

/** The k-th draw, k = 1, 2, …: a 32-bit word. */
export function draw(base: number, k: number): number {
  return mix((base + Math.imul(k, GOLDEN)) | 0)
}

/** A word as a number in [0, m), m at most 2^21, so that the product is exact. */
export function range(word: number, m: number): number {
  return Math.floor(((word >>> 0) * m) / TWO_32)
}
