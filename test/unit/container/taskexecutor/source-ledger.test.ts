import { expect } from 'chai'
import * as fc from 'fast-check'
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import type { OperatorId } from '#core/ids/ids.js'
import { newLedger, onConclusion, onRestartPoint, onSplit, onTrigger } from '#container/taskexecutor/source-ledger.js'

const SOURCE = 'source' as OperatorId
const barrier = (checkpointId: number, more: Partial<CheckpointBarrier> = {}) =>
  ({ checkpointId, kind: 'checkpoint', stop: null, ...more }) as CheckpointBarrier

describe('the ledger of a source', () => {
  it('keeps the splits since the newest checkpoint that is complete', () => {
    let ledger = onSplit(newLedger(undefined), SOURCE, 'a')
    ledger = onSplit(onTrigger(ledger, barrier(1)), SOURCE, 'b')
    ledger = onSplit(onTrigger(ledger, barrier(2)), SOURCE, 'c')
    expect(onConclusion(ledger, 1, true).splits?.map(({ split }) => split)).to.deep.equal(['b', 'c'])
    expect(onConclusion(onConclusion(ledger, 2, true), 1, false).splits?.map(({ split }) => split)).to.deep.equal(['c'])
    expect(onConclusion(ledger, 2, false).splits?.map(({ split }) => split)).to.deep.equal(['a', 'b', 'c'])
  })

  it('knows that a job does not go back to a savepoint, but to one that stopped it', () => {
    const given = onSplit(newLedger(undefined), SOURCE, 'a')
    const saved = onConclusion(onTrigger(given, barrier(1, { kind: 'savepoint' })), 1, true)
    expect([saved.completed, saved.splits?.length, saved.stopping]).to.deep.equal([-1, 1, undefined])
    const stopping = onTrigger(given, barrier(1, { kind: 'savepoint', stop: 'suspend' }))
    expect(stopping.stopping).to.equal(1)
    expect(onConclusion(stopping, 1, false).stopping).to.equal(undefined)
    expect(onConclusion(stopping, 1, true)).to.include({ completed: 1, stopping: 1 })
  })

  it('keeps what came before its first checkpoint when the job goes back to an older one', () => {
    const ledger = onTrigger(onSplit(newLedger(5), SOURCE, 'a'), barrier(7))
    expect(ledger).to.include({ completed: 5, first: 7, triggered: 7 })
    expect(onRestartPoint(ledger, 6).splits).to.have.length(1)
    expect(onRestartPoint(ledger, 7).splits).to.have.length(0)
  })

  it('gives up keeping splits when there are too many', () => {
    let ledger = newLedger(undefined)
    for (let i = 0; i <= 10_000; i++) ledger = onSplit(ledger, SOURCE, i)
    expect(ledger.splits).to.equal(null)
    expect(onConclusion(onTrigger(ledger, barrier(1)), 1, true).splits).to.equal(null)
  })

  it('tells exactly the splits that the newest complete checkpoint does not have, whatever is concluded', () => {
    const step = fc.oneof(
      fc.constant('split' as const),
      fc.constant('trigger' as const),
      fc.record({ back: fc.nat({ max: 3 }), complete: fc.boolean() }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let ledger = newLedger(undefined)
        const over = new Set<number>()
        let newest = 0
        let complete = 0
        let next = 0
        const given: { split: number; in: number }[] = []
        for (const each of steps) {
          if (each === 'split') {
            given.push({ split: next, in: newest + 1 })
            ledger = onSplit(ledger, SOURCE, next++)
          } else if (each === 'trigger') ledger = onTrigger(ledger, barrier(++newest))
          else {
            const id = newest - each.back
            if (id <= complete || over.has(id)) continue // each is concluded once
            over.add(id)
            if (each.complete) complete = id
            ledger = onConclusion(ledger, id, each.complete)
          }
        }
        const since = given.filter((one) => one.in > complete).map(({ split }) => split)
        expect(ledger.splits?.map(({ split }) => split)).to.deep.equal(since)
      }),
    )
  })
})
