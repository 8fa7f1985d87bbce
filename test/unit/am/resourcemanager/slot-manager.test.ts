import { expect } from 'chai'
import fc from 'fast-check'
import type { AllocationId, JobId, ResourceId } from '#core/ids/ids.js'
import {
  heldSlots,
  NO_SLOTS,
  onSlotEvent,
  usedSlots,
  type SlotEffect,
  type SlotEvent,
  type SlotManagerState,
  type SlotPolicy,
} from '#am/resourcemanager/slotmanager/slot-manager.js'
import { NO_LIMITS, workerLimits } from '#am/resourcemanager/slotmanager/worker-limits.js'
import { Configuration } from '#core/config/configuration.js'
import { chooseEmptiest } from '#am/resourcemanager/choose-workers.js'

const SPREAD: SlotPolicy = { placement: { kind: 'spread', slotsPerWorker: 2 }, idleTimeout: 30_000, limits: NO_LIMITS }
const ONE_WORKER: SlotPolicy = { placement: { kind: 'one-worker' }, idleTimeout: 30_000, limits: NO_LIMITS }
const [A, B] = ['job-a' as JobId, 'job-b' as JobId]

class Manager {
  state: SlotManagerState = NO_SLOTS
  now = 0
  readonly #policy: SlotPolicy
  #allocations = 0

  constructor(policy: SlotPolicy) {
    this.#policy = policy
  }

