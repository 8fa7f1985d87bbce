/** Which of the jobs that have ended need not stay listed any longer: Flink's job store. Pure. */
import type { JobId } from '#core/ids/ids.js'
import type { Millis } from '#core/time/environment.js'

/** A job that ended less than this ago is kept in any case, for the client that waits for its end. */
export const KEEP_MS: Millis = 60_000

export interface JobStorePolicy {
  /** So many stay, the newest. */
  readonly capacity: number
  readonly expirationMs: Millis
}

/** `ended`: when each ended, the oldest first. */
export function expiredJobs(ended: ReadonlyMap<JobId, Millis>, now: Millis, policy: JobStorePolicy): JobId[] {
  let surplus = ended.size - policy.capacity
  const expired: JobId[] = []
  for (const [jobId, at] of ended) {
    const age = now - at
    if (age >= KEEP_MS && (surplus > 0 || age >= policy.expirationMs)) expired.push(jobId)
    surplus--
  }
  return expired
}

/** How long after its end a job is looked at again. */
export function expiresAfter(policy: JobStorePolicy): Millis {
  return Math.max(KEEP_MS, policy.expirationMs)
}
