/**
 * CSV to columns, by Jackson's rules (Flink's csv): a row ends at \n, \r\n or \r; a field that begins with the quote runs to
 * the closing one, a doubled quote stands for itself; an escape character makes the next character ordinary (and n, r, t, 0
 * a control character), inside quotes and outside.
 *
 * A row is first cut into fields, as offsets; only a whole row is turned into values. So nothing is ever taken back.
 *
 *   #starts[i], #ends[i]   the text of field i; #flags[i]: quoted, or holds doubled quotes or escapes to be resolved
 *
 * Other than Flink: a blank line of a table with several columns is skipped rather than an error.
 */
import { isNested, type LogicalType } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import type { BatchBuilder } from '../../columnar/batch-builder.js'
import { ByteFeed } from '../byte-feed.js'
import { fieldReader, trimmedEnd, trimmedStart, type FieldReader } from '../field-reader.js'
import { excerpt, RowProblem, type RowDecoder } from '../format.js'
import { elementsOf } from './elements.js'
import type { CsvDialect } from './options.js'

const NEWLINE = 10
const CARRIAGE_RETURN = 13
const SPACE = 32
const HASH = 35

const QUOTED = 1
/** The text between the offsets has to be resolved first. */
const RESOLVE = 2

/** More fields than this in one row are counted, but not kept. */
const MAX_EXTRA_FIELDS = 1

export class CsvDecoder implements RowDecoder {
  readonly #schema: Schema
  readonly #dialect: CsvDialect
  readonly #readers: readonly FieldReader[]
  readonly #isString: readonly boolean[]
  /** Column of the builder that each field goes to, -1: none. */
  readonly #targets: readonly number[]
  readonly #nullLiteral: Uint8Array | undefined
  readonly #feed: ByteFeed
  readonly #starts: Int32Array
  readonly #ends: Int32Array
  readonly #flags: Uint8Array
  /** 1: a byte at which plain text, or text inside quotes, may end or needs a closer look. */
  readonly #stops = new Uint8Array(256)
  readonly #quotedStops = new Uint8Array(256)
  #fields = 0
  /** Line of the row at the feed's position, and line ends inside that row. */
  #line = 1
  #innerLines = 0
  #problem = ''
  #problemAt = 0
  #resolved = new Uint8Array(256)

