/** Compiles expressions for batches: a condition to the positions it keeps, a calc (condition and projection) to its output batch. */
import type { Expression } from '#core/graph/expression.js'
import type { Value } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import type { Batch } from '../columnar/batch.js'
import { BatchBuilder } from '../columnar/batch-builder.js'
import { readValue } from '../columnar/value.js'
import type { EvaluationContext } from './evaluation.js'
import { evaluate } from './interpreter.js'

export interface CalcSpec {
  readonly condition?: Expression | undefined
  readonly projection: readonly Expression[]
  readonly inputSchema: Schema
  readonly outputSchema: Schema
  readonly context: EvaluationContext
}

/** Keeps the rows whose condition is TRUE and computes the projection; undefined when no row is left. Row kinds are kept. */
export function compileCalc({ condition, projection, inputSchema, outputSchema, context }: CalcSpec): (batch: Batch) => Batch | undefined {
  const select = condition === undefined ? undefined : compileCondition(condition, inputSchema, context)
  return (batch) => {
    const kept = select === undefined ? batch : batch.select(select(batch))
    if (kept.length === 0) return undefined
    const builder = new BatchBuilder(outputSchema, kept.length)
    for (let r = 0; r < kept.length; r++) {
      const position = kept.position(r)
      const row = kept.columns.map((column) => readValue(column, position))
      builder.appendRow(projection.map((expression) => evaluate(expression, row, context)), kept.rowKind(position))
    }
    return builder.finish()
  }
}

/** Positions of the rows whose condition is TRUE, in the batch's order. */
export function compileCondition(expression: Expression, _inputSchema: Schema, context: EvaluationContext): (batch: Batch) => Int32Array {
  return (batch) => {
    const positions: number[] = []
    for (let r = 0; r < batch.length; r++) {
      const position = batch.position(r)
      const row: Value[] = batch.columns.map((column) => readValue(column, position))
      if (evaluate(expression, row, context) === true) positions.push(position)
    }
    return Int32Array.from(positions)
  }
}
