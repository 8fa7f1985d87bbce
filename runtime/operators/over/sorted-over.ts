/**
 * OVER whose order is not time, and any OVER over a bounded input: the rows of each partition are kept in order.
 *
 * In:    any row kinds ('changelog' with retractInput), else insertions.
 * Out:   the input's columns, then one per call. 'changelog': after each batch what changed in the partitions it touched: -D for rows that
 *        left, -U/+U for those whose results changed, +I for those that came. 'final': +I at the end of input.
 * State: all rows, in an ordered set per partition; equal ones are one with a count when the input retracts, at the place of the first.
 * Order: rows with equal keys stand as they came.   Time: watermarks pass through; of 'final' the last one, behind the rows.
 * Source: Flink's NonTimeRowsUnboundedPrecedingFunction, NonTimeRangeUnboundedPrecedingFunction; batch: its over window frames.
 */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import { BIGINT, INT, notNull } from '#core/types/logical-type.js'
import { RowKind } from '#core/types/row-kind.js'
import type { Schema } from '#core/types/schema.js'
import { Batch, BATCH_CAPACITY } from '../../columnar/batch.js'
import { concatBatches } from '../../columnar/gather.js'
import { hashRows } from '../../columnar/hash.js'
import type { Int32Vector, Int64Vector, Vector } from '../../columnar/vector.js'
import type { ChangedRows } from '../../state/changed-rows.js'
import { grown, identityPositions } from '../../state/growable.js'
import { KeyTable } from '../../state/key-table.js'
import { KeyedTables } from '../../state/keyed-tables.js'
import { LiftedColumns, wordsOfColumns, type ColumnOwner, type WordColumn } from '../../state/lifted-columns.js'
import { OrderedRows, TREE_WORDS } from '../../state/ordered-rows.js'
import { RowIndex } from '../../state/row-index.js'
import { RowStore } from '../../state/row-store.js'
import type { OperatorSnapshot, RestoredState, SnapshotRequest } from '../../state/snapshot.js'
import { hasRetractions, takeVector } from '../changelog.js'
import { inTurns } from '../in-turns.js'
import { MAX_WATERMARK, type Operator, type OperatorContext, type Output } from '../operator.js'
import { PartitionResults } from './partition-results.js'
import { sameValue } from './same-value.js'

/** Extra word of a row: how many equal rows it stands for. */
const COUNT = TREE_WORDS
const COUNT_FIELD = { name: '$count', type: notNull(INT) }
const SEQUENCE_FIELD = { name: '$sequence', type: notNull(BIGINT) }

export class SortedOverOperator implements Operator, ColumnOwner {
  readonly #spec: SpecOf<'over'>
  readonly #input: Schema
  readonly #outputSchema: Schema
  readonly #resultSchema: Schema
  readonly #partitions: KeyTable
  readonly #lifted: LiftedColumns
  readonly #store: RowStore
  readonly #order: OrderedRows
  readonly #index: RowIndex
  readonly #results: PartitionResults
  readonly #tables = new KeyedTables()
  readonly #changes: ChangedRows
  /** By place of a partition: its tree. */
  #roots = new Int32Array(0)
  #sequence = 0
  #maxParallelism = 1
  #output!: Output
  #nextTurn!: () => Promise<void>

