/**
 * DISTINCT inside an aggregate: lets each value of a group through once. A value counts when its first row comes and is taken
 * away when its last row goes; all other rows get weight 0.
 */
import { INT, notNull, type LogicalType } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import type { Batch } from '../../columnar/batch.js'
import { hashRows } from '../../columnar/hash.js'
import type { Int32Vector, Vector } from '../../columnar/vector.js'
import type { Bits } from '../../state/bits.js'
import { grown } from '../../state/growable.js'
import { KeyTable } from '../../state/key-table.js'
import { LiftedColumns, wordsOfColumns, type ColumnOwner, type WordColumn } from '../../state/lifted-columns.js'
import type { RowChanges } from '../../state/stored-table.js'
import { wordsOf, type RowPass } from './accumulator.js'
import { takeInt32, takeVector } from '../changelog.js'
import type { DependentRows } from './dependent-rows.js'
import { COUNT_TYPE, loadCounts, savedCounts } from './state-columns.js'

export class DistinctFilter implements ColumnOwner, DependentRows {
  readonly schema: Schema
  readonly #columns: readonly number[]
  readonly #values: KeyTable
  readonly #lifted: LiftedColumns
  /** Rows per (group, value). */
  #counts = new Float64Array(0)
  /** Group of each (group, value). */
  #groups = new Int32Array(0)
  /** Hash of that group's key. */
  #hashes = new Int32Array(0)
  #changes: RowChanges | undefined
  /** Lives that are over and whose values may still be there: those this search looks for, and those the next one will. */
  #dying = new Set<number>()
  #dead = new Set<number>()
  #swept = 0

  constructor(columns: readonly number[], types: readonly LogicalType[]) {
    this.#columns = columns
    this.#values = new KeyTable(types, true, wordsOfColumns(this.columns()))
    this.#lifted = new LiftedColumns(this.#values, this)
    this.schema = {
      fields: [
        ...types.map((type, i) => ({ name: `value${i}`, type })),
        { name: 'rows', type: COUNT_TYPE },
        { name: 'life', type: notNull(INT) },
      ],
    }
  }

  /** Column of the life of its group that a row belongs to: rows of an earlier one do not count. */
  get lifeColumn(): number {
    return this.schema.fields.length - 1
  }

  /**
   * The rows' weights, seen as a set. `incarnations[row]` names the present life of the row's group: a group that vanished and
   * came back has another, so values left over by a malformed changelog never count for it.
   */
  weights(pass: RowPass, incarnations: Int32Array): Int8Array {
    const result = new Int8Array(pass.count)
    const rows = new Int32Array(pass.count)
    let counting = 0
    for (let row = 0; row < pass.count; row++) if (pass.weights[row] !== 0) rows[counting++] = row
    if (counting === 0) return result
    const positions = new Int32Array(counting)
    const prefix = new Int32Array(counting)
    for (let i = 0; i < counting; i++) {
      const row = rows[i] as number
      positions[i] = pass.positions[row] as number
      prefix[i] = incarnations[row] as number
    }
    const ids = new Int32Array(counting)
    this.#values.assign(
      pass.batch,
      this.#columns,
      positions,
      counting,
      hashRows(pass.batch.select(positions), this.#columns),
      ids,
      true,
      prefix,
    )
    this.#changes?.touch(ids, counting, this.#values.idLimit)
    const places = this.#lifted.lift(ids, counting)
    const counts = this.#counts
    for (let i = 0; i < counting; i++) {
      const place = places[i] as number
      const row = rows[i] as number
      this.#groups[place] = pass.ids[row] as number
      this.#hashes[place] = pass.hashes[row] as number
      const before = counts[place] as number
      const weight = pass.weights[row] as number
      if (weight > 0) {
        counts[place] = before + 1
        if (before === 0) result[row] = 1
      } else if (before > 0) {
        counts[place] = before - 1
        if (before === 1) result[row] = -1
      }
    }
    this.#lifted.lower()
    for (let i = 0; i < counting; i++) {
      const place = places[i] as number
      if (counts[place] !== 0) continue
      counts[place] = -1 // the same value may stand in the batch again
      const id = ids[i] as number
      this.#changes?.removeOne(id)
      this.#values.remove(id)
    }
    for (let i = 0; i < counting; i++) if (counts[places[i] as number] === -1) counts[places[i] as number] = 0
    return result
  }

