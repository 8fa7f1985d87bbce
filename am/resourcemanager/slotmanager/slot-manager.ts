/**
 * Decides which slot goes to which job and how many workers that takes: the difference between what jobs *declare* and what is
 * *held*, looked at anew after every event. Pure.
 *
 * Jobs are served in the order in which they came. Workers that nobody uses are given back after the idle time-out, those that a job
 * emptied by name at once. A worker that is leaving (its node goes, YARN wants it back) counts for nothing: it gets no slots, jobs that
 * still hold some there are given others, and it is given back when it is empty.
 */
import type { AllocationId, JobId, ResourceId } from '#core/ids/ids.js'
import { go, type Step } from '#core/machine/step.js'
import type { SlotReport } from '#core/rpc/gateways/task-executor.js'
import type { Millis } from '#core/time/environment.js'
import type { WorkerLimits } from './worker-limits.js'

export interface SlotPolicy {
  /** 'spread': slots of a job may lie on many workers, all of `slotsPerWorker`. 'one-worker': on one, made as large as the job needs. */
  readonly placement: { readonly kind: 'spread'; readonly slotsPerWorker: number } | { readonly kind: 'one-worker' }
  readonly idleTimeout: Millis
  /** Of placement 'spread'. */
  readonly limits: WorkerLimits
}

/** How long a slot of an earlier master's is kept for a job that does not come. */
const RETAIN_TIMEOUT_MS: Millis = 60_000

export interface SlotAllocation {
  readonly allocationId: AllocationId
  /** Undefined: of a job that this master does not know. */
  readonly jobId: JobId | undefined
  /**
   * PENDING: the worker was asked; FREEING: it was asked to end what runs there. RETAINED: the job had it under an earlier master, and has not
   * said yet whether it goes on there.
   */
  readonly state: 'PENDING' | 'ALLOCATED' | 'FREEING' | 'RETAINED'
  /** Of RETAINED: freed then. */
  readonly until?: Millis
}

export interface ManagedSlot {
  readonly slotIndex: number
  readonly allocation: SlotAllocation | undefined
}

export interface ManagedWorker {
  readonly resourceId: ResourceId
  readonly slots: readonly ManagedSlot[]
  /** Of its container, where that is not the usual size; 0: it is. */
  readonly memoryMb: number
  /** Since when no slot is in use. */
  readonly idleSince: Millis | undefined
  /** A job gave slots of it back that it named: empty, it goes at once. */
  readonly surplus: boolean
  /** It is to be emptied and given back; undefined: it stays. */
  readonly leaving: string | undefined
  readonly releasing: boolean
}

/** Workers wanted in all, those that are there included, by number of slots and size. */
export interface WorkersWanted {
  readonly slots: number
  readonly count: number
  /** Of the container, where it is not the usual size. */
  readonly memoryMb?: number
}

export interface SlotManagerState {
  readonly requirements: ReadonlyMap<JobId, number>
  /** Jobs that want workers of a size of their own, and use no others: MB of a container. */
  readonly sizes: ReadonlyMap<JobId, number>
  readonly workers: ReadonlyMap<ResourceId, ManagedWorker>
  readonly wanted: readonly WorkersWanted[]
}

export const NO_SLOTS: SlotManagerState = { requirements: new Map(), sizes: new Map(), workers: new Map(), wanted: [] }

export type SlotEvent =
  /**
   * `giveBack`: held slots that the job does without; what it holds beyond `count` besides them is chosen here. `memoryMb`: of its workers'
   * containers, if not the usual size; the same in all events of a job.
   */
  | {
      readonly type: 'declared'
      readonly jobId: JobId
      readonly count: number
      readonly giveBack?: readonly AllocationId[]
      readonly memoryMb?: number
    }
  /** `retain`: where tasks of jobs run that may go on with them; others of an earlier master are freed. */
  | {
      readonly type: 'workerRegistered'
      readonly resourceId: ResourceId
      readonly slots: readonly number[]
      readonly report: SlotReport
      readonly memoryMb?: number
      readonly retain?: ReadonlySet<AllocationId>
    }
  /** The job goes on with these of its RETAINED slots, and wants so many in all. */
  | {
      readonly type: 'kept'
      readonly jobId: JobId
      readonly count: number
      readonly allocations: ReadonlySet<AllocationId>
      readonly memoryMb?: number
    }
  | { readonly type: 'workerGone'; readonly resourceId: ResourceId }
  /** `reason`: of its release. */
  | { readonly type: 'workerLeaves'; readonly resourceId: ResourceId; readonly reason: string }
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
  // Every worker sends one with every heartbeat, and hardly any tells anything new.
  if (event.type === 'slotReport' && slotsLost(state, event.resourceId, event.report).length === 0) return go(state)
  const draft = new Draft(state)
  apply(draft, event, moment.now, policy)
  freeSurplus(draft, policy)
  const missing = assign(draft, moment, policy)
  releaseIdle(draft, moment.now, policy)
  declareWorkers(draft, missing, policy)
  return { state: draft.finish(), effects: draft.effects }
}

