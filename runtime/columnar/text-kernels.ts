/**
 * Texts in WebAssembly (kernels/text.ts): what moves, hashes or searches many bytes a row. The rows' bytes are copied into the module's
 * memory, which each thread has once, and results out of it; `worthwhile` says when that pays.
 */
import { WASM_BASE64 } from './text-binary.js'
import type { Utf8Vector, Vector } from './vector.js'

/** The part used here; TypeScript knows it from browsers only. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}

interface TextModule {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  gather(source: number, offsets: number, lengths: number, count: number, target: number): number
  hash(source: number, offsets: number, lengths: number, hashes: number, count: number, nullWord: number): void
  contains(source: number, offsets: number, lengths: number, count: number, needle: number, size: number, out: number): void
}

const PAGE_BYTES = 65536
/** Loads and stores go by 16 bytes. */
const SLACK = 16
/** Fewer rows than this are faster where they are. */
const MIN_ROWS = 16
/** More is left to JavaScript, so that the memory, which only grows, stays small. */
const MAX_TEXT_BYTES = 4 * 1024 * 1024

let loaded: TextModule | undefined
let bytes = new Uint8Array(0)
let words = new Int32Array(0)

function textModule(): TextModule {
  loaded ??= new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(WASM_BASE64, 'base64'))).exports as TextModule
  return loaded
}

/** Makes the memory hold `size` bytes, and the views fit it. */
function reserve({ memory }: TextModule, size: number): void {
  if (memory.buffer.byteLength < size) memory.grow(Math.ceil((size - memory.buffer.byteLength) / PAGE_BYTES))
  if (bytes.buffer === memory.buffer) return
  bytes = new Uint8Array(memory.buffer)
  words = new Int32Array(memory.buffer)
}

const aligned = (size: number): number => (size + 15) & ~15

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
  words.set(offsets.subarray(0, count), 0)
  words.set(lengths.subarray(0, count), aligned(4 * count) >> 2)
  bytes.set(source.subarray(start, end), at)
  return at - start
}

/** Copies the texts of `source`, one after the other, to target[at …]; returns the end. */
export function gatherTexts(source: Uint8Array, texts: LocatedTexts, count: number, target: Uint8Array, at: number): number {
  const module = textModule()
  const rows = aligned(4 * count)
  const from = 2 * rows
  const to = from + aligned(texts.end - texts.start) + SLACK
  reserve(module, to + texts.total + SLACK)
  const copied = module.gather(layOut(source, texts, count, from), 0, rows, count, to)
  target.set(bytes.subarray(to, to + copied), at)
  return at + copied
}

/** Mixes the texts into `hashes`, as columnar/hash.ts does; a length of -1 is NULL, hashed as `nullWord`. */
export function hashTexts(source: Uint8Array, texts: LocatedTexts, hashes: Int32Array, nullWord: number): void {
  const module = textModule()
  const count = hashes.length
  const rows = aligned(4 * count)
  const from = 3 * rows
  reserve(module, from + texts.end - texts.start + SLACK)
  const first = layOut(source, texts, count, from)
  words.set(hashes, (2 * rows) >> 2)
  module.hash(first, 0, rows, 2 * rows, count, nullWord)
  hashes.set(words.subarray((2 * rows) >> 2, ((2 * rows) >> 2) + count))
}

/** found[i] is 1 where the text holds the needle (not empty), else 0. */
export function textsContaining(source: Uint8Array, texts: LocatedTexts, count: number, needle: Uint8Array, found: Uint8Array): void {
  const module = textModule()
  const rows = aligned(4 * count)
  const what = 2 * rows
  const out = what + aligned(needle.length) + SLACK
  const from = out + aligned(count)
  reserve(module, from + texts.end - texts.start + SLACK)
  const first = layOut(source, texts, count, from)
  bytes.set(needle, what)
  module.contains(first, 0, rows, count, what, needle.length, out)
  found.set(bytes.subarray(out, out + count))
}
