/** Reads a segment (segment-format.ts) from where its handle says it lies. */
import { crc32 } from 'node:zlib'
import { nameOfStateBytes, readStateBytes, readStatePart } from '#core/checkpoint/state-bytes.js'
import { CheckpointFileCorrupt } from '#core/checkpoint/errors.js'
import type { StateBytes } from '#core/checkpoint/state-handles.js'
import type { FileSystems } from '#core/fs/file-systems.js'
import type { Schema } from '#core/types/schema.js'
import {
  checkHeader,
  decodeBlock,
  decodeIndex,
  decodeTrailer,
  HEADER_BYTES,
  SegmentProblem,
  TRAILER_BYTES,
  type BlockEntry,
  type BlockRows,
  type SegmentIndex,
} from './segment-format.js'
import type { SegmentCopies } from './segment-copies.js'

/** Segments up to this size are read in one piece, whatever of them is wanted. */
const SMALL_SEGMENT_BYTES = 1024 * 1024
/** An index mostly lies in so many bytes at the end, with the trailer. */
const TAIL_BYTES = 64 * 1024
/** Blocks that follow each other are read together, up to so many bytes. */
const RUN_BYTES = 2 * 1024 * 1024
/** Runs under way at once: the next ones come while one is checked. */
const RUNS_AT_ONCE = 4

export interface SegmentReading {
  /** So many bytes may stay in memory between check and use; of what does not fit the blocks are read again when they are asked for. */
  readonly keepBytes: number
  /** Blocks without rows of these (both inclusive) are left out; undefined: none are. */
  readonly keyGroups?: { readonly first: number; readonly last: number } | undefined
  /** Parts that were checked before: they are not read from where they came. */
  readonly copies?: SegmentCopies | undefined
}

type Block = BlockEntry & { readonly table: string }
/** Blocks one behind the other in the segment. */
interface Run {
  readonly offset: number
  readonly length: number
  readonly blocks: readonly Block[]
}

export class SegmentReader {
  readonly #fileSystems: FileSystems
  readonly #bytes: StateBytes
  readonly #runs: readonly Run[]
  readonly #copies: SegmentCopies | undefined
  /** By offset; given up when they are handed out. */
  readonly #kept: Map<number, Uint8Array<ArrayBuffer>>
  /** Bytes in memory after the check. */
  readonly keptBytes: number

  private constructor(
    fileSystems: FileSystems,
    bytes: StateBytes,
    runs: readonly Run[],
    copies: SegmentCopies | undefined,
    kept: Map<number, Uint8Array<ArrayBuffer>>,
    keptBytes: number,
  ) {
    this.#fileSystems = fileSystems
    this.#bytes = bytes
    this.#runs = runs
    this.#copies = copies
    this.#kept = kept
    this.keptBytes = keptBytes
  }

  /**
   * Checks everything that is wanted: header, index and blocks, each against its checksum; of what was copied only header and index.
   * @throws CHECKPOINT_FILE_CORRUPT, CHECKPOINT_FILE_MISSING
   */
  static async open(fileSystems: FileSystems, bytes: StateBytes, reading: SegmentReading): Promise<SegmentReader> {
    const { keepBytes, keyGroups } = reading
    const copies = bytes.kind === 'file' && reading.copies?.has(bytes, 0, HEADER_BYTES) === true ? reading.copies : undefined
    if (bytes.length < HEADER_BYTES + TRAILER_BYTES) {
      await readStateBytes(fileSystems, bytes)
      throw corrupt(bytes, 0, `${bytes.length} bytes are no segment`)
    }
    const small = bytes.kind === 'inline' || (copies === undefined && bytes.length <= Math.min(SMALL_SEGMENT_BYTES, keepBytes))
    const whole = small ? await readStateBytes(fileSystems, bytes) : undefined
    const part = partsOf(fileSystems, bytes, whole)
    const index =
      copies === undefined
        ? await readIndex(bytes, part)
        : await readIndex(bytes, copiedOr(part, copies, bytes)).catch(() => readIndex(bytes, part))
    const runs = runsOf(index, keyGroups)
    const kept = new Map<number, Uint8Array<ArrayBuffer>>()
    let keptBytes = whole?.length ?? 0
    const unchecked = runs.filter((run) => !isCopied(copies, bytes, run))
    for await (const [run, read] of ahead(unchecked, part)) {
      const keeps = whole !== undefined || keptBytes + run.length <= keepBytes
      if (whole === undefined && keeps) keptBytes += run.length
      for (const block of run.blocks) {
        const own = read.subarray(block.offset - run.offset, block.offset - run.offset + block.length)
        if (crc32(own) !== block.checksum) throw corrupt(bytes, block.offset, 'the checksum of a block is another')
        if (keeps) kept.set(block.offset, own)
      }
    }
    return new SegmentReader(fileSystems, bytes, runs, copies, kept, keptBytes)
  }

