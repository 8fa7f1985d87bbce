/**
 * Session windows: rows of a partition belong together while no gap between their times is longer than one. Either rows come out with the
 * borders of their session, or the aggregates of each session.
 *
 * In:    rows with a time column; a row that takes back another counts to the session of its own time, which it may make longer.
 * Out:   when a session fires, its rows in the order in which they came, with window_start, window_end, window_time; or keys, calls and the
 *        spec's window columns, +I once for each of its groups that has rows left.
 * State: the rows of open sessions (session-rows.ts). What they add up to is made when they fire: sessions that later rows join need nothing taken
 *        apart, whatever the aggregates are. The sessions themselves follow from the rows.
 * Time:  a session ends a gap after its last row and fires when the watermark reaches its end - 1, sessions in order of their ends; then the
 *        watermark passes on. A row is late, dropped and counted, when no open session is near and its own would have fired. A very large
 *        number of rows is emitted in several turns; what comes meanwhile waits. The last watermark fires all.
 *        With processing time: by the clock; sessions that are open when the input ends are not emitted, as in Flink.
 * @throws ROWTIME_IS_NULL
 * Source: Flink's UnalignedWindowTableFunctionOperator and MergingWindowSet (sessions that only meet are one).
 */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import * as z from '#core/zod.js'
import type { LogicalType } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import type { Batch } from '../../columnar/batch.js'
import { hashRows } from '../../columnar/hash.js'
import { identityPositions } from '../../state/growable.js'
import { KeyTable } from '../../state/key-table.js'
import { KeyedTables } from '../../state/keyed-tables.js'
import type { OperatorSnapshot, RestoredState, SnapshotRequest } from '../../state/snapshot.js'
import { rowtimes } from '../../time/rowtime.js'
import { tumblingWindows, type TumblingWindows } from '../../time/tumbling-windows.js'
import { hasRetractions } from '../changelog.js'
import { sessionTimeZone } from '../evaluation-context.js'
import { inTurns } from '../in-turns.js'
import { MAX_WATERMARK, NO_WATERMARK, type Operator, type OperatorContext, type Output } from '../operator.js'
import { SessionOutput } from './session-output.js'
import { SessionRows } from './session-rows.js'
import { Sessions } from './sessions.js'

/** List state of all subtasks: their watermarks and key groups. */
const WATERMARK = 'watermark'

const WatermarkItemSchema = z.object({ watermark: z.number(), first: z.int(), last: z.int() })

export class SessionWindowOperator implements Operator {
  readonly #spec: SpecOf<'session-window'>
  readonly #input: Schema
  readonly #keys: KeyTable
  readonly #tables = new KeyedTables()
  readonly #rows: SessionRows
  readonly #out: SessionOutput
  /** While sessions are being emitted: what has come since, in order. */
  readonly #waiting: (Batch | number)[] = []
  #emitting = false
  #watermark = NO_WATERMARK
  #sessions!: Sessions
  #clock!: TumblingWindows
  /** Processing time: what fires the next session. */
  #timer: { readonly at: number; cancel(): void } | undefined
  #context!: OperatorContext
  #output!: Output

  constructor(spec: SpecOf<'session-window'>, input: Schema, output: Schema) {
    this.#spec = spec
    this.#input = input
    this.#keys = new KeyTable(spec.partition.map((column) => input.fields[column]?.type as LogicalType))
    const kept = { kinds: spec.retractInput, times: spec.processingTime === true }
    this.#rows = new SessionRows(input, spec.partition, kept, this.#tables)
    this.#out = new SessionOutput(spec, input, output)
  }