  constructor(schema: Schema, dialect: CsvDialect, projection?: readonly number[], fileStart = true) {
    this.#feed = new ByteFeed(fileStart)
    this.#schema = schema
    this.#targets = schema.fields.map((_, field) => (projection === undefined ? field : projection.indexOf(field)))
    this.#dialect = dialect
    this.#readers = schema.fields.map((field) =>
      isNested(field.type.kind) ? elementsReader(field.type, dialect) : fieldReader(field.type, { timestamps: 'SQL', leastDigits: 1 }),
    )
    this.#isString = schema.fields.map((field) => field.type.kind === 'VARCHAR')
    this.#nullLiteral = dialect.nullLiteral === undefined ? undefined : new TextEncoder().encode(dialect.nullLiteral)
    for (const byte of [dialect.delimiter, dialect.escape, NEWLINE, CARRIAGE_RETURN]) if (byte >= 0) this.#stops[byte] = 1
    for (const byte of [dialect.quote, dialect.escape, NEWLINE, CARRIAGE_RETURN]) if (byte >= 0) this.#quotedStops[byte] = 1
    const room = schema.fields.length + MAX_EXTRA_FIELDS
    this.#starts = new Int32Array(room)
    this.#ends = new Int32Array(room)
    this.#flags = new Uint8Array(room)
  }

  get consumed(): number {
    return this.#feed.consumed
  }

  feed(bytes: Uint8Array): void {
    this.#feed.feed(bytes)
  }

  finish(): void {
    this.#feed.finish()
  }

  read(builder: BatchBuilder, limit: number): number {
    const feed = this.#feed
    let rows = 0
    while (rows < limit && feed.position < feed.end) {
      const start = feed.position
      const next = this.#cut(feed.bytes, start, feed.end, feed.ended)
      if (next < 0) {
        feed.checkSize(this.#line)
        break
      }
      if (this.#append(builder, feed.bytes, start, next)) rows++
      feed.position = next
      this.#line += 1 + this.#innerLines
    }
    return rows
  }

  /** Cuts the row at `start` into fields. Returns where the next row starts, or -1: the row is not complete. */
  #cut(bytes: Uint8Array, start: number, end: number, ended: boolean): number {
    const { delimiter, quote, escape, trimSpaces } = this.#dialect
    const stops = this.#stops
    const quotedStops = this.#quotedStops
    const most = this.#starts.length
    let at = start
    let field = 0
    this.#innerLines = 0
    this.#problem = ''
    if (this.#dialect.allowComments && bytes[start] === HASH) {
      this.#fields = 0
      return this.#lineEnd(bytes, start, end, ended)
    }
    for (;;) {
      let from = at
      let to: number
      let flags = 0
      // A quote may follow blanks only where those are trimmed.
      let quoteAt = at
      if (trimSpaces) while (quoteAt < end && bytes[quoteAt] === SPACE) quoteAt++
      if (quote >= 0 && quoteAt < end && bytes[quoteAt] === quote) {
        flags = QUOTED
        from = at = quoteAt + 1
        for (;;) {
          while (at < end && quotedStops[bytes[at] as number] === 0) at++
          if (at >= end) {
            if (!ended) return -1
            this.#problem = 'the closing quote is missing'
            this.#problemAt = from - 1
            this.#fields = 0
            return end
          }
          const byte = bytes[at] as number
          if (byte === quote) {
            if (at + 1 >= end && !ended) return -1
            if (at + 1 < end && bytes[at + 1] === quote) {
              flags = QUOTED | RESOLVE
              at += 2
              continue
            }
            break
          }
          if (byte === escape) {
            flags = QUOTED | RESOLVE
            if (at + 1 < end && bytes[at + 1] === NEWLINE) this.#innerLines++
            at += 2
            continue
          }
          if (byte === NEWLINE || (byte === CARRIAGE_RETURN && (at + 1 >= end || bytes[at + 1] !== NEWLINE))) this.#innerLines++
          at++
        }
        to = at++
        while (at < end && bytes[at] === SPACE && delimiter !== SPACE) at++
        if (at < end && bytes[at] !== delimiter && bytes[at] !== NEWLINE && bytes[at] !== CARRIAGE_RETURN) {
          if (this.#problem === '') {
            this.#problem = `after the closing quote '${excerpt(bytes, at, at + 1)}' stands where a field delimiter is expected`
            this.#problemAt = at
          }
          while (at < end && bytes[at] !== delimiter && bytes[at] !== NEWLINE && bytes[at] !== CARRIAGE_RETURN) at++
        }
      } else {
        for (;;) {
          while (at < end && stops[bytes[at] as number] === 0) at++
          if (at >= end || bytes[at] !== escape) break
          flags = RESOLVE
          if (at + 1 < end && bytes[at + 1] === NEWLINE) this.#innerLines++
          at = Math.min(end, at + 2)
        }
        to = at
      }
      if (at >= end && !ended) return -1
      if (field < most) {
        this.#starts[field] = from
        this.#ends[field] = to
        this.#flags[field] = flags
      }
      field++
      if (at < end && bytes[at] === delimiter) {
        at++
        // A delimiter as the last byte of all: an empty field follows.
        if (at < end || ended) continue
        return -1
      }
      break
    }
    this.#fields = field
    return this.#behindLineEnd(bytes, at, end, ended)
  }

  #lineEnd(bytes: Uint8Array, start: number, end: number, ended: boolean): number {
    let at = start
    while (at < end && bytes[at] !== NEWLINE && bytes[at] !== CARRIAGE_RETURN) at++
    return at >= end && !ended ? -1 : this.#behindLineEnd(bytes, at, end, ended)
  }

  #behindLineEnd(bytes: Uint8Array, at: number, end: number, ended: boolean): number {
    if (at >= end) return end
    if (bytes[at] !== CARRIAGE_RETURN) return at + 1
    if (at + 1 >= end) return ended ? end : -1
    return bytes[at + 1] === NEWLINE ? at + 2 : at + 1
  }

  /** Turns the fields that were cut into a row. False: there is none (comment, blank line, skipped). */
  #append(builder: BatchBuilder, bytes: Uint8Array, start: number, next: number): boolean {
    const { columns } = builder
    const count = this.#targets.length
    const fields = this.#fields
    const { ignoreParseErrors } = this.#dialect
    if (this.#problem !== '') {
      if (ignoreParseErrors) return false
      throw this.#error(this.#problem, bytes, start, next, this.#problemAt)
    }
    if (fields === 0) return false
    if (fields === 1 && count > 1 && this.#starts[0] === this.#ends[0] && this.#flags[0] === 0) return false
    if (fields !== count) {
      if (!ignoreParseErrors) throw this.#error(`the row has ${fields} fields, the table has ${count} columns`, bytes, start, next, start)
      if (fields > count) return false
    }
    for (let i = 0; i < count; i++) {
      const column = columns[this.#targets[i] as number]
      if (column === undefined) continue
      if (i >= fields) {
        column.appendNull()
        continue
      }
      let text = bytes
      let from = this.#starts[i] as number
      let to = this.#ends[i] as number
      const flags = this.#flags[i] as number
      if (flags === 0 && this.#dialect.trimSpaces) {
        from = trimmedStart(bytes, from, to)
        to = trimmedEnd(bytes, from, to)
      }
      if ((flags & RESOLVE) !== 0) {
        to = this.#resolve(bytes, from, to, (flags & QUOTED) !== 0)
        text = this.#resolved
        from = 0
      }
      if ((from === to && this.#dialect.emptyStringAsNull) || this.#isNullLiteral(text, from, to)) {
        column.appendNull()
        continue
      }
      const problem = this.#readers[i]?.(column, text, from, to, this.#feed.suspect)
      if (problem === undefined) continue
      if (!ignoreParseErrors) throw this.#error(this.#explain(problem, i, from, to), bytes, start, next, this.#starts[i] as number, i)
      column.appendNull()
    }
    builder.endRow()
    return true
  }

  #explain(problem: string, field: number, from: number, to: number): string {
    if (from !== to || this.#isString[field] === true) return problem
    return `${problem}; set 'csv.null-literal' = '' to read empty fields as NULL`
  }

  #isNullLiteral(text: Uint8Array, from: number, to: number): boolean {
    const literal = this.#nullLiteral
    if (literal === undefined || literal.length !== to - from) return false
    for (let i = 0; i < literal.length; i++) if (literal[i] !== text[from + i]) return false
    return true
  }

  /** Writes the field's text without doubled quotes and escapes to #resolved; returns its length. */
  #resolve(bytes: Uint8Array, from: number, to: number, quoted: boolean): number {
    const { quote, escape } = this.#dialect
    if (this.#resolved.length < to - from) this.#resolved = new Uint8Array((to - from) * 2)
    const out = this.#resolved
    let length = 0
    for (let at = from; at < to; at++) {
      let byte = bytes[at] as number
      if (byte === escape && at + 1 < to && !(quoted && byte === quote)) byte = unescaped(bytes[++at] as number)
      else if (quoted && byte === quote) at++
      out[length++] = byte
    }
    return length
  }

  #error(problem: string, bytes: Uint8Array, start: number, next: number, at: number, field?: number): RowProblem {
    let end = next
    while (end > start && (bytes[end - 1] === NEWLINE || bytes[end - 1] === CARRIAGE_RETURN)) end--
    let line = this.#line
    let lineStart = start
    for (let i = start; i < at; i++) {
      if (bytes[i] === NEWLINE || (bytes[i] === CARRIAGE_RETURN && bytes[i + 1] !== NEWLINE)) {
        line++
        lineStart = i + 1
      }
    }
    return new RowProblem(problem, {
      line,
      column: at - lineStart + 1,
      text: excerpt(bytes, start, end, at),
      field: field === undefined ? undefined : this.#schema.fields[field]?.name,
      fieldNumber: field === undefined ? undefined : field + 1,
    })
  }
}

function elementsReader(type: LogicalType, dialect: CsvDialect): FieldReader {
  const elements = elementsOf(type, dialect)
  return (column, bytes, start, end) => {
    const read = elements.read(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8'))
    if ('problem' in read) return read.problem
    column.appendBinary(read.value)
    return undefined
  }
}

/** What Jackson makes of the character behind an escape. */
function unescaped(byte: number): number {
  switch (byte) {
    case 48:
      return 0
    case 110:
      return NEWLINE
    case 114:
      return CARRIAGE_RETURN
    case 116:
      return 9
    default:
      return byte
  }
}
