/**
 * Many rows at once that look like the last one, in WebAssembly (kernels/json.ts): the same keys in the same order, every value in the plain
 * form of its column. The first row that does not look so ends it; it is for row-code.ts or the general way.
 */
import type { LogicalType } from '#core/types/logical-type.js'
import type { BatchBuilder, ColumnBuilder } from '../../columnar/batch-builder.js'
import { aligned } from '../../kernels/kernel-memory.js'
import type { TextSyntax } from '../field-reader.js'
import { ENTRY_WORDS, GAP, jsonMemory as memory, kernelKind, NULL_COUNT_WORD, putEntry, SKIPPED, STRING } from './json-memory.js'
import type { RowLayout } from './layout.js'

/** Rows of a call. */
const MOST_ROWS = 1024
/** Bytes of text of a call; less where there are many columns of text, which each have room for all of it. */
const MOST_SOURCE = 256 * 1024
const MOST_TEXT = 4 * 1024 * 1024
const MAX_KEYS = 256

const NEWLINE = 10

interface Place {
  /** Of the table. */
  readonly column: number
  readonly entry: number
  readonly values: number
  readonly lengths: number
  readonly nulls: number
  readonly text: number
}

export class RowKernel {
  readonly #types: readonly LogicalType[]
  readonly #keys: number
  /** Its program and the keys' texts, for the beginning of memory. */
  readonly #program: Uint8Array
  readonly #places: readonly Place[]
  readonly #absent: readonly number[]
  readonly #base: number
  readonly #behind: number
  readonly #source: number
  readonly #size: number
  readonly #sourceBytes: number
  #from = 0
  #to = 0
  /** Rows that the last `read` appended. */
  rows = 0

