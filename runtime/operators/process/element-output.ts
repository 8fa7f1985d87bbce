/**
 * Where a function's elements go: batches of up to BATCH_CAPACITY, each of one output. The operator sets `timestamp` before it calls the
 * function, and flushes before it returns and before it emits a watermark.
 */
import { INT, notNull } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import { ColumnBuilder } from '../../columnar/batch-builder.js'
import { Batch, BATCH_CAPACITY } from '../../columnar/batch.js'
import type { Vector } from '../../columnar/vector.js'
import type { Output } from '../operator.js'
import type { FunctionDefinition } from './definition.js'
import { ElementWriter } from './element-writer.js'
import type { Collector, OutputTag } from './functions.js'
import { streamSchema, taggedStreamSchema } from './stream-layout.js'
import type { TypeInformation } from './type-information.js'

const FIRST_CAPACITY = 16

interface Pending {
  readonly writer: ElementWriter
  timestamps: Float64Array
}

export class ElementOutput implements Collector<unknown> {
  /** Of the elements that are collected next; NaN: none. */
  timestamp = NaN
  readonly #output: Output
  readonly #schema: Schema
  readonly #types: readonly TypeInformation[]
  readonly #tags: ReadonlyMap<string, number>
  readonly #main: Pending
  readonly #pending: readonly Pending[]

  constructor(definition: Pick<FunctionDefinition, 'output' | 'sideOutputs'>, operator: string, output: Output) {
    this.#output = output
    this.#types = [definition.output, ...definition.sideOutputs.map((tag) => tag.type)]
    this.#schema = this.#types.length === 1 ? streamSchema(definition.output) : taggedStreamSchema(this.#types)
    this.#tags = new Map(definition.sideOutputs.map((tag, i) => [tag.id, i + 1]))
    this.#pending = this.#types.map((type) => ({ writer: new ElementWriter(type, operator), timestamps: new Float64Array(FIRST_CAPACITY) }))
    this.#main = this.#pending[0] as Pending
  }

  /** @throws ELEMENT_TYPE_MISMATCH */
  collect(value: unknown): void {
    this.#append(this.#main, 0, value)
  }

  /** To a side output; dropped when the program takes it nowhere. */
  side(tag: OutputTag<unknown>, value: unknown): void {
    const output = this.#tags.get(tag.id)
    if (output !== undefined) this.#append(this.#pending[output] as Pending, output, value)
  }

  /** True: the program takes that side output. */
  takes(tag: OutputTag<unknown>): boolean {
    return this.#tags.has(tag.id)
  }

  flush(): void {
    for (let output = 0; output < this.#pending.length; output++) {
      if ((this.#pending[output] as Pending).writer.length > 0) this.#flush(output)
    }
  }

  emitWatermark(watermark: number): void {
    this.flush()
    this.#output.emitWatermark(watermark)
  }

  #append(pending: Pending, output: number, value: unknown): void {
    const { writer } = pending
    const at = writer.length
    writer.append(value)
    if (at >= pending.timestamps.length) {
      const more = new Float64Array(Math.min(BATCH_CAPACITY, at * 4))
      more.set(pending.timestamps)
      pending.timestamps = more
    }
    pending.timestamps[at] = this.timestamp
    if (at + 1 === BATCH_CAPACITY) this.#flush(output)
  }

  #flush(output: number): void {
    const pending = this.#pending[output] as Pending
    const { length } = pending.writer
    const timestamps: Vector = {
      kind: 'float64',
      type: (this.#schema.fields.at(-1) as { type: Vector['type'] }).type,
      nulls: undefined,
      values: pending.timestamps.subarray(0, length),
    }
    pending.timestamps = new Float64Array(Math.max(FIRST_CAPACITY, length))
    const columns = pending.writer.finish()
    if (this.#types.length === 1) return this.#output.collect(new Batch(this.#schema, [...columns, timestamps], length))
    this.#output.collect(new Batch(this.#schema, [...this.#tagged(output, columns, length), timestamps], length))
  }

  #tagged(output: number, columns: readonly Vector[], length: number): Vector[] {
    const tag: Vector = { kind: 'int32', type: notNull(INT), nulls: undefined, values: new Int32Array(length).fill(output) }
    const all: Vector[] = [tag]
    let column = 1
    for (let other = 0; other < this.#types.length; other++) {
      const fields = other === output ? columns.length : streamSchema(this.#types[other] as TypeInformation).fields.length - 1
      for (let i = 0; i < fields; i++, column++) {
        const type = (this.#schema.fields[column] as { type: Vector['type'] }).type
        all.push(other === output ? ({ ...columns[i], type } as Vector) : nullColumn(type, length))
      }
    }
    return all
  }
}

function nullColumn(type: Vector['type'], length: number): Vector {
  const column = new ColumnBuilder(type, length)
  for (let i = 0; i < length; i++) column.appendNull()
  return column.finish()
}
