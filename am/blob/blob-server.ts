/** The blobs of the running jobs, by content, and their delivery to workers. Flink's BlobServer; in memory, as the job graphs are. */
import { createHash } from 'node:crypto'
import type { BlobReference } from '#core/graph/deployment.js'
import type { JobId } from '#core/ids/ids.js'
import { BlobGateway, BlobNotFound } from '#core/rpc/gateways/blob.js'
import type { GatewayHandlers } from '#core/rpc/gateway.js'

/** Where a JobMaster puts what its workers fetch. */
export interface BlobWriter {
  /** The same content again is the same blob. `bytes` must not change any more. */
  put(jobId: JobId, bytes: Uint8Array): BlobReference
}

export class BlobServer implements BlobWriter {
  readonly #jobs = new Map<JobId, Map<string, Uint8Array>>()

  put(jobId: JobId, bytes: Uint8Array): BlobReference {
    const blobKey = createHash('sha256').update(bytes).digest('hex')
    const blobs = this.#jobs.get(jobId) ?? new Map<string, Uint8Array>()
    blobs.set(blobKey, bytes)
    this.#jobs.set(jobId, blobs)
    return { blobKey, size: bytes.length }
  }

  /** The job has ended: nobody fetches its blobs any more. */
  removeJob(jobId: JobId): void {
    this.#jobs.delete(jobId)
  }

  readonly handlers: GatewayHandlers<typeof BlobGateway> = {
    getBlob: ({ jobId, key, offset, length }) => {
      const bytes = this.#jobs.get(jobId)?.get(key)
      if (bytes === undefined) throw new BlobNotFound({ key, jobId })
      const part = bytes.subarray(offset, offset + length)
      return { data: Buffer.from(part.buffer, part.byteOffset, part.length).toString('base64') }
    },
  }
}
