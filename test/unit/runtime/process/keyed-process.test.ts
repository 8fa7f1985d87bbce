import { expect } from 'chai'
import fc from 'fast-check'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import type { Schema } from '#core/types/schema.js'
import type { Operator } from '#runtime/operators/operator.js'
import type { FunctionKind } from '#runtime/operators/process/definition.js'
import type * as F from '#runtime/operators/process/functions.js'
import { INTERRUPTIONS } from '../../../operators/interruptions.js'
import { operatorContext } from '../../../operators/player.js'
import { BATCHINGS, batchOf } from '../../../operators/run.js'
import { failure, GENERIC, rowOf, run, runAll, sorted, subjectOf, type Play } from './function-test.js'

const KEYED = { keyed: [true] }

function keyedProcess(user: F.KeyedProcessFunction<unknown, never, unknown>): FunctionKind {
  return { kind: 'keyed-process', function: user }
}

/** Counts with every kind of state at once. */
function allStates(): FunctionKind {
  let value: F.ValueState<{ n: number }>
  let list: F.ListState<unknown>
  let map: F.MapState<unknown, unknown>
  let sum: F.ReducingState<number>
  let mean: F.AggregatingState<number, number>
  return keyedProcess({
    open(context) {
      value = context.getState<{ n: number }>({ name: 'value' })
      list = context.getListState({ name: 'list' })
      map = context.getMapState({ name: 'map' })
      sum = context.getReducingState<number>({ name: 'sum', reduce: (a, b) => a + b })
      mean = context.getAggregatingState({
        name: 'mean',
        aggregate: {
          createAccumulator: () => ({ sum: 0, count: 0 }),
          add: (x: number, a: { sum: number; count: number }) => ({ sum: a.sum + x, count: a.count + 1 }),
          getResult: (a) => a.sum / a.count,
          merge: (a, b) => ({ sum: a.sum + b.sum, count: a.count + b.count }),
        },
      })
    },
    processElement(command: Command, context: F.KeyedProcessContext<unknown>, out: F.Collector<unknown>) {
      switch (command.op) {
        case 'set':
          value.update({ n: command.n })
          break
        case 'clear':
          value.clear()
          list.clear()
          map.clear()
          sum.clear()
          mean.clear()
          break
        case 'add':
          list.add({ n: command.n, pad: 'x'.repeat(command.n % 500) })
          break
        case 'update':
          list.update([command.n])
          break
        case 'put':
          map.put({ k: command.n % 7 }, command.n)
          break
        case 'remove':
          map.remove({ k: command.n % 7 })
          break
        case 'sum':
          sum.add(command.n)
          mean.add(command.n)
      }
      out.collect({
        key: context.getCurrentKey(),
        value: value.value()?.n ?? null,
        list: list.get().map((item) => (typeof item === 'number' ? item : (item as { n: number }).n)),
        map: [...map.entries()].map(([key, n]) => `${(key as { k: number }).k}=${n}`).sort(),
        empty: map.isEmpty(),
        sum: sum.get() ?? null,
        mean: mean.get() ?? null,
      })
    },
  })
}

interface Command {
  readonly op: 'set' | 'clear' | 'add' | 'update' | 'put' | 'remove' | 'sum'
  readonly n: number
}

function model(commands: readonly { key: string; command: Command }[]): string[] {
  const states = new Map<string, { value: number | null; list: number[]; map: Map<number, number>; sums: number[] }>()
  return commands.map(({ key, command: { op, n } }) => {
    let state = states.get(key)
    if (state === undefined || op === 'clear') states.set(key, (state = { value: null, list: [], map: new Map(), sums: [] }))
    if (op === 'set') state.value = n
    if (op === 'add') state.list.push(n)
    if (op === 'update') state.list = [n]
    if (op === 'put') state.map.set(n % 7, n)
    if (op === 'remove') state.map.delete(n % 7)
    if (op === 'sum') state.sums.push(n)
    const sum = state.sums.reduce((a, b) => a + b, 0)
    return JSON.stringify({
      key,
      value: state.value,
      list: state.list,
      map: [...state.map].map(([k, v]) => `${k}=${v}`).sort(),
      empty: state.map.size === 0,
      sum: state.sums.length === 0 ? null : sum,
      mean: state.sums.length === 0 ? null : sum / state.sums.length,
    })
  })
}

