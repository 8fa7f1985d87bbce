/** Columns to one JSON object per line, as Flink's json format (Jackson) writes it: no blanks, \n behind every row. */
import { isBinary, isNested, type LogicalType } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import type { Batch } from '../../columnar/batch.js'
import { isNull, type Utf8Vector, type Vector } from '../../columnar/vector.js'
import { ByteWriter } from '../byte-writer.js'
import type { RowEncoder } from '../format.js'
import { scalarWriter, type ScalarWriter } from '../scalar-writer.js'
import { readValue } from '../../columnar/value.js'
import { EncodeKernel } from './encode-kernel.js'
import { jsonOf } from './nested-text.js'
import { MapKeyNull, type JsonDialect } from './options.js'

const HEX = '0123456789ABCDEF'
/** Second character of the short escapes Jackson uses. */
const SHORT_ESCAPES: Readonly<Record<number, number>> = { 8: 98, 9: 116, 10: 110, 12: 102, 13: 114, 34: 34, 92: 92 }
const QUOTE = 34

export class JsonEncoder implements RowEncoder {
  readonly #dialect: JsonDialect
  readonly #types: readonly LogicalType[]
  readonly #writers: readonly ScalarWriter[]
  /** `"name":` of each column. */
  readonly #keys: readonly Uint8Array[]
  readonly #out = new ByteWriter()
  readonly #kernel: EncodeKernel

  constructor(schema: Schema, dialect: JsonDialect) {
    this.#dialect = dialect
    this.#types = schema.fields.map((field) => field.type)
    this.#writers = this.#types.map((type) =>
      isNested(type.kind) ? nestedWriter(type, dialect) : scalarWriter(type, dialect.timestamps, !dialect.plainDecimals),
    )
    this.#keys = schema.fields.map((field) => {
      const name = new TextEncoder().encode(field.name)
      const key = new ByteWriter(64)
      quoted(key, name, 0, name.length)
      key.byte(58)
      return key.take()
    })
    const writers = this.#types.map((_, i) => (out: ByteWriter, column: Vector, position: number) => this.#scalar(out, column, position, i))
    this.#kernel = new EncodeKernel(this.#types, this.#keys, writers, dialect.timestamps, dialect.ignoreNullFields)
  }

  encode(batch: Batch): Uint8Array {
    return this.#kernel.encode(batch) ?? this.#byRow(batch)
  }

  #byRow(batch: Batch): Uint8Array {
    const out = this.#out
    const { columns, length } = batch
    for (let row = 0; row < length; row++) {
      const position = batch.position(row)
      let first = true
      out.byte(123)
      for (let i = 0; i < columns.length; i++) {
        const column = columns[i] as Vector
        const missing = isNull(column, position)
        if (missing && this.#dialect.ignoreNullFields) continue
        if (!first) out.byte(44)
        first = false
        out.slice(this.#keys[i] as Uint8Array)
        if (missing) out.text('null')
        else if (column.kind === 'utf8' && !isBinary(column.type)) this.#string(column, position)
        else this.#scalar(out, column, position, i)
      }
      out.byte(125)
      out.byte(10)
    }
    return out.take()
  }

  #string(column: Utf8Vector, position: number): void {
    const start = column.offsets[position] as number
    quoted(this.#out, column.bytes, start, start + (column.lengths[position] as number))
  }

  #scalar(out: ByteWriter, column: Vector, position: number, i: number): void {
    const { kind } = this.#types[i] as LogicalType
    const quotes =
      kind === 'DATE' ||
      kind === 'TIME' ||
      kind === 'BYTES' ||
      kind === 'TIMESTAMP' ||
      kind === 'TIMESTAMP_LTZ' ||
      (column.kind === 'float64' && !Number.isFinite(column.values[position] as number))
    if (quotes) out.byte(QUOTE)
    ;(this.#writers[i] as ScalarWriter)(out, column, position)
    if (quotes) out.byte(QUOTE)
  }
}

function nestedWriter(type: LogicalType, dialect: JsonDialect): ScalarWriter {
  const text = jsonOf(type, {
    timestamps: dialect.timestamps,
    scientificDecimals: !dialect.plainDecimals,
    nullKey() {
      if (dialect.mapNullKey === 'FAIL') throw new MapKeyNull({})
      return dialect.mapNullKey === 'DROP' ? undefined : dialect.mapNullKeyLiteral
    },
  })
  return (out, vector, position) => out.text(text(readValue(vector, position) as string))
}

function quoted(out: ByteWriter, bytes: Uint8Array, start: number, end: number): void {
  out.reserve((end - start) * 6 + 2)
  const target = out.bytes
  let at = out.length
  target[at++] = QUOTE
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number
    if (byte >= 32 && byte !== QUOTE && byte !== 92) {
      target[at++] = byte
      continue
    }
    target[at++] = 92
    const short = SHORT_ESCAPES[byte]
    if (short !== undefined) target[at++] = short
    else {
      const escape = `u00${HEX[byte >> 4]}${HEX[byte & 15]}`
      for (let k = 0; k < escape.length; k++) target[at++] = escape.charCodeAt(k)
    }
  }
  target[at++] = QUOTE
  out.length = at
}
