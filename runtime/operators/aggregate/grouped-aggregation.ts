/**
 * Groups and their aggregates, without any notion of when results are emitted: shared by group and window aggregation.
 *
 *   batch ─▶ key table: group id per row ─▶ row counts: flags ─▶ each call: weights (NULL, FILTER, DISTINCT) ─▶ accumulator
 *
 * Columns by group are those of the groups' places (state/lifted-columns.ts), so that groups may lie on disk.
 */
import type { AggregateCall } from '#core/graph/operator-spec.js'
import { INT, notNull, type LogicalType } from '#core/types/logical-type.js'
import type { Field, Schema } from '#core/types/schema.js'
import { Batch, BATCH_CAPACITY } from '../../columnar/batch.js'
import { hashRows } from '../../columnar/hash.js'
import type { BooleanVector, Int32Vector, Vector } from '../../columnar/vector.js'
import type { Bits } from '../../state/bits.js'
import { grown, identityPositions } from '../../state/growable.js'
import { KeyTable } from '../../state/key-table.js'
import { LiftedColumns, wordsOfColumns, type ColumnOwner, type WordColumn } from '../../state/lifted-columns.js'
import { RestoredIds } from '../../state/restored-ids.js'
import type { OwnedTable } from '../../state/row-pages.js'
import type { RowChanges } from '../../state/stored-table.js'
import { FIRST, IGNORED, VANISHED, wordsOf, type Accumulator, type RowPass } from './accumulator.js'
import { createAccumulator } from './create-accumulator.js'
import type { DependentRows } from './dependent-rows.js'
import { DistinctFilter } from './distinct.js'
import { COUNT_TYPE, loadCounts, savedCounts } from './state-columns.js'

/** What a batch did to its groups. */
export interface GroupChanges {
  readonly pass: RowPass
  /** One column per call: the group's result before row r at 2r, after it at 2r + 1. */
  readonly results: readonly Vector[]
  /** 1 where a row changed some result. */
  readonly changed: Uint8Array
}

/** A table of the groups' state: the groups themselves first, then what depends on them by their snapshot ids. */
export interface AggregationTable {
  readonly name: string
  readonly schema: Schema
  readonly rows: OwnedTable
}

/** Where groups of a snapshot are now. Parts of one snapshot share it. */
export class RestoredGroups {
  readonly ids = new RestoredIds()
  /** The life of a group then: rows of its other lives are left behind. */
  readonly lives = new RestoredIds()
}

const LIFE_TYPE = notNull(INT)

export class GroupedAggregation implements ColumnOwner {
  readonly tables: readonly AggregationTable[]
  readonly #keys: readonly number[]
  readonly #calls: readonly AggregateCall[]
  readonly #table: KeyTable
  readonly #lifted: LiftedColumns
  readonly #accumulators: readonly Accumulator[]
  readonly #distinct: readonly (DistinctFilter | undefined)[]
  readonly #anyDistinct: boolean
  /** Rows added less rows taken away, by the group's place; 0: the group does not exist. */
  #rows = new Float64Array(0)
  #incarnations = new Int32Array(0)
  #nextIncarnation = 0
  /** Ms that a group lives after it was last written; 0: for ever. */
  readonly #ttl: number
  /** With a TTL: when the group was last written, by its place. */
  #written = new Float64Array(0)
  /** Where the search for expired groups goes on. */
  #swept = 0
  /** By table; the first is of the groups. */
  #tracked: readonly RowChanges[] = []
  #changes: RowChanges | undefined
  readonly #dependents: readonly DependentRows[]

