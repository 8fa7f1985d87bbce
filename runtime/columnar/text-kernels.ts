/**
 * Texts in WebAssembly (kernels/text.ts): what moves, hashes or searches many bytes a row. The rows' bytes are copied into the module's
 * memory, which each thread has once, and results out of it; `worthwhile` says when that pays.
 */
import { aligned, KernelMemory, SLACK } from '../kernels/kernel-memory.js'
import { WASM_BASE64 } from '../kernels/text-binary.js'
import type { Utf8Vector, Vector } from './vector.js'

interface TextModule {
  gather(source: number, offsets: number, lengths: number, count: number, target: number): number
  hash(source: number, offsets: number, lengths: number, hashes: number, count: number, nullWord: number): void
  contains(source: number, offsets: number, lengths: number, count: number, needle: number, size: number, out: number): void
}

/** Fewer rows than this are faster where they are. */
const MIN_ROWS = 16
/** More is left to JavaScript, so that the memory, which only grows, stays small. */
const MAX_TEXT_BYTES = 4 * 1024 * 1024

const memory = new KernelMemory<TextModule>(WASM_BASE64)

/** Where the texts of some rows lie. The arrays are good until the next call. */
export interface LocatedTexts {
  /** Part of the column's bytes in which they lie. */
  readonly start: number
  readonly end: number
  /** Bytes of the texts themselves. */
  readonly total: number
  readonly offsets: Int32Array
  readonly lengths: Int32Array
  /** Stretches without a gap that they make, in the rows' order. */
  readonly runs: number
}

let rowOffsets = new Int32Array(1024)
let rowLengths = new Int32Array(1024)

/** Offset and length of each row's text; of a NULL row the length is `nullLength`, 0 or -1. */
export function locateTexts(
  part: { readonly vector: Vector; readonly positions: Int32Array | undefined; readonly length: number },
  nullLength: number,
): LocatedTexts {
  const { offsets, lengths, nulls } = part.vector as Utf8Vector
  const { positions, length } = part
  if (rowOffsets.length < length) {
    rowOffsets = new Int32Array(2 * length)
    rowLengths = new Int32Array(2 * length)
  }
  const [toOffsets, toLengths] = [rowOffsets, rowLengths]
  let start = 0x7fffffff
  let end = 0
  let total = 0
  let runs = 0
  let runEnd = -1
  for (let r = 0; r < length; r++) {
    const p = positions === undefined ? r : (positions[r] as number)
    if (nulls !== undefined && ((nulls[p >> 3] ?? 0) & (1 << (p & 7))) !== 0) {
      toOffsets[r] = 0
      toLengths[r] = nullLength
      continue
    }
    const from = offsets[p] as number
    const size = lengths[p] as number
    toOffsets[r] = from
    toLengths[r] = size
    if (size === 0) continue
    if (from !== runEnd) runs++
    runEnd = from + size
    if (from < start) start = from
    if (runEnd > end) end = runEnd
    total += size
  }
  return { start: Math.min(start, end), end, total, runs, offsets: toOffsets, lengths: toLengths }
}

/**
 * Whether `count` texts, of at least `average` bytes each, lie densely enough for their region to be copied in. Texts that share bytes may be
 * more than their region.
 */
export function worthwhile({ start, end, total }: LocatedTexts, count: number, average: number, density: number): boolean {
  const region = end - start
  return count >= MIN_ROWS && total >= count * average && Math.max(region, total) <= MAX_TEXT_BYTES && region <= total * density
}

/** Lays out offsets from 0 on, lengths behind them, the region from `at` on; returns where that puts the first byte of `source`. */
function layOut(source: Uint8Array, { start, end, offsets, lengths }: LocatedTexts, count: number, at: number): number {
  memory.words.set(offsets.subarray(0, count), 0)
  memory.words.set(lengths.subarray(0, count), aligned(4 * count) >> 2)
  memory.bytes.set(source.subarray(start, end), at)
  return at - start
}

/** Copies the texts of `source`, one after the other, to target[at …]; returns the end. */
export function gatherTexts(source: Uint8Array, texts: LocatedTexts, count: number, target: Uint8Array, at: number): number {
  const rows = aligned(4 * count)
  const from = 2 * rows
  const to = from + aligned(texts.end - texts.start) + SLACK
  memory.reserve(to + texts.total + SLACK)
  const copied = memory.exports.gather(layOut(source, texts, count, from), 0, rows, count, to)
  target.set(memory.bytes.subarray(to, to + copied), at)
  return at + copied
}

/** Mixes the texts into `hashes`, as columnar/hash.ts does; a length of -1 is NULL, hashed as `nullWord`. */
export function hashTexts(source: Uint8Array, texts: LocatedTexts, hashes: Int32Array, nullWord: number): void {
  const count = hashes.length
  const rows = aligned(4 * count)
  const from = 3 * rows
  memory.reserve(from + texts.end - texts.start + SLACK)
  const first = layOut(source, texts, count, from)
  memory.words.set(hashes, (2 * rows) >> 2)
  memory.exports.hash(first, 0, rows, 2 * rows, count, nullWord)
  hashes.set(memory.words.subarray((2 * rows) >> 2, ((2 * rows) >> 2) + count))
}

/** found[i] is 1 where the text holds the needle (not empty), else 0. */
export function textsContaining(source: Uint8Array, texts: LocatedTexts, count: number, needle: Uint8Array, found: Uint8Array): void {
  const rows = aligned(4 * count)
  const what = 2 * rows
  const out = what + aligned(needle.length) + SLACK
  const from = out + aligned(count)
  memory.reserve(from + texts.end - texts.start + SLACK)
  const first = layOut(source, texts, count, from)
  memory.bytes.set(needle, what)
  memory.exports.contains(first, 0, rows, count, what, needle.length, out)
  found.set(memory.bytes.subarray(out, out + count))
}
