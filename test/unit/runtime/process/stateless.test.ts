import { expect } from 'chai'
import fc from 'fast-check'
import { BIGINT, BOOLEAN, DATE, decimal, DOUBLE, INT, notNull, STRING, timestamp } from '#core/types/logical-type.js'
import type { FunctionKind } from '#runtime/operators/process/definition.js'
import type * as F from '#runtime/operators/process/functions.js'
import type { TypeInformation } from '#runtime/operators/process/type-information.js'
import { failure, GENERIC, run, runAll, sorted, type Play } from './function-test.js'
import { batchOf, Task } from './task.js'
import { ElementReader } from '#runtime/operators/process/element-reader.js'

const values = (plays: readonly unknown[]): Play[] => plays.map((value, i) => ({ value, timestamp: i }))

describe('functions on elements', () => {
  it('map, flatMap, filter, process: results with the timestamps of their elements', async () => {
    const cases: [FunctionKind, string[]][] = [
      [{ kind: 'map', function: (n: number) => n * 2 }, ['0 @0', '2 @1', '4 @2', '6 @3']],
      [{ kind: 'map', function: { map: (n: number) => [n] } }, ['[0] @0', '[1] @1', '[2] @2', '[3] @3']],
      [{ kind: 'filter', function: (n: number) => n % 2 === 1 }, ['1 @1', '3 @3']],
      [{ kind: 'flat-map', function: (n: number, out: F.Collector<number>) => void (n > 1 && out.collect(n)) }, ['2 @2', '3 @3']],
      [{ kind: 'flat-map', function: (n: number) => Array(n).fill(n) as number[] }, ['1 @1', '2 @2', '2 @2', '3 @3', '3 @3', '3 @3']],
      [
        { kind: 'process', function: { processElement: (n: number, context, out) => out.collect([n, context.timestamp()]) } },
        ['[0,0] @0', '[1,1] @1', '[2,2] @2', '[3,3] @3'],
      ],
    ]
    for (const [kind, wanted] of cases)
      await runAll(kind, {}, values([0, 1, 2, 3]), (result) => expect(sorted(result)).to.deep.equal(wanted))
  })

  it('side outputs go to those who take them, each with its type', async () => {
    const odd: F.OutputTag<unknown> = { id: 'odd', type: { kind: 'atomic', type: STRING } as TypeInformation }
    const unread: F.OutputTag<unknown> = { id: 'unread', type: GENERIC }
    const kind: FunctionKind = {
      kind: 'process',
      function: {
        processElement(n: number, context, out) {
          if (n % 2 === 1) context.output(odd, `odd ${n}`)
          else out.collect(n)
          context.output(unread, n)
        },
      },
    }
    await runAll(kind, { sideOutputs: [odd] }, values([0, 1, 2, 3]), (result) => {
      expect(sorted(result, 0)).to.deep.equal(['0 @0', '2 @2'])
      expect(sorted(result, 1)).to.deep.equal(['"odd 1" @1', '"odd 3" @3'])
    })
  })

  it('two inputs have two methods', async () => {
    const shape = { inputs: [GENERIC, GENERIC] }
    const script: Play[] = [{ value: 1 }, { value: 'x', input: 1 }]
    const map: FunctionKind = { kind: 'co-map', function: { map1: (n: number) => n + 1, map2: (s: string) => s + s } }
    const process: FunctionKind = {
      kind: 'co-process',
      function: { processElement1: (n: number, _, out) => out.collect([n]), processElement2: (s: string, _, out) => out.collect({ s }) },
    }
    await runAll(map, shape, script, (result) => expect(sorted(result)).to.deep.equal(['"xx"', '2']))
    await runAll(process, shape, script, (result) => expect(sorted(result)).to.deep.equal(['[1]', '{"s":"x"}']))
  })

  it('say what is wrong with what functions return', async () => {
    const message = async (kind: FunctionKind): Promise<string> => (await failure(run(kind, {}, values([1])))).message
    // eslint-disable-next-line @typescript-eslint/require-await
    expect(await message({ kind: 'map', function: async (n: number) => n })).to.match(
      /it returned a promise \(functions of operators are not asynchronous/,
    )
    expect(await message({ kind: 'filter', function: () => 1 as never })).to.match(/it returned the number 1, not a boolean/)
    expect(await message({ kind: 'flat-map', function: () => 7 as never })).to.match(/neither nothing nor an iterable/)
    expect(
      await message({ kind: 'process', function: { processElement: (_, context) => context.timerService().registerEventTimeTimer(1) } }),
    ).to.match(/timers need a keyed stream; put a keyBy before the operator/)
  })
})

const ROW: TypeInformation = {
  kind: 'row',
  schema: {
    fields: [
      { name: 'id', type: notNull(INT) },
      { name: 'ok', type: BOOLEAN },
      { name: 'amount', type: decimal(10, 2) },
      { name: 'big', type: BIGINT },
      { name: 'wide', type: decimal(38, 3) },
      { name: 'ratio', type: DOUBLE },
      { name: 'text', type: STRING },
      { name: 'day', type: DATE },
      { name: 'at', type: timestamp(3) },
    ],
  },
}
const row = fc.record({
  id: fc.integer(),
  ok: fc.option(fc.boolean()),
  amount: fc.option(fc.integer({ min: -99999999, max: 99999999 }).map((cents) => (cents / 100).toFixed(2))),
  big: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  wide: fc.constantFrom(null, '12345678901234567890123456789.125', '-0.001'),
  ratio: fc.option(fc.double({ noNaN: true })),
  text: fc.option(fc.string({ unit: 'grapheme' })),
  day: fc.option(fc.integer({ min: -20000, max: 20000 })),
  at: fc.option(fc.integer({ min: -(10 ** 13), max: 10 ** 13 })),
})

describe('rows as elements', () => {
  it('come out of columns as they went in', () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 10 }), (rows) => {
        const batch = batchOf(
          ROW,
          rows,
          rows.map((_, i) => i),
        )
        const reader = new ElementReader(ROW)
        reader.bind(batch)
        expect(rows.map((_, i) => reader.read(i))).to.deep.equal(rows)
      }),
      { numRuns: 100 },
    )
  })

  it('are refused by the name of the field', () => {
    const wrong = (change: object): (() => unknown) => {
      const good = { id: 1, ok: true, amount: '1.00', big: 1n, wide: null, ratio: 1, text: '', day: 1, at: 1 }
      return () => batchOf(ROW, [{ ...good, ...change }], [0])
    }
    expect(wrong({})).to.not.throw()
    expect(wrong({ id: null })).to.throw(/field 'id' is null, declared is INT NOT NULL/)
    expect(wrong({ id: 1.5 })).to.throw(/field 'id' is the number 1.5, declared is INT/)
    expect(wrong({ amount: '123456789.00' })).to.throw(/field 'amount' is the string "123456789.00", declared is DECIMAL\(10, 2\)/)
    expect(wrong({ big: 2n ** 63n })).to.throw(/field 'big' is the bigint 9223372036854775808, declared is BIGINT/)
    expect(wrong({ text: { a: 1 } })).to.throw(/field 'text' is an object, declared is STRING/)
    expect(wrong({ at: new Date(NaN) })).to.throw(/field 'at' is a Date/)
    expect(() => batchOf(ROW, [7], [0])).to.throw(/value is the number 7, declared is a row/)
    expect(() => batchOf({ kind: 'atomic', type: INT }, ['x'], [0])).to.throw(/value is the string "x", declared is INT/)
  })

  it('go through functions and keep their columns', async () => {
    const shape = { inputs: [ROW], output: { kind: 'row', schema: { fields: [{ name: 'n', type: INT }] } } as TypeInformation }
    const kind: FunctionKind = { kind: 'map', function: (value: { id: number }) => ({ n: value.id + 1 }) }
    await runAll(kind, shape, [{ value: { id: 4 } }], (result) => expect(sorted(result)).to.deep.equal(['{"n":5}']))
  })
})

