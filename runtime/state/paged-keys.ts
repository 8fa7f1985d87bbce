/**
 * What a KeyTable becomes when it has outgrown its arrays: the same ids, in pages that may lie on disk.
 *
 *   index  hash to id + 1, in pages (paged-index.ts)
 *   rows   per id, in pages: | hash | lanes as in the table | words of the owner |; of an id that is free: the next free id + 1
 */
import { bitsOf, type Bits } from './bits.js'
import { grown } from './growable.js'
import { PagedIndex } from './paged-index.js'
import { PagedInts } from './paged-ints.js'
import { stateMemory } from './state-memory.js'

const SLOT_MASK = 1023

export interface KeyShape {
  /** Lanes of a key, and how many of them, from the first, must be equal. */
  readonly stride: number
  readonly compared: number
  /** int32 words that the owner keeps beside each key: 0 at first, and left as they are when a key goes. */
  readonly words: number
  /** Equal lanes: their strings too? `lanes` has the stored key at `at`. */
  sameStrings(lanes: Int32Array, at: number, scratch: Int32Array, from: number): boolean
  /** Puts the strings of a new key away and their refs into `lanes`. */
  storeStrings(lanes: Int32Array, at: number, scratch: Int32Array, from: number): void
}

export class PagedKeys {
  readonly #shape: KeyShape
  readonly #index = new PagedIndex()
  readonly #rows: PagedInts
  #live: Bits = new Int32Array(0)
  /** Head of the list of free ids, + 1. */
  #free = 0
  #idLimit = 0

  constructor(shape: KeyShape) {
    this.#shape = shape
    this.#rows = new PagedInts(1 + shape.stride + shape.words, true)
    stateMemory.register(this)
  }

  get size(): number {
    return this.#index.size
  }

  get idLimit(): number {
    return this.#idLimit
  }

  residentBytes(): number {
    return this.#live.byteLength
  }

  /** Takes over a table's keys; `lanes` and `hashes` by id. */
  fill(lanes: Int32Array, hashes: Int32Array, idLimit: number, live: Bits): void {
    const { stride } = this.#shape
    this.#idLimit = idLimit
    this.#live = live
    this.#rows.reserve(idLimit)
    for (let id = 0; id < idLimit; id++) {
      const page = this.#rows.page(id)
      const at = this.#rows.offset(id)
      if (((live[id >> 5] as number) & (1 << (id & 31))) === 0) {
        page[at] = this.#free
        this.#free = id + 1
        continue
      }
      page[at] = hashes[id] as number
      for (let lane = 0; lane < stride; lane++) page[at + 1 + lane] = lanes[id * stride + lane] as number
      this.#index.add(hashes[id] as number, id + 1)
    }
  }

  /** As KeyTable.assign; `scratch`: the rows' keys as lanes. */
  assign(scratch: Int32Array, count: number, hashes: Int32Array, ids: Int32Array, insert: boolean): void {
    const { stride, compared } = this.#shape
    const index = this.#index
    const rows = this.#rows
    for (let row = 0; row < count; row++) {
      const hash = hashes[row] as number
      const from = row * stride
      let number = index.pageOf(hash)
      let found = -1
      do {
        const page = index.page(number)
        for (let slot = hash & SLOT_MASK; ; slot = (slot + 1) & SLOT_MASK) {
          const entry = page[2 * slot + 1] as number
          if (entry === 0) break
          if (page[2 * slot] !== hash) continue
          const lanes = rows.peek(entry - 1)
          const at = rows.offset(entry - 1) + 1
          let lane = 0
          while (lane < compared && lanes[at + lane] === scratch[from + lane]) lane++
          if (lane < compared || !this.#shape.sameStrings(lanes, at, scratch, from)) continue
          found = entry - 1
          break
        }
        number = found >= 0 ? 0 : index.next(number)
      } while (number !== 0)
      ids[row] = found >= 0 || !insert ? found : this.#insert(hash, scratch, from)
    }
  }

  remove(id: number): void {
    const page = this.#rows.page(id)
    const at = this.#rows.offset(id)
    this.#index.remove(page[at] as number, id + 1)
    page[at] = this.#free
    this.#free = id + 1
    this.#live[id >> 5] = (this.#live[id >> 5] as number) & ~(1 << (id & 31))
  }

  hashOf(id: number): number {
    return this.#rows.get(id)
  }

  /** One lane of a key. */
  lane(id: number, lane: number): number {
    return this.#rows.get(id, lane + 1)
  }

  /** Lanes of `count` keys, one after the other. */
  lanes(ids: Int32Array, count: number): Int32Array {
    const { stride } = this.#shape
    const lanes = new Int32Array(count * stride)
    for (let i = 0; i < count; i++) {
      const page = this.#rows.peek(ids[i] as number)
      const at = this.#rows.offset(ids[i] as number) + 1
      for (let lane = 0; lane < stride; lane++) lanes[i * stride + lane] = page[at + lane] as number
    }
    return lanes
  }

  /** Page in which the owner's words of a key lie; good until the end of the batch. */
  wordsPage(id: number, toRead: boolean): Int32Array {
    return toRead ? this.#rows.peek(id) : this.#rows.page(id)
  }

  /** Where in their page they begin. */
  wordsOffset(id: number): number {
    return this.#rows.offset(id) + 1 + this.#shape.stride
  }

  liveBits(): Bits {
    return bitsOf(this.#live, this.#idLimit)
  }

  /** Gives memory and disk back; it is of no use afterwards. */
  close(): void {
    this.#index.clear()
    this.#rows.clear()
    this.#live = new Int32Array(0)
  }

  #insert(hash: number, scratch: Int32Array, from: number): number {
    const { stride } = this.#shape
    const free = this.#free
    const id = free === 0 ? this.#idLimit++ : free - 1
    if (free === 0) {
      this.#rows.reserve(this.#idLimit)
      if (this.#live.length << 5 < this.#idLimit) this.#live = grown(this.#live, (this.#idLimit + 31) >> 5)
    }
    const page = this.#rows.page(id)
    const at = this.#rows.offset(id)
    if (free !== 0) this.#free = page[at] as number
    page[at] = hash
    for (let lane = 0; lane < stride; lane++) page[at + 1 + lane] = scratch[from + lane] as number
    this.#shape.storeStrings(page, at + 1, scratch, from)
    this.#live[id >> 5] = (this.#live[id >> 5] as number) | (1 << (id & 31))
    this.#index.add(hash, id + 1)
    return id
  }
}
