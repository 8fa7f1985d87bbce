import { expect } from 'chai'
import fc from 'fast-check'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { BIGINT, BOOLEAN, DATE, decimal, DOUBLE, INT, STRING, timestamp, timestampLtz, type Value } from '#core/types/logical-type.js'
import { schema, type Schema } from '#core/types/schema.js'
import { randomGenerator } from '#runtime/connectors/datagen/generators.js'
import { Random } from '#runtime/connectors/datagen/random.js'
import { findConnector, validateTable } from '#runtime/connectors/registry.js'
import { loadSource } from '#runtime/connectors/load-source.js'
import { readValue } from '#runtime/columnar/value.js'
import { rowsOf } from '../formats/decode-support.js'
import { collectingOutput, operatorContext, sourceSpec } from './operator-support.js'

/** Runs one subtask to its end in virtual time. Returns its rows and the virtual ms it took. */
async function generate(
  of: Schema,
  options: Record<string, string>,
  subtask = 0,
  parallelism = 1,
): Promise<{ rows: Value[][]; millis: number }> {
  const environment = virtualEnvironment(subtask + 1)
  const source = await loadSource(sourceSpec(of, { connector: 'datagen', ...options }))
  const output = collectingOutput()
  await source.open?.(operatorContext({ environment, subtask, parallelism }), output)
  const start = environment.clock.monotonic()
  for (;;) {
    const polled = source.poll()
    if (polled === 'end') break
    if (polled === 'more') continue
    const next = environment.nextTimer()
    environment.advance((next ?? 0) - environment.clock.now())
    await polled
  }
  return { rows: output.batches.flatMap(rowsOf), millis: environment.clock.monotonic() - start }
}

