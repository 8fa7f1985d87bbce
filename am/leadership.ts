/**
 * Whether this master still leads, asked before it makes anything visible or lets tasks start again: one that was cut off, or stood still,
 * may have been followed by another that YARN started meanwhile. A master announces itself before it looks for checkpoints, and asks here
 * after a checkpoint is written down and before it is committed: so either the later one goes on from that checkpoint, or it is not committed.
 */
import { defineError } from '#core/errors/define-error.js'
import type { FileSystem } from '#core/fs/file-system.js'
import { readLeader } from '#core/ha/leader-file.js'
import type { Environment } from '#core/time/environment.js'
import { retrying, type RetryPolicy } from '#core/time/retrying.js'

export const LeadershipLost = defineError('AM_LEADERSHIP_LOST', {
  recovery: 'none',
  message: (d: { epoch: number; newer: number; host: string }) =>
    `Attempt ${d.newer} of this application, on ${d.host}, has taken over from attempt ${d.epoch}, which ends without touching anything`,
})

/** Ten seconds in all: a NameNode that restarts is no reason to end a job. */
const RETRY: RetryPolicy = { tries: 7, first: 200, most: 4_000 }

/** `onLost` ends the process: the promise stays open then. @throws FS_* when the file cannot be read for longer than the retries take */
export function leadershipCheck(
  fileSystem: FileSystem,
  leaderFile: string,
  epoch: number,
  environment: Environment,
  onLost: (error: Error) => void,
): () => Promise<void> {
  return async () => {
    const leader = await retrying(environment, RETRY, () => readLeader(fileSystem, leaderFile))
    if (leader === undefined || leader.epoch <= epoch) return
    onLost(new LeadershipLost({ epoch, newer: leader.epoch, host: leader.host }))
    await new Promise<never>(() => undefined)
  }
}