  /** What is to be done: `allocate w1/0 for job-a as 1`, `workers 2x2`, … */
  on(event: SlotEvent): string[] {
    const step = onSlotEvent(
      this.state,
      event,
      { now: this.now, newAllocationId: () => String(++this.#allocations) as AllocationId },
      this.#policy,
    )
    this.state = step.state
    return step.effects.flatMap(describeEffect)
  }

  declare(jobId: JobId, count: number, memoryMb = 0): string[] {
    return this.on({ type: 'declared', jobId, count, memoryMb })
  }

  register(name: string, slots: number, memoryMb = 0): string[] {
    return this.on({
      type: 'workerRegistered',
      resourceId: name as ResourceId,
      slots: Array.from({ length: slots }, (_, index) => index),
      report: [],
      memoryMb,
    })
  }

  /** The job does without these slots. */
  giveBack(jobId: JobId, count: number, ...ids: number[]): string[] {
    return this.on({ type: 'declared', jobId, count, giveBack: ids.map((id) => String(id) as AllocationId) })
  }

  leaves(name: string): string[] {
    return this.on({ type: 'workerLeaves', resourceId: name as ResourceId, reason: 'its node goes' })
  }

  allocated(...ids: number[]): string[] {
    return ids.flatMap((id) => this.on({ type: 'allocated', allocationId: String(id) as AllocationId }))
  }

  freed(...ids: number[]): string[] {
    return ids.flatMap((id) => this.on({ type: 'freed', allocationId: String(id) as AllocationId }))
  }
}

function describeEffect(effect: SlotEffect): string[] {
  switch (effect.type) {
    case 'allocateSlot':
      return [`allocate ${effect.resourceId}/${effect.slotIndex} for ${effect.jobId} as ${effect.allocationId}`]
    case 'offerSlot':
      return [`offer ${effect.allocationId} to ${effect.jobId}`]
    case 'slotLost':
      return [`lost ${effect.allocationId} of ${effect.jobId}`]
    case 'freeSlot':
      return [`free ${effect.allocationId}`]
    case 'declareWorkers':
      return [
        `workers ${effect.wanted.map(({ slots, count, memoryMb }) => `${count}x${slots}${memoryMb === undefined ? '' : ` of ${memoryMb}`}`).join(' ')}`,
      ]
    case 'releaseWorker':
      return [`release ${effect.resourceId}: ${effect.reason}`]
    case 'wakeAt':
      return []
  }
}

describe('slot manager', () => {
  it('asks for the workers that a job needs, and gives it their slots', () => {
    const manager = new Manager(SPREAD)
    expect(manager.declare(A, 3)).to.deep.equal(['workers 2x2'])
    expect(manager.register('w1', 2)).to.deep.equal(['allocate w1/0 for job-a as 1', 'allocate w1/1 for job-a as 2'])
    expect(manager.allocated(1, 2)).to.deep.equal(['offer 1 to job-a', 'offer 2 to job-a'])
    expect(manager.register('w2', 2)).to.deep.equal(['allocate w2/0 for job-a as 3'])
    expect(heldSlots(manager.state, A)).to.equal(3)
  })

  it('asks for nothing twice', () => {
    const manager = new Manager(SPREAD)
    manager.declare(A, 4)
    expect(manager.declare(A, 4)).to.deep.equal([])
    expect(manager.on({ type: 'tick' })).to.deep.equal([])
    expect(manager.register('w1', 2).filter((line) => line.startsWith('workers'))).to.deep.equal([])
  })

  it('takes the asking back when the job does not want the slots any more', () => {
    const manager = new Manager(SPREAD)
    manager.declare(A, 4)
    expect(manager.declare(A, 0)).to.deep.equal(['workers '])
  })

  it('gives a job that wants workers of its own size those and no others, nor them to others', () => {
    const manager = new Manager(SPREAD)
    expect(manager.declare(A, 2)).to.deep.equal(['workers 1x2'])
    expect(manager.declare(B, 3, 512)).to.deep.equal(['workers 1x2 2x2 of 512'])
    expect(manager.register('big', 2, 512)).to.deep.equal(['allocate big/0 for job-b as 1', 'allocate big/1 for job-b as 2'])
    expect(manager.register('usual', 2)).to.deep.equal(['allocate usual/0 for job-a as 3', 'allocate usual/1 for job-a as 4'])
    manager.allocated(1, 2, 3, 4)
    expect(manager.register('big2', 2, 512)).to.deep.equal(['allocate big2/0 for job-b as 5'])
    manager.allocated(5)
    expect(manager.declare(A, 3), 'a free slot is there, of the other size').to.deep.equal(['workers 2x2 2x2 of 512'])
  })

  it('waits for slots that fall free on workers of the same size only', () => {
    const manager = new Manager(SPREAD)
    manager.declare(A, 2, 512)
    manager.register('big', 2, 512)
    manager.allocated(1, 2)
    manager.declare(A, 0)
    expect(manager.declare(B, 2)).to.deep.equal(['workers 1x2 1x2 of 512'])
  })

  it('keeps no worker of a job’s own size when the job is gone, whatever is to be kept', () => {
    const manager = new Manager({ ...SPREAD, limits: { ...NO_LIMITS, min: 1 } })
    manager.on({ type: 'tick' })
    manager.declare(A, 2, 512)
    manager.register('usual', 2)
    manager.register('big', 2, 512)
    manager.allocated(1, 2)
    manager.declare(A, 0)
    manager.freed(1, 2)
    manager.now = 30_000
    expect(manager.on({ type: 'tick' })).to.deep.equal(['release big: it was idle', 'workers 1x2'])
  })

  it('serves the job that came first', () => {
    const manager = new Manager(SPREAD)
    manager.declare(A, 2)
    expect(manager.declare(B, 2)).to.deep.equal(['workers 2x2'])
    expect(manager.register('w1', 2)).to.deep.equal(['allocate w1/0 for job-a as 1', 'allocate w1/1 for job-a as 2'])
  })

  it('frees the slots of an ended job, and hands them on instead of asking for workers', () => {
    const manager = new Manager(SPREAD)
    manager.declare(A, 2)
    manager.register('w1', 2)
    manager.allocated(1, 2)
    expect(manager.declare(A, 0)).to.deep.equal(['free 1', 'free 2'])
    expect(manager.declare(B, 2), 'slots that become free are waited for').to.deep.equal([])
    expect(manager.freed(1, 2)).to.deep.equal(['allocate w1/0 for job-b as 3', 'allocate w1/1 for job-b as 4'])
  })

  it('frees a slot that the worker gave when nobody wants it any more', () => {
    const manager = new Manager(SPREAD)
    manager.declare(A, 1)
    manager.register('w1', 2)
    expect(manager.declare(A, 0)).to.deep.equal([])
    expect(manager.allocated(1), 'the job is not told of it').to.deep.equal(['free 1'])
  })

  it('asks for a replacement of a lost worker', () => {
    const manager = new Manager(SPREAD)
    manager.declare(A, 4)
    manager.register('w1', 2)
    manager.register('w2', 2)
    manager.allocated(1, 2, 3, 4)
    manager.on({ type: 'workerGone', resourceId: 'w1' as ResourceId })
    expect(manager.state.wanted).to.deep.equal([{ slots: 2, count: 2 }])
    expect(manager.register('w3', 2)).to.deep.equal(['allocate w3/0 for job-a as 5', 'allocate w3/1 for job-a as 6'])
  })

  it('gives an idle worker back after its time', () => {
    const manager = new Manager(SPREAD)
    manager.declare(A, 2)
    manager.register('w1', 2)
    manager.allocated(1, 2)
    manager.declare(A, 0)
    manager.now = 1_000
    manager.freed(1, 2)
    manager.now = 30_999
    expect(manager.on({ type: 'tick' })).to.deep.equal([])
    manager.now = 31_000
    expect(manager.on({ type: 'tick' })).to.deep.equal(['release w1: it was idle', 'workers '])
    expect(manager.on({ type: 'tick' })).to.deep.equal([])
  })

  it('gives a worker back at once when a job has emptied it by name, and no other', () => {
    const manager = new Manager(SPREAD)
    manager.declare(A, 4)
    manager.register('w1', 2)
    manager.register('w2', 2)
    manager.allocated(1, 2, 3, 4)
    expect(manager.giveBack(A, 2, 1, 2)).to.deep.equal(['free 1', 'free 2'])
    expect(manager.freed(1)).to.deep.equal([])
    expect(manager.freed(2)).to.deep.equal(['release w1: its slots were given back', 'workers 1x2'])
    expect(heldSlots(manager.state, A)).to.equal(2)
  })

  it('keeps an emptied worker that another job needs at once', () => {
    const manager = new Manager(SPREAD)
    manager.declare(A, 2)
    manager.register('w1', 2)
    manager.allocated(1, 2)
    manager.declare(B, 1)
    manager.giveBack(A, 1, 1)
    expect(manager.freed(1)).to.deep.include('allocate w1/0 for job-b as 3')
  })

  it('takes slots that no one named from where the job holds fewest, so that whole workers fall free', () => {
    const manager = new Manager(SPREAD)
    manager.declare(A, 3)
    manager.register('w1', 2)
    manager.register('w2', 2)
    manager.allocated(1, 2, 3)
    expect(manager.declare(A, 2)).to.deep.equal(['free 3'])
    expect(manager.declare(A, 3), 'the slot of w2 that is free').to.deep.equal(['allocate w2/1 for job-a as 4'])
  })

  it('gives what a leaving worker holds to others, and gives it back when it is empty', () => {
    const manager = new Manager(SPREAD)
    manager.declare(A, 2)
    manager.register('w1', 2)
    manager.allocated(1, 2)
    expect(manager.leaves('w1'), 'as many workers as before, this one not counted').to.deep.equal([])
    expect(manager.state.wanted).to.deep.equal([{ slots: 2, count: 1 }])
    expect(manager.register('w2', 2)).to.deep.equal(['allocate w2/0 for job-a as 3', 'allocate w2/1 for job-a as 4'])
    manager.allocated(3, 4)
    expect(manager.giveBack(A, 2, 1, 2)).to.deep.equal(['free 1', 'free 2'])
    expect(manager.freed(1, 2)).to.deep.equal(['release w1: its node goes'])
    expect(heldSlots(manager.state, A)).to.equal(2)
  })

  it('gives no slot of a leaving worker to anybody, and empties it when its job ends', () => {
    const manager = new Manager(SPREAD)
    manager.declare(A, 1)
    manager.register('w1', 2)
    manager.allocated(1)
    manager.leaves('w1')
    expect(manager.declare(B, 1).filter((line) => line.startsWith('allocate'))).to.deep.equal([])
    expect(manager.declare(A, 0)).to.include('free 1')
    expect(manager.freed(1)).to.include('release w1: its node goes')
  })

  it('gives an empty leaving worker back at once', () => {
    const manager = new Manager(SPREAD)
    manager.register('w1', 2)
    expect(manager.leaves('w1')).to.include('release w1: its node goes')
  })

  it('keeps as many workers as the lower bound says, asked for before any job comes', () => {
    const manager = new Manager({ ...SPREAD, limits: { ...NO_LIMITS, min: 2 } })
    expect(manager.on({ type: 'tick' })).to.deep.equal(['workers 2x2'])
    for (const name of ['w1', 'w2', 'w3']) manager.register(name, 2)
    manager.now = 30_000
    expect(manager.on({ type: 'tick' })).to.deep.equal(['release w1: it was idle', 'workers 2x2'])
    manager.now = 300_000
    expect(manager.on({ type: 'tick' })).to.deep.equal([])
  })

  it('keeps redundant workers empty while a job runs, and replaces one that is used up', () => {
    const manager = new Manager({ ...SPREAD, limits: { ...NO_LIMITS, redundant: 1 } })
    expect(manager.declare(A, 2)).to.deep.equal(['workers 2x2'])
    manager.register('w1', 2)
    manager.register('w2', 2)
    manager.allocated(1, 2)
    manager.now = 60_000
    expect(manager.on({ type: 'tick' })).to.deep.equal([])
    expect(manager.on({ type: 'workerGone', resourceId: 'w1' as ResourceId }), 'the spare one is used at once').to.deep.equal([
      'allocate w2/0 for job-a as 3',
      'allocate w2/1 for job-a as 4',
    ])
    expect(manager.state.wanted).to.deep.equal([{ slots: 2, count: 2 }])
  })

  it('never asks for more than the upper bound', () => {
    const manager = new Manager({ ...SPREAD, limits: { ...NO_LIMITS, max: 2, redundant: 5 } })
    expect(manager.declare(A, 9)).to.deep.equal(['workers 2x2'])
    manager.register('w1', 2)
    manager.register('w2', 2)
    expect(manager.declare(A, 10)).to.deep.equal([])
  })

  it('takes its bounds from the configuration, the tightest of each', () => {
    const limits = (options: Record<string, string>) => workerLimits(Configuration.of(options), { slots: 4, vcores: 2, memory: 1024 ** 3 })
    expect(limits({})).to.deep.include({ min: 0, redundant: 0 })
    expect(limits({ 'slotmanager.number-of-slots.min': '5', 'slotmanager.number-of-slots.max': '15' })).to.deep.include({ min: 2, max: 3 })
    expect(limits({ 'slotmanager.max-total-resource.memory': '2 gb', 'slotmanager.number-of-slots.max': '40' })).to.deep.include({
      max: 2,
      maxKey: 'slotmanager.max-total-resource.memory',
    })
    expect(limits({ 'slotmanager.min-total-resource.cpu': '5', 'slotmanager.redundant-taskmanager-num': '1' })).to.deep.include({
      min: 3,
      redundant: 1,
    })
  })

  it('chooses the emptiest workers when the cluster leaves the choice', () => {
    const manager = new Manager(SPREAD)
    manager.declare(A, 3)
    for (const name of ['w1', 'w2', 'w3', 'w4']) manager.register(name, 2)
    manager.leaves('w4')
    expect(chooseEmptiest(manager.state.workers.values(), 2, new Set())).to.deep.equal(['w3', 'w2'])
    expect(chooseEmptiest(manager.state.workers.values(), 2, new Set(['w3' as ResourceId]))).to.deep.equal(['w2', 'w1'])
    expect(chooseEmptiest(manager.state.workers.values(), -1, new Set())).to.deep.equal([])
  })

  it('gives a worker back that refuses a slot', () => {
    const manager = new Manager(SPREAD)
    manager.declare(A, 1)
    manager.register('w1', 2)
    const effects = manager.on({ type: 'allocationFailed', allocationId: '1' as AllocationId, reason: 'no' })
    expect(effects[0]).to.equal('release w1: it refused a slot: no')
    expect(manager.state.wanted).to.deep.equal([{ slots: 2, count: 1 }])
  })

  it('empties slots that belong to jobs of an earlier master', () => {
    const manager = new Manager(SPREAD)
    manager.declare(A, 1)
    const report = ['old', 'older'].map((allocationId, slotIndex) => ({ slotIndex, allocationId: allocationId as AllocationId, jobId: B }))
    expect(manager.on({ type: 'workerRegistered', resourceId: 'w1' as ResourceId, slots: [0, 1], report })).to.deep.equal([
      'free old',
      'free older',
    ])
    expect(manager.on({ type: 'freed', allocationId: 'old' as AllocationId })).to.deep.equal(['allocate w1/0 for job-a as 1'])
  })

  const earlier = (manager: Manager, ...retain: string[]) =>
    manager.on({
      type: 'workerRegistered',
      resourceId: 'w1' as ResourceId,
      slots: [0, 1],
      report: ['old', 'older'].map((allocationId, slotIndex) => ({ slotIndex, allocationId: allocationId as AllocationId, jobId: A })),
      retain: new Set(retain as AllocationId[]),
    })

  it('keeps slots in which tasks of an earlier master run until their job has said which it goes on with', () => {
    const manager = new Manager(SPREAD)
    expect(earlier(manager, 'old', 'older'), 'nothing is freed').to.deep.equal(['workers 1x2'])
    expect(manager.declare(B, 1), 'nobody else gets them').to.deep.equal(['workers 2x2'])
    expect(heldSlots(manager.state, A)).to.equal(2)
    const kept = manager.on({ type: 'kept', jobId: A, count: 1, allocations: new Set(['old' as AllocationId]) })
    expect(kept).to.deep.equal(['free older', 'workers 1x2'])
    expect(heldSlots(manager.state, A)).to.equal(1)
    expect(manager.on({ type: 'freed', allocationId: 'older' as AllocationId })).to.deep.equal(['allocate w1/1 for job-b as 1'])
  })

  it('frees what an earlier master had given when nothing runs there, when the job does without, and when it does not come', () => {
    expect(earlier(new Manager(SPREAD), 'old')).to.include('free older')
    const declares = new Manager(SPREAD)
    earlier(declares, 'old', 'older')
    expect(declares.declare(A, 0)).to.include.members(['free old', 'free older'])
    const waits = new Manager(SPREAD)
    earlier(waits, 'old', 'older')
    waits.now += 59_000
    expect(waits.on({ type: 'tick' })).to.deep.equal([])
    waits.now += 1_000
    expect(waits.on({ type: 'tick' })).to.include.members(['free old', 'free older'])
  })

  it('believes a worker that has lost a slot', () => {
    const manager = new Manager(SPREAD)
    manager.declare(A, 1)
    manager.register('w1', 1)
    const report = [{ slotIndex: 0, allocationId: null, jobId: null }]
    expect(
      manager.on({ type: 'slotReport', resourceId: 'w1' as ResourceId, report }),
      'a report sent before the allocation arrived',
    ).to.deep.equal([])
    manager.allocated(1)
    expect(manager.on({ type: 'slotReport', resourceId: 'w1' as ResourceId, report })[0]).to.equal('lost 1 of job-a')
  })

  it('makes one worker as large as the job needs where workers cannot reach each other', () => {
    const manager = new Manager(ONE_WORKER)
    expect(manager.declare(A, 3)).to.deep.equal(['workers 1x3'])
    expect(manager.register('w1', 3)).to.deep.equal([0, 1, 2].map((slot) => `allocate w1/${slot} for job-a as ${slot + 1}`))
    expect(manager.declare(B, 2)).to.deep.equal(['workers 1x2 1x3'])
    manager.allocated(1, 2, 3)
    manager.declare(A, 0)
    expect(manager.freed(1, 2, 3)).to.deep.include('allocate w1/0 for job-b as 4')
  })

  it('gives a job that has outgrown its worker all its slots on another, and takes the old ones when they are given back', () => {
    const manager = new Manager(ONE_WORKER)
    manager.declare(A, 2)
    manager.register('w1', 2)
    manager.allocated(1, 2)
    expect(manager.declare(A, 3)).to.deep.equal(['workers 1x2 1x3'])
    expect(manager.register('w2', 3)).to.deep.equal([0, 1, 2].map((slot) => `allocate w2/${slot} for job-a as ${slot + 3}`))
    expect(manager.allocated(3, 4, 5)).to.deep.equal([3, 4, 5].map((id) => `offer ${id} to job-a`))
    const giveBack = ['1', '2'] as AllocationId[]
    expect(manager.on({ type: 'declared', jobId: A, count: 3, giveBack })).to.deep.equal(['free 1', 'free 2'])
    manager.freed(1, 2)
    // What does not come to be: the job is never told of the slots it has declared no longer.
    expect(manager.declare(A, 4)).to.deep.include('workers 1x3 1x4')
    expect(manager.register('w3', 4)).to.have.length(4)
    manager.declare(A, 3)
    expect(manager.allocated(6, 7, 8, 9)).to.include.members([6, 7, 8, 9].map((id) => `free ${id}`))
    expect(manager.allocated(6, 7, 8, 9).filter((line) => line.startsWith('offer'))).to.deep.equal([])
  })

  it('never gives a slot to two jobs, nor more slots than a job declared, whatever happens', () => {
    const event = fc.oneof(
      fc.record({ type: fc.constant('declared' as const), jobId: fc.constantFrom(A, B), count: fc.integer({ min: 0, max: 5 }) }),
      fc.record({ type: fc.constant('register' as const), worker: fc.integer({ min: 0, max: 3 }) }),
      fc.record({
        type: fc.constant('workerGone' as const),
        resourceId: fc.constantFrom('w0', 'w1', 'w2', 'w3').map((name) => name as ResourceId),
      }),
      fc.record({
        type: fc.constant('allocated' as const),
        allocationId: fc.integer({ min: 1, max: 30 }).map((id) => String(id) as AllocationId),
      }),
      fc.record({
        type: fc.constant('declared' as const),
        jobId: fc.constantFrom(A, B),
        count: fc.integer({ min: 0, max: 5 }),
        giveBack: fc.array(
          fc.integer({ min: 1, max: 30 }).map((id) => String(id) as AllocationId),
          { maxLength: 3 },
        ),
      }),
      fc.record({
        type: fc.constant('workerLeaves' as const),
        resourceId: fc.constantFrom('w0', 'w1', 'w2', 'w3').map((name) => name as ResourceId),
        reason: fc.constant('it goes'),
      }),
      fc.record({
        type: fc.constant('freed' as const),
        allocationId: fc.integer({ min: 1, max: 30 }).map((id) => String(id) as AllocationId),
      }),
    )
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const manager = new Manager(SPREAD)
        for (const each of events) {
          if (each.type !== 'register') manager.on(each)
          else if (!manager.state.workers.has(`w${each.worker}` as ResourceId)) manager.register(`w${each.worker}`, 2)
          const inUse = [...manager.state.workers.values()].flatMap((worker) =>
            worker.slots.flatMap((slot) => slot.allocation?.allocationId ?? []),
          )
          expect(new Set(inUse).size).to.equal(inUse.length)
          for (const worker of manager.state.workers.values()) {
            if (worker.leaving !== undefined && usedSlots(worker) === 0) expect(worker.releasing, 'empty and leaving').to.equal(true)
            if (worker.releasing) expect(usedSlots(worker), 'given back with slots in use').to.equal(0)
          }
          for (const job of [A, B]) {
            const pending = [...manager.state.workers.values()]
              .flatMap((worker) => worker.slots)
              .filter(({ allocation }) => allocation?.jobId === job && allocation.state === 'PENDING').length
            expect(heldSlots(manager.state, job)).to.be.at.most((manager.state.requirements.get(job) ?? 0) + pending)
          }
        }
      }),
    )
  })
})
