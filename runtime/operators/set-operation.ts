/**
 * INTERSECT and EXCEPT, with and without ALL: how often a row comes out follows from how often each input has it.
 *
 *              l times left, r times right        INTERSECT      l > 0 and r > 0: once      ALL: min(l, r)
 *                                                 EXCEPT         l > 0 and r = 0: once      ALL: max(l - r, 0)
 *
 * In:    0 left, 1 right, the same columns; any row kinds.   Out: the rows; +I and -D.
 * State: each distinct row of either input with l and r; NULL equals NULL here.   Time: watermarks pass through.
 * 'final' (batch): the rows of EXCEPT come when both inputs have ended; those of INTERSECT are never taken back and come at once.
 * Source: what Flink plans as semi and anti joins, or as a union that counts and is replicated.
 */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import { INT, notNull } from '#core/types/logical-type.js'
import { isRetraction, RowKind } from '#core/types/row-kind.js'
import type { Schema } from '#core/types/schema.js'
import { Batch, BATCH_CAPACITY } from '../columnar/batch.js'
import { hashRows } from '../columnar/hash.js'
import type { Int32Vector, Vector } from '../columnar/vector.js'
import type { ChangedRows } from '../state/changed-rows.js'
import { identityPositions } from '../state/growable.js'
import { KeyTable } from '../state/key-table.js'
import { KeyedTables } from '../state/keyed-tables.js'
import { PagedInts } from '../state/paged-ints.js'
import type { OperatorSnapshot, RestoredState, SnapshotRequest } from '../state/snapshot.js'
import { hasRetractions } from './changelog.js'
import { inTurns } from './in-turns.js'
import type { Operator, OperatorContext, Output } from './operator.js'

const COUNT_TYPE = notNull(INT)

export class SetOperator implements Operator {
  readonly #times: (left: number, right: number) => number
  readonly #atEnd: boolean
  readonly #schema: Schema
  readonly #columns: readonly number[]
  readonly #keys: KeyTable
  /** By key id: l, r. */
  readonly #counts = new PagedInts(2)
  readonly #tables = new KeyedTables()
  readonly #changes: ChangedRows
  #maxParallelism = 1
  #openInputs = 2
  #nextTurn!: () => Promise<void>
  #output!: Output
  /** Rows not yet emitted. */
  readonly #outIds = new Int32Array(BATCH_CAPACITY)
  readonly #outKinds = new Uint8Array(BATCH_CAPACITY)
  #outs = 0
  #anyDelete = false

