/**
 * Newline-delimited JSON to columns. Each line is one object; blank lines are skipped. Values are read as Flink's json format
 * reads them: numbers exactly from their digits, a number with fraction for an INT is truncated, a number or boolean for a
 * STRING is its text, an object or array for a STRING is its JSON without blanks.
 */
import { isNested, type LogicalType } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import type { BatchBuilder, ColumnBuilder } from '../../columnar/batch-builder.js'
import { ByteFeed } from '../byte-feed.js'
import { appendText, fieldReader, notA, type FieldReader, type TextSyntax } from '../field-reader.js'
import { excerpt, RowProblem, type RowDecoder } from '../format.js'
import { asciiText } from '../number-text.js'
import type { NestedType } from '../../columnar/nested-value.js'
import type { RowLayout } from './layout.js'
import { NestedReader } from './nested-reader.js'
import type { JsonDialect } from './options.js'
import { RowParser, SyntaxProblem } from './parse-row.js'
import { rowCode, type RowCode } from './row-code.js'
import { RowKernel } from './row-kernel.js'
import { CONTAINER, ESCAPED_STRING, FALSE, FRACTION, INTEGER, MISSING, NULL_VALUE, PLAIN_STRING, skipBlanks, TRUE } from './scan.js'
import { Unescaper } from './strings.js'

const NEWLINE = 10
const ROWS_TO_COMPILE = 32
/** So many rows one after the other that the code cannot read, and rows are not of the kind that it is for. */
const MAX_MISSES = 16
/** Calls of the kernel one after the other that read fewer rows than this, so often, cost more than they save. */
const FEW_ROWS = 8
const MAX_SHORT_RUNS = 16
const WORDS = { true: new TextEncoder().encode('true'), false: new TextEncoder().encode('false') }

export class JsonDecoder implements RowDecoder {
  readonly #schema: Schema
  readonly #dialect: JsonDialect
  readonly #syntax: TextSyntax
  readonly #types: readonly LogicalType[]
  readonly #readers: readonly FieldReader[]
  readonly #feed: ByteFeed
  readonly #row: RowParser
  /** Of the columns that hold values of values. */
  readonly #nested: readonly (NestedReader | undefined)[]
  readonly #unescaper = new Unescaper()
  #line = 1
  /** No newline before this position. */
  #scanned = 0
  /** Code for rows of this layout; undefined: there is none, or it failed too often. */
  #layout: RowLayout | undefined
  #code: RowCode | undefined
  /** Rows that had #layout, and rows one after the other that the code could not read. */
  #follows = 0
  #misses = 0
  /** Reads rows of #layout many at once; undefined as #code. */
  #kernel: RowKernel | undefined
  #shortRuns = 0

  constructor(schema: Schema, dialect: JsonDialect, fileStart = true) {
    this.#feed = new ByteFeed(fileStart)
    this.#schema = schema
    this.#dialect = dialect
    this.#syntax = { timestamps: dialect.timestamps, leastDigits: 2 }
    this.#types = schema.fields.map((field) => field.type)
    this.#readers = schema.fields.map((field) => fieldReader(field.type, this.#syntax))
    this.#nested = this.#types.map((type) =>
      isNested(type.kind) ? new NestedReader(type as NestedType, this.#syntax, (...leaf) => this.#leaf(...leaf)) : undefined,
    )
    this.#row = new RowParser(schema.fields.map((field) => field.name))
  }

  get consumed(): number {
    return this.#feed.consumed
  }

