/**
 * The rows of open sessions as keyed state: their columns, the number of their arrival, by which a session's rows come out in the order in
 * which they came, their kinds where rows may take back others, and the time of arrival where that counts. Chained by session.
 */
import type { LogicalType } from '#core/types/logical-type.js'
import { BIGINT, INT, notNull } from '#core/types/logical-type.js'
import type { RowKind } from '#core/types/row-kind.js'
import type { Schema } from '#core/types/schema.js'
import { Batch } from '../../columnar/batch.js'
import { hashRows } from '../../columnar/hash.js'
import type { Int32Vector, Int64Vector, Vector } from '../../columnar/vector.js'
import type { ChangedRows } from '../../state/changed-rows.js'
import { identityPositions } from '../../state/growable.js'
import type { KeyedTables } from '../../state/keyed-tables.js'
import { RowStore } from '../../state/row-store.js'

/** Extra words of a row: the next of its session (id + 1), its number, its kind, its time. */
const NEXT = 0
const NUMBER_LOW = 1
const KIND = 3
const TIME_LOW = 4
const WORDS = 6

const NUMBER_FIELD = { name: '$number', type: notNull(BIGINT) }
const KIND_FIELD = { name: '$kind', type: notNull(INT) }
const TIME_FIELD = { name: '$time', type: notNull(BIGINT) }

/** What snapshots have besides the columns. */
export interface KeptOfRows {
  readonly kinds: boolean
  readonly times: boolean
}

export class SessionRows {
  readonly #store: RowStore
  readonly #changes: ChangedRows
  readonly #schema: Schema
  readonly #kept: KeptOfRows
  #next = 0

  constructor(schema: Schema, partition: readonly number[], kept: KeptOfRows, tables: KeyedTables) {
    this.#schema = schema
    this.#kept = kept
    this.#store = new RowStore(
      schema.fields.map((field) => field.type),
      WORDS,
    )
    const extra = [NUMBER_FIELD, ...(kept.kinds ? [KIND_FIELD] : []), ...(kept.times ? [TIME_FIELD] : [])]
    this.#changes = tables.add({
      descriptor: { name: 'rows', schema: { fields: [...schema.fields, ...extra] }, version: 1 },
      liveBits: () => this.#store.liveBits(),
      read: (ids, count) => [
        ...this.#store.columns(ids, count),
        this.#wide(ids, count, NUMBER_LOW, NUMBER_FIELD.type),
        ...(kept.kinds ? [this.#kindColumn(ids, count)] : []),
        ...(kept.times ? [this.#wide(ids, count, TIME_LOW, TIME_FIELD.type)] : []),
      ],
      hashes: partition.length === 0 ? undefined : (_ids, count, columns) => hashRows(new Batch(schema, columns, count), partition),
    })
  }

  /** Stores rows in the order of their arrival; their ids. `kinds` and `times` by row. */
  add(columns: readonly Vector[], positions: Int32Array, kinds: ArrayLike<number>, times: ArrayLike<number>): Int32Array {
    const ids = this.#insert(columns, positions, kinds, times)
    for (const id of ids) this.#setWide(id, NUMBER_LOW, this.#next++)
    return ids
  }

  /** Rows of a snapshot: their ids, and their times where these are kept. */
  restore(batch: Batch): { readonly ids: Int32Array; readonly times: Float64Array | undefined } {
    const width = this.#schema.fields.length
    const numbers = (batch.columns[width] as Int64Vector).values
    const kinds = this.#kept.kinds ? (batch.columns[width + 1] as Int32Vector).values : new Int32Array(batch.length)
    const last = batch.columns[batch.columns.length - 1] as Int64Vector
    const times = this.#kept.times ? Float64Array.from(last.values.subarray(0, batch.length), Number) : undefined
    const positions = identityPositions(batch.length).subarray(0, batch.length)
    const ids = this.#insert(batch.columns.slice(0, width), positions, kinds, times ?? new Float64Array(batch.length))
    ids.forEach((id, row) => {
      const number = Number(numbers[row])
      this.#setWide(id, NUMBER_LOW, number)
      this.#next = Math.max(this.#next, number + 1)
    })
    return { ids, times }
  }

  /** The chain that ends with `last` goes on with `first`. */
  join(last: number, first: number): void {
    this.#store.setExtra(last, NEXT, first + 1)
  }

  /** Rows of the chain in the order of their arrival. */
  chain(first: number): Int32Array {
    const ids: number[] = []
    const numbers: number[] = []
    let ordered = true
    for (let entry = first + 1; entry !== 0; entry = this.#store.extra(entry - 1, NEXT)) {
      const number = this.#numberAt(entry - 1, NUMBER_LOW)
      if (numbers.length > 0 && number < (numbers[numbers.length - 1] as number)) ordered = false
      ids.push(entry - 1)
      numbers.push(number)
    }
    if (ordered) return Int32Array.from(ids)
    const places = ids.map((_, place) => place).sort((a, b) => (numbers[a] as number) - (numbers[b] as number))
    return Int32Array.from(places, (place) => ids[place] as number)
  }

  columns(ids: Int32Array): Vector[] {
    return this.#store.columns(ids, ids.length)
  }

  /** Undefined: insertions all. */
  kinds(ids: Int32Array): Uint8Array | undefined {
    if (!this.#kept.kinds) return undefined
    return Uint8Array.from(ids, (id) => this.#store.extra(id, KIND) as RowKind)
  }

  remove(ids: Int32Array): void {
    for (const id of ids) {
      this.#changes.removeOne(id)
      this.#store.remove(id)
    }
  }

  #insert(columns: readonly Vector[], positions: Int32Array, kinds: ArrayLike<number>, times: ArrayLike<number>): Int32Array {
    const ids = new Int32Array(positions.length)
    this.#store.addRows(columns, positions, ids.length, ids)
    this.#changes.touch(ids, ids.length, this.#store.idLimit)
    for (let row = 0; row < ids.length; row++) {
      const id = ids[row] as number
      this.#store.setExtra(id, KIND, kinds[row] as number)
      this.#setWide(id, TIME_LOW, times[row] as number)
    }
    return ids
  }

  #setWide(id: number, word: number, value: number): void {
    this.#store.setExtra(id, word, (value % 4294967296) | 0)
    this.#store.setExtra(id, word + 1, Math.floor(value / 4294967296))
  }

  #numberAt(id: number, word: number): number {
    return this.#store.extra(id, word + 1) * 4294967296 + (this.#store.extra(id, word) >>> 0)
  }

  #wide(ids: Int32Array, count: number, word: number, type: LogicalType): Vector {
    const values = new BigInt64Array(count)
    for (let i = 0; i < count; i++) values[i] = BigInt(this.#numberAt(ids[i] as number, word))
    return { kind: 'int64', type, nulls: undefined, values }
  }

  #kindColumn(ids: Int32Array, count: number): Vector {
    return { kind: 'int32', type: KIND_FIELD.type, nulls: undefined, values: this.#store.extras(ids, count, KIND) }
  }
}