  /**
   * Copies what `open` would check, as far as there is room for it.
   * @throws CHECKPOINT_FILE_CORRUPT, CHECKPOINT_FILE_MISSING, STATE_SPILL_FAILED
   */
  static async copy(
    fileSystems: FileSystems,
    bytes: StateBytes,
    copies: SegmentCopies,
    keyGroups: SegmentReading['keyGroups'],
  ): Promise<void> {
    if (bytes.kind === 'inline' || bytes.length < HEADER_BYTES + TRAILER_BYTES || copies.full) return
    const read = partsOf(fileSystems, bytes, undefined)
    const ends: { readonly offset: number; readonly part: Uint8Array<ArrayBuffer> }[] = []
    const index = await readIndex(bytes, async (offset, length) => {
      const part = await read(offset, length)
      ends.push({ offset, part })
      return part
    })
    for await (const [run, part] of ahead(runsOf(index, keyGroups), read)) {
      if (copies.full) break
      for (const { offset, length, checksum } of run.blocks) {
        const own = part.subarray(offset - run.offset, offset - run.offset + length)
        if (crc32(own) !== checksum) throw corrupt(bytes, offset, 'the checksum of a block is another')
      }
      copies.put(bytes, run.offset, part)
    }
    for (const { offset, part } of ends) copies.put(bytes, offset, part)
  }

