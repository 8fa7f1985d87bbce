/** Reads a segment (segment-format.ts) from where its handle says it lies. */
import { nameOfStateBytes, readStateBytes, readStatePart, verifyStateBytes } from '#core/checkpoint/state-bytes.js'
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
  type BlockRows,
  type SegmentIndex,
} from './segment-format.js'

type Part = (offset: number, length: number) => Promise<Uint8Array<ArrayBuffer>>

export class SegmentReader {
  readonly #bytes: StateBytes
  readonly #part: Part
  readonly #index: SegmentIndex

  private constructor(bytes: StateBytes, part: Part, index: SegmentIndex) {
    this.#bytes = bytes
    this.#part = part
    this.#index = index
  }

  /**
   * Checks length and checksum of the whole range, header and index. A segment of at most `keepBytes` stays in memory; of a larger one
   * only the index, its blocks are read again (and checked again) when asked for.
   * @throws CHECKPOINT_FILE_CORRUPT, CHECKPOINT_FILE_MISSING
   */
  static async open(fileSystems: FileSystems, bytes: StateBytes, keepBytes: number): Promise<SegmentReader> {
    const part = await verified(fileSystems, bytes, keepBytes)
    if (bytes.length < HEADER_BYTES + TRAILER_BYTES) throw corrupt(bytes, 0, `${bytes.length} bytes are no segment`)
    await decoded(bytes, 0, async () => checkHeader(await part(0, HEADER_BYTES)))
    const trailerAt = bytes.length - TRAILER_BYTES
    const trailer = await decoded(bytes, trailerAt, async () => decodeTrailer(await part(trailerAt, TRAILER_BYTES), bytes.length))
    const index = await decoded(bytes, trailer.offset, async () =>
      decodeIndex(await part(trailer.offset, trailer.length), trailer.checksum, trailer.offset),
    )
    return new SegmentReader(bytes, part, index)
  }

  /** Blocks of one table in the order in which they were written. @throws CHECKPOINT_FILE_CORRUPT, CHECKPOINT_FILE_MISSING */
  async *blocks(table: string, schema: Schema): AsyncGenerator<BlockRows> {
    for (const entry of this.#index.tables.find(({ name }) => name === table)?.blocks ?? []) {
      const bytes = await this.#part(entry.offset, entry.length)
      yield await decoded(this.#bytes, entry.offset, async () => decodeBlock(bytes, entry, schema))
    }
  }
}

async function verified(fileSystems: FileSystems, bytes: StateBytes, keepBytes: number): Promise<Part> {
  if (bytes.kind === 'file' && bytes.length > keepBytes) {
    await verifyStateBytes(fileSystems, '', bytes)
    return (offset, length) => readStatePart(fileSystems, bytes, offset, length)
  }
  const whole = await readStateBytes(fileSystems, bytes)
  return async (offset, length) => whole.subarray(offset, offset + length)
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
