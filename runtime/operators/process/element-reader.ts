/**
 * Elements out of columns. A row becomes a new plain object with all declared fields, in their order; an atomic value is itself; an object
 * is the one that was emitted (not a copy, within a chain). The values by type: type-information.ts.
 */
import type { LogicalType } from '#core/types/logical-type.js'
import type { Batch } from '../../columnar/batch.js'
import { readDecimal128, readString } from '../../columnar/value.js'
import { isNull, type Vector } from '../../columnar/vector.js'
import { decimalToString } from '../../expr/decimal.js'
import { elementFields } from './stream-layout.js'
import type { TypeInformation } from './type-information.js'

/** Reads one column position. */
type ReadColumn = (position: number) => unknown

/** Reads the elements of the batch it was last bound to. */
export class ElementReader {
  readonly #type: TypeInformation
  readonly #first: number
  readonly #names: readonly string[]
  #columns: ReadColumn[] = []
  #objects: readonly unknown[] | undefined
  #timestamps: Float64Array = NO_TIMESTAMPS
  /** Position of the element that was read last; -1: none of this batch. */
  #at = -1

  /** `first`: where the element's columns begin. */
  constructor(type: TypeInformation, first = 0) {
    this.#type = type
    this.#first = first
    this.#names = elementFields(type).map((field) => field.name)
  }

  bind(batch: Batch): void {
    this.#at = -1
    const first = this.#first
    if (this.#type.kind === 'generic') this.#objects = (batch.columns[first] as { values: readonly unknown[] }).values
    else this.#columns = this.#names.map((_, i) => columnReader(batch.columns[first + i] as Vector))
    const timestamps = batch.columns[first + this.#names.length]
    this.#timestamps = timestamps?.kind === 'float64' ? timestamps.values : NO_TIMESTAMPS
  }

  /** The element at a column position. */
  read(position: number): unknown {
    this.#at = position
    if (this.#objects !== undefined) return this.#objects[position]
    if (this.#type.kind === 'atomic') return (this.#columns[0] as ReadColumn)(position)
    const row: Record<string, unknown> = {}
    const names = this.#names
    const columns = this.#columns
    for (let i = 0; i < names.length; i++) row[names[i] as string] = (columns[i] as ReadColumn)(position)
    return row
  }

  /** The element that was read last, for errors. */
  last(): { readonly value: unknown } | undefined {
    return this.#at < 0 ? undefined : { value: this.read(this.#at) }
  }

  /** Its event time in ms; NaN: it has none. */
  timestamp(position: number): number {
    return this.#timestamps[position] as number
  }
}

/** Values of columns that are not part of an element: fields of a key. */
export function columnReader(vector: Vector): ReadColumn {
  const read = valueReader(vector)
  return vector.nulls === undefined ? read : (position) => (isNull(vector, position) ? null : read(position))
}

function valueReader(vector: Vector): ReadColumn {
  const type: LogicalType = vector.type
  switch (vector.kind) {
    case 'boolean':
      return type.kind === 'NULL' ? () => null : (position) => vector.values[position] === 1
    case 'int32':
    case 'float64':
      return (position) => vector.values[position]
    case 'int64': {
      if (type.kind === 'DECIMAL') return (position) => decimalToString(vector.values[position] as bigint, type.scale)
      if (type.kind !== 'TIMESTAMP' && type.kind !== 'TIMESTAMP_LTZ') return (position) => vector.values[position]
      const words = new Int32Array(vector.values.buffer, vector.values.byteOffset, vector.values.length * 2)
      return (position) => (words[2 * position + 1] as number) * 4294967296 + ((words[2 * position] as number) >>> 0)
    }
    case 'decimal128': {
      const scale = type.kind === 'DECIMAL' ? type.scale : 0
      return (position) => decimalToString(readDecimal128(vector, position), scale)
    }
    case 'utf8':
      return (position) => readString(vector, position)
    case 'object':
      return (position) => vector.values[position]
  }
}

const NO_TIMESTAMPS = new Float64Array(0)
