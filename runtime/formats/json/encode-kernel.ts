/**
 * A batch as lines of JSON in WebAssembly (kernels/json.ts). What it does not write itself (DECIMAL, doubles with many places) is written
 * before and copied in.
 */
import type { LogicalType } from '#core/types/logical-type.js'
import type { Batch } from '../../columnar/batch.js'
import { locateTexts } from '../../columnar/text-kernels.js'
import { isNull, type Float64Vector, type Utf8Vector, type Vector } from '../../columnar/vector.js'
import { aligned } from '../../kernels/kernel-memory.js'
import { ByteWriter } from '../byte-writer.js'
import type { TimestampStandard } from '../temporal-text.js'
import { ENTRY_WORDS, GAP, jsonMemory as memory, kernelKind, putEntry, RAW, STRING } from './json-memory.js'

/** Fewer rows are faster where they are. */
const MIN_ROWS = 16
/** More is left to JavaScript, so that the memory, which only grows, stays small. */
const MAX_BYTES = 8 * 1024 * 1024
/** What a value takes at most, with its quotes; texts besides. */
const MAX_VALUE = 34
/** Of a byte of text: `\u001F`. */
const ESCAPED = 6

interface VectorPart {
  readonly vector: Vector
  /** Undefined: all rows in order. */
  readonly positions: Int32Array | undefined
  readonly length: number
}

/** Writes a value that is not NULL, with quotes where it needs them. */
export type ValueWriter = (out: ByteWriter, vector: Vector, position: number) => void

export class EncodeKernel {
  readonly #kinds: readonly number[]
  readonly #writers: readonly ValueWriter[]
  readonly #leaveOutNulls: boolean
  /** `"name":` of all columns, and where each begins. */
  readonly #keys: Uint8Array
  readonly #keyStarts: readonly number[]
  readonly #keyLengths: readonly number[]
  readonly #raw = new ByteWriter(1024)

