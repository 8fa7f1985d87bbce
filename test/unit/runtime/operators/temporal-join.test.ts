import { expect } from 'chai'
import fc from 'fast-check'
import type { OperatorSpec } from '#core/graph/operator-spec.js'
import { BOOLEAN, INT } from '#core/types/logical-type.js'
import { operatorTest } from '../../../operators/harness.js'
import { INTERRUPTIONS } from '../../../operators/interruptions.js'
import { formatRow, schemaOf } from '../../../operators/rows.js'
import { BATCHINGS, runOperator, type Step } from '../../../operators/run.js'

const join = (joinType: 'inner' | 'left', more: object = {}): OperatorSpec => ({
  op: 'temporal-join',
  joinType,
  leftKeys: [1],
  rightKeys: [0],
  leftTime: 2,
  rightTime: 2,
  ...more,
})
const LEFT = 'amount INT, k STRING, at TIMESTAMP(3)'
const RIGHT = 'k STRING, rate INT, at TIMESTAMP(3)'
const OUTPUT = 'amount INT, k STRING, at TIMESTAMP(3), rk STRING, rate INT, rat TIMESTAMP(3)'
const at = (ms: number): string => `'1970-01-01 00:00:00.${String(ms).padStart(3, '0')}'`

describe('TemporalJoinOperator', () => {
  it('joins each left row with the version of its time when the watermark has passed it, then passes the watermark on', () =>
    operatorTest(join('inner'), [LEFT, RIGHT], OUTPUT).input(`1: +I a 10 ${at(100)}
              1: +I a 20 ${at(200)}
              +I 1 a ${at(200)}
              +I 2 a ${at(199)}
              +I 3 b ${at(150)}
              +I 4 a ${at(99)}
              watermark 199
              1: +I a 15 ${at(300)}
              +I 5 a ${at(250)}
              watermark 300
              +I 6 a ${at(500)}`).output(`+I 2 a ${at(199)} a 10 ${at(100)}
               watermark 199
               +I 1 a ${at(200)} a 20 ${at(200)}
               +I 5 a ${at(250)} a 20 ${at(200)}
               watermark 300
               +I 6 a ${at(500)} a 15 ${at(300)}`))

  it('a left join pads rows without a version, of keys with NULL, too; kinds are those of the left rows', () =>
    operatorTest(join('left'), [LEFT, RIGHT], OUTPUT).input(`1: +I a 10 ${at(100)}
              1: +I NULL 11 ${at(100)}
              +I 1 a ${at(50)}
              +I 2 NULL ${at(150)}
              -U 3 a ${at(160)}
              +U 4 a ${at(170)}
              -D 5 b ${at(180)}`).output(`+I 1 a ${at(50)} NULL NULL NULL
               +I 2 NULL ${at(150)} NULL NULL NULL
               -U 3 a ${at(160)} a 10 ${at(100)}
               +U 4 a ${at(170)} a 10 ${at(100)}
               -D 5 b ${at(180)} NULL NULL NULL`))

  it('updates and deletions of the right side are versions; of one time the last one counts', () =>
    operatorTest(join('left'), [LEFT, RIGHT], OUTPUT).input(`1: +I a 10 ${at(100)}
              1: -U a 10 ${at(100)}
              1: +U a 20 ${at(200)}
              1: +U a 21 ${at(200)}
              1: -D a 21 ${at(300)}
              +I 1 a ${at(150)}
              +I 2 a ${at(250)}
              +I 3 a ${at(350)}
              watermark 400
              1: +I a 30 ${at(500)}
              +I 4 a ${at(450)}
              +I 5 a ${at(550)}`).output(`+I 1 a ${at(150)} a 10 ${at(100)}
               +I 2 a ${at(250)} a 21 ${at(200)}
               +I 3 a ${at(350)} NULL NULL NULL
               watermark 400
               +I 4 a ${at(450)} NULL NULL NULL
               +I 5 a ${at(550)} a 30 ${at(500)}`))

  it('the condition is over the version that holds, not over others', () =>
    operatorTest(
      join('left', {
        condition: {
          kind: 'call',
          name: '>',
          type: BOOLEAN,
          args: [
            { kind: 'input', index: 4, type: INT },
            { kind: 'literal', value: 15, type: INT },
          ],
        },
      }),
      [LEFT, RIGHT],
      OUTPUT,
    ).input(`1: +I a 20 ${at(100)}
              1: +I a 10 ${at(200)}
              +I 1 a ${at(150)}
              +I 2 a ${at(250)}`).output(`+I 1 a ${at(150)} a 20 ${at(100)}
               +I 2 a ${at(250)} NULL NULL NULL`))

  it('a left row that is late meets what still held at the watermark only', () =>
    operatorTest(join('left'), [LEFT, RIGHT], OUTPUT).input(`1: +I a 10 ${at(100)}
              1: +I a 20 ${at(200)}
              1: +I b 10 ${at(100)}
              watermark 300
              +I 1 a ${at(150)}
              +I 2 a ${at(250)}
              +I 3 b ${at(150)}
              watermark 301`).output(`watermark 300
               +I 1 a ${at(150)} NULL NULL NULL
               +I 3 b ${at(150)} b 10 ${at(100)}
               +I 2 a ${at(250)} a 20 ${at(200)}
               watermark 301`))

  it('fails on a rowtime that is NULL, naming the column', () =>
    operatorTest(join('inner'), [LEFT, RIGHT], OUTPUT)
      .input('1: +I a 1 NULL')
      .fails('ROWTIME_IS_NULL', /RowTime field should not be null.*'at'/))

  it('equals a model over random rows and watermarks', async () => {
    const [left, right, output] = [schemaOf(LEFT), schemaOf(RIGHT), schemaOf(OUTPUT)]
    const time = fc.integer({ min: 0, max: 40 })
    const key = fc.constantFrom('a', 'b', null)
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ input: fc.constant(0), key, time, kind: fc.constantFrom(0, 3) }) },
      { weight: 3, arbitrary: fc.record({ input: fc.constant(1), key, time, kind: fc.constantFrom(0, 0, 2, 3) }) },
      { weight: 2, arbitrary: time },
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.constantFrom(...BATCHINGS),
        fc.constantFrom(...INTERRUPTIONS),
        async (script, batching, interruption) => {
          const steps: Step[] = []
          const expected: string[] = []
          const versions: { key: string; time: number; rate: number | null }[] = []
          let waiting: { key: string | null; time: number; kind: number; n: number }[] = []
          let watermark = -1
          const version = (of: string, until: number) =>
            versions.filter((each) => each.key === of && each.time <= until).sort((a, b) => b.time - a.time)[0]
          const pass = (next: number): void => {
            for (const row of waiting.filter((each) => each.time <= next)) {
              let met = row.key === null ? undefined : version(row.key, row.time)
              if (row.time < watermark && row.key !== null && version(row.key, watermark) !== met) met = undefined
              const found = met === undefined || met.rate === null ? [null, null, null] : [met.key, met.rate, BigInt(met.time)]
              expected.push(formatRow({ kind: row.kind as 0, values: [row.n, row.key, BigInt(row.time), ...found] }, output))
            }
            waiting = waiting.filter((each) => each.time > next)
            watermark = next
          }
          for (const [n, item] of script.entries()) {
            if (typeof item === 'number') {
              if (item <= watermark) continue
              steps.push({ type: 'watermark', watermark: item })
              pass(item)
            } else if (item.input === 0) {
              steps.push({ type: 'row', input: 0, row: { kind: item.kind as 0, values: [n, item.key, BigInt(item.time)] } })
              waiting.push({ key: item.key, time: item.time, kind: item.kind, n })
            } else {
              steps.push({ type: 'row', input: 1, row: { kind: item.kind as 0, values: [item.key, n, BigInt(item.time)] } })
              const { key: of, time: since } = item
              if (of === null) continue
              const same = versions.findIndex((each) => each.key === of && each.time === since)
              if (same >= 0) versions.splice(same, 1)
              versions.push({ key: of, time: since, rate: item.kind === 3 ? null : n })
            }
          }
          pass(Infinity)
          const result = await runOperator({ spec: join('left'), inputs: [left, right], output }, steps, batching, interruption)
          expect(result.rows.map((row) => formatRow(row, output)).sort()).to.deep.equal(expected.sort())
        },
      ),
      { numRuns: 150 },
    )
  }).timeout(20_000)
})
