/**
 * Names of the files a job writes:
 *
 *   <path>/.staging-<job>-<operator>/part-<uuid>-<subtask>-<n>.<attempt>-<random>    while the job runs
 *   <path>/part-<uuid>-<subtask>-<n>                                                 when it has ended well
 *
 * The uuid is that of job and operator, so two jobs, or two INSERTs of one job, never meet; attempt and random part keep what an
 * abandoned task may still be writing, or removing, apart from what its successor writes, under another master too.
 */
import { createHash } from 'node:crypto'
import * as z from '#core/zod.js'
import type { JobId, OperatorId } from '#core/ids/ids.js'

/** A finished file of one subtask, waiting for the job's end. */
export const PartFileSchema = z.object({
  /** Name inside the staging directory. */
  staged: z.string().regex(/^part-[0-9a-f-]+\.\d+-[0-9a-f]{8}$/),
  /** Name inside the table's directory. */
  name: z.string().regex(/^part-[0-9a-f-]+$/),
  length: z.int().min(0),
})
export type PartFile = z.infer<typeof PartFileSchema>

export function stagingDirectory(path: string, jobId: JobId, operatorId: OperatorId): string {
  return `${path}/.staging-${jobId}-${operatorId.slice(0, 8)}`
}

/** What the names of all files of one job and operator begin with. */
export function partFilePrefix(jobId: JobId, operatorId: OperatorId): string {
  const hex = createHash('sha256').update(`${jobId}/${operatorId}`).digest('hex')
  const uuid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
  return `part-${uuid}-`
}

export function partFileName(jobId: JobId, operatorId: OperatorId, subtask: number, n: number): string {
  return `${partFilePrefix(jobId, operatorId)}${subtask}-${n}`
}
