/**
 * A segment: keyed state of one operator in one subtask, all of it or what changed. A file holds the segments of a subtask's operators
 * one after the other; a handle (StateBytes) names the range of one. Little-endian; blocks begin at multiples of 8.
 *
 *   +--------+---------+---------+ - - +-------+------------------------------------------------+
 *   | header | block 0 | block 1 | ... | index | trailer                                        |
 *   +--------+---------+---------+ - - +-------+------------------------------------------------+
 *   header   magic u32 'WSG1', version u32
 *   index    JSON { tables: [{ name, blocks: [{ offset, length, checksum, rows, removed, groups }] }] }: tables in the order of their
 *            declaration, offsets from the start of the segment, checksum: CRC-32 of the block, groups: lowest and highest key
 *            group of its rows (absent: any)
 *   trailer  index offset f64, index length u32, CRC-32 of the index u32, magic u32 'WSGE', CRC-32 of the trailer so far u32
 *
 *   block    rows u32, removed u32, batch bytes u32, 0 u32 | ids i32 * rows | key groups u16 * rows | removed ids i32 * removed |
 *            batch (columnar/wire; absent without rows); each section padded to 8
 *
 * Everything is covered by a checksum: blocks and index by their own, the rest by comparison with what it must be; the handle has one
 * over the whole range.
 */
import { crc32 } from 'node:zlib'
import * as z from '#core/zod.js'
import type { Schema } from '#core/types/schema.js'
import type { Batch } from '../columnar/batch.js'
import { decodeBatch, encodeBatch, MalformedBatch, MAX_WIRE_ROWS } from '../columnar/wire.js'

export const SEGMENT_MAGIC = 0x31475357
export const END_MAGIC = 0x45475357
export const SEGMENT_VERSION = 1
export const HEADER_BYTES = 8
export const TRAILER_BYTES = 24
const BLOCK_HEADER_BYTES = 16
/** Far above what a writer makes; a reader takes no more. */
export const MAX_BLOCK_BYTES = 256 * 1024 * 1024
export const MAX_INDEX_BYTES = 64 * 1024 * 1024

const BlockEntrySchema = z.object({
  offset: z.int().min(HEADER_BYTES),
  length: z.int().min(BLOCK_HEADER_BYTES).max(MAX_BLOCK_BYTES),
  checksum: z.int().min(0),
  rows: z.int().min(0).max(MAX_WIRE_ROWS),
  removed: z.int().min(0),
  groups: z.object({ first: z.int().min(0).max(65_535), last: z.int().min(0).max(65_535) }).optional(),
})
export type BlockEntry = z.infer<typeof BlockEntrySchema>
export const SegmentIndexSchema = z.object({
  tables: z.array(z.object({ name: z.string().min(1).max(1000), blocks: z.array(BlockEntrySchema).max(1_000_000) })).max(1000),
})
export type SegmentIndex = z.infer<typeof SegmentIndexSchema>

export interface BlockRows {
  /** Undefined: only removed ids. */
  readonly batch: Batch | undefined
  readonly ids: Int32Array
  readonly keyGroups: Uint16Array
  readonly removed: Int32Array
}

/** What is wrong with bytes of a segment: `at` counts from the start of what was decoded. */
export class SegmentProblem extends Error {
  readonly at: number
  constructor(at: number, problem: string) {
    super(problem)
    this.at = at
  }
}

const align = (offset: number): number => offset + ((8 - (offset % 8)) % 8)

export function encodeHeader(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, SEGMENT_MAGIC, true)
  view.setUint32(4, SEGMENT_VERSION, true)
  return bytes
}

export function checkHeader(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (view.getUint32(0, true) !== SEGMENT_MAGIC) throw new SegmentProblem(0, 'it does not begin with the mark of a segment')
  const version = view.getUint32(4, true)
  if (version !== SEGMENT_VERSION) throw new SegmentProblem(4, `version ${version} of the segment format, ${SEGMENT_VERSION} is known here`)
}

/** Index, padded, and trailer; `offset`: where the index begins in the segment. */
export function encodeEnd(index: SegmentIndex, offset: number): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify(index))
  const trailer = align(json.length)
  const bytes = new Uint8Array(trailer + TRAILER_BYTES)
  bytes.set(json)
  bytes.fill(0x20, json.length, trailer)
  const view = new DataView(bytes.buffer, trailer)
  view.setFloat64(0, offset, true)
  view.setUint32(8, trailer, true)
  view.setUint32(12, crc32(bytes.subarray(0, trailer)), true)
  view.setUint32(16, END_MAGIC, true)
  view.setUint32(20, crc32(bytes.subarray(trailer, trailer + 20)), true)
  return bytes
}

