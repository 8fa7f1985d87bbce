import { expect } from 'chai'
import { UserCounters } from '#container/task/user-counters.js'
import { MAX_USER_COUNTERS, TaskMetricsSchema } from '#core/rpc/gateways/task-metrics.js'

describe('counters of functions', () => {
  it('are the same for the same operator and name, and reported under both', () => {
    const counters = new UserCounters()
    counters.counter('to upper: case', 'bad.rows').inc()
    counters.counter('to upper: case', 'bad.rows').inc(4)
    counters.counter('other', 'bad.rows').inc(-2)
    expect(counters.counter('other', 'bad.rows').count).to.equal(-2)
    expect(counters.report()).to.deep.equal([
      { name: 'to_upper__case.bad_rows', count: 5 },
      { name: 'other.bad_rows', count: -2 },
    ])
  })

  it('that are too many or named too long count on, and are not reported', () => {
    const counters = new UserCounters()
    const long = counters.counter('map', 'x'.repeat(1000))
    for (let i = 0; i < MAX_USER_COUNTERS + 10; i++) counters.counter('map', `c${i}`).inc()
    long.inc(3)
    expect(long.count).to.equal(3)
    const report = counters.report()
    expect(report).to.have.length(MAX_USER_COUNTERS)
    expect(TaskMetricsSchema.shape.userCounters.safeParse(report).success).to.equal(true)
  })
})
