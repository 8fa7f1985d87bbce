/**
 * What the owner of a KeyTable keeps by key id (counts, sums, heads of lists), in columns that it works on in tight loops: arrays by id,
 * as long as the keys are in arrays. Once they lie in pages, so do the columns' values, a key's beside the key itself; those of the
 * ids of one batch are lifted into the first places of the columns, worked on there, and lowered again.
 *
 *   in arrays   id 4711 ──▶ column[4711]
 *   in pages    id 4711 ──▶ place 3 ──▶ column[3]  ◀─ lift ─  | hash | key | words of all columns |  ─ lower ─▶ …
 *
 * The owner's loops are the same both ways: they get places instead of ids.
 */
import { identityPositions } from './growable.js'
import type { KeyTable } from './key-table.js'
import { stateMemory } from './state-memory.js'

/** The int32 words of a column (or its bytes, of which each takes a word in pages): `width` a place. */
export interface WordColumn {
  readonly values: Int32Array | Uint8Array
  readonly width: number
}

export interface ColumnOwner {
  /** Its columns now, always the same ones in the same order. */
  columns(): readonly WordColumn[]
  /** Makes room for that many places. */
  reserve(places: number): void
  /** Gives the columns' memory back. */
  drop(): void
}

/** Words of all columns of one place. */
export function wordsOfColumns(columns: readonly WordColumn[]): number {
  return columns.reduce((words, { width }) => words + width, 0)
}

export class LiftedColumns {
  readonly #table: KeyTable
  readonly #owner: ColumnOwner
  /** Ids below have values in the columns, as long as the keys are in arrays; in pages: places there is room for. */
  #room = 0
  #inPages = false
  #columns: readonly WordColumn[] = []
  #columnBytes = 0
  /** What is lifted: where the words of each place lie. */
  #count = 0
  #pages: Int32Array[] = []
  #offsets = NONE
  /** Ids to places within a batch, open addressing: id + 1, place. */
  #seen = NONE

  /** `table`: made with wordsOfColumns(owner.columns()) owner's words. */
  constructor(table: KeyTable, owner: ColumnOwner) {
    this.#table = table
    this.#owner = owner
    stateMemory.register(this)
  }

  /** Bytes of the columns and of what finds the places. */
  residentBytes(): number {
    return this.#columnBytes + this.#offsets.byteLength + this.#seen.byteLength
  }

  /**
   * After the ids were assigned: where the columns have the values of id ids[i], equal ids at equal places. In pages they are there until
   * the next lift, and what is written is kept only by `lower`. 0 for ids that are new to the table.
   */
  lift(ids: Int32Array, count: number): Int32Array {
    if (!this.#table.inPages) return this.#reserved(ids, count)
    this.#goIntoPages()
    const places = new Int32Array(count)
    const distinct = this.#number(ids, count, places)
    this.#load(distinct, distinct.length, false)
    return places
  }

  /** The same for ids that differ and values that are only read. */
  peek(ids: Int32Array, count: number): Int32Array {
    if (!this.#table.inPages) return this.#reserved(ids, count)
    this.#goIntoPages()
    this.#load(ids, count, true)
    return identityPositions(count).subarray(0, count)
  }

  /** What was lifted goes back. */
  lower(): void {
    if (!this.#inPages) return
    this.#store(this.#count)
  }

  /** The table was cleared: nothing is kept. */
  clear(): void {
    this.#count = 0
    this.#pages = []
    if (!this.#inPages) return
    this.#inPages = false
    this.#drop()
  }

  #reserved(ids: Int32Array, count: number): Int32Array {
    const { idLimit } = this.#table
    if (this.#room < idLimit) this.#reserve(idLimit)
    return ids.length === count ? ids : ids.subarray(0, count)
  }

  /** Takes the columns' values along when the keys have just gone into pages. */
  #goIntoPages(): void {
    if (this.#inPages) return
    this.#inPages = true
    const ids = Math.min(this.#room, this.#table.idLimit)
    for (let from = 0; from < ids; from += MOVED_AT_ONCE) {
      const count = Math.min(MOVED_AT_ONCE, ids - from)
      const moved = Int32Array.from({ length: count }, (_, i) => from + i)
      this.#locate(moved, count, false)
      this.#store(count, from)
    }
    this.#drop()
  }

  #reserve(places: number): void {
    this.#owner.reserve(places)
    this.#room = places
    this.#columns = this.#owner.columns()
    this.#columnBytes = this.#columns.reduce((sum, { values }) => sum + values.byteLength, 0)
  }

  #drop(): void {
    this.#owner.drop()
    this.#room = 0
    this.#columns = []
    this.#columnBytes = 0
  }

  /** Gives each different id a place; answers with the ids by place. */
  #number(ids: Int32Array, count: number, places: Int32Array): Int32Array {
    const bits = Math.max(4, 33 - Math.clz32(count))
    if (this.#seen.length >> 1 !== 1 << bits) this.#seen = new Int32Array(2 << bits)
    else this.#seen.fill(0)
    const seen = this.#seen
    const shift = 32 - bits
    const mask = (1 << bits) - 1
    const distinct = new Int32Array(count)
    let next = 0
    for (let i = 0; i < count; i++) {
      const id = ids[i] as number
      let slot = Math.imul(id, MIX) >>> shift
      while (seen[2 * slot] !== 0 && seen[2 * slot] !== id + 1) slot = (slot + 1) & mask
      if (seen[2 * slot] === 0) {
        seen[2 * slot] = id + 1
        seen[2 * slot + 1] = next
        distinct[next++] = id
      }
      places[i] = seen[2 * slot + 1] as number
    }
    return distinct.subarray(0, next)
  }

  #load(ids: Int32Array, count: number, toRead: boolean): void {
    if (this.#room < count) this.#reserve(count)
    this.#locate(ids, count, toRead)
    let word = 0
    for (const { values, width } of this.#columns) {
      loadColumn(values, width, this.#pages, this.#offsets, word, count)
      word += width
    }
  }

  #locate(ids: Int32Array, count: number, toRead: boolean): void {
    if (this.#offsets.length < count) this.#offsets = new Int32Array(count)
    const pages = this.#pages
    for (let i = 0; i < count; i++) {
      pages[i] = this.#table.wordsPage(ids[i] as number, toRead)
      this.#offsets[i] = this.#table.wordsOffset(ids[i] as number)
    }
    this.#count = count
  }

  #store(count: number, from = 0): void {
    let word = 0
    for (const { values, width } of this.#columns) {
      storeColumn(values, from * width, width, this.#pages, this.#offsets, word, count)
      word += width
    }
  }
}

const NONE = new Int32Array(0)
const MOVED_AT_ONCE = 1024
const MIX = 0x9e3779b1 | 0

function loadColumn(
  values: Int32Array | Uint8Array,
  width: number,
  pages: readonly Int32Array[],
  offsets: Int32Array,
  word: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) {
    const page = pages[i] as Int32Array
    const at = (offsets[i] as number) + word
    for (let w = 0; w < width; w++) values[i * width + w] = page[at + w] as number
  }
}

function storeColumn(
  values: Int32Array | Uint8Array,
  from: number,
  width: number,
  pages: readonly Int32Array[],
  offsets: Int32Array,
  word: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) {
    const page = pages[i] as Int32Array
    const at = (offsets[i] as number) + word
    for (let w = 0; w < width; w++) page[at + w] = values[from + i * width + w] as number
  }
}
