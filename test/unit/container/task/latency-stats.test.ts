import { expect } from 'chai'
import fc from 'fast-check'
import type { OperatorId } from '#core/ids/ids.js'
import { HISTOGRAM_STATISTICS, MAX_LATENCY_HISTOGRAMS, TaskMetricsSchema } from '#core/rpc/gateways/task-metrics.js'
import { LatencyStats, statisticsOf } from '#container/task/latency-stats.js'
import { RateWindow } from '#container/task/task-rates.js'

const id = (name: string) => name as OperatorId
const named = (statistics: readonly number[]) => Object.fromEntries(HISTOGRAM_STATISTICS.map((name, i) => [name, statistics[i]]))

describe('LatencyStats', () => {
  const at = (granularity: 'single' | 'operator' | 'subtask') => {
    const stats = new LatencyStats({ granularity, historySize: 4 })
    for (const [source, subtaskIndex] of [
      ['a', 0],
      ['a', 1],
      ['b', 0],
    ] as const)
      stats.reached(id('sink'), { markedTime: 100, operatorId: id(source), subtaskIndex }, 107)
    return stats.histograms().map(({ sourceId, sourceSubtaskIndex, operatorId }) => [sourceId, sourceSubtaskIndex, operatorId])
  }

  it('tells sources apart as metrics.latency.granularity says', () => {
    expect(at('single')).to.deep.equal([[null, null, 'sink']])
    expect(at('operator')).to.deep.equal([
      ['a', null, 'sink'],
      ['b', null, 'sink'],
    ])
    expect(at('subtask')).to.deep.equal([
      ['a', 0, 'sink'],
      ['a', 1, 'sink'],
      ['b', 0, 'sink'],
    ])
  })

  it('is over the newest values only', () => {
    const stats = new LatencyStats({ granularity: 'operator', historySize: 4 })
    for (const latency of [900, 800, 1, 2, 3, 4])
      stats.reached(id('sink'), { markedTime: 1_000, operatorId: id('a'), subtaskIndex: 0 }, 1_000 + latency)
    expect(named(stats.histograms()[0]?.statistics ?? [])).to.deep.include({ min: 1, max: 4, mean: 2.5, median: 2.5 })
  })

  it('keeps no more histograms than a report may hold', () => {
    const stats = new LatencyStats({ granularity: 'subtask', historySize: 1 })
    for (let subtaskIndex = 0; subtaskIndex < MAX_LATENCY_HISTOGRAMS + 10; subtaskIndex++)
      stats.reached(id('sink'), { markedTime: 0, operatorId: id('a'), subtaskIndex }, 1)
    expect(TaskMetricsSchema.shape.latencies.safeParse(stats.histograms()).success).to.equal(true)
  })
})

describe('statistics of a histogram', () => {
  it('are Flink’s (Commons Math): between two values in proportion, deviation of a sample', () => {
    const values = Float64Array.from({ length: 10 }, (_, i) => i + 1)
    const { stddev, ...rest } = named(statisticsOf(values))
    expect(stddev).to.be.closeTo(3.0276503540974917, 1e-12)
    expect(rest).to.deep.equal({ min: 1, max: 10, mean: 5.5, median: 5.5, p75: 8.25, p90: 9.9, p95: 10, p98: 10, p99: 10, p999: 10 })
    expect(Object.values(named(statisticsOf(Float64Array.of(7))))).to.deep.equal([7, 7, 7, 7, 0, 7, 7, 7, 7, 7, 7])
  })

  it('rise with the share and stay within the values', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1000, max: 1_000_000 }), { minLength: 1, maxLength: 200 }), (values) => {
        const all = named(statisticsOf(Float64Array.from(values).sort()))
        const rising = ['min', 'median', 'p75', 'p90', 'p95', 'p98', 'p99', 'p999', 'max'].map((name) => all[name] as number)
        expect(rising).to.deep.equal([...rising].sort((a, b) => a - b))
      }),
    )
  })
})

describe('RateWindow', () => {
  const counters = (recordsIn: number, busyMs = 0) => ({
    recordsIn,
    recordsOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    busyMs,
    idleMs: 0,
    backPressuredMs: 0,
    watermark: null,
    lateRecordsDropped: 0,
  })

  it('has nothing to say at first, then the growth per second', () => {
    const window = new RateWindow()
    expect(window.sample(counters(0), 1_000)).to.equal(undefined)
    expect(window.sample(counters(500, 200), 1_500)).to.deep.include({ recordsIn: 1_000, busyMs: 400, recordsOut: 0 })
  })

  it('is over the last minute', () => {
    const window = new RateWindow()
    let rows = 0
    for (let at = 0; at <= 120_000; at += 500) window.sample(counters((rows += 50)), at)
    let rate
    for (let at = 120_500; at <= 180_000; at += 500) rate = window.sample(counters(rows), at)
    expect(rate?.recordsIn).to.equal(0)
    expect(window.sample(counters(rows + 600), 180_500)?.recordsIn).to.be.closeTo(10, 1)
  })
})
