import { expect } from 'chai'
import fc from 'fast-check'
import type { Expression } from '#core/graph/expression.js'
import type { MatchExpression, MatchInput, MatchSkip, PatternVariable, SpecOf } from '#core/graph/operator-spec.js'
import { BIGINT, BOOLEAN, INT, notNull, type LogicalType, type Value } from '#core/types/logical-type.js'
import { operatorTest } from '../../../operators/harness.js'
import { INTERRUPTIONS } from '../../../operators/interruptions.js'
import { formatRow, materialize, schemaOf, type Row } from '../../../operators/rows.js'
import { BATCHINGS, runOperator, type Step } from '../../../operators/run.js'

const INPUT = 'k STRING, v INT, t BIGINT'
const [KEY, VALUE, TIME] = [0, 1, 2]

type Variable = Omit<PatternVariable, 'condition'> & { readonly condition?: Condition }
/** The value is among these; or it is more than that of the variable's row before, if there is one. */
type Condition = { readonly in: readonly number[] } | 'rising'

const input = (index: number, type: LogicalType): Expression => ({ kind: 'input', index, type })
const literal = (value: number): Expression => ({ kind: 'literal', value, type: notNull(INT) })
const call = (name: string, type: LogicalType, ...args: Expression[]): Expression => ({ kind: 'call', name, args, type })
const row = (variable: number | null, column: number, first = false, offset = 0): MatchInput => {
  return { kind: 'row', variable, first, offset, column }
}
const measure = (one: MatchInput, type: LogicalType): MatchExpression => ({ expression: input(0, type), inputs: [one] })
const count = (variable: number | null): MatchExpression =>
  measure({ kind: 'aggregate', variable, args: [], call: { function: 'COUNT', args: [], distinct: false, type: notNull(BIGINT) } }, BIGINT)
const sum = (variable: number | null): MatchExpression =>
  measure({ kind: 'aggregate', variable, args: [input(VALUE, INT)], call: { function: 'SUM', args: [0], distinct: false, type: INT } }, INT)

function conditionOf(condition: Condition, variable: number): MatchExpression {
  if (condition !== 'rising')
    return { expression: call('IN', BOOLEAN, input(0, INT), ...condition.in.map(literal)), inputs: [row(null, VALUE)] }
  const [now, before] = [input(0, INT), input(1, INT)]
  return {
    expression: call('OR', BOOLEAN, call('IS NULL', notNull(BOOLEAN), before), call('>', BOOLEAN, now, before)),
    inputs: [row(null, VALUE), row(variable, VALUE, false, 1)],
  }
}

const variable = (name: string, condition: Condition, least = 1, most: number | null = 1, greedy = true): Variable => {
  return { name, least, most, greedy, condition }
}

function match(pattern: readonly Variable[], skip: MatchSkip, more: Partial<SpecOf<'match-recognize'>> = {}): SpecOf<'match-recognize'> {
  return {
    op: 'match-recognize',
    partition: [KEY],
    timeColumn: TIME,
    order: [],
    pattern: pattern.map(({ condition, ...one }, i) => (condition === undefined ? one : { ...one, condition: conditionOf(condition, i) })),
    skip,
    measures: [measure(row(null, TIME, true), BIGINT), measure(row(null, TIME), BIGINT), sum(0)],
    ...more,
  }
}
const OUTPUT = 'k STRING, begin BIGINT, over BIGINT, s INT'
const NEXT: MatchSkip = { kind: 'to-next-row' }
const PAST: MatchSkip = { kind: 'past-last-row' }
const LOW = { in: [1] }
const HIGH = { in: [2] }

