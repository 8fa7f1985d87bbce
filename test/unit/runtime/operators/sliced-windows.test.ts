import { expect } from 'chai'
import fc from 'fast-check'
import type { AggregateCall, OperatorSpec, WindowSpec } from '#core/graph/operator-spec.js'
import { BIGINT, decimal, DOUBLE, INT, notNull, STRING, type Value } from '#core/types/logical-type.js'
import { slicedWindows } from '#runtime/time/sliced-windows.js'
import { operatorTest } from '../../../operators/harness.js'
import { INTERRUPTIONS } from '../../../operators/interruptions.js'
import { formatRow, schemaOf } from '../../../operators/rows.js'
import { BATCHINGS, runOperator, type Step } from '../../../operators/run.js'

const call = (name: AggregateCall['function'], column: number, type: AggregateCall['type'], distinct = false): AggregateCall => ({
  function: name,
  args: [column],
  distinct,
  type,
})
const COUNT_STAR: AggregateCall = { function: 'COUNT', args: [], distinct: false, type: notNull(BIGINT) }
const INPUT = 'ts TIMESTAMP(3), k STRING, v INT, t STRING, d DECIMAL(10, 2), f DOUBLE, b BIGINT'
const OUTPUT =
  'k STRING, n BIGINT, s INT, mi INT, ma STRING, di BIGINT, sd INT, a INT, su DECIMAL(38, 2), av DECIMAL(38, 6), f DOUBLE, mb BIGINT, ' +
  'window_start TIMESTAMP(3), window_end TIMESTAMP(3)'
const aggregate = (window: WindowSpec): OperatorSpec => ({
  op: 'window-aggregate',
  window,
  timeColumn: 0,
  keys: [1],
  calls: [
    COUNT_STAR,
    call('SUM', 2, INT),
    call('MIN', 2, INT),
    call('MAX', 3, STRING),
    call('COUNT', 2, notNull(BIGINT), true),
    call('SUM', 2, INT, true),
    call('AVG', 2, INT),
    call('SUM', 4, decimal(38, 2)),
    call('AVG', 4, decimal(38, 6)),
    call('SUM', 5, DOUBLE),
    call('MAX', 6, BIGINT),
  ],
  emit: ['window_start', 'window_end'],
})
const HOP: WindowSpec = { kind: 'hop', slideMs: 1000, sizeMs: 3000, offsetMs: 0 }
const CUMULATE: WindowSpec = { kind: 'cumulate', stepMs: 1000, sizeMs: 3000, offsetMs: 500 }

/** The windows [start, end) that hold a time, from their definition. */
function windowsOf(window: WindowSpec, time: number): [start: number, end: number][] {
  const found: [number, number][] = []
  for (let at = -12_000; at < 24_000; at += 500) {
    const aligned = (unit: number) => (((at - window.offsetMs) % unit) + unit) % unit === 0
    if (window.kind === 'hop' && aligned(window.slideMs)) found.push([at, at + window.sizeMs])
    if (window.kind === 'cumulate' && aligned(window.sizeMs))
      for (let size = window.stepMs; size <= window.sizeMs; size += window.stepMs) found.push([at, at + size])
  }
  return found.filter(([start, end]) => time >= start && time < end)
}

type Cells = [key: Value, v: number | null, t: string | null, cents: number | null]

