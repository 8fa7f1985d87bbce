import { expect } from 'chai'
import { CALM, MemoryExceeded, onSample, watchMemory, type MemoryWatchState } from '#container/taskexecutor/memory-watch.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'

const LIMIT = 1000
const sample = (rss: number) => ({ rss, heapUsed: 100, arrayBuffers: 200 })
const after = (...rss: number[]): MemoryWatchState['level'] =>
  rss.reduce<MemoryWatchState>((state, each) => onSample(state, sample(each), LIMIT), CALM).level

describe('memory watch', () => {
  it('is tight from 85 % on, and until below 80 %', () => {
    expect(after(849)).to.equal('calm')
    expect(after(850)).to.equal('tight')
    expect(after(850, 810)).to.equal('tight')
    expect(after(850, 799)).to.equal('calm')
    expect(after(810)).to.equal('calm')
  })

  it('forgives one high sample, not two in a row', () => {
    expect(after(950)).to.equal('tight')
    expect(after(950, 700, 950)).to.equal('tight')
    expect(after(950, 925)).to.equal('exceeded')
    expect(after(950, 925, 10)).to.equal('exceeded')
  })

  it('says when slots are to hold less, and when they may hold more again', () => {
    const environment = virtualEnvironment()
    const said: boolean[] = []
    let rss = 700
    const samples = { limitBytes: () => LIMIT, sample: () => sample(rss) }
    const stop = watchMemory({ environment, ...samples, onTight: (tight) => said.push(tight), onExceeded: () => undefined })
    for (rss of [700, 860, 870, 820, 790, 700, 851]) environment.advance(1_000)
    expect(said).to.deep.equal([true, false, true])
    stop()
  })

  it('ends the process with what holds the memory, and what to do', async () => {
    const environment = virtualEnvironment()
    const MIB = 1024 * 1024
    const errors: Error[] = []
    watchMemory({
      environment,
      limitBytes: () => 512 * MIB,
      sample: () => ({ rss: 500 * MIB, heapUsed: 60 * MIB, arrayBuffers: 300 * MIB }),
      onTight: () => undefined,
      onExceeded: (error) => errors.push(error),
    })
    environment.advance(5_000)
    expect(errors.length).to.equal(1)
    expect(errors[0]).to.satisfy(MemoryExceeded.is)
    expect(errors[0]?.message)
      .to.match(/500 MB of the 512 MB/)
      .and.contain('state, batches and buffers 300 MB')
      .and.contain('taskmanager.memory.process.size')
  })
})
