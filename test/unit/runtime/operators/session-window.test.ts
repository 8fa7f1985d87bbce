import { expect } from 'chai'
import fc from 'fast-check'
import type { AggregateCall, OperatorSpec } from '#core/graph/operator-spec.js'
import { BIGINT, INT, notNull } from '#core/types/logical-type.js'
import { operatorTest } from '../../../operators/harness.js'
import { INTERRUPTIONS } from '../../../operators/interruptions.js'
import { formatRow, schemaOf } from '../../../operators/rows.js'
import { BATCHINGS, runOperator, type Step } from '../../../operators/run.js'

type Spec = Extract<OperatorSpec, { op: 'session-window' }>
const COUNT_STAR: AggregateCall = { function: 'COUNT', args: [], distinct: false, type: notNull(BIGINT) }
const SUM: AggregateCall = { function: 'SUM', args: [2], distinct: false, type: INT }
const rowsOf = (partition: number[], more: Partial<Spec> = {}): Spec => ({
  op: 'session-window',
  gapMs: 5000,
  timeColumn: 0,
  partition,
  retractInput: false,
  ...more,
})
const sumsOf = (partition: number[], more: Partial<Spec> = {}): Spec =>
  rowsOf(partition, { aggregate: { keys: [1], calls: [COUNT_STAR, SUM], emit: ['window_start', 'window_end'] }, ...more })
const INPUT = 'ts TIMESTAMP(3), k STRING, v INT'
const ROWS = `${INPUT}, window_start TIMESTAMP(3), window_end TIMESTAMP(3), window_time TIMESTAMP(3)`
const SUMS = 'k STRING, n BIGINT, s INT, window_start TIMESTAMP(3), window_end TIMESTAMP(3)'

