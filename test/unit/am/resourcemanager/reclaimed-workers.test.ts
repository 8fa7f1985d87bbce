import { expect } from 'chai'
import type { ResourceId } from '#core/ids/ids.js'
import { sourceToSink } from '../job-graphs.js'
import { MiniMaster } from '../mini-master.js'
import { RunningJob } from '../running-job.js'

const GRACE = 15_000
const id = (name: string) => name as ResourceId

function reclaim(master: MiniMaster, names: readonly string[], { anyOthers = 0, replaced = false } = {}): void {
  master.driver.listener.reclaimed({ resourceIds: names.map(id), anyOthers, reason: 'the cluster wants it', grace: GRACE, replaced })
}

/** The tasks that were told to end have, and the next attempts run where they were deployed. */
async function moved(running: RunningJob): Promise<void> {
  for (const name of ['Source', 'Sink']) await running.report(name, 'CANCELED')
  await running.master.settle(1)
  await running.allRun()
}

describe('workers that the cluster wants back', () => {
  it('are left after a checkpoint that is taken at once, and given back; the job goes on from it, uncounted', async () => {
    const running = await RunningJob.of(sourceToSink(), {
      'restart-strategy.fixed-delay.attempts': '1',
      'execution.checkpointing.interval': '1 h',
    })
    const { master } = running
    await running.addWorkers(1)
    const [left, stays] = running.workers
    reclaim(master, ['w1'])
    await master.settle(1)
    await master.settle()
    expect(
      left?.barriers.map(({ barrier }) => barrier.checkpointId),
      'at once',
    ).to.deep.equal([1])
    expect(left?.cancelled, 'not before it is complete').to.deep.equal([])
    await running.acknowledge('Source', 1)
    await running.acknowledge('Sink', 1, ['part-1'])
    expect(left?.cancelled).to.have.length(2)
    await moved(running)
    expect(stays?.tasks.map(({ vertexName, restore }) => `${vertexName} ${restore?.checkpointId}`)).to.deep.equal(['Source 1', 'Sink 1'])
    await master.settle(1_000)
    expect(left?.shutdownReason).to.equal('the cluster wants it')
    expect(master.driver.released).to.deep.equal(['w1'])
    expect(running.job.state).to.equal('RUNNING')
    expect(running.job.run.restarts.failures).to.deep.equal([])
  })

  it('may end before they have told the end of their tasks: the job goes on without it, uncounted', async () => {
    const running = await RunningJob.of(sourceToSink(), {
      'restart-strategy.fixed-delay.attempts': '1',
      'execution.checkpointing.interval': '1 h',
    })
    const { master } = running
    await running.addWorkers(1)
    const [left, stays] = running.workers
    reclaim(master, ['w1'])
    await master.settle(1)
    await master.settle()
    await running.acknowledge('Source', 1)
    await running.acknowledge('Sink', 1, ['part-1'])
    expect(left?.cancelled).to.have.length(2)
    await running.report('Source', 'CANCELED')
    await master.settle(1_000)
    expect(master.driver.released).to.deep.equal(['w1'])
    expect(stays?.tasks, 'nothing starts before the other one has ended').to.deep.equal([])
    master.driver.listener.terminated(id('w1'), 'exit status -102', 'taken-back')
    await master.settle(1_000)
    expect(stays?.tasks.map(({ vertexName, restore }) => `${vertexName} ${restore?.checkpointId}`)).to.deep.equal(['Source 1', 'Sink 1'])
    expect(running.job.run.restarts.failures).to.deep.equal([])
  })

  it('are left within their grace even when the checkpoint does not come', async () => {
    const running = await RunningJob.of()
    await running.addWorkers(1)
    reclaim(running.master, ['w1'])
    await running.master.settle(GRACE * 0.6)
    expect(running.workers[0]?.cancelled).to.deep.equal([])
    await running.master.settle(GRACE * 0.1)
    expect(running.workers[0]?.cancelled).to.have.length(2)
  })

  it('are left when others have come, where others can be expected', async () => {
    const running = await RunningJob.of(sourceToSink(), { 'execution.checkpointing.interval': '1 h' })
    const { master } = running
    reclaim(master, ['w1'], { replaced: true })
    await master.settle(1_000)
    expect(master.driver.discounted, 'another is asked for beside it').to.deep.equal(['w1'])
    expect(running.workers[0]?.barriers).to.deep.equal([])
    await running.addWorkers(1)
    await master.settle(1)
    expect(running.workers[0]?.barriers).to.have.length(1)
  })

  it('are told once, whatever the cluster repeats', async () => {
    const running = await RunningJob.of(sourceToSink(), { 'execution.checkpointing.interval': '1 h' })
    await running.addWorkers(1)
    for (let round = 0; round < 3; round++) {
      reclaim(running.master, ['w1'])
      await running.master.settle(100)
    }
    expect(running.workers[0]?.barriers).to.have.length(1)
  })

  it('are the emptiest when the cluster names none, and go at once when nothing runs there', async () => {
    const running = await RunningJob.of()
    await running.addWorkers(1)
    reclaim(running.master, [], { anyOthers: 1 })
    await running.master.settle(1_000)
    expect(running.master.driver.released).to.deep.equal(['w2'])
    expect(running.workers[0]?.cancelled).to.deep.equal([])
  })

  it('are given back before they have registered', async () => {
    const master = new MiniMaster()
    await master.settle()
    master.driver.listener.started(id('w1'), 'host', 1)
    reclaim(master, ['w1'])
    expect(master.driver.released).to.deep.equal(['w1'])
  })

  it('that die before they are empty do not count as failures either', async () => {
    const running = await RunningJob.of(sourceToSink(), { 'restart-strategy.fixed-delay.attempts': '1' })
    await running.addWorkers(1)
    reclaim(running.master, ['w1'])
    await running.master.settle(1)
    running.workers[0]?.break()
    await running.master.settle(1)
    expect(running.job.run.restarts.failures).to.deep.equal([])
    expect(running.job.run.failures[0]?.error.message).to.contain('was taken back')
  })
})

