import { expect } from 'chai'
import { OneSlot, barrierOf, hexOf } from './one-slot.js'
import { CountingSource, NUMBERS, PreparingSink, Sums } from './stateful-operators.js'

describe('checkpoints of tasks', () => {
  it('takes an aligned checkpoint through one chain while rows flow, and acknowledges it', async () => {
    const source = new CountingSource(1_000_000, { allowed: 20 })
    const sums = new Sums()
    const sink = new PreparingSink()
    const slot = new OneSlot(NUMBERS, (name) => ({ source, sums, sink })[name]!)
    slot.start({ name: 'sums', chain: ['sums', 'sink'], inputs: ['source'] })
    slot.start({ name: 'source', chain: ['source'], outputs: ['sums'] })
    await slot.running()
    await slot.until(() => source.next === 20)
    await slot.tasks.get('source')!.triggerCheckpoint(barrierOf(1))
    source.allow(5)
    await slot.allAcknowledged(1)
    const acked = slot.ack('sums', 1)!.state
    expect(acked.operators.map(({ operatorId }) => operatorId)).to.deep.equal([hexOf('sums'), hexOf('sink')])
    expect(acked.operators[0]?.keyed?.segments).to.have.length(1)
    expect((acked.operators[1]?.committables[0] as unknown[]).length).to.equal(20)
    expect(slot.ack('source', 1)?.state.operators[0]?.lists).to.deep.equal({ next: { mode: 'SPLIT', items: [20] } })
    slot.conclude(1, true)
    await slot.until(() => sums.concluded.length > 0)
    expect(sums.concluded).to.deep.equal(['complete 1'])
    await slot.stop()
  })
})
