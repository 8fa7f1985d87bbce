/**
 * One id space for rows of many owners whose ids each begin at 0 (a window's groups): the snapshot's id is a page of the table that
 * belongs to the owner, and the place in it. Owners get pages as they grow, and give them back when all their rows go.
 */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import { Batch } from '../columnar/batch.js'
import { concatBatches } from '../columnar/gather.js'
import type { Vector } from '../columnar/vector.js'
import type { Bits } from './bits.js'
import type { ChangedRows } from './changed-rows.js'
import type { KeyedTables } from './keyed-tables.js'
import type { RowChanges, StoredTable } from './stored-table.js'

const PAGE_BITS = 10
const PAGE_IDS = 1 << PAGE_BITS
const PAGE_MASK = PAGE_IDS - 1
const PAGE_WORDS = PAGE_IDS >> 5

/** One owner's rows, by its own ids. */
export interface OwnedTable {
  liveBits(): Bits
  read(ids: Int32Array, count: number): readonly Vector[]
  /** Of owners in a keyed table. */
  hashes?(ids: Int32Array, count: number): Int32Array
}

interface Page {
  readonly owner: PagedRows
  /** Which of the owner's pages it is. */
  readonly index: number
}

export class RowPages implements StoredTable {
  readonly descriptor: StateTableDescriptor
  readonly hashes: StoredTable['hashes']
  readonly changes: ChangedRows
  readonly #pages: (Page | undefined)[] = []
  readonly #free: number[] = []
  readonly #owners: PagedRows[] = []

  /** `keyed`: the rows have keys, so owners tell their hashes. */
  constructor(descriptor: StateTableDescriptor, keyed: boolean, tables: KeyedTables) {
    this.descriptor = descriptor
    if (keyed) this.hashes = (ids, count) => this.#hashes(ids, count)
    this.changes = tables.add(this)
  }

  /** Takes an owner in until it is forgotten; its rows may come and go. */
  owner(table: OwnedTable): PagedRows {
    const owner = new PagedRows(this, table)
    this.#owners.push(owner)
    return owner
  }

  /** All ids are below. */
  get idLimit(): number {
    return this.#pages.length << PAGE_BITS
  }

  /** The owner will have no rows any more. */
  forget(owner: PagedRows): void {
    const at = this.#owners.indexOf(owner)
    if (at >= 0) this.#owners.splice(at, 1)
  }

  allocate(owner: PagedRows, index: number): number {
    const number = this.#free.pop() ?? this.#pages.length
    this.#pages[number] = { owner, index }
    return number
  }

  release(pages: readonly number[]): void {
    for (const number of pages) {
      this.#pages[number] = undefined
      this.#free.push(number)
    }
  }

  liveBits(): Bits {
    const bits = this.#owners.map((owner) => ({ owner, live: owner.table.liveBits() }))
    for (const { owner, live } of bits) owner.reserve(live.length << 5)
    const all = new Int32Array(this.#pages.length * PAGE_WORDS)
    for (const { owner, live } of bits) {
      owner.pages.forEach((number, index) => all.set(live.subarray(index * PAGE_WORDS, (index + 1) * PAGE_WORDS), number * PAGE_WORDS))
    }
    return all
  }

  read(ids: Int32Array, count: number): readonly Vector[] {
    const { schema } = this.descriptor
    const parts: Batch[] = []
    this.#runs(ids, count, (owner, local) => parts.push(new Batch(schema, owner.table.read(local, local.length), local.length)))
    return (parts.length === 1 ? (parts[0] as Batch) : concatBatches(schema, parts)).columns
  }

  #hashes(ids: Int32Array, count: number): Int32Array {
    const hashes = new Int32Array(count)
    this.#runs(ids, count, (owner, local, at) => hashes.set(owner.table.hashes?.(local, local.length) ?? [], at))
    return hashes
  }

  /** Neighbouring ids of one owner, as its own. */
  #runs(ids: Int32Array, count: number, visit: (owner: PagedRows, local: Int32Array, at: number) => void): void {
    for (let from = 0; from < count;) {
      const { owner } = this.#pages[(ids[from] as number) >> PAGE_BITS] as Page
      const local = new Int32Array(count - from)
      let end = from
      for (; end < count; end++) {
        const id = ids[end] as number
        const page = this.#pages[id >> PAGE_BITS] as Page
        if (page.owner !== owner) break
        local[end - from] = (page.index << PAGE_BITS) | (id & PAGE_MASK)
      }
      visit(owner, local.subarray(0, end - from), from)
      from = end
    }
  }
}

/** An owner's side: its changes, reported by its own ids. */
export class PagedRows implements RowChanges {
  readonly table: OwnedTable
  readonly #all: RowPages
  #pages: number[] = []

  constructor(all: RowPages, table: OwnedTable) {
    this.#all = all
    this.table = table
  }

  get pages(): readonly number[] {
    return this.#pages
  }

  /** Its rows are gone, and none will come. */
  close(): void {
    this.#all.forget(this)
  }

  reserve(idLimit: number): void {
    while (this.#pages.length << PAGE_BITS < idLimit) this.#pages.push(this.#all.allocate(this, this.#pages.length))
  }

  touch(ids: Int32Array, count: number, idLimit: number): void {
    const { changes } = this.#all
    if (!changes.tracking) return
    this.reserve(idLimit)
    changes.touch(this.snapshotIds(ids, count), count, this.#all.idLimit)
  }

  touchOne(id: number): void {
    if (this.#all.changes.tracking) this.touch(Int32Array.of(id), 1, id + 1)
  }

  removeOne(id: number): void {
    if (this.#all.changes.tracking) this.remove(Int32Array.of(id), 1)
  }

  remove(ids: Int32Array, count: number): void {
    if (this.#all.changes.tracking) this.#all.changes.remove(this.snapshotIds(ids, count), count)
  }

  removeAll(): void {
    for (const page of this.#pages) this.#all.changes.removeRange(page << PAGE_BITS, (page + 1) << PAGE_BITS)
    this.#all.release(this.#pages)
    this.#pages = []
  }

  snapshotIds(ids: Int32Array, count: number): Int32Array {
    const result = new Int32Array(count)
    for (let i = 0; i < count; i++) {
      const id = ids[i] as number
      result[i] = ((this.#pages[id >> PAGE_BITS] as number) << PAGE_BITS) | (id & PAGE_MASK)
    }
    return result
  }
}