  /** Blocks of one table in the order in which they were written; once. @throws CHECKPOINT_FILE_CORRUPT, CHECKPOINT_FILE_MISSING */
  async *blocks(table: string, schema: Schema): AsyncGenerator<BlockRows> {
    const wanted = this.#runs.filter(({ blocks }) => blocks.some((block) => block.table === table))
    const held = (run: Run) => run.blocks.every(({ offset }) => this.#kept.has(offset))
    const part = partsOf(this.#fileSystems, this.#bytes, undefined)
    const again = ahead(
      wanted.filter((run) => !held(run)),
      this.#copies === undefined ? part : copiedOr(part, this.#copies, this.#bytes),
    )
    for (const run of wanted) {
      let read = held(run) ? undefined : ((await again.next()).value as [Run, Uint8Array<ArrayBuffer>])[1]
      let checked = read === undefined
      if (read !== undefined && isCopied(this.#copies, this.#bytes, run)) {
        checked = isIntact(run, read)
        if (!checked) read = await part(run.offset, run.length) // as if there were no copy
      }
      for (const block of run.blocks) {
        if (block.table !== table) continue
        const { offset, length } = block
        const bytes =
          read?.subarray(offset - run.offset, offset - run.offset + length) ?? (this.#kept.get(offset) as Uint8Array<ArrayBuffer>)
        this.#kept.delete(offset)
        yield await decoded(this.#bytes, offset, async () => decodeBlock(bytes, block, schema, checked))
      }
    }
  }
}

function isCopied(copies: SegmentCopies | undefined, bytes: StateBytes, { offset, length }: Run): boolean {
  return bytes.kind === 'file' && copies?.has(bytes, offset, length) === true
}

function isIntact(run: Run, read: Uint8Array): boolean {
  return run.blocks.every(
    ({ offset, length, checksum }) => crc32(read.subarray(offset - run.offset, offset - run.offset + length)) === checksum,
  )
}

type Part = (offset: number, length: number) => Promise<Uint8Array<ArrayBuffer>>

function partsOf(fileSystems: FileSystems, bytes: StateBytes, whole: Uint8Array<ArrayBuffer> | undefined): Part {
  return async (offset, length) => {
    if (whole !== undefined) return whole.subarray(offset, offset + length)
    if (bytes.kind === 'inline') return (await readStateBytes(fileSystems, bytes)).subarray(offset, offset + length)
    return readStatePart(fileSystems, bytes, offset, length)
  }
}

function copiedOr(part: Part, copies: SegmentCopies, bytes: StateBytes): Part {
  return async (offset, length) => (bytes.kind === 'file' ? copies.get(bytes, offset, length) : undefined) ?? part(offset, length)
}

async function readIndex(bytes: StateBytes, part: Part): Promise<SegmentIndex> {
  const tailAt = Math.max(0, bytes.length - TAIL_BYTES) & ~7
  const [header, tail] = await Promise.all([part(0, HEADER_BYTES), part(tailAt, bytes.length - tailAt)])
  await decoded(bytes, 0, async () => checkHeader(header))
  const trailerAt = bytes.length - TRAILER_BYTES
  const { offset, length, checksum } = await decoded(bytes, trailerAt, async () =>
    decodeTrailer(tail.subarray(trailerAt - tailAt), bytes.length),
  )
  const index = offset >= tailAt ? tail.subarray(offset - tailAt, offset - tailAt + length) : await part(offset, length)
  return decoded(bytes, offset, async () => decodeIndex(index, checksum, offset))
}

function runsOf({ tables }: SegmentIndex, keyGroups: SegmentReading['keyGroups']): Run[] {
  const isWanted = ({ groups }: BlockEntry) =>
    keyGroups === undefined || groups === undefined || (groups.first <= keyGroups.last && groups.last >= keyGroups.first)
  const all: Run[] = []
  for (const { name, blocks } of tables) {
    // Tables are handed out one after the other: no run is of two.
    const runs: { offset: number; length: number; blocks: Block[] }[] = []
    for (const block of blocks) {
      if (!isWanted(block)) continue
      const last = runs.at(-1)
      const follows = last !== undefined && last.offset + last.length === block.offset && last.length + block.length <= RUN_BYTES
      if (follows) {
        last.blocks.push({ ...block, table: name })
        last.length += block.length
      } else runs.push({ offset: block.offset, length: block.length, blocks: [{ ...block, table: name }] })
    }
    all.push(...runs)
  }
  return all
}

/** The runs in order, each read while those before it are worked on. */
async function* ahead(runs: readonly Run[], part: Part): AsyncGenerator<[Run, Uint8Array<ArrayBuffer>], undefined> {
  const coming: Promise<Uint8Array<ArrayBuffer>>[] = []
  let next = 0
  try {
    for (const run of runs) {
      for (; next < runs.length && coming.length < RUNS_AT_ONCE; next++) {
        const { offset, length } = runs[next] as Run
        coming.push(part(offset, length))
      }
      yield [run, await (coming.shift() as Promise<Uint8Array<ArrayBuffer>>)]
    }
  } finally {
    for (const left of coming) left.catch(() => undefined) // nobody asks any more
  }
  return undefined
}

async function decoded<T>(bytes: StateBytes, at: number, decode: () => Promise<T>): Promise<T> {
  try {
    return await decode()
  } catch (error) {
    if (error instanceof SegmentProblem) throw corrupt(bytes, at + error.at, error.message, error)
    throw error
  }
}

function corrupt(bytes: StateBytes, at: number, problem: string, cause?: unknown): Error {
  const start = bytes.kind === 'file' ? bytes.offset : 0
  return new CheckpointFileCorrupt({ file: nameOfStateBytes(bytes), offset: start + at, problem }, { cause })
}
