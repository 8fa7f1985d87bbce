/** State of an aggregate call that has rows of its own within a group: the values of a DISTINCT, those of a retractable MIN. */
import type { Schema } from '#core/types/schema.js'
import type { Batch } from '../../columnar/batch.js'
import type { Bits } from '../../state/bits.js'
import type { RowChanges } from '../../state/stored-table.js'
import type { Vector } from '../../columnar/vector.js'

export interface DependentRows {
  /** The columns of a row after that of its group: names are the table's own. */
  readonly schema: Schema
  liveBits(): Bits
  /** Group of each row. */
  groupsOf(ids: Int32Array, count: number): Int32Array
  /** Hash of each row's group's key: a row may outlast its group, and what comes to have that group's id has another key. */
  hashesOf(ids: Int32Array, count: number): Int32Array
  /** Copies of the rows' columns. */
  read(ids: Int32Array, count: number): Vector[]
  /** From now on changes of rows are reported, but not that all are forgotten. */
  track(changes: RowChanges): void
  /**
   * Inserts rows of the batch: rows[i] into the group with the id groups[i], the hash hashes[i] and the place places[i]
   * (state/lifted-columns.ts).
   */
  restore(batch: Batch, rows: Int32Array, groups: Int32Array, hashes: Int32Array, places: Int32Array): void
}
