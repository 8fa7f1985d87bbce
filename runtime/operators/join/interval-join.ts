/**
 * Joins in which time bounds what a row can still meet: interval joins (left.time between right.time + lower and right.time + upper) and
 * window joins (both rows in the same window), of all join types.
 *
 * In:    0 left, 1 right; insertions.   Out: left ++ right columns, of semi and anti joins left; +I only.
 * State: each side's rows until the watermark says that no partner can come any more (timed-side.ts). Rows without a match come out then,
 *        where they do; pairs, and rows of a semi join, as soon as they are made.
 * Time:  rows of an interval join that come late still meet who is there. A late row of a window join is dropped and counted. The watermark
 *        passes on behind what it lets expire, later by as much as rows may be older than the one that they met. A very large number of rows
 *        is emitted in several turns; what comes meanwhile is taken in.
 * @throws ROWTIME_IS_NULL; EXPRESSION_FAILED when the condition fails on a pair.
 * Source: Flink's RowTimeIntervalJoin and WindowJoinOperator (which emits when the window ends).
 */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { LogicalType } from '#core/types/logical-type.js'
import { RowKind } from '#core/types/row-kind.js'
import type { Schema } from '#core/types/schema.js'
import { BATCH_CAPACITY, type Batch } from '../../columnar/batch.js'
import { hashRows } from '../../columnar/hash.js'
import { compileCondition } from '../../expr/compile.js'
import { identityPositions } from '../../state/growable.js'
import { KeyTable } from '../../state/key-table.js'
import { KeyedTables } from '../../state/keyed-tables.js'
import type { OperatorSnapshot, RestoredState, SnapshotRequest } from '../../state/snapshot.js'
import { rowtimes } from '../../time/rowtime.js'
import { tumblingWindows } from '../../time/tumbling-windows.js'
import { hasRetractions } from '../changelog.js'
import { evaluationContext, sessionTimeZone } from '../evaluation-context.js'
import { inTurns } from '../in-turns.js'
import { MAX_WATERMARK, NO_WATERMARK, type Operator, type OperatorContext, type Output } from '../operator.js'
import { Candidates } from './candidates.js'
import { JoinOutput, type JoinedBatch } from './join-output.js'
import { Chains, keyIdsOf } from './join-side.js'
import { NO_ROW } from './padded-columns.js'
import { MATCHES, NEXT, TimedSide } from './timed-side.js'

/** An interval is cut into so many spans; rows stay for up to one of them too long. */
const SPANS = 256
/** List state: watermarks of all subtasks. */
const WATERMARK = 'watermark'

interface Pass extends JoinedBatch {
  readonly own: TimedSide
  readonly other: TimedSide
  /** By row: the id under which it was stored; -1: it was not. */
  readonly stored: Int32Array
  /** The row being joined, and its matches so far. */
  row: number
  matches: number
}

interface Expiry {
  /** First rows of the spans that are over, by side. */
  readonly due: readonly [readonly number[], readonly number[]]
  readonly watermark: number
}

export class IntervalJoinOperator implements Operator {
  readonly #spec: SpecOf<'interval-join'>
  readonly #pairSchema: Schema
  readonly #keys: KeyTable
  readonly #chains = new Chains()
  readonly #tables = new KeyedTables()
  readonly #sides: readonly [TimedSide, TimedSide]
  readonly #out: JoinOutput
  readonly #candidates: Candidates
  readonly #pairsOut: boolean
  /** Rows of a counting side come out alone when they have no match (outer, anti), or when they have one (semi). */
  readonly #aloneWithout: boolean
  /** How much later the watermark passes on. */
  readonly #delay: number
  readonly #expiring: Expiry[] = []
  #watermark = NO_WATERMARK
  #pass: Pass | undefined
  #instantOf: (local: number) => number = (local) => local
  #context!: OperatorContext
  #output!: Output

  constructor(spec: SpecOf<'interval-join'>, left: Schema, right: Schema, output: Schema) {
    const { joinType, leftKeys, rightKeys, lowerMs, upperMs } = spec
    this.#spec = spec
    this.#pairSchema = { fields: [...left.fields, ...right.fields] }
    this.#keys = new KeyTable(leftKeys.map((column) => left.fields[column]?.type as LogicalType))
    const span = spec.time === 'rowtime' ? Math.max(1, Math.ceil((upperMs - lowerMs) / SPANS)) : 1
    const side = (schema: Schema, keys: readonly number[], number: 0 | 1, countsMatches: boolean, livesFor: number): TimedSide =>
      new TimedSide(schema, keys, number, this.#chains, this.#tables, { countsMatches, livesFor, span })
    this.#sides = [
      side(left, leftKeys, 0, joinType !== 'inner' && joinType !== 'right', -lowerMs),
      side(right, rightKeys, 1, joinType === 'right' || joinType === 'full', upperMs),
    ]
    this.#delay = Math.max(0, -lowerMs, upperMs) + span - 1
    this.#pairsOut = joinType !== 'semi' && joinType !== 'anti'
    this.#aloneWithout = joinType !== 'semi'
    this.#out = new JoinOutput(output, left.fields.length, this.#pairsOut)
    this.#candidates = new Candidates(this.#pairSchema, (row, id) => this.#match(row, id))
  }

