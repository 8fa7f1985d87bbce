/** The slots that a job holds. Plain data. */
import type { AllocationId, ResourceId } from '#core/ids/ids.js'
import type { PooledSlot } from '../../slots/slot-provider.js'

/** In the order in which subtasks are placed: slot i runs subtask i of every vertex. */
export type SlotPool = readonly PooledSlot[]

/** Idempotent by allocation. Slots of one worker stay together, so that neighbours in a pipeline meet in one process. */
export function addSlot(pool: SlotPool, slot: PooledSlot): SlotPool {
  if (pool.some((held) => held.allocationId === slot.allocationId)) return pool
  return [...pool, slot].sort(
    (a, b) => compare(a.location.resourceId, b.location.resourceId) || a.location.slotIndex - b.location.slotIndex,
  )
}

export function removeSlot(pool: SlotPool, allocationId: AllocationId): SlotPool {
  return pool.filter((slot) => slot.allocationId !== allocationId)
}

export function removeWorker(pool: SlotPool, resourceId: ResourceId): SlotPool {
  return pool.filter((slot) => slot.location.resourceId !== resourceId)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
