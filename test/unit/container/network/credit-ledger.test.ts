import { expect } from 'chai'
import fc from 'fast-check'
import { CreditLedger, type Grant } from '#container/network/credit-ledger.js'

describe('CreditLedger', () => {
  it('refuses a batch that comes without credit', () => {
    const ledger = new CreditLedger(1, 2, 0)
    expect(ledger.received(0, 5)).to.deep.equal([])
    expect(ledger.received(0, 5)).to.deep.equal([])
    expect(ledger.received(0, 5)).to.equal(undefined)
  })

  it('gives an exclusive credit back when its batch is consumed', () => {
    const ledger = new CreditLedger(1, 1, 0)
    ledger.received(0, 0)
    expect(ledger.recycled(0)).to.deep.equal([{ channel: 0, credits: 1 }])
  })

  it('lends floating credits by backlog, in turn', () => {
    const ledger = new CreditLedger(3, 1, 4)
    expect(ledger.received(0, 2)).to.deep.equal([
      { channel: 0, credits: 1 },
      { channel: 0, credits: 1 },
    ])
    expect(ledger.received(2, 9)).to.deep.equal([
      { channel: 2, credits: 1 },
      { channel: 2, credits: 1 },
    ])
    expect(ledger.available).to.equal(0)
    // Channel 0 consumes a batch: its floating credit goes to channel 2, which is more in need.
    expect(ledger.recycled(0)).to.deep.equal([{ channel: 2, credits: 1 }])
  })

  it('lends what an ended channel held to others', () => {
    const ledger = new CreditLedger(2, 1, 1)
    ledger.received(0, 3)
    ledger.received(1, 3)
    expect(ledger.closed(0)).to.deep.equal([{ channel: 1, credits: 1 }])
    expect(ledger.recycled(0)).to.deep.equal([])
  })

  it('never loses or makes a credit', () => {
    const EXCLUSIVE = 2
    const FLOATING = 5
    const CHANNELS = 4
    const step = fc.record({
      what: fc.constantFrom('receive', 'recycle', 'recycle', 'close'),
      channel: fc.nat(CHANNELS - 1),
      backlog: fc.nat(10),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const ledger = new CreditLedger(CHANNELS, EXCLUSIVE, FLOATING)
        /** What the producers believe. */
        const credits = new Array<number>(CHANNELS).fill(EXCLUSIVE)
        const queued = new Array<number>(CHANNELS).fill(0)
        const closed = new Array<boolean>(CHANNELS).fill(false)
        const apply = (grants: readonly Grant[]) => {
          for (const grant of grants) {
            expect(closed[grant.channel]).to.equal(false)
            credits[grant.channel] = (credits[grant.channel] as number) + grant.credits
          }
        }
        for (const { what, channel, backlog } of steps) {
          if (closed[channel]) continue
          if (what === 'receive' && (credits[channel] as number) > 0) {
            credits[channel] = (credits[channel] as number) - 1
            queued[channel] = (queued[channel] as number) + 1
            const grants = ledger.received(channel, backlog)
            expect(grants).to.not.equal(undefined)
            apply(grants ?? [])
          } else if (what === 'recycle' && (queued[channel] as number) > 0) {
            queued[channel] = (queued[channel] as number) - 1
            apply(ledger.recycled(channel))
          } else if (what === 'close') {
            closed[channel] = true
            apply(ledger.closed(channel))
          }
          let floating = 0
          for (let i = 0; i < CHANNELS; i++) {
            if (closed[i]) continue
            const of = ledger.of(i)
            expect(of.granted).to.equal(credits[i])
            expect(of.granted + of.queued).to.equal(EXCLUSIVE + of.floating)
            floating += of.floating
          }
          expect(floating + ledger.available).to.equal(FLOATING)
        }
      }),
      { numRuns: 200 },
    )
  })
})
