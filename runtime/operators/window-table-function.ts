/**
 * TUMBLE without aggregation: appends window_start, window_end and window_time to each row.
 *
 * In:    a time column, any row kinds.   Out: all rows with three more columns.
 * State: none.   Time: watermarks pass through.
 * @throws ROWTIME_IS_NULL
 * Source: Flink's WindowTableFunctionOperator.
 */
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { LogicalType } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import type { Batch } from '../columnar/batch.js'
import { rowtimes } from '../time/rowtime.js'
import { tumblingWindows, type TumblingWindows } from '../time/tumbling-windows.js'
import { sessionTimeZone } from './evaluation-context.js'
import type { Operator, OperatorContext, Output } from './operator.js'
import { windowColumn, type WindowColumn } from './window-columns.js'

const APPENDED: readonly WindowColumn[] = ['window_start', 'window_end', 'window_time']

export class WindowTableFunctionOperator implements Operator {
  readonly #spec: SpecOf<'window-table-function'>
  readonly #input: Schema
  readonly #outputSchema: Schema
  #windows!: TumblingWindows
  #output!: Output

  constructor(spec: SpecOf<'window-table-function'>, input: Schema, output: Schema) {
    this.#spec = spec
    this.#input = input
    this.#outputSchema = output
  }

  open(context: OperatorContext, output: Output): void {
    const zoned = this.#input.fields[this.#spec.timeColumn]?.type.kind === 'TIMESTAMP_LTZ'
    this.#windows = tumblingWindows(this.#spec.window, zoned ? sessionTimeZone(context) : undefined)
    this.#output = output
  }

  processBatch(batch: Batch): void {
    if (batch.length === 0) return
    const times = rowtimes(batch, this.#spec.timeColumn)
    // Columns are indexed by position, so a selection needs starts at its positions.
    let positions = batch.length
    if (batch.selection !== undefined) for (const position of batch.selection) positions = Math.max(positions, position + 1)
    const starts = new Float64Array(positions)
    for (let row = 0; row < times.length; row++) {
      starts[batch.position(row)] = this.#windows.startOf(this.#windows.localTime(times[row] as number))
    }
    const first = batch.columns.length
    const appended = APPENDED.map((column, i) =>
      windowColumn(column, starts, this.#windows, this.#outputSchema.fields[first + i]?.type as LogicalType),
    )
    this.#output.collect(batch.withColumns(this.#outputSchema, [...batch.columns, ...appended]))
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
