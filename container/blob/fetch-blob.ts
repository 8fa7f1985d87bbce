/** Gets one blob from the master, piece by piece, and makes sure that it is the right one. */
import { createHash } from 'node:crypto'
import type { BlobReference } from '#core/graph/deployment.js'
import type { JobId } from '#core/ids/ids.js'
import { BlobCorrupt, BlobGateway, BlobTooLarge, MAX_BLOB_BYTES, MAX_BLOB_CHUNK_BYTES } from '#core/rpc/gateways/blob.js'
import type { Gateway } from '#core/rpc/gateway.js'

export type BlobSource = Gateway<typeof BlobGateway>

/** @throws BLOB_NOT_FOUND, BLOB_CORRUPT, BLOB_TOO_LARGE, RPC_CONNECTION_LOST, RPC_TIMEOUT */
export async function fetchBlob(
  source: BlobSource,
  jobId: JobId,
  { blobKey: key, size }: BlobReference,
  chunkBytes = MAX_BLOB_CHUNK_BYTES,
): Promise<Uint8Array> {
  if (size > MAX_BLOB_BYTES) throw new BlobTooLarge({ what: `Blob ${key}`, bytes: size, limit: MAX_BLOB_BYTES })
  const bytes = Buffer.alloc(size)
  for (let offset = 0; offset < size;) {
    const length = Math.min(chunkBytes, size - offset)
    const part = Buffer.from((await source.getBlob({ jobId, key, offset, length })).data, 'base64')
    if (part.length === 0) throw new BlobCorrupt({ key, problem: `it ends at byte ${offset} of ${size}` })
    if (part.length > length) throw new BlobCorrupt({ key, problem: `${part.length} bytes came where ${length} were asked for` })
    part.copy(bytes, offset)
    offset += part.length
  }
  const found = createHash('sha256').update(bytes).digest('hex')
  if (found !== key) throw new BlobCorrupt({ key, problem: `its SHA-256 is ${found}` })
  return bytes
}
