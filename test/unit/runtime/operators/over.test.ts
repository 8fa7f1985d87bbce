import { expect } from 'chai'
import fc from 'fast-check'
import type { OverCall, SpecOf } from '#core/graph/operator-spec.js'
import { BIGINT, DOUBLE, INT, notNull, type Value } from '#core/types/logical-type.js'
import { operatorTest } from '../../../operators/harness.js'
import { INTERRUPTIONS } from '../../../operators/interruptions.js'
import { formatRow, materialize, schemaOf } from '../../../operators/rows.js'
import { BATCHINGS, runOperator, type Step } from '../../../operators/run.js'

const call = (name: OverCall['function'], args: number[], type: OverCall['type'] = BIGINT, more: Partial<OverCall> = {}): OverCall => ({
  function: name,
  args,
  distinct: false,
  type,
  ...more,
})
const over = (of: Partial<SpecOf<'over'>> = {}): SpecOf<'over'> => ({
  op: 'over',
  partition: [0],
  order: [{ column: 1, ascending: true, nullsFirst: true }],
  frame: { unit: 'RANGE', start: null, end: 0 },
  calls: [call('SUM', [2], INT)],
  retractInput: false,
  output: 'changelog',
  ...of,
})
const INPUT = 'k STRING, o INT, v INT'
const SUMMED = 'k STRING, o INT, v INT, s INT'
const TIMED = 'k STRING, t TIMESTAMP(3), v INT'
const TIMED_SUM = 'k STRING, t TIMESTAMP(3), v INT, s INT'

describe('OVER by any order', () => {
  it('tells what a row changes for the rows behind it', () =>
    operatorTest(over(), INPUT, SUMMED).batching('rows').input(`+I a 1 1
      +I a 3 3
      +I b 1 7
      +I a 2 2`).output(`+I a 1 1 1
      +I a 3 3 4
      +I b 1 7 7
      +I a 2 2 3
      -U a 3 3 4
      +U a 3 3 6`))

  it('with RANGE rows of equal keys see each other, with ROWS those before them', async () => {
    const rows = `+I a 1 1
      +I a 1 2
      +I a 1 4`
    await operatorTest(over(), INPUT, SUMMED).input(rows).materialized(`a 1 1 7\na 1 2 7\na 1 4 7`)
    await operatorTest(over({ frame: { unit: 'ROWS', start: null, end: 0 } }), INPUT, SUMMED)
      .input(rows)
      .materialized(`a 1 1 1\na 1 2 3\na 1 4 7`)
  })

  it('takes back what a row that goes had given', () =>
    operatorTest(over({ retractInput: true }), INPUT, SUMMED).batching('rows').input(`+I a 1 1
      +I a 2 2
      +I a 1 1
      -D a 1 1
      -D a 1 1
      -D a 2 2`).output(`+I a 1 1 1
      +I a 2 2 3
      -U a 1 1 1
      +U a 1 1 2
      +I a 1 1 2
      -U a 2 2 3
      +U a 2 2 4
      -D a 1 1 2
      -U a 1 1 2
      +U a 1 1 1
      -U a 2 2 4
      +U a 2 2 3
      -D a 1 1 1
      -U a 2 2 3
      +U a 2 2 2
      -D a 2 2 2`))

  it('numbers, ranks and other rows of a bounded input', () =>
    operatorTest(
      over({
        output: 'final',
        frame: { unit: 'ROWS', start: null, end: null },
        calls: [
          call('ROW_NUMBER', [], notNull(BIGINT)),
          call('RANK', [], notNull(BIGINT)),
          call('DENSE_RANK', [], notNull(BIGINT)),
          call('PERCENT_RANK', [], notNull(DOUBLE)),
          call('CUME_DIST', [], notNull(DOUBLE)),
          call('NTILE', [], notNull(INT), { offset: 2 }),
          call('LAG', [2], INT, { offset: 1 }),
          call('LEAD', [2, 1], INT, { offset: 2 }),
          call('FIRST_VALUE', [2], INT),
          call('LAST_VALUE', [2], INT),
        ],
      }),
      INPUT,
      `${INPUT}, n BIGINT, r BIGINT, d BIGINT, p DOUBLE, c DOUBLE, t INT, lag INT, lead INT, f INT, l INT`,
    )
      .input(
        `+I a 1 NULL
      +I a 2 20
      +I a 2 30
      +I b 7 9
      +I a 4 NULL
      +I a 5 50`,
      )
      .materialized(
        `a 1 NULL 1 1 1 0.0 0.2 1 NULL 30 20 50
      a 2 20 2 2 2 0.25 0.6 1 NULL NULL 20 50
      a 2 30 3 2 2 0.25 0.6 1 20 50 20 50
      a 4 NULL 4 4 3 0.75 0.8 2 30 4 20 50
      a 5 50 5 5 4 1.0 1.0 2 NULL 5 20 50
      b 7 9 1 1 1 0.0 1.0 1 NULL 7 9 9`,
      ))
})