describe('progress', () => {
  it('is the share of subtasks that have finished', async () => {
    const running = await RunningJob.of()
    const { driver } = running.master
    await running.master.settle(500)
    expect(driver.progress).to.equal(0)
    const { task, worker } = running.find('Source')
    await worker.finish(task)
    await running.master.settle(500)
    expect(driver.progress).to.equal(0.5)
  })
})

describe('nodes', () => {
  it('that are gone lose their workers at once, and others are asked for', async () => {
    const running = await RunningJob.of()
    const { master } = running
    master.driver.listener.nodeLost([id('w1')], 'its node host-of-w1 is LOST')
    await master.settle(1)
    expect(master.driver.released).to.deep.equal(['w1'])
    expect(master.driver.wanted).to.deep.equal([{ slots: 1, count: 1 }])
    expect(running.job.run.restarts.failures).to.deep.equal([])
    await running.addWorkers(1)
    await master.settle(200)
    expect(running.find('Source').worker.resourceId).to.equal('w2')
  })

  it('on which workers do not start are blocked for a while', async () => {
    const master = new MiniMaster({ 'resourcemanager.start-worker.node-block-duration': '1 min' })
    await master.settle()
    const { driver } = master
    const failed = (name: string, host: string) => {
      driver.listener.started(id(name), host, 1)
      driver.listener.terminated(id(name), 'exit status 1', 'failed')
    }
    failed('a1', 'a')
    failed('b1', 'b')
    expect(driver.blocked).to.deep.equal([])
    failed('a2', 'a')
    expect(driver.blocked).to.deep.equal(['a'])
    for (let second = 0; second <= 61; second++) await master.settle(1_000)
    expect(driver.blocked).to.deep.equal([])
  })
})
