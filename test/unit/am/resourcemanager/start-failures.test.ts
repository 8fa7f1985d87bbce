import { expect } from 'chai'
import { isHopeless, NO_START_FAILURES, onStartFailed, onWorkerStarted, type StartPolicy } from '#am/resourcemanager/start-failures.js'

const POLICY: StartPolicy = { maxPerMinute: 10, retryInterval: 3_000, maxInARow: 4 }

/** One failure a second, from second 1 on. */
function fail(times: number, everRegistered = false, policy = POLICY) {
  let failures = NO_START_FAILURES
  for (let i = 1; i <= times; i++) failures = onStartFailed(failures, `failure ${i}`, everRegistered, i * 1_000, policy)
  return failures
}

describe('failures of starts', () => {
  it('pause the asking ever longer as long as no worker has come up, up to the retry interval', () => {
    const pauses = [1, 2, 3, 4, 5, 6, 7].map((times) => (fail(times).pausedUntil ?? times * 1_000) - times * 1_000)
    expect(pauses).to.deep.equal([0, 250, 500, 1_000, 2_000, 3_000, 3_000])
  })

  it('pause it beyond the rate a minute when some have come up', () => {
    expect(fail(10, true).pausedUntil).to.equal(undefined)
    expect(fail(11, true).pausedUntil).to.equal(14_000)
  })

  it('are hopeless after so many in a row, and after more than are wanted', () => {
    expect(isHopeless(fail(3), false, 1, POLICY)).to.equal(false)
    expect(isHopeless(fail(4), false, 1, POLICY)).to.equal(true)
    expect(isHopeless(fail(4), false, 4, POLICY)).to.equal(false)
    expect(isHopeless(fail(5), false, 4, POLICY)).to.equal(true)
  })

  it('are never hopeless once one has come up, or when that is not to be concluded', () => {
    expect(isHopeless(fail(9), true, 1, POLICY)).to.equal(false)
    expect(isHopeless(onWorkerStarted(fail(9)), false, 1, POLICY)).to.equal(false)
    expect(isHopeless(fail(9), false, 1, { ...POLICY, maxInARow: 0 })).to.equal(false)
  })
})
