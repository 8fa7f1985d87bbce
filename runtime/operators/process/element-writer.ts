/** Elements into columns. What does not have the declared type is refused by the name of its field. */
import { hasNanos, NANOS_PER_MILLI, typeToString, withNullable, type LogicalType } from '#core/types/logical-type.js'
import type { Field } from '#core/types/schema.js'
import { ColumnBuilder } from '../../columnar/batch-builder.js'
import type { Vector } from '../../columnar/vector.js'
import { fit, parseDecimal } from '../../expr/decimal.js'
import { describe, ElementTypeMismatch } from './errors.js'
import { elementFields } from './stream-layout.js'
import type { TypeInformation } from './type-information.js'

/** Appends a value to a column; false: it is not of the column's type. Null was looked at before. */
type Append = (column: ColumnBuilder, value: unknown) => boolean

const MAX_INT = 2_147_483_647
const MAX_BIGINT = 2n ** 63n

export class ElementWriter {
  readonly #operator: string
  readonly #type: TypeInformation
  readonly #fields: readonly Field[]
  readonly #appends: readonly Append[]
  #columns: ColumnBuilder[] = []
  #objects: unknown[] = []
  #length = 0

  constructor(type: TypeInformation, operator: string) {
    this.#operator = operator
    this.#type = type
    this.#fields = elementFields(type)
    this.#appends = this.#fields.map((field) => appendOf(field.type))
  }

  get length(): number {
    return this.#length
  }

  /** @throws ELEMENT_TYPE_MISMATCH; then the batch under construction is of no use any more. */
  append(element: unknown): void {
    if (this.#type.kind === 'generic') {
      this.#objects.push(element)
      this.#length++
      return
    }
    if (this.#length === 0) this.#columns = this.#fields.map((field) => new ColumnBuilder(field.type, 64))
    if (this.#type.kind === 'atomic') this.#append(0, element, 'value')
    else {
      if (typeof element !== 'object' || element === null) throw this.#mismatch('value', 'a row (an object)', element)
      const row = element as Record<string, unknown>
      const fields = this.#fields
      for (let i = 0; i < fields.length; i++) this.#append(i, row[(fields[i] as Field).name], undefined)
    }
    this.#length++
  }

  /** The columns of what was appended; begins anew. */
  finish(): Vector[] {
    const { length } = this
    this.#length = 0
    if (this.#type.kind === 'generic') {
      const values = this.#objects
      this.#objects = []
      return [{ kind: 'object', type: (this.#fields[0] as Field).type, nulls: undefined, values }]
    }
    if (length === 0) this.#columns = this.#fields.map((field) => new ColumnBuilder(field.type, 1))
    return this.#columns.map((column) => column.finish())
  }

  #append(i: number, value: unknown, what: string | undefined): void {
    const { type, name } = this.#fields[i] as Field
    const column = this.#columns[i] as ColumnBuilder
    if (value === null || value === undefined) {
      if (!type.nullable) throw this.#mismatch(what ?? `field '${name}'`, typeToString(type), value)
      column.appendNull()
    } else if (!(this.#appends[i] as Append)(column, value)) {
      throw this.#mismatch(what ?? `field '${name}'`, typeToString(withNullable(type, true)), value)
    }
  }

  #mismatch(field: string, expected: string, value: unknown): Error {
    return new ElementTypeMismatch({ operator: this.#operator, field, expected, found: describe(value) })
  }
}

function appendOf(type: LogicalType): Append {
  switch (type.kind) {
    case 'BOOLEAN':
      return (column, value) => typeof value === 'boolean' && (column.appendBoolean(value), true)
    case 'INT':
    case 'DATE':
    case 'TIME':
    case 'INTERVAL_MONTHS':
      return (column, value) =>
        typeof value === 'number' &&
        Number.isInteger(value) &&
        Math.abs(value) <= MAX_INT + 1 &&
        (value | 0) === value &&
        (column.appendInt32(value), true)
    case 'TINYINT':
    case 'SMALLINT': {
      const shift = type.kind === 'TINYINT' ? 24 : 16
      return (column, value) => typeof value === 'number' && (value << shift) >> shift === value && (column.appendInt32(value), true)
    }
    case 'FLOAT':
      return (column, value) => typeof value === 'number' && (column.appendFloat64(Math.fround(value)), true)
    case 'DOUBLE':
      return (column, value) => typeof value === 'number' && (column.appendFloat64(value), true)
    case 'BIGINT':
    case 'INTERVAL_MILLIS':
      return (column, value) => {
        if (typeof value === 'bigint') return value < MAX_BIGINT && value >= -MAX_BIGINT && (column.appendInt64(value), true)
        return Number.isSafeInteger(value) && (column.appendSafeInteger(value as number), true)
      }
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return (column, value) => {
        const ms = value instanceof Date ? value.getTime() : value
        if (!Number.isSafeInteger(ms)) return false
        if (hasNanos(type)) column.appendDecimal128(BigInt(ms as number) * NANOS_PER_MILLI)
        else column.appendSafeInteger(ms as number)
        return true
      }
    case 'DECIMAL':
      return (column, value) => appendDecimal(column, type.precision, type.scale, value)
    case 'VARCHAR': {
      const { length } = type
      return (column, value) => typeof value === 'string' && value.length <= length && (column.appendString(value), true)
    }
    case 'BYTES':
      return (column, value) => value instanceof Uint8Array && (column.appendUtf8(value, 0, value.length), true)
    case 'RAW':
      return (column, value) => (column.appendObject(value), true)
    case 'ARRAY':
    case 'MAP':
    case 'MULTISET':
    case 'ROW':
    case 'VARIANT':
    case 'NULL':
      return () => false
  }
}

/** Exact text, or a number; what does not fit the precision is refused. */
function appendDecimal(column: ColumnBuilder, precision: number, scale: number, value: unknown): boolean {
  if (typeof value !== 'string' && typeof value !== 'number') return false
  const parsed = parseDecimal(String(value), scale)
  const unscaled = parsed === undefined ? null : fit(parsed, precision)
  if (unscaled === null) return false
  if (column.kind === 'int64') column.appendInt64(unscaled)
  else column.appendDecimal128(unscaled)
  return true
}
