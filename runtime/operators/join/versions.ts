/**
 * The versions of a versioned table: for each key its rows in order of their times, as keyed state. A version holds from its time until that of
 * the next one; a deleted row is a version that nothing meets. What no row in time can meet any more goes when the key gets its next version.
 */
import { INT, notNull, type LogicalType } from '#core/types/logical-type.js'
import { isRetraction, RowKind } from '#core/types/row-kind.js'
import type { Schema } from '#core/types/schema.js'
import { Batch } from '../../columnar/batch.js'
import { hashRows } from '../../columnar/hash.js'
import type { Int32Vector, Vector } from '../../columnar/vector.js'
import type { ChangedRows } from '../../state/changed-rows.js'
import { identityPositions } from '../../state/growable.js'
import { KeyTable } from '../../state/key-table.js'
import type { KeyedTables } from '../../state/keyed-tables.js'
import { OrderedRows, TREE_WORDS } from '../../state/ordered-rows.js'
import { PagedInts } from '../../state/paged-ints.js'
import { RowStore } from '../../state/row-store.js'
import { rowtimes } from '../../time/rowtime.js'
import { keyIdsOf } from './join-side.js'

/** Extra words of a row behind those of its tree: 1 for a version that says that the row is gone; its time. */
const GONE = TREE_WORDS
const TIME_LOW = TREE_WORDS + 1
const WORDS = TREE_WORDS + 3
const GONE_FIELD = { name: '$gone', type: notNull(INT) }

export class Versions {
  readonly store: RowStore
  readonly #schema: Schema
  readonly #keys: readonly number[]
  readonly #time: number
  readonly #table: KeyTable
  readonly #roots = new PagedInts()
  readonly #order: OrderedRows
  readonly #changes: ChangedRows

  constructor(schema: Schema, keys: readonly number[], time: number, tables: KeyedTables) {
    this.#schema = schema
    this.#keys = keys
    this.#time = time
    this.#table = new KeyTable(keys.map((column) => schema.fields[column]?.type as LogicalType))
    this.store = new RowStore(
      schema.fields.map((field) => field.type),
      WORDS,
    )
    this.#order = new OrderedRows(this.store, [{ column: time, ascending: true, nullsFirst: false }])
    this.#changes = tables.add({
      descriptor: { name: 'versions', schema: { fields: [...schema.fields, GONE_FIELD] }, version: 1 },
      liveBits: () => this.store.liveBits(),
      read: (ids, count) => [
        ...this.store.columns(ids, count),
        { kind: 'int32', type: GONE_FIELD.type, nulls: undefined, values: this.store.extras(ids, count, GONE) },
      ],
      hashes: keys.length === 0 ? undefined : (_ids, count, columns) => hashRows(new Batch(schema, columns, count), keys),
    })
  }

  /** Takes in versions; what changed before is told by the new version alone, so -U says nothing. A key with a NULL meets nothing. */
  add(batch: Batch, watermark: number): void {
    const telling = withoutUpdatesBefore(batch)
    const positions = telling.selection ?? identityPositions(telling.length)
    const keyIds = this.#keyIds(telling, positions)
    const times = rowtimes(telling, this.#time)
    for (let row = 0; row < telling.length; row++) {
      const key = keyIds[row] as number
      const position = positions[row] as number
      if (key >= 0) this.#put(key, telling.columns, position, times[row] as number, isRetraction(telling.rowKind(position)) ? 1 : 0)
    }
    for (const key of new Set(keyIds)) if (key >= 0) this.#forgetOld(key, watermark)
  }

  /** Rows of a snapshot. */
  restore(batch: Batch): void {
    const { fields } = this.#schema
    const own = new Batch(this.#schema, batch.columns.slice(0, fields.length), batch.length)
    const gone = (batch.columns[fields.length] as Int32Vector).values
    const keyIds = this.#keyIds(own, identityPositions(batch.length))
    const times = rowtimes(own, this.#time)
    for (let row = 0; row < batch.length; row++)
      this.#put(keyIds[row] as number, own.columns, row, times[row] as number, gone[row] as number)
  }

  /**
   * By row: the id of the version that held at its time, -1 where there was none. A row that comes late does not meet what had been replaced
   * before the watermark.
   */
  find(rows: Batch, keys: readonly number[], times: Float64Array, watermark: number): Int32Array {
    const positions = rows.selection ?? identityPositions(rows.length)
    const found = keyIdsOf(rows, keys, positions, (some, at, count, hashes) => {
      const ids = new Int32Array(count)
      this.#table.assign(some, keys, at, count, hashes, ids, false)
      return ids
    })
    return found.map((key, row) => {
      if (key < 0) return -1
      const time = times[row] as number
      const id = this.#at(key, time)
      if (id < 0 || this.store.extra(id, GONE) !== 0) return -1
      return time < watermark && this.#at(key, watermark) !== id ? -1 : id
    })
  }

  /** The key's version of that time; -1: none. */
  #at(key: number, time: number): number {
    return this.#order.lastUntil(this.#roots.get(key), (id) => this.#timeOf(id) > time)
  }

  #put(key: number, columns: readonly Vector[], position: number, time: number, gone: number): void {
    const same = this.#at(key, time)
    if (same >= 0 && this.#timeOf(same) === time) this.#remove(key, same)
    const id = this.store.add(columns, position)
    this.#changes.touchOne(id)
    this.store.setExtra(id, GONE, gone)
    this.store.setExtra(id, TIME_LOW, (time % 4294967296) | 0)
    this.store.setExtra(id, TIME_LOW + 1, Math.floor(time / 4294967296))
    this.#roots.set(key, this.#order.insert(this.#roots.get(key), id))
  }

  #forgetOld(key: number, watermark: number): void {
    const holds = this.#at(key, watermark)
    if (holds < 0) return
    // Also when it says that the row is gone: what comes too late must not hold in its place.
    for (let first = this.#first(key); first !== holds; first = this.#first(key)) this.#remove(key, first)
  }

  #first(key: number): number {
    return this.#order.first(this.#roots.get(key))
  }

  #remove(key: number, id: number): void {
    this.#roots.set(key, this.#order.remove(this.#roots.get(key), id))
    this.#changes.removeOne(id)
    this.store.remove(id)
  }

  #timeOf(id: number): number {
    return this.store.extra(id, TIME_LOW + 1) * 4294967296 + (this.store.extra(id, TIME_LOW) >>> 0)
  }

  #keyIds(batch: Batch, positions: Int32Array): Int32Array {
    return keyIdsOf(batch, this.#keys, positions, (some, at, count, hashes) => {
      const ids = new Int32Array(count)
      this.#table.assign(some, this.#keys, at, count, hashes, ids)
      this.#roots.reserve(this.#table.idLimit)
      return ids
    })
  }
}

function withoutUpdatesBefore(batch: Batch): Batch {
  const { rowKinds } = batch
  if (rowKinds === undefined) return batch
  const positions = batch.selection ?? identityPositions(batch.length).subarray(0, batch.length)
  return batch.select(positions.filter((position) => rowKinds[position] !== RowKind.UPDATE_BEFORE))
}