describe('MatchOperator', () => {
  it('finds rows in the order of time, in each partition, once the watermark has reached them', () =>
    operatorTest(match([variable('A', LOW), variable('B', HIGH)], PAST), INPUT, OUTPUT).input(`+I a 2 3
              +I a 1 1
              +I b 1 2
              +I NULL 1 4
              +I b 3 3
              watermark 2
              +I NULL 2 5
              +I b 2 4
              watermark 5`).output(`watermark 2
               +I a 1 3 1
               +I NULL 4 5 1
               watermark 5`))

  it('drops what comes behind the watermark, and counts it', () =>
    operatorTest(match([variable('A', LOW), variable('B', HIGH)], PAST), INPUT, OUTPUT)
      .input(
        `+I a 1 1
              watermark 4
              +I a 3 4
              +I a 2 5`,
      )
      .output(
        `watermark 4
               +I a 1 5 1`,
        1,
      ))

  it('is greedy as Flink is: what a variable takes never belongs to the next one', () =>
    operatorTest(match([variable('A', { in: [1, 2] }, 1, null), variable('B', { in: [2, 3] })], PAST), INPUT, OUTPUT)
      .input(
        `+I a 1 1
              +I a 2 2
              +I a 2 3
              +I a 3 4
              +I a 2 5`,
      )
      .output(`+I a 1 4 5`))

  it('a reluctant variable takes as few rows as it may', () =>
    operatorTest(match([variable('A', LOW), variable('B', { in: [1, 2] }, 1, null, false)], PAST), INPUT, OUTPUT).input(`+I a 1 1
              +I a 2 2
              +I a 1 3
              +I a 1 4`).output(`+I a 1 2 1
               +I a 3 4 1`))

  it('goes on at the next row, or where a variable says', async () => {
    const script = '+I a 1 1\n+I a 1 2\n+I a 1 3\n+I a 2 4'
    const pattern = [variable('A', LOW), variable('B', LOW, 0, null), variable('C', HIGH)]
    await operatorTest(match(pattern, NEXT), INPUT, OUTPUT).input(script).output('+I a 1 4 1\n+I a 2 4 1\n+I a 3 4 1')
    await operatorTest(match(pattern, PAST), INPUT, OUTPUT).input(script).output('+I a 1 4 1')
    await operatorTest(match(pattern, { kind: 'to-last', variable: 2 }), INPUT, OUTPUT)
      .input(script)
      .output('+I a 1 4 1')
    await operatorTest(
      match(
        pattern.slice(0, 2).map((one, i) => (i === 1 ? { ...one, least: 2, most: 2 } : one)),
        { kind: 'to-last', variable: 1 },
      ),
      INPUT,
      OUTPUT,
    )
      .input(`${script}\n+I a 1 5`)
      .output('+I a 1 3 1')
  }).timeout(20_000)

  it('ends the job when it cannot go on where it is told', async () => {
    const run = (skip: MatchSkip): Promise<unknown> =>
      runOperator(
        {
          spec: match([variable('A', LOW), variable('B', LOW, 0, 1), variable('C', HIGH)], skip),
          inputs: [schemaOf(INPUT)],
          output: schemaOf(OUTPUT),
        },
        [
          { type: 'row', input: 0, row: { kind: 0, values: ['a', 1, 1n] } },
          { type: 'row', input: 0, row: { kind: 0, values: ['a', 2, 2n] } },
        ],
        'one',
      ).then(
        () => undefined,
        (error: Error) => error.message,
      )
    expect(await run({ kind: 'to-first', variable: 0 })).to.contain('Could not skip to first element of a match.')
    expect(await run({ kind: 'to-first', variable: 1 })).to.contain('Could not skip to B. No such element in the found match.')
  })

  it('gives up what takes too long, and then lets out what waited for it', () =>
    operatorTest(
      match([variable('A', { in: [1, 2] }), variable('B', { in: [2, 3] }, 1, null, true), variable('C', { in: [4] })], PAST, {
        withinMs: 10,
      }),
      INPUT,
      OUTPUT,
    ).input(`+I a 1 1
              +I a 3 5
              +I a 4 11
              +I a 1 20
              +I a 3 21
              +I a 4 29
              watermark 40`).output(`+I a 20 29 1
               watermark 40`))

  it('sorts rows of one time by the other columns of ORDER BY', () =>
    operatorTest(
      match([variable('A', LOW), variable('B', HIGH)], PAST, { order: [{ column: VALUE, ascending: true, nullsFirst: true }] }),
      INPUT,
      OUTPUT,
    )
      .input(
        `+I a 2 1
              +I a 1 1
              +I a NULL 1`,
      )
      .output(`+I a 1 1 1`))

  it('MATCH_ROWTIME() is the time at which the match comes out', () =>
    operatorTest(
      match([variable('A', LOW), variable('B', HIGH)], PAST, { measures: [measure({ kind: 'rowtime' }, notNull(BIGINT)), count(null)] }),
      INPUT,
      'k STRING, t BIGINT, n BIGINT',
    ).input(`+I a 1 1
              +I a 2 7
              watermark 9`).output(`+I a 7 2
               watermark 9`))

  it('in processing time rows are looked at when they come, and old matches go without any more of them', () =>
    operatorTest(match([variable('A', LOW), variable('B', HIGH)], PAST, { processingTime: true, withinMs: 100 }), INPUT, OUTPUT)
      .input(
        `+I a 1 9
              +I a 2 1
              +I a 1 5
              wait 150
              +I a 2 6`,
      )
      .output(`+I a 9 1 1`))

  it('equals a naive matcher over random patterns and rows, whatever interrupts it', async () => {
    const condition = fc.oneof(
      fc.subarray([1, 2, 3], { minLength: 1 }).map((values): Condition => ({ in: values })),
      fc.constant<Condition>('rising'),
    )
    const quantifier = fc.constantFrom<readonly [number, number | null, boolean]>(
      ...([
        [1, 1, true],
        [1, 1, true],
        [1, null, true],
        [0, null, true],
        [0, 1, true],
        [2, 2, true],
        [1, 2, true],
        [0, 2, true],
      ] as const),
      ...([
        [2, null, true],
        [1, null, false],
        [0, null, false],
        [1, 3, false],
      ] as const),
    )
    const element = fc.tuple(condition, quantifier)
    let compared = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(element, { minLength: 1, maxLength: 3 }),
        fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 5 }), fc.boolean()), {
          maxLength: 24,
        }),
        fc.constantFrom<MatchSkip['kind']>('past-last-row', 'to-next-row', 'to-last'),
        fc.constantFrom(Infinity, 4, 9),
        fc.constantFrom(...BATCHINGS),
        fc.constantFrom(...INTERRUPTIONS),
        async (chosen, script, kind, within, batching, interruption) => {
          const pattern = [
            ...chosen.map(([which, [least, most, greedy]], i) => variable('ABC'[i] as string, which, least, most, greedy)),
            variable('Z', { in: [1, 2] }),
          ]
          const skip: MatchSkip = kind === 'to-last' ? { kind, variable: pattern.length - 1 } : { kind: kind as 'to-next-row' }
          let time = 0
          const rows = script.map(([key, value, later, watermark]) => ({ key, value, time: (time += later), watermark }))
          const expected: Value[][] = []
          for (const key of ['a', 'b']) {
            const found = matches(
              pattern,
              rows.filter((one) => one.key === key),
              skip,
              within,
            )
            if (found === undefined) return
            expected.push(...found.map((values) => [key, ...values]))
          }
          compared++
          const steps = rows.flatMap(({ key, value, time: at, watermark }): Step[] => [
            { type: 'row', input: 0, row: { kind: 0, values: [key, value, BigInt(at)] } },
            ...(watermark ? [{ type: 'watermark', watermark: at } as const] : []),
          ])
          const measures = [...match(pattern, skip).measures, ...pattern.map((_, i) => count(i))]
          const spec = match(pattern, skip, { measures, ...(within === Infinity ? {} : { withinMs: within }) })
          const output = schemaOf(`${OUTPUT}, ${pattern.map(({ name }) => `n${name} BIGINT`).join(', ')}`)
          const { rows: emitted } = await runOperator({ spec, inputs: [schemaOf(INPUT)], output }, steps, batching, interruption)
          expect(materialize(emitted, output)).to.deep.equal(
            expected.map((values) => formatRow({ kind: 0, values } as Row, output).slice(3)).sort(),
          )
        },
      ),
      { numRuns: 120 },
    )
    expect(compared).to.be.greaterThan(40)
  }).timeout(60_000)
})

