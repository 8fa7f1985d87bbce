/** Where the master is: the address given at the start, or what the newest master wrote into the leader file. */
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
 * `lost`: epoch of a master that was lost. Its own address may still serve (only the connection broke), an older one's never.
 * Undefined: none is known yet. 'none': no other will ever be.
 */
export async function locateMaster(
  master: Extract<WorkerDescriptor['master'], { kind: 'address' }>,
  lost: number | undefined,
  fileSystems: FileSystems,
): Promise<MasterAddress | undefined | 'none'> {
  const { host, port, leaderFile } = master
  if (leaderFile === undefined) return lost === undefined ? { host, port } : 'none'
  try {
    const leader = await readLeader(fileSystems.of(leaderFile), leaderFile)
    if (leader !== undefined && leader.epoch >= (lost ?? 0)) return leader
  } catch (error) {
    log.warn(`Cannot read the leader file ${leaderFile}`, error)
  }
  return lost === undefined ? { host, port } : undefined
}