const command = fc.record({
  key: fc.constantFrom('a', 'b', 'c', 'd'),
  command: fc.record({
    op: fc.constantFrom('set', 'clear', 'add', 'add', 'add', 'update', 'put', 'put', 'remove', 'sum') as fc.Arbitrary<Command['op']>,
    n: fc.nat(2000),
  }),
})

describe('keyed process function', () => {
  it('has the state that a map of each key would have, through restarts and rescaling', async () => {
    const script = fc.array(command, { minLength: 1, maxLength: 30, size: 'max' })
    await fc.assert(
      fc.asyncProperty(
        script,
        fc.constantFrom(...BATCHINGS),
        fc.constantFrom(...INTERRUPTIONS),
        async (commands, batching, interruption) => {
          const plays = commands.map(({ key, command }) => ({ value: command, key }))
          expect(sorted(await run(allStates, KEYED, plays, batching, interruption))).to.deep.equal(model(commands).sort())
        },
      ),
      { numRuns: 12 },
    )
  })

  it('keeps long lists in chunks', async () => {
    const commands = Array.from({ length: 100 }, (_, n) => ({ key: n % 3 === 0 ? 'a' : 'b', command: { op: 'add', n: n * 17 } as Command }))
    const wanted = model(commands).sort()
    const plays = commands.map(({ key, command }) => ({ value: command, key }))
    for (const interruption of ['none', 'chains', 'rescale'] as const) {
      expect(sorted(await run(allStates, KEYED, plays, 10, interruption))).to.deep.equal(wanted)
    }
  })

  it('gives copies: a value that was read may be changed without changing state', async () => {
    let state: F.ValueState<{ n: number[] }>
    const plays = [1, 2, 3].map((n) => ({ value: n, key: 'k' }))
    const kind = keyedProcess({
      open: (context) => void (state = context.getState<{ n: number[] }>({ name: 's' })),
      processElement(n: number, _context: unknown, out: F.Collector<unknown>) {
        const read = state.value()
        if (read === undefined) state.update({ n: [n] })
        read?.n.push(n)
        out.collect(state.value()?.n)
      },
    })
    expect((await run(kind, KEYED, plays)).elements.map(({ value }) => value)).to.deep.equal([[1], [1], [1]])
  })

  it('fires timers of event time in their order, once each, with their key, and not those that were deleted', async () => {
    const timed = (): FunctionKind =>
      keyedProcess({
        processElement(value: { at: number; delete?: number }, context: F.KeyedProcessContext<unknown>) {
          context.timerService().registerEventTimeTimer(value.at)
          context.timerService().registerEventTimeTimer(value.at)
          if (value.delete !== undefined) context.timerService().deleteEventTimeTimer(value.delete)
        },
        onTimer(timestamp, context, out) {
          out.collect([timestamp, context.getCurrentKey(), context.timeDomain()])
          // Behind the watermark already: fires in the same go.
          if (timestamp === 30) context.timerService().registerEventTimeTimer(35)
        },
      })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), at: fc.integer({ min: 1, max: 60 }) })),
        async (timers) => {
          const plays: Play[] = timers.map(({ key, at }) => ({ value: { at }, key }))
          plays.push({ value: { at: 30, delete: 7 }, key: 'a' }, { watermark: 40 }, { watermark: 50 })
          const unique = new Set(timers.map(({ key, at }) => `${at}|${key}`))
          unique.delete('7|a')
          unique.add('30|a')
          for (const key of ['a', 'b', 'c']) if (unique.has(`30|${key}`)) unique.add(`35|${key}`)
          const wanted = [...unique].map(
            (text) => `${JSON.stringify([Number(text.split('|')[0]), text.split('|')[1], 'EVENT_TIME'])} @${text.split('|')[0]}`,
          )
          await runAll(timed, KEYED, plays, (result) => {
            expect(sorted(result)).to.deep.equal(wanted.sort())
          })
          const times = (await run(timed, KEYED, plays)).elements.map(({ timestamp }) => timestamp)
          expect(times).to.deep.equal([...times].sort((a, b) => (a as number) - (b as number)))
        },
      ),
      { numRuns: 2 },
    )
  })

  it('fires timers of the clock when their time has come, without a timestamp', async () => {
    const kind = keyedProcess({
      processElement(value: number, context: F.KeyedProcessContext<unknown>) {
        const timers = context.timerService()
        timers.registerProcessingTimeTimer(timers.currentProcessingTime() + value)
      },
      onTimer(_timestamp, context, out) {
        out.collect([context.getCurrentKey(), context.timeDomain(), context.timestamp()])
      },
    })
    const plays: Play[] = [{ value: 100, key: 'slow' }, { value: 10, key: 'fast' }, { wait: 5 }, { value: 10, key: 'late' }, { wait: 200 }]
    const { elements } = await run(kind, KEYED, plays)
    expect(elements.map(({ value }) => value)).to.deep.equal([
      ['fast', 'PROCESSING_TIME', undefined],
      ['late', 'PROCESSING_TIME', undefined],
      ['slow', 'PROCESSING_TIME', undefined],
    ])
  })

  it('says which function failed, and where', async () => {
    const kind = keyedProcess({
      processElement() {
        throw new RangeError('no such account')
      },
    })
    const error = await failure(run(kind, KEYED, [{ value: 1, key: 'k' }]))
    expect(error.code).to.equal('FUNCTION_FAILED')
    expect(error.message).to.match(/^RangeError: no such account\n(.*\n)*.*processElement of operator 'union'/)
    expect((error.cause as Error).message).to.equal('no such account')
  })

  it('refuses methods that return promises, state where there is no key, and state under two kinds', async () => {
    const code = async (user: object, shape = KEYED): Promise<string> => {
      const error = await failure(run(keyedProcess(user as never), shape, [{ value: 1, key: 'k' }]))
      return `${error.code}: ${error.message}`
    }
    // eslint-disable-next-line @typescript-eslint/require-await
    expect(await code({ async processElement() {} })).to.match(/FUNCTION_FAILED: TypeError: it returned a promise/)
    expect(await code({ open: (context: F.RuntimeContext) => context.getState({ name: 's' }).value(), processElement() {} })).to.match(
      /PROCESS_NO_KEY/,
    )
    expect(
      await code({
        open(context: F.RuntimeContext) {
          context.getState({ name: 's' })
          context.getListState({ name: 's' })
        },
        processElement() {},
      }),
    ).to.match(/STATE_INCOMPATIBLE: state 's' .* it is value state and is asked for as list state/)
    const plain: FunctionKind = {
      kind: 'map',
      function: { open: (context) => void context.getState({ name: 'count' }), map: (value: unknown) => value },
    }
    expect((await failure(run(plain, {}, [{ value: 1 }]))).message).to.match(
      /asks for keyed state 'count', but its input is not keyed; put a keyBy before it/,
    )
  })

  it('takes elements of two inputs to the same state', async () => {
    const kind = (): FunctionKind => {
      let state: F.ValueState<string>
      return {
        kind: 'keyed-co-process',
        function: {
          open: (context) => void (state = context.getState<string>({ name: 's' })),
          processElement1: (value: string) => state.update(value),
          processElement2: (value: string, context, out: F.Collector<unknown>) =>
            out.collect([context.getCurrentKey(), state.value() ?? null, value]),
        },
      }
    }
    const plays: Play[] = [
      { value: 'x', key: 1 },
      { value: 'p', key: 2, input: 1 },
      { value: 'q', key: 1, input: 1 },
    ]
    await runAll(kind, { inputs: [GENERIC, GENERIC], keyed: [true, true] }, plays, (result) =>
      expect(sorted(result)).to.deep.equal(['[1,"x","q"]', '[2,null,"p"]']),
    )
  })

  it('reduces without changing what it emitted', async () => {
    const kind: FunctionKind = {
      kind: 'keyed-reduce',
      function: (a: { n: number }, b: { n: number }) => {
        a.n += b.n
        return a
      },
    }
    const plays = [1, 2, 3, 4].map((n) => ({ value: { n }, key: n % 2, timestamp: n }))
    await runAll(kind, KEYED, plays, (result) =>
      expect(sorted(result)).to.deep.equal(['{"n":1} @1', '{"n":2} @2', '{"n":4} @3', '{"n":6} @4']),
    )
  })
})