describe('timestamps and watermarks', () => {
  const assign = (strategy: F.WatermarkStrategy<unknown>): FunctionKind => ({ kind: 'timestamps-and-watermarks', strategy })

  it('bounded out-of-orderness: highest timestamp - bound - 1', async () => {
    const task = await new Task(
      assign({ generator: { kind: 'bounded', maxOutOfOrderness: 5 }, timestampAssigner: (n) => n as number }),
    ).open()
    await task.send([10, 20, 15])
    await task.send([12])
    task.sink.processWatermark(3)
    await task.send([30])
    task.sink.processWatermark(Number.MAX_SAFE_INTEGER)
    expect(task.log).to.deep.equal([10, 20, 15, 'watermark 14', 12, 30, 'watermark 24', `watermark ${Number.MAX_SAFE_INTEGER}`])
    expect(task.timestamps).to.deep.equal([10, 20, 15, 12, 30])
  })

  it('a generator: watermarks at elements come behind the element, periodic ones by the clock', async () => {
    const generator = {
      highest: 0,
      onEvent(value: unknown, timestamp: number, output: F.WatermarkOutput) {
        generator.highest = timestamp
        if (value === 'mark') output.emitWatermark(timestamp)
      },
      onPeriodicEmit: (output: F.WatermarkOutput) => output.emitWatermark(generator.highest),
    }
    const task = await new Task(assign({ generator: { kind: 'custom', create: () => generator } })).open()
    await task.send(['a', 'mark', 'b'], [1, 2, 3])
    task.environment.advance(199)
    expect(task.log).to.deep.equal(['a', 'mark', 'watermark 2', 'b'])
    task.environment.advance(1)
    expect(task.log.at(-1)).to.equal('watermark 3')
  })

  it('is idle after the time-out and active with the next element', async () => {
    const task = await new Task(assign({ generator: { kind: 'bounded', maxOutOfOrderness: 0 }, idleTimeout: 1000 })).open()
    await task.send(['a'], [1])
    task.environment.advance(999)
    task.environment.advance(1)
    await task.send(['b'], [2])
    expect(task.log).to.deep.equal(['a', 'watermark 0', 'idle true', 'idle false', 'b', 'watermark 1'])
  })

  it('refuses timestamps that are none', async () => {
    const task = await new Task(assign({ generator: { kind: 'none' }, timestampAssigner: () => '2024-01-01' as never })).open()
    expect(() => task.send(['a'])).to.throw(/gave the string "2024-01-01"; it must give ms since the epoch/)
  })
})

