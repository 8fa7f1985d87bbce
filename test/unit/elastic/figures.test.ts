import { expect } from 'chai'
import { exactnessOf, isExact, parseRows } from '../../elastic/exactness.js'
import { giveBackTime, pauseOf, quantile, reversals, type ElasticSample } from '../../elastic/figures.js'

describe('figures of make elastic', () => {
  const step = { factor: 1, rate: 100, from: 10_000, to: 60_000 }
  const samples = (containers: readonly number[], parallelism: number): ElasticSample[] =>
    containers.map((count, i) => ({ at: 10_000 + 10_000 * i, parallelism, containers: count }))
  const containersOf = (parallelism: number) => 1 + parallelism

  it('tell when containers above need were back', () => {
    expect(giveBackTime(step, samples([4, 4, 2, 2], 1), containersOf)).to.equal(10_000)
    expect(giveBackTime(step, samples([2, 2], 1), containersOf)).to.equal(0)
    expect(giveBackTime(step, samples([4, 4, 4], 1), containersOf), 'never').to.equal(undefined)
    expect(giveBackTime(step, samples([2, 4], 1), containersOf), 'one that comes back counts').to.equal(undefined)
    expect(giveBackTime(step, [], containersOf)).to.equal(undefined)
  })

  it('tell the longest time without a row around a rescale, and nothing of other times', () => {
    const rescale = { before: 1, after: 2, from: 10_000, to: 12_000, phases: {} }
    expect(pauseOf(rescale, Float64Array.of(1_000, 9_900, 10_100, 11_900, 12_000, 16_000, 30_000))).to.equal(14_000)
    expect(pauseOf(rescale, Float64Array.of(1_000, 9_900, 10_100, 11_900, 12_000, 12_100, 17_001, 90_000))).to.equal(4_901)
  })

  it('count turns and take the nearest rank', () => {
    expect(reversals([1, 1, 3, 3, 2, 2, 4])).to.equal(2)
    expect(reversals([1, 2, 3])).to.equal(0)
    expect(quantile([5, 1, 9, 3], 0.95)).to.equal(9)
    expect(quantile([5, 1, 9, 3], 0.5)).to.equal(3)
  })

  it('find what is missing, repeated and miscounted', () => {
    const of = (...lines: string[]) => exactnessOf(parseRows([lines.join('\n')]), 2)
    expect(isExact(of('0,0,1,5', '1,1,1,5', '2,0,2,5'))).to.equal(true)
    expect(of('0,0,1,5', '2,0,2,5').missing).to.deep.equal([1])
    expect(of('0,0,1,5', '0,0,2,5', '1,1,1,5').repeated).to.deep.equal([0])
    expect(of('0,0,1,5', '1,1,1,5', '2,0,3,5').miscounted).to.deep.equal([0])
    expect(isExact(of())).to.equal(false)
  })
})
