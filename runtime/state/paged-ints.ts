/**
 * Int32 values by dense id, `stride` of each: an array that doubles, and beyond what arrays may take, pages: growing copies nothing
 * then, and what is not used may lie on disk (pages.ts).
 */
import { grown } from './growable.js'
import { Pages } from './pages.js'
import { stateMemory } from './state-memory.js'

const PAGE_BITS = 10
const PAGE_IDS = 1 << PAGE_BITS

export class PagedInts {
  readonly #stride: number
  /** Empty once there are pages. */
  #array: Int32Array = NONE
  #pages: Pages<Int32Array<ArrayBuffer>> | undefined
  /** Bits of an id that are its place in its page. */
  #mask = -1

  constructor(stride = 1) {
    this.#stride = stride
    stateMemory.register(this)
  }

  /** Ids there is room for. */
  get length(): number {
    return this.#pages === undefined ? Math.floor(this.#array.length / this.#stride) : this.#pages.count << PAGE_BITS
  }

  /** Bytes of the array. */
  residentBytes(): number {
    return this.#array.byteLength
  }

  /** Room for ids below `limit`; new ones have zeros. */
  reserve(limit: number): void {
    if (this.length >= limit) return
    const words = limit * this.#stride
    if (this.#pages === undefined && words * 4 <= stateMemory.arrayBytes) {
      this.#array = grown(this.#array, words)
      return
    }
    const pages = (this.#pages ??= this.#intoPages())
    while (pages.count << PAGE_BITS < limit) pages.set(pages.count)
  }

  /** Where the id's values lie from `offset(id)` on; good until the end of the batch or the next `reserve`. */
  page(id: number): Int32Array {
    return this.#pages === undefined ? this.#array : this.#pages.at(id >> PAGE_BITS)
  }

  offset(id: number): number {
    return (id & this.#mask) * this.#stride
  }

  get(id: number, word = 0): number {
    return this.page(id)[(id & this.#mask) * this.#stride + word] as number
  }

  set(id: number, value: number, word = 0): void {
    this.page(id)[(id & this.#mask) * this.#stride + word] = value
  }

  /** Gives memory and disk back. */
  clear(): void {
    this.#array = NONE
    this.#pages?.clear()
    this.#pages = undefined
    this.#mask = -1
  }

  #intoPages(): Pages<Int32Array<ArrayBuffer>> {
    const words = PAGE_IDS * this.#stride
    const pages = new Pages((buffer) => new Int32Array(buffer), words * 4)
    for (let from = 0; from < this.#array.length; from += words) pages.set(pages.count).set(this.#array.subarray(from, from + words))
    this.#array = NONE
    this.#mask = PAGE_IDS - 1
    return pages
  }
}

const NONE = new Int32Array(0)
