import { expect } from 'chai'
import fc from 'fast-check'
import type { JoinType, OperatorSpec, SpecOf } from '#core/graph/operator-spec.js'
import { BOOLEAN, INT, type Value } from '#core/types/logical-type.js'
import { operatorTest } from '../../../operators/harness.js'
import { INTERRUPTIONS } from '../../../operators/interruptions.js'
import { formatRow, materialize, schemaOf, type Row } from '../../../operators/rows.js'
import { BATCHINGS, runOperator, type Step } from '../../../operators/run.js'

const join = (joinType: JoinType, lowerMs: number, upperMs: number, time: SpecOf<'interval-join'>['time'] = 'rowtime'): OperatorSpec => ({
  op: 'interval-join',
  joinType,
  leftKeys: [0],
  rightKeys: [0],
  time,
  leftTime: 2,
  rightTime: 2,
  lowerMs,
  upperMs,
})
const LEFT = 'k STRING, v INT, t BIGINT'
const RIGHT = 'j STRING, w INT, u BIGINT'
const INPUTS = [LEFT, RIGHT]
const PAIRS = `${LEFT}, ${RIGHT}`

describe('IntervalJoinOperator', () => {
  it('joins what lies between the bounds, both inclusive, whichever comes first', () =>
    operatorTest(join('inner', -2, 1), INPUTS, PAIRS).input(`0: +I a 1 10
              1: +I a 2 12
              1: +I a 3 13
              1: +I a 4 9
              1: +I a 5 8
              1: +I b 6 10
              0: +I a 7 11
              0: +I NULL 8 10
              1: +I NULL 9 10`).output(`+I a 1 10 a 2 12
               +I a 1 10 a 4 9
               +I a 7 11 a 2 12
               +I a 7 11 a 3 13`))

  it('forgets rows that nobody can meet any more, and tells the watermark later', () =>
    operatorTest(join('inner', -5, 3), INPUTS, PAIRS).input(`0: +I a 1 10
              1: +I a 2 12
              watermark 14
              1: +I a 3 11
              watermark 15
              1: +I a 4 11
              1: +I a 5 16`).output(`+I a 1 10 a 2 12
               watermark 9
               +I a 1 10 a 3 11
               watermark 10`))

  it('a row without a match comes out when its time is over, or at once when it is late or its key has a NULL', () =>
    operatorTest(join('full', -5, 0), INPUTS, PAIRS).input(`0: +I a 1 10
              0: +I b 2 10
              0: +I NULL 3 10
              1: +I b 4 12
              1: +I c 5 12
              watermark 12
              watermark 15
              0: +I d 6 10
              1: +I e 7 12`).output(`+I NULL 3 10 NULL NULL NULL
               +I b 2 10 b 4 12
               +I NULL NULL NULL c 5 12
               watermark 7
               +I a 1 10 NULL NULL NULL
               watermark 10
               +I d 6 10 NULL NULL NULL
               +I NULL NULL NULL e 7 12`))

  it('SEMI and ANTI never take back', async () => {
    const script = `0: +I a 1 10
              0: +I b 2 10
              1: +I a 3 10
              1: +I a 4 10
              0: +I a 5 10
              watermark 11
              1: +I b 6 10`
    await operatorTest(join('semi', -1, 1), INPUTS, LEFT)
      .input(script)
      .output('+I a 1 10\n+I a 5 10')
    await operatorTest(join('anti', -1, 1), INPUTS, LEFT)
      .input(script)
      .output('+I b 2 10')
  })

  it('windows: both in the same one; late rows are dropped and counted', () =>
    operatorTest({ ...join('left', 0, 0, 'window-end'), leftKeys: [0, 2], rightKeys: [0, 2] } as OperatorSpec, INPUTS, PAIRS)
      .input(
        `0: +I a 1 10
              0: +I a 2 20
              1: +I a 3 10
              watermark 8
              0: +I b 4 10
              watermark 9
              0: +I c 5 10
              1: +I c 6 10
              1: +I a 7 20`,
      )
      .output(
        `+I a 1 10 a 3 10
               watermark 8
               +I b 4 10 NULL NULL NULL
               watermark 9
               +I a 2 20 a 7 20`,
        2,
      ))

  it('emits more rows than fit one batch', async () => {
    const rows = (input: number, count: number): Step[] =>
      Array.from({ length: count }, (_, i) => ({
        type: 'row',
        input,
        row: { kind: 0, values: [input === 0 ? 'a' : 'b', i, BigInt(i % 7)] },
      }))
    const subject = { spec: join('full', -1000, 1000), inputs: INPUTS.map(schemaOf), output: schemaOf(PAIRS) }
    const { rows: emitted } = await runOperator(subject, [...rows(0, 2500), ...rows(1, 1100)], 'one')
    expect(emitted).to.have.length(3600)
  })

  it('equals a model over random rows of both sides and watermarks that none of them is late for', async () => {
    const step = fc.tuple(fc.nat(2), fc.constantFrom('a', 'b', null), fc.constantFrom(1, 2, 3, null), fc.nat(40))
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.constantFrom<JoinType>('inner', 'left', 'right', 'full', 'semi', 'anti'),
        fc.integer({ min: -12, max: 6 }),
        fc.nat(700),
        fc.boolean(),
        fc.constantFrom(...BATCHINGS),
        fc.constantFrom(...INTERRUPTIONS),
        async (script, type, lower, width, less, batching, interruption) => {
          let watermark = -1
          const held: [Value[][], Value[][]] = [[], []]
          const steps = script.map(([what, key, value, time]): Step => {
            if (what === 2) return { type: 'watermark', watermark: (watermark += 1 + time) }
            const values = [key, value, BigInt(watermark + 1 + time)]
            held[what as 0 | 1].push(values)
            return { type: 'row', input: what, row: { kind: 0, values } }
          })
          const output = schemaOf(type === 'semi' || type === 'anti' ? LEFT : PAIRS)
          const condition = { kind: 'call', name: '<', type: BOOLEAN, args: [1, 4].map((index) => ({ kind: 'input', index, type: INT })) }
          const spec = { ...join(type, lower, lower + width), ...(less ? { condition } : {}) } as OperatorSpec
          const { rows } = await runOperator({ spec, inputs: INPUTS.map(schemaOf), output }, steps, batching, interruption)
          expect(rows.every(({ kind }) => kind === 0)).to.equal(true)
          const matches = ([k, v, t]: Value[], [j, w, u]: Value[]): boolean => {
            const apart = Number(t) - Number(u)
            return k !== null && k === j && apart >= lower && apart <= lower + width && (!less || (v != null && w != null && v < w))
          }
          const expected = joined(type, matches, held).map((values) => formatRow({ kind: 0, values } as Row, output).slice(3))
          expect(materialize(rows, output)).to.deep.equal(expected.sort())
        },
      ),
      { numRuns: 150 },
    )
  }).timeout(30_000)
})

function joined(type: JoinType, matches: (l: Value[], r: Value[]) => boolean, [left, right]: readonly [Value[][], Value[][]]): Value[][] {
  const lonelyLeft = left.filter((l) => !right.some((r) => matches(l, r)))
  const lonelyRight = right.filter((r) => !left.some((l) => matches(l, r)))
  if (type === 'anti') return lonelyLeft
  if (type === 'semi') return left.filter((row) => !lonelyLeft.includes(row))
  return [
    ...left.flatMap((l) => right.filter((r) => matches(l, r)).map((r) => [...l, ...r])),
    ...(type === 'left' || type === 'full' ? lonelyLeft.map((row) => [...row, null, null, null]) : []),
    ...(type === 'right' || type === 'full' ? lonelyRight.map((row) => [null, null, null, ...row]) : []),
  ]
}
