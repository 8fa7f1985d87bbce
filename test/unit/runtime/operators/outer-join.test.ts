import { expect } from 'chai'
import fc from 'fast-check'
import type { JoinType, OperatorSpec } from '#core/graph/operator-spec.js'
import { BOOLEAN, INT, type Value } from '#core/types/logical-type.js'
import { operatorTest } from '../../../operators/harness.js'
import { INTERRUPTIONS } from '../../../operators/interruptions.js'
import { formatRow, materialize, schemaOf, type Row } from '../../../operators/rows.js'
import { BATCHINGS, runOperator, type Step } from '../../../operators/run.js'

interface Shape {
  readonly keys?: boolean
  readonly less?: boolean
  readonly final?: boolean
}

const join = (joinType: JoinType, { keys = true, less = false, final = false }: Shape = {}): OperatorSpec => ({
  op: 'join',
  joinType,
  leftKeys: keys ? [0] : [],
  rightKeys: keys ? [0] : [],
  ...(less
    ? { condition: { kind: 'call', name: '<', type: BOOLEAN, args: [1, 3].map((index) => ({ kind: 'input' as const, index, type: INT })) } }
    : {}),
  output: final ? 'final' : 'changelog',
})
const INPUTS = ['k STRING, v INT', 'j STRING, w INT']
const PAIRS = 'k STRING, v INT, j STRING, w INT'
const outputOf = (type: JoinType): string => (type === 'semi' || type === 'anti' ? (INPUTS[0] as string) : PAIRS)

