/** Makes a segment (segment-format.ts) out of rows as a snapshot hands them out: pieces of bytes, to be written one after the other. */
import { crc32 } from 'node:zlib'
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import type { KeyedRows } from '../state/snapshot.js'
import { encodeBlock, encodeEnd, encodeHeader, type BlockEntry } from './segment-format.js'

export class SegmentWriter {
  readonly #tables: readonly { readonly name: string; readonly blocks: BlockEntry[] }[]
  #table = 0
  /** Bytes so far, and their checksum. */
  length = 0
  checksum = 0
  /** Rows and removed ids so far. */
  rows = 0

  /** `tables`: the operator's, in the order in which their rows will come. */
  constructor(tables: readonly StateTableDescriptor[]) {
    this.#tables = tables.map(({ name }) => ({ name, blocks: [] }))
  }

  begin(): Uint8Array<ArrayBuffer> {
    return this.#count(encodeHeader())
  }

  /** @throws when rows come for a table that is not declared, or out of order: the operator breaks its contract */
  block(rows: KeyedRows): Uint8Array<ArrayBuffer> {
    while (this.#tables[this.#table]?.name !== rows.table) {
      if (++this.#table >= this.#tables.length)
        throw new Error(`snapshot rows for table '${rows.table}', which is not declared or came before`)
    }
    if (rows.batch.length !== rows.ids.length || rows.keyGroups.length !== rows.ids.length)
      throw new Error(
        `snapshot of table '${rows.table}' with ${rows.batch.length} rows, ${rows.ids.length} ids, ${rows.keyGroups.length} key groups`,
      )
    const bytes = encodeBlock(rows)
    this.#tables[this.#table]?.blocks.push({
      offset: this.length,
      length: bytes.length,
      checksum: crc32(bytes),
      rows: rows.ids.length,
      removed: rows.removed.length,
      ...(rows.removed.length > 0 || rows.ids.length === 0 ? {} : { groups: bounds(rows.keyGroups) }),
    })
    this.rows += rows.ids.length + rows.removed.length
    return this.#count(bytes)
  }

  end(): Uint8Array<ArrayBuffer> {
    return this.#count(encodeEnd({ tables: this.#tables.map(({ name, blocks }) => ({ name, blocks })) }, this.length))
  }

  #count(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    this.length += bytes.length
    this.checksum = crc32(bytes, this.checksum)
    return bytes
  }
}

function bounds(keyGroups: Uint16Array): { first: number; last: number } {
  let first = 65_535
  let last = 0
  for (const group of keyGroups) {
    if (group < first) first = group
    if (group > last) last = group
  }
  return { first, last }
}
