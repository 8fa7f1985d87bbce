/** Rows to changes, a line each: `{"before":null,"after":{…},"op":"c"}` for +I and +U, `{"before":{…},"after":null,"op":"d"}` for -U and -D. */
import { RowKind } from '#core/types/row-kind.js'
import type { Schema } from '#core/types/schema.js'
import type { Batch } from '../../columnar/batch.js'
import type { RowEncoder } from '../format.js'
import { JsonEncoder } from '../json/encoder.js'
import type { JsonDialect } from '../json/options.js'

const NEWLINE = 10
const CREATED = [Buffer.from('{"before":null,"after":'), Buffer.from(',"op":"c"}\n')] as const
const DELETED = [Buffer.from('{"before":'), Buffer.from(',"after":null,"op":"d"}\n')] as const

export class DebeziumJsonEncoder implements RowEncoder {
  readonly #images: JsonEncoder

  constructor(schema: Schema, dialect: JsonDialect) {
    this.#images = new JsonEncoder(schema, dialect)
  }

  encode(batch: Batch): Uint8Array {
    // A newline in a text is escaped: every line is a row.
    const images = this.#images.encode(batch)
    const parts: Uint8Array[] = []
    for (let row = 0, start = 0; row < batch.length; row++) {
      const end = images.indexOf(NEWLINE, start)
      const kind = batch.rowKinds === undefined ? RowKind.INSERT : batch.rowKind(batch.position(row))
      const [head, tail] = kind === RowKind.INSERT || kind === RowKind.UPDATE_AFTER ? CREATED : DELETED
      parts.push(head, images.subarray(start, end), tail)
      start = end + 1
    }
    return Buffer.concat(parts)
  }
}
