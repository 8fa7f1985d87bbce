/**
 * The first rows of each partition by an order: ROW_NUMBER() … <= n, and deduplication (n = 1).
 *
 * In:    any row kinds.   Out: the input's columns, with `numbered` the row's number behind them.
 *        'changelog': after each batch what changed. Numbered: -U/+U where another row has a number now, +I and -D at the end of a
 *        partition. Else -D for rows that left and +I for rows that came; with n = 1 -U/+U. 'final': +I at the end of input.
 * State: rows of a partition in an ordered set, equal ones as one with a count when the input retracts. Without retractions only the first n.
 * Order: of rows with equal keys the one that came first is first (`lastWins`: the one that came last).
 * Time:  watermarks pass through.
 * Source: Flink's AppendOnlyTopNFunction, RetractableTopNFunction, and its deduplicate functions.
 */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import { BIGINT, INT, notNull } from '#core/types/logical-type.js'
import { RowKind } from '#core/types/row-kind.js'
import type { Schema } from '#core/types/schema.js'
import { Batch, BATCH_CAPACITY } from '../columnar/batch.js'
import { hashRows } from '../columnar/hash.js'
import type { Int32Vector, Int64Vector, Vector } from '../columnar/vector.js'
import type { ChangedRows } from '../state/changed-rows.js'
import { grown, identityPositions } from '../state/growable.js'
import { KeyTable } from '../state/key-table.js'
import { KeyedTables } from '../state/keyed-tables.js'
import { LiftedColumns, wordsOfColumns, type ColumnOwner, type WordColumn } from '../state/lifted-columns.js'
import { OrderedRows, TREE_WORDS } from '../state/ordered-rows.js'
import { RowIndex } from '../state/row-index.js'
import { RowStore } from '../state/row-store.js'
import type { OperatorSnapshot, RestoredState, SnapshotRequest } from '../state/snapshot.js'
import { hasRetractions } from './changelog.js'
import { inTurns } from './in-turns.js'
import type { Operator, OperatorContext, Output } from './operator.js'

/** Extra word of a row: how many equal rows it stands for. */
const COUNT = TREE_WORDS
const EXTRA_WORDS = TREE_WORDS + 1
const COUNT_FIELD = { name: '$count', type: notNull(INT) }
const SEQUENCE_FIELD = { name: '$sequence', type: notNull(BIGINT) }

/** A partition that the batch at hand changes: its place, and its first rows before. */
interface Touched {
  readonly place: number
  readonly before: readonly number[]
}

/** Rows on their way out. */
class Changes {
  readonly ids: number[] = []
  readonly kinds: number[] = []
  readonly numbers: number[] = []

  add(id: number, kind: RowKind, number: number): void {
    this.ids.push(id)
    this.kinds.push(kind)
    this.numbers.push(number)
  }
}

export class RankOperator implements Operator, ColumnOwner {
  readonly #spec: SpecOf<'rank'>
  readonly #input: Schema
  readonly #outputSchema: Schema
  readonly #partitions: KeyTable
  readonly #lifted: LiftedColumns
  readonly #store: RowStore
  readonly #order: OrderedRows
  readonly #index: RowIndex
  readonly #tables = new KeyedTables()
  readonly #changes: ChangedRows
  /** By place of a partition: its tree, and how many rows are in it. */
  #roots = new Int32Array(0)
  #sizes = new Int32Array(0)
  #sequence = 0
  #maxParallelism = 1
  #output!: Output
  #nextTurn!: () => Promise<void>