describe('OuterJoinOperator', () => {
  it('LEFT: a row comes out alone, gives way to pairs, and is alone again', () =>
    operatorTest(join('left'), INPUTS, PAIRS).input(`0: +I a 1
              0: +I NULL 2
              1: +I a 10
              1: +I a 11
              1: -D a 10
              1: -D a 11
              0: -D a 1
              1: +I NULL 9
              0: -D NULL 2`).output(`+I a 1 NULL NULL
               +I NULL 2 NULL NULL
               -D a 1 NULL NULL
               +I a 1 a 10
               +I a 1 a 11
               -D a 1 a 10
               -D a 1 a 11
               +I a 1 NULL NULL
               -D a 1 NULL NULL
               -D NULL 2 NULL NULL`))

  it('RIGHT and FULL keep their own side', async () => {
    const script = `0: +I a 1
              1: +I b 10
              1: +I a 11
              1: -U b 10
              1: +U a 10
              0: -D a 1`
    await operatorTest(join('right'), INPUTS, PAIRS).input(script).output(`+I NULL NULL b 10
               +I a 1 a 11
               -D NULL NULL b 10
               +I a 1 a 10
               -D a 1 a 11
               +I NULL NULL a 11
               -D a 1 a 10
               +I NULL NULL a 10`)
    await operatorTest(join('full'), INPUTS, PAIRS).input(script).output(`+I a 1 NULL NULL
               +I NULL NULL b 10
               -D a 1 NULL NULL
               +I a 1 a 11
               -D NULL NULL b 10
               +I a 1 a 10
               -D a 1 a 11
               +I NULL NULL a 11
               -D a 1 a 10
               +I NULL NULL a 10`)
  })

  it('counts equal rows', () =>
    operatorTest(join('left'), INPUTS, PAIRS).input(`0: +I a 1
              0: +I a 1
              0: -D a 1
              0: +I a 1
              1: +I a 5
              0: -D a 1
              1: -D a 5`).output(`+I a 1 NULL NULL
               +I a 1 NULL NULL
               -D a 1 NULL NULL
               +I a 1 NULL NULL
               -D a 1 NULL NULL
               -D a 1 NULL NULL
               +I a 1 a 5
               +I a 1 a 5
               -D a 1 a 5
               -D a 1 a 5
               +I a 1 NULL NULL`))

  it('a row that the condition refuses is no match', () =>
    operatorTest(join('left', { less: true }), INPUTS, PAIRS).input(`0: +I a 5
              1: +I a 4
              1: +I a NULL
              1: +I a 6`).output(`+I a 5 NULL NULL
               -D a 5 NULL NULL
               +I a 5 a 6`))

  it('SEMI: a row comes once, whatever the number of its matches', () =>
    operatorTest(join('semi'), INPUTS, 'k STRING, v INT').input(`0: +I a 1
              1: +I a 10
              1: +I a 11
              0: +I a 2
              1: -D a 10
              1: -D a 11
              0: +I NULL 3
              1: +I NULL 3`).output(`+I a 1
               +I a 2
               -D a 1
               -D a 2`))

  it('ANTI: a row comes while it has no match', () =>
    operatorTest(join('anti'), INPUTS, 'k STRING, v INT').input(`0: +I a 1
              1: +I a 10
              0: +I a 2
              1: +I a 11
              1: -D a 10
              1: -D a 11
              0: +I NULL 3`).output(`+I a 1
               -D a 1
               +I a 1
               +I a 2
               +I NULL 3`))

  it('in batch mode rows without a match come at the end, as insertions only', async () => {
    const script = `0: +I a 1
              0: +I b 2
              0: +I NULL 3
              1: +I a 10
              1: +I c 11`
    await operatorTest(join('full', { final: true }), INPUTS, PAIRS).input(script).output(`+I NULL 3 NULL NULL
               +I a 1 a 10
               +I b 2 NULL NULL
               +I NULL NULL c 11`)
    await operatorTest(join('semi', { final: true }), INPUTS, 'k STRING, v INT')
      .input(script)
      .output('+I a 1')
    await operatorTest(join('anti', { final: true }), INPUTS, 'k STRING, v INT').input(script).output(`+I NULL 3
               +I b 2`)
  })

  it('fails on a second match where a row may have one', async () => {
    const single = { ...join('left'), single: true } as OperatorSpec
    const once = '0: +I a 1\n1: +I a 10\n1: -U a 10\n1: +U a 11\n0: +I a 2'
    await operatorTest(single, INPUTS, PAIRS).input(once).materialized('a 1 a 11\na 2 a 11')
    await operatorTest(single, INPUTS, PAIRS)
      .input(`${once}\n1: +I a 12`)
      .fails('SUBQUERY_NOT_SINGLE', /more than one row/)
    await operatorTest(single, INPUTS, PAIRS)
      .input('1: +I a 1\n1: +I a 2\n0: +I a 1')
      .fails('SUBQUERY_NOT_SINGLE', /LIMIT 1/)
  })

  it('emits more rows than fit one batch', async () => {
    const rows = (input: number, count: number, kind: Row['kind'] = 0): Step[] =>
      Array.from({ length: count }, (_, i) => ({ type: 'row', input, row: { kind, values: ['a', i] } }))
    const subject = { spec: join('full'), inputs: INPUTS.map(schemaOf), output: schemaOf(PAIRS) }
    const both = await runOperator(subject, [...rows(0, 70), ...rows(1, 60)], 'one')
    expect(materialize(both.rows, subject.output)).to.have.length(70 * 60)
    const left = await runOperator(subject, [...rows(0, 70), ...rows(1, 60), ...rows(1, 60, 3)], 'one')
    expect(materialize(left.rows, subject.output)).to.have.length(70)
  })

  it('equals a model over random changelogs of both sides', async () => {
    const change = fc.tuple(fc.nat(1), fc.constantFrom('a', 'b', 'c', null), fc.constantFrom(1, 2, 3, null), fc.nat(2))
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { maxLength: 60 }),
        fc.constantFrom<JoinType>('inner', 'left', 'right', 'full', 'semi', 'anti'),
        fc.record({ less: fc.boolean(), keys: fc.boolean(), final: fc.boolean() }),
        fc.constantFrom(...BATCHINGS),
        fc.constantFrom(...INTERRUPTIONS),
        async (changes, type, shape, batching, interruption) => {
          const held: [Value[][], Value[][]] = [[], []]
          const steps = changes.map(([input, key, value, choice], i): Step => {
            const rows = held[input] as Value[][]
            if (choice === 0 && rows.length > 0 && !shape.final)
              return { type: 'row', input, row: { kind: i % 2 === 0 ? 3 : 1, values: rows.splice((i * 7) % rows.length, 1)[0] as Value[] } }
            rows.push([key, value])
            return { type: 'row', input, row: { kind: i % 3 === 0 && !shape.final ? 2 : 0, values: [key, value] } }
          })
          const output = schemaOf(outputOf(type))
          const subject = { spec: join(type, shape), inputs: INPUTS.map(schemaOf), output }
          // A batch job is not interrupted.
          const result = await runOperator(subject, steps, batching, shape.final ? 'none' : interruption)
          if (shape.final) expect(result.rows.every(({ kind }) => kind === 0)).to.equal(true)
          const expected = joined(type, shape, held).map((values) => formatRow({ kind: 0, values } as Row, output).slice(3))
          expect(materialize(result.rows, output)).to.deep.equal(expected.sort())
        },
      ),
      { numRuns: 200 },
    )
  }).timeout(30_000)
})

function joined(type: JoinType, { keys, less }: Shape, [left, right]: readonly [Value[][], Value[][]]): Value[][] {
  const matches = ([k, v]: Value[], [j, w]: Value[]): boolean =>
    (!keys || (k !== null && k === j)) && (!less || (v != null && w != null && v < w))
  const without = (own: Value[][], test: (row: Value[]) => boolean): Value[][] => own.filter((row) => !test(row))
  const lonelyLeft = without(left, (l) => right.some((r) => matches(l, r)))
  const lonelyRight = without(right, (r) => left.some((l) => matches(l, r)))
  if (type === 'anti') return lonelyLeft
  if (type === 'semi') return left.filter((row) => !lonelyLeft.includes(row))
  return [
    ...left.flatMap((l) => right.filter((r) => matches(l, r)).map((r) => [...l, ...r])),
    ...(type === 'left' || type === 'full' ? lonelyLeft.map((row) => [...row, null, null]) : []),
    ...(type === 'right' || type === 'full' ? lonelyRight.map((row) => [null, null, ...row]) : []),
  ]
}
