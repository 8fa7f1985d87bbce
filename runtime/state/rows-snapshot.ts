/**
 * The rows of one table as of one moment, on their way out. What is read lies before a cursor; of the ids behind it, those that were
 * about to change were copied and are settled, all others still are as they were.
 */
import { Batch, BATCH_CAPACITY } from '../columnar/batch.js'
import { batchBytes } from '../columnar/batch-bytes.js'
import { keyGroupOf } from '../columnar/hash.js'
import type { Bits } from './bits.js'
import { inPieces, KeptRows, PIECE_BYTES } from './kept-rows.js'
import type { KeyedRows } from './snapshot.js'
import type { StoredTable } from './stored-table.js'

/** Ids without a row that one step may gather. */
const MAX_REMOVED = 8192

export interface SnapshotContent {
  /** All live rows belong to it; else those of `changed`. */
  readonly all: boolean
  /** Ids of it that have no row are reported as removed. Does not change any more. */
  readonly changed: Bits
  /** Words of bits there were: later ids do not belong to it. */
  readonly words: number
}

export class RowsSnapshot {
  readonly #table: StoredTable
  readonly #content: SnapshotContent
  readonly #maxParallelism: number
  /** Rows there are now. */
  readonly #live: () => Bits
  readonly #settled: Bits
  #cursor = 0
  /** Rows copied because they changed, and what is gone; both leave with the next steps. */
  readonly #kept = new KeptRows()
  #removed: number[] = []
  /** Rows of the next piece, a multiple of 32, by the size of the last ones. */
  #pieceRows = BATCH_CAPACITY >> 2
  /** The rest of a piece that came out too large. */
  #waiting: KeyedRows[] = []

  constructor(table: StoredTable, content: SnapshotContent, maxParallelism: number, live: () => Bits) {
    this.#table = table
    this.#content = content
    this.#maxParallelism = maxParallelism
    this.#live = live
    this.#settled = new Int32Array(content.words)
  }

  /** Bytes of rows that were copied and have not been read. */
  get keptBytes(): number {
    return this.#kept.residentBytes()
  }

  /** Nothing more is wanted. */
  close(): void {
    this.#kept.clear()
    this.#waiting = []
  }

  /** These rows are about to change. */
  keep(ids: Int32Array, count: number): void {
    const { all, changed, words } = this.#content
    const live = this.#live()
    const limit = words << 5
    let rows: Int32Array | undefined
    let length = 0
    for (let i = 0; i < count; i++) {
      const id = ids[i] as number
      if (id < this.#cursor || id >= limit) continue
      const word = id >> 5
      const bit = 1 << (id & 31)
      const isChanged = ((changed[word] ?? 0) & bit) !== 0
      if ((!all && !isChanged) || ((this.#settled[word] as number) & bit) !== 0) continue
      this.#settled[word] = (this.#settled[word] as number) | bit
      if (((live[word] ?? 0) & bit) === 0) {
        if (isChanged) this.#removed.push(id)
        continue
      }
      rows ??= new Int32Array(count)
      rows[length++] = id
    }
    if (rows !== undefined) this.#kept.add(this.#read(rows.slice(0, length)))
  }

  /** All rows whose bits are in these words are about to go. */
  keepRange(from: number, end: number): void {
    const { words } = this.#content
    for (let word = Math.max(from, this.#cursor >> 5); word < Math.min(end, words);) {
      const rows: number[] = []
      for (; word < Math.min(end, words) && rows.length + 32 <= BATCH_CAPACITY; word++) this.#take(word, rows, true)
      if (rows.length > 0) this.#kept.add(this.#read(Int32Array.from(rows)))
    }
  }

  /** Up to BATCH_CAPACITY rows, about PIECE_BYTES; undefined: that was all. */
  next(): KeyedRows | undefined {
    const ready = this.#kept.take() ?? this.#waiting.shift()
    if (ready !== undefined) return this.#withRemoved(ready)
    const { words } = this.#content
    const rows: number[] = []
    while (this.#cursor >> 5 < words && rows.length + 32 <= this.#pieceRows && this.#removed.length < MAX_REMOVED) {
      this.#take(this.#cursor >> 5, rows, false)
      this.#cursor += 32
    }
    if (rows.length === 0 && this.#removed.length === 0) return undefined
    return this.#withRemoved(this.#fitting(this.#read(Int32Array.from(rows))))
  }

  /** The rows, or a part of them when they are large; what follows is read in pieces of such a size. */
  #fitting(rows: KeyedRows): KeyedRows {
    const count = rows.ids.length
    if (count > 0) {
      const fit = (PIECE_BYTES * count) / Math.max(1, batchBytes(rows.batch))
      this.#pieceRows = Math.max(32, Math.min(BATCH_CAPACITY, fit & ~31))
    }
    const [first, ...rest] = inPieces(rows)
    this.#waiting = rest
    return first ?? rows
  }

  /** The word's ids that still belong to the snapshot: to `rows` if there is a row, else to #removed. */
  #take(word: number, rows: number[], settle: boolean): void {
    const { all, changed } = this.#content
    const live = this.#live()[word] ?? 0
    let ids = ((all ? live : 0) | (changed[word] ?? 0)) & ~(this.#settled[word] as number)
    if (settle) this.#settled[word] = (this.#settled[word] as number) | (all ? -1 : ids)
    for (; ids !== 0; ids &= ids - 1) {
      const bit = 31 - Math.clz32(ids & -ids)
      if (((live >>> bit) & 1) !== 0) rows.push((word << 5) | bit)
      else this.#removed.push((word << 5) | bit)
    }
  }

  #withRemoved(rows: KeyedRows): KeyedRows {
    if (this.#removed.length === 0) return rows
    const removed = Int32Array.from(this.#removed)
    this.#removed = []
    return { ...rows, removed }
  }

  #read(ids: Int32Array): KeyedRows {
    const { descriptor } = this.#table
    const count = ids.length
    const columns = this.#table.read(ids, count)
    const keyGroups = new Uint16Array(count)
    if (this.#table.hashes !== undefined) {
      const hashes = this.#table.hashes(ids, count, columns)
      for (let i = 0; i < count; i++) keyGroups[i] = keyGroupOf(hashes[i] as number, this.#maxParallelism)
    }
    return { table: descriptor.name, batch: new Batch(descriptor.schema, columns, count), ids, keyGroups, removed: NONE }
  }
}

const NONE = new Int32Array(0)
