import { expect } from 'chai'
import type { ResourceId } from '#core/ids/ids.js'
import { sourceToSink } from '../job-graphs.js'
import { MiniMaster } from '../mini-master.js'
import { ScriptedWorker } from '../scripted-worker.js'

describe('a worker that registers', () => {
  it('and is lost in the same moment offers no slots that nobody has', async () => {
    const master = new MiniMaster()
    const job = master.dispatcher.submit(sourceToSink())
    master.driver.listener.started('w1' as ResourceId, 'host-of-w1', 1)
    const ghost = new ScriptedWorker('w1', 1, master.endpoints, master.environment)
    await ghost.register()
    ghost.break()
    await master.settle(1)
    await master.worker('w2')
    await master.settle(1)
    expect(job.run.slots.map(({ location }) => location.resourceId)).to.deep.equal(['w2'])
  })
})

describe('a master that the cluster has not taken for the leader', () => {
  it('touches nothing that another attempt may use', async () => {
    let registered: () => void = () => undefined
    const master = new MiniMaster({}, undefined, { registered: new Promise((resolve) => (registered = resolve)) })
    master.dispatcher.submit(sourceToSink())
    await master.settle(1_000)
    expect(master.connectors.log.filter((step) => step.startsWith('start'))).to.deep.equal([])
    registered()
    await master.settle()
    expect(master.connectors.log.filter((step) => step.startsWith('start'))).to.deep.equal(['start source', 'start sink'])
  })
})
