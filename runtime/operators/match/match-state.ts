/**
 * The state of MATCH_RECOGNIZE: all rows that wait or that some match holds, and the matches themselves by partition.
 *
 *   rows      input columns · $number · $time · $taken (0: waits for the watermark; then $number says in which order it came)
 *   matches   partition columns · $matches: JSON of a StoredMatches, which names rows by their numbers
 *
 * Rows lie in pages, some of them on disk; matches are objects, written only when a snapshot reads them.
 */
import { BIGINT, INT, notNull, STRING, type LogicalType } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import * as z from '#core/zod.js'
import { Batch } from '../../columnar/batch.js'
import { ColumnBuilder } from '../../columnar/batch-builder.js'
import { hashRows } from '../../columnar/hash.js'
import { readValue } from '../../columnar/value.js'
import type { Int32Vector, Int64Vector, Vector } from '../../columnar/vector.js'
import type { ChangedRows } from '../../state/changed-rows.js'
import { identityPositions } from '../../state/growable.js'
import type { KeyTable } from '../../state/key-table.js'
import type { KeyedTables } from '../../state/keyed-tables.js'
import { RowStore } from '../../state/row-store.js'
import type { Link, MatchRow, Partial, PartialMatches } from './partial-matches.js'

/** Extra words of a row: two of its number, two of its time, whether it waits no more, the key of its partition. */
const NUMBER = 0
const TIME = 2
const TAKEN = 4
const KEY = 5
const OWN_FIELDS: Schema['fields'] = [
  { name: '$number', type: notNull(BIGINT) },
  { name: '$time', type: notNull(BIGINT) },
  { name: '$taken', type: notNull(INT) },
]

export interface RestoredRow {
  readonly id: number
  readonly key: number
  readonly number: number
  readonly time: number
  readonly taken: boolean
}

export class MatchRows {
  readonly store: RowStore
  readonly #schema: Schema
  readonly #changes: ChangedRows

  constructor(schema: Schema, partition: readonly number[], tables: KeyedTables) {
    this.#schema = schema
    this.store = new RowStore(
      schema.fields.map(({ type }) => type),
      KEY + 1,
    )
    this.#changes = tables.add({
      descriptor: { name: 'rows', schema: { fields: [...schema.fields, ...OWN_FIELDS] }, version: 1 },
      liveBits: () => this.store.liveBits(),
      read: (ids, count) => {
        const long = (word: number, i: number): Vector => {
          const values = new BigInt64Array(count)
          for (let row = 0; row < count; row++) values[row] = BigInt(this.#wide(ids[row] as number, word))
          return { kind: 'int64', type: (OWN_FIELDS[i] as (typeof OWN_FIELDS)[number]).type, nulls: undefined, values }
        }
        const taken: Vector = { kind: 'int32', type: notNull(INT), nulls: undefined, values: this.store.extras(ids, count, TAKEN) }
        return [...this.store.columns(ids, count), long(NUMBER, 0), long(TIME, 1), taken]
      },
      hashes: partition.length === 0 ? undefined : (_ids, count, columns) => hashRows(new Batch(schema, columns, count), partition),
    })
  }

  /** Stores the rows at these positions; their ids. Numbers count up from `number`. */
  add(columns: readonly Vector[], positions: Int32Array, keys: ArrayLike<number>, times: ArrayLike<number>, number: number): Int32Array {
    const ids = new Int32Array(positions.length)
    this.store.addRows(columns, positions, ids.length, ids)
    this.#changes.touch(ids, ids.length, this.store.idLimit)
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] as number
      this.#setWide(id, NUMBER, number + i)
      this.#setWide(id, TIME, times[i] as number)
      this.store.setExtra(id, KEY, keys[i] as number)
    }
    return ids
  }

  timeOf(id: number): number {
    return this.#wide(id, TIME)
  }

  numberOf(id: number): number {
    return this.#wide(id, NUMBER)
  }

  keyOf(id: number): number {
    return this.store.extra(id, KEY)
  }

  /** A match holds it from now on. */
  take({ id, number }: MatchRow): void {
    this.#changes.touchOne(id)
    this.#setWide(id, NUMBER, number)
    this.store.setExtra(id, TAKEN, 1)
  }

  remove(id: number): void {
    this.#changes.removeOne(id)
    this.store.remove(id)
  }

  /** Rows of a snapshot, whose keys are known by now. */
  restore(batch: Batch, keys: Int32Array): RestoredRow[] {
    const width = this.#schema.fields.length
    const [numbers, times, taken] = batch.columns.slice(width) as [Int64Vector, Int64Vector, Int32Vector]
    const columns = batch.columns.slice(0, width)
    const positions = identityPositions(batch.length).subarray(0, batch.length)
    const ids = this.add(columns, positions, keys, Float64Array.from(times.values.subarray(0, batch.length), Number), 0)
    return Array.from(ids, (id, row) => {
      const number = Number(numbers.values[row])
      this.#setWide(id, NUMBER, number)
      this.store.setExtra(id, TAKEN, taken.values[row] as number)
      return { id, key: keys[row] as number, number, time: this.timeOf(id), taken: taken.values[row] === 1 }
    })
  }

  #wide(id: number, word: number): number {
    return this.store.extra(id, word + 1) * 4294967296 + (this.store.extra(id, word) >>> 0)
  }

  #setWide(id: number, word: number, value: number): void {
    this.store.setExtra(id, word, (value % 4294967296) | 0)
    this.store.setExtra(id, word + 1, Math.floor(value / 4294967296))
  }
}