describe('broadcast state', () => {
  const RULES = { name: 'rules' }
  const plain = (): FunctionKind => ({
    kind: 'broadcast-process',
    states: [RULES],
    function: {
      processElement: (value: string, context, out) => out.collect([value, context.getBroadcastState(RULES).get({ of: value }) ?? null]),
      processBroadcastElement: (rule: [string, string], context) => context.getBroadcastState(RULES).put({ of: rule[0] }, rule[1]),
    },
  })
  const script: Play[] = [
    { value: 'a' },
    { value: ['a', 'x'], input: 1 },
    { value: 'a' },
    { value: ['b', 'y'], input: 1 },
    { value: ['a', 'z'], input: 1 },
    { value: 'b' },
    { value: 'a' },
  ]

  it('is seen by elements, and outlives failures', async () => {
    await runAll(plain, { inputs: [GENERIC, GENERIC] }, script, (result) =>
      expect(result.elements.map(({ value }) => value)).to.deep.equal([
        ['a', null],
        ['a', 'x'],
        ['b', 'y'],
        ['a', 'z'],
      ]),
    )
  })

  it('is read-only for elements, and must be announced', async () => {
    const message = async (processElement: (value: unknown, context: never) => void): Promise<string> => {
      const kind: FunctionKind = {
        kind: 'broadcast-process',
        states: [RULES],
        function: { processElement, processBroadcastElement: () => undefined },
      }
      return (await failure(run(kind, { inputs: [GENERIC, GENERIC] }, [{ value: 1 }]))).message
    }
    expect(await message((_, context: F.BroadcastContext) => context.getBroadcastState(RULES).put(1, 2))).to.match(
      /may be changed in processBroadcastElement only/,
    )
    expect(await message((_, context: F.BroadcastContext) => context.getBroadcastState({ name: 'other' }))).to.match(
      /'other' is no broadcast state.*was given 'rules'/,
    )
  })

  it('meets keyed state, of every key', async () => {
    const seen: F.ValueStateDescriptor<number> = { name: 'seen' }
    const kind = (): FunctionKind => {
      let state: F.ValueState<number>
      return {
        kind: 'keyed-broadcast-process',
        states: [RULES],
        function: {
          open: (context) => void (state = context.getState(seen)),
          processElement: (_value: unknown) => state.update((state.value() ?? 0) + 1),
          processBroadcastElement(_rule: unknown, context, out) {
            const counts: [unknown, number | undefined][] = []
            context.applyToKeyedState(seen, (key, of) => {
              counts.push([key, of.value()])
              of.clear()
            })
            out.collect(counts.sort())
          },
        },
      }
    }
    const keyed: Play[] = ['a', 'b', 'a', 'c'].map((key) => ({ value: key, key }))
    const marks: Play[] = [...keyed, { value: 'now', input: 1 }, { value: 'x', key: 'b' }, { value: 'now', input: 1 }]
    await runAll(kind, { inputs: [GENERIC, GENERIC], keyed: [true, false] }, marks, (result) =>
      expect(result.elements.map(({ value }) => value)).to.deep.equal([
        [
          ['a', 2],
          ['b', 1],
          ['c', 1],
        ],
        [['b', 1]],
      ]),
    )
  })
})
