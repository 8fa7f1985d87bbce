/**
 * One input of a join in which rows live for a time: its rows as keyed state, chained by key id, and by the span of time in which they
 * expire, so that what the watermark has passed goes without looking at what stays.
 */
import { INT, notNull } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import { hashRows } from '../../columnar/hash.js'
import { Batch } from '../../columnar/batch.js'
import type { Int32Vector, Vector } from '../../columnar/vector.js'
import type { ChangedRows } from '../../state/changed-rows.js'
import type { KeyedTables } from '../../state/keyed-tables.js'
import { identityPositions } from '../../state/growable.js'
import { RowStore } from '../../state/row-store.js'
import type { Chains } from './join-side.js'

/** Extra words of a row: links of its key's chain, its key, the next row of its span (all ids + 1), its time, its matches. */
export const NEXT = 0
const PREVIOUS = 1
const KEY = 2
const NEXT_OF_SPAN = 3
const TIME_LOW = 4
const TIME_HIGH = 5
export const MATCHES = 6
const MATCHES_FIELD = { name: '$matches', type: notNull(INT) }

export class TimedSide {
  readonly keys: readonly number[]
  readonly countsMatches: boolean
  readonly store: RowStore
  readonly changes: ChangedRows
  readonly #schema: Schema
  readonly #chains: Chains
  readonly #side: 0 | 1
  /** Ms of a row's time after which it expires. */
  readonly #livesFor: number
  /** Ms of a span. */
  readonly #span: number
  /** First row (id + 1) of each span, by its number: its rows expire from number * span on, before (number + 1) * span. */
  readonly #spans = new Map<number, number>()
  #firstDue = Infinity

  constructor(
    schema: Schema,
    keys: readonly number[],
    side: 0 | 1,
    chains: Chains,
    tables: KeyedTables,
    { countsMatches, livesFor, span }: { readonly countsMatches: boolean; readonly livesFor: number; readonly span: number },
  ) {
    this.keys = keys
    this.countsMatches = countsMatches
    this.#schema = schema
    this.#chains = chains
    this.#side = side
    this.#livesFor = livesFor
    this.#span = span
    this.store = new RowStore(
      schema.fields.map((field) => field.type),
      countsMatches ? MATCHES + 1 : MATCHES,
    )
    this.changes = tables.add({
      descriptor: {
        name: side === 0 ? 'left' : 'right',
        schema: { fields: [...schema.fields, ...(countsMatches ? [MATCHES_FIELD] : [])] },
        version: 1,
      },
      liveBits: () => this.store.liveBits(),
      read: (ids, count) => {
        const columns = this.store.columns(ids, count)
        if (!countsMatches) return columns
        return [...columns, { kind: 'int32', type: MATCHES_FIELD.type, nulls: undefined, values: this.store.extras(ids, count, MATCHES) }]
      },
      hashes: keys.length === 0 ? undefined : (_ids, count, columns) => hashRows(new Batch(schema, columns, count), keys),
    })
  }

  expiresAt(time: number): number {
    return time + this.#livesFor
  }

  timeOf(id: number): number {
    return this.store.extra(id, TIME_HIGH) * 4294967296 + (this.store.extra(id, TIME_LOW) >>> 0)
  }

  keyOf(id: number): number {
    return this.store.extra(id, KEY)
  }

  /** Stores the rows at these positions; their ids. */
  add(columns: readonly Vector[], positions: Int32Array, keyIds: ArrayLike<number>, times: ArrayLike<number>): Int32Array {
    const count = positions.length
    const ids = new Int32Array(count)
    this.store.addRows(columns, positions, count, ids)
    this.changes.touch(ids, count, this.store.idLimit)
    for (let i = 0; i < count; i++) this.#link(ids[i] as number, keyIds[i] as number, times[i] as number)
    return ids
  }

  /** Rows of a snapshot. */
  restore(batch: Batch, keyIds: Int32Array, times: Float64Array): void {
    const { fields } = this.#schema
    const ids = this.add(batch.columns.slice(0, fields.length), identityPositions(batch.length).subarray(0, batch.length), keyIds, times)
    if (!this.countsMatches) return
    const matches = (batch.columns[fields.length] as Int32Vector).values
    for (let row = 0; row < batch.length; row++) this.store.setExtra(ids[row] as number, MATCHES, matches[row] as number)
  }

  /** First rows (id + 1) of the spans that are over at this watermark, the earliest first; they are the caller's now. */
  takeDue(watermark: number): number[] {
    if (watermark < this.#firstDue) return []
    const due = [...this.#spans.keys()].filter((number) => this.#endOf(number) <= watermark).sort((a, b) => a - b)
    const heads = due.map((number) => this.#spans.get(number) as number)
    for (const number of due) this.#spans.delete(number)
    this.#firstDue = Infinity
    for (const number of this.#spans.keys()) this.#firstDue = Math.min(this.#firstDue, this.#endOf(number))
    return heads
  }

  nextOfSpan(id: number): number {
    return this.store.extra(id, NEXT_OF_SPAN)
  }

  /** Takes the row, whose span is over, out of the chain of its key and forgets it. */
  remove(id: number): void {
    const key = this.keyOf(id)
    const ends = this.#chains.ends.page(key)
    const at = this.#chains.ends.offset(key) + 2 * this.#side
    const next = this.store.extra(id, NEXT)
    const previous = this.store.extra(id, PREVIOUS)
    if (previous === 0) ends[at] = next
    else this.store.setExtra(previous - 1, NEXT, next)
    if (next === 0) ends[at + 1] = previous
    else this.store.setExtra(next - 1, PREVIOUS, previous)
    this.changes.removeOne(id)
    this.store.remove(id)
  }

  #endOf(span: number): number {
    return (span + 1) * this.#span - 1
  }

  #link(id: number, key: number, time: number): void {
    const { store } = this
    const ends = this.#chains.ends.page(key)
    const at = this.#chains.ends.offset(key) + 2 * this.#side
    const tail = ends[at + 1] as number
    store.setExtra(id, PREVIOUS, tail)
    if (tail === 0) ends[at] = id + 1
    else store.setExtra(tail - 1, NEXT, id + 1)
    ends[at + 1] = id + 1
    store.setExtra(id, KEY, key)
    store.setExtra(id, TIME_LOW, (time % 4294967296) | 0)
    store.setExtra(id, TIME_HIGH, Math.floor(time / 4294967296))
    const span = Math.floor(this.expiresAt(time) / this.#span)
    store.setExtra(id, NEXT_OF_SPAN, this.#spans.get(span) ?? 0)
    this.#spans.set(span, id + 1)
    this.#firstDue = Math.min(this.#firstDue, this.#endOf(span))
  }
}
