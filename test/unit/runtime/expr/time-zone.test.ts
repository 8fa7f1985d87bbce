import { expect } from 'chai'
import fc from 'fast-check'
import { localToUtc, timeZone, utcToLocal } from '#runtime/expr/time-zone.js'

describe('time zones', () => {
  it('have an offset of less than a day at every instant that a number holds, also where there is no calendar', () => {
    const instant = fc.oneof(
      fc.double({ noNaN: true, min: -1e19, max: 1e19 }),
      fc.constantFrom(-1, 1).chain((sign) => fc.integer({ min: -200_000_000, max: 200_000_000 }).map((by) => sign * 8.64e15 + by)),
    )
    fc.assert(
      fc.property(instant, fc.constantFrom('America/Los_Angeles', 'Asia/Tokyo', 'Pacific/Kiritimati', 'UTC', '+05:30'), (at, id) => {
        const zone = timeZone(id)
        expect(Math.abs(zone.offsetAt(at))).to.be.lessThan(86_400_000)
        expect(utcToLocal(at, zone)).to.equal(at + zone.offsetAt(at))
        expect(localToUtc(at, zone)).not.to.satisfy(Number.isNaN)
      }),
    )
  })
})