/** Slots of the job that it holds, or is about to, and may keep. */
export function heldSlots({ workers }: Pick<SlotManagerState, 'workers'>, jobId: JobId): number {
  return tally(workers).held.get(jobId) ?? 0
}

interface Tally {
  /** Jobs with slots on any worker. */
  readonly jobs: ReadonlySet<JobId>
  /** Slots of each job on workers that are not leaving, those that become free left out. */
  readonly held: ReadonlyMap<JobId, number>
}

/** One pass: with 1,000 workers of 4 slots it is made for every event. */
function tally(workers: ReadonlyMap<ResourceId, ManagedWorker>): Tally {
  const jobs = new Set<JobId>()
  const held = new Map<JobId, number>()
  let last: JobId | undefined
  let count = 0
  const note = () => last !== undefined && held.set(last, (held.get(last) ?? 0) + count)
  for (const { slots, leaving } of workers.values()) {
    for (const { allocation } of slots) {
      const jobId = allocation?.jobId
      if (allocation === undefined || jobId === undefined) continue
      if (jobId !== last) {
        note()
        jobs.add(jobId)
        last = jobId
        count = 0
      }
      if (leaving === undefined && allocation.state !== 'FREEING') count++
    }
  }
  note()
  return { jobs, held }
}

/** Slots in use or about to be: what tells an empty worker from a busy one. */
export function usedSlots(worker: ManagedWorker): number {
  let used = 0
  for (const { allocation } of worker.slots) if (allocation !== undefined) used++
  return used
}

function isHeldBy(slot: ManagedSlot, jobId: JobId): boolean {
  return slot.allocation?.jobId === jobId && slot.allocation.state !== 'FREEING'
}

/** The state while it is being changed, and what is to be done. */
class Draft {
  readonly requirements: Map<JobId, number>
  readonly sizes: Map<JobId, number>
  readonly workers: Map<ResourceId, ManagedWorker>
  wanted: readonly WorkersWanted[]
  readonly effects: SlotEffect[] = []
  /** As of now; undefined: to be made. */
  #tally: Tally | undefined

  constructor(state: SlotManagerState) {
    this.requirements = new Map(state.requirements)
    this.sizes = new Map(state.sizes)
    this.workers = new Map(state.workers)
    this.wanted = state.wanted
  }

  finish(): SlotManagerState {
    return { requirements: this.requirements, sizes: this.sizes, workers: this.workers, wanted: this.wanted }
  }

