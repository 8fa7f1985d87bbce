/**
 * Aggregation by key within windows of event time: tumbling, hopping, cumulating.
 *
 * In:    insertions with a time column.   Out: keys, calls, then the spec's window columns; +I, once per key and window.
 * State: one slice for each stretch of time that is whole in every window it is in: keys and accumulators by group id. A row goes into one slice,
 *        however many windows hold it; a window that fires merges its slices. The memory of a slice that no window needs serves a later one.
 * Time:  a window fires when the watermark reaches its end - 1, windows in order of their ends; then the watermark passes on. Rows of which
 *        every window has fired are dropped and counted. The last watermark fires all. A window of very many keys is emitted in
 *        several turns; what comes meanwhile waits.
 *        With processing time: a window fires by the clock; those that are open when the input ends are not emitted, as in Flink.
 * @throws ROWTIME_IS_NULL
 * Source: Flink's slicing window aggregation (WindowAggOperator with slice assigners).
 */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import * as z from '#core/zod.js'
import { BIGINT, notNull, type LogicalType } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import { Batch, BATCH_CAPACITY } from '../columnar/batch.js'
import { gatherBatch } from '../columnar/gather.js'
import type { Int64Vector, Vector } from '../columnar/vector.js'
import { KeyedTables } from '../state/keyed-tables.js'
import { RowPages, type PagedRows } from '../state/row-pages.js'
import type { OperatorSnapshot, RestoredState, SnapshotRequest } from '../state/snapshot.js'
import { rowtimes } from '../time/rowtime.js'
import { slicedWindows, type SlicedWindows } from '../time/sliced-windows.js'
import { GroupedAggregation, RestoredGroups } from './aggregate/grouped-aggregation.js'
import { hasRetractions } from './changelog.js'
import { sessionTimeZone } from './evaluation-context.js'
import { inTurns } from './in-turns.js'
import { MAX_WATERMARK, NO_WATERMARK, type Operator, type OperatorContext, type Output } from './operator.js'
import { windowColumn } from './window-columns.js'

/** Aggregations of past slices kept for use by later ones. */
const KEPT = 2
/** First column of every stored row: the local start of its slice. */
const START = { name: 'window_start', type: notNull(BIGINT) }
/** List state of all subtasks: their watermarks and key groups. */
const WATERMARK = 'watermark'

const WatermarkItemSchema = z.object({ watermark: z.number(), first: z.int(), last: z.int() })

interface Slice {
  /** Local start. */
  readonly start: number
  /** The watermark that fires its last window. */
  readonly lastFiresAt: number
  readonly groups: SliceGroups
}

/** Aggregations serve one slice after the other. */
interface SliceGroups {
  start: number
  readonly aggregation: GroupedAggregation
  /** By table: what its changes are reported to. */
  rows: readonly PagedRows[]
}

/** Rows of a batch that belong to one slice; slice undefined: late. */
interface Share {
  readonly slice: Slice | undefined
  readonly positions: Int32Array
}

export class WindowAggregateOperator implements Operator {
  readonly #spec: SpecOf<'window-aggregate'>
  readonly #input: Schema
  readonly #outputSchema: Schema
  readonly #slices = new Map<number, Slice>()
  readonly #kept: SliceGroups[] = []
  readonly #tables = new KeyedTables()
  /** One for each table of an aggregation; the rows of all slices are in it. */
  readonly #pages: readonly RowPages[]
  /** While windows are being emitted: what has come since, in order. */
  readonly #waiting: (Batch | number)[] = []
  #emitting = false
  /** Where slices are merged; made when one is needed. */
  #merged: GroupedAggregation | undefined
  #firstFire = Infinity
  #watermark = NO_WATERMARK
  #windows!: SlicedWindows
  /** Processing time: what fires the next window. */
  #timer: { readonly at: number; cancel(): void } | undefined
  #context!: OperatorContext
  #output!: Output

