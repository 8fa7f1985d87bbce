import { expect } from 'chai'
import fc from 'fast-check'
import type { OperatorSpec, SortKey } from '#core/graph/operator-spec.js'
import type { Value } from '#core/types/logical-type.js'
import { operatorTest } from '../../../operators/harness.js'
import { INTERRUPTIONS } from '../../../operators/interruptions.js'
import { formatRow, materialize, schemaOf, type Row } from '../../../operators/rows.js'
import { BATCHINGS, runOperator } from '../../../operators/run.js'

const key = (column: number, ascending = true, nullsFirst = ascending): SortKey => ({ column, ascending, nullsFirst })
const sort = (keys: SortKey[], output: 'changelog' | 'final', limit?: number, offset = 0, retractInput?: boolean): OperatorSpec => ({
  op: 'sort-limit',
  keys,
  offset,
  output,
  ...(limit === undefined ? {} : { limit }),
  ...(retractInput === undefined ? {} : { retractInput }),
})
const SCHEMA = 'name STRING, score INT'

describe('SortLimitOperator', () => {
  it('final: sorts at the end of input, equal keys in order of arrival', () =>
    operatorTest(sort([key(1, false)], 'final'), SCHEMA, SCHEMA).input(`+I a 1
              +I b 3
              +I c NULL
              +I d 3
              +I e 2`).output(`+I b 3
               +I d 3
               +I e 2
               +I a 1
               +I c NULL`))

  it('final: limit and offset, whether or not the input may retract', async () => {
    for (const retracts of [undefined, false, true]) {
      await operatorTest(sort([key(1)], 'final', 2, 1, retracts), SCHEMA, SCHEMA).input(`+I a 5
                +I b 1
                +I c 3
                +I d 2`).output(`+I d 2
                 +I c 3`)
    }
  })

  it('final: a retraction takes its row away', () =>
    operatorTest(sort([key(1)], 'final', 2), SCHEMA, SCHEMA).input(`+I a 1
              +I a 1
              +I b 2
              -D a 1
              +I c 0
              -D x 9`).output(`+I c 0
               +I a 1`))

  it('LIMIT alone keeps the first rows; LIMIT 0 none', async () => {
    const rows = `+I z 1
                  +I a 2
                  +I m 3`
    await operatorTest(sort([], 'final', 2), SCHEMA, SCHEMA)
      .input(rows)
      .output('+I z 1\n+I a 2')
    await operatorTest(sort([], 'changelog', 2, 0, false), SCHEMA, SCHEMA)
      .input(rows)
      .output('+I z 1\n+I a 2')
    await operatorTest(sort([], 'final', 0), SCHEMA, SCHEMA)
      .input(rows)
      .output('')
    await operatorTest(sort([key(1)], 'changelog', 0), SCHEMA, SCHEMA)
      .input(rows)
      .output('')
  })

  it('changelog: after each batch only what changed among the first rows', () =>
    operatorTest(sort([key(1, false)], 'changelog', 2), SCHEMA, SCHEMA).batching('rows').input(`+I a 5
              +I b 3
              +I c 4
              +I d 1
              -D a 5
              -U c 4
              +U c 9`).output(`+I a 5
               +I b 3
               -D b 3
               +I c 4
               -D a 5
               +I b 3
               -D c 4
               +I d 1
               -D d 1
               +I c 9`))

  it('changelog: a batch whose rows cancel out emits nothing of them', () =>
    operatorTest(sort([key(1)], 'changelog', 2), SCHEMA, SCHEMA)
      .batching('one')
      .input(
        `+I a 5
              +I b 1
              +I c 2
              -D c 2
              -D b 1`,
      )
      .output('+I a 5'))

  it('changelog: equal rows count, and what is shown of them is taken back copy by copy', () =>
    operatorTest(sort([key(1)], 'changelog', 3), SCHEMA, SCHEMA).batching('rows').input(`+I a 1
              +I b 2
              -D b 2
              +I a 1
              +I a 1
              +I a 1
              +I b 2
              -D a 1
              -D a 1
              -D a 1
              -D a 1`).output(`+I a 1
               +I b 2
               -D b 2
               +I a 1
               +I a 1
               -D a 1
               +I b 2
               -D a 1
               -D a 1`))

  it('changelog without a limit passes rows as they come', () =>
    operatorTest(sort([key(1)], 'changelog'), SCHEMA, SCHEMA)
      .input('+I a 5\n+I b 1\n-D a 5')
      .output('+I a 5\n+I b 1\n-D a 5'))

  it('orders every type; NULLs where the key says', async () => {
    const schema = 'b BOOLEAN, l BIGINT, x DOUBLE, t STRING, d DECIMAL(30, 2), ts TIMESTAMP(3)'
    const rows = [
      "FALSE -5 -1.5 a -10000000000000000000.50 '1969-01-01 00:00:00.000'",
      "FALSE -4 -0.0 ab 0.10 '1969-01-01 00:00:00.001'",
      "TRUE 4294967296 2.0 b 0.20 '1970-01-01 00:00:00.000'",
      "TRUE 9007199254740993 NaN é 20000000000000000000.00 '2024-01-01 00:00:00.000'",
    ].map((row) => `+I ${row}`)
    const nulls = '+I NULL NULL NULL NULL NULL NULL'
    for (const column of [0, 1, 2, 3, 4, 5]) {
      for (const limit of [undefined, 5]) {
        await operatorTest(sort([key(column, true, true), key(1, true, true)], 'final', limit, 0, false), schema, schema)
          .input([rows[2], rows[0], nulls, rows[3], rows[1]].join('\n'))
          .output([nulls, ...rows].join('\n'))
        await operatorTest(sort([key(column, false, false), key(1, false, false)], 'final', limit, 0, false), schema, schema)
          .input([rows[2], rows[0], nulls, rows[3], rows[1]].join('\n'))
          .output([...rows.toReversed(), nulls].join('\n'))
      }
    }
  }).timeout(20_000)

  it('equals a model over random changelogs', async () => {
    const schema = schemaOf(SCHEMA)
    const change = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom(1, 2, 3, 4, null), fc.nat(2))
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        fc.nat(2),
        fc.boolean(),
        fc.constantFrom(...BATCHINGS),
        fc.constantFrom(...INTERRUPTIONS),
        async (changes, limit, offset, retracts, batching, interruption) => {
          const held: Value[][] = []
          const rows = changes.map(([name, score, choice], i): Row => {
            if (retracts && choice === 0 && held.length > 0) return { kind: 3, values: held.splice((i * 7) % held.length, 1)[0] as Value[] }
            held.push([name, score])
            return { kind: 0, values: [name, score] }
          })
          // Unique by both columns together, so that ties cannot be told apart.
          const spec = (output: 'changelog' | 'final') => sort([key(1, false, true), key(0)], output, limit, offset, retracts)
          const value = (row: Value[]): number => (row[1] === null ? Infinity : (row[1] as number))
          const sorted = held.toSorted((a, b) =>
            value(a) !== value(b) ? value(b) - value(a) : (a[0] as string) < (b[0] as string) ? -1 : 1,
          )
          const expected = sorted.slice(offset, offset + limit).map((values) => formatRow({ kind: 0, values }, schema))
          const steps = rows.map((row) => ({ type: 'row', input: 0, row }) as const)
          const final = await runOperator({ spec: spec('final'), inputs: [schema], output: schema }, steps, batching, interruption)
          expect(final.rows.map((row) => formatRow(row, schema))).to.deep.equal(expected)
          const streaming = await runOperator({ spec: spec('changelog'), inputs: [schema], output: schema }, steps, batching, interruption)
          expect(materialize(streaming.rows, schema)).to.deep.equal(expected.map((line) => line.slice(3)).sort())
        },
      ),
      { numRuns: 100 },
    )
  }).timeout(20_000)

  it('sorts many rows with equal first keys by all keys', async () => {
    const schema = schemaOf(SCHEMA)
    const rows = Array.from({ length: 3000 }, (_, i): Row => ({ kind: 0, values: [`n${(i * 7919) % 3000}`, i % 3] }))
    const result = await runOperator(
      { spec: sort([key(1), key(0)], 'final'), inputs: [schema], output: schema },
      rows.map((row) => ({ type: 'row', input: 0, row }) as const),
      500,
    )
    const expected = rows.toSorted(
      (a, b) => (a.values[1] as number) - (b.values[1] as number) || ((a.values[0] as string) < (b.values[0] as string) ? -1 : 1),
    )
    expect(result.rows.map((row) => row.values)).to.deep.equal(expected.map((row) => row.values))
  })
})
