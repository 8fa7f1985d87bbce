/**
 * UNNEST: each row once for every element of one of its columns.
 *
 * In:    a column of arrays, maps or multisets, any row kinds.   Out: columns kept, the element, perhaps its number; row kinds kept.
 * State: none.   Time: watermarks pass through.
 * Source: Flink's UnnestRowsFunction.
 */
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { LogicalType, Value } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import { ColumnBuilder } from '../columnar/batch-builder.js'
import { Batch, BATCH_CAPACITY } from '../columnar/batch.js'
import { gatherBatch } from '../columnar/gather.js'
import { arrayElements, mapEntries, multisetEntries, rowFields } from '../columnar/nested-value.js'
import { readValue } from '../columnar/value.js'
import type { Vector } from '../columnar/vector.js'
import type { Operator, OperatorContext, Output } from './operator.js'

/** Values of the element's columns, for each element. */
type ElementsOf = (value: string) => readonly (readonly Value[])[]

export class UnnestOperator implements Operator {
  readonly #spec: SpecOf<'unnest'>
  readonly #outputSchema: Schema
  readonly #keptSchema: Schema
  readonly #elements: ElementsOf
  #output!: Output
  #positions: number[] = []
  #builders: ColumnBuilder[] = []

  constructor(spec: SpecOf<'unnest'>, input: Schema, output: Schema) {
    this.#spec = spec
    this.#outputSchema = output
    this.#keptSchema = { fields: output.fields.slice(0, spec.kept.length) }
    this.#elements = elementsOf(input.fields[spec.column]?.type)
  }

  open(_context: OperatorContext, output: Output): void {
    this.#output = output
  }

  processBatch(batch: Batch): void {
    const source = batch.columns[this.#spec.column] as Vector
    for (let row = 0; row < batch.length; row++) {
      const position = batch.position(row)
      const value = readValue(source, position)
      const elements = value === null ? [] : this.#elements(value as string)
      elements.forEach((element, i) => this.#append(batch, position, element, i + 1))
      if (elements.length === 0 && this.#spec.outer) this.#append(batch, position, [], null)
    }
    this.#emit(batch)
  }

  #append(batch: Batch, position: number, element: readonly Value[], number: number | null): void {
    if (this.#positions.length === 0)
      this.#builders = this.#outputSchema.fields.slice(this.#spec.kept.length).map(({ type }) => new ColumnBuilder(type))
    const last = this.#builders.length - 1
    this.#builders.forEach((builder, i) => builder.appendValue(this.#spec.ordinality && i === last ? number : (element[i] ?? null)))
    this.#positions.push(position)
    if (this.#positions.length >= BATCH_CAPACITY) this.#emit(batch)
  }

  #emit(batch: Batch): void {
    if (this.#positions.length === 0) return
    const rows = new Batch(
      this.#keptSchema,
      this.#spec.kept.map((column) => batch.columns[column] as Vector),
      batch.length,
      batch.selection,
      batch.rowKinds,
    )
    const kept = gatherBatch(rows, Int32Array.from(this.#positions))
    const columns = [...kept.columns, ...this.#builders.map((builder) => builder.finish())]
    this.#output.collect(new Batch(this.#outputSchema, columns, this.#positions.length, undefined, kept.rowKinds))
    this.#positions = []
  }

  processWatermark(watermark: number): void {
    this.#output.emitWatermark(watermark)
  }

  endInput(): void {
    // Nothing is held back.
  }
}

function elementsOf(type: LogicalType | undefined): ElementsOf {
  switch (type?.kind) {
    case 'MAP':
      return (value) => mapEntries(value, type.key, type.value)
    case 'ARRAY': {
      const columns = columnsOf(type.element)
      return (value) => arrayElements(value, type.element).map(columns)
    }
    case 'MULTISET': {
      const columns = columnsOf(type.element)
      return (value) =>
        multisetEntries(value, type.element).flatMap(([element, count]) => new Array<readonly Value[]>(count).fill(columns(element)))
    }
    default:
      throw new Error(`no elements in a ${type?.kind}`)
  }
}

/** The fields of a ROW are columns of their own, all of them NULL where it is. */
function columnsOf(element: LogicalType): (value: Value) => readonly Value[] {
  if (element.kind !== 'ROW') return (value) => [value]
  return (value) => (value === null ? [] : rowFields(value as string, element.fields))
}

export function createUnnest(spec: SpecOf<'unnest'>, inputs: readonly Schema[], output: Schema): Operator {
  return new UnnestOperator(spec, inputs[0] as Schema, output)
}
