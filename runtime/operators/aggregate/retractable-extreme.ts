/**
 * MIN and MAX over rows that may be taken away: each group's values in an ordered set with counts, so that the next best value
 * is there when the best one goes. Values taken away that were never added are ignored.
 */
import type { LogicalType } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import type { Batch } from '../../columnar/batch.js'
import type { Int64Vector, Vector } from '../../columnar/vector.js'
import type { Bits } from '../../state/bits.js'
import { grown } from '../../state/growable.js'
import type { WordColumn } from '../../state/lifted-columns.js'
import { OrderedRows, TREE_WORDS } from '../../state/ordered-rows.js'
import { RowStore } from '../../state/row-store.js'
import type { RowChanges } from '../../state/stored-table.js'
import { FIRST, nullBits, setNull, type Accumulator, type RowPass } from './accumulator.js'
import type { DependentRows } from './dependent-rows.js'
import { COUNT_TYPE } from './state-columns.js'

/** Extra words: rows that have the value, its group, and the hash of the group's key. */
const COUNT = TREE_WORDS
const GROUP = TREE_WORDS + 1
const HASH = TREE_WORDS + 2
const EXTRA_WORDS = TREE_WORDS + 3

export class RetractableExtremeAccumulator implements Accumulator, DependentRows {
  readonly stateTypes: readonly LogicalType[] = []
  readonly schema: Schema
  readonly #column: number
  readonly #type: LogicalType
  readonly #max: boolean
  readonly #values: RowStore
  readonly #order: OrderedRows
  /** Tree of each group's values. */
  #roots = new Int32Array(0)
  #changes: RowChanges | undefined

  constructor(column: number, type: LogicalType, max: boolean) {
    this.#column = column
    this.#type = type
    this.#max = max
    this.#values = new RowStore([type], EXTRA_WORDS)
    this.schema = {
      fields: [
        { name: 'value', type },
        { name: 'rows', type: COUNT_TYPE },
      ],
    }
    this.#order = new OrderedRows(this.#values, [{ column: 0, ascending: true, nullsFirst: false }])
  }

  reserve(groups: number): void {
    this.#roots = grown(this.#roots, groups)
  }