  open(context: OperatorContext, output: Output): void {
    const { condition, time } = this.#spec
    this.#context = context
    this.#output = output
    this.#out.open(output)
    this.#candidates.open(condition === undefined ? undefined : compileCondition(condition, this.#pairSchema, evaluationContext(context)))
    if (time === 'zoned-window-end') {
      const windows = tumblingWindows({ sizeMs: 1, offsetMs: 0 }, sessionTimeZone(context))
      this.#instantOf = (local) => windows.instantOf(local)
    }
  }

  processBatch(batch: Batch, input: number): void {
    if (batch.length === 0) return
    if (hasRetractions(batch)) throw new Error('an interval join takes insertions only')
    const side = input as 0 | 1
    const rows = this.#spec.time === 'rowtime' ? batch : this.#inTime(batch, side)
    if (rows.length === 0) return
    const [own, other] = [this.#sides[side], this.#sides[(1 - side) as 0 | 1]]
    const positions = rows.selection ?? identityPositions(rows.length)
    const times = this.#times(rows, side)
    const keyIds = keyIdsOf(rows, own.keys, positions, (some, at, count, hashes) => this.#assign(some, own, at, count, hashes))
    const stored = this.#store(rows, own, positions, keyIds, times)
    const pass: Pass = { rows, input: side, positions, otherStore: other.store, own, other, stored, row: 0, matches: 0 }
    this.#pass = pass
    const { lowerMs, upperMs } = this.#spec
    for (let row = 0; row < rows.length; row++) {
      const key = keyIds[row] as number
      if (key < 0) continue
      const time = times[row] as number
      const [from, to] = side === 0 ? [time - upperMs, time - lowerMs] : [time + lowerMs, time + upperMs]
      for (let entry = this.#chains.head(key, 1 - side); entry !== 0; entry = other.store.extra(entry - 1, NEXT)) {
        const partner = other.timeOf(entry - 1)
        if (partner >= from && partner <= to) this.#candidates.add(pass, row, entry - 1)
      }
    }
    this.#candidates.test(pass)
    this.#finishUntil(pass, rows.length)
    this.#out.flush(pass)
    this.#pass = undefined
    // Rows that came too late to be kept may have brought a key.
    for (const key of new Set(keyIds.filter((id, row) => id >= 0 && stored[row] === -1))) this.#forgetIfEmpty(key)
  }

  processWatermark(watermark: number): void | Promise<void> {
    if (watermark > this.#watermark) this.#watermark = watermark
    const [left, right] = [this.#sides[0].takeDue(watermark), this.#sides[1].takeDue(watermark)]
    if (left.length === 0 && right.length === 0 && this.#expiring.length === 0) return this.#passOn(watermark)
    this.#expiring.push({ due: [left, right], watermark })
    // One that is at it goes on with these.
    if (this.#expiring.length === 1) return inTurns(this.#expireAll(), () => this.#context.nextTurn())
  }

  endInput(): void {
    // The last watermark came before, and all rows have expired.
  }

  stateTables(): StateTableDescriptor[] {
    return this.#tables.descriptors()
  }

  snapshotState(request: SnapshotRequest): OperatorSnapshot {
    return {
      keyed: this.#tables.snapshot(request, this.#context.maxParallelism),
      lists: { [WATERMARK]: { mode: 'UNION', items: [this.#watermark] } },
    }
  }

  async restoreState(state: RestoredState): Promise<void> {
    const watermark = (state.lists[WATERMARK] ?? []).filter((item) => typeof item === 'number').reduce((a, b) => Math.min(a, b), Infinity)
    // The last watermark of a drained savepoint ends that run, not this one.
    if (watermark < MAX_WATERMARK) this.#watermark = watermark
    const names = this.stateTables().map(({ name }) => name)
    for await (const { table, batch } of state.keyed) {
      const side = names.indexOf(table) as 0 | 1
      const own = this.#sides[side]
      const keyIds = this.#assign(batch, own, identityPositions(batch.length), batch.length, hashRows(batch, own.keys))
      own.restore(batch, keyIds, this.#times(batch, side))
    }
  }

  checkpointComplete(checkpointId: number): void {
    this.#tables.checkpointComplete(checkpointId)
  }

  checkpointAborted(checkpointId: number): void {
    this.#tables.checkpointAborted(checkpointId)
  }

  #assign(rows: Batch, own: TimedSide, positions: Int32Array, count: number, hashes: Int32Array): Int32Array {
    const keyIds = new Int32Array(count)
    this.#keys.assign(rows, own.keys, positions, count, hashes, keyIds)
    this.#chains.ends.reserve(this.#keys.idLimit)
    return keyIds
  }

  /** Ms of the rows' time, of a window the last instant of it. */
  #times(rows: Batch, side: 0 | 1): Float64Array {
    const times = rowtimes(rows, side === 0 ? this.#spec.leftTime : this.#spec.rightTime)
    if (this.#spec.time !== 'rowtime') for (let row = 0; row < times.length; row++) times[row] = this.#instantOf((times[row] as number) - 1)
    return times
  }

  /** The rows whose windows have not ended; the others are counted. */
  #inTime(batch: Batch, side: 0 | 1): Batch {
    const times = this.#times(batch, side)
    const kept: number[] = []
    for (let row = 0; row < batch.length; row++) if ((times[row] as number) > this.#watermark) kept.push(batch.position(row))
    if (kept.length === batch.length) return batch
    this.#context.countLate(batch.length - kept.length)
    return batch.select(Int32Array.from(kept))
  }

  /** Keeps the rows that somebody may still meet; their ids by row, -1 for the others. */
  #store(rows: Batch, own: TimedSide, positions: Int32Array, keyIds: Int32Array, times: Float64Array): Int32Array {
    const stored = new Int32Array(rows.length).fill(-1)
    const kept: number[] = []
    for (let row = 0; row < rows.length; row++) {
      if ((keyIds[row] as number) >= 0 && own.expiresAt(times[row] as number) > this.#watermark) kept.push(row)
    }
    const of = (values: ArrayLike<number>): number[] => kept.map((row) => values[row] as number)
    const ids = own.add(rows.columns, Int32Array.from(of(positions)), of(keyIds), of(times))
    kept.forEach((row, i) => (stored[row] = ids[i] as number))
    return stored
  }

  #match(row: number, id: number): void {
    const pass = this.#pass as Pass
    this.#finishUntil(pass, row)
    const { other } = pass
    pass.matches++
    if (other.countsMatches) {
      const before = other.store.extra(id, MATCHES)
      // Whether there is one is all that counts.
      if (before === 0) {
        other.changes.touchOne(id)
        other.store.setExtra(id, MATCHES, 1)
        if (!this.#aloneWithout) this.#out.add(pass, NO_ROW, id, RowKind.INSERT, 1)
      }
    }
    if (this.#pairsOut) this.#out.add(pass, pass.positions[row] as number, id, RowKind.INSERT, 1)
  }

  /** All matches of the rows before `end` among what has come are known. */
  #finishUntil(pass: Pass, end: number): void {
    for (; pass.row < end; pass.row++, pass.matches = 0) {
      const { row, own, matches } = pass
      if (!own.countsMatches) continue
      const id = pass.stored[row] as number
      if (id >= 0) own.store.setExtra(id, MATCHES, matches === 0 ? 0 : 1)
      if ((matches === 0) !== this.#aloneWithout) continue
      // A partner may still come, unless it is late or its key has a NULL.
      if (this.#aloneWithout && id >= 0) continue
      this.#out.add(pass, pass.positions[row] as number, NO_ROW, RowKind.INSERT, 1)
    }
  }

  #passOn(watermark: number): void {
    this.#output.emitWatermark(watermark === MAX_WATERMARK ? watermark : watermark - this.#delay)
  }

  *#expireAll(): Generator<void, void> {
    for (let next = this.#expiring[0]; next !== undefined; next = this.#expiring[0]) {
      for (const side of [0, 1] as const) for (const head of next.due[side]) yield* this.#expire(side, head)
      this.#passOn(next.watermark)
      this.#expiring.shift()
    }
  }

  *#expire(side: 0 | 1, head: number): Generator<void, void> {
    const own = this.#sides[side]
    const comesOut = own.countsMatches && this.#aloneWithout
    for (let entry = head; entry !== 0;) {
      const ids: number[] = []
      for (; entry !== 0 && ids.length < BATCH_CAPACITY; entry = own.nextOfSpan(entry - 1)) ids.push(entry - 1)
      if (comesOut) this.#out.alone(side, own.store, Int32Array.from(ids.filter((id) => own.store.extra(id, MATCHES) === 0)))
      for (const id of ids) {
        const key = own.keyOf(id)
        own.remove(id)
        this.#forgetIfEmpty(key)
      }
      yield
    }
  }

  #forgetIfEmpty(key: number): void {
    if (this.#chains.isEmpty(key)) this.#keys.remove(key)
  }
}

export function createIntervalJoin(spec: SpecOf<'interval-join'>, inputs: readonly Schema[], output: Schema): Operator {
  return new IntervalJoinOperator(spec, inputs[0] as Schema, inputs[1] as Schema, output)
}
