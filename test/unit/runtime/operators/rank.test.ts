import { expect } from 'chai'
import fc from 'fast-check'
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { Value } from '#core/types/logical-type.js'
import { operatorTest } from '../../../operators/harness.js'
import { INTERRUPTIONS } from '../../../operators/interruptions.js'
import { formatRow, materialize, schemaOf } from '../../../operators/rows.js'
import { BATCHINGS, runOperator, type Step } from '../../../operators/run.js'

const INPUT = 'k STRING, p INT, v INT'
const NUMBERED = 'k STRING, p INT, v INT, n BIGINT'
const rank = (of: Partial<SpecOf<'rank'>> = {}): SpecOf<'rank'> => ({
  op: 'rank',
  partition: [0],
  order: [{ column: 1, ascending: false, nullsFirst: false }],
  limit: 2,
  numbered: true,
  lastWins: false,
  retractInput: false,
  output: 'changelog',
  ...of,
})

describe('RankOperator', () => {
  it('tells what another row has each number now', () =>
    operatorTest(rank(), INPUT, NUMBERED).batching('rows').input(`+I a 5 1
      +I a 3 2
      +I b 1 9
      +I a 4 3
      +I a 1 4
      +I a 9 5`).output(`+I a 5 1 1
      +I a 3 2 2
      +I b 1 9 1
      -U a 3 2 2
      +U a 4 3 2
      -U a 5 1 1
      +U a 9 5 1
      -U a 4 3 2
      +U a 5 1 2`))

  it('without numbers rows come and leave', () =>
    operatorTest(rank({ numbered: false }), INPUT, INPUT).batching('rows').input(`+I a 5 1
      +I a 3 2
      +I a 4 3`).output(`+I a 5 1
      +I a 3 2
      -D a 3 2
      +I a 4 3`))

  it('of equal rows the first to come is first, for deduplication the last', async () => {
    const rows = `+I a 5 1
      +I a 5 2
      +I a 5 3`
    await operatorTest(rank({ limit: 1, numbered: false }), INPUT, INPUT)
      .input(rows)
      .materialized('a 5 1')
    await operatorTest(rank({ limit: 1, numbered: false, lastWins: true }), INPUT, INPUT)
      .input(rows)
      .materialized('a 5 3')
  })

  it('rows move up when one before them is taken away', () =>
    operatorTest(rank({ retractInput: true }), INPUT, NUMBERED).batching('rows').input(`+I a 5 1
      +I a 4 2
      +I a 3 3
      -D a 5 1
      -D a 4 2
      -D a 3 3`).output(`+I a 5 1 1
      +I a 4 2 2
      -U a 5 1 1
      +U a 4 2 1
      -U a 4 2 2
      +U a 3 3 2
      -U a 4 2 1
      +U a 3 3 1
      -D a 3 3 2
      -D a 3 3 1`))

  it('a bounded input is told at its end', () =>
    operatorTest(rank({ output: 'final' }), INPUT, NUMBERED)
      .input(
        `+I a 1 1
      +I a NULL 2
      +I NULL 7 3
      +I a 2 4`,
      )
      .materialized(
        `a 2 4 1
      a 1 1 2
      NULL 7 3 1`,
      ))

  it('equals a model over random changelogs, however it is interrupted', async () => {
    const row = fc.tuple(fc.constantFrom('a', 'b', null), fc.constantFrom(1, 2, 3, null), fc.integer({ min: 0, max: 4 }))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(row, fc.nat(), fc.boolean()), { maxLength: 50 }),
        fc.record({ limit: fc.integer({ min: 1, max: 3 }), numbered: fc.boolean(), retractInput: fc.boolean(), lastWins: fc.boolean() }),
        fc.constantFrom(...BATCHINGS),
        fc.constantFrom(...INTERRUPTIONS),
        async (script, options, batching, interruption) => {
          const spec = rank(options)
          const [input, output] = [schemaOf(INPUT), schemaOf(options.numbered ? NUMBERED : INPUT)]
          const steps: Step[] = []
          let held: Value[][] = []
          for (const [values, which, removes] of script) {
            if (options.retractInput && removes && held.length > 0) {
              const gone = held[which % held.length] as Value[]
              // Of equal rows any one goes: they are the same to the operator, whose place is that of the first.
              const at = held.findLastIndex((other) => String(other) === String(gone))
              held = held.filter((_, i) => i !== at)
              steps.push({ type: 'row', input: 0, row: { kind: 3, values: gone } })
            } else {
              held.push([...values])
              steps.push({ type: 'row', input: 0, row: { kind: 0, values: [...values] } })
            }
          }
          const result = await runOperator({ spec, inputs: [input], output }, steps, batching, interruption)
          expect(materialize(result.rows, output)).to.deep.equal(
            modelled(held, options)
              .map((each) => formatRow({ kind: 0, values: each }, output).slice(3))
              .sort(),
          )
        },
      ),
      { numRuns: 120 },
    )
  }).timeout(60_000)
})

/** By definition; rows with equal keys in the order of their (first, if equal rows are one) arrival. */
function modelled(
  rows: readonly Value[][],
  options: { limit: number; numbered: boolean; retractInput: boolean; lastWins: boolean },
): Value[][] {
  return ['a', 'b', null].flatMap((key) => {
    const own = rows.filter(([k]) => k === key)
    const place = (row: Value[], i: number): number => {
      const at = options.retractInput ? own.findIndex((other) => String(other) === String(row)) : i
      return options.lastWins ? -at : at
    }
    const sorted = own
      .map((row, i) => ({ row, place: place(row, i), price: row[1] === null ? -Infinity : (row[1] as number) }))
      .sort((a, b) => (a.price === b.price ? a.place - b.place : b.price - a.price))
    return sorted.slice(0, options.limit).map(({ row }, i) => (options.numbered ? [...row, BigInt(i + 1)] : row))
  })
}
