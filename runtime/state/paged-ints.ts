/**
 * Int32 values by dense id, `stride` of each: an array that doubles, and beyond what arrays may take, pages: growing copies nothing
 * then, and what is not used may lie on disk (pages.ts).
 */
import { grown } from './growable.js'
import { Pages } from './pages.js'
import { stateMemory } from './state-memory.js'

export class PagedInts {
  readonly #stride: number
  /** Empty once there are pages. */
  #array: Int32Array = NONE
  #pages: Pages<Int32Array<ArrayBuffer>> | undefined
  /** Bits of an id that are its place in its page, how many and which. */
  #bits = 0
  #mask = -1

  /** `inPages`: from the beginning. */
  constructor(stride = 1, inPages = false) {
    this.#stride = stride
    stateMemory.register(this)
    if (inPages) this.#pages = this.#intoPages()
  }

  /** Ids there is room for. */
  get length(): number {
    return this.#pages === undefined ? Math.floor(this.#array.length / this.#stride) : this.#pages.count << this.#bits
  }

  /** Bytes of the array. */
  residentBytes(): number {
    return this.#array.byteLength
  }

  /** Room for ids below `limit`; new ones have zeros. */
  reserve(limit: number): void {
    if (this.length >= limit) return
    const words = Math.max(limit * this.#stride, 2 * this.#array.length)
    if (this.#pages === undefined && stateMemory.allowsArrays(words * 4, this.#array.byteLength)) {
      this.#array = grown(this.#array, words)
      return
    }
    const pages = (this.#pages ??= this.#intoPages())
    while (pages.count << this.#bits < limit) pages.set(pages.count)
  }

  /** Where the id's values lie from `offset(id)` on, to be changed; good until the end of the batch or, for arrays, the next `reserve`. */
  page(id: number): Int32Array {
    return this.#pages === undefined ? this.#array : this.#pages.at(id >> this.#bits)
  }

  /** The same, to be read only. */
  peek(id: number): Int32Array {
    return this.#pages === undefined ? this.#array : this.#pages.peek(id >> this.#bits)
  }

  offset(id: number): number {
    return (id & this.#mask) * this.#stride
  }

  get(id: number, word = 0): number {
    return this.peek(id)[(id & this.#mask) * this.#stride + word] as number
  }

  set(id: number, value: number, word = 0): void {
    this.page(id)[(id & this.#mask) * this.#stride + word] = value
  }

  /** Gives memory and disk back. */
  clear(): void {
    this.#array = NONE
    this.#pages?.clear()
    this.#pages = undefined
    this.#bits = 0
    this.#mask = -1
  }

  #intoPages(): Pages<Int32Array<ArrayBuffer>> {
    this.#bits = stateMemory.pageBits(this.#stride * 4)
    this.#mask = (1 << this.#bits) - 1
    const words = this.#stride << this.#bits
    const pages = new Pages((buffer) => new Int32Array(buffer), words * 4)
    for (let from = 0; from < this.#array.length; from += words) pages.set(pages.count).set(this.#array.subarray(from, from + words))
    this.#array = NONE
    return pages
  }
}

const NONE = new Int32Array(0)
