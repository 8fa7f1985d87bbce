/**
 * Names of the files a job writes:
 *
 *   <path>/.staging-<job>-<operator>/part-<uuid>-<subtask>[-<interval>]-<n>.<attempt>-<random>    until they are committed
 *   <path>/part-<uuid>-<subtask>[-<interval>]-<n>                                                 from then on
 *
 * The uuid is that of job and operator, so two jobs, or two INSERTs of one job, never meet; attempt and random part keep what an
 * abandoned task may still be writing, or removing, apart from what its successor writes, under another master too.
 *
 * The interval says between which checkpoints the file's rows came: 0 (left out) before the first, n + 1 behind the barrier of
 * checkpoint n. So all that is beyond a checkpoint is known by its name alone, whoever wrote it and at whatever parallelism, and
 * no two files that are committed have the same name.
 */
import { createHash } from 'node:crypto'
import * as z from '#core/zod.js'
import type { JobId, OperatorId } from '#core/ids/ids.js'

/** A finished file of one subtask, waiting to be committed. */
export const PartFileSchema = z.object({
  /** The table's directory when it was written, full URI. */
  directory: z.string().min(1).max(4000),
  /** Name of the staging directory in it: another job's, when this one began from that job's checkpoint. */
  staging: z.string().regex(/^\.staging-[0-9a-f]+-[0-9a-f]+$/),
  /** Name inside the staging directory. */
  staged: z.string().regex(/^part-[0-9a-f-]+\.\d+-[0-9a-f]{8}$/),
  /** Name inside the table's directory. */
  name: z.string().regex(/^part-[0-9a-f-]+$/),
  length: z.int().min(0),
})
export type PartFile = z.infer<typeof PartFileSchema>

export function stagingName(jobId: JobId, operatorId: OperatorId): string {
  return `.staging-${jobId}-${operatorId.slice(0, 8)}`
}

/** What the names of all files of one job and operator begin with. */
export function partFilePrefix(jobId: JobId, operatorId: OperatorId): string {
  const hex = createHash('sha256').update(`${jobId}/${operatorId}`).digest('hex')
  const uuid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
  return `part-${uuid}-`
}

/** What a file's name says besides its prefix. */
export interface PartNumbers {
  readonly subtask: number
  readonly interval: number
  readonly n: number
}

export function partFileName(prefix: string, { subtask, interval, n }: PartNumbers): string {
  return `${prefix}${subtask}${interval === 0 ? '' : `-${interval}`}-${n}`
}

/** Undefined: not a name, visible or staged, of that job and operator. */
export function partNumbers(prefix: string, name: string): PartNumbers | undefined {
  if (!name.startsWith(prefix)) return undefined
  const found = /^(\d+)(?:-(\d+))?-(\d+)(?:\.\d+-[0-9a-f]{8})?$/.exec(name.slice(prefix.length))
  if (found === null) return undefined
  return { subtask: Number(found[1]), interval: Number(found[2] ?? 0), n: Number(found[3]) }
}
