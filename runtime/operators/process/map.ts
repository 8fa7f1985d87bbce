/**
 * map: one element out for each one in; the column of timestamps is handed on. filter: a selection, no copy.
 *
 * In:    elements, any selection.   Out: map: dense; filter: the input's columns with a selection; timestamps kept.
 * State: none.   Time: watermarks pass through.
 * @throws FUNCTION_FAILED
 * Source: Flink's StreamMap, StreamFilter.
 */
import type { Schema } from '#core/types/schema.js'
import { Batch } from '../../columnar/batch.js'
import type { Vector } from '../../columnar/vector.js'
import type { Operator, OperatorContext, Output } from '../operator.js'
import type { FunctionDefinition } from './definition.js'
import { ElementReader } from './element-reader.js'
import { ElementWriter } from './element-writer.js'
import { streamSchema, timestampColumn } from './stream-layout.js'
import { closeFunction, functionFailed, methodOf, openFunction, refusePromise, runtimeContext } from './user-call.js'
import { describe } from './errors.js'

export class MapOperator implements Operator {
  readonly #definition: FunctionDefinition
  readonly #function: unknown
  readonly #map: (value: unknown) => unknown
  readonly #reader: ElementReader
  readonly #schema: Schema
  readonly #timestamps: number
  #writer!: ElementWriter
  #context: OperatorContext | undefined
  #output!: Output

  constructor(definition: FunctionDefinition, user: unknown) {
    const input = (definition.inputs[0] as FunctionDefinition['inputs'][0]).type
    this.#definition = definition
    this.#function = user
    this.#map = methodOf(user, 'map')
    this.#reader = new ElementReader(input)
    this.#schema = streamSchema(definition.output)
    this.#timestamps = timestampColumn(input)
  }

  async open(context: OperatorContext, output: Output): Promise<void> {
    this.#context = context
    this.#output = output
    this.#writer = new ElementWriter(this.#definition.output, context.operatorName)
    await openFunction(this.#function, runtimeContext(context), context)
  }

  processBatch(batch: Batch): void {
    if (batch.length === 0) return
    const reader = this.#reader
    const writer = this.#writer
    const map = this.#map
    const context = this.#context as OperatorContext
    reader.bind(batch)
    try {
      for (let row = 0; row < batch.length; row++) {
        const result = map(reader.read(batch.position(row)))
        if (row === 0) refusePromise(result, context, 'map')
        writer.append(result)
      }
    } catch (error) {
      throw functionFailed(error, context, 'map', reader.last())
    }
    const timestamps = handedOn(batch, this.#timestamps)
    this.#output.collect(new Batch(this.#schema, [...writer.finish(), timestamps], batch.length))
  }

  processWatermark(watermark: number): void {
    this.#output.emitWatermark(watermark)
  }

  endInput(): void {
    // Nothing is held back.
  }

  async close(): Promise<void> {
    await closeFunction(this.#function, this.#context)
  }
}

/** A column of 64-bit numbers as the rows of the batch have it, without selection. */
export function handedOn(batch: Batch, column: number): Vector {
  const vector = batch.columns[column] as Vector & { kind: 'float64' }
  if (batch.selection === undefined) return vector
  const values = new Float64Array(batch.length)
  for (let row = 0; row < values.length; row++) values[row] = vector.values[batch.selection[row] as number] as number
  return { ...vector, values }
}

export class FilterOperator implements Operator {
  readonly #function: unknown
  readonly #filter: (value: unknown) => unknown
  readonly #reader: ElementReader
  readonly #schema: Schema
  #context: OperatorContext | undefined
  #output!: Output

  constructor(definition: FunctionDefinition, user: unknown) {
    this.#function = user
    this.#filter = methodOf(user, 'filter')
    this.#reader = new ElementReader((definition.inputs[0] as FunctionDefinition['inputs'][0]).type)
    this.#schema = streamSchema(definition.output)
  }

  async open(context: OperatorContext, output: Output): Promise<void> {
    this.#context = context
    this.#output = output
    await openFunction(this.#function, runtimeContext(context), context)
  }

  processBatch(batch: Batch): void {
    const reader = this.#reader
    const filter = this.#filter
    const kept = new Int32Array(batch.length)
    let count = 0
    reader.bind(batch)
    try {
      for (let row = 0; row < batch.length; row++) {
        const position = batch.position(row)
        const keep = filter(reader.read(position))
        if (keep === true) kept[count++] = position
        else if (keep !== false) throw new TypeError(`it returned ${describe(keep)}, not a boolean`)
      }
    } catch (error) {
      throw functionFailed(error, this.#context as OperatorContext, 'filter', reader.last())
    }
    if (count === 0) return
    const columns = batch.columns.slice(0, this.#schema.fields.length) // not the key
    this.#output.collect(new Batch(this.#schema, columns, count, count === batch.length ? batch.selection : kept.subarray(0, count)))
  }

  processWatermark(watermark: number): void {
    this.#output.emitWatermark(watermark)
  }

  endInput(): void {
    // Nothing is held back.
  }

  async close(): Promise<void> {
    await closeFunction(this.#function, this.#context)
  }
}
