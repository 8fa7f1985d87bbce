/** The budgets of this TaskManager's slots, from its container's size and the options. */
import { memoryBudget, type MemoryBudget } from '#core/cluster/memory-budget.js'
import type { WorkerDescriptor } from '#core/cluster/worker-descriptor.js'
import { Configuration } from '#core/config/configuration.js'
import { MANAGED_MEMORY_FRACTION, MANAGED_MEMORY_SIZE } from '#core/config/options/memory.js'

const MAX_MANAGED_FRACTION = 0.9

/** Undefined: the process is not limited. */
export function workerMemory(descriptor: WorkerDescriptor): MemoryBudget | undefined {
  if (descriptor.processMemory === 0) return undefined
  const configuration = Configuration.of(descriptor.configuration)
  const { processMemory, slots } = descriptor
  const absolute = configuration.get(MANAGED_MEMORY_SIZE)
  if (absolute === undefined) return memoryBudget(processMemory, slots, configuration.get(MANAGED_MEMORY_FRACTION))
  const whole = memoryBudget(processMemory, slots, 0)
  const perSlot = whole.slotHeapMb * 1024 * 1024 + whole.slotNetworkBytes
  return memoryBudget(processMemory, slots, Math.min(MAX_MANAGED_FRACTION, absolute / slots / perSlot))
}
