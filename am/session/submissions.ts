/** The submission directory of a session (core/cluster/session-submission.ts), read and kept in order by its master. */
import { createHash } from 'node:crypto'
import * as z from '#core/zod.js'
import {
  ACCEPTED_FILE,
  MAX_SUBMISSION_BYTES,
  SUBMISSION_FILE,
  SUBMITTED_PROGRAM_FILE,
  SubmissionSchema,
  type Submission,
} from '#core/cluster/session-submission.js'
import { PathNotFound } from '#core/fs/errors.js'
import type { FileSystem } from '#core/fs/file-system.js'
import type { BlobReference } from '#core/graph/program-reference.js'
import { HEX_32, type JobId } from '#core/ids/ids.js'
import { MAX_BLOB_BYTES } from '#core/rpc/gateways/blob.js'
import { InvalidSubmission, NotSubmitted } from './errors.js'

export interface SubmittedJob {
  readonly jobGraph: unknown
  /** Undefined: the job has no functions of a program. */
  readonly bundle: Uint8Array | undefined
}

export class Submissions {
  readonly #fileSystem: FileSystem
  readonly #directory: string

  constructor(fileSystem: FileSystem, directory: string) {
    this.#fileSystem = fileSystem
    this.#directory = directory
  }

  /** @throws SESSION_JOB_NOT_SUBMITTED, SESSION_SUBMISSION_INVALID, FS_* */
  async read(jobId: JobId): Promise<SubmittedJob> {
    const path = this.path(jobId)
    const text = await this.#content(path, MAX_SUBMISSION_BYTES)
    if (text === undefined) throw new NotSubmitted({ jobId, path })
    const submission = parse(path, text)
    if (submission.jobId !== jobId) throw new InvalidSubmission({ path, problem: `it is job ${submission.jobId}` })
    return {
      jobGraph: submission.jobGraph,
      bundle: submission.program === null ? undefined : await this.#bundle(jobId, submission.program),
    }
  }

  path(jobId: JobId): string {
    return `${this.#directory}/${jobId}/${SUBMISSION_FILE}`
  }

  /** From now on a later attempt of the master runs it. */
  async accept(jobId: JobId): Promise<void> {
    const writer = await this.#fileSystem.create(`${this.#directory}/${jobId}/${ACCEPTED_FILE}`, { overwrite: true, permission: 0o600 })
    await writer.close()
  }

  /** Jobs that an earlier attempt of the master accepted. */
  async accepted(): Promise<JobId[]> {
    const found: { jobId: JobId; at: number }[] = []
    for (const { path } of await this.#list()) {
      const name = path.slice(path.lastIndexOf('/') + 1)
      if (!HEX_32.test(name)) continue
      const status = await this.#fileSystem.status(`${path}/${ACCEPTED_FILE}`)
      if (status !== undefined) found.push({ jobId: name as JobId, at: status.modificationTime })
    }
    return found.sort((a, b) => a.at - b.at).map(({ jobId }) => jobId)
  }

  async remove(jobId: JobId): Promise<void> {
    await this.#fileSystem.delete(`${this.#directory}/${jobId}`)
  }

  async #bundle(jobId: JobId, { blobKey, size }: BlobReference): Promise<Uint8Array> {
    const path = `${this.#directory}/${jobId}/${SUBMITTED_PROGRAM_FILE}`
    const bytes = await this.#content(path, MAX_BLOB_BYTES)
    if (bytes === undefined) throw new InvalidSubmission({ path, problem: 'the program is missing' })
    if (bytes.length !== size || createHash('sha256').update(bytes).digest('hex') !== blobKey)
      throw new InvalidSubmission({ path, problem: 'the program is not the one that the job was made of' })
    return bytes
  }

  /** @throws SESSION_SUBMISSION_INVALID where it is larger */
  async #content(path: string, limit: number): Promise<Buffer | undefined> {
    const chunks: Uint8Array[] = []
    try {
      for await (const chunk of this.#fileSystem.read(path, 0, limit + 1)) chunks.push(chunk)
    } catch (error) {
      if (PathNotFound.is(error)) return undefined
      throw error
    }
    const bytes = Buffer.concat(chunks)
    if (bytes.length > limit) throw new InvalidSubmission({ path, problem: `it is larger than ${limit} bytes` })
    return bytes
  }

  async #list() {
    try {
      return await this.#fileSystem.list(this.#directory)
    } catch (error) {
      if (PathNotFound.is(error)) return []
      throw error
    }
  }
}

function parse(path: string, text: Buffer): Submission {
  let json: unknown
  try {
    json = JSON.parse(text.toString('utf8'))
  } catch (error) {
    throw new InvalidSubmission({ path, problem: error instanceof Error ? error.message : String(error) }, { cause: error })
  }
  const parsed = SubmissionSchema.safeParse(json)
  if (!parsed.success) throw new InvalidSubmission({ path, problem: z.prettifyError(parsed.error) })
  return parsed.data
}
