/**
 * UNION ALL: passes the rows of all inputs as they come. Output columns have the output's names and types.
 *
 * State: none.   Time: the task combines the inputs' watermarks; their minimum passes through.
 */
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { Schema } from '#core/types/schema.js'
import type { Batch } from '../columnar/batch.js'
import type { Operator, OperatorContext, Output } from './operator.js'

export class UnionOperator implements Operator {
  readonly #outputSchema: Schema
  #output!: Output

  constructor(output: Schema) {
    this.#outputSchema = output
  }

  open(_context: OperatorContext, output: Output): void {
    this.#output = output
  }

  processBatch(batch: Batch): void {
    if (batch.length === 0) return
    const columns = batch.columns.map((column, i) => ({ ...column, type: this.#outputSchema.fields[i]?.type ?? column.type }))
    this.#output.collect(batch.withColumns(this.#outputSchema, columns))
  }

  processWatermark(watermark: number): void {
    this.#output.emitWatermark(watermark)
  }

  endInput(): void {
    // Nothing is held back.
  }
}

export function createUnion(_spec: SpecOf<'union'>, _inputs: readonly Schema[], output: Schema): Operator {
  return new UnionOperator(output)
}
