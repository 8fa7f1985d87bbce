/**
 * A window table function without aggregation: appends window_start, window_end and window_time to each row.
 *
 * In:    a time column, any row kinds.   Out: each row once for every window it is in, with three more columns.
 * State: none.   Time: watermarks pass through.
 * @throws ROWTIME_IS_NULL
 * Source: Flink's WindowTableFunctionOperator.
 */
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { LogicalType } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import { Batch } from '../columnar/batch.js'
import { rowtimes } from '../time/rowtime.js'
import { slicedWindows, type SlicedWindows } from '../time/sliced-windows.js'
import { sessionTimeZone } from './evaluation-context.js'
import type { Operator, OperatorContext, Output } from './operator.js'
import { windowColumn, type WindowColumn } from './window-columns.js'

const APPENDED: readonly WindowColumn[] = ['window_start', 'window_end', 'window_time']

export class WindowTableFunctionOperator implements Operator {
  readonly #spec: SpecOf<'window-table-function'>
  readonly #input: Schema
  readonly #outputSchema: Schema
  #windows!: SlicedWindows
  #output!: Output
  #clock!: OperatorContext['environment']['clock']

  constructor(spec: SpecOf<'window-table-function'>, input: Schema, output: Schema) {
    this.#spec = spec
    this.#input = input
    this.#outputSchema = output
  }

  open(context: OperatorContext, output: Output): void {
    const zoned = this.#input.fields[this.#spec.timeColumn]?.type.kind === 'TIMESTAMP_LTZ'
    this.#windows = slicedWindows(this.#spec.window, zoned ? sessionTimeZone(context) : undefined)
    this.#clock = context.environment.clock
    this.#output = output
  }

  processBatch(batch: Batch): void {
    if (batch.length === 0) return
    const times =
      this.#spec.processingTime === true ? new Float64Array(batch.length).fill(this.#clock.now()) : rowtimes(batch, this.#spec.timeColumn)
    const slices = times.map((time) => this.#windows.sliceOf(this.#windows.localTime(time)))
    // The n-th window of every row makes a batch of its own over the same columns. Rows may be in fewer windows than others.
    for (let n = 0; ; n++) {
      const rows: number[] = []
      const ends: number[] = []
      for (let row = 0; row < slices.length; row++) {
        const end = this.#windows.endsOf(slices[row] as number)[n]
        if (end === undefined) continue
        rows.push(batch.position(row))
        ends.push(end)
      }
      if (rows.length === 0) return
      this.#emit(batch, Int32Array.from(rows), ends)
    }
  }

  /** Columns are indexed by position, so a selection needs bounds at its positions. */
  #emit(batch: Batch, positions: Int32Array, endsOfRows: readonly number[]): void {
    const width = positions.reduce((most, position) => Math.max(most, position + 1), 0)
    const starts = new Float64Array(width)
    const ends = new Float64Array(width)
    positions.forEach((position, i) => {
      ends[position] = endsOfRows[i] as number
      starts[position] = this.#windows.startOf(endsOfRows[i] as number)
    })
    const first = batch.columns.length
    const appended = APPENDED.map((column, i) =>
      windowColumn(column, starts, ends, this.#windows, this.#outputSchema.fields[first + i]?.type as LogicalType),
    )
    const columns = [...batch.columns, ...appended]
    const selection = positions.length === batch.length ? batch.selection : positions
    this.#output.collect(new Batch(this.#outputSchema, columns, positions.length, selection, batch.rowKinds))
  }

  processWatermark(watermark: number): void {
    this.#output.emitWatermark(watermark)
  }

  endInput(): void {
    // Nothing is held back.
  }
}

export function createWindowTableFunction(spec: SpecOf<'window-table-function'>, inputs: readonly Schema[], output: Schema): Operator {
  return new WindowTableFunctionOperator(spec, inputs[0] as Schema, output)
}