  private constructor(layout: RowLayout, types: readonly LogicalType[], kinds: readonly number[]) {
    const { keys, columns } = layout
    const base = aligned(memory.exports.base())
    const texts = kinds.filter((kind) => kind === STRING).length
    this.#types = types
    this.#keys = keys.length
    this.#base = base
    this.#sourceBytes = Math.min(MOST_SOURCE, aligned(Math.floor(MOST_TEXT / Math.max(1, texts))))
    const entries = new Int32Array(keys.length * ENTRY_WORDS)
    const keyTexts = new Uint8Array(keys.reduce((size, key) => size + aligned(key.length) + GAP, 0))
    const keysAt = base + entries.byteLength
    let at = keysAt + keyTexts.length
    const region = (bytes: number): number => {
      const start = at
      at += aligned(bytes) + GAP
      return start
    }
    this.#behind = region(4)
    const places: Place[] = []
    let used = 0
    for (const [i, kind] of kinds.entries()) {
      const key = keys[i] as Uint8Array
      const place = {
        column: columns[i] as number,
        entry: i,
        values: kind === SKIPPED ? 0 : region(MOST_ROWS * 8),
        lengths: kind === STRING ? region(MOST_ROWS * 4) : 0,
        nulls: kind === SKIPPED ? 0 : region(MOST_ROWS),
        text: kind === STRING ? region(this.#sourceBytes) : 0,
      }
      if (kind !== SKIPPED) places.push(place)
      keyTexts.set(key, used)
      putEntry(entries, i * ENTRY_WORDS, { ...place, keyAt: keysAt + used, keyLength: key.length, kind })
      used += aligned(key.length) + GAP
    }
    this.#places = places
    this.#absent = types.flatMap((_, column) => (columns.includes(column) ? [] : [column]))
    this.#source = region(this.#sourceBytes)
    this.#size = at
    this.#program = new Uint8Array(entries.byteLength + keyTexts.length)
    this.#program.set(new Uint8Array(entries.buffer))
    this.#program.set(keyTexts, entries.byteLength)
  }

  /** Undefined: there are columns in it that the kernel does not read. No column may be there twice. */
  static of(layout: RowLayout, types: readonly LogicalType[], { timestamps }: TextSyntax): RowKernel | undefined {
    if (layout.keys.length === 0 || layout.keys.length > MAX_KEYS) return undefined
    const kinds = [...layout.columns].map((column) => (column < 0 ? SKIPPED : kernelKind(types[column] as LogicalType, timestamps)))
    return kinds.includes(undefined) ? undefined : new RowKernel(layout, types, kinds as number[])
  }

  /** Forgets the bytes: others have used the memory, or they have changed. */
  begin(): void {
    this.#to = this.#from = 0
  }

  /**
   * Reads at most `limit` rows of bytes[start, end), valid UTF-8, into the builder; returns where the next one begins. Between two `begin`s
   * the bytes are the same.
   */
  read(bytes: Uint8Array, start: number, end: number, builder: BatchBuilder, limit: number): number {
    let at = start
    this.rows = 0
    for (;;) {
      if (at < this.#from || at >= this.#to) this.#copyIn(bytes, at, end)
      at = this.#decode(builder, at, Math.min(limit - this.rows, MOST_ROWS))
      // A row that is cut off where the copy ends is read from another copy; one that is whole here is not for this.
      if (this.rows >= limit || this.#to === end || this.#from === at || this.#holdsLine(at)) return at
      this.#copyIn(bytes, at, end)
    }
  }

  #holdsLine(at: number): boolean {
    const newline = memory.bytes.indexOf(NEWLINE, this.#source + at - this.#from)
    return newline >= 0 && newline < this.#source + this.#to - this.#from
  }

  #copyIn(bytes: Uint8Array, start: number, end: number): void {
    memory.reserve(this.#size)
    this.#from = start
    this.#to = Math.min(end, start + this.#sourceBytes)
    const size = this.#to - start
    memory.bytes.set(this.#program, this.#base)
    memory.bytes.set(bytes.subarray(start, this.#to), this.#source)
    memory.bytes.fill(0, this.#source + size, this.#source + size + GAP)
  }

  #decode(builder: BatchBuilder, start: number, most: number): number {
    const source = this.#source - this.#from
    const rows = memory.exports.decode(this.#base, this.#keys, source + start, source + this.#to, most, this.#behind)
    if (rows === 0) return start
    for (const place of this.#places) this.#append(builder.columns[place.column] as ColumnBuilder, place, rows)
    for (const column of this.#absent) for (let row = 0; row < rows; row++) builder.columns[column]?.appendNull()
    builder.endRows(rows)
    this.rows += rows
    return (memory.words[this.#behind >> 2] as number) - source
  }

  #append(column: ColumnBuilder, { column: index, entry, values, lengths, nulls, text }: Place, rows: number): void {
    const { buffer } = memory.bytes
    const hasNulls = memory.words[(this.#base >> 2) + entry * ENTRY_WORDS + NULL_COUNT_WORD] !== 0
    const part = { rows, nulls: hasNulls ? new Uint8Array(buffer, nulls, rows) : undefined }
    const { kind } = this.#types[index] as LogicalType
    switch (kind) {
      case 'VARCHAR': {
        const offsets = new Int32Array(buffer, values, rows)
        const sizes = new Int32Array(buffer, lengths, rows)
        const used = (offsets[rows - 1] as number) + (sizes[rows - 1] as number)
        return column.appendPart({ ...part, values: offsets, lengths: sizes, bytes: new Uint8Array(buffer, text, used) })
      }
      case 'BOOLEAN':
        return column.appendPart({ ...part, values: new Uint8Array(buffer, values, rows) })
      case 'INT':
      case 'DATE':
        return column.appendPart({ ...part, values: new Int32Array(buffer, values, rows) })
      case 'DOUBLE':
        return column.appendPart({ ...part, values: new Float64Array(buffer, values, rows) })
      default:
        return column.appendPart({ ...part, values: new BigInt64Array(buffer, values, rows) })
    }
  }
}
