import { expect } from 'chai'
import type { ResourceId } from '#core/ids/ids.js'
import { MiniMaster } from '../mini-master.js'
import { onGrown, onRefused, onWished, wish, workerMemory } from '#am/resourcemanager/worker-growth.js'

const MB = 1024 * 1024
const SIZE = 512 * MB
const policy = { most: 1024 * MB }
const calm = { residentSetBytes: 400 * MB, spilledBytes: 0 }
const tight = { residentSetBytes: 412 * MB, spilledBytes: 0 }

describe('a TaskManager whose memory runs short', () => {
  it('is left as it is while it has room, or may not grow', () => {
    expect(wish(workerMemory(SIZE), calm, 0, policy)).to.equal(undefined)
    expect(wish(workerMemory(SIZE), tight, 0, { most: undefined })).to.equal(undefined)
    expect(wish(workerMemory(0), tight, 0, policy), 'no container').to.equal(undefined)
  })

  it('grows by half when four fifths are in use, up to the most', () => {
    expect(wish(workerMemory(SIZE), tight, 0, policy)).to.equal(768 * MB)
    expect(wish(workerMemory(768 * MB), { ...tight, residentSetBytes: 700 * MB }, 0, policy)).to.equal(1024 * MB)
    expect(wish(workerMemory(1024 * MB), { ...tight, residentSetBytes: 1000 * MB }, 0, policy)).to.equal(undefined)
  })

  it('grows when state goes to disk, of which what went before the last growth counts no more', () => {
    const spilling = { residentSetBytes: 0, spilledBytes: 26 * MB }
    expect(wish(workerMemory(SIZE), spilling, 0, policy)).to.equal(768 * MB)
    const grown = onGrown(768 * MB, spilling, 0)
    expect(wish(grown, spilling, 60_000, policy)).to.equal(undefined)
    expect(wish(grown, { ...spilling, spilledBytes: 70 * MB }, 60_000, policy)).to.equal(1024 * MB)
  })

  it('is asked for once, and not at once again after an answer', () => {
    const wished = onWished(workerMemory(SIZE), 768 * MB)
    expect(wish(wished, tight, 1e9, policy)).to.equal(undefined)
    const refused = onRefused(wished, 1_000)
    expect(wish(refused, tight, 60_000, policy)).to.equal(undefined)
    expect(wish(refused, tight, 61_000, policy)).to.equal(768 * MB)
    const grown = onGrown(768 * MB, tight, 1_000)
    expect(wish(grown, { ...tight, residentSetBytes: 760 * MB }, 10_000, policy)).to.equal(undefined)
    expect(wish(grown, { ...tight, residentSetBytes: 760 * MB }, 11_000, policy)).to.equal(1024 * MB)
  })
})

describe('the ResourceManager and a TaskManager whose memory runs short', () => {
  const w1 = 'w1' as ResourceId
  async function withWorker(
    options: Record<string, string> = { 'taskmanager.memory.process.max-size': '1 gb', 'resourcemanager.taskmanager-timeout': '1 h' },
  ) {
    const master = new MiniMaster(options)
    const worker = await master.worker('w1')
    await master.settle(1)
    return { master, worker }
  }

  it('has its container enlarged, and tells it what it may use when it has it', async () => {
    const { master, worker } = await withWorker()
    await worker.beat(100)
    expect(master.driver.resizes).to.deep.equal([])
    await worker.beat(230)
    await worker.beat(240)
    expect(master.driver.resizes).to.deep.equal(['w1 to 384 MB'])
    expect(worker.processMemory / MB).to.equal(256)
    master.driver.listener.resized(w1, 400 * MB)
    await master.settle(1)
    expect(worker.processMemory / MB).to.equal(400)
    expect(master.resourceManager.workers().map(({ processMemory }) => processMemory / MB)).to.deep.equal([400])
    await master.settle(10_000)
    await worker.beat(390)
    expect(master.driver.resizes.at(-1)).to.equal('w1 to 600 MB')
  })

  it('asks again a minute after a refusal', async () => {
    const { master, worker } = await withWorker()
    await worker.beat(230)
    master.driver.listener.resizeRefused(w1, 'the node is full')
    await worker.beat(230)
    expect(master.driver.resizes).to.have.length(1)
    await master.settle(30_000)
    await worker.beat(230)
    expect(master.driver.resizes).to.have.length(1)
    await master.settle(30_000)
    await worker.beat(230)
    expect(master.driver.resizes).to.have.length(2)
  })

  it('asks for nothing where that was not allowed', async () => {
    const { master, worker } = await withWorker({})
    await worker.beat(255)
    expect(master.driver.resizes).to.deep.equal([])
  })
})