  constructor(input: Schema, keys: readonly number[], calls: readonly AggregateCall[], retract: boolean, ttl = 0) {
    const typeOf = (column: number): LogicalType => {
      const field = input.fields[column]
      if (field === undefined) throw new Error(`aggregate reads column ${column} of ${input.fields.length}`)
      return field.type
    }
    this.#keys = keys
    this.#calls = calls
    this.#ttl = ttl
    this.#accumulators = calls.map((call) => createAccumulator(call, input, retract))
    // MIN and MAX of a set are those of the rows.
    this.#distinct = calls.map((call) =>
      call.distinct && call.function !== 'MIN' && call.function !== 'MAX'
        ? new DistinctFilter(call.args, call.args.map(typeOf))
        : undefined,
    )
    this.#anyDistinct = this.#distinct.some((filter) => filter !== undefined)
    this.#table = new KeyTable(keys.map(typeOf), false, wordsOfColumns(this.columns()))
    this.#lifted = new LiftedColumns(this.#table, this)
    const dependents = calls.map((_, i) => this.#distinct[i] ?? this.#accumulators[i]?.dependents)
    this.#dependents = dependents.filter((rows) => rows !== undefined)
    this.tables = [
      this.#groupsTable(keys.map(typeOf)),
      ...dependents.flatMap((rows, i) => (rows === undefined ? [] : [this.#dependentTable(rows, `values${i}`)])),
    ]
  }

  /** From now on changes are reported, by table. */
  track(changes: readonly RowChanges[]): void {
    this.#tracked = changes
    this.#changes = changes[0]
    this.#dependents.forEach((rows, i) => rows.track(changes[i + 1] as RowChanges))
  }

  /** Inserts rows of a snapshot of tables[table]; all rows of a table before those of the next. The batch has no selection. */
  restore(table: number, handle: number, batch: Batch, ids: Int32Array, restored: RestoredGroups): void {
    if (table === 0) return this.#restoreGroups(handle, batch, ids, restored)
    const rows = this.#dependents[table - 1] as DependentRows
    const [parents, ...columns] = batch.columns as [Int32Vector, ...Vector[]]
    const lives = rows instanceof DistinctFilter ? (columns[rows.lifeColumn] as Int32Vector).values : undefined
    const kept: number[] = []
    const groups: number[] = []
    for (let row = 0; row < batch.length; row++) {
      const parent = parents.values[row] as number
      const group = restored.ids.get(handle, parent)
      if (group < 0 || (lives !== undefined && restored.lives.get(handle, parent) !== lives[row])) continue
      kept.push(row)
      groups.push(group)
    }
    const parentIds = Int32Array.from(groups)
    const places = this.#lifted.lift(parentIds, groups.length)
    if (rows instanceof DistinctFilter) {
      const values = new Int32Array(batch.length)
      kept.forEach((row, i) => (values[row] = this.#incarnations[places[i] as number] as number))
      columns[rows.lifeColumn] = { kind: 'int32', type: LIFE_TYPE, nulls: undefined, values }
    }
    const hashes = this.#table.hashesOf(parentIds, groups.length)
    rows.restore(new Batch(rows.schema, columns, batch.length), Int32Array.from(kept), parentIds, hashes, places)
    this.#lifted.lower()
  }

  /** Of the groups and of what all calls accumulate. */
  columns(): WordColumn[] {
    return [
      { values: wordsOf(this.#rows), width: 2 },
      ...(this.#anyDistinct ? [{ values: this.#incarnations, width: 1 }] : []),
      ...(this.#ttl > 0 ? [{ values: wordsOf(this.#written), width: 2 }] : []),
      ...this.#accumulators.flatMap((accumulator) => accumulator.columns()),
    ]
  }

  reserve(places: number): void {
    this.#rows = grown(this.#rows, places)
    if (this.#anyDistinct) this.#incarnations = grown(this.#incarnations, places)
    if (this.#ttl > 0) this.#written = grown(this.#written, places)
    for (const accumulator of this.#accumulators) accumulator.reserve(this.#rows.length)
  }

  drop(): void {
    this.#rows = new Float64Array(0)
    this.#incarnations = new Int32Array(0)
    this.#written = new Float64Array(0)
    for (const accumulator of this.#accumulators) accumulator.drop()
  }

  /** Groups that exist. */
  get size(): number {
    return this.#table.size
  }

  /** Adds (+I, +U) and takes away (-U, -D) the rows, in order. */
  accumulate(batch: Batch): void {
    const pass = this.#locate(batch)
    this.#apply(pass, undefined)
    this.#lower(pass)
  }

  /** The same, telling what each row changed. `now`: ms, for groups with a TTL; those whose time has passed begin anew. */
  accumulateWithChanges(batch: Batch, now = 0): GroupChanges {
    const pass = this.#locate(batch, now)
    const changed = new Uint8Array(pass.count)
    const results = this.#apply(pass, changed)
    this.#lower(pass)
    return { pass, results, changed }
  }

  /**
   * Forgets expired groups among the next `some` that there is room for, and values of those expired before; whoever calls it with every
   * batch, and more of them than the batch had rows, keeps state bounded.
   */
  removeExpired(some: number, now: number): void {
    for (const filter of this.#distinct) filter?.removeDead(some)
    const { idLimit } = this.#table
    if (this.#swept >= idLimit) this.#swept = 0
    const first = this.#swept
    const count = Math.min(some, idLimit - first)
    this.#swept += count
    if (count === 0 || this.#table.size === 0) return
    const ids = Int32Array.from({ length: count }, (_, i) => first + i)
    const places = this.#lifted.peek(ids, count)
    const expired = ids.filter((_, i) => this.#isExpired(places[i] as number, now))
    if (expired.length === 0) return
    this.#changes?.touch(expired, expired.length, idLimit)
    this.#forget(this.#lifted.lift(expired, expired.length))
    this.#lifted.lower()
    for (const id of expired) {
      this.#changes?.removeOne(id)
      this.#table.remove(id)
    }
  }

  /** The group exists, and its time has passed. */
  #isExpired(place: number, now: number): boolean {
    return this.#rows[place] !== 0 && now - (this.#written[place] as number) >= this.#ttl
  }

  /** Groups at these places are no more, though their keys are still there. */
  #forget(places: Int32Array): void {
    for (const place of places) {
      this.#rows[place] = 0
      if (this.#anyDistinct) for (const filter of this.#distinct) filter?.forget(this.#incarnations[place] as number)
    }
    for (const accumulator of this.#accumulators) accumulator.forget?.(places)
  }

  /**
   * Adds the groups of another aggregation of the same calls, which stays as it is; yields between pieces of work. Neither may ever have rows
   * taken away.
   */
  *absorb(other: GroupedAggregation): Generator<void, void> {
    const ids = new Int32Array(this.#anyDistinct ? other.#table.idLimit : 0)
    for (const some of other.groups(BATCH_CAPACITY)) {
      this.#absorbGroups(other, some, ids)
      yield
    }
    for (const [call, filter] of other.#distinct.entries()) {
      if (filter === undefined) continue
      for (const some of idsOf(filter.liveBits(), BATCH_CAPACITY)) {
        this.#absorbValues(call, filter, some, ids)
        yield
      }
    }
  }

  /** `known`: filled with the id here of each of the other's groups, where it has room. */
  #absorbGroups(other: GroupedAggregation, some: Int32Array, known: Int32Array): void {
    const { schema, rows } = other.tables[0] as AggregationTable
    const count = some.length
    const columns = rows.read(some, count)
    const batch = new Batch(schema, [...columns], count)
    const keys = this.#keys.map((_, i) => i)
    const positions = identityPositions(count)
    const ids = new Int32Array(count)
    this.#table.assign(batch, keys, positions, count, hashRows(batch, keys), ids)
    this.#changes?.touch(ids, count, this.#table.idLimit)
    const groups = this.#lifted.lift(ids, count)
    const flags = new Uint8Array(count)
    const added = new Float64Array(count)
    loadCounts(columns[keys.length] as Vector, positions.subarray(0, count), added)
    for (let row = 0; row < count; row++) {
      const group = groups[row] as number
      if (this.#rows[group] === 0) {
        flags[row] = FIRST
        if (this.#anyDistinct) this.#incarnations[group] = this.#nextIncarnation++
      }
      this.#rows[group] = (this.#rows[group] as number) + (added[row] as number)
      if (this.#anyDistinct) known[some[row] as number] = ids[row] as number
    }
    const weights = new Int8Array(count).fill(1)
    const pass: RowPass = { batch, count, positions, groups, ids, hashes: this.#table.hashesOf(ids, count), weights, flags }
    // Of a DISTINCT call the values count, not what they add up to in each of the two.
    const nothing: RowPass = { ...pass, weights: new Int8Array(count) }
    let column = keys.length + (this.#anyDistinct ? 2 : 1)
    for (const [call, accumulator] of this.#accumulators.entries()) {
      const end = column + accumulator.stateTypes.length
      accumulator.merge(this.#distinct[call] === undefined ? pass : nothing, columns.slice(column, end))
      column = end
    }
    this.#lifted.lower()
  }

  #absorbValues(call: number, theirs: DistinctFilter, some: Int32Array, known: Int32Array): void {
    const filter = this.#distinct[call] as DistinctFilter
    const { args } = this.#calls[call] as AggregateCall
    const count = some.length
    const values = theirs.read(some, count)
    const columns: Vector[] = []
    args.forEach((column, i) => (columns[column] = values[i] as Vector))
    const batch = new Batch({ fields: [] }, columns, count)
    const ids = theirs.groupsOf(some, count).map((group) => known[group] as number)
    this.#changes?.touch(ids, count, this.#table.idLimit)
    const groups = this.#lifted.lift(ids, count)
    const lives = new Int32Array(count)
    for (let row = 0; row < count; row++) lives[row] = this.#incarnations[groups[row] as number] as number
    const weights = new Int8Array(count).fill(1)
    const [positions, hashes] = [identityPositions(count), this.#table.hashesOf(ids, count)]
    const pass: RowPass = { batch, count, positions, groups, ids, hashes, weights, flags: new Uint8Array(count) }
    this.#accumulators[call]?.update({ ...pass, weights: filter.weights(pass, lives) }, undefined)
    this.#lifted.lower()
  }

  /** Ids of the groups that exist, oldest id first, at most `atOnce` together; nothing may change meanwhile. */
  *groups(atOnce: number): Generator<Int32Array, void> {
    yield* idsOf(this.#table.liveBits(), atOnce)
  }

  /** Keys, then results of those groups. */
  results(groups: Int32Array): Vector[] {
    const places = this.#lifted.peek(groups, groups.length)
    const results = this.#accumulators.map((accumulator) => accumulator.results(places, groups.length))
    return [...this.#table.keyColumns(groups, groups.length), ...results]
  }

  /** One column per call: what the calls yield over no rows at all. Only when no group exists. */
  emptyResults(): Vector[] {
    const group = new Int32Array(1)
    for (const accumulator of this.#accumulators) {
      accumulator.clear()
      accumulator.reserve(1)
    }
    return this.#accumulators.map((accumulator) => accumulator.results(group, 1))
  }

  /** Forgets everything but keeps the memory. */
  clear(): void {
    // What depends on groups first, and all before anything is forgotten: a snapshot under way may still have to copy it.
    for (const changes of this.#tracked.toReversed()) changes.removeAll()
    this.#rows.fill(0)
    this.#table.clear()
    this.#lifted.clear()
    for (const accumulator of this.#accumulators) accumulator.clear()
    for (const filter of this.#distinct) filter?.clear()
  }

  /** Keys, row count, life (with DISTINCT), time of the last write (with a TTL), accumulators. */
  #groupsTable(keys: readonly LogicalType[]): AggregationTable {
    const fields: Field[] = keys.map((type, i) => ({ name: `key${i}`, type }))
    fields.push({ name: 'rows', type: COUNT_TYPE })
    if (this.#anyDistinct) fields.push({ name: 'life', type: LIFE_TYPE })
    if (this.#ttl > 0) fields.push({ name: 'written', type: COUNT_TYPE })
    this.#accumulators.forEach((accumulator, call) =>
      accumulator.stateTypes.forEach((type, i) => fields.push({ name: `call${call}_${i}`, type })),
    )
    const rows: OwnedTable = {
      liveBits: () => this.#table.liveBits(),
      read: (ids, count) => {
        const places = this.#lifted.peek(ids, count)
        return [
          ...this.#table.keyColumns(ids, count),
          savedCounts(this.#rows, places, count),
          ...(this.#anyDistinct ? [this.#lives(places, count)] : []),
          ...(this.#ttl > 0 ? [savedCounts(this.#written, places, count)] : []),
          ...this.#accumulators.flatMap((accumulator) => accumulator.save(places, count)),
        ]
      },
      hashes: (ids, count) => this.#table.hashesOf(ids, count),
    }
    return { name: 'groups', schema: { fields }, rows }
  }

  #dependentTable(rows: DependentRows, name: string): AggregationTable {
    const type = notNull(INT)
    const table: OwnedTable = {
      liveBits: () => rows.liveBits(),
      read: (ids, count) => {
        const groups = (this.#changes as RowChanges).snapshotIds(rows.groupsOf(ids, count), count)
        return [{ kind: 'int32', type, nulls: undefined, values: groups }, ...rows.read(ids, count)]
      },
      hashes: (ids, count) => rows.hashesOf(ids, count),
    }
    return { name, schema: { fields: [{ name: 'group', type }, ...rows.schema.fields] }, rows: table }
  }

  #lives(places: Int32Array, count: number): Vector {
    const values = new Int32Array(count)
    for (let i = 0; i < count; i++) values[i] = this.#incarnations[places[i] as number] as number
    return { kind: 'int32', type: LIFE_TYPE, nulls: undefined, values }
  }

  #restoreGroups(handle: number, batch: Batch, ids: Int32Array, restored: RestoredGroups): void {
    const { length } = batch
    const keys = this.#keys.map((_, i) => i)
    const groups = new Int32Array(length)
    this.#table.assign(batch, keys, identityPositions(length), length, hashRows(batch, keys), groups)
    if (this.#dependents.length > 0) restored.ids.put(handle, ids, groups)
    const places = this.#lifted.lift(groups, length)
    let column = keys.length
    loadCounts(batch.columns[column++] as Vector, places, this.#rows)
    if (this.#anyDistinct) {
      restored.lives.put(handle, ids, (batch.columns[column++] as Int32Vector).values)
      for (const place of places) this.#incarnations[place] = this.#nextIncarnation++
    }
    if (this.#ttl > 0) loadCounts(batch.columns[column++] as Vector, places, this.#written)
    for (const accumulator of this.#accumulators) {
      const end = column + accumulator.stateTypes.length
      accumulator.load(places, batch.columns.slice(column, end))
      column = end
    }
    this.#lifted.lower()
  }

  #locate(batch: Batch, now = 0): RowPass {
    const count = batch.length
    const positions = batch.selection ?? identityPositions(count)
    const ids = new Int32Array(count)
    const weights = new Int8Array(count)
    const flags = new Uint8Array(count)
    const hashes = hashRows(batch, this.#keys)
    this.#table.assign(batch, this.#keys, positions, count, hashes, ids)
    this.#changes?.touch(ids, count, this.#table.idLimit)
    const groups = this.#lifted.lift(ids, count)
    if (this.#ttl > 0) this.#beginAnew(groups, now)
    const rows = this.#rows
    const kinds = batch.rowKinds
    if (kinds === undefined) {
      weights.fill(1)
      for (let row = 0; row < count; row++) {
        const group = groups[row] as number
        const before = rows[group] as number
        if (before === 0) flags[row] = FIRST
        rows[group] = before + 1
      }
    } else {
      for (let row = 0; row < count; row++) {
        const group = groups[row] as number
        const before = rows[group] as number
        const kind = kinds[positions[row] as number] as number
        if (kind === 0 || kind === 2) {
          if (before === 0) flags[row] = FIRST
          weights[row] = 1
          rows[group] = before + 1
        } else if (before === 0) {
          flags[row] = IGNORED
        } else {
          if (before === 1) flags[row] = VANISHED
          weights[row] = -1
          rows[group] = before - 1
        }
      }
    }
    return { batch, count, positions, groups, ids, hashes, weights, flags }
  }

  /** Rows came for these groups: what has expired of them is gone, and all of them are written now. */
  #beginAnew(groups: Int32Array, now: number): void {
    const expired = new Set<number>()
    for (const group of groups) if (this.#isExpired(group, now)) expired.add(group)
    if (expired.size > 0) this.#forget(Int32Array.from(expired))
    for (const group of groups) this.#written[group] = now
  }

  #apply(pass: RowPass, changed: Uint8Array | undefined): Vector[] {
    const incarnations = this.#anyDistinct ? this.#incarnationsOf(pass) : undefined
    const results: Vector[] = []
    for (let i = 0; i < this.#accumulators.length; i++) {
      let weights = countingRows(pass, this.#calls[i] as AggregateCall)
      const filter = this.#distinct[i]
      if (filter !== undefined && incarnations !== undefined) {
        weights = filter.weights(weights === pass.weights ? pass : { ...pass, weights }, incarnations)
      }
      const result = (this.#accumulators[i] as Accumulator).update(weights === pass.weights ? pass : { ...pass, weights }, changed)
      if (result !== undefined) results.push(result)
    }
    return results
  }

  #incarnationsOf(pass: RowPass): Int32Array {
    const result = new Int32Array(pass.count)
    for (let row = 0; row < pass.count; row++) {
      const group = pass.groups[row] as number
      if (((pass.flags[row] as number) & FIRST) !== 0) this.#incarnations[group] = this.#nextIncarnation++
      result[row] = this.#incarnations[group] as number
    }
    return result
  }

  /** Writes the pass's groups back, and removes those that have no row left. */
  #lower(pass: RowPass): void {
    const vanished = this.#vanished(pass)
    if (vanished.size > 0) {
      // A malformed changelog leaves values behind, which may not outlast the group.
      const places = Int32Array.from(vanished.keys())
      for (const accumulator of this.#accumulators) accumulator.forget?.(places)
    }
    this.#lifted.lower()
    for (const id of vanished.values()) {
      this.#changes?.removeOne(id)
      this.#table.remove(id)
    }
  }

  /** Ids of groups without a row, by place. */
  #vanished({ batch, count, flags, groups, ids }: RowPass): Map<number, number> {
    const vanished = new Map<number, number>()
    if (batch.rowKinds === undefined) return vanished
    for (let row = 0; row < count; row++) {
      if (((flags[row] as number) & (VANISHED | IGNORED)) === 0) continue
      const group = groups[row] as number
      if (this.#rows[group] === 0) vanished.set(group, ids[row] as number)
    }
    return vanished
  }
}

/** Positions of the bits that are set, at most `atOnce` together. */
function* idsOf(live: Bits, atOnce: number): Generator<Int32Array, void> {
  let some: number[] = []
  for (let word = 0; word < live.length; word++) {
    for (let bits = live[word] as number; bits !== 0; bits &= bits - 1) {
      some.push((word << 5) | (31 - Math.clz32(bits & -bits)))
      if (some.length < atOnce) continue
      yield Int32Array.from(some)
      some = []
    }
  }
  if (some.length > 0) yield Int32Array.from(some)
}

/** The pass's weights with 0 where an argument is NULL or the FILTER is not TRUE. */
function countingRows(pass: RowPass, call: AggregateCall): Int8Array {
  const { batch, count, positions } = pass
  let weights = pass.weights
  for (const column of call.args) {
    const { nulls } = batch.columns[column] as Vector
    if (nulls === undefined) continue
    if (weights === pass.weights) weights = pass.weights.slice()
    for (let row = 0; row < count; row++) {
      const position = positions[row] as number
      if (((nulls[position >> 3] as number) & (1 << (position & 7))) !== 0) weights[row] = 0
    }
  }
  if (call.filter === undefined) return weights
  const { values, nulls } = batch.columns[call.filter] as BooleanVector
  if (weights === pass.weights) weights = pass.weights.slice()
  for (let row = 0; row < count; row++) {
    const position = positions[row] as number
    if (values[position] !== 1 || (nulls !== undefined && ((nulls[position >> 3] as number) & (1 << (position & 7))) !== 0))
      weights[row] = 0
  }
  return weights
}
