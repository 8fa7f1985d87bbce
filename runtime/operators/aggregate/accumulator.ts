/**
 * One aggregate function over all groups of a table: its accumulators lie in columns by the group's place, and a whole batch is applied
 * in one loop. Adding a row and taking it away (retraction) are the same loop with another weight. A group's place is its id, or one
 * for the time of a batch where the groups lie in pages (state/lifted-columns.ts).
 */
import type { LogicalType } from '#core/types/logical-type.js'
import type { Batch } from '../../columnar/batch.js'
import type { Vector } from '../../columnar/vector.js'
import type { ColumnOwner } from '../../state/lifted-columns.js'
import type { DependentRows } from './dependent-rows.js'

/** This row is the first of its group: what the accumulators hold for that id is of an earlier group. */
export const FIRST = 1
/** This row took away the last row of its group. */
export const VANISHED = 2
/** The row takes away from a group that has no rows: it has no effect and no output. */
export const IGNORED = 4

/** Rows on their way into groups: row r stands at column position positions[r] and belongs to the group with the place groups[r]. */
export interface RowPass {
  readonly batch: Batch
  readonly count: number
  readonly positions: Int32Array
  readonly groups: Int32Array
  /** Ids of these groups, for what outlasts the batch. */
  readonly ids: Int32Array
  /** Hash of each row's key. */
  readonly hashes: Int32Array
  /** +1: the row is added, -1: taken away, 0: does not count (NULL argument, FILTER, ignored). */
  readonly weights: Int8Array
  readonly flags: Uint8Array
}

/** `columns`: of its accumulators. `groups` in all of its calls are places. */
export interface Accumulator extends ColumnOwner {
  /**
   * Applies the rows in order. With `changed`: returns a column with the result of row r's group before the row at 2r and after
   * it at 2r + 1, and sets changed[r] where the two differ.
   */
  update(pass: RowPass, changed: Uint8Array | undefined): Vector | undefined
  /** The results of `count` groups. */
  results(groups: Int32Array, count: number): Vector
  /** Forgets all groups but keeps the memory. */
  clear(): void
  /** Columns that hold a group's accumulator in snapshots; none when all of it is in `dependents`. */
  readonly stateTypes: readonly LogicalType[]
  /** Copies of the accumulators of `count` groups, one column per state type. */
  save(groups: Int32Array, count: number): Vector[]
  /** Gives groups the accumulators that `save` wrote: row i to groups[i], for which there is room. */
  load(groups: Int32Array, columns: readonly Vector[]): void
  /**
   * Adds accumulators that `save` wrote: row r of the columns to the pass's group r (weight 1), or nothing (weight 0). FIRST: there was nothing
   * before. Only where no row is ever taken away.
   */
  merge(pass: RowPass, columns: readonly Vector[]): void
  /** These groups are no more: what lies outside of the columns is given back. Absent where nothing does that the next FIRST would not. */
  forget?(groups: Int32Array): void
  /** State that has rows of its own within a group. */
  readonly dependents?: DependentRows
}

/** Marks row `row` of a result column as NULL. `nulls` has room for it. */
export function setNull(nulls: Uint8Array, row: number): void {
  nulls[row >> 3] = (nulls[row >> 3] as number) | (1 << (row & 7))
}

/** Null bits for `rows` rows. */
export function nullBits(rows: number): Uint8Array {
  return new Uint8Array((rows + 7) >> 3)
}

/** The int32 words (low first) of 64-bit lanes: moving and testing them boxes nothing. */
export function wordsOf(lanes: BigInt64Array | Float64Array): Int32Array {
  return new Int32Array(lanes.buffer, lanes.byteOffset, lanes.length * 2)
}
