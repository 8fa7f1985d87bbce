/**
 * Decides which slot goes to which job and how many workers that takes: the difference between what jobs *declare* and what is
 * *held*, looked at anew after every event. Pure.
 *
 * Jobs are served in the order in which they came. Workers that nobody uses are given back after the idle time-out.
 */
import type { AllocationId, JobId, ResourceId } from '#core/ids/ids.js'
import type { Step } from '#core/machine/step.js'
import type { SlotReport } from '#core/rpc/gateways/task-executor.js'
import type { Millis } from '#core/time/environment.js'

export interface SlotPolicy {
  /** 'spread': slots of a job may lie on many workers, all of `slotsPerWorker`. 'one-worker': on one, made as large as the job needs. */
  readonly placement: { readonly kind: 'spread'; readonly slotsPerWorker: number } | { readonly kind: 'one-worker' }
  readonly idleTimeout: Millis
}

export interface SlotAllocation {
  readonly allocationId: AllocationId
  /** Undefined: of a job that this master does not know. */
  readonly jobId: JobId | undefined
  /** PENDING: the worker was asked; FREEING: it was asked to end what runs there. */
  readonly state: 'PENDING' | 'ALLOCATED' | 'FREEING'
}

export interface ManagedSlot {
  readonly slotIndex: number
  readonly allocation: SlotAllocation | undefined
}

export interface ManagedWorker {
  readonly resourceId: ResourceId
  readonly slots: readonly ManagedSlot[]
  /** Since when no slot is in use. */
  readonly idleSince: Millis | undefined
  readonly releasing: boolean
}

/** Workers wanted in all, those that are there included, by number of slots. */
export interface WorkersWanted {
  readonly slots: number
  readonly count: number
}

export interface SlotManagerState {
  readonly requirements: ReadonlyMap<JobId, number>
  readonly workers: ReadonlyMap<ResourceId, ManagedWorker>
  readonly wanted: readonly WorkersWanted[]
}

export const NO_SLOTS: SlotManagerState = { requirements: new Map(), workers: new Map(), wanted: [] }

export type SlotEvent =
  | { readonly type: 'declared'; readonly jobId: JobId; readonly count: number }
  | { readonly type: 'workerRegistered'; readonly resourceId: ResourceId; readonly slots: readonly number[]; readonly report: SlotReport }
  | { readonly type: 'workerGone'; readonly resourceId: ResourceId }
  | { readonly type: 'allocated'; readonly allocationId: AllocationId }
  | { readonly type: 'allocationFailed'; readonly allocationId: AllocationId; readonly reason: string }
  | { readonly type: 'freed'; readonly allocationId: AllocationId }
  /** What the worker itself says, with each heartbeat. */
  | { readonly type: 'slotReport'; readonly resourceId: ResourceId; readonly report: SlotReport }
  | { readonly type: 'tick' }

export type SlotEffect =
  | {
      readonly type: 'allocateSlot'
      readonly resourceId: ResourceId
      readonly slotIndex: number
      readonly allocationId: AllocationId
      readonly jobId: JobId
    }
  | {
      readonly type: 'offerSlot'
      readonly resourceId: ResourceId
      readonly slotIndex: number
      readonly allocationId: AllocationId
      readonly jobId: JobId
    }
  | { readonly type: 'slotLost'; readonly resourceId: ResourceId; readonly allocationId: AllocationId; readonly jobId: JobId }
  | { readonly type: 'freeSlot'; readonly resourceId: ResourceId; readonly allocationId: AllocationId; readonly reason: string }
  | { readonly type: 'declareWorkers'; readonly wanted: readonly WorkersWanted[] }
  | { readonly type: 'releaseWorker'; readonly resourceId: ResourceId; readonly reason: string }
  | { readonly type: 'wakeAt'; readonly at: Millis }

export interface SlotMoment {
  readonly now: Millis
  newAllocationId(): AllocationId
}

export function onSlotEvent(
  state: SlotManagerState,
  event: SlotEvent,
  moment: SlotMoment,
  policy: SlotPolicy,
): Step<SlotManagerState, SlotEffect> {
  const draft = new Draft(state)
  apply(draft, event)
  freeSurplus(draft)
  const missing = assign(draft, moment, policy)
  releaseIdle(draft, moment.now, policy)
  declareWorkers(draft, missing, policy)
  return { state: draft.finish(), effects: draft.effects }
}

/** Slots of the job that it holds or is about to. */
export function heldSlots(state: SlotManagerState, jobId: JobId): number {
  let held = 0
  for (const worker of state.workers.values()) for (const slot of worker.slots) if (isHeldBy(slot, jobId)) held++
  return held
}

function isHeldBy(slot: ManagedSlot, jobId: JobId): boolean {
  return slot.allocation?.jobId === jobId && slot.allocation.state !== 'FREEING'
}