  /** `keys`: `"name":` of each column. `writers`: for values that the kernel does not write. */
  constructor(
    types: readonly LogicalType[],
    keys: readonly Uint8Array[],
    writers: readonly ValueWriter[],
    standard: TimestampStandard,
    leaveOutNulls: boolean,
  ) {
    this.#kinds = types.map((type) => kernelKind(type, standard) ?? RAW)
    this.#writers = writers
    this.#leaveOutNulls = leaveOutNulls
    const starts: number[] = []
    let used = 0
    for (const key of keys) {
      starts.push(used)
      used += aligned(key.length) + GAP
    }
    this.#keys = new Uint8Array(used)
    keys.forEach((key, i) => this.#keys.set(key, starts[i]))
    this.#keyStarts = starts
    this.#keyLengths = keys.map((key) => key.length)
  }

  /** Undefined: the batch is not for it. The bytes belong to the caller. */
  encode(batch: Batch): Uint8Array | undefined {
    const { columns, length: rows } = batch
    if (rows < MIN_ROWS || columns.length === 0) return undefined
    const positions = batch.selection ?? undefined
    const program = aligned(memory.exports.base())
    const keysAt = program + columns.length * ENTRY_WORDS * 4
    const regions = new Regions(keysAt + this.#keys.length)
    const entries = new Int32Array(columns.length * ENTRY_WORDS)
    let most = rows * (2 + this.#keyLengths.reduce((sum, key) => sum + key + MAX_VALUE, 0))
    for (const [i, vector] of columns.entries()) {
      const part = { vector, positions, length: rows }
      const kind = this.#kindOf(i, part)
      const nulls = placeNulls(part, regions)
      const key = { keyAt: keysAt + (this.#keyStarts[i] as number), keyLength: this.#keyLengths[i] as number }
      if (kind !== STRING && kind !== RAW) {
        putEntry(entries, i * ENTRY_WORDS, { ...key, kind, values: placeValues(part, regions), lengths: 0, nulls, text: 0 })
        continue
      }
      const texts = kind === STRING ? { ...locateTexts(part, 0), bytes: (vector as Utf8Vector).bytes } : this.#written(i, part)
      most += kind === STRING ? texts.total * ESCAPED : texts.total
      if (most > MAX_BYTES || texts.end - texts.start > MAX_BYTES) return undefined
      const values = regions.words(texts.offsets, rows)
      const lengths = regions.words(texts.lengths, rows)
      const text = regions.bytes(texts.bytes.subarray(texts.start, texts.end)) - texts.start
      putEntry(entries, i * ENTRY_WORDS, { ...key, kind, values, lengths, nulls, text })
    }
    const target = regions.take(most)
    memory.words.set(entries, program >> 2)
    memory.bytes.set(this.#keys, keysAt)
    const end = memory.exports.encode(program, columns.length, rows, this.#leaveOutNulls ? 1 : 0, target)
    return end === 0 ? undefined : memory.bytes.slice(target, end)
  }

  #kindOf(column: number, part: VectorPart): number {
    const kind = this.#kinds[column] as number
    return part.vector.kind === 'float64' && !allShort(part) ? RAW : kind
  }

  /** The values as text, one after the other. */
  #written(column: number, { vector, positions, length }: VectorPart) {
    const out = this.#raw
    const write = this.#writers[column] as ValueWriter
    out.length = 0
    const offsets = new Int32Array(length)
    const lengths = new Int32Array(length)
    for (let row = 0; row < length; row++) {
      const position = positions === undefined ? row : (positions[row] as number)
      offsets[row] = out.length
      if (!isNull(vector, position)) write(out, vector, position)
      lengths[row] = out.length - (offsets[row] as number)
    }
    return { start: 0, end: out.length, total: out.length, offsets, lengths, bytes: out.bytes }
  }
}

/** Regions of memory, one behind the other. */
class Regions {
  #at: number

  constructor(start: number) {
    this.#at = start
    memory.reserve(start)
  }

  take(bytes: number): number {
    const start = this.#at
    this.#at += aligned(bytes) + GAP
    memory.reserve(this.#at)
    return start
  }

  bytes(source: Uint8Array): number {
    const start = this.take(source.length)
    memory.bytes.set(source, start)
    return start
  }

  words(source: Int32Array, count: number): number {
    const start = this.take(4 * count)
    memory.words.set(source.subarray(0, count), start >> 2)
    return start
  }
}

/** Where it is said which rows are NULL; 0: none is. */
function placeNulls({ vector, positions, length }: VectorPart, regions: Regions): number {
  if (vector.nulls === undefined) return 0
  const start = regions.take(length)
  for (let row = 0; row < length; row++)
    memory.bytes[start + row] = isNull(vector, positions === undefined ? row : (positions[row] as number)) ? 1 : 0
  return start
}

function placeValues({ vector, positions, length }: VectorPart, regions: Regions): number {
  const { values } = vector as { values: Uint8Array | Int32Array | BigInt64Array | Float64Array }
  const size = values.BYTES_PER_ELEMENT
  const start = regions.take(size * length)
  if (positions === undefined) memory.bytes.set(new Uint8Array(values.buffer, values.byteOffset, size * length), start)
  else if (size === 1) for (let row = 0; row < length; row++) memory.bytes[start + row] = values[positions[row] as number] as number
  else {
    const from = new Int32Array(values.buffer, values.byteOffset, (values.length * size) >> 2)
    const width = size >> 2
    const to = start >> 2
    for (let row = 0; row < length; row++) {
      const word = (positions[row] as number) * width
      for (let k = 0; k < width; k++) memory.words[to + row * width + k] = from[word + k] as number
    }
  }
  return start
}

/** Whether the kernel writes all of these doubles: whole ten thousandths, 0 or from 10^-3 below 10^7. NULLs do not matter. */
function allShort({ vector, positions, length }: VectorPart): boolean {
  const { values } = vector as Float64Vector
  for (let row = 0; row < length; row++) {
    const position = positions === undefined ? row : (positions[row] as number)
    const value = values[position] as number
    const magnitude = Math.abs(value)
    const short =
      magnitude === 0 ? !Object.is(value, -0) : magnitude >= 1e-3 && magnitude < 1e7 && Math.round(magnitude * 1e4) / 1e4 === magnitude
    if (!short && !isNull(vector, position)) return false
  }
  return true
}
