/**
 * Keeps the rows whose condition is TRUE and computes the projection over them, in one generated loop (runtime/expr).
 *
 * In:    any schema, any row kinds.   Out: the projection; 0..n rows, row kinds and order kept.
 * State: none.   Time: watermarks pass through.
 * @throws EXPRESSION_FAILED when an expression fails on a row (a cast, say).
 * Source: Flink's StreamExecCalc.
 */
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { Schema } from '#core/types/schema.js'
import type { Batch } from '../columnar/batch.js'
import { compileCalc } from '../expr/compile.js'
import { evaluationContext } from './evaluation-context.js'
import type { Operator, OperatorContext, Output } from './operator.js'

export class CalcOperator implements Operator {
  readonly #spec: SpecOf<'calc'>
  readonly #input: Schema
  readonly #outputSchema: Schema
  #calc!: (batch: Batch) => Batch | undefined
  #output!: Output

  constructor(spec: SpecOf<'calc'>, input: Schema, output: Schema) {
    this.#spec = spec
    this.#input = input
    this.#outputSchema = output
  }

  open(context: OperatorContext, output: Output): void {
    const { condition, projection } = this.#spec
    this.#output = output
    this.#calc = compileCalc({
      ...(condition === undefined ? {} : { condition }),
      projection,
      inputSchema: this.#input,
      outputSchema: this.#outputSchema,
      context: evaluationContext(context),
    })
  }

  processBatch(batch: Batch): void {
    const result = this.#calc(batch)
    if (result !== undefined && result.length > 0) this.#output.collect(result)
  }

  processWatermark(watermark: number): void {
    this.#output.emitWatermark(watermark)
  }

  endInput(): void {
    // Nothing is held back.
  }
}

export function createCalc(spec: SpecOf<'calc'>, inputs: readonly Schema[], output: Schema): Operator {
  return new CalcOperator(spec, inputs[0] as Schema, output)
}