describe('SessionWindowOperator', () => {
  it('emits the rows of a session when the watermark reaches its end - 1, in the order in which they came', () =>
    operatorTest(rowsOf([1]), INPUT, ROWS).input(`+I '1970-01-01 00:00:04.000' a 1
              +I '1970-01-01 00:00:01.000' a 2
              +I '1970-01-01 00:00:02.000' b NULL
              watermark 6998
              watermark 6999
              +I '1970-01-01 00:00:08.000' a 3
              watermark 12998
              watermark 13000`).output(`watermark 6998
               +I '1970-01-01 00:00:02.000' b NULL '1970-01-01 00:00:02.000' '1970-01-01 00:00:07.000' '1970-01-01 00:00:06.999'
               watermark 6999
               watermark 12998
               +I '1970-01-01 00:00:04.000' a 1 '1970-01-01 00:00:01.000' '1970-01-01 00:00:13.000' '1970-01-01 00:00:12.999'
               +I '1970-01-01 00:00:01.000' a 2 '1970-01-01 00:00:01.000' '1970-01-01 00:00:13.000' '1970-01-01 00:00:12.999'
               +I '1970-01-01 00:00:08.000' a 3 '1970-01-01 00:00:01.000' '1970-01-01 00:00:13.000' '1970-01-01 00:00:12.999'
               watermark 13000`))

  it('makes one session of several that a row joins; sessions that only meet are one', () =>
    operatorTest(sumsOf([1]), INPUT, SUMS).input(`+I '1970-01-01 00:00:00.000' a 1
              +I '1970-01-01 00:00:10.001' a 2
              +I '1970-01-01 00:00:20.001' a 4
              +I '1970-01-01 00:00:05.000' a 8
              +I '1970-01-01 00:00:15.001' a 16
              watermark 25001`).output(`+I a 2 9 '1970-01-01 00:00:00.000' '1970-01-01 00:00:10.000'
               +I a 3 22 '1970-01-01 00:00:10.001' '1970-01-01 00:00:25.001'
               watermark 25001`))

  it('drops and counts a row that is late, unless it belongs to a session that is open', () =>
    operatorTest(sumsOf([1]), INPUT, SUMS)
      .input(
        `+I '1970-01-01 00:00:08.000' a 1
         watermark 9000
         +I '1970-01-01 00:00:03.500' a 2
         +I '1970-01-01 00:00:03.500' b 4
         +I '1970-01-01 00:00:00.500' a 8`,
      )
      .output(`+I a 3 11 '1970-01-01 00:00:00.500' '1970-01-01 00:00:13.000'`, 1))

  it('groups within sessions of all keys, and keeps sessions going with rows that do not count', () =>
    operatorTest(
      rowsOf([], { aggregate: { keys: [1], calls: [COUNT_STAR, SUM], emit: ['window_start', 'window_end'], condition: 3 } }),
      'ts TIMESTAMP(3), k STRING, v INT, counts BOOLEAN',
      SUMS,
    ).input(`+I '1970-01-01 00:00:00.000' a 1 true
              +I '1970-01-01 00:00:04.000' b 2 false
              +I '1970-01-01 00:00:08.000' b 4 true
              +I '1970-01-01 00:00:09.000' a 8 NULL
              +I '1970-01-01 00:01:00.000' c 8 false`).output(`+I a 1 1 '1970-01-01 00:00:00.000' '1970-01-01 00:00:14.000'
               +I b 1 4 '1970-01-01 00:00:00.000' '1970-01-01 00:00:14.000'`))

  it('takes rows back: what has none left does not come out, the session stays as long as it was', () =>
    operatorTest(sumsOf([1], { retractInput: true }), INPUT, SUMS)
      .input(
        `+I '1970-01-01 00:00:00.000' a 1
              -U '1970-01-01 00:00:00.000' a 1
              +U '1970-01-01 00:00:03.000' a 5
              +I '1970-01-01 00:00:20.000' b 5
              -D '1970-01-01 00:00:20.000' b 5`,
      )
      .output(`+I a 1 5 '1970-01-01 00:00:00.000' '1970-01-01 00:00:08.000'`))

  it('follows the local clock of the session for TIMESTAMP_LTZ, window_time is an instant', () =>
    operatorTest(
      rowsOf([], { gapMs: 60_000, aggregate: { keys: [], calls: [COUNT_STAR], emit: ['window_start', 'window_end', 'window_time'] } }),
      'ts TIMESTAMP_LTZ(3)',
      'n BIGINT, window_start TIMESTAMP(3), window_end TIMESTAMP(3), window_time TIMESTAMP_LTZ(3)',
    )
      .configuration({ 'table.local-time-zone': 'Asia/Shanghai' })
      .input(`+I '2024-01-01 00:00:00.000'`)
      .output(`+I 1 '2024-01-01 08:00:00.000' '2024-01-01 08:01:00.000' '2024-01-01 00:00:59.999'`))

  it('fires by the clock where the time is that of processing', async () => {
    const wait = (ms: number): Step => ({ type: 'wait', ms })
    const row = (key: string, value: number): Step => ({ type: 'row', input: 0, row: { kind: 0, values: [null, key, value] } })
    const output = schemaOf(SUMS)
    const subject = { spec: sumsOf([1], { processingTime: true, gapMs: 1000 }), inputs: [schemaOf(INPUT)], output }
    const steps = [row('a', 1), wait(900), row('a', 2), row('b', 4), wait(999), wait(1), row('a', 8), wait(999)]
    const { rows } = await runOperator(subject, steps, 'one')
    // What is open when the input ends does not come out.
    expect(rows.map((each) => formatRow(each, output))).to.deep.equal([
      "+I a 2 3 '2023-11-14 22:13:20.000' '2023-11-14 22:13:21.900'",
      "+I b 1 4 '2023-11-14 22:13:20.900' '2023-11-14 22:13:21.900'",
    ])
  })

  it('keeps the times of processing over a restore', () =>
    operatorTest(
      { ...sumsOf([1], { processingTime: true }), aggregate: { keys: [1], calls: [COUNT_STAR, SUM], emit: [] } },
      INPUT,
      'k STRING, n BIGINT, s INT',
    )
      .batching('one')
      .input(
        `+I NULL a 1
         wait 100
         +I NULL a 2
         +I NULL b 4
         wait 20000
         +I NULL b 8
         wait 20000`,
      )
      .output(
        `+I a 2 3
         +I b 1 4
         +I b 1 8`,
      ))

  it('fails on a rowtime that is NULL, naming the column', () =>
    operatorTest(sumsOf([1]), INPUT, SUMS)
      .input('+I NULL a 1')
      .fails('ROWTIME_IS_NULL', /RowTime field should not be null.*'ts'/))

  it('equals a model over random rows and watermarks', async () => {
    const [input, output] = [schemaOf(INPUT), schemaOf(SUMS)]
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.tuple(fc.integer({ min: -3000, max: 60_000 }), fc.constantFrom('a', 'b', null), fc.constantFrom(1, 2, null)),
      },
      { weight: 1, arbitrary: fc.integer({ min: -3000, max: 60_000 }) },
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 80 }),
        fc.constantFrom(...BATCHINGS),
        fc.constantFrom(...INTERRUPTIONS),
        async (script, batching, interruption) => {
          const steps: Step[] = []
          const expected: string[] = []
          let open: { key: string | null; start: number; end: number; values: (number | null)[] }[] = []
          let watermark = -Infinity
          let late = 0
          const fire = (): void => {
            for (const { key, start, end, values } of open.filter((session) => session.end - 1 <= watermark)) {
              const known = values.filter((value) => value !== null)
              const sum = known.length === 0 ? null : known.reduce((a, b) => a + b)
              expected.push(formatRow({ kind: 0, values: [key, BigInt(values.length), sum, BigInt(start), BigInt(end)] }, output))
            }
            open = open.filter((session) => session.end - 1 > watermark)
          }
          for (const item of script) {
            if (typeof item === 'number') {
              if (item <= watermark) continue
              watermark = item
              steps.push({ type: 'watermark', watermark })
              fire()
              continue
            }
            const [time, key, value] = item
            steps.push({ type: 'row', input: 0, row: { kind: 0, values: [BigInt(time), key, value] } })
            let session: (typeof open)[number] = { key, start: time, end: time + 5000, values: [value] }
            const touched = open.filter((other) => other.key === key && other.start <= session.end && other.end >= session.start)
            for (const other of touched) {
              const [start, end] = [Math.min(session.start, other.start), Math.max(session.end, other.end)]
              session = { key, start, end, values: [...session.values, ...other.values] }
            }
            if (session.end - 1 <= watermark) late++
            else open = [...open.filter((other) => !touched.includes(other)), session]
          }
          watermark = Infinity
          fire()
          const result = await runOperator({ spec: sumsOf([1]), inputs: [input], output }, steps, batching, interruption)
          expect(result.rows.map((row) => formatRow(row, output)).sort()).to.deep.equal(expected.sort())
          expect(result.late).to.equal(late)
        },
      ),
      { numRuns: 100 },
    )
  }).timeout(20_000)

  it('emits a session of more rows than a batch holds', async () => {
    const [input, output] = [schemaOf(INPUT), schemaOf(SUMS)]
    const steps = Array.from({ length: 3000 }, (_, i): Step => ({
      type: 'row',
      input: 0,
      row: { kind: 0, values: [BigInt(i), i % 2 === 0 ? 'a' : 'b', 1] },
    }))
    const lines = async (spec: Spec, schema = output) =>
      (await runOperator({ spec, inputs: [input], output: schema }, steps, 'one')).rows.map((row) => formatRow(row, schema))
    expect(await lines(sumsOf([]))).to.deep.equal([
      `+I a 1500 1500 '1970-01-01 00:00:00.000' '1970-01-01 00:00:07.999'`,
      `+I b 1500 1500 '1970-01-01 00:00:00.000' '1970-01-01 00:00:07.999'`,
    ])
    expect(await lines(rowsOf([]), schemaOf(ROWS))).to.have.length(3000)
  })
})