  /**
   * Results are read from the store after the loop, so values that leave it are freed only then.
   */
  update(pass: RowPass, changed: Uint8Array | undefined): Vector | undefined {
    const { batch, count, positions, groups, weights, flags } = pass
    const columns = [batch.columns[this.#column] as Vector]
    const rows = changed === undefined ? 0 : 2 * count
    const ids = new Int32Array(rows)
    const freed: number[] = []
    for (let row = 0; row < count; row++) {
      const group = groups[row] as number
      if (((flags[row] as number) & FIRST) !== 0) this.#forget(group, freed)
      const before = changed === undefined ? 0 : this.#best(group)
      const weight = weights[row] as number
      if (weight !== 0) this.#apply(pass, row, columns, positions[row] as number, weight, freed)
      if (changed === undefined) continue
      const after = this.#best(group)
      ids[2 * row] = before
      ids[2 * row + 1] = after
      // Another row of the store may hold the same value: taken away and added again.
      if (before !== after && (before < 0 || after < 0 || this.#order.compare(before, after) !== 0)) changed[row] = 1
    }
    const result = changed === undefined ? undefined : this.#vector(ids, rows)
    for (const id of freed) {
      this.#changes?.removeOne(id)
      this.#values.remove(id)
    }
    return result
  }

  results(groups: Int32Array, count: number): Vector {
    const ids = new Int32Array(count)
    for (let i = 0; i < count; i++) ids[i] = this.#best(groups[i] as number)
    return this.#vector(ids, count)
  }

  forget(groups: Int32Array): void {
    const freed: number[] = []
    for (const group of groups) this.#forget(group, freed)
    for (const id of freed) {
      this.#changes?.removeOne(id)
      this.#values.remove(id)
    }
  }

  columns(): WordColumn[] {
    return [{ values: this.#roots, width: 1 }]
  }

  drop(): void {
    this.#roots = new Int32Array(0)
  }

  clear(): void {
    this.#values.clear()
    this.#roots.fill(0)
  }

  get dependents(): DependentRows {
    return this
  }

  save(): Vector[] {
    return []
  }

  merge(): void {
    throw new Error('values that may be taken away are not merged')
  }

  load(groups: Int32Array): void {
    for (const group of groups) this.#roots[group] = 0
  }

  track(changes: RowChanges): void {
    this.#changes = changes
  }

  liveBits(): Bits {
    return this.#values.liveBits()
  }

  groupsOf(ids: Int32Array, count: number): Int32Array {
    return this.#values.extras(ids, count, GROUP)
  }

  hashesOf(ids: Int32Array, count: number): Int32Array {
    return this.#values.extras(ids, count, HASH)
  }

  read(ids: Int32Array, count: number): Vector[] {
    const counts = BigInt64Array.from(this.#values.extras(ids, count, COUNT), BigInt)
    return [...this.#values.columns(ids, count), { kind: 'int64', type: COUNT_TYPE, nulls: undefined, values: counts }]
  }

  restore(batch: Batch, rows: Int32Array, groups: Int32Array, hashes: Int32Array, places: Int32Array): void {
    const ids = new Int32Array(rows.length)
    this.#values.addRows(batch.columns.slice(0, 1), rows, rows.length, ids)
    const { values: counts } = batch.columns[1] as Int64Vector
    for (let i = 0; i < rows.length; i++)
      this.#insert(places[i] as number, groups[i] as number, hashes[i] as number, ids[i] as number, Number(counts[rows[i] as number]))
  }

  #best(group: number): number {
    const root = this.#roots[group] as number
    return this.#max ? this.#order.last(root) : this.#order.first(root)
  }

  #apply(
    { groups, ids, hashes }: RowPass,
    row: number,
    columns: readonly Vector[],
    position: number,
    weight: number,
    freed: number[],
  ): void {
    const group = groups[row] as number
    const root = this.#roots[group] as number
    const candidate = this.#values.add(columns, position)
    const held = this.#order.find(root, candidate)
    if (held < 0 && weight > 0) {
      this.#changes?.touchOne(candidate)
      return this.#insert(group, ids[row] as number, hashes[row] as number, candidate, 1)
    }
    this.#values.remove(candidate)
    if (held < 0) return
    this.#changes?.touchOne(held)
    const rows = this.#values.extra(held, COUNT) + weight
    this.#values.setExtra(held, COUNT, rows)
    if (rows > 0) return
    this.#roots[group] = this.#order.remove(root, held)
    freed.push(held)
  }

  #insert(group: number, groupId: number, hash: number, id: number, rows: number): void {
    this.#values.setExtra(id, COUNT, rows)
    this.#values.setExtra(id, GROUP, groupId)
    this.#values.setExtra(id, HASH, hash)
    this.#roots[group] = this.#order.insert(this.#roots[group] as number, id)
  }

  /** Values left over from an earlier life of the group. */
  #forget(group: number, freed: number[]): void {
    for (let root = this.#roots[group] as number; root !== 0; root = this.#roots[group] as number) {
      this.#roots[group] = this.#order.remove(root, root - 1)
      freed.push(root - 1)
    }
  }

  /** -1 is NULL. */
  #vector(ids: Int32Array, count: number): Vector {
    let nulls: Uint8Array | undefined
    const held = new Int32Array(count)
    for (let i = 0; i < count; i++) {
      const id = ids[i] as number
      if (id < 0) setNull((nulls ??= nullBits(count)), i)
      else held[i] = id
    }
    if (this.#values.idLimit === 0) this.#values.remove(this.#values.add([EMPTY_BOOLEAN], 0))
    return { ...this.#values.column(0, held, count), type: this.#type, nulls } as Vector
  }
}

/** Makes the first page of an untouched store, which NULL results read. */
const EMPTY_BOOLEAN: Vector = {
  kind: 'boolean',
  type: { kind: 'NULL', nullable: true },
  nulls: new Uint8Array([1]),
  values: new Uint8Array(1),
}
