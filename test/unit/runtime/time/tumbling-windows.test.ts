import { expect } from 'chai'
import { tumblingWindows, windowStart } from '#runtime/time/tumbling-windows.js'

const at = (text: string): number => Date.parse(`${text}Z`)
const DAY = { sizeMs: 86_400_000, offsetMs: 0 }

describe('tumbling windows', () => {
  it('start at multiples of the size plus the offset, before the epoch too', () => {
    expect([0, 4999, 5000, -1, -5000, -5001].map((time) => windowStart(time, 0, 5000))).to.deep.equal([0, 0, 5000, -5000, -5000, -10_000])
    expect([0, 1999, 2000, -3001].map((time) => windowStart(time, 2000, 5000))).to.deep.equal([-3000, -3000, 2000, -8000])
    expect([0, 3000].map((time) => windowStart(time, -2000, 5000))).to.deep.equal([-2000, 3000])
  })

  it('without a zone local time and instant are the same', () => {
    const windows = tumblingWindows(DAY, undefined)
    expect([windows.localTime(5), windows.instantOf(7)]).to.deep.equal([5, 7])
  })

  it('with a zone follow its clock; the day of the change to summer time has 23 hours', () => {
    const windows = tumblingWindows(DAY, 'Europe/Berlin')
    const local = windows.localTime(at('2024-03-31T12:00:00'))
    expect(local).to.equal(at('2024-03-31T14:00:00'))
    const start = windows.startOf(local)
    expect(windows.instantOf(start)).to.equal(at('2024-03-30T23:00:00'))
    expect(windows.instantOf(start + windows.sizeMs)).to.equal(at('2024-03-31T22:00:00'))
  })

  it('a bound that the clock shows twice is the later instant, so that no row is late by the change of the clock', () => {
    const windows = tumblingWindows({ sizeMs: 3_600_000, offsetMs: 0 }, 'Europe/Berlin')
    // 02:59:59.999 local comes at 00:59:59.999Z (summer time) and again at 01:59:59.999Z.
    expect(windows.instantOf(at('2024-10-27T02:59:59.999'))).to.equal(at('2024-10-27T01:59:59.999'))
    expect(windows.localTime(at('2024-10-27T00:30:00'))).to.equal(windows.localTime(at('2024-10-27T01:30:00')))
  })

  it('a bound in the hour that the clock skips moves on by the gap', () => {
    const windows = tumblingWindows({ sizeMs: 1_800_000, offsetMs: 0 }, 'Europe/Berlin')
    expect(windows.instantOf(at('2024-03-31T02:30:00'))).to.equal(at('2024-03-31T01:30:00'))
  })
})
