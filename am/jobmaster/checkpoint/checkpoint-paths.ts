/** Names of checkpoints' directories and files: Flink's. Paths are full URIs without trailing slash. */
import type { JobId } from '#core/ids/ids.js'

const CHECKPOINT_NAME = /^chk-(\d{1,15})$/

export function jobDirectory(root: string, jobId: JobId): string {
  return `${root}/${jobId}`
}

export function checkpointDirectory(job: string, checkpointId: number): string {
  return `${job}/chk-${checkpointId}`
}

export function sharedDirectory(job: string): string {
  return `${job}/shared`
}

/** `random`: 6 bytes. */
export function savepointDirectory(root: string, jobId: JobId, random: Uint8Array): string {
  return `${root}/savepoint-${jobId.slice(0, 6)}-${Buffer.from(random).toString('hex')}`
}

/** Number of a checkpoint's directory, or undefined for another name. */
export function checkpointNumber(path: string): number | undefined {
  const found = CHECKPOINT_NAME.exec(path.slice(path.lastIndexOf('/') + 1))?.[1]
  return found === undefined ? undefined : Number(found)
}

export function isBelow(path: string, directory: string): boolean {
  return path.startsWith(`${directory}/`)
}
