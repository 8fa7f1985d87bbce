/** The blobs of the jobs that hold slots here: each is fetched once, whoever asks for it meanwhile waits for the same fetch. */
import type { BlobReference } from '#core/graph/deployment.js'
import type { JobId } from '#core/ids/ids.js'
import { MAX_BLOB_BYTES } from '#core/rpc/gateways/blob.js'

interface Entry {
  readonly jobId: JobId
  readonly size: number
  readonly bytes: Promise<Uint8Array>
}

export class BlobCache {
  /** By job and key; the one used longest ago first. */
  readonly #entries = new Map<string, Entry>()
  readonly #limit: number
  #size = 0

  /** `limit`: bytes of all blobs; beyond it those used longest ago are dropped, and fetched again when they are needed. */
  constructor(limit = MAX_BLOB_BYTES) {
    this.#limit = limit
  }

  /** Bytes held or on their way. */
  get size(): number {
    return this.#size
  }

  /** Rejects as `fetch` does; then the next one who asks tries again. The bytes must not be changed. */
  get(jobId: JobId, reference: BlobReference, fetch: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const name = `${jobId}/${reference.blobKey}`
    const present = this.#entries.get(name)
    if (present !== undefined) {
      this.#entries.delete(name)
      this.#entries.set(name, present)
      return present.bytes
    }
    const entry: Entry = { jobId, size: reference.size, bytes: fetch() }
    this.#entries.set(name, entry)
    this.#size += entry.size
    entry.bytes.catch(() => this.#remove(name, entry))
    for (const [oldest, each] of this.#entries) {
      if (this.#size <= this.#limit || each === entry) break
      this.#remove(oldest, each)
    }
    return entry.bytes
  }

  /** No slot of the job is left. */
  releaseJob(jobId: JobId): void {
    for (const [name, entry] of this.#entries) if (entry.jobId === jobId) this.#remove(name, entry)
  }

  #remove(name: string, entry: Entry): void {
    if (this.#entries.get(name) !== entry) return
    this.#entries.delete(name)
    this.#size -= entry.size
  }
}
