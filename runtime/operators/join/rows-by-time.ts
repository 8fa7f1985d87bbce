/** Rows that wait until the watermark has passed their time, in order of their times, of `others`, and of their arrival, as keyed state. */
import type { SortKey } from '#core/graph/operator-spec.js'
import { BIGINT, INT, notNull } from '#core/types/logical-type.js'
import type { RowKind } from '#core/types/row-kind.js'
import type { Schema } from '#core/types/schema.js'
import { Batch } from '../../columnar/batch.js'
import { hashRows } from '../../columnar/hash.js'
import type { Int32Vector, Int64Vector } from '../../columnar/vector.js'
import type { ChangedRows } from '../../state/changed-rows.js'
import { identityPositions } from '../../state/growable.js'
import type { KeyedTables } from '../../state/keyed-tables.js'
import { OrderedRows, TREE_WORDS } from '../../state/ordered-rows.js'
import { RowStore } from '../../state/row-store.js'
import { rowtimes } from '../../time/rowtime.js'

/** Extra words of a row behind those of the tree. */
const KIND = TREE_WORDS
const TIME_LOW = TREE_WORDS + 1
const WORDS = TREE_WORDS + 3
const NUMBER_FIELD = { name: '$number', type: notNull(BIGINT) }
const KIND_FIELD = { name: '$kind', type: notNull(INT) }

export class RowsByTime {
  readonly #schema: Schema
  readonly #time: number
  readonly #store: RowStore
  readonly #order: OrderedRows
  readonly #changes: ChangedRows
  #root = 0
  #next = 0

  constructor(schema: Schema, keys: readonly number[], time: number, tables: KeyedTables, others: readonly SortKey[] = []) {
    this.#schema = schema
    this.#time = time
    this.#store = new RowStore(
      schema.fields.map((field) => field.type),
      WORDS,
    )
    this.#order = new OrderedRows(this.#store, [{ column: time, ascending: true, nullsFirst: false }, ...others])
    this.#changes = tables.add({
      descriptor: { name: 'rows', schema: { fields: [...schema.fields, NUMBER_FIELD, KIND_FIELD] }, version: 1 },
      liveBits: () => this.#store.liveBits(),
      read: (ids, count) => [
        ...this.#store.columns(ids, count),
        { kind: 'int64', type: NUMBER_FIELD.type, nulls: undefined, values: this.#numbers(ids, count) },
        { kind: 'int32', type: KIND_FIELD.type, nulls: undefined, values: this.#store.extras(ids, count, KIND) },
      ],
      hashes: keys.length === 0 ? undefined : (_ids, count, columns) => hashRows(new Batch(schema, columns, count), keys),
    })
  }

  /** @throws ROWTIME_IS_NULL */
  add(batch: Batch): void {
    const times = rowtimes(batch, this.#time)
    const positions = batch.selection ?? identityPositions(batch.length)
    this.#insert(
      batch,
      positions,
      times,
      (row) => batch.rowKind(positions[row] as number),
      () => this.#next++,
    )
  }

  /** Rows of a snapshot. */
  restore(batch: Batch): void {
    const width = this.#schema.fields.length
    const numbers = (batch.columns[width] as Int64Vector).values
    const kinds = (batch.columns[width + 1] as Int32Vector).values
    const own = new Batch(this.#schema, batch.columns.slice(0, width), batch.length)
    this.#insert(
      own,
      identityPositions(batch.length),
      rowtimes(own, this.#time),
      (row) => kinds[row] as RowKind,
      (row) => Number(numbers[row]),
    )
    for (let row = 0; row < batch.length; row++) this.#next = Math.max(this.#next, Number(numbers[row]) + 1)
  }

  /** Time of the first row; Infinity: there is none. */
  get firstTime(): number {
    const first = this.#order.first(this.#root)
    return first < 0 ? Infinity : this.#timeOf(first)
  }

  /** Takes out the first rows whose time is not above `until`, at most `limit`; undefined: there are none. */
  take(until: number, limit: number): Batch | undefined {
    const ids = this.#order.rows(this.#root, 0, limit).filter((id) => this.#timeOf(id) <= until)
    if (ids.length === 0) return undefined
    const kinds = Uint8Array.from(ids, (id) => this.#store.extra(id, KIND))
    const batch = new Batch(
      this.#schema,
      this.#store.columns(ids, ids.length),
      ids.length,
      undefined,
      kinds.every((kind) => kind === 0) ? undefined : kinds,
    )
    for (const id of ids) {
      this.#root = this.#order.remove(this.#root, id)
      this.#changes.removeOne(id)
      this.#store.remove(id)
    }
    return batch
  }

  #insert(
    batch: Batch,
    positions: Int32Array,
    times: Float64Array,
    kindOf: (row: number) => RowKind,
    numberOf: (row: number) => number,
  ): void {
    const ids = new Int32Array(batch.length)
    this.#store.addRows(batch.columns, positions, batch.length, ids)
    this.#changes.touch(ids, batch.length, this.#store.idLimit)
    for (let row = 0; row < batch.length; row++) {
      const id = ids[row] as number
      const time = times[row] as number
      this.#store.setExtra(id, KIND, kindOf(row))
      this.#store.setExtra(id, TIME_LOW, (time % 4294967296) | 0)
      this.#store.setExtra(id, TIME_LOW + 1, Math.floor(time / 4294967296))
      this.#order.setSequence(id, numberOf(row))
      this.#root = this.#order.insert(this.#root, id)
    }
  }

  #timeOf(id: number): number {
    return this.#store.extra(id, TIME_LOW + 1) * 4294967296 + (this.#store.extra(id, TIME_LOW) >>> 0)
  }

  #numbers(ids: Int32Array, count: number): BigInt64Array {
    const values = new BigInt64Array(count)
    for (let i = 0; i < count; i++) values[i] = BigInt(this.#order.sequenceOf(ids[i] as number))
    return values
  }
}
