import { expect } from 'chai'
import fc from 'fast-check'
import type { Partitioner } from '#core/graph/job-graph.js'
import { channelsOf, consumersOf } from '#am/jobmaster/deployment/channels.js'

const KINDS: readonly Partitioner['kind'][] = ['FORWARD', 'HASH', 'REBALANCE', 'RESCALE', 'BROADCAST', 'GLOBAL', 'SHUFFLE', 'CUSTOM']

describe('channels of an edge', () => {
  it('connects every producer with every consumer for HASH, REBALANCE and BROADCAST', () => {
    for (const kind of ['HASH', 'REBALANCE', 'BROADCAST'] as const) {
      expect(consumersOf(kind, 1, 2, 3), kind).to.deep.equal([0, 1, 2])
      expect(channelsOf(kind, 2, 2, 3), kind).to.deep.equal([
        { producer: 0, subpartition: 2 },
        { producer: 1, subpartition: 2 },
      ])
    }
  })

  it('connects every consumer for GLOBAL: time and the end are for all of them', () => {
    expect(channelsOf('GLOBAL', 0, 3, 2)).to.deep.equal([0, 1, 2].map((producer) => ({ producer, subpartition: 0 })))
    expect(channelsOf('GLOBAL', 1, 3, 2)).to.deep.equal([0, 1, 2].map((producer) => ({ producer, subpartition: 1 })))
  })

  it('connects equals for FORWARD', () => {
    expect(channelsOf('FORWARD', 2, 4, 4)).to.deep.equal([{ producer: 2, subpartition: 0 }])
  })

  it('spreads neighbours for RESCALE, as Flink does', () => {
    expect([0, 1].map((producer) => consumersOf('RESCALE', producer, 2, 4))).to.deep.equal([
      [0, 1],
      [2, 3],
    ])
    expect([0, 1, 2, 3].map((producer) => consumersOf('RESCALE', producer, 4, 2))).to.deep.equal([[0], [0], [1], [1]])
    expect(channelsOf('RESCALE', 3, 2, 4)).to.deep.equal([{ producer: 1, subpartition: 1 }])
  })

  it('gives every subpartition to exactly one consumer', () => {
    fc.assert(
      fc.property(fc.constantFrom(...KINDS), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }), (kind, producers, other) => {
        const consumers = kind === 'FORWARD' ? producers : other
        const written = Array.from({ length: producers }, (_, producer) =>
          consumersOf(kind, producer, producers, consumers).map((_c, subpartition) => `${producer}/${subpartition}`),
        ).flat()
        const read = Array.from({ length: consumers }, (_, consumer) =>
          channelsOf(kind, consumer, producers, consumers).map(({ producer, subpartition }) => `${producer}/${subpartition}`),
        ).flat()
        expect(read.sort()).to.deep.equal(written.sort())
        if (kind === 'RESCALE')
          for (let consumer = 0; consumer < consumers; consumer++)
            expect(channelsOf(kind, consumer, producers, consumers)).not.to.have.length(0)
      }),
    )
  })
})