describe('windows in slices', () => {
  it('a slice knows the windows that hold it', () => {
    fc.assert(
      fc.property(fc.integer({ min: -5000, max: 9000 }), fc.constantFrom(HOP, CUMULATE), (time, window) => {
        const windows = slicedWindows(window, undefined)
        const ends = windows.endsOf(windows.sliceOf(time))
        const bounds = ends.map((end) => [windows.startOf(end), end])
        expect(bounds).to.deep.equal(windowsOf(window, time).sort((a, b) => a[1] - b[1]))
        expect(windows.lastEnd(windows.sliceOf(time))).to.equal(ends.at(-1))
      }),
    )
  })

  it('hopping windows overlap, and each fires once', () =>
    operatorTest(
      { op: 'window-aggregate', window: HOP, timeColumn: 0, keys: [1], calls: [COUNT_STAR], emit: ['window_start', 'window_end'] },
      'ts TIMESTAMP(3), k STRING',
      'k STRING, n BIGINT, window_start TIMESTAMP(3), window_end TIMESTAMP(3)',
    ).input(`+I '1970-01-01 00:00:02.500' a
             watermark 2999
             +I '1970-01-01 00:00:02.999' a
             +I '1970-01-01 00:00:03.000' b
             watermark 3999`).output(`+I a 1 '1970-01-01 00:00:00.000' '1970-01-01 00:00:03.000'
             watermark 2999
             +I a 2 '1970-01-01 00:00:01.000' '1970-01-01 00:00:04.000'
             +I b 1 '1970-01-01 00:00:01.000' '1970-01-01 00:00:04.000'
             watermark 3999
             +I a 2 '1970-01-01 00:00:02.000' '1970-01-01 00:00:05.000'
             +I b 1 '1970-01-01 00:00:02.000' '1970-01-01 00:00:05.000'
             +I b 1 '1970-01-01 00:00:03.000' '1970-01-01 00:00:06.000'`))

  it('cumulating windows grow step by step; a row whose last window has fired is late', () =>
    operatorTest(
      {
        op: 'window-aggregate',
        window: { ...CUMULATE, offsetMs: 0 },
        timeColumn: 0,
        keys: [],
        calls: [COUNT_STAR],
        emit: ['window_start', 'window_end'],
      },
      'ts TIMESTAMP(3)',
      'n BIGINT, window_start TIMESTAMP(3), window_end TIMESTAMP(3)',
    )
      .input(
        `+I '1970-01-01 00:00:01.500'
             watermark 1999
             +I '1970-01-01 00:00:00.100'
             watermark 2999
             +I '1970-01-01 00:00:02.999'`,
      )
      .output(
        `+I 1 '1970-01-01 00:00:00.000' '1970-01-01 00:00:02.000'
             watermark 1999
             +I 2 '1970-01-01 00:00:00.000' '1970-01-01 00:00:03.000'
             watermark 2999`,
        1,
      ))

  it('every kind of aggregate equals a model over random rows and watermarks, however it is interrupted', async () => {
    const [input, output] = [schemaOf(INPUT), schemaOf(OUTPUT)]
    const row = fc.tuple(
      fc.integer({ min: -3000, max: 6000 }),
      fc.tuple(
        fc.constantFrom('a', 'b', null),
        fc.constantFrom(1, 2, 7, null),
        fc.constantFrom('x', 'yy', null),
        fc.constantFrom(-150, 275, null),
      ),
    )
    const step = fc.oneof({ weight: 5, arbitrary: row }, { weight: 1, arbitrary: fc.integer({ min: -3000, max: 9000 }) })
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.constantFrom(HOP, CUMULATE),
        fc.constantFrom(...BATCHINGS),
        fc.constantFrom(...INTERRUPTIONS),
        async (script, window, batching, interruption) => {
          const steps: Step[] = []
          const groups = new Map<string, { bounds: [number, number]; rows: Cells[] }>()
          let watermark = -Infinity
          let late = 0
          for (const item of script) {
            if (typeof item === 'number') {
              if (item > watermark) steps.push({ type: 'watermark', watermark: (watermark = item) })
              continue
            }
            const [time, cells] = item
            const [key, v, t, cents] = cells
            const double = v === null ? null : v / 4
            const big = cents === null ? null : BigInt(cents)
            steps.push({ type: 'row', input: 0, row: { kind: 0, values: [BigInt(time), key, v, t, big, double, big] } })
            const open = windowsOf(window, time).filter(([, end]) => end - 1 > watermark)
            if (open.length === 0) late++
            for (const bounds of open) {
              const name = `${bounds.join('-')}/${key}`
              const group = groups.get(name) ?? { bounds, rows: [] }
              groups.set(name, group)
              group.rows.push(cells as Cells)
            }
          }
          const expected = [...groups.values()].map(({ bounds, rows }) => formatRow({ kind: 0, values: modelled(bounds, rows) }, output))
          const result = await runOperator({ spec: aggregate(window), inputs: [input], output }, steps, batching, interruption)
          expect(result.rows.map((each) => formatRow(each, output)).sort()).to.deep.equal(expected.sort())
          expect(result.late).to.equal(late)
        },
      ),
      { numRuns: 40 },
    )
  }).timeout(120_000)
})