/** [state, link or -1, start time or null]: a link is an index of `links`. */
const StoredPartialSchema = z.tuple([z.int(), z.int().min(-1), z.number().nullable()])
/** `links`: [number of the row, variable, previous link or -1], each behind those it leads to. */
const StoredMatchesSchema = z.object({
  links: z.array(z.tuple([z.number(), z.int().min(0), z.int().min(-1)])),
  partial: z.array(StoredPartialSchema),
  complete: z.array(StoredPartialSchema),
})
type StoredPartial = z.infer<typeof StoredPartialSchema>

const MATCHES: Schema['fields'][number] = { name: '$matches', type: notNull(STRING) }

/** The table of the partitions' matches: `matchesOf` those of a key, `held` says which keys have any. */
export class MatchTable {
  readonly changes: ChangedRows

  constructor(
    keyTypes: readonly LogicalType[],
    keys: KeyTable,
    tables: KeyedTables,
    matchesOf: (key: number) => PartialMatches,
    held: () => Iterable<number>,
  ) {
    this.changes = tables.add({
      descriptor: {
        name: 'matches',
        schema: { fields: [...keyTypes.map((type, i) => ({ name: `$key${i}`, type })), MATCHES] },
        version: 1,
      },
      liveBits: () => {
        const bits = new Int32Array((keys.idLimit + 31) >> 5)
        for (const key of held()) bits[key >> 5] = (bits[key >> 5] as number) | (1 << (key & 31))
        return bits
      },
      read: (ids, count) => {
        const texts = new ColumnBuilder(MATCHES.type, Math.max(1, count))
        for (let i = 0; i < count; i++) texts.appendString(stored(matchesOf(ids[i] as number)))
        return [...keys.keyColumns(ids, count), texts.finish()]
      },
      hashes: keyTypes.length === 0 ? undefined : (ids, count) => keys.hashesOf(ids, count),
    })
  }
}

function stored(matches: PartialMatches): string {
  const links: [number, number, number][] = []
  const places = new Map<Link, number>()
  const place = (last: Link | undefined): number => {
    const chain: Link[] = []
    for (let link = last; link !== undefined && !places.has(link); link = link.previous) chain.push(link)
    for (const link of chain.reverse()) {
      const previous = link.previous === undefined ? -1 : (places.get(link.previous) as number)
      places.set(link, links.push([link.row.number, link.variable, previous]) - 1)
    }
    return last === undefined ? -1 : (places.get(last) as number)
  }
  const each = ({ state, last, startTime }: Partial): StoredPartial => [state, place(last), last === undefined ? null : startTime]
  return JSON.stringify({ partial: matches.partial.map(each), complete: matches.complete.map(each), links })
}

/** Reads the `row`-th partition's matches back; `rowOf` finds their rows by number. */
export function restoreMatches(matches: PartialMatches, batch: Batch, row: number, rowOf: (number: number) => MatchRow): void {
  const { links, partial, complete } = StoredMatchesSchema.parse(JSON.parse(readValue(batch.columns.at(-1) as Vector, row) as string))
  const chain: Link[] = []
  for (const [number, variable, previous] of links) {
    const link: Link = { row: rowOf(number), variable, previous: chain[previous], uses: 0 }
    link.row.uses++
    if (link.previous !== undefined) link.previous.uses++
    chain.push(link)
  }
  const starts = chain.map((link) => link.row.number)
  links.forEach(([, , previous], i) => (starts[i] = starts[previous] ?? (starts[i] as number)))
  const each = ([state, at, startTime]: StoredPartial): Partial => {
    const last = chain[at]
    if (last !== undefined) last.uses++
    return { state, last, start: starts[at] ?? Infinity, startTime: startTime ?? Infinity }
  }
  matches.restore(partial.map(each), complete.map(each))
}
