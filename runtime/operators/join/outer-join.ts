/**
 * Regular joins in which rows without a match count: LEFT, RIGHT and FULL OUTER, SEMI (EXISTS) and ANTI (NOT EXISTS).
 *
 * In:    0 left, 1 right; any row kinds.   Out: left ++ right columns, of semi and anti joins left; +I and -D.
 * State: as the inner join's (join-side.ts); the sides whose rows come out alone, too, count each row's matches. A row whose key has a NULL
 *        matches nothing: it comes out at once where rows without a match do, and is not kept.
 * TTL:   as the inner join's; a row that counts its matches is written with each of them, too. A match that has expired still counts.
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
import type { Clock } from '#core/time/environment.js'
import { isRetraction, RowKind } from '#core/types/row-kind.js'
import type { Schema } from '#core/types/schema.js'
import { BATCH_CAPACITY, type Batch } from '../../columnar/batch.js'
import { compileCondition } from '../../expr/compile.js'
import { identityPositions } from '../../state/growable.js'
import type { OperatorSnapshot, RestoredState, SnapshotRequest } from '../../state/snapshot.js'
import { hasRetractions } from '../changelog.js'
import { evaluationContext } from '../evaluation-context.js'
import { inTurns } from '../in-turns.js'
import type { Operator, OperatorContext, Output } from '../operator.js'
import { Candidates } from './candidates.js'
import { SubqueryNotSingle } from './errors.js'
import { JoinOutput, type JoinedBatch } from './join-output.js'
import { COUNT, JoinState, keyIdsOf, lookedAt, MATCHES, NEXT, type JoinSide } from './join-side.js'
import { NO_ROW } from './padded-columns.js'

/** A batch on its way through the join. */
interface Pass extends JoinedBatch {
  readonly own: JoinSide
  readonly other: JoinSide
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
  readonly #pairSchema: Schema
  readonly #final: boolean
  /** Pairs come out; otherwise rows of the left side only. */
  readonly #pairsOut: boolean
  /** Rows of a counting side come out alone when they have no match (outer, anti), or when they have one (semi). */
  readonly #aloneWithout: boolean
  readonly #state: JoinState
  readonly #expires: boolean
  #clock!: Clock
  #maxParallelism = 1
  #name = ''
  #nextTurn!: () => Promise<void>
  #output!: Output
  #openInputs = 2
  readonly #out: JoinOutput
  readonly #candidates: Candidates
  #pass: Pass | undefined

  constructor(spec: SpecOf<'join'>, left: Schema, right: Schema, output: Schema) {
    const { joinType } = spec
    this.#spec = spec
    this.#pairSchema = { fields: [...left.fields, ...right.fields] }
    this.#final = spec.output === 'final'
    this.#pairsOut = joinType !== 'semi' && joinType !== 'anti'
    this.#out = new JoinOutput(output, left.fields.length, this.#pairsOut)
    this.#candidates = new Candidates(this.#pairSchema, (row, id) => this.#match(row, id))
    this.#aloneWithout = joinType !== 'semi'
    this.#state = new JoinState(spec, left, right, [joinType !== 'right', joinType === 'right' || joinType === 'full'])
    this.#expires = this.#state.expires
  }

  open(context: OperatorContext, output: Output): void {
    this.#output = output
    this.#name = context.operatorName
    this.#clock = context.environment.clock
    this.#maxParallelism = context.maxParallelism
    this.#nextTurn = () => context.nextTurn()
    const { condition } = this.#spec
    this.#candidates.open(condition === undefined ? undefined : compileCondition(condition, this.#pairSchema, evaluationContext(context)))
    this.#out.open(output)
  }

  processBatch(batch: Batch, input: number): void {
    if (batch.length === 0) return
    if (this.#expires) this.#state.begin(this.#clock.now())
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
      otherStore: other.store,
      positions,
      removes: new Uint8Array(length),
      ignored: new Uint8Array(length),
      stored: new Int32Array(length).fill(-1),
      row: 0,
      matches: 0,
    }
    if (retracts) for (let row = 0; row < length; row++) pass.removes[row] = isRetraction(batch.rowKind(positions[row] as number)) ? 1 : 0
    const keyIds = keyIdsOf(batch, own.keys, positions, (some, at, count, hashes) => this.#state.assignKeys(some, own, at, count, hashes))
    if ((retracts || own.ttl > 0) && !own.index.enabled) own.index.enable()
    this.#store(pass, keyIds)
    this.#pass = pass
    for (let row = 0; row < length; row++) {
      const key = keyIds[row] as number
      if (key < 0 || pass.ignored[row] === 1) continue
      for (let entry = this.#state.chains.head(key, 1 - input); entry !== 0; entry = other.store.extra(entry - 1, NEXT)) {
        if (other.ttl === 0 || !other.isExpired(entry - 1)) this.#candidates.add(pass, row, entry - 1)
      }
    }
    this.#candidates.test(pass)
    this.#finishUntil(pass, length)
    this.#out.flush(pass)
    this.#pass = undefined
    if (retracts) this.#state.removeEmptyKeys(batch, positions, keyIds)
    if (this.#expires) this.#state.removeExpired(lookedAt(length))
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
        own.inserted(id)
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
        if (own.removeCounted(key, hashes[row] as number, columns, position, gone) < 0 && own.ttl === 0) ignored[row] = 1
        continue
      }
      const id = own.addCounted(key, hashes[row] as number, columns, position)
      if (id >= 0) continue
      stored[row] = -1 - id
      rowById.set(-1 - id, row)
    }
  }

  #match(row: number, id: number): void {
    const pass = this.#pass as Pass
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
      if (this.#pairsOut) this.#out.add(pass, pair, id, kind, count)
      return
    }
    const before = other.store.extra(id, MATCHES)
    // A row that takes itself away after it has expired may never have been counted.
    const after = removes ? Math.max(0, before - 1) : before + 1
    other.changes.touchOne(id)
    other.written(id)
    other.store.setExtra(id, MATCHES, after)
    const turns = (before === 0) !== (after === 0)
    if (!this.#aloneWithout) {
      if (turns) this.#out.add(pass, NO_ROW, id, kind, count)
      return
    }
    if (turns && !removes && !this.#final) this.#out.add(pass, NO_ROW, id, RowKind.DELETE, count)
    if (this.#pairsOut) this.#out.add(pass, pair, id, kind, count)
    if (turns && removes) this.#out.add(pass, NO_ROW, id, RowKind.INSERT, count)
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
      this.#out.add(pass, pass.positions[row] as number, NO_ROW, pass.removes[row] === 1 ? RowKind.DELETE : RowKind.INSERT, 1)
    }
  }

  *#emitUnmatched(): Generator<void, void> {
    for (const side of [0, 1] as const) {
      const { store, countsMatches } = this.#state.sides[side]
      if (!countsMatches) continue
      const ids = store.liveIds()
      for (let from = 0; from < ids.length; from += BATCH_CAPACITY) {
        const some = ids.subarray(from, from + BATCH_CAPACITY).filter((id) => store.extra(id, MATCHES) === 0)
        this.#out.alone(side, store, some)
        yield
      }
    }
  }
}