describe('OVER by time', () => {
  it('lets rows out in the order of time when the watermark has passed them', () =>
    operatorTest(over({ output: 'rowtime' }), TIMED, TIMED_SUM)
      .input(
        `+I a '1970-01-01 00:00:02' 2
      +I b '1970-01-01 00:00:02' 7
      +I a '1970-01-01 00:00:01' 1
      +I a '1970-01-01 00:00:02' 4
      watermark 1999
      +I a '1970-01-01 00:00:01' 100
      watermark 2000`,
      )
      .output(
        `+I a '1970-01-01 00:00:01.000' 1 1
      watermark 1999
      +I a '1970-01-01 00:00:02.000' 2 7
      +I b '1970-01-01 00:00:02.000' 7 7
      +I a '1970-01-01 00:00:02.000' 4 7
      watermark 2000`,
        1,
      ))

  it('lets rows out at once by processing time', () =>
    operatorTest(over({ output: 'processing-time', frame: { unit: 'ROWS', start: -1, end: 0 } }), TIMED, TIMED_SUM)
      .input(
        `+I a '1970-01-01 00:00:02' 2
      +I a '1970-01-01 00:00:01' 1
      +I b '1970-01-01 00:00:01' 9
      +I a '1970-01-01 00:00:03' 4`,
      )
      .output(
        `+I a '1970-01-01 00:00:02.000' 2 2
      +I a '1970-01-01 00:00:01.000' 1 3
      +I b '1970-01-01 00:00:01.000' 9 9
      +I a '1970-01-01 00:00:03.000' 4 5`,
      ))

  it('by processing time a row leaves the range as time passes', async () => {
    const row = (value: number): Step => ({ type: 'row', input: 0, row: { kind: 0, values: ['a', 0n, value] } })
    const spec = over({ output: 'processing-time', frame: { unit: 'RANGE', start: -1000, end: 0 } })
    const [input, output] = [schemaOf(TIMED), schemaOf(TIMED_SUM)]
    const steps: Step[] = [row(2), { type: 'wait', ms: 1000 }, row(1), { type: 'wait', ms: 1 }, row(4)]
    const result = await runOperator({ spec, inputs: [input], output }, steps, 'rows')
    expect(result.rows.map(({ values }) => values.at(-1))).to.deep.equal([2, 3, 5])
  })

  it('LAG looks at rows that have come out long ago', () =>
    operatorTest(
      over({
        output: 'rowtime',
        calls: [call('LAG', [2], INT, { offset: 2 }), call('LAG', [2, 2], INT, { offset: 1 }), call('COUNT', [], notNull(BIGINT))],
      }),
      TIMED,
      `${TIMED}, two INT, one INT, n BIGINT`,
    )
      .input(
        `+I a '1970-01-01 00:00:01' 1
      +I b '1970-01-01 00:00:02' 7
      watermark 2000
      +I a '1970-01-01 00:00:03' 2
      watermark 3000
      +I a '1970-01-01 00:00:04' NULL
      watermark 4000
      +I a '1970-01-01 00:00:05' 4`,
      )
      .output(
        `+I a '1970-01-01 00:00:01.000' 1 NULL 1 1
      +I b '1970-01-01 00:00:02.000' 7 NULL 7 1
      +I a '1970-01-01 00:00:03.000' 2 NULL 1 2
      +I a '1970-01-01 00:00:04.000' NULL 1 2 3
      +I a '1970-01-01 00:00:05.000' 4 2 NULL 4`,
      ))
})

