/**
 * Stored rows in the order in which they were appended, oldest first: all of them in one list, or those of each partition in one of their own,
 * or both. The links are the rows' first extra words, which a tree has used before.
 *
 *   extra words:  next of all | next of its partition | owner's …
 */
import type { Schema } from '#core/types/schema.js'
import { Batch } from '../../columnar/batch.js'
import { hashRows } from '../../columnar/hash.js'
import { grown, identityPositions } from '../../state/growable.js'
import { KeyTable } from '../../state/key-table.js'
import { LiftedColumns, wordsOfColumns, type ColumnOwner, type WordColumn } from '../../state/lifted-columns.js'
import type { RowStore } from '../../state/row-store.js'

const NEXT = 0
const NEXT_OF_PARTITION = 1

export class RowLists implements ColumnOwner {
  readonly #input: Schema
  readonly #keys: readonly number[]
  readonly #store: RowStore
  readonly #listsAll: boolean
  /** undefined: no lists by partition. */
  readonly #partitions: KeyTable | undefined
  readonly #lifted: LiftedColumns | undefined
  /** The list of all: id + 1 of its first and last row. */
  #head = 0
  #tail = 0
  /** By place of a partition. */
  #heads = new Int32Array(0)
  #tails = new Int32Array(0)
  #sizes = new Int32Array(0)
  /** What is located: partitions by row. */
  #groups: Int32Array = new Int32Array(0)
  #places: Int32Array = new Int32Array(0)

  constructor(input: Schema, keys: readonly number[], store: RowStore, lists: { readonly all: boolean; readonly byPartition: boolean }) {
    this.#input = input
    this.#keys = keys
    this.#store = store
    this.#listsAll = lists.all
    if (!lists.byPartition) return
    const types = keys.map((key) => store.types[key] as (typeof store.types)[number])
    this.#partitions = new KeyTable(types, false, wordsOfColumns(this.columns()))
    this.#lifted = new LiftedColumns(this.#partitions, this)
  }

  /** Places of the rows' partitions, good until `release`; undefined: there are no lists by partition. */
  locate(ids: Int32Array, rows?: Batch): Int32Array | undefined {
    if (this.#partitions === undefined || this.#lifted === undefined) return undefined
    const count = ids.length
    const batch = rows ?? new Batch(this.#input, this.#store.columns(ids, count), count)
    this.#groups = new Int32Array(count)
    this.#partitions.assign(batch, this.#keys, identityPositions(count), count, hashRows(batch, this.#keys), this.#groups)
    return (this.#places = this.#lifted.lift(this.#groups, count))
  }

  /** What was located is no longer needed; partitions without rows go. */
  release(): void {
    if (this.#partitions === undefined || this.#lifted === undefined) return
    const empty = new Set<number>()
    this.#places.forEach((place, row) => {
      if (this.#heads[place] === 0) empty.add(this.#groups[row] as number)
    })
    this.#lifted.lower()
    for (const group of empty) this.#partitions.remove(group)
  }

  append(id: number, place: number | undefined): void {
    const store = this.#store
    store.setExtra(id, NEXT, 0)
    store.setExtra(id, NEXT_OF_PARTITION, 0)
    if (this.#listsAll) {
      if (this.#tail === 0) this.#head = id + 1
      else store.setExtra(this.#tail - 1, NEXT, id + 1)
      this.#tail = id + 1
    }
    if (place === undefined) return
    const tail = this.#tails[place] as number
    if (tail === 0) this.#heads[place] = id + 1
    else store.setExtra(tail - 1, NEXT_OF_PARTITION, id + 1)
    this.#tails[place] = id + 1
    this.#sizes[place] = (this.#sizes[place] as number) + 1
  }
  /** The oldest of all, or -1. */
  first(): number {
    return this.#head - 1
  }

  /** The oldest of all, as long as they are as wanted, oldest first. */
  before(wanted: (id: number) => boolean, most = Infinity): number[] {
    const ids: number[] = []
    for (let entry = this.#head; entry !== 0 && ids.length < most && wanted(entry - 1); entry = this.#store.extra(entry - 1, NEXT))
      ids.push(entry - 1)
    return ids
  }

  /** Takes the oldest of all out, which is its partition's oldest, too. */
  takeOldest(place: number | undefined): void {
    this.#head = this.#store.extra(this.#head - 1, NEXT)
    if (this.#head === 0) this.#tail = 0
    if (place !== undefined) this.takeFirst(place)
  }

  /** Takes the oldest of the partition out. */
  takeFirst(place: number): number {
    const id = (this.#heads[place] as number) - 1
    const next = this.#store.extra(id, NEXT_OF_PARTITION)
    this.#heads[place] = next
    if (next === 0) this.#tails[place] = 0
    this.#sizes[place] = (this.#sizes[place] as number) - 1
    return id
  }

  sizeOf(place: number): number {
    return this.#sizes[place] as number
  }

  /** The partition's rows. */
  rowsOf(place: number): number[] {
    const ids: number[] = []
    for (let entry = this.#heads[place] as number; entry !== 0; entry = this.#store.extra(entry - 1, NEXT_OF_PARTITION)) ids.push(entry - 1)
    return ids
  }

  columns(): WordColumn[] {
    return [
      { values: this.#heads, width: 1 },
      { values: this.#tails, width: 1 },
      { values: this.#sizes, width: 1 },
    ]
  }

  reserve(places: number): void {
    this.#heads = grown(this.#heads, places)
    this.#tails = grown(this.#tails, places)
    this.#sizes = grown(this.#sizes, places)
  }

  drop(): void {
    this.#heads = new Int32Array(0)
    this.#tails = new Int32Array(0)
    this.#sizes = new Int32Array(0)
  }
}
