import { expect } from 'chai'
import fc from 'fast-check'
import { retryDelay, type RetryPolicy } from '#hadoop/hdfs/retry-policy.js'

const policy: RetryPolicy = { maxAttempts: 5, baseDelayMs: 100, maxDelayMs: 300 }

describe('retry policy of NameNode calls', () => {
  it('asks every other NameNode at once, then waits longer and longer', () => {
    const delays = [1, 2, 3, 4, 5].map((attempt) => retryDelay(policy, attempt, 'standby', 2, 1))
    expect(delays).to.deep.equal([0, 100, 100, 200, undefined])
    expect([1, 2, 3, 4].map((attempt) => retryDelay(policy, attempt, 'unreachable', 1, 1))).to.deep.equal([100, 200, 300, 300])
  })

  it('waits for a busy NameNode even where there is another', () => {
    expect([1, 2, 3].map((attempt) => retryDelay(policy, attempt, 'busy', 2, 1))).to.deep.equal([100, 200, 300])
  })

  it('never exceeds its limits, whatever the attempt', () => {
    const failure = fc.constantFrom('standby', 'busy', 'unreachable') as fc.Arbitrary<'standby' | 'busy' | 'unreachable'>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10 }),
        failure,
        fc.integer({ min: 1, max: 4 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (attempt, kind, nodes, jitter) => {
          const delay = retryDelay(policy, attempt, kind, nodes, jitter)
          if (attempt >= policy.maxAttempts) expect(delay).to.equal(undefined)
          else expect(delay).to.be.within(0, policy.maxDelayMs)
        },
      ),
    )
  })
})