const FRAMES: readonly SpecOf<'over'>['frame'][] = [
  { unit: 'ROWS', start: null, end: 0 },
  { unit: 'RANGE', start: null, end: 0 },
  { unit: 'ROWS', start: -2, end: 0 },
  { unit: 'ROWS', start: 0, end: 0 },
  { unit: 'RANGE', start: -2, end: 0 },
  { unit: 'RANGE', start: 0, end: 0 },
]
/** Only over inputs that end. */
const WIDE_FRAMES: readonly SpecOf<'over'>['frame'][] = [
  { unit: 'ROWS', start: null, end: null },
  { unit: 'ROWS', start: -3, end: -2 },
  { unit: 'ROWS', start: 1, end: 2 },
  { unit: 'RANGE', start: -1, end: 1 },
  { unit: 'RANGE', start: 1, end: null },
]
const CALLS = [
  call('SUM', [2], INT),
  call('COUNT', [], notNull(BIGINT)),
  call('COUNT', [2], notNull(BIGINT), { distinct: true }),
  call('MIN', [2], INT),
  call('FIRST_VALUE', [2], INT),
  call('LAST_VALUE', [2], INT),
]
const RESULTS = 's INT, c BIGINT, d BIGINT, m INT, f INT, l INT'

type Row = readonly [key: string | null, order: number | null, value: number | null]
const rows = fc.array(
  fc.tuple(fc.constantFrom('a', 'b', null), fc.constantFrom(1, 2, 3, 4, 5, 6, 7), fc.constantFrom(1, 2, 3, null)) as fc.Arbitrary<Row>,
  { maxLength: 30 },
)

/** By definition: rows with equal keys in the order given. */
function modelled(all: readonly Row[], frame: SpecOf<'over'>['frame']): Value[][] {
  return ['a', 'b', null].flatMap((key) => {
    const own = all.filter(([k]) => k === key)
    const orderOf = ([, order]: Row): number => order ?? -Infinity
    const sorted = own.map((row, i) => ({ row, i })).sort((a, b) => orderOf(a.row) - orderOf(b.row) || a.i - b.i)
    return sorted.map(({ row }, at) => {
      const seen = sorted
        .filter(({ row: other }, place) => {
          const apart = frame.unit === 'ROWS' ? place - at : orderOf(other) === orderOf(row) ? 0 : orderOf(other) - orderOf(row)
          // The time that is not known is as far from itself as one likes.
          if (frame.unit === 'RANGE' && other[1] === null && row[1] === null) return true
          return (frame.start === null || apart >= frame.start) && (frame.end === null || apart <= frame.end)
        })
        .map(({ row: [, , value] }) => value)
      const values = seen.filter((value) => value !== null)
      const none = values.length === 0
      return [
        ...row,
        none ? null : values.reduce((a, b) => a + b, 0),
        BigInt(seen.length),
        BigInt(new Set(values).size),
        none ? null : Math.min(...values),
        values[0] ?? null,
        values.at(-1) ?? null,
      ]
    })
  })
}

