/** Fast pseudo-random numbers (xoshiro128**) whose state can be kept and taken up again. */

/** Four 32-bit words, not all zero. */
export type RandomState = readonly number[]

export class Random {
  #a = 0
  #b = 0
  #c = 0
  #d = 0

  constructor(state: RandomState) {
    this.resume(state)
  }

  /** `seed`: 16 bytes. */
  static seeded(seed: Uint8Array): Random {
    const words = new DataView(seed.buffer, seed.byteOffset, 16)
    return new Random([words.getInt32(0), words.getInt32(4), words.getInt32(8), words.getInt32(12)])
  }

  /** Goes on from a kept state. */
  resume([a = 0, b = 0, c = 0, d = 0]: RandomState): void {
    this.#a = a | 0
    this.#b = b | 0
    this.#c = c | 0
    this.#d = (a | b | c | d) === 0 ? 1 : d | 0
  }

  get state(): RandomState {
    return [this.#a >>> 0, this.#b >>> 0, this.#c >>> 0, this.#d >>> 0]
  }

  /** Another sequence for another part of the same rows: `part` 0 goes on with this one. */
  split(part: number): Random {
    if (part === 0) return new Random(this.state)
    const mixed = this.state.map((word, i) => mix(word + Math.imul(part * 4 + i, 0x9e3779b9)))
    return new Random(mixed)
  }

  /** The first `count` words of `target`, each uniform in -2^31 .. 2^31-1. */
  fill(target: Int32Array, count: number): void {
    // In locals the state stays in registers.
    let a = this.#a
    let b = this.#b
    let c = this.#c
    let d = this.#d
    for (let i = 0; i < count; i++) {
      const five = Math.imul(b, 5)
      target[i] = Math.imul((five << 7) | (five >>> 25), 9)
      const t = b << 9
      c ^= a
      d ^= b
      b ^= c
      a ^= d
      c ^= t
      d = (d << 11) | (d >>> 21)
    }
    this.#a = a
    this.#b = b
    this.#c = c
    this.#d = d
  }
}

/** A bijection of 32-bit words that spreads every bit (MurmurHash3's last step). */
function mix(word: number): number {
  let h = word | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