describe('time-to-live of state', () => {
  const commands = fc.array(
    fc.record({ wait: fc.constantFrom(0, 0, 3, 5, 10), op: fc.constantFrom('read', 'read', 'write'), key: fc.constantFrom('a', 'b') }),
    { maxLength: 40 },
  )
  const ttlFunction = (ttl: F.StateTtlConfig): FunctionKind => {
    let value: F.ValueState<number>
    let list: F.ListState<number>
    let map: F.MapState<string, number>
    return keyedProcess({
      open(context) {
        value = context.getState<number>({ name: 'v', ttl })
        list = context.getListState<number>({ name: 'l', ttl })
        map = context.getMapState<string, number>({ name: 'm', ttl })
      },
      processElement({ op, n }: { op: string; n: number }, _context: unknown, out: F.Collector<unknown>) {
        if (op === 'write') {
          value.update(n)
          list.add(n)
          map.put(`k${n % 3}`, n)
        }
        if (op === 'read') out.collect([value.value() ?? null, list.get(), [...map.entries()].sort()])
      },
    })
  }

  for (const updateType of ['OnCreateAndWrite', 'OnReadAndWrite'] as const) {
    it(`${updateType}: gives back what a model with times does`, async () => {
      await fc.assert(
        fc.asyncProperty(commands, async (script) => {
          const plays: Play[] = []
          const wanted: unknown[] = []
          const states = new Map<string, { value?: [number, number]; list: [number, number][]; map: Map<string, [number, number]> }>()
          let now = 0
          script.forEach(({ wait, op, key }, n) => {
            if (wait > 0) plays.push({ wait })
            now += wait
            plays.push({ value: { op, n }, key })
            let state = states.get(key)
            if (state === undefined) states.set(key, (state = { list: [], map: new Map() }))
            const alive = ([, time]: [number, number]): boolean => now - time < 10
            if (state.value !== undefined && !alive(state.value)) delete state.value
            state.list = state.list.filter(alive)
            for (const [k, v] of state.map) if (!alive(v)) state.map.delete(k)
            if (op === 'write') {
              state.value = [n, now]
              state.list.push([n, now])
              state.map.set(`k${n % 3}`, [n, now])
            } else {
              wanted.push([state.value?.[0] ?? null, state.list.map(([v]) => v), [...state.map].map(([k, [v]]) => [k, v]).sort()])
              if (updateType === 'OnReadAndWrite') {
                if (state.value !== undefined) state.value[1] = now
                for (const item of [...state.list, ...state.map.values()]) item[1] = now
              }
            }
          })
          const { elements } = await run(ttlFunction({ ttl: 10, updateType }), KEYED, plays, 'rows')
          expect(elements.map(({ value }) => value)).to.deep.equal(wanted)
        }),
        { numRuns: 50 },
      )
    })
  }

  it('state of keys that never come back goes, too, whatever its kind', async () => {
    const ttl = { ttl: 1000 }
    let write: (n: number) => void
    const kind = keyedProcess({
      open(context) {
        const value = context.getState<number>({ name: 'v', ttl })
        const list = context.getListState<string>({ name: 'l', ttl })
        const map = context.getMapState<string, number>({ name: 'm', ttl })
        write = (n) => {
          value.update(n)
          list.update(Array.from({ length: 5 }, () => 'x'.repeat(2000)))
          map.putAll([
            ['a', n],
            ['b', n],
          ])
        }
      },
      processElement: (n: number) => write(n),
    })
    const rowsAfter = async (waits: number): Promise<number> => {
      const subject = subjectOf(kind, KEYED)
      const environment = virtualEnvironment()
      const operator = subject.create?.() as Operator
      await operator.open?.(
        operatorContext(subject, environment, 0, 1, () => undefined),
        { collect: () => undefined, emitWatermark: () => undefined },
      )
      const play = (n: number): void =>
        void operator.processBatch(batchOf(subject.inputs[0] as Schema, [rowOf({ value: n, key: n }, subject.inputs)]), 0)
      for (let n = 1; n <= 100; n++) play(n)
      for (let wait = 0; wait < waits; wait++) {
        environment.advance(1000)
        for (let n = 0; n < 10; n++) play(1)
      }
      const snapshot = operator.snapshotState?.({ checkpointId: 1, full: true }).keyed
      let count = 0
      for (let rows = snapshot?.next(); rows !== undefined; rows = snapshot?.next()) count += rows.batch.length
      await operator.close?.(false)
      return count
    }
    // A value, three chunks, two entries and their head for each key.
    expect(await rowsAfter(0)).to.equal(700)
    expect(await rowsAfter(1)).to.equal(7)
  })
})
