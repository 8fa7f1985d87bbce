/**
 * ORDER BY … LIMIT … OFFSET. Rows with equal sort keys stay in the order of their arrival.
 *
 * In:    any row kinds.   Out: same schema.
 *        'final': the rows offset .. offset + limit in order, +I, at the end of input. 'changelog' (streaming Top-N): after each
 *        batch what changed among those rows: -D for rows that left, +I for rows that came (in order). Without a limit the
 *        changelog's order means nothing, so without an offset rows pass as they come.
 * State: the rows, in an ordered set; those beyond offset + limit only when the input may retract.   Time: watermarks pass through.
 * Source: Flink's SortLimit and Rank operators.
 */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import { BIGINT, INT, notNull, type LogicalType } from '#core/types/logical-type.js'
import { RowKind } from '#core/types/row-kind.js'
import type { Schema } from '#core/types/schema.js'
import { Batch, BATCH_CAPACITY } from '../columnar/batch.js'
import { concatBatches } from '../columnar/gather.js'
import type { Int32Vector, Int64Vector, Vector } from '../columnar/vector.js'
import type { ChangedRows } from '../state/changed-rows.js'
import { identityPositions } from '../state/growable.js'
import { KeyedTables } from '../state/keyed-tables.js'
import { OrderedRows, TREE_WORDS } from '../state/ordered-rows.js'
import { RowIndex } from '../state/row-index.js'
import { RowStore } from '../state/row-store.js'
import type { OperatorSnapshot, RestoredState, SnapshotRequest } from '../state/snapshot.js'
import { sortedRows } from '../state/sorted-rows.js'
import { hasRetractions } from './changelog.js'
import { inTurns } from './in-turns.js'
import type { Operator, OperatorContext, Output } from './operator.js'

/** Extra words of a row: how many equal rows it stands for, how many of them are emitted now, how many shall be (else 0). */
const COUNT = TREE_WORDS
const SHOWN = TREE_WORDS + 1
const TARGET = TREE_WORDS + 2
const EXTRA_WORDS = TREE_WORDS + 3
/** Columns of a stored row behind its own. */
const STORED_FIELDS = [
  { name: '$count', type: notNull(INT) },
  { name: '$shown', type: notNull(INT) },
  { name: '$sequence', type: notNull(BIGINT) },
]
/** List state: true when the input has had retractions. */
const RETRACTING = 'retracting'

export class SortLimitOperator implements Operator {
  readonly #spec: SpecOf<'sort-limit'>
  readonly #schema: Schema
  readonly #store: RowStore
  readonly #order: OrderedRows
  readonly #index: RowIndex
  /** Rows beyond this rank cannot come back. */
  readonly #kept: number
  /** Rows are kept in a tree; else (a final sort of everything) they are sorted once, at the end. */
  readonly #ordered: boolean
  #root = 0
  /** Rows in the tree, while only `#kept` may be. */
  #treeSize = 0
  #sequence = 0
  /** Changelog: rows that are emitted now, in order. */
  #shown: Int32Array = new Int32Array(0)
  #dirty = false
  readonly #tables = new KeyedTables()
  readonly #changes: ChangedRows
  #maxParallelism = 1
  #output!: Output
  #nextTurn!: () => Promise<void>

