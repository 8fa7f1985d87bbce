/**
 * Which rows of a table a snapshot must write, kept in bits by row id, and their copies when they change before they were written.
 *
 *   dirty        changed since the last snapshot was taken
 *   unconfirmed  changed before snapshot n: dropped when n (or a later one) is complete, given back when n is aborted
 *   live         rows there are: what is dirty and not live is reported as removed
 *
 * Taking a snapshot moves `dirty` and allocates zeroes, whatever the size of the state. While it is read, a row that is about to
 * change and was not read yet is copied first; a bit says so. Before the first snapshot nothing is tracked and nothing costs.
 */
import { union, type Bits } from './bits.js'
import { grown } from './growable.js'
import { RowsSnapshot } from './rows-snapshot.js'
import type { RowChanges, StoredTable } from './stored-table.js'

interface Unconfirmed {
  readonly checkpointId: number
  bits: Bits
  /** All rows, whatever the bits say: no snapshot was complete before. */
  everything: boolean
}

export class ChangedRows implements RowChanges {
  readonly #table: StoredTable
  #tracking = false
  #dirty: Bits = new Int32Array(0)
  #live: Bits = new Int32Array(0)
  #everything = true
  #unconfirmed: Unconfirmed[] = []
  #open: RowsSnapshot[] = []
  #one = new Int32Array(1)

  constructor(table: StoredTable) {
    this.#table = table
  }

  /** False until the first snapshot: the reports below do nothing. */
  get tracking(): boolean {
    return this.#tracking
  }

  touch(ids: Int32Array, count: number, idLimit: number): void {
    if (!this.#tracking) return
    if (this.#live.length << 5 < idLimit) this.#reserve(idLimit)
    if (this.#open.length > 0) for (const snapshot of this.#open) snapshot.keep(ids, count)
    const dirty = this.#dirty
    const live = this.#live
    for (let i = 0; i < count; i++) {
      const id = ids[i] as number
      const word = id >> 5
      const bit = 1 << (id & 31)
      dirty[word] = (dirty[word] as number) | bit
      live[word] = (live[word] as number) | bit
    }
  }

  touchOne(id: number): void {
    if (!this.#tracking) return
    this.#one[0] = id
    this.touch(this.#one, 1, id + 1)
  }

  remove(ids: Int32Array, count: number): void {
    if (!this.#tracking) return
    for (const snapshot of this.#open) snapshot.keep(ids, count)
    for (let i = 0; i < count; i++) {
      const id = ids[i] as number
      const word = id >> 5
      const bit = 1 << (id & 31)
      this.#dirty[word] = (this.#dirty[word] as number) | bit
      this.#live[word] = (this.#live[word] as number) & ~bit
    }
  }

  removeOne(id: number): void {
    if (!this.#tracking) return
    this.#one[0] = id
    this.remove(this.#one, 1)
  }

  removeAll(): void {
    if (this.#tracking) this.removeRange(0, this.#live.length << 5)
  }

  /** All rows with ids from .. end - 1 are about to go; both are multiples of 32. */
  removeRange(from: number, end: number): void {
    if (!this.#tracking) return
    const live = this.#live
    const lastWord = Math.min(end >> 5, live.length)
    for (const snapshot of this.#open) snapshot.keepRange(from >> 5, lastWord)
    for (let word = from >> 5; word < lastWord; word++) {
      if (live[word] === 0) continue
      this.#dirty[word] = (this.#dirty[word] as number) | (live[word] as number)
      live[word] = 0
    }
  }

  snapshotIds(ids: Int32Array): Int32Array {
    return ids
  }

  /** The rows as of now. `full`: all of them; else those that changed since the newest complete snapshot, and ids that are gone. */
  snapshot(checkpointId: number, full: boolean, maxParallelism: number): RowsSnapshot {
    if (!this.#tracking) {
      this.#tracking = true
      this.#live = this.#table.liveBits()
      this.#dirty = new Int32Array(this.#live.length)
    }
    const changed = this.#unconfirmed.reduce((bits, { bits: more }) => union(bits, more), this.#changedBase())
    const everything = this.#everything || this.#unconfirmed.some((set) => set.everything)
    const content = { all: full || everything, changed: full ? NONE : changed, words: this.#live.length }
    const snapshot = new RowsSnapshot(this.#table, content, maxParallelism, () => this.#live)
    this.#unconfirmed.push({ checkpointId, bits: this.#dirty, everything: this.#everything })
    this.#dirty = new Int32Array(this.#live.length)
    this.#everything = false
    this.#open = [...this.#open, snapshot]
    return snapshot
  }

  /** The snapshot was read to its end, or nobody wants it any more: changes need no copies for it. */
  end(snapshot: RowsSnapshot): void {
    this.#open = this.#open.filter((other) => other !== snapshot)
  }

  /** Later snapshots leave out what that one holds. */
  complete(checkpointId: number): void {
    this.#unconfirmed = this.#unconfirmed.filter((set) => set.checkpointId > checkpointId)
  }

  /** What it held is to be written again, unless a later snapshot, which has it too, is complete. */
  abort(checkpointId: number): void {
    const at = this.#unconfirmed.findIndex((set) => set.checkpointId === checkpointId)
    if (at < 0) return
    const [aborted] = this.#unconfirmed.splice(at, 1) as [Unconfirmed]
    const later = this.#unconfirmed[at]
    if (later !== undefined) {
      later.bits = union(later.bits, aborted.bits)
      later.everything ||= aborted.everything
    } else {
      this.#dirty = union(this.#dirty, aborted.bits)
      this.#everything ||= aborted.everything
    }
  }

  /** What the next increment starts from: `dirty` itself, or a copy where more is added to it. */
  #changedBase(): Bits {
    return this.#unconfirmed.length === 0 ? this.#dirty : this.#dirty.slice()
  }

  #reserve(idLimit: number): void {
    this.#live = grown(this.#live, (idLimit + 31) >> 5)
    this.#dirty = grown(this.#dirty, this.#live.length)
  }
}

const NONE: Bits = new Int32Array(0)