interface TestRow {
  readonly value: number
  readonly time: number
}

/** One way of a match from its first row: variable by row. */
type Way = readonly number[]

/**
 * All ways from each row are tried, then the first match of each row that may begin one is taken. Undefined: which of two matches is taken depends on
 * the order in which they are kept.
 */
function matches(pattern: readonly Variable[], rows: readonly TestRow[], skip: MatchSkip, within: number): Value[][] | undefined {
  const found: Value[][] = []
  const explored = rows.map((_, start) => explore(pattern, rows, start, within))
  for (let start = 0; start < rows.length;) {
    const { complete, aliveUntil } = explored[start] as Explored
    const [first, second] = complete
    if (first === undefined) {
      // What may still become a match holds back all that begin later.
      if (aliveUntil >= rows.length - 1 && within === Infinity) return found
      start++
      continue
    }
    const end = start + first.length - 1
    const held = explored.slice(0, start).some((other) => other.complete.length === 0 && other.aliveUntil >= end)
    if (second !== undefined && (held || second.length === first.length)) return undefined
    const of = rows.slice(start, end + 1)
    const chosen = of.filter((_, i) => first[i] === 0)
    found.push([
      BigInt(of[0]?.time as number),
      BigInt(of.at(-1)?.time as number),
      chosen.length === 0 ? null : chosen.reduce((total, { value }) => total + value, 0),
      ...pattern.map((_, which) => BigInt(first.filter((taken) => taken === which).length)),
    ])
    if (skip.kind === 'past-last-row') start = end + 1
    else if (skip.kind === 'to-next-row') start++
    else {
      // Nowhere to go on: the job ends.
      const further = first.lastIndexOf((skip as { variable: number }).variable)
      if (further <= 0) return undefined
      start += further
    }
  }
  return found
}

