import { expect } from 'chai'
import fc from 'fast-check'
import type { AggregateCall, OperatorSpec } from '#core/graph/operator-spec.js'
import { BIGINT, decimal, DOUBLE, INT, notNull, STRING, type LogicalType, type Value } from '#core/types/logical-type.js'
import { OperatorTest, operatorTest } from '../../../operators/harness.js'
import { INTERRUPTIONS } from '../../../operators/interruptions.js'
import { formatRow, materialize, schemaOf, type Row } from '../../../operators/rows.js'
import { BATCHINGS, runOperator } from '../../../operators/run.js'

const call = (name: AggregateCall['function'], args: number[], type: LogicalType, more: Partial<AggregateCall> = {}): AggregateCall => ({
  function: name,
  args,
  distinct: false,
  type,
  ...more,
})
const COUNT_STAR = call('COUNT', [], notNull(BIGINT))
const aggregate = (
  keys: number[],
  calls: AggregateCall[],
  retractInput = false,
  output: 'changelog' | 'final' = 'changelog',
): OperatorSpec => ({
  op: 'group-aggregate',
  keys,
  calls,
  retractInput,
  output,
})

describe('GroupAggregateOperator', () => {
  it('emits +I for a new group and -U, +U for each later row', () =>
    operatorTest(aggregate([0], [COUNT_STAR]), 'k STRING, v INT', 'k STRING, n BIGINT').input(`+I a 1
              +I b 2
              +I a 3
              watermark 7`).output(`+I a 1
               +I b 1
               -U a 1
               +U a 2
               watermark 7`))

  const miniBatch = { 'table.exec.mini-batch.enabled': 'true' }

  it('with mini-batch emits what a batch has changed of a group as one change', () =>
    operatorTest(aggregate([0], [COUNT_STAR, call('SUM', [1], INT)], true), 'k STRING, v INT', 'k STRING, n BIGINT, s INT')
      .configuration(miniBatch)
      .batching('one').input(`+I a 1
              +I b 2
              +I a 3
              +I c 1
              -D c 1
              watermark 7
              +I a 4
              +I b 9
              -D b 9
              -D a 4
              +I a 5
              watermark 8
              -D a 1
              -D a 3
              -D a 5
              watermark 9`).output(`+I b 1 2
               +I a 2 4
               watermark 7
               -U a 2 4
               +U a 3 9
               watermark 8
               -D a 3 9
               watermark 9`))

  it('with mini-batch says the same in the end, however its input lies in batches', () =>
    operatorTest(aggregate([0], [COUNT_STAR], true), 'k STRING, v INT', 'k STRING, n BIGINT').configuration(miniBatch).input(`+I a 1
              +I b 2
              -D a 1
              +I a 3
              +I a 3
              -D b 2
              +I c 1`).materialized(`a 2
                     c 1`))

  it('has one group of -0.0 and 0.0, whose changes all have the key 0.0', () =>
    operatorTest(aggregate([0], [COUNT_STAR]), 'x DOUBLE', 'x DOUBLE, n BIGINT').input(`+I -0.0
              +I 0.0
              +I -0.0`).output(`+I 0.0 1
               -U 0.0 1
               +U 0.0 2
               -U 0.0 2
               +U 0.0 3`))

  it('emits nothing when no result changes', () =>
    operatorTest(aggregate([0], [call('MAX', [1], INT), call('COUNT', [1], BIGINT)]), 'k STRING, v INT', 'k STRING, m INT, n BIGINT')
      .input(
        `+I a 5
              +I a NULL
              +I a NULL`,
      )
      .output('+I a 5 1'))

  it('emits a distinct row once (no calls)', () =>
    operatorTest(aggregate([0, 1], []), 'a STRING, b INT', 'a STRING, b INT').input(`+I x 1
              +I x 1
              +I x NULL
              +I x NULL
              +I NULL 1`).output(`+I x 1
               +I x NULL
               +I NULL 1`))

  it('drops the group with -D when its last row is taken away, and starts anew after', () =>
    operatorTest(aggregate([0], [call('SUM', [1], INT), call('MIN', [1], INT)], true), 'k INT, v INT', 'k INT, s INT, m INT').input(`+I 1 10
              +I 1 4
              -U 1 10
              +U 1 11
              -D 1 4
              -D 1 11
              +I 1 2`).output(`+I 1 10 10
               -U 1 10 10
               +U 1 14 4
               -U 1 14 4
               +U 1 4 4
               -U 1 4 4
               +U 1 15 4
               -U 1 15 4
               +U 1 11 11
               -D 1 11 11
               +I 1 2 2`))

  it('ignores a retraction of a group that does not exist', () =>
    operatorTest(aggregate([0], [COUNT_STAR], true), 'k STRING', 'k STRING, n BIGINT')
      .input(
        `-D a
              +I a
              -U b`,
      )
      .output('+I a 1'))

  it('sums and averages of INT wrap and truncate, NULLs do not count', () =>
    operatorTest(
      aggregate([], [call('SUM', [0], INT), call('AVG', [0], INT), call('COUNT', [0], BIGINT)], false, 'final'),
      'v INT',
      's INT, a INT, n BIGINT',
    )
      .input(
        `+I 2147483647
              +I 3
              +I NULL`,
      )
      .output('+I -2147483646 1073741825 2'))

  it('truncates averages towards zero and wraps BIGINT sums', () =>
    operatorTest(
      aggregate([0], [call('SUM', [1], BIGINT), call('AVG', [1], BIGINT)], false, 'final'),
      'k INT, v BIGINT',
      'k INT, s BIGINT, a BIGINT',
    ).input(`+I 1 -7
              +I 1 0
              +I 2 9223372036854775807
              +I 2 2
              +I 3 9007199254740993
              +I 3 9007199254740993`).output(`+I 1 -7 -3
               +I 2 -9223372036854775807 -4611686018427387903
               +I 3 18014398509481986 9007199254740993`))

  it('sums DECIMAL exactly, over both widths and with retraction; averages round half up', () =>
    operatorTest(
      aggregate(
        [],
        [
          call('SUM', [0], decimal(38, 2)),
          call('AVG', [0], decimal(38, 6)),
          call('SUM', [1], decimal(38, 1)),
          call('MAX', [1], decimal(30, 1)),
        ],
        true,
      ),
      'a DECIMAL(10, 2), b DECIMAL(30, 1)',
      's DECIMAL(38, 2), a DECIMAL(38, 6), t DECIMAL(38, 1), m DECIMAL(30, 1)',
    ).input(`+I 1.00 12345678901234567890123456789.1
              +I 1.01 -0.2
              +I -0.01 98765432109876543210987654321.9
              -D -0.01 98765432109876543210987654321.9`)
      .output(`+I 1.00 1.000000 12345678901234567890123456789.1 12345678901234567890123456789.1
               -U 1.00 1.000000 12345678901234567890123456789.1 12345678901234567890123456789.1
               +U 2.01 1.005000 12345678901234567890123456788.9 12345678901234567890123456789.1
               -U 2.01 1.005000 12345678901234567890123456788.9 12345678901234567890123456789.1
               +U 2.00 0.666667 111111111011111111101111111110.8 98765432109876543210987654321.9
               -U 2.00 0.666667 111111111011111111101111111110.8 98765432109876543210987654321.9
               +U 2.01 1.005000 12345678901234567890123456788.9 12345678901234567890123456789.1`))

  it('a DECIMAL sum that does not fit is NULL', () =>
    operatorTest(aggregate([], [call('SUM', [0], decimal(38, 0))], false, 'final'), 'a DECIMAL(38, 0)', 's DECIMAL(38, 0)')
      .input(
        `+I 99999999999999999999999999999999999999
              +I 1`,
      )
      .output('+I NULL'))

  it('counts DISTINCT values and obeys FILTER', () =>
    operatorTest(
      aggregate(
        [0],
        [
          call('COUNT', [1], BIGINT, { distinct: true }),
          call('SUM', [1], INT, { distinct: true, filter: 2 }),
          call('COUNT', [], BIGINT, { filter: 2 }),
        ],
        true,
      ),
      'k STRING, v INT, f BOOLEAN',
      'k STRING, d BIGINT, s INT, n BIGINT',
    ).input(`+I a 5 TRUE
              +I a 5 FALSE
              +I a 5 TRUE
              +I a 6 NULL
              +I a NULL TRUE
              -D a 5 TRUE
              -D a 5 TRUE
              -D a 5 FALSE`).output(`+I a 1 5 1
               -U a 1 5 1
               +U a 1 5 2
               -U a 1 5 2
               +U a 2 5 2
               -U a 2 5 2
               +U a 2 5 3
               -U a 2 5 3
               +U a 2 5 2
               -U a 2 5 2
               +U a 2 NULL 1
               -U a 2 NULL 1
               +U a 1 NULL 1`))

  it('what a malformed changelog left behind does not count for the next life of a group', () =>
    operatorTest(
      aggregate([0], [call('COUNT', [1], BIGINT, { distinct: true }), call('MIN', [1], INT)], true),
      'k INT, v INT',
      'k INT, d BIGINT, m INT',
    ).input(`+I 1 5
              -D 1 6
              +I 1 7
              +I 1 5
              -D 1 7`).output(`+I 1 1 5
               -D 1 1 5
               +I 1 1 7
               -U 1 1 7
               +U 1 2 5
               -U 1 2 5
               +U 1 1 5`))

  it('a value stays the least until the last row that has it is taken away', () =>
    operatorTest(
      aggregate([0], [call('MIN', [1], INT), call('COUNT', [1], BIGINT, { distinct: true })], true),
      'k INT, v INT',
      'k INT, m INT, d BIGINT',
    ).input(`+I 1 5
              +I 1 5
              +I 1 5
              +I 1 7
              -D 1 5
              -D 1 5
              -D 1 5
              +I 1 5
              -D 1 7
              -D 1 5
              +I 1 9`).output(`+I 1 5 1
               -U 1 5 1
               +U 1 5 2
               -U 1 5 2
               +U 1 7 1
               -U 1 7 1
               +U 1 5 2
               -U 1 5 2
               +U 1 5 1
               -D 1 5 1
               +I 1 9 1`))

  it('aggregates every type', () => {
    const columns = ['BOOLEAN', 'INT', 'BIGINT', 'DOUBLE', 'DECIMAL(10, 2)', 'DECIMAL(30, 2)', 'STRING', 'DATE', 'TIMESTAMP(3)']
    const input = schemaOf(`k INT, ${columns.map((type, i) => `c${i} ${type}`).join(', ')}`)
    const types = input.fields.map((field) => field.type)
    const [wide, average] = [decimal(38, 2), decimal(38, 6)]
    const calls = [
      ...types.flatMap((type, i) => (i === 0 ? [] : [call('MIN', [i], type), call('MAX', [i], type)])),
      ...types.flatMap((_, i) => (i === 0 ? [] : [call('COUNT', [i], BIGINT, { distinct: true })])),
      call('SUM', [2], INT),
      call('SUM', [3], BIGINT),
      call('SUM', [4], DOUBLE),
      call('SUM', [5], wide),
      call('SUM', [6], wide),
      call('AVG', [2], INT),
      call('AVG', [3], BIGINT),
      call('AVG', [4], DOUBLE),
      call('AVG', [5], average),
      call('AVG', [6], average),
    ]
    const output = `k INT, ${columns.map((type, i) => `l${i} ${type}, m${i} ${type}`).join(', ')}, ${columns.map((_, i) => `d${i} BIGINT`).join(', ')},
      s1 INT, s2 BIGINT, s3 DOUBLE, s4 DECIMAL(38, 2), s5 DECIMAL(38, 2), a1 INT, a2 BIGINT, a3 DOUBLE, a4 DECIMAL(38, 6), a5 DECIMAL(38, 6)`
    const low = "FALSE -3 -9007199254740993 -1.5 -0.25 -10000000000000000000.50 a 1969-12-31 '1969-12-31 23:59:59.999'"
    const high = "TRUE 4 9007199254740995 2.5 0.75 10000000000000000001.00 é 2024-02-29 '2024-02-29 00:00:00.000'"
    const lows = low.match(/'[^']*'|\S+/g) as string[]
    const highs = high.match(/'[^']*'|\S+/g) as string[]
    const both = `+I 1 ${lows.map((word, i) => `${word} ${highs[i]}`).join(' ')} ${'2 '.repeat(9)}
      1 2 1.0 0.50 0.50 0 1 0.5 0.250000 0.250000`
    const nothing = `+I 2 ${'NULL NULL '.repeat(9)} ${'0 '.repeat(9)} ${'NULL '.repeat(10)}`
    const line = (text: string): string =>
      text
        .trim()
        .replace(/\s+/g, ' ')
        .replace(/'(\S+) (\S+)'/g, "'$1 $2'")
    const nulls = `NULL ${'NULL '.repeat(8)}`
    return Promise.all(
      [false, true].map((retract) =>
        new OperatorTest({ spec: aggregate([0], calls, retract, 'final'), inputs: [input], output: schemaOf(output) })
          .input(`+I 1 ${high}\n+I 2 ${nulls}\n+I 1 ${low}\n+I 1 ${nulls}`)
          .output(`${line(both)}\n${line(nothing)}`),
      ),
    )
  }).timeout(20_000)

  it('MIN and MAX of texts compare code points', () =>
    operatorTest(aggregate([0], [call('MIN', [1], STRING), call('MAX', [1], STRING)]), 'k INT, v STRING', 'k INT, a STRING, b STRING')
      .input(`+I 1 b
              +I 1 NULL
              +I 1 é
              +I 1 a
              +I 2 NULL
              +I 2 ''`).output(`+I 1 b b
               -U 1 b b
               +U 1 b é
               -U 1 b é
               +U 1 a é
               +I 2 NULL NULL
               -U 2 NULL NULL
               +U 2 '' ''`))

  it('final: one row per group at the end, and one over no input when there are no keys', async () => {
    await operatorTest(aggregate([0], [COUNT_STAR], false, 'final'), 'k STRING', 'k STRING, n BIGINT').input(`+I b
              +I a
              +I b`).output(`+I b 2
               +I a 1`)
    await operatorTest(aggregate([], [COUNT_STAR, call('SUM', [0], INT)], false, 'final'), 'v INT', 'n BIGINT, s INT').output('+I 0 NULL')
    await operatorTest(aggregate([0], [COUNT_STAR], false, 'final'), 'k STRING', 'k STRING, n BIGINT').output('')
    await operatorTest(aggregate([], [COUNT_STAR]), 'v INT', 'n BIGINT').output('')
  })

  it('holds -0.0 and 0.0, and all NaN, for one key', () =>
    operatorTest(aggregate([0], [COUNT_STAR], false, 'final'), 'k DOUBLE', 'k DOUBLE, n BIGINT').input(`+I 0.0
              +I -0.0
              +I NaN
              +I NaN`).output(`+I 0.0 2
               +I NaN 2`))

  it('equals a model over random changelogs, and its own changelog is valid', async () => {
    const input = schemaOf('k STRING, j INT, v INT, w BIGINT, x DOUBLE, t STRING, f BOOLEAN')
    const output = schemaOf(
      'k STRING, j INT, n BIGINT, s INT, sw BIGINT, sx DOUBLE, av BIGINT, mi INT, ma BIGINT, mt STRING, mx DOUBLE, d BIGINT, ds INT, fw BIGINT',
    )
    const spec = (retract: boolean, mode: 'changelog' | 'final') =>
      aggregate(
        [0, 1],
        [
          COUNT_STAR,
          call('SUM', [2], INT),
          call('SUM', [3], BIGINT),
          call('SUM', [4], DOUBLE),
          call('AVG', [3], BIGINT),
          call('MIN', [2], INT),
          call('MAX', [3], BIGINT),
          call('MIN', [5], STRING),
          call('MAX', [4], DOUBLE),
          call('COUNT', [5], BIGINT, { distinct: true }),
          call('SUM', [2], INT, { distinct: true }),
          call('SUM', [3], BIGINT, { filter: 6 }),
        ],
        retract,
        mode,
      )
    await fc.assert(
      fc.asyncProperty(
        changelogs(),
        fc.constantFrom(...BATCHINGS),
        fc.constantFrom(...INTERRUPTIONS),
        async (changelog, batching, interruption) => {
          const retracts = changelog.some((row) => row.kind === 3 || row.kind === 1)
          const steps = changelog.map((row) => ({ type: 'row', input: 0, row }) as const)
          const expected = model(changelog)
            .map((values) => formatRow({ kind: 0, values }, output).slice(3))
            .sort()
          const streaming = await runOperator({ spec: spec(true, 'changelog'), inputs: [input], output }, steps, batching, interruption)
          expect(materialize(streaming.rows, output)).to.deep.equal(expected)
          const final = await runOperator({ spec: spec(retracts, 'final'), inputs: [input], output }, steps, batching, interruption)
          expect(final.rows.map((row) => formatRow(row, output).slice(3)).sort()).to.deep.equal(expected)
        },
      ),
      { numRuns: 40 },
    )
  }).timeout(20_000)
})