/** The state while it is being changed, and what is to be done. */
class Draft {
  readonly requirements: Map<JobId, number>
  readonly workers: Map<ResourceId, ManagedWorker>
  wanted: readonly WorkersWanted[]
  readonly effects: SlotEffect[] = []

  constructor(state: SlotManagerState) {
    this.requirements = new Map(state.requirements)
    this.workers = new Map(state.workers)
    this.wanted = state.wanted
  }

  finish(): SlotManagerState {
    return { requirements: this.requirements, workers: this.workers, wanted: this.wanted }
  }

  setAllocation(resourceId: ResourceId, slotIndex: number, allocation: SlotAllocation | undefined): void {
    const worker = this.workers.get(resourceId)
    if (worker === undefined) return
    this.workers.set(resourceId, {
      ...worker,
      slots: worker.slots.map((slot) => (slot.slotIndex === slotIndex ? { ...slot, allocation } : slot)),
    })
  }

  find(allocationId: AllocationId): { worker: ManagedWorker; slot: ManagedSlot; allocation: SlotAllocation } | undefined {
    for (const worker of this.workers.values()) {
      for (const slot of worker.slots)
        if (slot.allocation?.allocationId === allocationId) return { worker, slot, allocation: slot.allocation }
    }
    return undefined
  }
}

function apply(draft: Draft, event: SlotEvent): void {
  switch (event.type) {
    case 'declared':
      if (event.count > 0) draft.requirements.set(event.jobId, event.count)
      else draft.requirements.delete(event.jobId)
      return
    case 'workerRegistered':
      return register(draft, event.resourceId, event.slots, event.report)
    case 'workerGone':
      draft.workers.delete(event.resourceId)
      return
    case 'allocated': {
      const found = draft.find(event.allocationId)
      if (found?.allocation.state !== 'PENDING' || found.allocation.jobId === undefined) return
      draft.setAllocation(found.worker.resourceId, found.slot.slotIndex, { ...found.allocation, state: 'ALLOCATED' })
      const { resourceId } = found.worker
      draft.effects.push({
        type: 'offerSlot',
        resourceId,
        slotIndex: found.slot.slotIndex,
        allocationId: event.allocationId,
        jobId: found.allocation.jobId,
      })
      return
    }
    case 'allocationFailed': {
      const found = draft.find(event.allocationId)
      if (found === undefined) return
      draft.setAllocation(found.worker.resourceId, found.slot.slotIndex, undefined)
      return release(draft, found.worker.resourceId, `it refused a slot: ${event.reason}`)
    }
    case 'freed': {
      const found = draft.find(event.allocationId)
      if (found?.allocation.state === 'FREEING') draft.setAllocation(found.worker.resourceId, found.slot.slotIndex, undefined)
      return
    }
    case 'slotReport':
      return compareReport(draft, event.resourceId, event.report)
    case 'tick':
      return
  }
}

function register(draft: Draft, resourceId: ResourceId, slots: readonly number[], report: SlotReport): void {
  const managed = slots.map((slotIndex): ManagedSlot => {
    const allocationId = report.find((slot) => slot.slotIndex === slotIndex)?.allocationId ?? undefined
    if (allocationId === undefined) return { slotIndex, allocation: undefined }
    // Held for a job of an earlier master: nobody here knows it.
    draft.effects.push({ type: 'freeSlot', resourceId, allocationId, reason: 'the job’s JobManager is gone' })
    return { slotIndex, allocation: { allocationId, jobId: undefined, state: 'FREEING' } }
  })
  draft.workers.set(resourceId, { resourceId, slots: managed, idleSince: undefined, releasing: false })
}

/** A slot that we gave away and the worker says is free has lost what ran there. */
function compareReport(draft: Draft, resourceId: ResourceId, report: SlotReport): void {
  for (const slot of draft.workers.get(resourceId)?.slots ?? []) {
    const { allocation } = slot
    if (allocation?.state !== 'ALLOCATED' || allocation.jobId === undefined) continue
    const said = report.find((each) => each.slotIndex === slot.slotIndex)
    if (said === undefined || said.allocationId === allocation.allocationId) continue
    draft.setAllocation(resourceId, slot.slotIndex, undefined)
    draft.effects.push({ type: 'slotLost', resourceId, allocationId: allocation.allocationId, jobId: allocation.jobId })
  }
}

function release(draft: Draft, resourceId: ResourceId, reason: string): void {
  const worker = draft.workers.get(resourceId)
  if (worker === undefined || worker.releasing) return
  draft.workers.set(resourceId, { ...worker, releasing: true })
  draft.effects.push({ type: 'releaseWorker', resourceId, reason })
}