describe('datagen source', () => {
  it('deals a sequence out over the subtasks: every value once, each subtask in order', async () => {
    const of = schema(['n', BIGINT], ['s', STRING], ['d', decimal(6, 2)], ['f', DOUBLE], ['i', INT])
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: -50, max: 50 }),
        fc.integer({ min: 0, max: 60 }),
        fc.integer({ min: 1, max: 5 }),
        async (start, count, parallelism) => {
          const options = Object.fromEntries(
            of.fields.flatMap(({ name }) => [
              [`fields.${name}.kind`, 'sequence'],
              [`fields.${name}.start`, String(start)],
              [`fields.${name}.end`, String(start + count)],
            ]),
          )
          const all: Value[][] = []
          for (let subtask = 0; subtask < parallelism; subtask++) {
            const { rows } = await generate(of, { ...options, 'rows-per-second': '1000000' }, subtask, parallelism)
            expect(rows.map((row) => row[0])).to.deep.equal(rows.map((_, i) => BigInt(start + subtask + i * parallelism)))
            all.push(...rows)
          }
          all.sort((a, b) => Number((a[0] as bigint) - (b[0] as bigint)))
          expect(all).to.deep.equal(
            Array.from({ length: count + 1 }, (_, i) => [
              BigInt(start + i),
              String(start + i),
              BigInt(start + i) * 100n,
              start + i,
              start + i,
            ]),
          )
        },
      ),
      { numRuns: 40 },
    )
  })

  it('ends after number-of-rows in all, or with the shortest sequence', async () => {
    const of = schema(['n', BIGINT], ['b', BOOLEAN])
    const counts = await Promise.all(
      [0, 1, 2].map(async (subtask) => (await generate(of, { 'number-of-rows': '10' }, subtask, 3)).rows.length),
    )
    expect(counts).to.deep.equal([4, 3, 3])
    const options = { 'number-of-rows': '100', 'fields.n.kind': 'sequence', 'fields.n.start': '1', 'fields.n.end': '7' }
    expect((await generate(of, options)).rows.map((row) => row[0])).to.deep.equal([1n, 2n, 3n, 4n, 5n, 6n, 7n])
    expect((await generate(of, { 'number-of-rows': '0' })).rows).to.deep.equal([])
  })

  it('keeps to rows-per-second, shared by the subtasks', async () => {
    const of = schema(['n', INT])
    expect((await generate(of, { 'number-of-rows': '501', 'rows-per-second': '100' })).millis).to.be.within(4990, 5050)
    expect((await generate(of, { 'number-of-rows': '1002', 'rows-per-second': '100' }, 1, 2)).millis).to.be.within(9990, 10100)
    expect((await generate(of, { 'number-of-rows': '3', 'rows-per-second': '1' })).millis).to.be.within(1990, 2050)
  })

  it('does not catch up by more than a second after a stall', async () => {
    const of = schema(['n', INT])
    const environment = virtualEnvironment()
    const source = await loadSource(sourceSpec(of, { connector: 'datagen', 'rows-per-second': '10' }))
    const output = collectingOutput()
    await source.open?.(operatorContext({ environment }), output)
    const until = () => {
      while (source.poll() === 'more');
    }
    until()
    environment.advance(60_000)
    until()
    expect(output.rows().length).to.be.below(15)
  })

  it('makes random values of every type within their bounds', async () => {
    const of = schema(
      ['i', INT],
      ['l', BIGINT],
      ['d', DOUBLE],
      ['m', decimal(30, 4)],
      ['s', STRING],
      ['v', STRING],
      ['o', BOOLEAN],
      ['y', DATE],
      ['t', timestamp(3)],
      ['z', timestampLtz(3)],
    )
    const options = {
      'number-of-rows': '500',
      'rows-per-second': '100000000',
      'fields.i.min': '-2',
      'fields.i.max': '2',
      'fields.l.min': '9007199254740993',
      'fields.l.max': '9007199254740995',
      'fields.d.min': '-1.5',
      'fields.d.max': '1.5',
      'fields.m.min': '-1.25',
      'fields.m.max': '1.25',
      'fields.s.length': '7',
      'fields.v.length': '5',
      'fields.v.var-len': 'true',
      'fields.t.max-past': '10 s',
      'fields.z.null-rate': '0.5',
    }
    validateTable({ connector: 'datagen', ...options }, of, 'source')
    const { rows } = await generate(of, options)
    const now = virtualEnvironment().clock.now()
    const column = (name: string) => rows.map((row) => row[of.fields.findIndex((field) => field.name === name)] ?? null)
    expect(new Set(column('i'))).to.deep.equal(new Set([-2, -1, 0, 1, 2]))
    expect(new Set(column('l'))).to.deep.equal(new Set([9007199254740993n, 9007199254740994n, 9007199254740995n]))
    for (const d of column('d')) expect(d).to.be.within(-1.5, 1.5)
    for (const m of column('m')) expect(Number(m)).to.be.within(-12500, 12500)
    for (const s of column('s')) expect(s).to.match(/^[0-9a-f]{7}$/)
    expect(new Set(column('v').map((v) => String(v).length))).to.deep.equal(new Set([1, 2, 3, 4, 5]))
    expect(new Set(column('o'))).to.deep.equal(new Set([true, false]))
    for (const y of column('y')) expect(y).to.equal(Math.floor(now / 86_400_000))
    for (const t of column('t')) expect(Number(t)).to.be.within(now - 10_000, now + 1000)
    expect(new Set(column('t')).size).to.be.above(100)
    expect(column('z').filter((z) => z === null).length).to.be.within(150, 350)
  })

  it('covers the whole range of a type where no bounds are given', () => {
    const random = Random.seeded(Buffer.from('0123456789abcdef'))
    for (const [type, least, most] of [
      [INT, -(2 ** 31), 2 ** 31],
      [BIGINT, -(2 ** 63), 2 ** 63],
      [DOUBLE, 0, Number.MAX_VALUE],
      [decimal(38, 0), 0, 1e38],
    ] as const) {
      const vector = randomGenerator(type, { get: () => undefined }, random, () => 0).fill(1000, 0, 1)
      const values = Array.from({ length: 1000 }, (_, n) => Number(readValue(vector, n)))
      const width = most / 10 - least / 10
      expect(Math.min(...values)).to.be.within(least, least + width)
      expect(Math.max(...values)).to.be.within(most - width, most)
    }
  })

  it('is bounded with number-of-rows or a sequence only', () => {
    const bounded = findConnector('datagen')?.source?.bounded
    expect(bounded?.({})).to.equal(false)
    expect(bounded?.({ 'number-of-rows': '5' })).to.equal(true)
    expect(bounded?.({ 'fields.a.kind': 'sequence' })).to.equal(true)
    expect(bounded?.({ 'fields.a.kind': 'random' })).to.equal(false)
  })

  it('refuses options that do not fit the column', () => {
    const of = schema(['a', INT], ['s', STRING], ['o', BOOLEAN])
    const table = (options: Record<string, string>) => () => validateTable({ connector: 'datagen', ...options }, of, 'source')
    expect(table({ 'rows-per-second': '0' })).to.throw("'rows-per-second'")
    expect(table({ 'fields.b.min': '0' })).to.throw("'fields.b.min'")
    expect(table({ 'fields.s.min': '0' })).to.throw('has no meaning for a random column of type VARCHAR')
    expect(table({ 'fields.a.kind': 'sequence' })).to.throw("'fields.a.start'")
    expect(table({ 'fields.o.kind': 'sequence' })).to.throw('cannot be a sequence')
    expect(table({ 'fields.a.min': '5', 'fields.a.max': '4' })).to.throw('above')
    expect(table({ 'fields.a.max': '2147483648' })).to.throw('is no INT')
    expect(table({ 'fields.a.null-rate': '2' })).to.throw('from 0 to 1')
    expect(() => validateTable({ connector: 'datagen' }, of, 'sink')).to.throw('can only be used as a source')
  })
})
