import { expect } from 'chai'
import fc from 'fast-check'
import type { OperatorSpec } from '#core/graph/operator-spec.js'
import { BOOLEAN, INT, type Value } from '#core/types/logical-type.js'
import { operatorTest } from '../../../operators/harness.js'
import { INTERRUPTIONS } from '../../../operators/interruptions.js'
import { formatRow, materialize, schemaOf, type Row } from '../../../operators/rows.js'
import { BATCHINGS, runOperator, type Step } from '../../../operators/run.js'

const join = (leftKeys: number[], rightKeys: number[], less?: [number, number]): OperatorSpec => ({
  op: 'join',
  joinType: 'inner',
  leftKeys,
  rightKeys,
  ...(less === undefined
    ? {}
    : { condition: { kind: 'call', name: '<', type: BOOLEAN, args: less.map((index) => ({ kind: 'input' as const, index, type: INT })) } }),
})
const INPUTS = ['k STRING, v INT', 'j STRING, w INT']
const OUTPUT = 'k STRING, v INT, j STRING, w INT'

describe('JoinOperator', () => {
  it('joins each row with the rows of the other side so far; NULL equals nothing', () =>
    operatorTest(join([0], [0]), INPUTS, OUTPUT).input(`0: +I a 1
              1: +I a 10
              1: +I NULL 11
              0: +I NULL 2
              0: +I a 3
              1: +I b 12
              1: +I a 13`).output(`+I a 1 a 10
               +I a 3 a 10
               +I a 1 a 13
               +I a 3 a 13`))

  it('passes the kinds of updates on and takes pairs away with either side', () =>
    operatorTest(join([0], [0]), INPUTS, OUTPUT).input(`0: +I a 1
              1: +I a 10
              1: -U a 10
              1: +U a 20
              0: -D a 1
              1: -D a 20
              0: +I a 2`).output(`+I a 1 a 10
               -U a 1 a 10
               +U a 1 a 20
               -D a 1 a 20`))

  it('keeps equal rows apart by count, before and after the first retraction', () =>
    operatorTest(join([0], [0]), INPUTS, OUTPUT).input(`0: +I a 1
              0: +I a 1
              1: +I a 9
              0: -D a 1
              0: +I a 1
              0: +I a 1
              1: +I a 8
              0: -D a 7`).output(`+I a 1 a 9
               +I a 1 a 9
               -D a 1 a 9
               +I a 1 a 9
               +I a 1 a 9
               +I a 1 a 8
               +I a 1 a 8
               +I a 1 a 8`))

  it('takes a row in again that has gone', () =>
    operatorTest(join([0], [0]), ['k INT, v INT', 'j INT, w INT'], 'k INT, v INT, j INT, w INT').input(`0: +I 1 5
              0: -D 1 5
              0: +I 1 5
              1: +I 1 9
              0: -U 1 5
              1: +I 1 8
              0: +U 1 5`).output(`+I 1 5 1 9
               -U 1 5 1 9
               +U 1 5 1 9
               +U 1 5 1 8`))

  it('applies the rest of the condition to the pairs', () =>
    operatorTest(join([0], [0], [1, 3]), INPUTS, OUTPUT).input(`0: +I a 1
              0: +I a 5
              1: +I a 4
              1: +I a NULL
              1: +I a 6`).output(`+I a 1 a 4
               +I a 1 a 6
               +I a 5 a 6`))

  it('without keys joins all with all', () =>
    operatorTest(join([], []), INPUTS, OUTPUT).input(`0: +I a 1
              0: +I NULL 2
              1: +I b 10
              0: -D a 1
              1: +I c 11`).output(`+I a 1 b 10
               +I NULL 2 b 10
               -D a 1 b 10
               +I NULL 2 c 11`))

  it('emits more pairs than fit one batch', async () => {
    const rows = (input: number, count: number): Step[] =>
      Array.from({ length: count }, (_, i) => ({ type: 'row', input, row: { kind: 0, values: ['a', i] } }))
    const subject = { spec: join([0], [0]), inputs: INPUTS.map(schemaOf), output: schemaOf(OUTPUT) }
    const { rows: pairs } = await runOperator(subject, [...rows(0, 70), ...rows(1, 60)], 'one')
    expect(new Set(pairs.map((row) => formatRow(row, subject.output))).size).to.equal(70 * 60)
  })

  it('equals a model over random changelogs of both sides', async () => {
    const subject = (less: boolean, keys: boolean) => ({
      spec: join(keys ? [0] : [], keys ? [0] : [], less ? [1, 3] : undefined),
      inputs: INPUTS.map(schemaOf),
      output: schemaOf(OUTPUT),
    })
    const change = fc.tuple(fc.nat(1), fc.constantFrom('a', 'b', 'c', null), fc.constantFrom(1, 2, 3, null), fc.nat(2))
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { maxLength: 60 }),
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom(...BATCHINGS),
        fc.constantFrom(...INTERRUPTIONS),
        async (changes, less, keys, batching, interruption) => {
          const held: [Value[][], Value[][]] = [[], []]
          const steps = changes.map(([input, key, value, choice], i): Step => {
            const rows = held[input] as Value[][]
            if (choice === 0 && rows.length > 0)
              return { type: 'row', input, row: { kind: i % 2 === 0 ? 3 : 1, values: rows.splice((i * 7) % rows.length, 1)[0] as Value[] } }
            rows.push([key, value])
            return { type: 'row', input, row: { kind: 0, values: [key, value] } }
          })
          const pairs = held[0].flatMap((left) => held[1].map((right) => [...left, ...right]))
          const kept = pairs.filter(([k, v, j, w]) => (!keys || (k !== null && k === j)) && (!less || (v != null && w != null && v < w)))
          const { spec, inputs, output } = subject(less, keys)
          const result = await runOperator({ spec, inputs, output }, steps, batching, interruption)
          const expected = kept.map((values) => formatRow({ kind: 0, values } as Row, output).slice(3)).sort()
          expect(materialize(result.rows, output)).to.deep.equal(expected)
        },
      ),
      { numRuns: 80 },
    )
  }).timeout(20_000)
})
