import { expect } from 'chai'
import fc from 'fast-check'
import { Configuration } from '#core/config/configuration.js'
import {
  describeRestartStrategy,
  NO_FAILURES,
  onFailure,
  restartStrategy,
  type RestartStrategy,
} from '#am/jobmaster/scheduler/restart-strategy.js'

/** Delays of the restarts after failures at these times; `stop` where the job fails. */
function outcomes(strategy: RestartStrategy, times: readonly number[], uniform = 0.5): (number | 'stop')[] {
  let history = NO_FAILURES
  return times.map((at) => {
    const { history: next, decision } = onFailure(strategy, history, at, uniform)
    history = next
    return decision.restart ? decision.delay : 'stop'
  })
}

describe('restart strategy', () => {
  it('is none when nothing is configured, or exponential-delay where there are checkpoints', () => {
    expect(restartStrategy(Configuration.empty, false)).to.deep.equal({ kind: 'none' })
    expect(describeRestartStrategy(restartStrategy(Configuration.empty, true))).to.equal('Restart with exponential delay, 1 s to 1 min.')
    expect(restartStrategy(Configuration.of({ 'restart-strategy.type': 'none' }), true)).to.deep.equal({ kind: 'none' })
    expect(outcomes({ kind: 'none' }, [0])).to.deep.equal(['stop'])
  })

  it('reads Flink’s options, old spelling too', () => {
    const configuration = Configuration.of({
      'restart-strategy': 'fixed-delay',
      'restart-strategy.fixed-delay.attempts': '3',
      'restart-strategy.fixed-delay.delay': '10 s',
    })
    expect(restartStrategy(configuration, true)).to.deep.equal({ kind: 'fixed-delay', attempts: 3, delay: 10_000 })
    expect(describeRestartStrategy(restartStrategy(configuration, true))).to.equal('Restart with fixed delay (10 s). #3 restart attempts.')
  })

  it('restarts a fixed number of times', () => {
    expect(outcomes({ kind: 'fixed-delay', attempts: 2, delay: 7 }, [0, 10, 20])).to.deep.equal([7, 7, 'stop'])
  })

  it('counts failures within the interval only', () => {
    const strategy: RestartStrategy = { kind: 'failure-rate', maxFailures: 2, interval: 100, delay: 5 }
    expect(outcomes(strategy, [0, 50, 101, 160])).to.deep.equal([5, 5, 5, 5])
    expect(outcomes(strategy, [0, 50, 99])).to.deep.equal([5, 5, 'stop'])
  })

  it('lets the pause grow up to its bound, and begins anew after a calm time', () => {
    const strategy: RestartStrategy = { kind: 'exponential-delay', initial: 100, max: 300, multiplier: 2, resetAfter: 10_000, jitter: 0 }
    expect(outcomes(strategy, [0, 1000, 2000, 3000, 20_000])).to.deep.equal([100, 200, 300, 300, 100])
  })

  it('keeps the jittered pause between its bounds', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(5000), { minLength: 1, maxLength: 20 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (gaps, uniform) => {
          let at = 0
          const times = gaps.map((gap) => (at += gap))
          const strategy: RestartStrategy = {
            kind: 'exponential-delay',
            initial: 100,
            max: 5000,
            multiplier: 1.5,
            resetAfter: 3000,
            jitter: 0.3,
          }
          return outcomes(strategy, times, uniform).every((delay) => typeof delay === 'number' && delay >= 100 && delay <= 5000)
        },
      ),
    )
  })
})