  constructor(spec: SpecOf<'rank'>, input: Schema, output: Schema) {
    this.#spec = spec
    this.#input = input
    this.#outputSchema = output
    const types = input.fields.map(({ type }) => type)
    this.#partitions = new KeyTable(
      spec.partition.map((column) => types[column] as (typeof types)[number]),
      false,
      wordsOfColumns(this.columns()),
    )
    this.#lifted = new LiftedColumns(this.#partitions, this)
    this.#store = new RowStore(types, EXTRA_WORDS)
    this.#order = new OrderedRows(this.#store, spec.order)
    this.#index = new RowIndex(this.#store, input)
    if (spec.retractInput) this.#index.enable()
    this.#changes = this.#tables.add({
      descriptor: { name: 'rows', schema: { fields: [...input.fields, COUNT_FIELD, SEQUENCE_FIELD] }, version: 1 },
      liveBits: () => this.#store.liveBits(),
      read: (ids, count) => this.#read(ids, count),
      hashes: (_ids, count, columns) => hashRows(new Batch(input, columns.slice(0, types.length), count), spec.partition),
    })
  }

  open(context: OperatorContext, output: Output): void {
    this.#maxParallelism = context.maxParallelism
    this.#output = output
    this.#nextTurn = () => context.nextTurn()
  }

  processBatch(batch: Batch): void {
    if (batch.length === 0) return
    const { partition, retractInput, output } = this.#spec
    if (!retractInput && hasRetractions(batch)) throw new Error('a row is taken away from a rank whose input never retracts')
    const ids = new Int32Array(batch.length)
    const positions = batch.selection ?? identityPositions(batch.length)
    this.#partitions.assign(batch, partition, positions, batch.length, hashRows(batch, partition), ids)
    const places = this.#lifted.lift(ids, batch.length)
    const touched = new Map<number, Touched>()
    const removed: number[] = []
    if (retractInput) this.#applyCounted(batch, ids, places, touched, removed)
    else this.#applyInserts(batch, ids, places, touched, removed)
    if (output === 'changelog') this.#emitChanges(touched)
    const empty = new Set<number>()
    for (let row = 0; row < batch.length; row++) if (this.#sizes[places[row] as number] === 0) empty.add(ids[row] as number)
    this.#lifted.lower()
    for (const id of empty) this.#partitions.remove(id)
    for (const id of removed) {
      this.#changes.removeOne(id)
      this.#store.remove(id)
    }
  }

  processWatermark(watermark: number): void {
    this.#output.emitWatermark(watermark)
  }

  endInput(): void | Promise<void> {
    if (this.#spec.output === 'final') return inTurns(this.#emitAll(), this.#nextTurn)
  }

  stateTables(): StateTableDescriptor[] {
    return this.#tables.descriptors()
  }

  snapshotState(request: SnapshotRequest): OperatorSnapshot {
    return { keyed: this.#tables.snapshot(request, this.#maxParallelism) }
  }

  async restoreState(state: RestoredState): Promise<void> {
    const columns = this.#input.fields.length
    for await (const { batch } of state.keyed) {
      const { length } = batch
      const ids = new Int32Array(length)
      const rows = new Batch(this.#input, batch.columns.slice(0, columns), length)
      this.#store.addRows(rows.columns, identityPositions(length), length, ids)
      const groups = new Int32Array(length)
      const { partition, retractInput } = this.#spec
      this.#partitions.assign(rows, partition, identityPositions(length), length, hashRows(rows, partition), groups)
      const places = this.#lifted.lift(groups, length)
      const counts = (batch.columns[columns] as Int32Vector).values
      const sequences = (batch.columns[columns + 1] as Int64Vector).values
      const hashes = retractInput ? this.#index.hashes(rows) : undefined
      for (let row = 0; row < length; row++) {
        const id = ids[row] as number
        const sequence = Number(sequences[row])
        this.#store.setExtra(id, COUNT, counts[row] as number)
        this.#order.setSequence(id, sequence)
        this.#sequence = Math.max(this.#sequence, Math.abs(sequence) + 1)
        if (hashes !== undefined) this.#index.add(hashes[row] as number, id)
        this.#enter(id, places[row] as number)
      }
      this.#lifted.lower()
    }
  }

  checkpointComplete(checkpointId: number): void {
    this.#tables.checkpointComplete(checkpointId)
  }

  checkpointAborted(checkpointId: number): void {
    this.#tables.checkpointAborted(checkpointId)
  }

  columns(): WordColumn[] {
    return [
      { values: this.#roots, width: 1 },
      { values: this.#sizes, width: 1 },
    ]
  }

  reserve(places: number): void {
    this.#roots = grown(this.#roots, places)
    this.#sizes = grown(this.#sizes, places)
  }

  drop(): void {
    this.#roots = new Int32Array(0)
    this.#sizes = new Int32Array(0)
  }

  /** An input that only adds: what lies behind the first rows cannot come back. */
  #applyInserts(batch: Batch, groups: Int32Array, places: Int32Array, touched: Map<number, Touched>, removed: number[]): void {
    const { limit } = this.#spec
    const positions = new Int32Array(batch.length)
    const rows = new Int32Array(batch.length)
    const rivals = new Int32Array(batch.length)
    const count = this.#promising(batch, places, positions, rows, rivals)
    const ids = new Int32Array(count)
    this.#store.addRows(batch.columns, positions, count, ids)
    this.#changes.touch(ids, count, this.#store.idLimit)
    for (let i = 0; i < count; i++) {
      const id = ids[i] as number
      const row = rows[i] as number
      const place = places[row] as number
      this.#store.setExtra(id, COUNT, 1)
      this.#order.setSequence(id, this.#nextSequence())
      const full = this.#sizes[place] === limit
      const last = full ? this.#order.last(this.#roots[place] as number) : -1
      if (full && last !== rivals[i] && this.#order.compare(last, id) < 0) {
        removed.push(id)
        continue
      }
      this.#touch(groups[row] as number, place, touched)
      if (full) {
        this.#leave(last, place)
        removed.push(last)
      }
      this.#enter(id, place)
    }
  }

  /**
   * Rows that may be among the first: what lies behind the last row that a full partition had before this batch is not stored at all.
   * Returns how many; their positions, their places in the batch, and the last row that each is known to come before (-1: none) go to
   * `positions`, `rows` and `rivals`.
   */
  #promising(batch: Batch, places: Int32Array, positions: Int32Array, rows: Int32Array, rivals: Int32Array): number {
    const { limit, lastWins } = this.#spec
    let count = 0
    for (let row = 0; row < batch.length; row++) {
      const position = batch.position(row)
      const place = places[row] as number
      let rival = -1
      if (this.#sizes[place] === limit) {
        rival = this.#order.last(this.#roots[place] as number)
        const order = this.#order.compareKeys(rival, batch.columns, position)
        if (order < 0 || (order === 0 && !lastWins)) continue
      }
      positions[count] = position
      rivals[count] = rival
      rows[count++] = row
    }
    return count
  }

  /** An input that retracts: all rows are kept, found by content. */
  #applyCounted(batch: Batch, groups: Int32Array, places: Int32Array, touched: Map<number, Touched>, removed: number[]): void {
    const hashes = this.#index.hashes(batch)
    for (let row = 0; row < batch.length; row++) {
      const position = batch.position(row)
      const kind = batch.rowKind(position)
      const hash = hashes[row] as number
      const place = places[row] as number
      const held = this.#index.find(hash, batch.columns, position)
      if (kind === RowKind.INSERT || kind === RowKind.UPDATE_AFTER) {
        this.#touch(groups[row] as number, place, touched)
        if (held >= 0) {
          this.#changes.touchOne(held)
          this.#store.setExtra(held, COUNT, this.#store.extra(held, COUNT) + 1)
          continue
        }
        const id = this.#store.add(batch.columns, position)
        this.#changes.touchOne(id)
        this.#store.setExtra(id, COUNT, 1)
        this.#order.setSequence(id, this.#nextSequence())
        this.#index.add(hash, id)
        this.#enter(id, place)
      } else if (held >= 0) {
        this.#touch(groups[row] as number, place, touched)
        this.#changes.touchOne(held)
        const count = this.#store.extra(held, COUNT) - 1
        this.#store.setExtra(held, COUNT, count)
        if (count > 0) continue
        this.#index.remove(hash, held)
        this.#leave(held, place)
        removed.push(held)
      } // else taken away without having been there: no effect
    }
  }

  #nextSequence(): number {
    return this.#spec.lastWins ? -this.#sequence++ : this.#sequence++
  }

  #enter(id: number, place: number): void {
    this.#roots[place] = this.#order.insert(this.#roots[place] as number, id)
    this.#sizes[place] = (this.#sizes[place] as number) + 1
  }

  #leave(id: number, place: number): void {
    this.#roots[place] = this.#order.remove(this.#roots[place] as number, id)
    this.#sizes[place] = (this.#sizes[place] as number) - 1
  }

  /** Remembers the partition's first rows before its first change. The count of a row that stands for several is in them. */
  #touch(group: number, place: number, touched: Map<number, Touched>): void {
    if (this.#spec.output === 'final' || touched.has(group)) return
    touched.set(group, { place, before: this.#first(place) })
  }

  /** The partition's first rows, one that stands for several repeated. */
  #first(place: number): number[] {
    const { limit } = this.#spec
    const first: number[] = []
    for (const id of this.#order.rows(this.#roots[place] as number, 0, limit)) {
      for (let copies = this.#store.extra(id, COUNT); copies > 0 && first.length < limit; copies--) first.push(id)
    }
    return first
  }

  #emitChanges(touched: Map<number, Touched>): void {
    const changes = new Changes()
    for (const { place, before } of touched.values()) {
      const after = this.#first(place)
      if (this.#spec.numbered || this.#spec.limit === 1) byNumber(before, after, changes)
      else bySet(before, after, changes)
    }
    this.#emit(changes)
  }

  *#emitAll(): Generator<void, void> {
    const live = this.#partitions.liveBits()
    let changes = new Changes()
    for (let word = 0; word < live.length; word++) {
      for (let bits = live[word] as number; bits !== 0; bits &= bits - 1) {
        const group = (word << 5) | (31 - Math.clz32(bits & -bits))
        const [place] = this.#lifted.peek(Int32Array.of(group), 1) as unknown as [number]
        this.#first(place).forEach((id, i) => changes.add(id, RowKind.INSERT, i + 1))
        if (changes.ids.length < BATCH_CAPACITY) continue
        this.#emit(changes)
        changes = new Changes()
        yield
      }
    }
    this.#emit(changes)
  }

  #emit({ ids, kinds, numbers }: Changes): void {
    for (let from = 0; from < ids.length; from += BATCH_CAPACITY) {
      const some = Int32Array.from(ids.slice(from, from + BATCH_CAPACITY))
      const count = some.length
      const columns: Vector[] = [...this.#store.columns(some, count)]
      if (this.#spec.numbered) {
        const values = BigInt64Array.from(numbers.slice(from, from + count), BigInt)
        columns.push({ kind: 'int64', type: notNull(BIGINT), nulls: undefined, values })
      }
      const rowKinds = Uint8Array.from(kinds.slice(from, from + count))
      const inserts = rowKinds.every((kind) => kind === RowKind.INSERT)
      this.#output.collect(new Batch(this.#outputSchema, columns, count, undefined, inserts ? undefined : rowKinds))
    }
  }

  /** Rows as stored: their columns, count, place in the order of arrival. */
  #read(ids: Int32Array, count: number): Vector[] {
    const sequences = new BigInt64Array(count)
    for (let i = 0; i < count; i++) sequences[i] = BigInt(this.#order.sequenceOf(ids[i] as number))
    return [
      ...this.#store.columns(ids, count),
      { kind: 'int32', type: COUNT_FIELD.type, nulls: undefined, values: this.#store.extras(ids, count, COUNT) },
      { kind: 'int64', type: SEQUENCE_FIELD.type, nulls: undefined, values: sequences },
    ]
  }
}

/** What another row has now. */
function byNumber(before: readonly number[], after: readonly number[], changes: Changes): void {
  for (let i = 0; i < Math.max(before.length, after.length); i++) {
    const [old, now] = [before[i], after[i]]
    if (old === now) continue
    if (old !== undefined) changes.add(old, now === undefined ? RowKind.DELETE : RowKind.UPDATE_BEFORE, i + 1)
    if (now !== undefined) changes.add(now, old === undefined ? RowKind.INSERT : RowKind.UPDATE_AFTER, i + 1)
  }
}

/** Which rows left and came, as often as they did. */
function bySet(before: readonly number[], after: readonly number[], changes: Changes): void {
  const counts = new Map<number, number>()
  for (const id of after) counts.set(id, (counts.get(id) ?? 0) + 1)
  for (const id of before) counts.set(id, (counts.get(id) ?? 0) - 1)
  for (const [id, count] of counts) for (let i = count; i < 0; i++) changes.add(id, RowKind.DELETE, 0)
  for (const [id, count] of counts) for (let i = 0; i < count; i++) changes.add(id, RowKind.INSERT, 0)
}

export function createRank(spec: SpecOf<'rank'>, inputs: readonly Schema[], output: Schema): Operator {
  return new RankOperator(spec, inputs[0] as Schema, output)
}
