/** Which workers go when the cluster wants some back and leaves the choice. Pure. */
import type { ResourceId } from '#core/ids/ids.js'
import { usedSlots, type ManagedWorker } from './slotmanager/slot-manager.js'

/** The emptiest `count` of those that stay, in the order in which they are to go; equally empty ones by name. */
export function chooseEmptiest(workers: Iterable<ManagedWorker>, count: number, except: ReadonlySet<ResourceId>): ResourceId[] {
  return [...workers]
    .filter((worker) => !worker.releasing && worker.leaving === undefined && !except.has(worker.resourceId))
    .map((worker) => ({ resourceId: worker.resourceId, used: usedSlots(worker) }))
    .sort((a, b) => a.used - b.used || (a.resourceId < b.resourceId ? -1 : 1))
    .slice(0, Math.max(0, count))
    .map(({ resourceId }) => resourceId)
}
