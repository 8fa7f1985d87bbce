/** What an operator tells about its keyed tables and their changes, so that snapshots can be taken of them. */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import type { Vector } from '../columnar/vector.js'
import type { Bits } from './bits.js'

/** A keyed table as its snapshots read it. */
export interface StoredTable {
  readonly descriptor: StateTableDescriptor
  /** Ids of the rows held now; a new array. Asked for once, when the first snapshot is taken. */
  liveBits(): Bits
  /** Copies of rows that are held: one column per field of the descriptor's schema, row i of id ids[i]. */
  read(ids: Int32Array, count: number): readonly Vector[]
  /** The rows' key hashes (columnar/hash.ts), from which key groups follow. Absent: no keys, all rows are of key group 0 (GLOBAL). */
  readonly hashes?: ((ids: Int32Array, count: number, columns: readonly Vector[]) => Int32Array) | undefined
}

/** What the owner of rows reports, each time before it happens. Ids are the owner's own. */
export interface RowChanges {
  /**
   * These rows are about to be changed or have just been given an id; afterwards they are there. Ids may repeat, all are below
   * `idLimit`. Rows whose ids are new must not have been held before the call.
   */
  touch(ids: Int32Array, count: number, idLimit: number): void
  /** These rows are about to go. */
  remove(ids: Int32Array, count: number): void
  touchOne(id: number): void
  removeOne(id: number): void
  /** All of the owner's rows are about to go. */
  removeAll(): void
  /** The ids by which snapshots know these rows; read only. */
  snapshotIds(ids: Int32Array, count: number): Int32Array
}
