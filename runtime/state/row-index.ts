/**
 * Finds stored rows by their content: what a retraction needs. Open addressing from row hash to row id; equal rows may stand in
 * it more than once. Costs nothing until enabled, so append-only inputs never pay for it. One that outgrows what arrays may take goes
 * on in pages, some of them on disk.
 */
import type { Schema } from '#core/types/schema.js'
import { Batch, BATCH_CAPACITY } from '../columnar/batch.js'
import { hashRows } from '../columnar/hash.js'
import type { Vector } from '../columnar/vector.js'
import { StateTooLarge } from './byte-heap.js'
import { PagedIndex } from './paged-index.js'
import type { RowStore } from './row-store.js'
import { stateMemory } from './state-memory.js'

const MIN_SLOTS = 64
const MAX_SLOTS = 1 << 28

export class RowIndex {
  readonly #store: RowStore
  readonly #schema: Schema
  readonly #columns: readonly number[]
  #slots = new Int32Array(0)
  #size = 0
  #enabled = false
  /** Once there: holds all, and the array is empty. */
  #paged: PagedIndex | undefined

  /** `schema`: of the stored rows. */
  constructor(store: RowStore, schema: Schema) {
    this.#store = store
    this.#schema = schema
    this.#columns = schema.fields.map((_, i) => i)
  }

  get enabled(): boolean {
    return this.#enabled
  }

  /** Bytes of the array. */
  residentBytes(): number {
    return this.#slots.byteLength
  }

  /** Takes in all rows of the store; from then on the owner adds and removes. */
  enable(): void {
    this.#enabled = true
    this.#slots = new Int32Array(2 * MIN_SLOTS)
    stateMemory.register(this)
    const ids = this.#store.liveIds()
    for (let from = 0; from < ids.length; from += BATCH_CAPACITY) {
      const some = ids.subarray(from, from + BATCH_CAPACITY)
      const hashes = this.hashes(new Batch(this.#schema, this.#store.columns(some, some.length), some.length))
      for (let i = 0; i < some.length; i++) this.add(hashes[i] as number, some[i] as number)
    }
  }

  /** Hashes of whole rows, by row of the batch. */
  hashes(batch: Batch): Int32Array {
    return hashRows(batch, this.#columns)
  }

  /** A stored row equal to the one at that position, or -1. */
  find(hash: number, columns: readonly Vector[], position: number): number {
    if (this.#paged !== undefined) return this.#paged.find(hash, (entry) => this.#store.equals(entry - 1, columns, position)) - 1
    const slots = this.#slots
    const mask = (slots.length >> 1) - 1
    for (let slot = hash & mask; slots[2 * slot + 1] !== 0; slot = (slot + 1) & mask) {
      const id = (slots[2 * slot + 1] as number) - 1
      if (slots[2 * slot] === hash && this.#store.equals(id, columns, position)) return id
    }
    return -1
  }

  /** @throws STATE_TOO_LARGE */
  add(hash: number, id: number): void {
    if (this.#paged === undefined && (this.#size + 1) * 3 > this.#slots.length) this.#grow()
    if (this.#paged !== undefined) return this.#paged.add(hash, id + 1)
    place(this.#slots, hash, id + 1)
    this.#size++
  }

  remove(hash: number, id: number): void {
    if (this.#paged !== undefined) return this.#paged.remove(hash, id + 1)
    const slots = this.#slots
    const mask = (slots.length >> 1) - 1
    let hole = hash & mask
    while (slots[2 * hole + 1] !== id + 1) {
      if (slots[2 * hole + 1] === 0) throw new Error('row to remove is not in its index')
      hole = (hole + 1) & mask
    }
    for (let slot = (hole + 1) & mask; slots[2 * slot + 1] !== 0; slot = (slot + 1) & mask) {
      const home = (slots[2 * slot] as number) & mask
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue
      slots[2 * hole] = slots[2 * slot] as number
      slots[2 * hole + 1] = slots[2 * slot + 1] as number
      hole = slot
    }
    slots[2 * hole] = 0
    slots[2 * hole + 1] = 0
    this.#size--
  }

  #grow(): void {
    const old = this.#slots
    if (old.length > MAX_SLOTS) {
      throw new StateTooLarge({ what: `${this.#size} rows that may be retracted`, limit: `${Math.floor(MAX_SLOTS / 1.5)} rows` })
    }
    if (old.byteLength * 2 > stateMemory.arrayBytes) return this.#goIntoPages()
    this.#slots = new Int32Array(old.length * 2)
    for (let i = 0; i < old.length; i += 2) if (old[i + 1] !== 0) place(this.#slots, old[i] as number, old[i + 1] as number)
  }

  #goIntoPages(): void {
    const paged = new PagedIndex()
    const old = this.#slots
    for (let i = 0; i < old.length; i += 2) if (old[i + 1] !== 0) paged.add(old[i] as number, old[i + 1] as number)
    this.#paged = paged
    this.#slots = new Int32Array(0)
    this.#size = 0
  }
}

function place(slots: Int32Array, hash: number, entry: number): void {
  const mask = (slots.length >> 1) - 1
  let slot = hash & mask
  while (slots[2 * slot + 1] !== 0) slot = (slot + 1) & mask
  slots[2 * slot] = hash
  slots[2 * slot + 1] = entry
}
