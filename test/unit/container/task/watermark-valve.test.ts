import { expect } from 'chai'
import fc from 'fast-check'
import { WatermarkValve } from '#container/task/watermark-valve.js'
import { MAX_WATERMARK } from '#runtime/operators/operator.js'

describe('WatermarkValve', () => {
  it('lets the lowest watermark through, once all channels have one', () => {
    const valve = new WatermarkValve(2)
    expect(valve.advance(0, 10)).to.equal(undefined)
    expect(valve.advance(1, 5)).to.equal(5)
    expect(valve.advance(1, 7)).to.equal(7)
    expect(valve.advance(1, 20)).to.equal(10)
    expect(valve.advance(1, 30)).to.equal(undefined)
  })

  it('ignores a watermark that goes back', () => {
    const valve = new WatermarkValve(1)
    expect(valve.advance(0, 10)).to.equal(10)
    expect(valve.advance(0, 9)).to.equal(undefined)
    expect(valve.current).to.equal(10)
  })

  it('is not held back by ended channels, and ends with the last', () => {
    const valve = new WatermarkValve(2)
    valve.advance(0, 10)
    expect(valve.end(1)).to.equal(10)
    expect(valve.end(1)).to.equal(undefined)
    expect(valve.allEnded).to.equal(false)
    expect(valve.end(0)).to.equal(MAX_WATERMARK)
    expect(valve.allEnded).to.equal(true)
  })

  it('is not held back by idle channels, nor by one that lags behind after its idleness', () => {
    const valve = new WatermarkValve(2)
    valve.advance(0, 10)
    expect(valve.setIdle(1, true)).to.equal(10)
    expect(valve.setIdle(1, false)).to.equal(undefined)
    expect(valve.advance(1, 4)).to.equal(undefined)
    expect(valve.advance(0, 12)).to.equal(12)
    expect(valve.advance(1, 13)).to.equal(undefined) // caught up: counts again
    expect(valve.advance(0, 20)).to.equal(13)
  })

  it('knows no time while all channels are idle', () => {
    const valve = new WatermarkValve(2)
    valve.advance(0, 10)
    valve.setIdle(0, true)
    expect(valve.setIdle(1, true)).to.equal(undefined)
    expect(valve.idle).to.equal(true)
    expect(valve.end(1)).to.equal(undefined)
    expect(valve.idle).to.equal(true)
  })

  it('without idleness is the minimum over the live channels, and never goes back', () => {
    const step = fc.record({
      channel: fc.nat(3),
      watermark: fc.integer({ min: 0, max: 50 }),
      end: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const valve = new WatermarkValve(4)
        const marks = new Array<number>(4).fill(-1)
        const ended = new Array<boolean>(4).fill(false)
        let through = -1
        for (const { channel, watermark, end } of steps) {
          const risen = end ? valve.end(channel) : valve.advance(channel, watermark)
          if (end) ended[channel] = true
          else if (!ended[channel]) marks[channel] = Math.max(marks[channel] as number, watermark)
          const live = marks.filter((_, i) => !ended[i])
          const lowest = live.length === 0 ? MAX_WATERMARK : Math.min(...live)
          if (risen !== undefined) {
            expect(risen).to.be.greaterThan(through)
            through = risen
          }
          expect(Math.max(through, -1)).to.equal(Math.max(through, lowest))
        }
      }),
    )
  })
})