  constructor(spec: SpecOf<'window-aggregate'>, input: Schema, output: Schema) {
    this.#spec = spec
    this.#input = input
    this.#outputSchema = output
    const first = this.#newGroups()
    this.#pages = first.aggregation.tables.map(({ name, schema }) => {
      const descriptor = { name, schema: { fields: [START, ...schema.fields] }, version: 1 }
      return new RowPages(descriptor, spec.keys.length > 0, this.#tables)
    })
    this.#track(first)
    this.#kept.push(first)
  }

  open(context: OperatorContext, output: Output): void {
    const zoned = this.#input.fields[this.#spec.timeColumn]?.type.kind === 'TIMESTAMP_LTZ'
    this.#windows = slicedWindows(this.#spec.window, zoned ? sessionTimeZone(context) : undefined)
    this.#context = context
    this.#output = output
  }

  processBatch(batch: Batch): void {
    if (batch.length === 0) return
    if (hasRetractions(batch)) throw new Error('a window aggregate takes insertions only')
    if (this.#emitting) this.#waiting.push(batch)
    else this.#accumulate(batch)
  }

  processWatermark(watermark: number): void | Promise<void> {
    if (this.#spec.processingTime === true) return this.#output.emitWatermark(watermark)
    if (this.#emitting) return void this.#waiting.push(watermark)
    if (watermark < this.#firstFire) {
      if (watermark > this.#watermark) this.#watermark = watermark
      return this.#output.emitWatermark(watermark)
    }
    this.#emitting = true
    this.#waiting.push(watermark)
    return inTurns(this.#workOff(), () => this.#context.nextTurn())
  }

  endInput(): void {
    // The last watermark came before and has fired all windows.
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

  /**
   * Subtasks of the checkpoint may have had different watermarks. With the same key groups as one of them this one goes on from its own; else the
   * lowest counts: windows that fired before anywhere are late everywhere.
   */
  async restoreState(state: RestoredState): Promise<void> {
    const items = (state.lists[WATERMARK] ?? []).map((item) => WatermarkItemSchema.parse(item))
    const { first, last } = this.#context.keyGroups
    const own = items.filter((item) => item.first === first && item.last === last)
    const watermark = (own.length > 0 ? own : items).reduce((least, item) => Math.min(least, item.watermark), Infinity)
    // The last watermark of a drained savepoint ends that run, not this one.
    if (watermark < MAX_WATERMARK) this.#watermark = watermark
    const names = this.stateTables().map(({ name }) => name)
    const restored = new RestoredGroups()
    for await (const { handle, table, batch, ids } of state.keyed) {
      for (const part of byStart(batch, ids)) {
        const slice = this.#slices.get(part.start) ?? this.#newSlice(part.start)
        slice.groups.aggregation.restore(names.indexOf(table), handle, part.batch, part.ids, restored)
      }
    }
    if (this.#spec.processingTime === true) this.#setTimer()
  }

  checkpointComplete(checkpointId: number): void {
    this.#tables.checkpointComplete(checkpointId)
  }

  checkpointAborted(checkpointId: number): void {
    this.#tables.checkpointAborted(checkpointId)
  }

  #accumulate(batch: Batch): void {
    for (const { slice, positions } of this.#shares(batch)) {
      if (slice === undefined) this.#context.countLate(positions.length)
      else slice.groups.aggregation.accumulate(positions.length === batch.length ? batch : batch.select(positions))
    }
    if (this.#spec.processingTime === true) this.#setTimer()
  }

  /** Times of the rows, by row. */
  #times(batch: Batch): Float64Array {
    if (this.#spec.processingTime !== true) return rowtimes(batch, this.#spec.timeColumn)
    return new Float64Array(batch.length).fill(this.#context.environment.clock.now())
  }

  /** A window is over when its last ms has passed. */
  #setTimer(): void {
    const at = this.#firstFire + 1
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

  /** The batch's rows by slice, in the order in which the slices first appear. */
  #shares(batch: Batch): Share[] {
    const times = this.#times(batch)
    const windows = this.#windows
    const starts: number[] = []
    const counts: number[] = []
    const known = new Map<number, number>()
    const windowOf = new Int32Array(times.length)
    let current = -1
    let from = NaN
    for (let row = 0; row < times.length; row++) {
      const local = windows.localTime(times[row] as number)
      if (!(local >= from && local < from + windows.sliceMs)) {
        from = windows.sliceOf(local)
        current = known.get(from) ?? -1
        if (current < 0) {
          current = starts.length
          known.set(from, current)
          starts.push(from)
          counts.push(0)
        }
      }
      windowOf[row] = current
      counts[current] = (counts[current] as number) + 1
    }
    const shares = starts.map((start, window) => ({ slice: this.#sliceAt(start), positions: new Int32Array(counts[window] as number) }))
    const filled = new Int32Array(starts.length)
    for (let row = 0; row < times.length; row++) {
      const window = windowOf[row] as number
      const share = shares[window] as Share
      share.positions[filled[window] as number] = batch.position(row)
      filled[window] = (filled[window] as number) + 1
    }
    return shares
  }

  /** The slice, or undefined when all its windows have fired. */
  #sliceAt(start: number): Slice | undefined {
    const known = this.#slices.get(start)
    if (known !== undefined) return known
    return this.#firesAt(this.#windows.lastEnd(start)) <= this.#watermark ? undefined : this.#newSlice(start)
  }

  #firesAt(end: number): number {
    return this.#windows.instantOf(end - 1)
  }

  #newSlice(start: number): Slice {
    const groups = this.#kept.pop() ?? this.#track(this.#newGroups())
    groups.start = start
    const slice = { start, lastFiresAt: this.#firesAt(this.#windows.lastEnd(start)), groups }
    this.#slices.set(start, slice)
    this.#firstFire = Math.min(this.#firstFire, this.#nextFire(slice))
    return slice
  }

  /** The watermark that fires the first of its windows that has not fired. */
  #nextFire({ start, lastFiresAt }: Slice): number {
    for (const end of this.#windows.endsOf(start)) {
      const firesAt = this.#firesAt(end)
      if (firesAt > this.#watermark) return firesAt
    }
    return lastFiresAt
  }

  #newGroups(): SliceGroups {
    const { keys, calls } = this.#spec
    return { start: 0, aggregation: new GroupedAggregation(this.#input, keys, calls, false), rows: [] }
  }

  #track(groups: SliceGroups): SliceGroups {
    const { tables } = groups.aggregation
    groups.rows = this.#pages.map((pages, i) => {
      const { rows } = tables[i] as (typeof tables)[number]
      return pages.owner({ ...rows, read: (ids, count) => [startColumn(groups.start, count), ...rows.read(ids, count)] })
    })
    groups.aggregation.track(groups.rows)
    return groups
  }

  *#workOff(): Generator<void, void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (typeof next === 'number') yield* this.#fire(next)
      else this.#accumulate(next)
    }
    this.#emitting = false
  }

  *#fire(watermark: number): Generator<void, void> {
    const due = new Set<number>()
    for (const { start } of this.#slices.values()) {
      for (const end of this.#windows.endsOf(start)) {
        const firesAt = this.#firesAt(end)
        if (firesAt > this.#watermark && firesAt <= watermark) due.add(end)
      }
    }
    if (watermark > this.#watermark) this.#watermark = watermark
    for (const end of [...due].sort((a, b) => a - b)) yield* this.#fireWindow(end)
    this.#firstFire = Infinity
    for (const slice of this.#slices.values()) {
      if (slice.lastFiresAt <= watermark) this.#drop(slice)
      else this.#firstFire = Math.min(this.#firstFire, this.#nextFire(slice))
    }
    if (this.#spec.processingTime !== true) this.#output.emitWatermark(watermark)
  }

  *#fireWindow(end: number): Generator<void, void> {
    const start = this.#windows.startOf(end)
    const slices = [...this.#slices.values()].filter((slice) => slice.start >= start && slice.start < end)
    const [only] = slices
    if (this.#windows.cumulative) {
      // What this window has in common with the next ones is added up in the first slice.
      const base = this.#slices.get(start) ?? this.#newSlice(start)
      for (const slice of slices) {
        if (slice === base) continue
        yield* base.groups.aggregation.absorb(slice.groups.aggregation)
        this.#drop(slice)
      }
      yield* this.#emit(base.groups.aggregation, start, end)
    } else if (slices.length === 1 && only !== undefined) {
      yield* this.#emit(only.groups.aggregation, start, end)
    } else {
      this.#merged ??= this.#newGroups().aggregation
      for (const slice of slices) yield* this.#merged.absorb(slice.groups.aggregation)
      yield* this.#emit(this.#merged, start, end)
      this.#merged.clear()
    }
    for (const slice of slices) if (this.#windows.lastEnd(slice.start) <= end) this.#drop(slice)
  }

  #drop({ start, groups }: Slice): void {
    if (!this.#slices.delete(start)) return
    groups.aggregation.clear()
    if (this.#kept.length < KEPT) this.#kept.push(groups)
    else for (const rows of groups.rows) rows.close()
  }

  *#emit(aggregation: GroupedAggregation, start: number, end: number): Generator<void, void> {
    const { keys, calls, emit } = this.#spec
    for (const some of aggregation.groups(BATCH_CAPACITY)) {
      const starts = new Float64Array(some.length).fill(start)
      const ends = new Float64Array(some.length).fill(end)
      const bounds = emit.map((column, i) =>
        windowColumn(column, starts, ends, this.#windows, this.#outputSchema.fields[keys.length + calls.length + i]?.type as LogicalType),
      )
      this.#output.collect(new Batch(this.#outputSchema, [...aggregation.results(some), ...bounds], some.length))
      yield
    }
  }
}

function startColumn(start: number, count: number): Vector {
  return { kind: 'int64', type: START.type, nulls: undefined, values: new BigInt64Array(count).fill(BigInt(start)) }
}

/** The stored rows of each slice, without the column of its start. */
function byStart(batch: Batch, ids: Int32Array): { start: number; batch: Batch; ids: Int32Array }[] {
  const starts = (batch.columns[0] as Int64Vector).values
  const windows = new Map<bigint, number[]>()
  starts.forEach((start, row) => {
    const rows = windows.get(start)
    if (rows === undefined) windows.set(start, [row])
    else rows.push(row)
  })
  const schema = { fields: batch.schema.fields.slice(1) }
  const rest = new Batch(schema, batch.columns.slice(1), batch.length)
  return [...windows].map(([start, rows]) => ({
    start: Number(start),
    batch: windows.size === 1 ? rest : gatherBatch(rest, Int32Array.from(rows)),
    ids: windows.size === 1 ? ids : Int32Array.from(rows, (row) => ids[row] as number),
  }))
}

export function createWindowAggregate(spec: SpecOf<'window-aggregate'>, inputs: readonly Schema[], output: Schema): Operator {
  return new WindowAggregateOperator(spec, inputs[0] as Schema, output)
}