  feed(bytes: Uint8Array): void {
    const scanned = Math.max(0, this.#scanned - this.#feed.position)
    this.#feed.feed(bytes)
    this.#scanned = this.#feed.position + scanned
  }

  finish(): void {
    this.#feed.finish()
  }

  read(builder: BatchBuilder, limit: number): number {
    const feed = this.#feed
    let rows = 0
    this.#kernel?.begin()
    while (rows < limit && feed.position < feed.end) {
      rows += this.#many(builder, limit - rows)
      if (rows >= limit || feed.position >= feed.end) break
      const start = feed.position
      if (this.#code !== undefined) {
        const next = this.#code(feed.bytes, feed.view, start, feed.end, builder.columns, feed.suspect)
        if (next >= 0) {
          builder.endRow()
          rows++
          feed.position = next
          this.#line++
          this.#misses = 0
          continue
        }
        builder.takeBack()
        if (++this.#misses >= MAX_MISSES) this.#code = undefined
      }
      const next = this.#row.fast(feed.bytes, start, feed.end)
      if (next >= 0) {
        if (this.#append(builder, feed.bytes, start, next - 1)) rows++
        feed.position = next
        this.#followed()
      } else {
        const end = this.#lineEnd()
        if (end < 0) break
        if (this.#slow(builder, feed.bytes, start, end)) rows++
        feed.position = Math.min(end + 1, feed.end)
      }
      this.#line++
    }
    return rows
  }

  /** Rows up to the first one that the kernel is not for. */
  #many(builder: BatchBuilder, limit: number): number {
    const kernel = this.#kernel
    const feed = this.#feed
    if (kernel === undefined || feed.suspect) return 0
    feed.position = kernel.read(feed.bytes, feed.position, feed.end, builder, limit)
    this.#line += kernel.rows
    if (kernel.rows >= Math.min(FEW_ROWS, limit)) this.#shortRuns = 0
    else if (++this.#shortRuns >= MAX_SHORT_RUNS) this.#kernel = undefined
    return kernel.rows
  }

  /** A row had the layout of the one before. Code is made for a layout that many rows have. */
  #followed(): void {
    const { layout } = this.#row
    if (this.#layout !== layout) {
      this.#layout = layout
      this.#code = undefined
      this.#kernel = undefined
      this.#follows = 0
    }
    if (++this.#follows !== ROWS_TO_COMPILE) return
    this.#misses = 0
    this.#shortRuns = 0
    const complete = this.#types.every((_, column) => layout.columns.includes(column))
    if (!complete && this.#dialect.failOnMissingField) return
    this.#code = rowCode(layout, this.#types, this.#syntax)
    if (this.#code !== undefined) this.#kernel = RowKernel.of(layout, this.#types, this.#syntax)
    this.#kernel?.begin()
  }

  /** Where the line at the feed's position ends, or -1: not here yet. */
  #lineEnd(): number {
    const feed = this.#feed
    const end = feed.bytes.indexOf(NEWLINE, Math.max(feed.position, this.#scanned))
    if (end >= 0 && end < feed.end) return end
    this.#scanned = feed.end
    if (feed.ended) return feed.end
    feed.checkSize(this.#line)
    return -1
  }

  #slow(builder: BatchBuilder, bytes: Uint8Array, start: number, end: number): boolean {
    if (skipBlanks(bytes, start, end) === end) return false
    try {
      this.#row.general(bytes, start, end)
    } catch (error) {
      if (!(error instanceof SyntaxProblem)) throw error
      if (this.#dialect.ignoreParseErrors) return false
      throw this.#error(error.message, bytes, start, end, error.at)
    }
    return this.#append(builder, bytes, start, end)
  }

  #append(builder: BatchBuilder, bytes: Uint8Array, start: number, end: number): boolean {
    const { kinds, starts, ends } = this.#row
    const { columns } = builder
    for (let c = 0; c < columns.length; c++) {
      const column = columns[c] as ColumnBuilder
      const kind = kinds[c] as number
      let problem: string | undefined
      switch (kind) {
        case MISSING:
          if (this.#dialect.failOnMissingField) {
            const name = this.#schema.fields[c]?.name ?? ''
            throw this.#error(`the field '${name}' is missing`, bytes, start, end, start, name)
          }
          column.appendNull()
          continue
        case NULL_VALUE:
          column.appendNull()
          continue
        case INTEGER:
        case PLAIN_STRING:
          problem = this.#readers[c]?.(column, bytes, starts[c] as number, ends[c] as number, this.#feed.suspect)
          break
        default:
          problem = this.#odd(kind, c, column, bytes, starts[c] as number, ends[c] as number)
      }
      if (problem === undefined) continue
      if (!this.#dialect.ignoreParseErrors) throw this.#error(problem, bytes, start, end, starts[c] as number, this.#schema.fields[c]?.name)
      column.appendNull()
    }
    builder.endRow()
    return true
  }

  /** Values that do not stand in the text as their column reads them. */
  #odd(kind: number, c: number, column: ColumnBuilder, bytes: Uint8Array, start: number, end: number): string | undefined {
    const nested = this.#nested[c]
    if (kind === CONTAINER && nested !== undefined) return nested.append(column, bytes, start, end)
    return this.#leaf(kind, this.#types[c] as LogicalType, this.#readers[c] as FieldReader, column, bytes, start, end)
  }

  #leaf(
    kind: number,
    type: LogicalType,
    reader: FieldReader,
    column: ColumnBuilder,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): string | undefined {
    switch (kind) {
      case INTEGER:
      case PLAIN_STRING:
        return reader(column, bytes, start, end, this.#feed.suspect)
      case TRUE:
      case FALSE: {
        const word = kind === TRUE ? WORDS.true : WORDS.false
        return reader(column, word, 0, word.length, false)
      }
      case ESCAPED_STRING:
        this.#unescaper.resolve(bytes, start, end)
        return reader(column, this.#unescaper.bytes, 0, this.#unescaper.length, this.#feed.suspect)
      case FRACTION:
        if (type.kind !== 'INT' && type.kind !== 'BIGINT') return reader(column, bytes, start, end, false)
        return appendTruncated(column, type.kind === 'BIGINT', bytes, start, end)
          ? undefined
          : `${excerpt(bytes, start, end)} is out of the range of ${type.kind}`
      case CONTAINER:
        if (type.kind !== 'VARCHAR') return notA(type, this.#syntax, bytes, start, end)
        this.#compact(column, bytes, start, end)
        return undefined
      default:
        throw new Error(`unknown kind of value: ${kind}`)
    }
  }

  /** JSON without the blanks between its tokens. */
  #compact(column: ColumnBuilder, bytes: Uint8Array, start: number, end: number): void {
    const out = new Uint8Array(end - start)
    let length = 0
    let inString = false
    for (let at = start; at < end; at++) {
      const byte = bytes[at] as number
      if (!inString && (byte === 32 || byte === 9 || byte === 13)) continue
      out[length++] = byte
      if (byte === 34) inString = !inString
      else if (byte === 92) out[length++] = bytes[++at] as number
    }
    appendText(column, out, 0, length, this.#feed.suspect)
  }

  #error(problem: string, bytes: Uint8Array, start: number, lineEnd: number, at: number, field?: string): RowProblem {
    const end = lineEnd > start && bytes[lineEnd - 1] === 13 ? lineEnd - 1 : lineEnd
    return new RowProblem(problem, { line: this.#line, column: at - start + 1, text: excerpt(bytes, start, end, at), field })
  }
}

/** A number with fraction or exponent, towards zero. False: out of range. */
function appendTruncated(column: ColumnBuilder, long: boolean, bytes: Uint8Array, start: number, end: number): boolean {
  const value = Math.trunc(Number(asciiText(bytes, start, end)))
  if (!long) {
    if (!(value >= -2_147_483_648 && value <= 2_147_483_647)) return false
    column.appendInt32(value)
    return true
  }
  if (!(value >= -(2 ** 63) && value < 2 ** 63)) return false
  column.appendInt64(BigInt(value))
  return true
}
