import { expect } from 'chai'
import fc from 'fast-check'
import type { AggregateCall, OperatorSpec } from '#core/graph/operator-spec.js'
import { BIGINT, INT, notNull, type Value } from '#core/types/logical-type.js'
import { operatorTest } from '../../../operators/harness.js'
import { INTERRUPTIONS } from '../../../operators/interruptions.js'
import { formatRow, schemaOf } from '../../../operators/rows.js'
import { BATCHINGS, runOperator, type Step } from '../../../operators/run.js'

const COUNT_STAR: AggregateCall = { function: 'COUNT', args: [], distinct: false, type: notNull(BIGINT) }
const sum = (column: number): AggregateCall => ({ function: 'SUM', args: [column], distinct: false, type: INT })
const tumble = (
  sizeMs: number,
  keys: number[],
  emit: ('window_start' | 'window_end' | 'window_time')[] = ['window_start', 'window_end'],
  offsetMs = 0,
): OperatorSpec => ({
  op: 'window-aggregate',
  window: { kind: 'tumble', sizeMs, offsetMs },
  timeColumn: 0,
  keys,
  calls: [COUNT_STAR, sum(2)],
  emit,
})
const INPUT = 'ts TIMESTAMP(3), k STRING, v INT'
const OUTPUT = 'k STRING, n BIGINT, s INT, window_start TIMESTAMP(3), window_end TIMESTAMP(3)'

