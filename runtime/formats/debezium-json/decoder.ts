/** Lines with a change each to rows with their kinds. The images of a row are read by the decoder of json. */
import { RowKind } from '#core/types/row-kind.js'
import type { Schema } from '#core/types/schema.js'
import type { BatchBuilder } from '../../columnar/batch-builder.js'
import { ByteFeed } from '../byte-feed.js'
import { excerpt, RowProblem, type RowDecoder } from '../format.js'
import { JsonDecoder } from '../json/decoder.js'
import type { JsonDialect } from '../json/options.js'
import { RowParser, SyntaxProblem } from '../json/parse-row.js'
import { CONTAINER, MISSING, NULL_VALUE, PLAIN_STRING, skipBlanks } from '../json/scan.js'

const NEWLINE = 10
const OPEN_BRACE = 123
const [BEFORE, AFTER, OP] = [0, 1, 2]

/** Where a member lies in the line. */
interface Member {
  readonly kind: number
  readonly start: number
  readonly end: number
}

export class DebeziumJsonDecoder implements RowDecoder {
  readonly #dialect: JsonDialect
  readonly #feed: ByteFeed
  readonly #envelope: RowParser | undefined
  readonly #change = new RowParser(['before', 'after', 'op'])
  readonly #images: JsonDecoder
  #line = 1
  /** No newline before this position. */
  #scanned = 0

  /** `schemaIncluded`: the change is the member payload. */
  constructor(schema: Schema, dialect: JsonDialect, schemaIncluded: boolean, fileStart = true) {
    this.#dialect = dialect
    this.#feed = new ByteFeed(fileStart)
    this.#envelope = schemaIncluded ? new RowParser(['payload']) : undefined
    this.#images = new JsonDecoder(schema, { ...dialect, failOnMissingField: false }, false)
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

  /** An update's two rows stay together: there may be one more than `limit`. */
  read(builder: BatchBuilder, limit: number): number {
    const feed = this.#feed
    const before = builder.length
    while (builder.length - before < limit && feed.position < feed.end) {
      const end = this.#lineEnd()
      if (end < 0) break
      this.#row(builder, feed.bytes, feed.position, end)
      feed.position = Math.min(end + 1, feed.end)
      this.#line++
    }
    return builder.length - before
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

  #row(builder: BatchBuilder, bytes: Uint8Array, start: number, end: number): void {
    if (skipBlanks(bytes, start, end) === end) return
    const length = builder.length
    try {
      this.#append(builder, bytes, start, end)
    } catch (error) {
      if (!(error instanceof SyntaxProblem) && !(error instanceof RowProblem)) throw error
      builder.backTo(length)
      if (this.#dialect.ignoreParseErrors) return
      const at = error instanceof SyntaxProblem ? error.at : start
      const field = error instanceof RowProblem ? error.field : undefined
      throw new RowProblem(error.message, { line: this.#line, column: at - start + 1, text: excerpt(bytes, start, end, at), field })
    }
  }

  #append(builder: BatchBuilder, bytes: Uint8Array, start: number, end: number): void {
    let [from, to] = [start, end]
    if (this.#envelope !== undefined) {
      this.#envelope.general(bytes, start, end)
      const payload = memberOf(this.#envelope, 0)
      if (payload.kind !== CONTAINER) throw new SyntaxProblem("the line has no object 'payload'", start)
      ;[from, to] = [payload.start, payload.end]
    }
    this.#change.general(bytes, from, to)
    const [before, after, op] = [BEFORE, AFTER, OP].map((i) => memberOf(this.#change, i as number)) as [Member, Member, Member]
    const name = op.kind === PLAIN_STRING ? String.fromCharCode(...bytes.subarray(op.start, op.end)) : ''
    switch (name) {
      case 'c':
      case 'r':
        return this.#image(builder, bytes, after, RowKind.INSERT, "the change has no row 'after'", from)
      case 'u':
        this.#image(
          builder,
          bytes,
          before,
          RowKind.UPDATE_BEFORE,
          "the update has no row 'before'; a PostgreSQL table needs REPLICA IDENTITY FULL for it",
          from,
        )
        return this.#image(builder, bytes, after, RowKind.UPDATE_AFTER, "the update has no row 'after'", from)
      case 'd':
        return this.#image(builder, bytes, before, RowKind.DELETE, "the deletion has no row 'before'", from)
      default:
        throw new SyntaxProblem(name === '' ? "the change has no text 'op'" : `the change has the unknown 'op' ${name.slice(0, 20)}`, from)
    }
  }

  #image(builder: BatchBuilder, bytes: Uint8Array, { kind, start, end }: Member, as: RowKind, missing: string, at: number): void {
    if (kind === MISSING || kind === NULL_VALUE) throw new SyntaxProblem(missing, at)
    if (kind !== CONTAINER || bytes[start] !== OPEN_BRACE) throw new SyntaxProblem('a row is an object', start)
    const line = new Uint8Array(end - start + 1)
    line.set(bytes.subarray(start, end))
    line[end - start] = NEWLINE
    this.#images.feed(line)
    if (this.#images.read(builder, 1) !== 1) throw new SyntaxProblem('the row cannot be read', start)
    builder.setKind(builder.length - 1, as)
  }
}

function memberOf({ kinds, starts, ends }: RowParser, i: number): Member {
  return { kind: kinds[i] as number, start: starts[i] as number, end: ends[i] as number }
}