  /** That life is over: its values go bit by bit. */
  forget(life: number): void {
    this.#dead.add(life)
  }

  /** Removes values of lives that are over among the next `some` that there is room for. */
  removeDead(some: number): void {
    if (this.#dying.size === 0) {
      if (this.#dead.size === 0) return
      this.#dying = this.#dead
      this.#dead = new Set()
      this.#swept = 0
    }
    const first = this.#swept
    const count = Math.min(some, this.#values.idLimit - first)
    const ids = Int32Array.from({ length: count }, (_, i) => first + i)
    let places = this.#lifted.peek(ids, count)
    const gone = ids.filter((id, i) => this.#counts[places[i] as number] !== 0 && this.#dying.has(this.#values.prefixOf(id)))
    if (gone.length > 0) {
      this.#changes?.remove(gone, gone.length)
      places = this.#lifted.lift(gone, gone.length)
      for (const place of places) this.#counts[place] = 0
      this.#lifted.lower()
      for (const id of gone) this.#values.remove(id)
    }
    this.#swept += count
    if (this.#swept >= this.#values.idLimit) this.#dying = new Set()
  }

  columns(): WordColumn[] {
    return [
      { values: wordsOf(this.#counts), width: 2 },
      { values: this.#groups, width: 1 },
      { values: this.#hashes, width: 1 },
    ]
  }

  reserve(places: number): void {
    this.#counts = grown(this.#counts, places)
    this.#groups = grown(this.#groups, places)
    this.#hashes = grown(this.#hashes, places)
  }

  drop(): void {
    this.#counts = new Float64Array(0)
    this.#groups = new Int32Array(0)
    this.#hashes = new Int32Array(0)
  }

  clear(): void {
    this.#values.clear()
    this.#lifted.clear()
    this.#counts.fill(0)
    this.#dying.clear()
    this.#dead.clear()
  }

  track(changes: RowChanges): void {
    this.#changes = changes
  }

  liveBits(): Bits {
    return this.#values.liveBits()
  }

  groupsOf(ids: Int32Array, count: number): Int32Array {
    const places = this.#lifted.peek(ids, count)
    return takeInt32(this.#groups, places)
  }

  hashesOf(ids: Int32Array, count: number): Int32Array {
    const places = this.#lifted.peek(ids, count)
    return takeInt32(this.#hashes, places)
  }

  read(ids: Int32Array, count: number): Vector[] {
    const lives = new Int32Array(count)
    for (let i = 0; i < count; i++) lives[i] = this.#values.prefixOf(ids[i] as number)
    return [
      ...this.#values.keyColumns(ids, count),
      savedCounts(this.#counts, this.#lifted.peek(ids, count), count),
      { kind: 'int32', type: notNull(INT), nulls: undefined, values: lives },
    ]
  }

  /** The batch has the groups' present lives in its life column. */
  restore(batch: Batch, rows: Int32Array, groups: Int32Array, groupHashes: Int32Array): void {
    const values = this.#columns.map((_, column) => column)
    const { values: lives } = batch.columns[this.lifeColumn] as Int32Vector
    const ids = new Int32Array(rows.length)
    const hashes = hashRows(batch.select(rows), values)
    this.#values.assign(batch, values, rows, rows.length, hashes, ids, true, takeInt32(lives, rows))
    const places = this.#lifted.lift(ids, rows.length)
    loadCounts(takeVector(batch.columns[values.length] as Vector, rows), places, this.#counts)
    for (let i = 0; i < rows.length; i++) {
      this.#groups[places[i] as number] = groups[i] as number
      this.#hashes[places[i] as number] = groupHashes[i] as number
    }
    this.#lifted.lower()
  }
}