/** Jobs that want fewer slots than they hold give some back; what is PENDING is freed once the worker has answered. */
function freeSurplus(draft: Draft): void {
  const held = new Map<JobId, number>()
  for (const worker of draft.workers.values()) {
    for (const slot of worker.slots) {
      const { allocation } = slot
      if (allocation?.jobId === undefined || allocation.state === 'FREEING') continue
      const count = (held.get(allocation.jobId) ?? 0) + 1
      held.set(allocation.jobId, count)
      if (count <= (draft.requirements.get(allocation.jobId) ?? 0) || allocation.state !== 'ALLOCATED') continue
      draft.setAllocation(worker.resourceId, slot.slotIndex, { ...allocation, state: 'FREEING' })
      draft.effects.push({
        type: 'freeSlot',
        resourceId: worker.resourceId,
        allocationId: allocation.allocationId,
        reason: 'the job does not need it any more',
      })
    }
  }
}

/** Gives free slots to jobs that lack some. Returns how many each still lacks. */
function assign(draft: Draft, moment: SlotMoment, policy: SlotPolicy): Map<JobId, number> {
  const missing = new Map<JobId, number>()
  for (const [jobId, required] of draft.requirements) {
    let lacking = required - heldSlots(draft, jobId)
    for (const worker of candidates(draft, jobId, lacking, policy)) {
      for (const slot of worker.slots) {
        if (lacking <= 0 || slot.allocation !== undefined) continue
        const allocationId = moment.newAllocationId()
        draft.setAllocation(worker.resourceId, slot.slotIndex, { allocationId, jobId, state: 'PENDING' })
        draft.effects.push({ type: 'allocateSlot', resourceId: worker.resourceId, slotIndex: slot.slotIndex, allocationId, jobId })
        lacking--
      }
    }
    if (lacking > 0) missing.set(jobId, lacking)
  }
  return missing
}

function candidates(draft: Draft, jobId: JobId, lacking: number, policy: SlotPolicy): ManagedWorker[] {
  const usable = [...draft.workers.values()].filter((worker) => !worker.releasing)
  if (policy.placement.kind === 'spread') return usable
  const own = usable.find((worker) => worker.slots.some((slot) => isHeldBy(slot, jobId)))
  const chosen = own ?? usable.find((worker) => worker.slots.filter((slot) => slot.allocation === undefined).length >= lacking)
  return chosen === undefined ? [] : [chosen]
}

function releaseIdle(draft: Draft, now: Millis, policy: SlotPolicy): void {
  let wakeAt = Infinity
  for (const worker of draft.workers.values()) {
    if (worker.releasing) continue
    const idle = worker.slots.every((slot) => slot.allocation === undefined)
    const idleSince = idle ? (worker.idleSince ?? now) : undefined
    if (idleSince !== worker.idleSince) draft.workers.set(worker.resourceId, { ...worker, idleSince })
    if (idleSince === undefined) continue
    if (now - idleSince >= policy.idleTimeout) release(draft, worker.resourceId, 'it was idle')
    else wakeAt = Math.min(wakeAt, idleSince + policy.idleTimeout)
  }
  if (wakeAt < Infinity) draft.effects.push({ type: 'wakeAt', at: wakeAt })
}

function isFreeSoon({ allocation }: ManagedSlot): boolean {
  return allocation === undefined || allocation.state === 'FREEING'
}

/** Slots whose worker was asked to empty them: a new worker would come later than they. */
function becomingFree(draft: Draft): number {
  let count = 0
  for (const worker of draft.workers.values())
    if (!worker.releasing) count += worker.slots.filter((slot) => slot.allocation?.state === 'FREEING').length
  return count
}

function declareWorkers(draft: Draft, missing: ReadonlyMap<JobId, number>, policy: SlotPolicy): void {
  const counts = new Map<number, number>()
  const add = (slots: number, count: number) => counts.set(slots, (counts.get(slots) ?? 0) + count)
  for (const worker of draft.workers.values()) if (!worker.releasing) add(worker.slots.length, 1)
  if (policy.placement.kind === 'spread') {
    const lacking = [...missing.values()].reduce((sum, count) => sum + count, 0) - becomingFree(draft)
    if (lacking > 0) add(policy.placement.slotsPerWorker, Math.ceil(lacking / policy.placement.slotsPerWorker))
  } else {
    for (const jobId of missing.keys()) {
      const required = draft.requirements.get(jobId) ?? 1
      const soonThere = [...draft.workers.values()].some(
        (worker) => !worker.releasing && worker.slots.filter((slot) => isHeldBy(slot, jobId) || isFreeSoon(slot)).length >= required,
      )
      if (!soonThere) add(required, 1)
    }
  }
  const wanted = [...counts].map(([slots, count]) => ({ slots, count })).sort((a, b) => a.slots - b.slots)
  if (JSON.stringify(wanted) === JSON.stringify(draft.wanted)) return
  draft.wanted = wanted
  draft.effects.push({ type: 'declareWorkers', wanted })
}
