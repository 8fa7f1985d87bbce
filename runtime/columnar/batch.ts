/**
 * A batch of rows in columns: the unit that flows between operators. Immutable once emitted. `selection` lists, in order, the
 * positions of the columns that are rows of the batch (absent: positions 0 .. length-1), so a filter costs no copy. `rowKinds`
 * (absent: all +I) is indexed by position, like the columns.
 */
import type { Schema } from '#core/types/schema.js'
import { RowKind } from '#core/types/row-kind.js'
import type { Vector } from './vector.js'

/** Rows that sources and operators aim for in a batch (measured optimum 512 to 1024). */
export const BATCH_CAPACITY = 1024

export class Batch {
  readonly schema: Schema
  readonly columns: readonly Vector[]
  /** Number of rows. */
  readonly length: number
  readonly selection: Int32Array | undefined
  readonly rowKinds: Uint8Array | undefined

  constructor(schema: Schema, columns: readonly Vector[], length: number, selection?: Int32Array, rowKinds?: Uint8Array) {
    this.schema = schema
    this.columns = columns
    this.length = length
    this.selection = selection
    this.rowKinds = rowKinds
  }

  /** Position of row `row` (0 .. length-1) in the columns. */
  position(row: number): number {
    return this.selection === undefined ? row : (this.selection[row] as number)
  }

  /** Kind of the row at a column *position*. */
  rowKind(position: number): RowKind {
    return this.rowKinds === undefined ? RowKind.INSERT : ((this.rowKinds[position] ?? 0) as RowKind)
  }

  /** These rows only: `positions` are column positions. Shares the columns. */
  select(positions: Int32Array): Batch {
    return new Batch(this.schema, this.columns, positions.length, positions, this.rowKinds)
  }

  /** Other columns over the same positions (a projection). */
  withColumns(schema: Schema, columns: readonly Vector[]): Batch {
    return new Batch(schema, columns, this.length, this.selection, this.rowKinds)
  }
}
