/**
 * Regular inner join of two inputs: every row meets the rows of the other side that have come so far.
 *
 * In:    0 left, 1 right; any row kinds.   Out: left ++ right columns; the pair has the kind of the row that made it.
 * State: both sides' rows. One key table serves both: a key's id leads to two chains of rows, in order of arrival. A row whose
 *        key has a NULL never joins and is not kept. Where a side retracts, equal rows are found by their content.
 * TTL:   a row of a side that has one is forgotten when it was not written for so long (processing time, read once a batch); what is
 *        taken away after that still takes away its pairs with rows of the other side.
 * Time:  watermarks pass through (the task combines the inputs').
 * @throws EXPRESSION_FAILED when the condition fails on a pair.
 * Source: Flink's StreamingInnerJoinOperator.
 */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { Clock } from '#core/time/environment.js'
import type { Schema } from '#core/types/schema.js'
import { Batch, BATCH_CAPACITY } from '../../columnar/batch.js'
import { hashRows } from '../../columnar/hash.js'
import type { Vector } from '../../columnar/vector.js'
import { compileCondition } from '../../expr/compile.js'
import { identityPositions } from '../../state/growable.js'
import type { OperatorSnapshot, RestoredState, SnapshotRequest } from '../../state/snapshot.js'
import { hasRetractions, takeVector } from '../changelog.js'
import { evaluationContext } from '../evaluation-context.js'
import type { Operator, OperatorContext, Output } from '../operator.js'
import { COUNT, JoinState, lookedAt, NEXT, withKeys, type JoinSide } from './join-side.js'

export class InnerJoinOperator implements Operator {
  readonly #spec: SpecOf<'join'>
  readonly #outputSchema: Schema
  readonly #state: JoinState
  readonly #expires: boolean
  #clock!: Clock
  #maxParallelism = 1
  #condition: ((batch: Batch) => Int32Array) | undefined
  #output!: Output
  /** Pairs not yet emitted: position of the new row, id of the other side's row, kind of the pair. */
  readonly #pairPositions = new Int32Array(BATCH_CAPACITY)
  readonly #pairIds = new Int32Array(BATCH_CAPACITY)
  readonly #pairKinds = new Uint8Array(BATCH_CAPACITY)
  #pairs = 0

  constructor(spec: SpecOf<'join'>, left: Schema, right: Schema, output: Schema) {
    this.#spec = spec
    this.#outputSchema = output
    this.#state = new JoinState(spec, left, right)
    this.#expires = this.#state.expires
  }

  open(context: OperatorContext, output: Output): void {
    this.#output = output
    this.#clock = context.environment.clock
    this.#maxParallelism = context.maxParallelism
    const { condition } = this.#spec
    if (condition !== undefined) this.#condition = compileCondition(condition, this.#outputSchema, evaluationContext(context))
  }

  processBatch(batch: Batch, input: number): void {
    const side = this.#state.sides[input as 0 | 1]
    const other = this.#state.sides[(1 - input) as 0 | 1]
    const rows = withKeys(batch, side.keys)
    if (rows.length === 0) return
    if (this.#expires) this.#state.begin(this.#clock.now())
    const positions = rows.selection ?? identityPositions(rows.length)
    const keyIds = this.#state.assignKeys(rows, side, positions, rows.length, hashRows(rows, side.keys))
    const retracts = hasRetractions(rows)
    // Equal rows live as one, too.
    if ((retracts || side.ttl > 0) && !side.index.enabled) side.index.enable()
    if (side.index.enabled) this.#joinCounted(rows, positions, keyIds, side, other, input)
    else this.#joinInserts(rows, positions, keyIds, side, other, input)
    this.#flush(rows, other, input)
    if (retracts) this.#state.removeEmptyKeys(rows, positions, keyIds)
    if (this.#expires) this.#state.removeExpired(lookedAt(rows.length))
  }

  processWatermark(watermark: number): void {
    this.#output.emitWatermark(watermark)
  }

  endInput(): void {
    // Pairs were emitted as they were made.
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

  /** A side that has never retracted: rows are kept one by one, all at once. */
  #joinInserts(rows: Batch, positions: Int32Array, keyIds: Int32Array, side: JoinSide, other: JoinSide, input: number): void {
    const ids = new Int32Array(rows.length)
    side.store.addRows(rows.columns, positions, rows.length, ids)
    side.changes.touch(ids, rows.length, side.store.idLimit)
    for (let row = 0; row < rows.length; row++) {
      const key = keyIds[row] as number
      side.inserted(ids[row] as number)
      side.append(key, ids[row] as number)
      if (this.#state.chains.head(key, 1 - input) !== 0) this.#pair(rows, positions[row] as number, key, other, input)
    }
  }

  /** A side that retracts: equal rows are kept as one with a count, found by content. */
  #joinCounted(rows: Batch, positions: Int32Array, keyIds: Int32Array, side: JoinSide, other: JoinSide, input: number): void {
    const hashes = side.index.hashes(rows)
    for (let row = 0; row < rows.length; row++) {
      const key = keyIds[row] as number
      const hash = hashes[row] as number
      const position = positions[row] as number
      const kind = rows.rowKind(position)
      if (kind === 0 || kind === 2) side.addCounted(key, hash, rows.columns, position)
      // Taken away without having been there: no effect, unless it has expired.
      else if (side.removeCounted(key, hash, rows.columns, position) < 0 && side.ttl === 0) continue
      this.#pair(rows, position, key, other, input)
    }
  }

  /** Pairs one row with all rows of the other side that have its key. */
  #pair(rows: Batch, position: number, key: number, other: JoinSide, input: number): void {
    const kind = rows.rowKinds === undefined ? 0 : (rows.rowKinds[position] as number)
    const expires = other.ttl > 0
    for (let entry = this.#state.chains.head(key, 1 - input); entry !== 0; entry = other.store.extra(entry - 1, NEXT)) {
      if (expires && other.isExpired(entry - 1)) continue
      for (let count = other.store.extra(entry - 1, COUNT); count > 0; count--) {
        if (this.#pairs === BATCH_CAPACITY) this.#flush(rows, other, input)
        this.#pairPositions[this.#pairs] = position
        this.#pairIds[this.#pairs] = entry - 1
        this.#pairKinds[this.#pairs++] = kind
      }
    }
  }

  #flush(rows: Batch, other: JoinSide, input: number): void {
    const count = this.#pairs
    if (count === 0) return
    this.#pairs = 0
    const positions = this.#pairPositions.subarray(0, count)
    const own = rows.columns.map((column) => takeVector(column, positions))
    const others = other.store.columns(this.#pairIds, count)
    const columns: readonly Vector[] = input === 0 ? [...own, ...others] : [...others, ...own]
    const kinds = rows.rowKinds === undefined ? undefined : this.#pairKinds.slice(0, count)
    const joined = new Batch(this.#outputSchema, columns, count, undefined, kinds)
    if (this.#condition === undefined) return this.#output.collect(joined)
    const kept = this.#condition(joined)
    if (kept.length === count) this.#output.collect(joined)
    else if (kept.length > 0) this.#output.collect(joined.select(kept))
  }
}