describe('OVER equals a model, however it is interrupted', () => {
  it('over changelogs and bounded inputs', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.tuple(
            fc.tuple(fc.constantFrom('a', 'b', null), fc.constantFrom(1, 2, 3, null), fc.constantFrom(1, 2, null)) as fc.Arbitrary<Row>,
            fc.nat(),
            fc.boolean(),
          ),
          { maxLength: 40 },
        ),
        fc.constantFrom<'append' | 'retract' | 'final'>('append', 'retract', 'final'),
        fc.nat(),
        fc.constantFrom(...BATCHINGS),
        fc.constantFrom(...INTERRUPTIONS),
        async (script, how, pick, batching, interruption) => {
          const frames = how === 'final' ? [...FRAMES, ...WIDE_FRAMES] : FRAMES.slice(0, 2)
          const frame = frames[pick % frames.length] as SpecOf<'over'>['frame']
          const steps: Step[] = []
          let held: Row[] = []
          for (const [row, which, removes] of script) {
            const gone = held[which % Math.max(1, held.length)]
            if (how === 'retract' && removes && gone !== undefined) {
              const at = held.findLastIndex((other) => String(other) === String(gone))
              held = held.filter((_, i) => i !== at)
              steps.push({ type: 'row', input: 0, row: { kind: 3, values: [...gone] } })
            } else {
              // Of an input that retracts equal rows stand together.
              const at = how === 'retract' ? held.findLastIndex((other) => String(other) === String(row)) : -1
              held = at < 0 ? [...held, row] : held.toSpliced(at, 0, row)
              steps.push({ type: 'row', input: 0, row: { kind: 0, values: [...row] } })
            }
          }
          const [input, output] = [schemaOf(INPUT), schemaOf(`${INPUT}, ${RESULTS}`)]
          const spec = over({ frame, calls: CALLS, retractInput: how === 'retract', output: how === 'final' ? 'final' : 'changelog' })
          const result = await runOperator({ spec, inputs: [input], output }, steps, batching, interruption)
          expect(materialize(result.rows, output)).to.deep.equal(
            modelled(held, frame)
              .map((values) => formatRow({ kind: 0, values }, output).slice(3))
              .sort(),
          )
        },
      ),
      { numRuns: 100 },
    )
  }).timeout(60_000)

  it('over event time', async () => {
    await fc.assert(
      fc.asyncProperty(
        rows,
        fc.array(fc.integer({ min: 0, max: 8 }), { maxLength: 4 }),
        fc.constantFrom(...FRAMES),
        fc.constantFrom(...BATCHINGS),
        fc.constantFrom(...INTERRUPTIONS),
        async (all, watermarks, frame, batching, interruption) => {
          const steps: Step[] = []
          const marks = [...new Set(watermarks)].sort((a, b) => a - b)
          const every = Math.ceil((all.length + 1) / (marks.length + 1))
          let watermark = -Infinity
          const kept: Row[] = []
          all.forEach((row, i) => {
            if (i > 0 && i % every === 0) {
              const next = marks.shift()
              if (next !== undefined) steps.push({ type: 'watermark', watermark: (watermark = next) })
            }
            if ((row[1] as number) > watermark) kept.push(row)
            steps.push({ type: 'row', input: 0, row: { kind: 0, values: [row[0], BigInt(row[1] as number), row[2]] } })
          })
          const [input, output] = [schemaOf(TIMED), schemaOf(`${TIMED}, ${RESULTS}`)]
          const spec = over({ frame, calls: CALLS, output: 'rowtime' })
          const result = await runOperator({ spec, inputs: [input], output }, steps, batching, interruption)
          expect(materialize(result.rows, output)).to.deep.equal(
            modelled(kept, frame)
              .map((values) => formatRow({ kind: 0, values: values.with(1, BigInt(values[1] as number)) }, output).slice(3))
              .sort(),
          )
          expect(result.late).to.equal(all.length - kept.length)
        },
      ),
      { numRuns: 100 },
    )
  }).timeout(60_000)
})
