/**
 * The columns of OVER for whole partitions, rows in their order.
 *
 * Aggregates slide: for each row the rows that its frame gains are added and those that it loses taken away, of all partitions in one
 * sequence of changes to their groups; a row's result is what its group holds after its changes.
 */
import type { AggregateCall, OverCall, SpecOf } from '#core/graph/operator-spec.js'
import { RowKind } from '#core/types/row-kind.js'
import type { Schema } from '#core/types/schema.js'
import { Batch } from '../../columnar/batch.js'
import { concatBatches } from '../../columnar/gather.js'
import type { Vector } from '../../columnar/vector.js'
import { OrderedRows } from '../../state/ordered-rows.js'
import type { RowStore } from '../../state/row-store.js'
import { GroupedAggregation } from '../aggregate/grouped-aggregation.js'
import { takeVector } from '../changelog.js'
import { frameBounds, peersOf, type FrameBounds, type Peers } from './frames.js'
import { NO_PLACE, numberColumn, numberRows, pickedColumn, pickPlaces } from './places.js'

/** Changes to groups that are applied at once. */
const CHANGES_AT_ONCE = 4096
const AGGREGATES: ReadonlySet<string> = new Set(['COUNT', 'SUM', 'AVG', 'MIN', 'MAX'])
const PICKS: ReadonlySet<string> = new Set(['FIRST_VALUE', 'LAST_VALUE', 'LAG', 'LEAD'])

export function isAggregate(call: OverCall): call is OverCall & AggregateCall {
  return AGGREGATES.has(call.function)
}

/** It takes a value of another row. */
export function isPick(call: OverCall): boolean {
  return PICKS.has(call.function)
}

/** One partition on its way to results. */
interface Partition {
  readonly ids: Int32Array
  readonly peers: Peers
  readonly bounds: FrameBounds
}

export class PartitionResults {
  readonly #spec: SpecOf<'over'>
  readonly #store: RowStore
  readonly #keys: OrderedRows
  readonly #input: Schema
  readonly #aggregates: readonly (OverCall & AggregateCall)[]
  readonly #aggregation: GroupedAggregation
  readonly #resultSchema: Schema
  /** Results over no rows at all. */
  readonly #empty: readonly Vector[]

  constructor(spec: SpecOf<'over'>, input: Schema, store: RowStore) {
    this.#spec = spec
    this.#input = input
    this.#store = store
    this.#keys = new OrderedRows(store, spec.order)
    this.#aggregates = spec.calls.filter(isAggregate)
    this.#resultSchema = { fields: this.#aggregates.map(({ type }, i) => ({ name: `w0$o${i}`, type })) }
    this.#aggregation = new GroupedAggregation(input, spec.partition, this.#aggregates, spec.frame.start !== null)
    this.#empty = this.#aggregation.emptyResults()
  }

  /** One column per call; its rows are those of the partitions (ids in their order), one after the other. */
  compute(partitions: readonly Int32Array[]): Vector[] {
    const { order, frame, calls } = this.#spec
    const located = partitions.map((ids): Partition => {
      const peers = peersOf(ids, this.#keys)
      return { ids, peers, bounds: frameBounds(frame, order, ids, peers, this.#store) }
    })
    const ids = concatenated(partitions)
    const aggregates = this.#aggregates.length === 0 ? [] : this.#aggregate(located, ids.length)
    let next = 0
    return calls.map((call) => {
      if (isAggregate(call)) return aggregates[next++] as Vector
      return isPick(call) ? this.#pick(call, located, ids) : this.#number(call, located, ids.length)
    })
  }

  #number(call: OverCall, partitions: readonly Partition[], rows: number): Vector {
    const numbers = new Float64Array(rows)
    let at = 0
    for (const { ids, peers } of partitions) {
      numberRows(call, peers, numbers, at)
      at += ids.length
    }
    return numberColumn(call, numbers)
  }

  #pick(call: OverCall, partitions: readonly Partition[], own: Int32Array): Vector {
    const picked = new Int32Array(own.length)
    const argument = call.args[0] as number
    let at = 0
    for (const { ids, bounds } of partitions) {
      pickPlaces(call, bounds, (place) => this.#store.isNull(ids[place] as number, argument), picked, at)
      for (let row = at; row < at + ids.length; row++) if (picked[row] !== NO_PLACE) picked[row] = ids[picked[row] as number] as number
      at += ids.length
    }
    return pickedColumn(call, this.#store, picked, own)
  }

  #aggregate(partitions: readonly Partition[], rows: number): Vector[] {
    const changes = new FrameChanges(rows)
    for (const { ids, bounds } of partitions) changes.slide(ids, bounds)
    const { ids, kinds, length, reads } = changes
    const parts: Batch[] = []
    let read = 0
    for (let from = 0; from < length; from += CHANGES_AT_ONCE) {
      const end = Math.min(length, from + CHANGES_AT_ONCE)
      const count = end - from
      const some = ids.slice(from, end)
      const batch = new Batch(this.#input, this.#store.columns(some, count), count, undefined, kinds.slice(from, end))
      const { results } = this.#aggregation.accumulateWithChanges(batch)
      const after: number[] = []
      for (; read < reads.length && (reads[read] as number) < end; read++) after.push(2 * ((reads[read] as number) - from) + 1)
      const positions = Int32Array.from(after)
      parts.push(new Batch(this.#resultSchema, results.map((result) => takeVector(result, positions)), after.length)) // prettier-ignore
    }
    this.#aggregation.clear()
    parts.push(new Batch(this.#resultSchema, this.#empty, 1))
    const { columns } = concatBatches(this.#resultSchema, parts)
    const readOf = changes.readOf.map((index) => (index < 0 ? reads.length : index))
    return columns.map((column, i) => takeVector(column, readOf, this.#aggregates[i]?.type))
  }
}

/** What frames gain and lose, row after row. */
class FrameChanges {
  ids = new Int32Array(64)
  kinds = new Uint8Array(64)
  length = 0
  /** Changes after which somebody wants the result, rising. */
  readonly reads: number[] = []
  /** By row: which of the reads is its; -1: its partition had no changes yet. */
  readonly readOf: Int32Array
  #rows = 0

  constructor(rows: number) {
    this.readOf = new Int32Array(rows)
  }

  slide(ids: Int32Array, { from, to }: FrameBounds): void {
    const begin = this.length
    // Added and not taken away: the places from `low` to `high`, exclusive.
    let low = 0
    let high = 0
    for (let row = 0; row < ids.length; row++) {
      const [first, end] = [from[row] as number, to[row] as number]
      if (high <= first) {
        for (; low < high; low++) this.#add(ids[low] as number, RowKind.DELETE)
        low = high = first
      }
      for (; high < end; high++) this.#add(ids[high] as number, RowKind.INSERT)
      for (; low < first && low < high; low++) this.#add(ids[low] as number, RowKind.DELETE)
      const last = this.length - 1
      if (last >= begin && this.reads.at(-1) !== last) this.reads.push(last)
      this.readOf[this.#rows++] = last < begin ? -1 : this.reads.length - 1
    }
  }

  #add(id: number, kind: RowKind): void {
    if (this.length === this.ids.length) {
      const ids = new Int32Array(2 * this.length)
      const kinds = new Uint8Array(2 * this.length)
      ids.set(this.ids)
      kinds.set(this.kinds)
      this.ids = ids
      this.kinds = kinds
    }
    this.ids[this.length] = id
    this.kinds[this.length++] = kind
  }
}

function concatenated(parts: readonly Int32Array[]): Int32Array {
  const [only] = parts
  if (parts.length === 1 && only !== undefined) return only
  const all = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
