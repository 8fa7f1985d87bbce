/** What a join emits while a batch goes through it: pairs, and rows of either side alone, built column by column when there are enough. */
import type { LogicalType } from '#core/types/logical-type.js'
import { RowKind } from '#core/types/row-kind.js'
import type { Schema } from '#core/types/schema.js'
import { Batch, BATCH_CAPACITY } from '../../columnar/batch.js'
import type { Vector } from '../../columnar/vector.js'
import type { RowStore } from '../../state/row-store.js'
import type { Output } from '../operator.js'
import { nullVector, storedPadded, takePadded } from './padded-columns.js'

/** The batch at hand: its rows meet those of `other`. */
export interface JoinedBatch {
  readonly rows: Batch
  readonly input: 0 | 1
  readonly positions: Int32Array
  readonly otherStore: RowStore
}

export class JoinOutput {
  readonly #schema: Schema
  /** By side: types of its output columns. */
  readonly #types: readonly [LogicalType[], LogicalType[]]
  /** Otherwise rows of the left side only. */
  readonly #pairsOut: boolean
  #output!: Output
  /** Rows not yet emitted: position in the batch, id of the other side's row, either or NO_ROW; kind. */
  readonly #positions = new Int32Array(BATCH_CAPACITY)
  readonly #ids = new Int32Array(BATCH_CAPACITY)
  readonly #kinds = new Uint8Array(BATCH_CAPACITY)
  #count = 0
  #onlyInserts = true

  constructor(schema: Schema, leftWidth: number, pairsOut: boolean) {
    const types = schema.fields.map((field) => field.type)
    this.#schema = schema
    this.#types = [types.slice(0, leftWidth), types.slice(leftWidth)]
    this.#pairsOut = pairsOut
  }

  open(output: Output): void {
    this.#output = output
  }

  add(batch: JoinedBatch, position: number, id: number, kind: RowKind, times: number): void {
    for (; times > 0; times--) {
      if (this.#count === BATCH_CAPACITY) this.flush(batch)
      this.#onlyInserts &&= kind === RowKind.INSERT
      this.#positions[this.#count] = position
      this.#ids[this.#count] = id
      this.#kinds[this.#count++] = kind
    }
  }

  flush({ rows, input, positions, otherStore }: JoinedBatch): void {
    const count = this.#count
    if (count === 0) return
    this.#count = 0
    const at = this.#positions.slice(0, count)
    const ids = this.#ids.slice(0, count)
    const kinds = this.#onlyInserts ? undefined : this.#kinds.slice(0, count)
    this.#onlyInserts = true
    const somewhere = positions[0] as number
    const columnsOf = (side: 0 | 1): Vector[] =>
      side === input ? takePadded(rows.columns, at, somewhere, this.#types[side]) : storedPadded(otherStore, ids, this.#types[side])
    const columns = this.#pairsOut ? [...columnsOf(0), ...columnsOf(1)] : columnsOf(0)
    this.#output.collect(new Batch(this.#schema, columns, count, undefined, kinds))
  }

  /** Stored rows of that side alone, at once; nothing else is waiting. */
  alone(side: 0 | 1, store: RowStore, ids: Int32Array): void {
    if (ids.length === 0) return
    const own = storedPadded(store, ids, this.#types[side])
    const others = this.#pairsOut ? this.#types[(1 - side) as 0 | 1].map((type) => nullVector(type, ids.length)) : []
    this.#output.collect(new Batch(this.#schema, side === 0 ? [...own, ...others] : [...others, ...own], ids.length))
  }
}
