import { expect } from 'chai'
import fc from 'fast-check'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { BIGINT, BOOLEAN, DATE, decimal, DOUBLE, INT, STRING, timestamp, timestampLtz, type Value } from '#core/types/logical-type.js'
import { schema, type Schema } from '#core/types/schema.js'
import { randomGenerator, sequenceGenerator } from '#runtime/connectors/datagen/generators.js'
import { Random } from '#runtime/connectors/datagen/random.js'
import { findConnector, validateTable } from '#runtime/connectors/registry.js'
import { loadSource } from '#runtime/connectors/load-source.js'
import type { SourceOperator } from '#runtime/operators/operator.js'
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

  it('makes every row once over snapshots, failures and changes of the parallelism', async () => {
    const of = schema(['n', BIGINT], ['r', INT])
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ poll: fc.nat(3) }) },
      { weight: 2, arbitrary: fc.constant('snapshot' as const) },
      { weight: 1, arbitrary: fc.record({ restart: fc.integer({ min: 1, max: 4 }) }) },
    )
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 60 }),
        fc.integer({ min: 1, max: 4 }),
        fc.array(step, { maxLength: 40, size: 'max' }),
        async (total, parallelism, steps) => {
          const environment = virtualEnvironment(total + 1)
          const options = { connector: 'datagen', 'rows-per-second': '100', 'fields.n.kind': 'sequence', 'fields.n.start': '1' }
          const spec = sourceSpec(of, { ...options, 'fields.n.end': String(total + 1) })
          let snapshot: { items: unknown[]; rows: Value[][] } | undefined
          let made: Value[][] = []
          let readers: { source: SourceOperator; output: ReturnType<typeof collectingOutput>; waits: boolean; ended: boolean }[] = []
          const start = async (parallelism: number) => {
            made = snapshot?.rows ?? []
            readers = await Promise.all(
              Array.from({ length: parallelism }, async (_, subtask) => {
                const source = await loadSource(spec)
                const output = collectingOutput()
                await source.open?.(operatorContext({ environment, subtask, parallelism }), output)
                if (snapshot !== undefined) await source.restoreState?.({ keyed: nothing(), lists: { rows: snapshot.items } })
                return { source, output, waits: false, ended: false }
              }),
            )
          }
          const poll = (index: number) => {
            const reader = readers[index % readers.length]
            if (reader === undefined || reader.ended || reader.waits) return environment.advance(37)
            const polled = reader.source.poll()
            reader.ended = polled === 'end'
            reader.waits = polled instanceof Promise
            if (polled instanceof Promise) void polled.then(() => (reader.waits = false))
          }
          const rows = () => [...made, ...readers.flatMap(({ output }) => output.rows())]
          await start(parallelism)
          for (const each of steps) {
            if (each === 'snapshot') {
              const lists = readers.map(({ source }) => source.snapshotState?.({ checkpointId: 1, full: false }).lists?.['rows'])
              expect(new Set(lists.map((list) => list?.mode))).to.deep.equal(new Set(['UNION']))
              snapshot = { items: JSON.parse(JSON.stringify(lists.flatMap((list) => list?.items ?? []))) as unknown[], rows: rows() }
            } else if ('poll' in each) poll(each.poll)
            else await start(each.restart)
            await Promise.resolve()
          }
          while (readers.some((reader) => !reader.ended)) {
            for (let i = 0; i < readers.length; i++) poll(i)
            environment.advance(100)
            await Promise.resolve()
          }
          expect(
            rows()
              .map((row) => Number(row[0]))
              .sort((a, b) => a - b),
          ).to.deep.equal(Array.from({ length: total + 1 }, (_, i) => i + 1))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('goes on with its random numbers, another sequence for each part that a range is cut into', async () => {
    const of = schema(['r', INT])
    const spec = sourceSpec(of, { connector: 'datagen', 'number-of-rows': '64', 'rows-per-second': '100000' })
    const run = async (parallelism: number, subtask: number, items: readonly unknown[] | undefined, until: number) => {
      const environment = virtualEnvironment(7)
      const source = await loadSource(spec)
      const output = collectingOutput()
      await source.open?.(operatorContext({ environment, subtask, parallelism }), output)
      if (items !== undefined) await source.restoreState?.({ keyed: nothing(), lists: { rows: items } })
      while (output.rows().length < until && source.poll() !== 'end') environment.advance(1)
      return { rows: output.rows(), items: source.snapshotState?.({ checkpointId: 1, full: false }).lists?.['rows']?.items ?? [] }
    }
    const whole = await run(1, 0, undefined, 64)
    const first = await run(1, 0, undefined, 1)
    const rest = await run(1, 0, first.items, 64)
    expect([...first.rows, ...rest.rows].length).to.equal(64)
    // One row is one word of the generator: the boundaries of batches do not matter.
    const random = new Random((first.items[0] as { ranges: { random: number[] }[] }).ranges[0]?.random ?? [])
    const words = new Int32Array(rest.rows.length)
    random.fill(words, words.length)
    expect(rest.rows.map((row) => row[0])).to.deep.equal([...words])
    expect(whole.rows.slice(0, first.rows.length)).to.deep.equal(first.rows)
    const parts = await Promise.all([0, 1].map((subtask) => run(2, subtask, first.items, 64)))
    expect(parts.map(({ rows }) => rows.length)).to.deep.equal([
      Math.ceil((64 - first.rows.length) / 2),
      Math.floor((64 - first.rows.length) / 2),
    ])
    const shared = parts[0]?.rows.filter((row) => parts[1]?.rows.some((other) => other[0] === row[0]))
    expect(shared).to.deep.equal([])
  })

  it('never waits when more rows are asked for than it can make', async () => {
    const environment = virtualEnvironment()
    const source = await loadSource(sourceSpec(schema(['n', INT]), { connector: 'datagen', 'rows-per-second': '100000000' }))
    const output = collectingOutput()
    await source.open?.(operatorContext({ environment }), output)
    const polled = source.poll()
    environment.advance(1)
    await polled
    let polls = 0
    // 10 ms for a few batches: far behind, for a while.
    for (; polls < 2_000; polls++) {
      expect(source.poll()).to.equal('more')
      environment.advance(10)
    }
    const sizes = new Set(output.batches.slice(1).map((batch) => batch.length))
    expect(sizes).to.deep.equal(new Set([1024]))
  })

  it('makes smaller batches of long texts', async () => {
    const of = schema(['s', STRING])
    const source = await loadSource(sourceSpec(of, { connector: 'datagen', 'rows-per-second': '100000000', 'fields.s.length': '1000000' }))
    const environment = virtualEnvironment()
    const output = collectingOutput()
    await source.open?.(operatorContext({ environment }), output)
    environment.advance(10)
    void source.poll()
    expect(output.batches.map((batch) => batch.length)).to.deep.equal([4, 4, 4, 4])
    for (const [text] of output.rows()) expect(text).to.match(/^[0-9a-f]{1000000}$/)
  })

  it('writes sequences of any size exactly', () => {
    for (const [type, start] of [
      [BIGINT, -3n],
      [BIGINT, 2n ** 53n - 5n],
      [BIGINT, -(2n ** 63n)],
      [STRING, -12n],
      [STRING, 999_999_995n],
      [STRING, 2n ** 53n - 5n],
      [STRING, 2n ** 63n - 40n],
      [DOUBLE, -7n],
      [DOUBLE, 2n ** 53n - 5n],
      [INT, -(2n ** 31n)],
      [decimal(38, 1), 2n ** 63n - 40n],
    ] as const) {
      const vector = sequenceGenerator(type, start).fill(12, 1, 3)
      const expected = Array.from({ length: 12 }, (_, i) => start + 1n + 3n * BigInt(i))
      const values = expected.map((_, i) => readValue(vector, i))
      if (type.kind === 'DECIMAL') expect(values).to.deep.equal(expected.map((value) => value * 10n))
      else if (type.kind === 'VARCHAR') expect(values).to.deep.equal(expected.map(String))
      else if (type.kind === 'BIGINT') expect(values).to.deep.equal(expected)
      else expect(values).to.deep.equal(expected.map(Number))
    }
    expect(readValue(sequenceGenerator(decimal(3, 1), 98n).fill(4, 0, 1), 3)).to.equal(null)
  })

  it('spreads random BIGINTs evenly over a range of any width', () => {
    const random = Random.seeded(Buffer.from('fedcba9876543210'))
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (a, b) => {
        const [low, high] = a < b ? [a, b] : [b, a]
        const options = new Map([
          ['min', String(low)],
          ['max', String(high)],
        ])
        const vector = randomGenerator(BIGINT, options, random, () => 0).fill(400, 0, 1)
        const values = Array.from({ length: 400 }, (_, i) => readValue(vector, i) as bigint)
        for (const value of values) expect(value >= low && value <= high).to.equal(true)
        if (high - low < 1000n) return
        const upper = values.filter((value) => value > low + (high - low) / 2n).length
        expect(upper).to.be.within(100, 300)
      }),
      { numRuns: 40 },
    )
  })
})

async function* nothing(): AsyncGenerator<never> {}