/** Where the index of a segment of that length lies. @throws SegmentProblem */
export function decodeTrailer(bytes: Uint8Array, segmentBytes: number): { offset: number; length: number; checksum: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (crc32(bytes.subarray(0, 20)) !== view.getUint32(20, true)) throw new SegmentProblem(0, 'the checksum of the trailer is another')
  if (view.getUint32(16, true) !== END_MAGIC) throw new SegmentProblem(16, 'it does not end with the mark of a segment')
  const offset = view.getFloat64(0, true)
  const length = view.getUint32(8, true)
  if (
    !Number.isSafeInteger(offset) ||
    offset < HEADER_BYTES ||
    length > MAX_INDEX_BYTES ||
    offset + length + TRAILER_BYTES !== segmentBytes
  )
    throw new SegmentProblem(0, `an index of ${length} bytes at ${offset} does not fit a segment of ${segmentBytes}`)
  return { offset, length, checksum: view.getUint32(12, true) }
}

/** @throws SegmentProblem unless blocks follow each other without gaps up to `end`, where the index begins */
export function decodeIndex(bytes: Uint8Array, checksum: number, end: number): SegmentIndex {
  if (crc32(bytes) !== checksum) throw new SegmentProblem(0, 'the checksum of the index is another')
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw new SegmentProblem(0, `the index is no JSON (${(error as Error).message})`)
  }
  const parsed = SegmentIndexSchema.safeParse(value)
  if (!parsed.success) throw new SegmentProblem(0, `the index is not as it must be: ${z.prettifyError(parsed.error)}`)
  let at = HEADER_BYTES
  const names = new Set<string>()
  for (const { name, blocks } of parsed.data.tables) {
    if (names.has(name)) throw new SegmentProblem(0, `the index has table '${name}' twice`)
    names.add(name)
    for (const { offset, length } of blocks) {
      if (offset !== at || length % 8 !== 0) throw new SegmentProblem(0, `the index has a block at ${offset}, the one before ends at ${at}`)
      at += length
    }
  }
  if (at !== end) throw new SegmentProblem(0, `the blocks end at ${at}, the index begins at ${end}`)
  return parsed.data
}

export function encodeBlock(rows: BlockRows): Uint8Array<ArrayBuffer> {
  const { ids, keyGroups, removed } = rows
  const batch = rows.batch === undefined || ids.length === 0 ? new Uint8Array(0) : encodeBatch(rows.batch)
  const idsAt = BLOCK_HEADER_BYTES
  const groupsAt = idsAt + align(4 * ids.length)
  const removedAt = groupsAt + align(2 * ids.length)
  const batchAt = removedAt + align(4 * removed.length)
  const bytes = new Uint8Array(batchAt + align(batch.length))
  const view = new DataView(bytes.buffer)
  view.setUint32(0, ids.length, true)
  view.setUint32(4, removed.length, true)
  view.setUint32(8, batch.length, true)
  new Int32Array(bytes.buffer, idsAt, ids.length).set(ids)
  new Uint16Array(bytes.buffer, groupsAt, keyGroups.length).set(keyGroups)
  new Int32Array(bytes.buffer, removedAt, removed.length).set(removed)
  bytes.set(batch, batchAt)
  return bytes
}

/**
 * The block’s rows as views of `bytes`, which begin at a multiple of 8. `checked`: their checksum has been compared.
 * @throws SegmentProblem
 */
export function decodeBlock(bytes: Uint8Array<ArrayBuffer>, entry: BlockEntry, schema: Schema, checked = false): BlockRows {
  if (bytes.length !== entry.length) throw new SegmentProblem(0, `a block of ${bytes.length} bytes, the index says ${entry.length}`)
  if (!checked && crc32(bytes) !== entry.checksum) throw new SegmentProblem(0, 'the checksum of a block is another')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const rows = view.getUint32(0, true)
  const gone = view.getUint32(4, true)
  const batchBytes = view.getUint32(8, true)
  if (rows !== entry.rows || gone !== entry.removed) throw new SegmentProblem(0, 'a block has other counts than the index says')
  const idsAt = BLOCK_HEADER_BYTES
  const groupsAt = idsAt + align(4 * rows)
  const removedAt = groupsAt + align(2 * rows)
  const batchAt = removedAt + align(4 * gone)
  if (batchAt + align(batchBytes) !== bytes.length) throw new SegmentProblem(0, `the sections of a block end at ${batchAt + batchBytes}`)
  const base = bytes.byteOffset
  const ids = new Int32Array(bytes.buffer, base + idsAt, rows)
  const keyGroups = new Uint16Array(bytes.buffer, base + groupsAt, rows)
  const removed = new Int32Array(bytes.buffer, base + removedAt, gone)
  for (const id of ids) if (id < 0) throw new SegmentProblem(idsAt, `row id ${id}`)
  for (const id of removed) if (id < 0) throw new SegmentProblem(removedAt, `removed id ${id}`)
  if (rows === 0) return { batch: undefined, ids, keyGroups, removed }
  try {
    const batch = decodeBatch(bytes.subarray(batchAt, batchAt + batchBytes), schema)
    if (batch.length !== rows) throw new SegmentProblem(batchAt, `a batch of ${batch.length} rows with ${rows} ids`)
    return { batch, ids, keyGroups, removed }
  } catch (error) {
    if (MalformedBatch.is(error)) throw new SegmentProblem(batchAt, error.message)
    throw error
  }
}
