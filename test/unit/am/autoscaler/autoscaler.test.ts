import { expect } from 'chai'
import fc from 'fast-check'
import { autoscale } from '#am/autoscaler/autoscaler.js'
import { SETTINGS, SimulatedJob } from './simulated-job.js'

/** A source that is quick, a vertex that does the work, a sink. */
const WORK = [
  { speed: 1_000_000, ratio: 1 },
  { speed: 1_000, ratio: 0.5 },
  { speed: 10_000, ratio: 1 },
]

/** Changes of direction among the parallelisms of one vertex. */
function reversals(history: readonly number[]): number {
  let count = 0
  let direction = 0
  for (let i = 1; i < history.length; i++) {
    const now = Math.sign((history[i] as number) - (history[i - 1] as number))
    if (now !== 0 && direction !== 0 && now !== direction) count++
    if (now !== 0) direction = now
  }
  return count
}

describe('autoscaler', () => {
  it('leaves a job alone whose vertices are as busy as they should be', () => {
    const job = new SimulatedJob(WORK)
    job.seconds(300, 650)
    expect(job.decisions).to.deep.equal([])
  })

  it('scales up what is too busy, once the window is full, and says why', () => {
    const job = new SimulatedJob(WORK)
    job.seconds(60, 950)
    expect(job.parallelism).to.deep.equal([1, 2, 1])
    const [decision, ...more] = job.decisions
    expect(more).to.deep.equal([])
    expect(decision?.at).to.equal(9_000)
    expect(decision?.kind).to.equal('scale')
    expect(decision?.reason).to.equal("'v1' 1 -> 2: 950 rows/s are wanted, it can take 1000, utilisation 0.95")
  })

  it('follows a load that is many times as high, though it cannot be measured while the source is held back', () => {
    const job = new SimulatedJob(WORK)
    job.seconds(30, 600)
    job.seconds(60, 6 * 600)
    expect(job.delivered).to.equal(1)
    expect(job.parallelism[1]).to.be.within(4, 9)
  })

  it('scales up what is busy all the time, though its source does not show that more is waiting and the band ends at 1', () => {
    const job = new SimulatedJob(WORK, { ...SETTINGS, utilization: { target: 0.7, min: 0.4, max: 1 } })
    job.silent = true
    job.seconds(100, 3_600)
    expect(job.delivered).to.equal(1)
    expect(job.parallelism[1]).to.be.within(4, 9)
  })

  it('sees by what waits at a source how much more is needed, though the source looks idle, and works it off', () => {
    const job = new SimulatedJob(WORK, { ...SETTINGS, utilization: { target: 0.7, min: 0.4, max: 1 }, catchUp: 60_000 })
    job.silent = job.tells = true
    job.seconds(100, 3_600)
    const ups = job.decisions.map(({ parallelism }) => [...parallelism.values()][1])
    expect(ups[0], 'what comes, and what waits after the 9 s until it was seen').to.be.within(6, 7)
    expect(job.pending).to.be.below(100)
    expect(job.parallelism[1]).to.be.within(5, 7)
    job.seconds(60, 600)
    expect(job.parallelism[1]).to.equal(1)
  })

  it('goes straight to what a load needs that has fallen at once', () => {
    const job = new SimulatedJob(WORK, { ...SETTINGS, maxScaleDown: 1 }, 6)
    job.seconds(12, 3_600)
    job.seconds(40, 600)
    const downs = job.decisions.map(({ parallelism }) => [...parallelism.values()][1]).filter((to) => to !== 6)
    expect(downs).to.deep.equal([1])
  })

  it('gives back what is not needed, when that has lasted, in steps that are bounded', () => {
    const job = new SimulatedJob(WORK, SETTINGS, 10)
    job.seconds(17, 600)
    expect(job.decisions, 'not before scale-down.interval').to.deep.equal([])
    job.seconds(4, 600)
    expect(job.parallelism, 'scale-down.max-factor').to.deep.equal([4, 4, 4])
    job.seconds(120, 600)
    expect(job.parallelism).to.deep.equal([1, 1, 1])
  })

  it('goes down to the highest that was wanted meanwhile', () => {
    const job = new SimulatedJob(WORK, SETTINGS, 6)
    job.seconds(12, 700)
    job.seconds(4, 2_000)
    job.seconds(6, 700)
    const down = job.decisions.find(({ kind }) => kind === 'scale')
    expect([...(down?.parallelism.values() ?? [])][1]).to.equal(3)
  })

  it('suggests only, once each, when scaling is disabled', () => {
    const job = new SimulatedJob(WORK, { ...SETTINGS, scalingEnabled: false })
    job.seconds(60, 950)
    expect(job.decisions.map(({ kind }) => kind)).to.deep.equal(['suggest'])
    expect(job.parallelism).to.deep.equal([1, 1, 1])
  })

  it('respects its bounds and leaves out what is excluded', () => {
    const bounded = new SimulatedJob(WORK, { ...SETTINGS, parallelism: { min: 2, max: 3 } }, 2)
    bounded.seconds(100, 50_000)
    expect(bounded.parallelism).to.deep.equal([2, 3, 2])
    bounded.seconds(200, 10)
    expect(bounded.parallelism).to.deep.equal([2, 2, 2])
    const excluded = new SimulatedJob(WORK, { ...SETTINGS, excluded: new Set([bounded.graph.vertices[1]?.id ?? '']) })
    excluded.seconds(100, 50_000)
    expect(excluded.parallelism[1]).to.equal(1)
  })

  it('leaves room to catch up what comes while it is rescaled', () => {
    const job = new SimulatedJob(WORK, { ...SETTINGS, catchUp: 10_000, restartTime: 10_000 })
    job.seconds(60, 950)
    // 950 / 0.7 + 950
    expect(job.parallelism[1]).to.equal(3)
  })

  it('does not scale up again what did not become faster by it', () => {
    const settings = { ...SETTINGS, effectiveness: 0.1, maxScaleUp: 1 }
    const job = new SimulatedJob(WORK, settings)
    job.seconds(9, 5_000)
    expect(job.parallelism[1]).to.equal(2)
    // Twice the subtasks are as fast as one was: they wait for something else.
    job.vertices = WORK.map((each, index) => (index === 1 ? { ...each, speed: 500 } : each))
    job.seconds(60, 5_000)
    expect(job.parallelism[1]).to.equal(2)
    expect(job.decisions.map(({ kind }) => kind)).to.deep.equal(['scale', 'hold'])
    expect(job.decisions[1]?.reason).to.contain('did not become faster')
  })

  it('waits after a rescale that failed', () => {
    const job = new SimulatedJob(WORK)
    job.state = autoscale(job.state, { type: 'rescaled', at: 0, pause: undefined }, SETTINGS).state
    job.seconds(50, 950)
    expect(job.decisions.map(({ kind }) => kind)).to.deep.equal(['hold'])
    job.seconds(20, 950)
    expect(job.decisions.map(({ kind }) => kind)).to.deep.equal(['hold', 'scale'])
  })

  it('settles after each step of any load on any chain, within its bounds and with two reversals at most', function () {
    this.timeout(60_000)
    const vertexArb = fc.record({ speed: fc.integer({ min: 200, max: 20_000 }), ratio: fc.double({ min: 0.1, max: 2, noNaN: true }) })
    fc.assert(
      fc.property(
        fc.array(vertexArb, { minLength: 1, maxLength: 4 }),
        fc.array(fc.integer({ min: 50, max: 8_000 }), { minLength: 1, maxLength: 4 }),
        fc.integer(),
        (work, steps, seed) => {
          const job = new SimulatedJob([{ speed: 500_000, ratio: 1 }, ...work])
          let random = seed >>> 0
          const noise = () => {
            random = (Math.imul(random, 1664525) + 1013904223) >>> 0
            return (random / 2 ** 32 - 0.5) * 0.1
          }
          for (const rate of steps) {
            const history = [job.parallelism]
            for (let i = 0; i < 400; i++) {
              job.second(rate, noise())
              history.push(job.parallelism)
            }
            const settled = history.slice(-100)
            for (const [index, now] of job.parallelism.entries()) {
              expect(now).to.be.within(1, 64)
              expect(reversals(history.map((each) => each[index] as number)), `vertex ${index}`).to.be.at.most(2)
              // A load at the edge of the band may tip over late, once.
              const changes = settled.filter((each, i) => i > 0 && each[index] !== settled[i - 1]?.[index]).length
              expect(changes, `vertex ${index} settles`).to.be.at.most(1)
            }
            const atMost = job.parallelism.some((now) => now === 64)
            if (!atMost) expect(job.delivered, `rate ${rate} at ${job.parallelism.join(' ')}`).to.be.greaterThan(0.999)
          }
        },
      ),
      { numRuns: 60 },
    )
  })
})
