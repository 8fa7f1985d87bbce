import { expect } from 'chai'
import type { JobId } from '#core/ids/ids.js'
import { sourceToSink } from '../job-graphs.js'
import { MiniMaster } from '../mini-master.js'

const OTHER = 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb' as JobId
const sized = { ...sourceToSink(), jobId: OTHER, configuration: { 'job.taskmanager.memory.process.size': '384 mb' } }

describe('jobs with TaskManagers of a size of their own', () => {
  it('run in those, and others in the usual ones', async () => {
    const master = new MiniMaster()
    const [usual, own] = [master.dispatcher.submit(sourceToSink()), master.dispatcher.submit(sized)]
    await master.settle(1)
    expect(master.driver.wanted).to.deep.equal([
      { slots: 1, count: 1 },
      { slots: 1, count: 1, memoryMb: 384 },
    ])
    const large = await master.worker('large', 1, 384)
    expect(large.tasks.map(({ jobId }) => jobId)).to.deep.equal([OTHER, OTHER])
    expect(usual.state).not.to.equal('RUNNING')
    const small = await master.worker('small')
    expect(small.tasks).to.have.length(2)
    expect([usual.state, own.state]).to.deep.equal(['RUNNING', 'RUNNING'])
  })

  it('fail alone when YARN has none of that size', async () => {
    const master = new MiniMaster()
    const [usual, own] = [master.dispatcher.submit(sourceToSink()), master.dispatcher.submit(sized)]
    await master.settle(1)
    master.driver.listener.unobtainable(new Error('too large'), 384)
    await master.settle(1)
    expect((await own.result).state).to.equal('FAILED')
    expect(usual.state).not.to.equal('FAILED')
  })
})
