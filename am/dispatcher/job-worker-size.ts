/** The size of a job's own TaskManagers. Pure. */
import { minimumProcessBytes } from '#core/cluster/memory-budget.js'
import type { Configuration } from '#core/config/configuration.js'
import { TASK_SLOTS } from '#core/config/options/cluster.js'
import { JOB_TASKMANAGER_PROCESS_SIZE, TASKMANAGER_PROCESS_SIZE } from '#core/config/options/memory.js'
import { formatMemorySize } from '#core/config/units.js'
import { defineError } from '#core/errors/define-error.js'

export const JobWorkerSizeInvalid = defineError('JOB_WORKER_SIZE_INVALID', {
  recovery: 'none',
  message: (d: { size: string; slots: number; least: string; most: string }) =>
    `TaskManagers of ${d.size} (${JOB_TASKMANAGER_PROCESS_SIZE.key}) cannot be: with ${d.slots} slots they need ${d.least} at least, and none has more than ${d.most}.`,
})

const MIB = 1024 * 1024
/** What a YARN priority can tell (container-table.ts). */
const MAX_MB = 1_000_000

/** MB of a container; 0: the usual ones do. @throws JOB_WORKER_SIZE_INVALID */
export function jobWorkerMb(configuration: Configuration): number {
  const size = configuration.get(JOB_TASKMANAGER_PROCESS_SIZE)
  if (size === undefined || size === configuration.get(TASKMANAGER_PROCESS_SIZE)) return 0
  const slots = configuration.get(TASK_SLOTS)
  const least = minimumProcessBytes(slots)
  if (size < least || size > MAX_MB * MIB)
    throw new JobWorkerSizeInvalid({
      size: formatMemorySize(size),
      slots,
      least: `${Math.ceil(least / MIB)} mb`,
      most: `${MAX_MB} mb`,
    })
  return Math.ceil(size / MIB)
}
