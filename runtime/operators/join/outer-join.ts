/**
 * Regular joins in which rows without a match count: LEFT, RIGHT and FULL OUTER, SEMI (EXISTS) and ANTI (NOT EXISTS).
 *
 * In:    0 left, 1 right; any row kinds.   Out: left ++ right columns, of semi and anti joins left; +I and -D.
 * State: as the inner join's (join-side.ts); the sides whose rows come out alone, too, count each row's matches. A row whose key has a NULL
 *        matches nothing: it comes out at once where rows without a match do, and is not kept.
 * Time:  watermarks pass through. 'final' (batch): rows without a match come when both inputs have ended.
 *
 *   A row of one input meets the other side, which stands still during the batch: its candidates are tested many rows at a time, then
 *   taken in their order. Each changes the count of its partner, which then comes out alone no longer, or alone again.
 *
 * @throws EXPRESSION_FAILED when the condition fails on a pair; SUBQUERY_NOT_SINGLE when a row matches twice that may not.
 * Source: Flink's StreamingJoinOperator and StreamingSemiAntiJoinOperator.
 */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import { isRetraction, RowKind } from '#core/types/row-kind.js'
import type { LogicalType } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import { Batch, BATCH_CAPACITY } from '../../columnar/batch.js'
import { hashRows } from '../../columnar/hash.js'
import type { Vector } from '../../columnar/vector.js'
import { compileCondition } from '../../expr/compile.js'
import { identityPositions } from '../../state/growable.js'
import type { OperatorSnapshot, RestoredState, SnapshotRequest } from '../../state/snapshot.js'
import { hasRetractions, takeVector } from '../changelog.js'
import { evaluationContext } from '../evaluation-context.js'
import { inTurns } from '../in-turns.js'
import type { Operator, OperatorContext, Output } from '../operator.js'
import { SubqueryNotSingle } from './errors.js'
import { COUNT, JoinState, MATCHES, NEXT, type JoinSide } from './join-side.js'
import { NO_ROW, nullVector, storedPadded, takePadded } from './padded-columns.js'

/** A batch on its way through the join. */
interface Pass {
  readonly rows: Batch
  readonly input: 0 | 1
  readonly own: JoinSide
  readonly other: JoinSide
  readonly positions: Int32Array
  /** By row: 1 takes a row away. */
  readonly removes: Uint8Array
  /** By row: 1 for what has no effect: taken away without having been there. */
  readonly ignored: Uint8Array
  /** By row: the id under which it was stored, where its matches are to be kept; -1: nowhere. */
  readonly stored: Int32Array
  /** The row being joined, and its matches so far. */
  row: number
  matches: number
}

export class OuterJoinOperator implements Operator {
  readonly #spec: SpecOf<'join'>
  readonly #left: Schema
  readonly #right: Schema
  readonly #outputSchema: Schema
  readonly #final: boolean
  /** Pairs come out; otherwise rows of the left side only. */
  readonly #pairsOut: boolean
  /** Rows of a counting side come out alone when they have no match (outer, anti), or when they have one (semi). */
  readonly #aloneWithout: boolean
  readonly #state: JoinState
  #maxParallelism = 1
  #name = ''
  #condition: ((batch: Batch) => Int32Array) | undefined
  #nextTurn!: () => Promise<void>
  #output!: Output
  #openInputs = 2
  /** Candidates not yet tested: row of the batch, id of the other side's row. */
  readonly #candidateRows = new Int32Array(BATCH_CAPACITY)
  readonly #candidateIds = new Int32Array(BATCH_CAPACITY)
  #candidates = 0
  /** Rows not yet emitted: position in the batch, id of the other side's row, either or NO_ROW; kind. */
  readonly #outPositions = new Int32Array(BATCH_CAPACITY)
  readonly #outIds = new Int32Array(BATCH_CAPACITY)
  readonly #outKinds = new Uint8Array(BATCH_CAPACITY)
  #outs = 0
  #anyDelete = false