  open(context: OperatorContext, output: Output): void {
    this.#context = context
    this.#output = output
    const zoned = this.#input.fields[this.#spec.timeColumn]?.type.kind === 'TIMESTAMP_LTZ'
    // Only the way between instants and the windows' clock is of use here.
    this.#clock = tumblingWindows({ sizeMs: 1, offsetMs: 0 }, zoned ? sessionTimeZone(context) : undefined)
    this.#sessions = new Sessions(
      (end) => this.#clock.instantOf(end - 1),
      (last, first) => this.#rows.join(last, first),
    )
    this.#out.open(output, this.#clock)
  }

  processBatch(batch: Batch): void {
    if (batch.length === 0) return
    if (!this.#spec.retractInput && hasRetractions(batch)) throw new Error('a row is taken away from sessions whose input never retracts')
    if (this.#emitting) this.#waiting.push(batch)
    else this.#take(batch)
  }

  processWatermark(watermark: number): void | Promise<void> {
    if (this.#spec.processingTime === true) return this.#output.emitWatermark(watermark)
    if (this.#emitting) return void this.#waiting.push(watermark)
    if (watermark < this.#sessions.firstDue) {
      if (watermark > this.#watermark) this.#watermark = watermark
      return this.#output.emitWatermark(watermark)
    }
    this.#emitting = true
    this.#waiting.push(watermark)
    return inTurns(this.#workOff(), () => this.#context.nextTurn())
  }

  endInput(): void {
    // The last watermark came before and has fired all sessions.
  }

  close(): void {
    this.#timer?.cancel()
  }

  stateTables(): StateTableDescriptor[] {
    return this.#tables.descriptors()
  }

  snapshotState(request: SnapshotRequest): OperatorSnapshot {
    return {
      keyed: this.#tables.snapshot(request, this.#context.maxParallelism),
      lists: { [WATERMARK]: { mode: 'UNION', items: [{ watermark: this.#watermark, ...this.#context.keyGroups }] } },
    }
  }

  /** As WindowAggregateOperator: with other key groups than any subtask had, the lowest watermark counts. */
  async restoreState(state: RestoredState): Promise<void> {
    const items = (state.lists[WATERMARK] ?? []).map((item) => WatermarkItemSchema.parse(item))
    const { first, last } = this.#context.keyGroups
    const own = items.filter((item) => item.first === first && item.last === last)
    const watermark = (own.length > 0 ? own : items).reduce((least, item) => Math.min(least, item.watermark), Infinity)
    // The last watermark of a drained savepoint ends that run, not this one.
    if (watermark < MAX_WATERMARK) this.#watermark = watermark
    for await (const { batch } of state.keyed) {
      const keyIds = this.#keyIds(batch)
      const { ids, times } = this.#rows.restore(batch)
      this.#place(keyIds, times ?? rowtimes(batch, this.#spec.timeColumn), ids)
    }
    if (this.#spec.processingTime === true) this.#setTimer()
  }

  checkpointComplete(checkpointId: number): void {
    this.#tables.checkpointComplete(checkpointId)
  }

  checkpointAborted(checkpointId: number): void {
    this.#tables.checkpointAborted(checkpointId)
  }

  #take(batch: Batch): void {
    const keyIds = this.#keyIds(batch)
    const times = this.#times(batch)
    const kinds = batch.rowKinds
    let first = 0
    let late = false
    // Whether a row is late may depend on one before it.
    for (let row = 0; row < batch.length; row++) {
      const local = this.#clock.localTime(times[row] as number)
      const due = this.#clock.instantOf(local + this.#spec.gapMs - 1)
      if (due > this.#watermark) continue
      this.#store(batch, first, row, keyIds, times, kinds)
      first = row
      if (this.#sessions.takes(keyIds[row] as number, local, this.#spec.gapMs, this.#watermark)) continue
      this.#context.countLate(1)
      late = true
      first = row + 1
    }
    this.#store(batch, first, batch.length, keyIds, times, kinds)
    // Late rows may have brought a key.
    if (late) for (const key of new Set(keyIds)) this.#forgetIfEmpty(key)
    if (this.#spec.processingTime === true) this.#setTimer()
  }

  /** Rows from `first` to before `end`. */
  #store(batch: Batch, first: number, end: number, keyIds: Int32Array, times: Float64Array, kinds: Uint8Array | undefined): void {
    if (first === end) return
    const positions = Int32Array.from({ length: end - first }, (_, i) => batch.position(first + i))
    const kindsOfRows = kinds === undefined ? new Uint8Array(end - first) : Uint8Array.from(positions, (at) => kinds[at] as number)
    const own = times.subarray(first, end)
    this.#place(keyIds.subarray(first, end), own, this.#rows.add(batch.columns, positions, kindsOfRows, own))
  }

  /** Puts stored rows into their sessions. */
  #place(keyIds: Int32Array, times: Float64Array, ids: Int32Array): void {
    const { gapMs } = this.#spec
    for (let row = 0; row < ids.length; row++) {
      this.#sessions.add(keyIds[row] as number, this.#clock.localTime(times[row] as number), gapMs, ids[row] as number)
    }
  }

  #keyIds(batch: Batch): Int32Array {
    const { partition } = this.#spec
    const ids = new Int32Array(batch.length)
    const positions = batch.selection ?? identityPositions(batch.length)
    this.#keys.assign(batch, partition, positions, batch.length, hashRows(batch, partition), ids)
    this.#sessions.reserveKeys(this.#keys.idLimit)
    return ids
  }

  /** Times of the rows, by row. */
  #times(batch: Batch): Float64Array {
    if (this.#spec.processingTime !== true) return rowtimes(batch, this.#spec.timeColumn)
    return new Float64Array(batch.length).fill(this.#context.environment.clock.now())
  }

  *#workOff(): Generator<void, void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (typeof next !== 'number') {
        this.#take(next)
        continue
      }
      if (next > this.#watermark) this.#watermark = next
      yield* this.#fire(next)
      this.#output.emitWatermark(next)
    }
    this.#emitting = false
  }

  *#fire(until: number): Generator<void, void> {
    for (const session of this.#sessions.due(until)) {
      const key = this.#sessions.key(session)
      const rows = this.#rows.chain(this.#sessions.firstRow(session))
      yield* this.#out.add(this.#sessions.start(session), this.#sessions.end(session), rows, this.#rows)
      this.#forgetIfEmpty(key)
    }
    yield* this.#out.flush(this.#rows)
  }

  /** A session is over when its last ms has passed. */
  #setTimer(): void {
    const at = this.#sessions.firstDue + 1
    if (at === Infinity || (this.#timer !== undefined && this.#timer.at <= at)) return
    this.#timer?.cancel()
    const { cancel } = this.#context.schedule(Math.max(0, at - this.#context.environment.clock.now()), () => {
      this.#timer = undefined
      const work = this.#fire(this.#context.environment.clock.now() - 1)
      while (work.next().done !== true);
      this.#setTimer()
    })
    this.#timer = { at, cancel }
  }

  #forgetIfEmpty(key: number): void {
    if (!this.#sessions.hasOpen(key)) this.#keys.remove(key)
  }
}

export function createSessionWindow(spec: SpecOf<'session-window'>, inputs: readonly Schema[], output: Schema): Operator {
  return new SessionWindowOperator(spec, inputs[0] as Schema, output)
}