interface Explored {
  /** The shortest first. */
  readonly complete: readonly Way[]
  /** Last row after which some way was not at its end. */
  readonly aliveUntil: number
}

function explore(pattern: readonly Variable[], rows: readonly TestRow[], start: number, within: number): Explored {
  const complete: Way[] = []
  let aliveUntil = -1
  const holds = (way: Way, which: number, at: number): boolean => {
    const { condition } = pattern[which] as Variable
    const { value } = rows[at] as TestRow
    if (condition !== 'rising') return (condition as { in: readonly number[] }).in.includes(value)
    const before = way.lastIndexOf(which)
    return before < 0 || value > (rows[start + before] as TestRow).value
  }
  /** May the row be looked at from before element `which`, none of whose rows has been taken? */
  const open = (way: Way, which: number, at: number): boolean => {
    const before = pattern[which - 1]
    if (before?.greedy !== true || Math.max(1, before.least) === before.most) return true
    return !holds(way, which - 1, at)
  }
  const go = (way: Way, which: number, taken: number): void => {
    const at = start + way.length
    if (way.length > 0) aliveUntil = Math.max(aliveUntil, at - 1)
    if (at >= rows.length || (rows[at] as TestRow).time - (rows[start] as TestRow).time >= within) return
    for (let element = which, had = taken; element < pattern.length; element++, had = 0) {
      const { least, most } = pattern[element] as Variable
      if (had === 0 && !open(way, element, at)) return
      if (had < (most ?? Infinity) && holds(way, element, at)) {
        const longer = [...way, element]
        const count = had + 1
        const mayEnd = count >= Math.max(1, least)
        const passes = (next: number): boolean =>
          next >= pattern.length || ((pattern[next] as Variable).least === 0 && open(way, next, at) && passes(next + 1))
        if (mayEnd && passes(element + 1)) complete.push(longer)
        if (!(element === pattern.length - 1 && count === most)) go(longer, element, count)
      }
      const passable = had === 0 ? least === 0 : had >= Math.max(1, least)
      if (!passable) return
    }
  }
  go([], 0, 0)
  return { complete: complete.sort((a, b) => a.length - b.length), aliveUntil }
}