  constructor(spec: SpecOf<'over'>, input: Schema, output: Schema) {
    this.#spec = spec
    this.#input = input
    this.#outputSchema = output
    this.#resultSchema = { fields: output.fields.slice(input.fields.length) }
    const types = input.fields.map(({ type }) => type)
    this.#partitions = new KeyTable(
      spec.partition.map((column) => types[column] as (typeof types)[number]),
      false,
      wordsOfColumns(this.columns()),
    )
    this.#lifted = new LiftedColumns(this.#partitions, this)
    this.#store = new RowStore(types, TREE_WORDS + 1)
    this.#order = new OrderedRows(this.#store, spec.order)
    this.#index = new RowIndex(this.#store, input)
    if (spec.retractInput) this.#index.enable()
    this.#results = new PartitionResults(spec, input, this.#store)
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
    if (!retractInput && hasRetractions(batch)) throw new Error('a row is taken away from OVER whose input never retracts')
    const groups = new Int32Array(batch.length)
    const positions = batch.selection ?? identityPositions(batch.length)
    this.#partitions.assign(batch, partition, positions, batch.length, hashRows(batch, partition), groups)
    const places = this.#lifted.lift(groups, batch.length)
    const touched = [...new Set(places)]
    const changelog = output === 'changelog'
    const before = changelog ? touched.map((place) => this.#rows(place)) : []
    const resultsBefore = changelog ? this.#results.compute(before) : []
    const removed = retractInput ? this.#applyCounted(batch, places) : this.#applyInserts(batch, places)
    if (changelog) {
      const after = touched.map((place) => this.#rows(place))
      this.#emitChanges(before, resultsBefore, after, this.#results.compute(after))
    }
    const empty = new Set<number>()
    for (let row = 0; row < batch.length; row++) if (this.#roots[places[row] as number] === 0) empty.add(groups[row] as number)
    this.#lifted.lower()
    for (const id of empty) this.#partitions.remove(id)
    for (const id of removed) {
      this.#changes.removeOne(id)
      this.#store.remove(id)
    }
  }

  processWatermark(watermark: number): void {
    if (this.#spec.output !== 'final') this.#output.emitWatermark(watermark)
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
    const { partition, retractInput } = this.#spec
    for await (const { batch } of state.keyed) {
      const { length } = batch
      const ids = new Int32Array(length)
      const rows = new Batch(this.#input, batch.columns.slice(0, columns), length)
      this.#store.addRows(rows.columns, identityPositions(length), length, ids)
      const groups = new Int32Array(length)
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
        this.#sequence = Math.max(this.#sequence, sequence + 1)
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
    return [{ values: this.#roots, width: 1 }]
  }

  reserve(places: number): void {
    this.#roots = grown(this.#roots, places)
  }

  drop(): void {
    this.#roots = new Int32Array(0)
  }

  #applyInserts(batch: Batch, places: Int32Array): number[] {
    const ids = new Int32Array(batch.length)
    this.#store.addRows(batch.columns, batch.selection ?? identityPositions(batch.length), batch.length, ids)
    this.#changes.touch(ids, ids.length, this.#store.idLimit)
    for (let row = 0; row < ids.length; row++) this.#begin(ids[row] as number, places[row] as number)
    return []
  }

  /** An input that retracts: rows are found by content. The rows that nobody has any more. */
  #applyCounted(batch: Batch, places: Int32Array): number[] {
    const removed: number[] = []
    const hashes = this.#index.hashes(batch)
    for (let row = 0; row < batch.length; row++) {
      const position = batch.position(row)
      const kind = batch.rowKind(position)
      const hash = hashes[row] as number
      const held = this.#index.find(hash, batch.columns, position)
      const added = kind === RowKind.INSERT || kind === RowKind.UPDATE_AFTER
      if (held < 0) {
        if (!added) continue // taken away without having been there: no effect
        const id = this.#store.add(batch.columns, position)
        this.#changes.touchOne(id)
        this.#index.add(hash, id)
        this.#begin(id, places[row] as number)
        continue
      }
      this.#changes.touchOne(held)
      const count = this.#store.extra(held, COUNT) + (added ? 1 : -1)
      this.#store.setExtra(held, COUNT, count)
      if (count > 0) continue
      this.#index.remove(hash, held)
      const place = places[row] as number
      this.#roots[place] = this.#order.remove(this.#roots[place] as number, held)
      removed.push(held)
    }
    return removed
  }

  #begin(id: number, place: number): void {
    this.#store.setExtra(id, COUNT, 1)
    this.#order.setSequence(id, this.#sequence++)
    this.#enter(id, place)
  }

  #enter(id: number, place: number): void {
    this.#roots[place] = this.#order.insert(this.#roots[place] as number, id)
  }

  /** The partition's rows in order, one that stands for several repeated. */
  #rows(place: number): Int32Array {
    const ids = this.#order.rows(this.#roots[place] as number, 0, Infinity)
    if (!this.#spec.retractInput) return ids
    const all: number[] = []
    for (const id of ids) for (let copies = this.#store.extra(id, COUNT); copies > 0; copies--) all.push(id)
    return Int32Array.from(all)
  }

  /** `before`, `after`: the touched partitions' rows; the results are in that order. */
  #emitChanges(
    before: readonly Int32Array[],
    resultsBefore: readonly Vector[],
    after: readonly Int32Array[],
    resultsAfter: readonly Vector[],
  ): void {
    const [rowsBefore, rowsAfter] = [before, after].map((parts) => parts.reduce((sum, { length }) => sum + length, 0)) as [number, number]
    const ids: number[] = []
    const kinds: number[] = []
    /** Rows of `before` then `after`. */
    const at: number[] = []
    const add = (id: number, kind: RowKind, row: number): void => {
      ids.push(id)
      kinds.push(kind)
      at.push(row)
    }
    const same = (old: number, now: number): boolean =>
      resultsAfter.every((result, i) => sameValue(resultsBefore[i] as Vector, old, result, now))
    let [startBefore, startAfter] = [0, 0]
    before.forEach((old, i) => {
      const now = after[i] as Int32Array
      // Of each row the results that have been told, the first copy's last.
      const told = new Map<number, number[]>()
      for (let row = old.length - 1; row >= 0; row--) {
        const rows = told.get(old[row] as number)
        if (rows === undefined) told.set(old[row] as number, [startBefore + row])
        else rows.push(startBefore + row)
      }
      const kept = now.map((id) => told.get(id)?.pop() ?? -1)
      for (const [id, rows] of told) for (const row of rows.toReversed()) add(id, RowKind.DELETE, row)
      now.forEach((id, row) => {
        const known = kept[row] as number
        if (known < 0) add(id, RowKind.INSERT, rowsBefore + startAfter + row)
        else if (!same(known, startAfter + row)) {
          add(id, RowKind.UPDATE_BEFORE, known)
          add(id, RowKind.UPDATE_AFTER, rowsBefore + startAfter + row)
        }
      })
      startBefore += old.length
      startAfter += now.length
    })
    const results = concatBatches(this.#resultSchema, [
      new Batch(this.#resultSchema, resultsBefore, rowsBefore),
      new Batch(this.#resultSchema, resultsAfter, rowsAfter),
    ])
    this.#emit(Int32Array.from(ids), Uint8Array.from(kinds), results.columns, Int32Array.from(at))
  }

  *#emitAll(): Generator<void, void> {
    const live = this.#partitions.liveBits()
    let some: Int32Array[] = []
    let rows = 0
    const emit = (): void => {
      const results = this.#results.compute(some)
      const ids = some.flatMap((part) => [...part])
      this.#emit(Int32Array.from(ids), undefined, results, identityPositions(rows))
      some = []
      rows = 0
    }
    for (let word = 0; word < live.length; word++) {
      for (let bits = live[word] as number; bits !== 0; bits &= bits - 1) {
        const group = (word << 5) | (31 - Math.clz32(bits & -bits))
        const [place] = this.#lifted.peek(Int32Array.of(group), 1) as unknown as [number]
        const ids = this.#rows(place)
        some.push(ids)
        rows += ids.length
        if (rows < BATCH_CAPACITY) continue
        emit()
        yield
      }
    }
    emit()
    this.#output.emitWatermark(MAX_WATERMARK)
  }

  /** Row r: the stored row ids[r] with the results at[r]. */
  #emit(ids: Int32Array, kinds: Uint8Array | undefined, results: readonly Vector[], at: Int32Array): void {
    for (let from = 0; from < ids.length; from += BATCH_CAPACITY) {
      const some = ids.slice(from, from + BATCH_CAPACITY)
      const count = some.length
      const positions = at.slice(from, from + count)
      const columns = [...this.#store.columns(some, count), ...results.map((result) => takeVector(result, positions))]
      const rowKinds = kinds?.slice(from, from + count)
      const inserts = rowKinds === undefined || rowKinds.every((kind) => kind === RowKind.INSERT)
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