  constructor(spec: SpecOf<'set-operation'>, output: Schema) {
    this.#times = spec.operator === 'intersect' ? (spec.all ? Math.min : inBoth) : spec.all ? surplus : onlyLeft
    this.#atEnd = spec.output === 'final' && spec.operator === 'except'
    this.#schema = output
    this.#columns = output.fields.map((_, i) => i)
    this.#keys = new KeyTable(output.fields.map((field) => field.type))
    const counts = ['$left', '$right'].map((name) => ({ name, type: COUNT_TYPE }))
    this.#changes = this.#tables.add({
      descriptor: { name: 'rows', schema: { fields: [...output.fields, ...counts] }, version: 1 },
      liveBits: () => this.#keys.liveBits(),
      read: (ids, count) => [...this.#keys.keyColumns(ids, count), this.#countColumn(ids, count, 0), this.#countColumn(ids, count, 1)],
      hashes: (ids, count) => this.#keys.hashesOf(ids, count),
    })
  }

  open(context: OperatorContext, output: Output): void {
    this.#maxParallelism = context.maxParallelism
    this.#nextTurn = () => context.nextTurn()
    this.#output = output
  }

  processBatch(batch: Batch, input: number): void {
    const { length } = batch
    if (length === 0) return
    const positions = batch.selection ?? identityPositions(length)
    const ids = this.#assign(batch, positions)
    this.#changes.touch(ids, length, this.#keys.idLimit)
    const retracts = hasRetractions(batch)
    for (let row = 0; row < length; row++) {
      const id = ids[row] as number
      const page = this.#counts.page(id)
      const at = this.#counts.offset(id)
      const before = this.#times(page[at] as number, page[at + 1] as number)
      const change = retracts && isRetraction(batch.rowKind(positions[row] as number)) ? -1 : 1
      // Taken away without having been there: no effect.
      page[at + input] = Math.max(0, (page[at + input] as number) + change)
      if (this.#atEnd) continue
      const after = this.#times(page[at] as number, page[at + 1] as number)
      for (let more = before; more < after; more++) this.#emit(id, RowKind.INSERT)
      for (let less = before; less > after; less--) this.#emit(id, RowKind.DELETE)
    }
    this.#flush()
    if (retracts) this.#forget(ids)
  }

  processWatermark(watermark: number): void {
    this.#output.emitWatermark(watermark)
  }

  endInput(): void | Promise<void> {
    if (--this.#openInputs === 0 && this.#atEnd) return inTurns(this.#emitAll(), this.#nextTurn)
  }

  stateTables(): StateTableDescriptor[] {
    return this.#tables.descriptors()
  }

  snapshotState(request: SnapshotRequest): OperatorSnapshot {
    return { keyed: this.#tables.snapshot(request, this.#maxParallelism) }
  }

  async restoreState(state: RestoredState): Promise<void> {
    const width = this.#columns.length
    for await (const { batch } of state.keyed) {
      const ids = this.#assign(batch, identityPositions(batch.length))
      const [left, right] = [width, width + 1].map((column) => (batch.columns[column] as Int32Vector).values)
      for (let row = 0; row < batch.length; row++) {
        const id = ids[row] as number
        const page = this.#counts.page(id)
        const at = this.#counts.offset(id)
        page[at] = left?.[row] as number
        page[at + 1] = right?.[row] as number
      }
    }
  }

  checkpointComplete(checkpointId: number): void {
    this.#tables.checkpointComplete(checkpointId)
  }

  checkpointAborted(checkpointId: number): void {
    this.#tables.checkpointAborted(checkpointId)
  }

  #assign(batch: Batch, positions: Int32Array): Int32Array {
    const ids = new Int32Array(batch.length)
    this.#keys.assign(batch, this.#columns, positions, batch.length, hashRows(batch, this.#columns), ids)
    this.#counts.reserve(this.#keys.idLimit)
    return ids
  }

  #countColumn(ids: Int32Array, count: number, side: 0 | 1): Vector {
    const values = new Int32Array(count)
    for (let i = 0; i < count; i++) {
      const id = ids[i] as number
      values[i] = this.#counts.peek(id)[this.#counts.offset(id) + side] as number
    }
    return { kind: 'int32', type: COUNT_TYPE, nulls: undefined, values }
  }

  /** Rows that neither input has any more. */
  #forget(ids: Int32Array): void {
    const gone = [...new Set(ids)].filter((id) => {
      const page = this.#counts.peek(id)
      const at = this.#counts.offset(id)
      return page[at] === 0 && page[at + 1] === 0
    })
    if (gone.length === 0) return
    this.#changes.remove(Int32Array.from(gone), gone.length)
    for (const id of gone) this.#keys.remove(id)
  }

  #emit(id: number, kind: RowKind): void {
    if (this.#outs === BATCH_CAPACITY) this.#flush()
    this.#anyDelete ||= kind === RowKind.DELETE
    this.#outIds[this.#outs] = id
    this.#outKinds[this.#outs++] = kind
  }

  #flush(): void {
    const count = this.#outs
    if (count === 0) return
    const kinds = this.#anyDelete ? this.#outKinds.slice(0, count) : undefined
    this.#outs = 0
    this.#anyDelete = false
    this.#output.collect(new Batch(this.#schema, this.#keys.keyColumns(this.#outIds.slice(0, count), count), count, undefined, kinds))
  }

  *#emitAll(): Generator<void, void> {
    const live = this.#keys.liveBits()
    for (let word = 0; word < live.length; word++) {
      for (let bits = live[word] as number; bits !== 0; bits &= bits - 1) {
        const id = (word << 5) | (31 - Math.clz32(bits & -bits))
        const page = this.#counts.peek(id)
        const at = this.#counts.offset(id)
        for (let times = this.#times(page[at] as number, page[at + 1] as number); times > 0; times--) this.#emit(id, RowKind.INSERT)
      }
      if ((word & 31) === 31) yield
    }
    this.#flush()
  }
}

function inBoth(left: number, right: number): number {
  return left > 0 && right > 0 ? 1 : 0
}

function onlyLeft(left: number, right: number): number {
  return left > 0 && right === 0 ? 1 : 0
}

function surplus(left: number, right: number): number {
  return Math.max(0, left - right)
}

export function createSetOperation(spec: SpecOf<'set-operation'>, _inputs: readonly Schema[], output: Schema): Operator {
  return new SetOperator(spec, output)
}
