/**
 * Hashes of rows and the way from a hash to a key group and a subtask.
 *
 * Values that SQL holds equal hash equal: -0.0 as 0.0, every NaN alike, NULL alike. Columns of one key have the same types on
 * all sides (the planner casts both sides of a join), so lanes are hashed as they lie. The bytes of a text are hashed four at a
 * time, as Murmur3.
 */
import type { Batch } from './batch.js'
import { int32Lanes } from './lanes.js'
import { ObjectWriter } from './object-codec.js'
import { hashTexts, locateTexts, worthwhile } from './text-kernels.js'
import type { Vector } from './vector.js'

const SEED = 0x9747b28c | 0
const NULL_WORD = 0x5bd1e995
const NAN_HIGH = 0x7ff80000
/** Objects hash as the bytes of their canonical form. */
const keyWriter = new ObjectWriter(true)

/** One hash for each *row* of the batch (row r, not position r) over its key columns. No key columns: all alike. */
export function hashRows(batch: Batch, keyColumns: readonly number[]): Int32Array {
  const first = keyColumns.length === 1 ? (batch.columns[keyColumns[0] as number] as Vector) : undefined
  if (first?.kind === 'int64' && first.nulls === undefined) return hashLongs(first.values, batch.selection, batch.length)
  const hashes = new Int32Array(batch.length).fill(SEED)
  for (const column of keyColumns) mixColumn(hashes, batch.columns[column] as Vector, batch.selection)
  for (let r = 0; r < hashes.length; r++) hashes[r] = bitMix(hashes[r] as number)
  return hashes
}

/** hashRows over one BIGINT or time without NULLs, in one pass. */
function hashLongs(values: BigInt64Array, selection: Int32Array | undefined, rows: number): Int32Array {
  const hashes = int32Lanes(rows)
  const words = new Int32Array(values.buffer, values.byteOffset, values.length * 2)
  for (let r = 0; r < rows; r++) {
    const p = selection === undefined ? r : (selection[r] as number)
    hashes[r] = bitMix(mixWord(mixWord(SEED, words[2 * p] as number), words[2 * p + 1] as number))
  }
  return hashes
}

function mixColumn(hashes: Int32Array, vector: Vector, selection: Int32Array | undefined): void {
  const rows = hashes.length
  const { nulls } = vector
  switch (vector.kind) {
    case 'boolean':
    case 'int32': {
      const { values } = vector
      for (let r = 0; r < rows; r++) {
        const p = selection === undefined ? r : (selection[r] as number)
        hashes[r] = mixWord(hashes[r] as number, nullAt(nulls, p) ? NULL_WORD : (values[p] as number))
      }
      return
    }
    case 'int64':
    case 'decimal128': {
      const lanes = vector.kind === 'int64' ? vector.values : vector.lanes
      const words = new Int32Array(lanes.buffer, lanes.byteOffset, lanes.length * 2)
      const width = vector.kind === 'int64' ? 2 : 4
      for (let r = 0; r < rows; r++) {
        const p = selection === undefined ? r : (selection[r] as number)
        let hash = hashes[r] as number
        if (nullAt(nulls, p)) hash = mixWord(hash, NULL_WORD)
        else for (let w = p * width, end = w + width; w < end; w++) hash = mixWord(hash, words[w] as number)
        hashes[r] = hash
      }
      return
    }
    case 'float64': {
      const { values } = vector
      const words = new Int32Array(values.buffer, values.byteOffset, values.length * 2)
      for (let r = 0; r < rows; r++) {
        const p = selection === undefined ? r : (selection[r] as number)
        const value = values[p] as number
        let hash = hashes[r] as number
        if (nullAt(nulls, p)) hash = mixWord(hash, NULL_WORD)
        else if (value === 0) hash = mixWord(mixWord(hash, 0), 0)
        else if (value !== value) hash = mixWord(mixWord(hash, 0), NAN_HIGH)
        else hash = mixWord(mixWord(hash, words[2 * p] as number), words[2 * p + 1] as number)
        hashes[r] = hash
      }
      return
    }
    case 'utf8': {
      const { bytes, offsets, lengths } = vector
      const texts = locateTexts({ vector, positions: selection, length: rows }, -1)
      if (worthwhile(texts, rows, 12, 4)) return hashTexts(bytes, texts, hashes, NULL_WORD)
      for (let r = 0; r < rows; r++) {
        const p = selection === undefined ? r : (selection[r] as number)
        const hash = hashes[r] as number
        hashes[r] = nullAt(nulls, p) ? mixWord(hash, NULL_WORD) : mixBytes(hash, bytes, offsets[p] as number, lengths[p] as number)
      }
      return
    }
    case 'object': {
      for (let r = 0; r < rows; r++) {
        const value = vector.values[selection === undefined ? r : (selection[r] as number)]
        keyWriter.truncate()
        keyWriter.write(value, 'the key')
        hashes[r] = mixBytes(hashes[r] as number, keyWriter.bytes, 0, keyWriter.length)
      }
    }
  }
}