  constructor(spec: SpecOf<'join'>, left: Schema, right: Schema, output: Schema) {
    const { joinType } = spec
    this.#spec = spec
    this.#left = left
    this.#right = right
    this.#outputSchema = output
    this.#final = spec.output === 'final'
    this.#pairsOut = joinType !== 'semi' && joinType !== 'anti'
    this.#aloneWithout = joinType !== 'semi'
    this.#state = new JoinState(spec, left, right, [joinType !== 'right', joinType === 'right' || joinType === 'full'])
  }

  open(context: OperatorContext, output: Output): void {
    this.#output = output
    this.#name = context.operatorName
    this.#maxParallelism = context.maxParallelism
    this.#nextTurn = () => context.nextTurn()
    const { condition } = this.#spec
    if (condition !== undefined) this.#condition = compileCondition(condition, this.#pairSchema(), evaluationContext(context))
  }

  processBatch(batch: Batch, input: number): void {
    if (batch.length === 0) return
    const own = this.#state.sides[input as 0 | 1]
    const other = this.#state.sides[(1 - input) as 0 | 1]
    const { length } = batch
    const positions = batch.selection ?? identityPositions(length)
    const retracts = hasRetractions(batch)
    if (retracts && this.#final) throw new Error('a row is taken away from a join whose inputs never retract')
    const pass: Pass = {
      rows: batch,
      input: input as 0 | 1,
      own,
      other,
      positions,
      removes: new Uint8Array(length),
      ignored: new Uint8Array(length),
      stored: new Int32Array(length).fill(-1),
      row: 0,
      matches: 0,
    }
    if (retracts) for (let row = 0; row < length; row++) pass.removes[row] = isRetraction(batch.rowKind(positions[row] as number)) ? 1 : 0
    const keyIds = this.#keyIds(pass)
    if (retracts && !own.index.enabled) own.index.enable()
    this.#store(pass, keyIds)
    for (let row = 0; row < length; row++) {
      const key = keyIds[row] as number
      if (key < 0 || pass.ignored[row] === 1) continue
      for (let entry = this.#state.chains.head(key, 1 - input); entry !== 0; entry = other.store.extra(entry - 1, NEXT)) {
        if (this.#candidates === BATCH_CAPACITY) this.#take(pass)
        this.#candidateRows[this.#candidates] = row
        this.#candidateIds[this.#candidates++] = entry - 1
      }
    }
    this.#take(pass)
    this.#finishUntil(pass, length)
    this.#flush(pass)
    if (retracts) this.#state.removeEmptyKeys(batch, positions, keyIds)
  }

  processWatermark(watermark: number): void {
    this.#output.emitWatermark(watermark)
  }

  endInput(): void | Promise<void> {
    if (--this.#openInputs === 0 && this.#final && this.#aloneWithout) return inTurns(this.#emitUnmatched(), this.#nextTurn)
  }

  stateTables(): StateTableDescriptor[] {
    return this.#state.descriptors()
  }

  snapshotState(request: SnapshotRequest): OperatorSnapshot {
    return this.#state.snapshot(request, this.#maxParallelism)
  }

  restoreState(state: RestoredState): Promise<void> {
    return this.#state.restore(state)
  }

  checkpointComplete(checkpointId: number): void {
    this.#state.checkpointComplete(checkpointId)
  }

  checkpointAborted(checkpointId: number): void {
    this.#state.checkpointAborted(checkpointId)
  }

  /** Key ids by row; -1 for a key with a NULL. */
  #keyIds({ rows, own, positions }: Pass): Int32Array {
    const nullable = own.keys.map((key) => (rows.columns[key] as Vector).nulls).filter((nulls) => nulls !== undefined)
    if (nullable.length === 0) return this.#state.assignKeys(rows, own, positions, rows.length, hashRows(rows, own.keys))
    const keyed = new Int32Array(rows.length)
    const rowOf = new Int32Array(rows.length)
    let count = 0
    for (let row = 0; row < rows.length; row++) {
      const position = positions[row] as number
      if (!nullable.every((nulls) => ((nulls[position >> 3] as number) & (1 << (position & 7))) === 0)) continue
      keyed[count] = position
      rowOf[count++] = row
    }
    const keyIds = new Int32Array(rows.length).fill(-1)
    if (count === 0) return keyIds
    const some = rows.select(keyed.subarray(0, count))
    const ids = this.#state.assignKeys(some, own, keyed, count, hashRows(some, own.keys))
    for (let i = 0; i < count; i++) keyIds[rowOf[i] as number] = ids[i] as number
    return keyIds
  }

  /** Takes the rows with keys into their side, or out of it. */
  #store({ rows, own, positions, removes, ignored, stored }: Pass, keyIds: Int32Array): void {
    const { columns } = rows
    if (!own.index.enabled) {
      const keyed: number[] = []
      for (let row = 0; row < rows.length; row++) if ((keyIds[row] as number) >= 0) keyed.push(row)
      const ids = new Int32Array(keyed.length)
      const at = Int32Array.from(keyed, (row) => positions[row] as number)
      own.store.addRows(columns, at, keyed.length, ids)
      own.changes.touch(ids, keyed.length, own.store.idLimit)
      keyed.forEach((row, i) => {
        const id = ids[i] as number
        own.store.setExtra(id, COUNT, 1)
        own.append(keyIds[row] as number, id)
        stored[row] = id
      })
      return
    }
    const hashes = own.index.hashes(rows)
    // A row that comes and goes within the batch leaves its id to another.
    const rowById = new Map<number, number>()
    const gone = (id: number): void => {
      const row = rowById.get(id)
      if (row !== undefined) stored[row] = -1
    }
    for (let row = 0; row < rows.length; row++) {
      const key = keyIds[row] as number
      if (key < 0) continue
      const position = positions[row] as number
      if (removes[row] === 1) {
        if (own.removeCounted(key, hashes[row] as number, columns, position, gone) < 0) ignored[row] = 1
        continue
      }
      const id = own.addCounted(key, hashes[row] as number, columns, position)
      if (id >= 0) continue
      stored[row] = -1 - id
      rowById.set(-1 - id, row)
    }
  }

  /** Tests the candidates and joins those that match. */
  #take(pass: Pass): void {
    const count = this.#candidates
    if (count === 0) return
    this.#candidates = 0
    const { rows, other, input, positions } = pass
    if (this.#condition === undefined) {
      for (let i = 0; i < count; i++) this.#match(pass, this.#candidateRows[i] as number, this.#candidateIds[i] as number)
      return
    }
    const at = this.#candidateRows.slice(0, count)
    for (let i = 0; i < count; i++) at[i] = positions[at[i] as number] as number
    const own = rows.columns.map((column) => takeVector(column, at))
    const others = other.store.columns(this.#candidateIds, count)
    const pairs = new Batch(this.#pairSchema(), input === 0 ? [...own, ...others] : [...others, ...own], count)
    for (const i of this.#condition(pairs)) this.#match(pass, this.#candidateRows[i] as number, this.#candidateIds[i] as number)
  }

  #match(pass: Pass, row: number, id: number): void {
    this.#finishUntil(pass, row)
    const { other, positions } = pass
    const removes = pass.removes[row] === 1
    const kind = removes ? RowKind.DELETE : RowKind.INSERT
    const count = other.store.extra(id, COUNT)
    const pair = this.#pairsOut ? (positions[row] as number) : NO_ROW
    pass.matches += count
    if (this.#spec.single === true && !removes && (pass.input === 0 ? pass.matches : other.store.extra(id, MATCHES) + 1) > 1)
      throw new SubqueryNotSingle({ operator: this.#name })
    if (!other.countsMatches) {
      if (this.#pairsOut) this.#emit(pass, pair, id, kind, count)
      return
    }
    const before = other.store.extra(id, MATCHES)
    const after = removes ? before - 1 : before + 1
    other.changes.touchOne(id)
    other.store.setExtra(id, MATCHES, after)
    const turns = before === 0 || after === 0
    if (!this.#aloneWithout) {
      if (turns) this.#emit(pass, NO_ROW, id, kind, count)
      return
    }
    if (turns && !removes && !this.#final) this.#emit(pass, NO_ROW, id, RowKind.DELETE, count)
    if (this.#pairsOut) this.#emit(pass, pair, id, kind, count)
    if (turns && removes) this.#emit(pass, NO_ROW, id, RowKind.INSERT, count)
  }

  /** All matches of the rows before `end` are known. */
  #finishUntil(pass: Pass, end: number): void {
    for (; pass.row < end; pass.row++, pass.matches = 0) {
      const { row, own } = pass
      if (!own.countsMatches || pass.ignored[row] === 1) continue
      const id = pass.stored[row] as number
      if (id >= 0) own.store.setExtra(id, MATCHES, pass.matches)
      if ((pass.matches === 0) !== this.#aloneWithout) continue
      // At the end the others' rows may still come, but not for a key with a NULL.
      if (this.#final && this.#aloneWithout && id >= 0) continue
      this.#emit(pass, pass.positions[row] as number, NO_ROW, pass.removes[row] === 1 ? RowKind.DELETE : RowKind.INSERT, 1)
    }
  }

  #emit(pass: Pass, position: number, id: number, kind: RowKind, times: number): void {
    if (kind === RowKind.DELETE) this.#anyDelete = true
    for (; times > 0; times--) {
      if (this.#outs === BATCH_CAPACITY) {
        this.#flush(pass)
        this.#anyDelete = kind === RowKind.DELETE
      }
      this.#outPositions[this.#outs] = position
      this.#outIds[this.#outs] = id
      this.#outKinds[this.#outs++] = kind
    }
  }

  #flush({ rows, input, other, positions }: Pass): void {
    const count = this.#outs
    if (count === 0) return
    this.#outs = 0
    const at = this.#outPositions.slice(0, count)
    const ids = this.#outIds.slice(0, count)
    const kinds = this.#anyDelete ? this.#outKinds.slice(0, count) : undefined
    this.#anyDelete = false
    const somewhere = positions[0] as number
    const columnsOf = (side: 0 | 1): Vector[] => {
      const types = this.#outputTypes(side)
      return side === input ? takePadded(rows.columns, at, somewhere, types) : storedPadded(other.store, ids, types)
    }
    if (this.#pairsOut) this.#output.collect(new Batch(this.#outputSchema, [...columnsOf(0), ...columnsOf(1)], count, undefined, kinds))
    else this.#output.collect(new Batch(this.#outputSchema, columnsOf(0), count, undefined, kinds))
  }

  *#emitUnmatched(): Generator<void, void> {
    for (const side of [0, 1] as const) {
      const { store, countsMatches } = this.#state.sides[side]
      if (!countsMatches) continue
      const ids = store.liveIds()
      for (let from = 0; from < ids.length; from += BATCH_CAPACITY) {
        const some = ids.subarray(from, from + BATCH_CAPACITY).filter((id) => store.extra(id, MATCHES) === 0)
        if (some.length > 0) this.#output.collect(this.#unmatched(side, some))
        yield
      }
    }
  }

  #unmatched(side: 0 | 1, ids: Int32Array): Batch {
    const own = storedPadded(this.#state.sides[side].store, ids, this.#outputTypes(side))
    if (!this.#pairsOut) return new Batch(this.#outputSchema, own, ids.length)
    const others = this.#outputTypes((1 - side) as 0 | 1).map((type) => nullVector(type, ids.length))
    return new Batch(this.#outputSchema, side === 0 ? [...own, ...others] : [...others, ...own], ids.length)
  }

  /** Of the output columns of that side. */
  #outputTypes(side: 0 | 1): LogicalType[] {
    const width = this.#left.fields.length
    const fields = side === 0 ? this.#outputSchema.fields.slice(0, width) : this.#outputSchema.fields.slice(width)
    return fields.map((field) => field.type)
  }

  #pairSchema(): Schema {
    return { fields: [...this.#left.fields, ...this.#right.fields] }
  }
}
