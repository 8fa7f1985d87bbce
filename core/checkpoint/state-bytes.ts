/** Bytes of state where their handle says they lie: found, read and checked. */
import { crc32 } from 'node:zlib'
import { PathNotFound } from '../fs/errors.js'
import type { FileSystems } from '../fs/file-systems.js'
import { CheckpointFileCorrupt, CheckpointFileMissing } from './errors.js'
import type { StateBytes } from './state-handles.js'

type FileBytes = Extract<StateBytes, { kind: 'file' }>

const FULL_URI = /^[a-z][a-z0-9+.-]*:\//i

/** The same bytes by a full URI: a relative name lies in `baseDirectory`, the one that holds `_metadata`. */
export function resolveStateBytes(baseDirectory: string, bytes: StateBytes): StateBytes {
  if (bytes.kind === 'inline' || FULL_URI.test(bytes.path)) return bytes
  return { ...bytes, path: `${baseDirectory.replace(/\/+$/, '')}/${bytes.path}` }
}

/** What errors call the place. */
export function nameOfStateBytes(bytes: StateBytes): string {
  return bytes.kind === 'inline' ? 'the metadata' : bytes.path
}

/**
 * Reads the whole range and compares length and checksum with the handle; keeps nothing.
 * @throws CHECKPOINT_FILE_MISSING, CHECKPOINT_FILE_CORRUPT, and what the file system throws
 */
export async function verifyStateBytes(fileSystems: FileSystems, baseDirectory: string, bytes: StateBytes): Promise<void> {
  const resolved = resolveStateBytes(baseDirectory, bytes)
  if (resolved.kind === 'inline') return void decodeInline(resolved)
  for await (const _ of checkedChunks(fileSystems, resolved));
}

/**
 * All bytes of a handle by full URI, in one piece; checked. For handles whose length is known to be small enough.
 * @throws as verifyStateBytes
 */
export async function readStateBytes(fileSystems: FileSystems, bytes: StateBytes): Promise<Uint8Array<ArrayBuffer>> {
  if (bytes.kind === 'inline') return decodeInline(bytes)
  const whole = new Uint8Array(bytes.length)
  let at = 0
  for await (const chunk of checkedChunks(fileSystems, bytes)) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

/**
 * `length` bytes from `offset` of the handle's range, not checked. They begin at a multiple of 8 in memory.
 * @throws CHECKPOINT_FILE_MISSING, CHECKPOINT_FILE_CORRUPT when the file ends before
 */
export async function readStatePart(
  fileSystems: FileSystems,
  bytes: FileBytes,
  offset: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const part = new Uint8Array(length)
  let at = 0
  for await (const chunk of chunksOf(fileSystems, bytes.path, bytes.offset + offset, length)) {
    if (chunk.length > length - at) throw corrupt(bytes.path, bytes.offset + offset + length, 'more bytes came than were asked for')
    part.set(chunk, at)
    at += chunk.length
  }
  if (at < length) throw corrupt(bytes.path, bytes.offset + offset + at, `it ends here, ${length - at} more bytes were expected`)
  return part
}

/** The range from its start to its end; throws behind the last chunk when length or checksum differ. */
async function* checkedChunks(fileSystems: FileSystems, bytes: FileBytes): AsyncGenerator<Uint8Array> {
  let read = 0
  let checksum = 0
  for await (const chunk of chunksOf(fileSystems, bytes.path, bytes.offset, bytes.length)) {
    read += chunk.length
    if (read > bytes.length) break
    checksum = crc32(chunk, checksum)
    yield chunk
  }
  if (read !== bytes.length)
    throw corrupt(bytes.path, bytes.offset + Math.min(read, bytes.length), `${read} bytes were read, ${bytes.length} were expected`)
  if (checksum !== bytes.checksum)
    throw corrupt(bytes.path, bytes.offset, `checksum of ${bytes.length} bytes is ${checksum}, ${bytes.checksum} was expected`)
}

async function* chunksOf(fileSystems: FileSystems, path: string, offset: number, length: number): AsyncGenerator<Uint8Array> {
  try {
    yield* fileSystems.of(path).read(path, offset, length)
  } catch (error) {
    if (PathNotFound.is(error)) throw new CheckpointFileMissing({ file: path }, { cause: error })
    throw error
  }
}

function decodeInline(bytes: Extract<StateBytes, { kind: 'inline' }>): Uint8Array<ArrayBuffer> {
  // A copy: a small Buffer lies anywhere in a shared slab, columns need multiples of 8.
  const decoded = new Uint8Array(Buffer.from(bytes.base64, 'base64'))
  if (decoded.length !== bytes.length) throw corrupt(nameOfStateBytes(bytes), 0, `${decoded.length} bytes, ${bytes.length} were expected`)
  if (crc32(decoded) !== bytes.checksum) throw corrupt(nameOfStateBytes(bytes), 0, 'its checksum is another')
  return decoded
}

function corrupt(file: string, offset: number, problem: string): Error {
  return new CheckpointFileCorrupt({ file, offset, problem })
}