/** Valid changelogs over few keys and values, so that groups come and go. */
function changelogs(): fc.Arbitrary<Row[]> {
  const values = fc.tuple(
    fc.constantFrom('a', 'bb', null),
    fc.constantFrom(1, null),
    fc.constantFrom(1, 2, -3, null),
    fc.constantFrom(10n, 2n ** 62n, -5n, null),
    fc.constantFrom(0.5, -2, null),
    fc.constantFrom('x', 'yy', '', null),
    fc.constantFrom(true, false, null),
  )
  return fc.array(fc.tuple(values, fc.nat(2)), { maxLength: 60 }).map((steps) => {
    const held: Value[][] = []
    const rows: Row[] = []
    for (const [row, choice] of steps) {
      if (choice === 0 && held.length > 0) rows.push({ kind: 3, values: held.splice((rows.length * 7) % held.length, 1)[0] as Value[] })
      else {
        held.push(row)
        rows.push({ kind: 0, values: row })
      }
    }
    return rows
  })
}

function model(changelog: readonly Row[]): Value[][] {
  const groups = new Map<string, Value[][]>()
  for (const row of changelog) {
    const key = JSON.stringify(row.values.slice(0, 2))
    const rows = groups.get(key) ?? []
    groups.set(key, rows)
    if (row.kind === 0) rows.push([...row.values])
    else
      rows.splice(
        rows.findIndex((other) => other.every((value, i) => value === row.values[i])),
        1,
      )
  }
  return [...groups.values()]
    .filter((rows) => rows.length > 0)
    .map((rows) => {
      const column = <T extends Value>(i: number): Exclude<T, null>[] =>
        rows.map((row) => row[i] as T).filter((value) => value !== null) as Exclude<T, null>[]
      const sum32 = (of: number[]): Value => (of.length === 0 ? null : of.reduce((a, b) => (a + b) | 0, 0))
      const sum64 = (of: bigint[]): bigint | null =>
        of.length === 0
          ? null
          : BigInt.asIntN(
              64,
              of.reduce((a, b) => a + b, 0n),
            )
      const least = <T extends number | bigint | string>(of: T[]): T | null =>
        of.reduce<T | null>((a, b) => (a === null || b < a ? b : a), null)
      const most = <T extends number | bigint | string>(of: T[]): T | null =>
        of.reduce<T | null>((a, b) => (a === null || b > a ? b : a), null)
      const w = column<bigint>(3)
      const x = column<number>(4)
      const total = sum64(w)
      return [
        ...(rows[0] as Value[]).slice(0, 2),
        BigInt(rows.length),
        sum32(column<number>(2)),
        total,
        x.length === 0 ? null : x.reduce((a, b) => a + b, 0),
        total === null ? null : total / BigInt(w.length),
        least(column<number>(2)),
        most(w),
        least(column<string>(5)),
        most(x),
        BigInt(new Set(column<string>(5)).size),
        sum32([...new Set(column<number>(2))]),
        sum64(rows.filter((row) => row[6] === true && row[3] !== null).map((row) => row[3] as bigint)),
      ]
    })
}