function modelled([start, end]: [number, number], rows: readonly Cells[]): Value[] {
  const values = rows.flatMap(([, v]) => (v === null ? [] : [v]))
  const texts = rows.flatMap(([, , t]) => (t === null ? [] : [t]))
  const cents = rows.flatMap(([, , , c]) => (c === null ? [] : [c]))
  const total = (list: readonly number[]) => list.reduce((a, b) => a + b, 0)
  const ofAny = <T>(list: readonly unknown[], value: () => T): T | null => (list.length === 0 ? null : value())
  const distinct = [...new Set(values)]
  const micros = () => {
    const scaled = total(cents) * 10_000
    return BigInt(Math.sign(scaled) * Math.round(Math.abs(scaled) / cents.length))
  }
  return [
    (rows[0] as Cells)[0],
    BigInt(rows.length),
    ofAny(values, () => total(values)),
    ofAny(values, () => Math.min(...values)),
    ofAny(texts, () => texts.reduce((a, b) => (a > b ? a : b))),
    BigInt(distinct.length),
    ofAny(values, () => total(distinct)),
    ofAny(values, () => Math.trunc(total(values) / values.length)),
    ofAny(cents, () => BigInt(total(cents))),
    ofAny(cents, micros),
    ofAny(values, () => total(values) / 4),
    ofAny(cents, () => BigInt(Math.max(...cents))),
    BigInt(start),
    BigInt(end),
  ]
}

describe('windows of processing time', () => {
  const counted = (window: WindowSpec): OperatorSpec => ({
    op: 'window-aggregate',
    window,
    timeColumn: 0,
    processingTime: true,
    keys: [1],
    calls: [COUNT_STAR],
    emit: ['window_end'],
  })
  const TUMBLE: WindowSpec = { kind: 'tumble', sizeMs: 1000, offsetMs: 0 }
  const input = schemaOf('p TIMESTAMP_LTZ(3), k STRING')
  const output = schemaOf('k STRING, n BIGINT, window_end TIMESTAMP(3)')
  const row = (key: string): Step => ({ type: 'row', input: 0, row: { kind: 0, values: [0n, key] } })
  const wait = (ms: number): Step => ({ type: 'wait', ms })
  const run = async (window: WindowSpec, steps: Step[], interruption: (typeof INTERRUPTIONS)[number] = 'none') =>
    (await runOperator({ spec: counted(window), inputs: [input], output }, steps, 'rows', interruption)).rows

  it('fire by the clock, whatever the column says; what is open at the end is not emitted', async () => {
    const rows = await run(TUMBLE, [row('a'), row('a'), { type: 'watermark', watermark: 5000 }, wait(3000), row('a'), wait(3000), row('b')])
    expect(rows.map((each) => formatRow(each, output))).to.deep.equal([
      "+I a 2 '2023-11-14 22:13:21.000'",
      "+I a 1 '2023-11-14 22:13:24.000'",
    ])
  })

  it('hopping ones merge their slices', async () => {
    const rows = await run({ kind: 'hop', slideMs: 1000, sizeMs: 2000, offsetMs: 0 }, [row('a'), wait(1000), row('a'), wait(5000)])
    expect(rows.map((each) => formatRow(each, output))).to.deep.equal([
      "+I a 1 '2023-11-14 22:13:21.000'",
      "+I a 2 '2023-11-14 22:13:22.000'",
      "+I a 1 '2023-11-14 22:13:23.000'",
    ])
  })

  it('count every row once, however they are interrupted', async () => {
    for (const interruption of INTERRUPTIONS) {
      const steps = Array.from({ length: 30 }, (_, i) => (i % 5 === 4 ? wait(700) : row('abc'[i % 3] as string)))
      const rows = await run(TUMBLE, [...steps, wait(5000)], interruption)
      expect(
        rows.reduce((sum, { values }) => sum + Number(values[1]), 0),
        interruption,
      ).to.equal(24)
    }
  })
})
