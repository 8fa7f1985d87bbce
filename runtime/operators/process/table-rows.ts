/**
 * Between streams and the tables of connectors: rows of a table become elements without timestamps, and elements rows of a table.
 *
 * In, out: the same rows, selections kept; `$timestamp` is added, or all hidden columns are dropped.
 * State: none.   Time: watermarks pass through.
 */
import { DOUBLE, notNull } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import type { Batch } from '../../columnar/batch.js'
import type { Vector } from '../../columnar/vector.js'
import type { Operator, OperatorContext, Output } from '../operator.js'
import { elementFields, streamSchema } from './stream-layout.js'
import type { TypeInformation } from './type-information.js'

function noTimestamps(length: number): Vector {
  return { kind: 'float64', type: notNull(DOUBLE), nulls: undefined, values: new Float64Array(length).fill(NaN) }
}

abstract class PassThrough implements Operator {
  protected output!: Output

  open(_context: OperatorContext, output: Output): void {
    this.output = output
  }

  abstract processBatch(batch: Batch): void

  processWatermark(watermark: number): void {
    this.output.emitWatermark(watermark)
  }

  endInput(): void {
    // Nothing is held back.
  }
}

/** Rows of a table as elements. */
export class FromTable extends PassThrough {
  readonly #schema: Schema

  constructor(type: TypeInformation) {
    super()
    this.#schema = streamSchema(type)
  }

  processBatch(batch: Batch): void {
    const { selection, length } = batch
    let positions = length
    if (selection !== undefined) for (let row = 0; row < length; row++) positions = Math.max(positions, (selection[row] as number) + 1)
    this.output.collect(batch.withColumns(this.#schema, [...batch.columns, noTimestamps(positions)]))
  }
}

/** Elements as rows of a table. */
export class ToTable extends PassThrough {
  readonly #schema: Schema

  constructor(type: TypeInformation) {
    super()
    this.#schema = { fields: elementFields(type) }
  }

  processBatch(batch: Batch): void {
    this.output.collect(batch.withColumns(this.#schema, batch.columns.slice(0, this.#schema.fields.length)))
  }
}