function nullAt(nulls: Uint8Array | undefined, position: number): boolean {
  return nulls !== undefined && ((nulls[position >> 3] ?? 0) & (1 << (position & 7))) !== 0
}

function mixWord(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51)
  k = (k << 15) | (k >>> 17)
  hash ^= Math.imul(k, 0x1b873593)
  hash = (hash << 13) | (hash >>> 19)
  return (Math.imul(hash, 5) + 0xe6546b64) | 0
}

function mixBytes(hash: number, bytes: Uint8Array, offset: number, length: number): number {
  const end = offset + length
  let i = offset
  for (; i + 4 <= end; i += 4) {
    hash = mixWord(
      hash,
      (bytes[i] as number) | ((bytes[i + 1] as number) << 8) | ((bytes[i + 2] as number) << 16) | ((bytes[i + 3] as number) << 24),
    )
  }
  let tail = 0
  for (let shift = 0; i < end; i++, shift += 8) tail |= (bytes[i] as number) << shift
  if ((length & 3) !== 0) hash = mixWord(hash, tail)
  // The length keeps ('a', 'bc') and ('ab', 'c') apart.
  return mixWord(hash, length)
}

function bitMix(hash: number): number {
  hash ^= hash >>> 16
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) | 0
}

/** Flink's MathUtils.murmurHash: never negative. */
export function murmurHash(code: number): number {
  code = Math.imul(code, 0xcc9e2d51)
  code = (code << 15) | (code >>> 17)
  code = Math.imul(code, 0x1b873593)
  code = (code << 13) | (code >>> 19)
  code = (Math.imul(code, 5) + 0xe6546b64) | 0
  code = bitMix(code ^ 4)
  if (code >= 0) return code
  return code === -0x80000000 ? 0 : -code
}

/** Key group of a row hash: 0 .. maxParallelism-1 (Flink's KeyGroupRangeAssignment.computeKeyGroupForKeyHash). */
export function keyGroupOf(hash: number, maxParallelism: number): number {
  return murmurHash(hash) % maxParallelism
}

/** Subtask that owns the key group (Flink's KeyGroupRangeAssignment.computeOperatorIndexForKeyGroup). */
export function subtaskOfKeyGroup(keyGroup: number, maxParallelism: number, parallelism: number): number {
  return Math.floor((keyGroup * parallelism) / maxParallelism)
}

/** Key groups of a subtask, both inclusive: those that subtaskOfKeyGroup gives it (Flink's KeyGroupRangeAssignment). */
export function keyGroupsOfSubtask(subtask: number, maxParallelism: number, parallelism: number): { first: number; last: number } {
  return {
    first: Math.ceil((subtask * maxParallelism) / parallelism),
    last: Math.floor(((subtask + 1) * maxParallelism - 1) / parallelism),
  }
}
