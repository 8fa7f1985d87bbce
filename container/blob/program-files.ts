/**
 * Bundles of programs as files, for slots' threads to import: one for each bundle, in a directory that only this user can read, for as
 * long as a job that uses it holds a slot here.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BlobReference } from '#core/graph/deployment.js'
import type { JobId } from '#core/ids/ids.js'

interface ProgramFile {
  readonly path: Promise<string>
  readonly jobs: Set<JobId>
}

export class ProgramFiles {
  readonly #parent: string
  readonly #files = new Map<string, ProgramFile>()
  #directory: string | undefined

  /** `parent`: a directory of the machine for temporary files. */
  constructor(parent: string) {
    this.#parent = parent
  }

  /** The bundle's file. Rejects as `fetch` does, or when it cannot be written; the next call tries again. */
  path(jobId: JobId, { blobKey }: BlobReference, fetch: () => Promise<Uint8Array>): Promise<string> {
    const known = this.#files.get(blobKey)
    if (known !== undefined) {
      known.jobs.add(jobId)
      return known.path
    }
    const file: ProgramFile = { path: this.#write(blobKey, fetch), jobs: new Set([jobId]) }
    this.#files.set(blobKey, file)
    file.path.catch(() => {
      if (this.#files.get(blobKey) === file) this.#files.delete(blobKey)
    })
    return file.path
  }

  /** No slot of the job is left. */
  releaseJob(jobId: JobId): void {
    for (const [blobKey, file] of this.#files) {
      file.jobs.delete(jobId)
      if (file.jobs.size > 0) continue
      this.#files.delete(blobKey)
      file.path.then(
        (path) => rmSync(path, { force: true }),
        () => undefined,
      )
    }
  }

  /** Removes everything. */
  close(): void {
    this.#files.clear()
    if (this.#directory !== undefined) rmSync(this.#directory, { recursive: true, force: true })
    this.#directory = undefined
  }

  async #write(blobKey: string, fetch: () => Promise<Uint8Array>): Promise<string> {
    const bytes = await fetch()
    this.#directory ??= mkdtempSync(join(this.#parent, 'weft-programs-'))
    const path = join(this.#directory, `${blobKey}.mjs`)
    await writeFile(`${path}.new`, bytes, { mode: 0o600 })
    await rename(`${path}.new`, path)
    return path
  }
}
