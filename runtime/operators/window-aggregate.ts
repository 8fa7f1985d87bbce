/**
 * Aggregation by key within tumbling windows of event time.
 *
 * In:    insertions with a time column.   Out: keys, calls, then the spec's window columns; +I, once per key and window.
 * State: one slice per open window: keys and accumulators by group id. A fired slice's memory serves a later window.
 * Time:  a window fires when the watermark reaches its end - 1, windows in order of their ends; then the watermark passes on. Rows
 *        of a window that has fired are dropped and counted. The last watermark fires all. A window of very many keys is emitted in
 *        several turns; what comes meanwhile is taken in.
 * @throws ROWTIME_IS_NULL
 * Source: Flink's slicing window aggregation (WindowAggOperator with a tumbling slice assigner).
 */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import { BIGINT, notNull, type LogicalType } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import { Batch, BATCH_CAPACITY } from '../columnar/batch.js'
import { gatherBatch } from '../columnar/gather.js'
import type { Int64Vector, Vector } from '../columnar/vector.js'
import { KeyedTables } from '../state/keyed-tables.js'
import { RowPages, type PagedRows } from '../state/row-pages.js'
import type { OperatorSnapshot, RestoredState, SnapshotRequest } from '../state/snapshot.js'
import { rowtimes } from '../time/rowtime.js'
import { tumblingWindows, type TumblingWindows } from '../time/tumbling-windows.js'
import { GroupedAggregation, RestoredGroups } from './aggregate/grouped-aggregation.js'
import { hasRetractions } from './changelog.js'
import { sessionTimeZone } from './evaluation-context.js'
import { inTurns } from './in-turns.js'
import { MAX_WATERMARK, NO_WATERMARK, type Operator, type OperatorContext, type Output } from './operator.js'
import { windowColumn } from './window-columns.js'

/** Aggregations of fired windows kept for use by later ones. */
const KEPT = 2
/** First column of every stored row: the local start of its window. */
const START = { name: 'window_start', type: notNull(BIGINT) }
/** List state: watermarks of all subtasks. */
const WATERMARK = 'watermark'

interface Slice {
  /** Local start of the window. */
  readonly start: number
  /** The watermark that fires it. */
  readonly firesAt: number
  readonly groups: SliceGroups
}

/** Aggregations serve one window after the other. */
interface SliceGroups {
  start: number
  readonly aggregation: GroupedAggregation
  /** By table: what its changes are reported to. */
  rows: readonly PagedRows[]
}

/** Rows of a batch that belong to one window; slice undefined: late. */
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
  /** Watermarks that came, and the windows that fire before each is passed on. */
  readonly #firing: { readonly due: readonly Slice[]; readonly watermark: number }[] = []
  #firstFire = Infinity
  #watermark = NO_WATERMARK
  #windows!: TumblingWindows
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
    this.#windows = tumblingWindows(this.#spec.window, zoned ? sessionTimeZone(context) : undefined)
    this.#context = context
    this.#output = output
  }

  processBatch(batch: Batch): void {
    if (batch.length === 0) return
    if (hasRetractions(batch)) throw new Error('a window aggregate takes insertions only')
    for (const { slice, positions } of this.#shares(batch)) {
      if (slice === undefined) this.#context.countLate(positions.length)
      else slice.groups.aggregation.accumulate(positions.length === batch.length ? batch : batch.select(positions))
    }
  }

  processWatermark(watermark: number): void | Promise<void> {
    if (watermark > this.#watermark) this.#watermark = watermark
    const due = watermark >= this.#firstFire ? this.#takeDue(watermark) : []
    if (due.length === 0 && this.#firing.length === 0) return this.#output.emitWatermark(watermark)
    this.#firing.push({ due, watermark })
    // One that is at it goes on with these.
    if (this.#firing.length === 1) return inTurns(this.#fireAll(), () => this.#context.nextTurn())
  }

  endInput(): void {
    // The last watermark came before and has fired all windows.
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

  /** Windows of all handles are later than the lowest watermark: what fired before anywhere is late everywhere. */
  async restoreState(state: RestoredState): Promise<void> {
    const watermark = (state.lists[WATERMARK] ?? []).filter((item) => typeof item === 'number').reduce((a, b) => Math.min(a, b), Infinity)
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
  }

  checkpointComplete(checkpointId: number): void {
    this.#tables.checkpointComplete(checkpointId)
  }

  checkpointAborted(checkpointId: number): void {
    this.#tables.checkpointAborted(checkpointId)
  }

  /** The batch's rows by window, in the order in which the windows first appear. */
  #shares(batch: Batch): Share[] {
    const times = rowtimes(batch, this.#spec.timeColumn)
    const windows = this.#windows
    const starts: number[] = []
    const counts: number[] = []
    const known = new Map<number, number>()
    const windowOf = new Int32Array(times.length)
    let current = -1
    let from = NaN
    for (let row = 0; row < times.length; row++) {
      const local = windows.localTime(times[row] as number)
      if (!(local >= from && local < from + windows.sizeMs)) {
        from = windows.startOf(local)
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

  /** The slice of a window, or undefined when the window has fired. */
  #sliceAt(start: number): Slice | undefined {
    const known = this.#slices.get(start)
    if (known !== undefined) return known
    return this.#firesAt(start) <= this.#watermark ? undefined : this.#newSlice(start)
  }

  #firesAt(start: number): number {
    return this.#windows.instantOf(start + this.#windows.sizeMs - 1)
  }

  #newSlice(start: number): Slice {
    const groups = this.#kept.pop() ?? this.#track(this.#newGroups())
    groups.start = start
    const slice = { start, firesAt: this.#firesAt(start), groups }
    this.#slices.set(start, slice)
    if (slice.firesAt < this.#firstFire) this.#firstFire = slice.firesAt
    return slice
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

  /** Windows that the watermark fires, in order: rows for them are late from now on. */
  #takeDue(watermark: number): Slice[] {
    const due = [...this.#slices.values()].filter((slice) => slice.firesAt <= watermark).sort((a, b) => a.start - b.start)
    for (const { start } of due) this.#slices.delete(start)
    this.#firstFire = Infinity
    for (const slice of this.#slices.values()) this.#firstFire = Math.min(this.#firstFire, slice.firesAt)
    return due
  }

  *#fireAll(): Generator<void, void> {
    for (let next = this.#firing[0]; next !== undefined; next = this.#firing[0]) {
      for (const slice of next.due) {
        yield* this.#emit(slice)
        slice.groups.aggregation.clear()
        if (this.#kept.length < KEPT) this.#kept.push(slice.groups)
        else for (const rows of slice.groups.rows) rows.close()
      }
      this.#output.emitWatermark(next.watermark)
      this.#firing.shift()
    }
  }

  *#emit(slice: Slice): Generator<void, void> {
    const { keys, calls, emit } = this.#spec
    const { aggregation } = slice.groups
    for (const some of aggregation.groups(BATCH_CAPACITY)) {
      const starts = new Float64Array(some.length).fill(slice.start)
      const bounds = emit.map((column, i) =>
        windowColumn(column, starts, this.#windows, this.#outputSchema.fields[keys.length + calls.length + i]?.type as LogicalType),
      )
      this.#output.collect(new Batch(this.#outputSchema, [...aggregation.results(some), ...bounds], some.length))
      yield
    }
  }
}

function startColumn(start: number, count: number): Vector {
  return { kind: 'int64', type: START.type, nulls: undefined, values: new BigInt64Array(count).fill(BigInt(start)) }
}

/** The stored rows of each window, without the column of its start. */
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
