/** The budgets of this TaskManager's slots, from its container's size and the options. */
import { memoryBudget, type MemoryBudget } from '#core/cluster/memory-budget.js'
import type { WorkerDescriptor } from '#core/cluster/worker-descriptor.js'
import { Configuration } from '#core/config/configuration.js'
import { MANAGED_MEMORY_FRACTION, MANAGED_MEMORY_SIZE } from '#core/config/options/memory.js'

/** Undefined: the process is not limited. */
export function workerMemory(descriptor: WorkerDescriptor): MemoryBudget | undefined {
  if (descriptor.processMemory === 0) return undefined
  const configuration = Configuration.of(descriptor.configuration)
  const { processMemory, slots } = descriptor
  const absolute = configuration.get(MANAGED_MEMORY_SIZE)
  if (absolute === undefined) return memoryBudget(processMemory, slots, configuration.get(MANAGED_MEMORY_FRACTION))
  const most = memoryBudget(processMemory, slots, 1).slotManagedBytes
  return memoryBudget(processMemory, slots, most === 0 ? 0 : Math.min(1, absolute / slots / most))
}
