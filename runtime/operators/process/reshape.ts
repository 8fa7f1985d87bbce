/**
 * Operators that leave elements as they are: keyBy and partitionCustom add a column, select-output takes one output of several, union drops
 * what its inputs do not have in common, from-table and to-table add and drop the hidden columns.
 *
 * In:    elements, any selection.   Out: the input's columns, further ones beside them; selections kept.
 * State: none.   Time: watermarks pass through.
 * @throws FUNCTION_FAILED, INVALID_KEY, OBJECT_NOT_ENCODABLE (keys)
 */
import { INT, notNull, type LogicalType } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import { Batch } from '../../columnar/batch.js'
import { ObjectWriter } from '../../columnar/object-codec.js'
import type { Int32Vector, Utf8Vector, Vector } from '../../columnar/vector.js'
import type { Operator, OperatorContext, Output } from '../operator.js'
import { ElementReader } from './element-reader.js'
import { describe, InvalidKey, isPromiseLike } from './errors.js'
import { elementFields, keyedStreamSchema, PARTITION_COLUMN, streamSchema, taggedColumn } from './stream-layout.js'
import type { TypeInformation } from './type-information.js'
import { functionFailed } from './user-call.js'

abstract class Reshape implements Operator {
  protected context!: OperatorContext
  protected output!: Output

  open(context: OperatorContext, output: Output): void {
    this.context = context
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

/** Appends `$key`. */
export class KeyByOperator extends Reshape {
  readonly #select: (value: unknown) => unknown
  readonly #reader: ElementReader
  readonly #schema: Schema
  readonly #writer = new ObjectWriter(true)

  constructor(input: TypeInformation, select: (value: unknown) => unknown) {
    super()
    this.#select = select
    this.#reader = new ElementReader(input)
    this.#schema = keyedStreamSchema(input)
  }

  processBatch(batch: Batch): void {
    const rows = batch.columns[0]?.kind === 'object' ? batch.columns[0].values.length : highestPosition(batch) + 1
    const offsets = new Int32Array(rows)
    const lengths = new Int32Array(rows)
    const writer = this.#writer
    const select = this.#select
    const reader = this.#reader
    reader.bind(batch)
    writer.truncate()
    for (let row = 0; row < batch.length; row++) {
      const position = batch.position(row)
      let key: unknown
      try {
        key = select(reader.read(position))
      } catch (error) {
        throw functionFailed(error, this.context, 'the key selector', reader.last())
      }
      if (key === null || key === undefined || isPromiseLike(key)) {
        throw new InvalidKey({ operator: this.context.operatorName, problem: describe(key) })
      }
      offsets[position] = writer.length
      writer.write(key, 'the key')
      lengths[position] = writer.length - (offsets[position] as number)
    }
    const { type } = this.#schema.fields.at(-1) as { type: LogicalType }
    const key: Utf8Vector = { kind: 'utf8', type, nulls: undefined, offsets, lengths, bytes: writer.slice() }
    this.output.collect(batch.withColumns(this.#schema, [...batch.columns.slice(0, this.#schema.fields.length - 1), key]))
  }
}

/** Appends `$partition`: the subtask that a function of the program chose by the key. */
export class PartitionByOperator extends Reshape {
  readonly #choose: (value: unknown) => number
  readonly #reader: ElementReader
  readonly #schema: Schema
  readonly #partitions: number

  constructor(input: TypeInformation, choose: (value: unknown) => number, partitions: number) {
    super()
    this.#choose = choose
    this.#partitions = partitions
    this.#reader = new ElementReader(input)
    this.#schema = { fields: [...streamSchema(input).fields, { name: PARTITION_COLUMN, type: notNull(INT) }] }
  }

  processBatch(batch: Batch): void {
    const values = new Int32Array(highestPosition(batch) + 1)
    this.#reader.bind(batch)
    try {
      for (let row = 0; row < batch.length; row++) {
        const position = batch.position(row)
        const partition = this.#choose(this.#reader.read(position))
        if (!Number.isInteger(partition) || partition < 0 || partition >= this.#partitions) {
          throw new RangeError(`it chose ${describe(partition)}; there are partitions 0 to ${this.#partitions - 1}`)
        }
        values[position] = partition
      }
    } catch (error) {
      throw functionFailed(error, this.context, 'the partitioner', this.#reader.last())
    }
    const partitions: Int32Vector = { kind: 'int32', type: notNull(INT), nulls: undefined, values }
    this.output.collect(batch.withColumns(this.#schema, [...batch.columns.slice(0, this.#schema.fields.length - 1), partitions]))
  }
}

/** The elements of one output of an operator that has several. */
export class SelectOutputOperator extends Reshape {
  readonly #index: number
  readonly #first: number
  readonly #schema: Schema

  constructor(outputs: readonly TypeInformation[], index: number) {
    super()
    this.#index = index
    this.#first = taggedColumn(outputs, index)
    this.#schema = streamSchema(outputs[index] as TypeInformation)
  }

  processBatch(batch: Batch): void {
    const tags = (batch.columns[0] as Int32Vector).values
    const kept = new Int32Array(batch.length)
    let count = 0
    for (let row = 0; row < batch.length; row++) {
      const position = batch.position(row)
      if (tags[position] === this.#index) kept[count++] = position
    }
    if (count === 0) return
    const { fields } = this.#schema
    const columns = fields.map((field, i) => {
      const column = (i < fields.length - 1 ? batch.columns[this.#first + i] : batch.columns.at(-1)) as Vector
      return { ...column, type: field.type } as Vector
    })
    this.output.collect(new Batch(this.#schema, columns, count, count === batch.length ? batch.selection : kept.subarray(0, count)))
  }
}

/** Elements and timestamps of all inputs; their keys, if they have any, are dropped. */
export class ElementUnionOperator extends Reshape {
  readonly #schema: Schema

  constructor(output: TypeInformation) {
    super()
    this.#schema = streamSchema(output)
  }

  processBatch(batch: Batch): void {
    if (batch.length === 0) return
    const columns = this.#schema.fields.map((field, i) => ({ ...(batch.columns[i] as Vector), type: field.type }) as Vector)
    this.output.collect(batch.withColumns(this.#schema, columns))
  }
}

/** Rows of a connector's table become elements, without timestamps. */
export class FromTableOperator extends Reshape {
  readonly #schema: Schema

  constructor(output: TypeInformation) {
    super()
    this.#schema = streamSchema(output)
  }

  processBatch(batch: Batch): void {
    if (batch.length === 0) return
    const { type } = this.#schema.fields.at(-1) as { type: LogicalType }
    const timestamps: Vector = { kind: 'float64', type, nulls: undefined, values: new Float64Array(highestPosition(batch) + 1).fill(NaN) }
    this.output.collect(batch.withColumns(this.#schema, [...batch.columns, timestamps]))
  }
}

/** Elements become rows of a connector's table: hidden columns are dropped. */
export class ToTableOperator extends Reshape {
  readonly #fields: number

  constructor(input: TypeInformation) {
    super()
    this.#fields = elementFields(input).length
  }

  processBatch(batch: Batch): void {
    if (batch.length > 0) this.output.collect(batch.withColumns(this.context.outputSchema, batch.columns.slice(0, this.#fields)))
  }
}

function highestPosition(batch: Batch): number {
  if (batch.selection === undefined) return batch.length - 1
  let highest = -1
  for (let row = 0; row < batch.length; row++) highest = Math.max(highest, batch.selection[row] as number)
  return highest
}
