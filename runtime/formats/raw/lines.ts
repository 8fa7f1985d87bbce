/** Lines to a STRING column and back. NULL is written as nothing at all: no line. */
import type { BatchBuilder } from '../../columnar/batch-builder.js'
import type { Batch } from '../../columnar/batch.js'
import { isNull, type Utf8Vector } from '../../columnar/vector.js'
import { ByteFeed } from '../byte-feed.js'
import { ByteWriter } from '../byte-writer.js'
import { appendText } from '../field-reader.js'
import type { RowDecoder, RowEncoder } from '../format.js'

const NEWLINE = 10
const CARRIAGE_RETURN = 13

export class RawDecoder implements RowDecoder {
  readonly #feed: ByteFeed
  #line = 1

  constructor(fileStart = true) {
    this.#feed = new ByteFeed(fileStart)
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
      const { bytes, position } = feed
      const newline = bytes.indexOf(NEWLINE, position)
      const found = newline >= 0 && newline < feed.end
      if (!found && !feed.ended) {
        feed.checkSize(this.#line)
        break
      }
      const lineEnd = found ? newline : feed.end
      const end = found && newline > position && bytes[newline - 1] === CARRIAGE_RETURN ? newline - 1 : lineEnd
      // Where rows are only counted there is no column.
      const column = builder.columns[0]
      if (column !== undefined) appendText(column, bytes, position, end, feed.suspect)
      builder.endRow()
      feed.position = found ? newline + 1 : feed.end
      this.#line++
      rows++
    }
    return rows
  }
}

export class RawEncoder implements RowEncoder {
  readonly #out = new ByteWriter()

  encode(batch: Batch): Uint8Array {
    const column = batch.columns[0] as Utf8Vector
    for (let row = 0; row < batch.length; row++) {
      const position = batch.position(row)
      if (isNull(column, position)) continue
      const start = column.offsets[position] as number
      this.#out.slice(column.bytes, start, start + (column.lengths[position] as number))
      this.#out.byte(NEWLINE)
    }
    return this.#out.take()
  }
}
