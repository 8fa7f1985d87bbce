import { expect } from 'chai'
import fc from 'fast-check'
import type { OperatorSpec } from '#core/graph/operator-spec.js'
import type { Value } from '#core/types/logical-type.js'
import { operatorTest } from '../../../operators/harness.js'
import { INTERRUPTIONS } from '../../../operators/interruptions.js'
import { formatRow, materialize, schemaOf, type Row } from '../../../operators/rows.js'
import { BATCHINGS, runOperator, type Step } from '../../../operators/run.js'

const set = (operator: 'intersect' | 'except', all = false, final = false): OperatorSpec => ({
  op: 'set-operation',
  operator,
  all,
  output: final ? 'final' : 'changelog',
})
const ROW = 'k STRING, v INT'

describe('SetOperator', () => {
  it('INTERSECT: a row that both have comes once; NULL equals NULL', () =>
    operatorTest(set('intersect'), [ROW, ROW], ROW).input(`0: +I a 1
              0: +I a 1
              1: +I a 1
              1: +I NULL NULL
              0: +I NULL NULL
              1: +I a 2
              0: -D a 1
              0: -D a 1
              0: +I a 1`).output(`+I a 1
               +I NULL NULL
               -D a 1
               +I a 1`))

  it('INTERSECT ALL: as often as the input that has it less often', () =>
    operatorTest(set('intersect', true), [ROW, ROW], ROW).input(`0: +I a 1
              0: +I a 1
              1: +I a 1
              1: +I a 1
              1: +I a 1
              0: -D a 1`).output(`+I a 1
               +I a 1
               -D a 1`))

  it('EXCEPT: a row comes while only the left has it', () =>
    operatorTest(set('except'), [ROW, ROW], ROW).input(`0: +I a 1
              0: +I a 1
              1: +I a 1
              1: +I a 1
              1: -D a 1
              1: -D a 1
              1: -D b 1
              0: +I b 1`).output(`+I a 1
               -D a 1
               +I a 1
               +I b 1`))

  it('EXCEPT ALL: as often as the left has it more often', () =>
    operatorTest(set('except', true), [ROW, ROW], ROW).input(`0: +I a 1
              0: +I a 1
              1: +I a 1
              1: +I a 1
              1: +I a 1
              0: +I a 1
              0: +I a 1`).output(`+I a 1
               +I a 1
               -D a 1
               -D a 1
               +I a 1`))

  it('in batch mode EXCEPT knows at the end', () =>
    operatorTest(set('except', false, true), [ROW, ROW], ROW)
      .input(
        `0: +I a 1
              0: +I b 1
              1: +I a 1`,
      )
      .output('+I b 1'))

  it('equals a model over random changelogs of both sides', async () => {
    const change = fc.tuple(fc.nat(1), fc.constantFrom('a', 'b', null), fc.constantFrom(1, null), fc.nat(2))
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { maxLength: 60 }),
        fc.record({ except: fc.boolean(), all: fc.boolean(), final: fc.boolean() }),
        fc.constantFrom(...BATCHINGS),
        fc.constantFrom(...INTERRUPTIONS),
        async (changes, { except, all, final }, batching, interruption) => {
          const held: [Value[][], Value[][]] = [[], []]
          const steps = changes.map(([input, key, value, choice], i): Step => {
            const rows = held[input] as Value[][]
            if (choice === 0 && rows.length > 0 && !final)
              return { type: 'row', input, row: { kind: 3, values: rows.splice((i * 7) % rows.length, 1)[0] as Value[] } }
            rows.push([key, value])
            return { type: 'row', input, row: { kind: 0, values: [key, value] } }
          })
          const output = schemaOf(ROW)
          const subject = { spec: set(except ? 'except' : 'intersect', all, final), inputs: [output, output], output }
          const result = await runOperator(subject, steps, batching, final ? 'none' : interruption)
          if (final) expect(result.rows.every(({ kind }) => kind === 0)).to.equal(true)
          expect(materialize(result.rows, output)).to.deep.equal(
            model(except, all, held, (values) => formatRow({ kind: 0, values } as Row, output).slice(3)),
          )
        },
      ),
      { numRuns: 120 },
    )
  }).timeout(20_000)
})

function model(except: boolean, all: boolean, [left, right]: readonly [Value[][], Value[][]], text: (row: Value[]) => string): string[] {
  const [lefts, rights] = [left.map(text), right.map(text)]
  const rows: string[] = []
  for (const row of all ? lefts : new Set(lefts)) {
    const at = rights.indexOf(row)
    if (at >= 0 === !except) rows.push(row)
    // With ALL each row of the right stands for one of the left.
    if (all && at >= 0) rights.splice(at, 1)
  }
  return rows.sort()
}
