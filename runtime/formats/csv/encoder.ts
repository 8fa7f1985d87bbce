/**
 * Columns to CSV, byte for byte as Flink's csv format (Jackson) writes them: rows end with \n; a string is quoted when it is
 * longer than 24 characters or holds a character up to the highest of delimiter, quote and line ends (so a blank and `+` do
 * too), quotes inside are doubled, or escaped where there is an escape character; NULL is the null-literal, or nothing.
 */
import { isBinary, isNested, type LogicalType } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import type { Batch } from '../../columnar/batch.js'
import { readValue } from '../../columnar/value.js'
import { isNull, type Utf8Vector, type Vector } from '../../columnar/vector.js'
import { ByteWriter } from '../byte-writer.js'
import type { RowEncoder } from '../format.js'
import { scalarWriter, type ScalarWriter } from '../scalar-writer.js'
import { elementsOf } from './elements.js'
import type { CsvDialect } from './options.js'

const AS_STRINGS: ReadonlySet<string> = new Set(['DATE', 'TIME', 'TIMESTAMP', 'TIMESTAMP_LTZ', 'BYTES', 'ARRAY', 'ROW'])

/** Jackson does not look into longer strings, it quotes them. */
const MAX_QUOTE_CHECK_CHARACTERS = 24
const NEWLINE = 10
const TEXT = new TextEncoder()

export class CsvEncoder implements RowEncoder {
  readonly #dialect: CsvDialect
  readonly #types: readonly LogicalType[]
  readonly #writers: readonly ScalarWriter[]
  /** A date or time on its way to being looked at for quotes. */
  readonly #time = new ByteWriter(64)
  readonly #null: Uint8Array
  /** Lowest byte that needs no quotes. */
  readonly #safe: number
  readonly #out = new ByteWriter()

  constructor(schema: Schema, dialect: CsvDialect) {
    this.#dialect = dialect
    this.#types = schema.fields.map((field) => field.type)
    this.#writers = this.#types.map((type) =>
      isNested(type.kind) ? elementsWriter(type, dialect) : scalarWriter(type, 'SQL', dialect.scientificDecimals),
    )
    this.#null = TEXT.encode(dialect.nullLiteral ?? '')
    this.#safe = Math.max(dialect.delimiter, dialect.quote, 13) + 1
  }

  encode(batch: Batch): Uint8Array {
    const out = this.#out
    const { columns, length } = batch
    for (let row = 0; row < length; row++) {
      const position = batch.position(row)
      for (let i = 0; i < columns.length; i++) {
        if (i > 0) out.byte(this.#dialect.delimiter)
        const column = columns[i] as Vector
        if (isNull(column, position)) out.slice(this.#null)
        else if (column.kind === 'utf8' && !isBinary(column.type)) this.#string(column, position)
        else this.#scalar(column, position, i)
      }
      out.byte(NEWLINE)
    }
    return out.take()
  }

  #scalar(column: Vector, position: number, i: number): void {
    const { kind } = this.#types[i] as LogicalType
    const write = this.#writers[i] as ScalarWriter
    // Dates and times are strings to Jackson; numbers and booleans are never quoted.
    if (!AS_STRINGS.has(kind)) return write(this.#out, column, position)
    const text = this.#time
    text.length = 0
    write(text, column, position)
    this.#quotable(text.bytes, 0, text.length)
  }

  #string(column: Utf8Vector, position: number): void {
    const start = column.offsets[position] as number
    this.#quotable(column.bytes, start, start + (column.lengths[position] as number))
  }

  #quotable(bytes: Uint8Array, start: number, end: number): void {
    const { quote } = this.#dialect
    if (quote < 0) return this.#plain(bytes, start, end)
    if (!this.#needsQuotes(bytes, start, end)) return this.#out.slice(bytes, start, end)
    const { escape } = this.#dialect
    const out = this.#out
    out.reserve((end - start) * 2 + 2)
    const target = out.bytes
    let at = out.length
    target[at++] = quote
    for (let i = start; i < end; i++) {
      const byte = bytes[i] as number
      if (byte === quote) target[at++] = escape >= 0 ? escape : quote
      else if (byte === escape) target[at++] = escape
      target[at++] = byte
    }
    target[at++] = quote
    out.length = at
  }

  /** Without quotes only an escape character can protect what would end the field. */
  #plain(bytes: Uint8Array, start: number, end: number): void {
    const { escape, delimiter } = this.#dialect
    if (escape < 0) return this.#out.slice(bytes, start, end)
    for (let i = start; i < end; i++) {
      const byte = bytes[i] as number
      if (byte === escape || byte === delimiter || byte === NEWLINE || byte === 13) this.#out.byte(escape)
      this.#out.byte(byte)
    }
  }

  #needsQuotes(bytes: Uint8Array, start: number, end: number): boolean {
    const { escape } = this.#dialect
    let characters = 0
    for (let i = start; i < end; i++) {
      const byte = bytes[i] as number
      if (byte < this.#safe || byte === escape) return true
      // UTF-16 units as Java counts them: one per character, two for those of four bytes.
      if ((byte & 0xc0) !== 0x80) characters += byte >= 0xf0 ? 2 : 1
      if (characters > MAX_QUOTE_CHECK_CHARACTERS) return true
    }
    return false
  }
}

/** The elements of an array or the fields of a row, with their delimiter between them. */
function elementsWriter(type: LogicalType, dialect: CsvDialect): ScalarWriter {
  const text = elementsOf(type, dialect).text
  return (out, vector, position) => out.text(text(readValue(vector, position) as string))
}
