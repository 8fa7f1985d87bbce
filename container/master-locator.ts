/** Where the newest master is: at the address given at the start, or where the leader file says. */
import type { WorkerDescriptor } from '#core/cluster/worker-descriptor.js'
import type { FileSystems } from '#core/fs/file-systems.js'
import { readLeader } from '#core/ha/leader-file.js'
import { logger } from '#core/log/logger.js'

const log = logger('TaskExecutor')

export interface MasterAddress {
  readonly host: string
  readonly port: number
}

/**
 * Of the master that started this worker and the one in the leader file, the one of the higher epoch: that file may not have been written
 * yet by the newer. `lost`: epoch of a master that was lost. Its own address may still serve (only the connection broke), an older one's
 * never. Undefined: none is known yet. 'none': no other will ever be.
 */
export async function locateMaster(
  master: Extract<WorkerDescriptor['master'], { kind: 'address' }>,
  lost: number | undefined,
  fileSystems: FileSystems,
): Promise<MasterAddress | undefined | 'none'> {
  const { host, port, epoch, leaderFile } = master
  const starter = { host, port, epoch }
  if (leaderFile === undefined) return lost === undefined ? starter : 'none'
  let newest = starter
  try {
    const leader = await readLeader(fileSystems.of(leaderFile), leaderFile)
    if (leader !== undefined && leader.epoch >= epoch) newest = leader
  } catch (error) {
    log.warn(`Cannot read the leader file ${leaderFile}`, error)
    // Who was lost may have come to its end: nobody is called in vain while the file cannot tell.
    if (lost !== undefined) return undefined
  }
  return newest.epoch >= (lost ?? 0) ? newest : undefined
}