  constructor(spec: SpecOf<'sort-limit'>, input: Schema) {
    this.#spec = spec
    this.#schema = input
    this.#store = new RowStore(
      input.fields.map((field) => field.type),
      EXTRA_WORDS,
    )
    this.#order = new OrderedRows(this.#store, spec.keys)
    this.#index = new RowIndex(this.#store, input)
    this.#kept = spec.retractInput === false && spec.limit !== undefined ? spec.offset + spec.limit : Infinity
    this.#ordered = spec.output === 'changelog' || this.#kept < Infinity
    this.#changes = this.#tables.add({
      descriptor: { name: 'rows', schema: { fields: [...input.fields, ...STORED_FIELDS] }, version: 1 },
      liveBits: () => this.#store.liveBits(),
      read: (ids, count) => this.#read(ids, count),
    })
  }

  open(context: OperatorContext, output: Output): void {
    this.#maxParallelism = context.maxParallelism
    this.#output = output
    this.#nextTurn = () => context.nextTurn()
  }

  processBatch(batch: Batch): void {
    if (batch.length === 0 || this.#spec.limit === 0) return
    const changelog = this.#spec.output === 'changelog'
    if (changelog && this.#spec.limit === undefined && this.#spec.offset === 0) return this.#output.collect(batch)
    const removed = this.#apply(batch)
    if (changelog && this.#dirty) this.#emitChanges()
    for (const id of removed) {
      this.#changes.removeOne(id)
      this.#store.remove(id)
    }
  }

  processWatermark(watermark: number): void {
    this.#output.emitWatermark(watermark)
  }

  endInput(): void | Promise<void> {
    if (this.#spec.output !== 'changelog') return inTurns(this.#emitAll(), this.#nextTurn)
  }

  *#emitAll(): Generator<void, void> {
    const { offset, limit = Infinity } = this.#spec
    const ids = this.#ordered ? this.#order.rows(this.#root, 0, offset + limit) : sortedRows(this.#store, this.#order, this.#spec.keys)
    let some: number[] = []
    for (const id of this.#window(ids)) {
      if (some.push(id) < BATCH_CAPACITY) continue
      this.#emit(Int32Array.from(some), RowKind.INSERT)
      some = []
      yield
    }
    this.#emit(Int32Array.from(some), RowKind.INSERT)
    this.#changes.removeAll()
    this.#store.clear()
    this.#root = 0
  }

  stateTables(): StateTableDescriptor[] {
    return this.#tables.descriptors()
  }

  snapshotState(request: SnapshotRequest): OperatorSnapshot {
    return {
      keyed: this.#tables.snapshot(request, this.#maxParallelism),
      lists: { [RETRACTING]: { mode: 'UNION', items: this.#index.enabled ? [true] : [] } },
    }
  }

  async restoreState(state: RestoredState): Promise<void> {
    const columns = this.#schema.fields.length
    for await (const { batch } of state.keyed) {
      const ids = new Int32Array(batch.length)
      this.#store.addRows(batch.columns.slice(0, columns), identityPositions(batch.length), batch.length, ids)
      const counts = batch.columns[columns] as Int32Vector
      const shown = batch.columns[columns + 1] as Int32Vector
      const sequences = batch.columns[columns + 2] as Int64Vector
      ids.forEach((id, row) => this.#restoreRow(id, counts.values[row] ?? 0, shown.values[row] ?? 0, Number(sequences.values[row])))
    }
    if (this.#ordered) {
      const { offset, limit = Infinity } = this.#spec
      const first = this.#order.rows(this.#root, 0, offset + limit)
      this.#shown = first.filter((id) => this.#store.extra(id, SHOWN) > 0)
    }
    if (state.lists[RETRACTING]?.includes(true) === true) this.#index.enable()
  }

  checkpointComplete(checkpointId: number): void {
    this.#tables.checkpointComplete(checkpointId)
  }

  checkpointAborted(checkpointId: number): void {
    this.#tables.checkpointAborted(checkpointId)
  }

  #restoreRow(id: number, count: number, shown: number, sequence: number): void {
    this.#store.setExtra(id, COUNT, count)
    this.#store.setExtra(id, SHOWN, shown)
    this.#order.setSequence(id, sequence)
    this.#sequence = Math.max(this.#sequence, sequence + 1)
    if (!this.#ordered) return
    this.#root = this.#order.insert(this.#root, id)
    this.#treeSize++
  }

  /** Rows as stored: their columns, count, shown copies, place in the order of arrival. */
  #read(ids: Int32Array, count: number): Vector[] {
    const [countType, shownType, sequenceType] = STORED_FIELDS.map((field) => field.type) as [LogicalType, LogicalType, LogicalType]
    const sequences = new BigInt64Array(count)
    for (let i = 0; i < count; i++) sequences[i] = BigInt(this.#order.sequenceOf(ids[i] as number))
    return [
      ...this.#store.columns(ids, count),
      { kind: 'int32', type: countType, nulls: undefined, values: this.#store.extras(ids, count, COUNT) },
      { kind: 'int32', type: shownType, nulls: undefined, values: this.#store.extras(ids, count, SHOWN) },
      { kind: 'int64', type: sequenceType, nulls: undefined, values: sequences },
    ]
  }

  /** Rows in and out of the state. Returns the rows that left: they are freed once they have been emitted. */
  #apply(batch: Batch): number[] {
    const retracts = hasRetractions(batch)
    if (retracts && this.#kept < Infinity) throw new Error('a row is taken away from a sort whose input never retracts')
    if (retracts && !this.#index.enabled) this.#index.enable()
    return this.#index.enabled ? this.#applyCounted(batch) : this.#applyInserts(batch)
  }

  /** An input that has never retracted: rows are kept one by one. */
  #applyInserts(batch: Batch): number[] {
    const removed: number[] = []
    const ids = new Int32Array(batch.length)
    this.#store.addRows(batch.columns, batch.selection ?? identityPositions(batch.length), batch.length, ids)
    this.#changes.touch(ids, ids.length, this.#store.idLimit)
    for (let row = 0; row < ids.length; row++) {
      const id = ids[row] as number
      this.#store.setExtra(id, COUNT, 1)
      this.#order.setSequence(id, this.#sequence++)
      if (this.#ordered) this.#insert(id, removed)
    }
    return removed
  }

  /** An input that retracts: equal rows are kept as one with a count, found by content. */
  #applyCounted(batch: Batch): number[] {
    const removed: number[] = []
    const hashes = this.#index.hashes(batch)
    for (let row = 0; row < batch.length; row++) {
      const position = batch.position(row)
      const kind = batch.rowKind(position)
      const hash = hashes[row] as number
      const held = this.#index.find(hash, batch.columns, position)
      if (kind === RowKind.INSERT || kind === RowKind.UPDATE_AFTER) {
        if (held >= 0) {
          this.#seen(held)
          this.#changes.touchOne(held)
          this.#store.setExtra(held, COUNT, this.#store.extra(held, COUNT) + 1)
          continue
        }
        const id = this.#store.add(batch.columns, position)
        this.#changes.touchOne(id)
        this.#store.setExtra(id, COUNT, 1)
        this.#index.add(hash, id)
        this.#order.setSequence(id, this.#sequence++)
        if (this.#ordered) this.#insert(id, removed)
      } else if (held >= 0) {
        this.#seen(held)
        this.#changes.touchOne(held)
        const count = this.#store.extra(held, COUNT) - 1
        this.#store.setExtra(held, COUNT, count)
        if (count > 0) continue
        this.#index.remove(hash, held)
        if (this.#ordered) this.#root = this.#order.remove(this.#root, held)
        removed.push(held)
      } // else taken away without having been there: no effect
    }
    return removed
  }

  #insert(id: number, removed: number[]): void {
    if (this.#treeSize === this.#kept) {
      const last = this.#order.last(this.#root)
      if (this.#order.compare(last, id) < 0) {
        removed.push(id)
        return
      }
      this.#root = this.#order.remove(this.#root, last)
      removed.push(last)
    } else this.#treeSize++
    this.#root = this.#order.insert(this.#root, id)
    this.#seen(id)
  }

  /** A row that comes or goes changes what is shown, unless it lies behind a full window. */
  #seen(id: number): void {
    if (this.#dirty) return
    const { length } = this.#shown
    this.#dirty = length < (this.#spec.limit ?? Infinity) || this.#order.compare(id, this.#shown[length - 1] as number) <= 0
  }

  #emitChanges(): void {
    this.#dirty = false
    const before = this.#shown
    const store = this.#store
    const { offset, limit = Infinity } = this.#spec
    const window = Int32Array.from(this.#window(this.#order.rows(this.#root, 0, offset + limit)))
    for (const id of window) store.setExtra(id, TARGET, store.extra(id, TARGET) + 1)
    const after = window.filter((id, i) => i === 0 || id !== window[i - 1])
    const gone: number[] = []
    const come: number[] = []
    for (const id of before) for (let copy = store.extra(id, SHOWN); copy > store.extra(id, TARGET); copy--) gone.push(id)
    for (const id of after) for (let copy = store.extra(id, TARGET); copy > store.extra(id, SHOWN); copy--) come.push(id)
    for (const id of before) if (store.extra(id, TARGET) === 0) this.#show(id, 0)
    for (const id of after) {
      this.#show(id, store.extra(id, TARGET))
      store.setExtra(id, TARGET, 0)
    }
    this.#shown = after
    if (gone.length + come.length <= BATCH_CAPACITY && gone.length > 0 && come.length > 0) {
      const parts = [this.#batch(Int32Array.from(gone), RowKind.DELETE), this.#batch(Int32Array.from(come), RowKind.INSERT)]
      this.#output.collect(concatBatches(this.#schema, parts))
      return
    }
    this.#emit(Int32Array.from(gone), RowKind.DELETE)
    this.#emit(Int32Array.from(come), RowKind.INSERT)
  }

  #show(id: number, copies: number): void {
    if (this.#store.extra(id, SHOWN) === copies) return
    this.#changes.touchOne(id)
    this.#store.setExtra(id, SHOWN, copies)
  }

  /** Ranks offset .. offset + limit of the rows in order, a row that stands for several repeated. */
  *#window(ordered: Int32Array): Generator<number, void> {
    const { offset, limit = Infinity } = this.#spec
    let rank = 0
    for (let i = 0; i < ordered.length && rank < offset + limit; i++) {
      const id = ordered[i] as number
      const next = rank + this.#store.extra(id, COUNT)
      for (let copy = Math.max(rank, offset); copy < Math.min(next, offset + limit); copy++) yield id
      rank = next
    }
  }

  #emit(ids: Int32Array, kind: RowKind): void {
    for (let from = 0; from < ids.length; from += BATCH_CAPACITY) {
      this.#output.collect(this.#batch(ids.subarray(from, from + BATCH_CAPACITY), kind))
    }
  }

  #batch(ids: Int32Array, kind: RowKind): Batch {
    const kinds = kind === RowKind.INSERT ? undefined : new Uint8Array(ids.length).fill(kind)
    return new Batch(this.#schema, this.#store.columns(ids, ids.length), ids.length, undefined, kinds)
  }
}

export function createSortLimit(spec: SpecOf<'sort-limit'>, inputs: readonly Schema[], _output: Schema): Operator {
  return new SortLimitOperator(spec, inputs[0] as Schema)
}