  /** Only when the event has been applied. */
  get tally(): Tally {
    return (this.#tally ??= tally(this.workers))
  }

  setAllocation(resourceId: ResourceId, slotIndex: number, allocation: SlotAllocation | undefined): void {
    this.#tally = undefined
    const worker = this.workers.get(resourceId)
    if (worker === undefined) return
    this.workers.set(resourceId, {
      ...worker,
      slots: worker.slots.map((slot) => (slot.slotIndex === slotIndex ? { ...slot, allocation } : slot)),
    })
  }

  /** It is of use again. */
  keep(resourceId: ResourceId): void {
    const worker = this.workers.get(resourceId)
    if (worker?.surplus === true) this.workers.set(resourceId, { ...worker, surplus: false })
  }

  find(allocationId: AllocationId): { worker: ManagedWorker; slot: ManagedSlot; allocation: SlotAllocation } | undefined {
    for (const worker of this.workers.values()) {
      for (const slot of worker.slots)
        if (slot.allocation?.allocationId === allocationId) return { worker, slot, allocation: slot.allocation }
    }
    return undefined
  }
}

function apply(draft: Draft, event: SlotEvent, now: Millis, policy: SlotPolicy): void {
  switch (event.type) {
    case 'declared':
      if (event.count > 0) {
        draft.requirements.set(event.jobId, event.count)
        if (event.memoryMb !== undefined && event.memoryMb > 0) draft.sizes.set(event.jobId, event.memoryMb)
      } else {
        draft.requirements.delete(event.jobId)
        draft.sizes.delete(event.jobId)
      }
      for (const allocationId of event.giveBack ?? []) giveBack(draft, event.jobId, allocationId)
      return freeRetained(draft, ({ jobId }) => jobId === event.jobId)
    case 'kept':
      return keep(draft, event)
    case 'workerRegistered':
      return register(draft, event, now + RETAIN_TIMEOUT_MS)
    case 'workerGone':
      draft.workers.delete(event.resourceId)
      return
    case 'workerLeaves': {
      const worker = draft.workers.get(event.resourceId)
      if (worker?.leaving === undefined && worker !== undefined) draft.workers.set(event.resourceId, { ...worker, leaving: event.reason })
      return
    }
    case 'allocated': {
      const found = draft.find(event.allocationId)
      if (found?.allocation.state !== 'PENDING' || found.allocation.jobId === undefined) return
      const { resourceId } = found.worker
      // The job wants less by now, and was never told of this one.
      if (isSurplus(draft, found.allocation.jobId, found.worker, policy))
        return free(draft, resourceId, found.slot.slotIndex, { ...found.allocation, state: 'ALLOCATED' })
      draft.setAllocation(resourceId, found.slot.slotIndex, { ...found.allocation, state: 'ALLOCATED' })
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
      return freeRetained(draft, ({ until = now }) => until <= now)
  }
}

function register(draft: Draft, event: Extract<SlotEvent, { type: 'workerRegistered' }>, until: Millis): void {
  const { resourceId, slots, report, retain, memoryMb = 0 } = event
  const managed = slots.map((slotIndex): ManagedSlot => {
    const { allocationId = null, jobId = null } = report.find((slot) => slot.slotIndex === slotIndex) ?? {}
    if (allocationId === null) return { slotIndex, allocation: undefined }
    if (jobId !== null && retain?.has(allocationId) === true)
      return { slotIndex, allocation: { allocationId, jobId, state: 'RETAINED', until } }
    // Held for a job of an earlier master: nobody here wants it.
    draft.effects.push({ type: 'freeSlot', resourceId, allocationId, reason: GONE })
    return { slotIndex, allocation: { allocationId, jobId: undefined, state: 'FREEING' } }
  })
  draft.workers.set(resourceId, {
    resourceId,
    slots: managed,
    memoryMb,
    idleSince: undefined,
    surplus: false,
    leaving: undefined,
    releasing: false,
  })
}

const GONE = 'the job’s JobManager is gone'

function freeRetained(draft: Draft, which: (allocation: SlotAllocation) => boolean): void {
  for (const { resourceId, slots } of [...draft.workers.values()]) {
    for (const { slotIndex, allocation } of slots) {
      if (allocation?.state !== 'RETAINED' || !which(allocation)) continue
      const { allocationId } = allocation
      draft.setAllocation(resourceId, slotIndex, { allocationId, jobId: undefined, state: 'FREEING' })
      draft.effects.push({ type: 'freeSlot', resourceId, allocationId, reason: GONE })
    }
  }
}

function keep(draft: Draft, { jobId, count, allocations, memoryMb = 0 }: Extract<SlotEvent, { type: 'kept' }>): void {
  draft.requirements.set(jobId, count)
  if (memoryMb > 0) draft.sizes.set(jobId, memoryMb)
  for (const { resourceId, slots } of [...draft.workers.values()]) {
    for (const { slotIndex, allocation } of slots) {
      if (allocation?.state !== 'RETAINED' || allocation.jobId !== jobId || !allocations.has(allocation.allocationId)) continue
      draft.setAllocation(resourceId, slotIndex, { allocationId: allocation.allocationId, jobId, state: 'ALLOCATED' })
    }
  }
  freeRetained(draft, (allocation) => allocation.jobId === jobId)
}

/** A slot that we gave away and the worker says is free has lost what ran there. */
function compareReport(draft: Draft, resourceId: ResourceId, report: SlotReport): void {
  for (const { slotIndex, allocationId, jobId } of slotsLost(draft, resourceId, report)) {
    draft.setAllocation(resourceId, slotIndex, undefined)
    draft.effects.push({ type: 'slotLost', resourceId, allocationId, jobId })
  }
}

function slotsLost(
  { workers }: Pick<SlotManagerState, 'workers'>,
  resourceId: ResourceId,
  report: SlotReport,
): { readonly slotIndex: number; readonly allocationId: AllocationId; readonly jobId: JobId }[] {
  return (workers.get(resourceId)?.slots ?? []).flatMap(({ slotIndex, allocation }) => {
    if (allocation?.state !== 'ALLOCATED' || allocation.jobId === undefined) return []
    const said = report.find((each) => each.slotIndex === slotIndex)
    if (said === undefined || said.allocationId === allocation.allocationId) return []
    return [{ slotIndex, allocationId: allocation.allocationId, jobId: allocation.jobId }]
  })
}

function release(draft: Draft, resourceId: ResourceId, reason: string): void {
  const worker = draft.workers.get(resourceId)
  if (worker === undefined || worker.releasing) return
  draft.workers.set(resourceId, { ...worker, releasing: true })
  draft.effects.push({ type: 'releaseWorker', resourceId, reason })
}

function giveBack(draft: Draft, jobId: JobId, allocationId: AllocationId): void {
  const found = draft.find(allocationId)
  if (found === undefined || found.allocation.jobId !== jobId || found.allocation.state === 'FREEING') return
  free(draft, found.worker.resourceId, found.slot.slotIndex, found.allocation)
  const worker = draft.workers.get(found.worker.resourceId)
  if (worker !== undefined) draft.workers.set(worker.resourceId, { ...worker, surplus: true })
}

function free(draft: Draft, resourceId: ResourceId, slotIndex: number, allocation: SlotAllocation): void {
  draft.setAllocation(resourceId, slotIndex, { ...allocation, state: 'FREEING' })
  draft.effects.push({
    type: 'freeSlot',
    resourceId,
    allocationId: allocation.allocationId,
    reason: 'the job does not need it any more',
  })
}

/**
 * Jobs that want fewer slots than they hold give some back, first where they hold fewest, so that whole workers fall free. What is PENDING
 * is freed once the worker has answered.
 */
function freeSurplus(draft: Draft, policy: SlotPolicy): void {
  for (const jobId of draft.tally.jobs) {
    const has = policy.placement.kind === 'spread' ? (draft.tally.held.get(jobId) ?? 0) : mostAllocated(draft, jobId)
    let surplus = has - (draft.requirements.get(jobId) ?? 0)
    // A job that has ended empties what is leaving, too.
    const ended = !draft.requirements.has(jobId)
    if (surplus <= 0 && !ended) continue
    const holders = [...draft.workers.values()]
      .map((worker) => ({ worker, held: worker.slots.filter((slot) => isHeldBy(slot, jobId)) }))
      .filter(({ worker, held }) => held.length > 0 && (ended || worker.leaving === undefined))
      .sort((a, b) => a.held.length - b.held.length)
    for (const { worker, held } of holders) {
      for (const { slotIndex, allocation } of ended ? held : held.reverse()) {
        if (surplus <= 0 && !ended) break
        surplus--
        if (allocation?.state === 'ALLOCATED') free(draft, worker.resourceId, slotIndex, allocation)
      }
    }
  }
}

/** Gives free slots to jobs that lack some. Returns how many each still lacks. */
function assign(draft: Draft, moment: SlotMoment, policy: SlotPolicy): Map<JobId, number> {
  const missing = new Map<JobId, number>()
  for (const [jobId, required] of draft.requirements) {
    let lacking = required - usableSlots(draft, jobId, policy)
    const workers = lacking > 0 ? candidates(draft, jobId, required, policy) : []
    if (policy.placement.kind === 'one-worker') lacking = required - (workers[0] === undefined ? 0 : heldOn(workers[0], jobId))
    for (const worker of workers) {
      if (lacking <= 0) break
      for (const slot of worker.slots) {
        if (lacking <= 0 || slot.allocation !== undefined) continue
        const allocationId = moment.newAllocationId()
        draft.setAllocation(worker.resourceId, slot.slotIndex, { allocationId, jobId, state: 'PENDING' })
        draft.keep(worker.resourceId)
        draft.effects.push({ type: 'allocateSlot', resourceId: worker.resourceId, slotIndex: slot.slotIndex, allocationId, jobId })
        lacking--
      }
    }
    if (lacking > 0 && usableSlots(draft, jobId, policy) < required) missing.set(jobId, lacking)
  }
  return missing
}

/**
 * Where the job is given slots. 'one-worker': on the one that can hold all of it, its own before another. A job that has outgrown its worker
 * keeps the slots there until it has moved and gives them back.
 */
function candidates(draft: Draft, jobId: JobId, required: number, policy: SlotPolicy): ManagedWorker[] {
  const size = draft.sizes.get(jobId) ?? 0
  const usable = [...draft.workers.values()].filter((worker) => isStaying(worker) && worker.memoryMb === size)
  if (policy.placement.kind === 'spread') return usable
  const [chosen] = usable
    .filter((worker) => worker.slots.filter((slot) => isHeldBy(slot, jobId) || slot.allocation === undefined).length >= required)
    .sort((a, b) => heldOn(b, jobId) - heldOn(a, jobId))
  return chosen === undefined ? [] : [chosen]
}

function heldOn(worker: ManagedWorker, jobId: JobId): number {
  return worker.slots.filter((slot) => isHeldBy(slot, jobId)).length
}

/** Slots that the job holds, or is about to, and can use together. */
function usableSlots(draft: Draft, jobId: JobId, { placement }: SlotPolicy): number {
  if (placement.kind === 'spread') return draft.tally.held.get(jobId) ?? 0
  return Math.max(0, ...[...draft.workers.values()].filter(isStaying).map((worker) => heldOn(worker, jobId)))
}

/** Those that the job has been offered on one worker. */
function mostAllocated(draft: Draft, jobId: JobId): number {
  const allocated = ({ slots }: ManagedWorker) =>
    slots.filter(({ allocation }) => allocation?.jobId === jobId && allocation.state === 'ALLOCATED').length
  return Math.max(0, ...[...draft.workers.values()].filter(isStaying).map(allocated))
}

/** A slot of this worker, counted among those held, is one too many. */
function isSurplus(draft: Draft, jobId: JobId, worker: ManagedWorker, { placement }: SlotPolicy): boolean {
  const required = draft.requirements.get(jobId) ?? 0
  if (placement.kind === 'spread') return heldSlots(draft, jobId) > required
  const others = [...draft.workers.values()].filter((each) => each.resourceId !== worker.resourceId && isStaying(each))
  return heldOn(worker, jobId) > required || others.some((each) => heldOn(each, jobId) >= required)
}

function isStaying(worker: ManagedWorker): boolean {
  return !worker.releasing && worker.leaving === undefined
}

/** Those that nobody uses: what is leaving at once, others as far as the limits allow, the longest idle first. */
function releaseIdle(draft: Draft, now: Millis, { idleTimeout, placement, limits }: SlotPolicy): void {
  for (const worker of draft.workers.values()) {
    const idleSince = usedSlots(worker) === 0 ? (worker.idleSince ?? now) : undefined
    if (idleSince !== worker.idleSince) draft.workers.set(worker.resourceId, { ...worker, idleSince })
    if (idleSince !== undefined && worker.leaving !== undefined) release(draft, worker.resourceId, worker.leaving)
  }
  const staying = [...draft.workers.values()].filter(isStaying)
  const idle = staying
    .filter((worker) => worker.idleSince !== undefined)
    .sort((a, b) => Number(b.surplus) - Number(a.surplus) || (a.idleSince ?? 0) - (b.idleSince ?? 0))
  let dispensable =
    placement.kind === 'spread'
      ? Math.min(usual(staying).length - limits.min, usual(idle).length - redundantWorkers(draft, limits))
      : idle.length
  let wakeAt = Infinity
  for (const { resourceId, surplus, memoryMb, idleSince = now } of idle) {
    // Those of a size of their own are kept for nobody.
    if (memoryMb === 0 && dispensable-- <= 0) continue
    if (surplus) release(draft, resourceId, 'its slots were given back')
    else if (now - idleSince >= idleTimeout) release(draft, resourceId, 'it was idle')
    else wakeAt = Math.min(wakeAt, idleSince + idleTimeout)
  }
  if (wakeAt < Infinity) draft.effects.push({ type: 'wakeAt', at: wakeAt })
}

/** Of the usual size. */
function usual(workers: readonly ManagedWorker[]): ManagedWorker[] {
  return workers.filter(({ memoryMb }) => memoryMb === 0)
}

function redundantWorkers(draft: Draft, limits: WorkerLimits): number {
  return draft.requirements.size === 0 ? 0 : limits.redundant
}

function isFreeSoon({ allocation }: ManagedSlot): boolean {
  return allocation === undefined || allocation.state === 'FREEING'
}

/** Slots on workers of that size which were asked to empty them: a new worker would come later than they. */
function becomingFree(staying: readonly ManagedWorker[], size: number): number {
  let count = 0
  for (const worker of staying)
    if (worker.memoryMb === size) count += worker.slots.filter((slot) => slot.allocation?.state === 'FREEING').length
  return count
}

function declareWorkers(draft: Draft, missing: ReadonlyMap<JobId, number>, policy: SlotPolicy): void {
  const counts = new Map<string, WorkersWanted>()
  const add = (slots: number, memoryMb: number, more: number) => {
    const count = (counts.get(`${slots} ${memoryMb}`)?.count ?? 0) + more
    counts.set(`${slots} ${memoryMb}`, { slots, count, ...(memoryMb === 0 ? {} : { memoryMb }) })
  }
  const staying = [...draft.workers.values()].filter(isStaying)
  for (const worker of staying) add(worker.slots.length, worker.memoryMb, 1)
  if (policy.placement.kind === 'spread') {
    const { slotsPerWorker } = policy.placement
    const { min, max } = policy.limits
    // Those of a size of their own count towards the limits as any other.
    let room = Math.max(0, max - staying.length)
    for (const [size, lacks] of lackingBySize(draft, missing)) {
      const needed = Math.max(0, Math.ceil((lacks === 0 ? 0 : lacks - becomingFree(staying, size)) / slotsPerWorker))
      const idle = staying.filter((worker) => worker.idleSince !== undefined && worker.memoryMb === size).length
      const spare = size === 0 ? Math.max(0, redundantWorkers(draft, policy.limits) - idle) : 0
      // The upper bound takes nothing away that is there.
      const more = Math.min(size === 0 ? Math.max(needed + spare, min - usual(staying).length) : needed, room)
      if (more > 0) add(slotsPerWorker, size, more)
      room -= Math.max(0, more)
    }
  } else {
    for (const jobId of missing.keys()) {
      const required = draft.requirements.get(jobId) ?? 1
      const soonThere = [...draft.workers.values()].some(
        (worker) => isStaying(worker) && worker.slots.filter((slot) => isHeldBy(slot, jobId) || isFreeSoon(slot)).length >= required,
      )
      if (!soonThere) add(required, 0, 1)
    }
  }
  const wanted = [...counts.values()].sort((a, b) => a.slots - b.slots || (a.memoryMb ?? 0) - (b.memoryMb ?? 0))
  if (JSON.stringify(wanted) === JSON.stringify(draft.wanted)) return
  draft.wanted = wanted
  draft.effects.push({ type: 'declareWorkers', wanted })
}

/** Slots that jobs lack, by the size of their workers; the usual one (0) first, and always. */
function lackingBySize(draft: Draft, missing: ReadonlyMap<JobId, number>): Map<number, number> {
  const lacking = new Map([[0, 0]])
  for (const [jobId, count] of missing) {
    const size = draft.sizes.get(jobId) ?? 0
    lacking.set(size, (lacking.get(size) ?? 0) + count)
  }
  return lacking
}