describe('WindowAggregateOperator', () => {
  it('fires a window when the watermark reaches its end - 1, then passes the watermark on', () =>
    operatorTest(tumble(10_000, [1]), INPUT, OUTPUT).input(`+I '1970-01-01 00:00:01.000' a 1
              +I '1970-01-01 00:00:09.999' b 2
              +I '1970-01-01 00:00:10.000' a 4
              watermark 9998
              +I '1970-01-01 00:00:02.000' a NULL
              watermark 9999
              watermark 12000`).output(`watermark 9998
               +I a 2 1 '1970-01-01 00:00:00.000' '1970-01-01 00:00:10.000'
               +I b 1 2 '1970-01-01 00:00:00.000' '1970-01-01 00:00:10.000'
               watermark 9999
               watermark 12000
               +I a 1 4 '1970-01-01 00:00:10.000' '1970-01-01 00:00:20.000'`))

  it('drops and counts rows of windows that have fired', () =>
    operatorTest(tumble(10_000, [1]), INPUT, OUTPUT)
      .input(
        `watermark 9999
              +I '1970-01-01 00:00:09.000' a 1
              +I '1970-01-01 00:00:09.500' a 1
              +I '1970-01-01 00:00:11.000' a 2`,
      )
      .output(`+I a 1 2 '1970-01-01 00:00:10.000' '1970-01-01 00:00:20.000'`, 2))

  it('fires windows in order of time, and uses the memory of fired ones again', () =>
    operatorTest(tumble(1000, [1], ['window_end']), INPUT, 'k STRING, n BIGINT, s INT, window_end TIMESTAMP(3)')
      .input(`+I '1970-01-01 00:00:02.000' a 1
              +I '1970-01-01 00:00:00.000' b 2
              +I '1970-01-01 00:00:01.500' a 3
              watermark 2999
              +I '1970-01-01 00:00:03.000' c NULL
              +I '1970-01-01 00:00:03.000' a 7`).output(`+I b 1 2 '1970-01-01 00:00:01.000'
               +I a 1 3 '1970-01-01 00:00:02.000'
               +I a 1 1 '1970-01-01 00:00:03.000'
               +I c 1 NULL '1970-01-01 00:00:04.000'
               +I a 1 7 '1970-01-01 00:00:04.000'`))

  it('counts DISTINCT values of each key and window', () =>
    operatorTest(
      {
        op: 'window-aggregate',
        window: { kind: 'tumble', sizeMs: 1000, offsetMs: 0 },
        timeColumn: 0,
        keys: [1],
        calls: [{ ...COUNT_STAR, args: [2], distinct: true }, sum(2)],
        emit: ['window_end'],
      },
      INPUT,
      'k STRING, d BIGINT, s INT, window_end TIMESTAMP(3)',
    ).input(`+I '1970-01-01 00:00:00.000' a 1
              +I '1970-01-01 00:00:01.000' a 1
              +I '1970-01-01 00:00:00.000' b 2
              +I '1970-01-01 00:00:00.000' a 1
              +I '1970-01-01 00:00:00.000' a 2
              watermark 999
              +I '1970-01-01 00:00:01.000' b 1
              +I '1970-01-01 00:00:02.000' a 1
              +I '1970-01-01 00:00:01.000' a 3
              watermark 1999
              +I '1970-01-01 00:00:02.000' a 1`).output(`+I a 2 4 '1970-01-01 00:00:01.000'
               +I b 1 2 '1970-01-01 00:00:01.000'
               +I a 2 4 '1970-01-01 00:00:02.000'
               +I b 1 1 '1970-01-01 00:00:02.000'
               +I a 1 2 '1970-01-01 00:00:03.000'`))

  it('windows before 1970 and with an offset', () =>
    operatorTest(tumble(10_000, [], ['window_start'], 3000), INPUT, 'n BIGINT, s INT, window_start TIMESTAMP(3)')
      .input(`+I '1969-12-31 23:59:52.999' a 1
              +I '1969-12-31 23:59:53.000' a 2
              +I '1970-01-01 00:00:02.999' a 4`).output(`+I 1 1 '1969-12-31 23:59:43.000'
               +I 2 6 '1969-12-31 23:59:53.000'`))

  it('windows of a TIMESTAMP_LTZ follow the local clock of the session, window_time is an instant', () =>
    operatorTest(
      tumble(86_400_000, [], ['window_start', 'window_end', 'window_time']),
      'ts TIMESTAMP_LTZ(3), k STRING, v INT',
      'n BIGINT, s INT, window_start TIMESTAMP(3), window_end TIMESTAMP(3), window_time TIMESTAMP_LTZ(3)',
    ).configuration({ 'table.local-time-zone': 'Europe/Berlin' }).input(`+I '2024-03-30 22:59:59.000' a 1
              +I '2024-03-30 23:00:00.000' a 2
              +I '2024-03-31 21:59:59.999' a 4
              watermark '2024-03-30 22:59:59.999'
              watermark '2024-03-31 21:59:59.998'
              watermark '2024-03-31 21:59:59.999'`)
      .output(`+I 1 1 '2024-03-30 00:00:00.000' '2024-03-31 00:00:00.000' '2024-03-30 22:59:59.999'
               watermark 1711839599999
               watermark 1711922399998
               +I 2 6 '2024-03-31 00:00:00.000' '2024-04-01 00:00:00.000' '2024-03-31 21:59:59.999'
               watermark 1711922399999`))

  it('fails on a rowtime that is NULL, naming the column', () =>
    operatorTest(tumble(1000, [1]), INPUT, OUTPUT)
      .input('+I NULL a 1')
      .fails('ROWTIME_IS_NULL', /RowTime field should not be null.*'ts'/))

  it('equals a model over random rows and watermarks', async () => {
    const [input, output] = [schemaOf(INPUT), schemaOf(OUTPUT)]
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.tuple(fc.integer({ min: -3000, max: 9000 }), fc.constantFrom('a', 'b', null), fc.constantFrom(1, 2, null)),
      },
      { weight: 1, arbitrary: fc.integer({ min: -3000, max: 9000 }) },
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 80 }),
        fc.constantFrom(...BATCHINGS),
        fc.constantFrom(...INTERRUPTIONS),
        async (script, batching, interruption) => {
          const steps: Step[] = []
          const windows = new Map<string, Value[][]>()
          let watermark = -Infinity
          let late = 0
          for (const item of script) {
            if (typeof item === 'number') {
              if (item <= watermark) continue
              watermark = item
              steps.push({ type: 'watermark', watermark })
              continue
            }
            const [time, key, value] = item
            steps.push({ type: 'row', input: 0, row: { kind: 0, values: [BigInt(time), key, value] } })
            const start = Math.floor(time / 1000) * 1000
            if (start + 999 <= watermark) late++
            else windows.set(`${start}/${key}`, [...(windows.get(`${start}/${key}`) ?? []), [BigInt(start), key, value]])
          }
          const expected = [...windows.values()].map((rows) => {
            const values = rows.flatMap((row) => (row[2] === null ? [] : [row[2] as number]))
            const [start, key] = rows[0] as [bigint, Value]
            return formatRow(
              {
                kind: 0,
                values: [key, BigInt(rows.length), values.length === 0 ? null : values.reduce((a, b) => a + b), start, start + 1000n],
              },
              output,
            )
          })
          const result = await runOperator({ spec: tumble(1000, [1]), inputs: [input], output }, steps, batching, interruption)
          expect(result.rows.map((row) => formatRow(row, output)).sort()).to.deep.equal(expected.sort())
          expect(result.late).to.equal(late)
        },
      ),
      { numRuns: 60 },
    )
  }).timeout(20_000)
})
