/**
 * The bytes of `_metadata`:
 *
 *   8 bytes    4        4           length        4
 *   WEFTCKPT | version | length | JSON, UTF-8 | CRC-32 of everything before          numbers: unsigned, little-endian
 *
 * The CRC covers the header too, and the length is that of the file: every flipped, missing or added byte is found.
 */
import { crc32 } from 'node:zlib'
import { CHECKPOINT_METADATA_VERSION, CheckpointMetadataSchema, type CheckpointMetadata } from './state-handles.js'
import * as z from '../zod.js'
import { MetadataDamaged, MetadataTooLarge } from './errors.js'

const MAGIC = Buffer.from('WEFTCKPT', 'latin1')
const HEADER_BYTES = MAGIC.length + 8
const CRC_BYTES = 4
/** More than a text of V8's can hold is never written. */
export const MAX_METADATA_BYTES = 256 * 1024 * 1024

/** `file`: for the message. @throws CHECKPOINT_METADATA_TOO_LARGE */
export function encodeMetadata(metadata: CheckpointMetadata, file: string): Buffer {
  const body = Buffer.from(JSON.stringify(metadata), 'utf8')
  const length = HEADER_BYTES + body.length + CRC_BYTES
  if (length > MAX_METADATA_BYTES) throw new MetadataTooLarge({ file, bytes: length, limit: MAX_METADATA_BYTES })
  const bytes = Buffer.alloc(length)
  MAGIC.copy(bytes)
  bytes.writeUInt32LE(CHECKPOINT_METADATA_VERSION, MAGIC.length)
  bytes.writeUInt32LE(body.length, MAGIC.length + 4)
  body.copy(bytes, HEADER_BYTES)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, length - CRC_BYTES)), length - CRC_BYTES)
  return bytes
}

/** @throws CHECKPOINT_METADATA_DAMAGED */
export function decodeMetadata(bytes: Buffer, file: string): CheckpointMetadata {
  const damaged = (offset: number, problem: string, cause?: unknown) =>
    new MetadataDamaged({ file, offset, problem }, cause === undefined ? undefined : { cause })
  if (bytes.length < HEADER_BYTES + CRC_BYTES) throw damaged(bytes.length, `it ends there; its header alone has ${HEADER_BYTES} bytes`)
  const wrong = MAGIC.findIndex((byte, index) => bytes[index] !== byte)
  if (wrong >= 0) throw damaged(wrong, 'it does not begin as metadata of a checkpoint do')
  const version = bytes.readUInt32LE(MAGIC.length)
  const length = HEADER_BYTES + bytes.readUInt32LE(MAGIC.length + 4) + CRC_BYTES
  const crcAt = bytes.length - CRC_BYTES
  const crc = crc32(bytes.subarray(0, crcAt))
  const intact = bytes.readUInt32LE(crcAt) === crc
  if (length !== bytes.length) throw damaged(Math.min(length, bytes.length), `it has ${bytes.length} bytes, its header says ${length}`)
  if (!intact) throw damaged(crcAt, 'the checksum differs from that of the bytes before it')
  if (version !== CHECKPOINT_METADATA_VERSION)
    throw damaged(MAGIC.length, `it has version ${version}; this program reads version ${CHECKPOINT_METADATA_VERSION}`)
  let json: unknown
  try {
    json = JSON.parse(bytes.toString('utf8', HEADER_BYTES, crcAt))
  } catch (error) {
    throw damaged(HEADER_BYTES, 'it holds no JSON', error)
  }
  const parsed = CheckpointMetadataSchema.safeParse(json)
  if (!parsed.success) throw damaged(HEADER_BYTES, z.prettifyError(parsed.error))
  return parsed.data
}
