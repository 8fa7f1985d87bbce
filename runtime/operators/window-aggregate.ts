/**
 * Aggregation by key within tumbling windows of event time.
 *
 * In:    insertions with a time column.   Out: keys, calls, then the spec's window columns; +I, once per key and window.
 * State: one slice per open window: keys and accumulators by group id. A fired slice's memory serves a later window.
 * Time:  a window fires when the watermark reaches its end - 1, windows in order of their ends; then the watermark passes on. Rows
 *        of a window that has fired are dropped and counted. The last watermark fires all.
 * @throws ROWTIME_IS_NULL
 * Source: Flink's slicing window aggregation (WindowAggOperator with a tumbling slice assigner).
 */
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { LogicalType } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import { Batch, BATCH_CAPACITY } from '../columnar/batch.js'
import { rowtimes } from '../time/rowtime.js'
import { tumblingWindows, type TumblingWindows } from '../time/tumbling-windows.js'
import { GroupedAggregation } from './aggregate/grouped-aggregation.js'
import { hasRetractions } from './changelog.js'
import { sessionTimeZone } from './evaluation-context.js'
import { NO_WATERMARK, type Operator, type OperatorContext, type Output } from './operator.js'
import { windowColumn } from './window-columns.js'

/** Aggregations of fired windows kept for use by later ones. */
const KEPT = 2

interface Slice {
  /** Local start of the window. */
  readonly start: number
  /** The watermark that fires it. */
  readonly firesAt: number
  readonly aggregation: GroupedAggregation
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
  readonly #kept: GroupedAggregation[] = []
  #firstFire = Infinity
  #watermark = NO_WATERMARK
  #windows!: TumblingWindows
  #context!: OperatorContext
  #output!: Output

  constructor(spec: SpecOf<'window-aggregate'>, input: Schema, output: Schema) {
    this.#spec = spec
    this.#input = input
    this.#outputSchema = output
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
      else slice.aggregation.accumulate(positions.length === batch.length ? batch : batch.select(positions))
    }
  }

  processWatermark(watermark: number): void {
    this.#watermark = watermark
    if (watermark >= this.#firstFire) this.#fire(watermark)
    this.#output.emitWatermark(watermark)
  }

  endInput(): void {
    // The last watermark came before and has fired all windows.
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
    const firesAt = this.#windows.instantOf(start + this.#windows.sizeMs - 1)
    if (firesAt <= this.#watermark) return undefined
    const { keys, calls } = this.#spec
    const slice = { start, firesAt, aggregation: this.#kept.pop() ?? new GroupedAggregation(this.#input, keys, calls, false) }
    this.#slices.set(start, slice)
    if (firesAt < this.#firstFire) this.#firstFire = firesAt
    return slice
  }

  #fire(watermark: number): void {
    const due = [...this.#slices.values()].filter((slice) => slice.firesAt <= watermark).sort((a, b) => a.start - b.start)
    for (const slice of due) {
      this.#emit(slice)
      this.#slices.delete(slice.start)
      slice.aggregation.clear()
      if (this.#kept.length < KEPT) this.#kept.push(slice.aggregation)
    }
    this.#firstFire = Infinity
    for (const slice of this.#slices.values()) this.#firstFire = Math.min(this.#firstFire, slice.firesAt)
  }

  #emit(slice: Slice): void {
    const { keys, calls, emit } = this.#spec
    const groups = slice.aggregation.groups()
    for (let from = 0; from < groups.length; from += BATCH_CAPACITY) {
      const some = groups.subarray(from, from + BATCH_CAPACITY)
      const starts = new Float64Array(some.length).fill(slice.start)
      const bounds = emit.map((column, i) =>
        windowColumn(column, starts, this.#windows, this.#outputSchema.fields[keys.length + calls.length + i]?.type as LogicalType),
      )
      this.#output.collect(new Batch(this.#outputSchema, [...slice.aggregation.columns(some), ...bounds], some.length))
    }
  }
}

export function createWindowAggregate(spec: SpecOf<'window-aggregate'>, inputs: readonly Schema[], output: Schema): Operator {
  return new WindowAggregateOperator(spec, inputs[0] as Schema, output)
}
