import { expect } from 'chai'
import fc from 'fast-check'
import type { FunctionKind, WindowDefinition } from '#runtime/operators/process/definition.js'
import type * as F from '#runtime/operators/process/functions.js'
import {
  continuousEventTimeTrigger,
  continuousProcessingTimeTrigger,
  countEvictor,
  countTrigger,
  eventTimeTrigger,
  purgingTrigger,
  timeEvictor,
} from '#runtime/operators/process/triggers.js'
import { INTERRUPTIONS } from '../../../operators/interruptions.js'
import { BATCHINGS } from '../../../operators/run.js'
import { GENERIC, run, runAll, sorted, type Play } from './function-test.js'

const KEYED = { keyed: [true] }
type Sum = { key: unknown; start: number; end: number; values: number[] }

const tumbling = (size: number): F.WindowAssigner => ({ kind: 'tumbling', time: 'event', size, offset: 0 })
const sliding = (size: number, slide: number): F.WindowAssigner => ({ kind: 'sliding', time: 'event', size, slide, offset: 0 })
const session = (gap: number): F.WindowAssigner => ({ kind: 'session', time: 'event', gap })

/** Emits what the window holds when it fires. */
function listing(window: Partial<WindowDefinition> & Pick<WindowDefinition, 'assigner'>): () => FunctionKind {
  return () => ({
    kind: 'window',
    window: { allowedLateness: 0, ...window },
    process: {
      process(key, context, elements: Iterable<number>, out: F.Collector<Sum>) {
        out.collect({ key, ...context.window(), values: [...elements].sort((a, b) => a - b) })
      },
    },
  })
}

interface Event {
  readonly key: string
  readonly time: number
}
const events = fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), time: fc.integer({ min: -20, max: 100 }) }), {
  minLength: 1,
  maxLength: 25,
  size: 'max',
})

function plays(events: readonly Event[]): Play[] {
  return events.map(({ key, time }, i) => ({ value: i, timestamp: time, key }))
}

function text(sum: Sum): string {
  return `${JSON.stringify(sum)} @${sum.end - 1}`
}

/** Windows of all elements, as a batch job would see them. */
function windowsOf(events: readonly Event[], assign: (time: number) => [number, number][]): string[] {
  const sums = new Map<string, Sum>()
  events.forEach(({ key, time }, value) => {
    for (const [start, end] of assign(time)) {
      const id = `${key} ${start}`
      let sum = sums.get(id)
      if (sum === undefined) sums.set(id, (sum = { key, start, end, values: [] }))
      sum.values.push(value)
    }
  })
  return [...sums.values()].map(text).sort()
}

function sessionsOf(events: readonly Event[], gap: number): string[] {
  const sessions: Sum[] = []
  for (const key of new Set(events.map((event) => event.key))) {
    const sorted = events.map(({ time, key: of }, value) => ({ time, of, value })).filter(({ of }) => of === key)
    sorted.sort((a, b) => a.time - b.time)
    let open: Sum | undefined
    for (const { time, value } of sorted) {
      // Windows that meet are one.
      if (open === undefined || time > open.end) sessions.push((open = { key, start: time, end: time + gap, values: [] }))
      open.end = time + gap
      open.values.push(value)
    }
  }
  for (const { values } of sessions) values.sort((a, b) => a - b)
  return sessions.map(text).sort()
}

describe('windows', () => {
  it('tumbling and sliding: hold what their bounds say, through restarts and rescaling', async () => {
    const mod = (time: number, size: number): number => ((time % size) + size) % size
    await fc.assert(
      fc.asyncProperty(events, fc.constantFrom(...BATCHINGS), fc.constantFrom(...INTERRUPTIONS), async (events, batching, interruption) => {
        const wanted = windowsOf(events, (time) => [[time - mod(time, 10), time - mod(time, 10) + 10]])
        expect(sorted(await run(listing({ assigner: tumbling(10) }), KEYED, plays(events), batching, interruption))).to.deep.equal(wanted)
        const slid = windowsOf(events, (time) => {
          const windows: [number, number][] = []
          for (let start = time - mod(time, 4); start > time - 10; start -= 4) windows.push([start, start + 10])
          return windows
        })
        expect(sorted(await run(listing({ assigner: sliding(10, 4) }), KEYED, plays(events), batching, interruption))).to.deep.equal(slid)
      }),
      { numRuns: 10 },
    )
  })

  it('sessions: merge as the elements of a sorted list would', async () => {
    await fc.assert(
      fc.asyncProperty(events, async (events) => {
        const wanted = sessionsOf(events, 7)
        for (const interruption of ['none', 'chains', 'rescale'] as const) {
          const result = await run(listing({ assigner: session(7) }), KEYED, plays(events), 4, interruption)
          expect(sorted(result)).to.deep.equal(wanted)
        }
      }),
      { numRuns: 8 },
    )
  })

  it('reduce and aggregate combine what process would see', async () => {
    const window: WindowDefinition = { assigner: session(7), allowedLateness: 0 }
    const add = (a: { n: number }, b: { n: number }): { n: number } => {
      a.n += b.n
      return a
    }
    const reduce: FunctionKind = { kind: 'window', window, reduce: add }
    const aggregate: FunctionKind = {
      kind: 'window',
      window,
      aggregate: {
        createAccumulator: () => ({ n: 0 }),
        add: (value: { n: number }, sum: { n: number }) => add(sum, value),
        getResult: (sum: { n: number }) => ({ n: sum.n }),
        merge: add,
      },
    }
    await fc.assert(
      fc.asyncProperty(events, async (events) => {
        const wanted = sessionsOf(events, 7)
          .map((line) => {
            const sum = JSON.parse(line.slice(0, line.lastIndexOf('@'))) as Sum
            return `${JSON.stringify({ n: sum.values.reduce((a, b) => a + b, 0) })} @${sum.end - 1}`
          })
          .sort()
        const script = events.map(({ key, time }, n) => ({ value: { n }, timestamp: time, key }))
        for (const kind of [reduce, aggregate]) {
          for (const interruption of ['none', 'chains'] as const) {
            expect(sorted(await run(kind, KEYED, script, 'selected', interruption))).to.deep.equal(wanted)
          }
        }
      }),
      { numRuns: 10 },
    )
  })

  it('elements behind the watermark are late: counted, or to the late output', async () => {
    const late = { id: 'late', type: GENERIC } as F.OutputTag<unknown>
    const script: Play[] = [
      { value: 1, timestamp: 1, key: 'k' },
      { watermark: 9 },
      { value: 2, timestamp: 5, key: 'k' },
      { value: 3, timestamp: 12, key: 'k' },
    ]
    await runAll(listing({ assigner: tumbling(10) }), KEYED, script, (result) => {
      expect(sorted(result)).to.deep.equal([
        '{"key":"k","start":0,"end":10,"values":[1]} @9',
        '{"key":"k","start":10,"end":20,"values":[3]} @19',
      ])
      expect(result.late).to.equal(1)
    })
    await runAll(listing({ assigner: tumbling(10), lateOutput: late }), { ...KEYED, sideOutputs: [late] }, script, (result) => {
      expect(sorted(result, 1)).to.deep.equal(['2 @5'])
      expect(result.late).to.equal(0)
    })
  })

  it('allowed lateness: a window fires again for each late element, until it is dropped', async () => {
    const script: Play[] = [
      { value: 1, timestamp: 1, key: 'k' },
      { watermark: 9 },
      { value: 2, timestamp: 5, key: 'k' },
      { watermark: 13 },
      { value: 3, timestamp: 6, key: 'k' },
      { watermark: 14 },
      { value: 4, timestamp: 7, key: 'k' },
    ]
    await runAll(listing({ assigner: tumbling(10), allowedLateness: 5 }), KEYED, script, (result) => {
      expect(result.elements.map(({ value }) => (value as Sum).values)).to.deep.equal([[1], [1, 2], [1, 2, 3]])
      expect(result.late).to.equal(1)
    })
  })

  it('triggers and evictors: count windows, sliding count windows, early firings', async () => {
    const script = [1, 2, 3, 4, 5, 6, 7].map((n) => ({ value: n, timestamp: n * 10, key: 'k' }))
    const fired = async (window: Partial<WindowDefinition> & Pick<WindowDefinition, 'assigner'>): Promise<number[][]> => {
      let values: number[][] = []
      await runAll(listing(window), KEYED, script, (result) => {
        const now = result.elements.map(({ value }) => (value as Sum).values)
        if (values.length > 0) expect(now).to.deep.equal(values)
        values = now
      })
      return values
    }
    const global: F.WindowAssigner = { kind: 'global' }
    expect(await fired({ assigner: global, trigger: purgingTrigger(countTrigger(3)) })).to.deep.equal([
      [1, 2, 3],
      [4, 5, 6],
    ])
    expect(await fired({ assigner: global, trigger: countTrigger(2), evictor: countEvictor(3) })).to.deep.equal([
      [1, 2],
      [2, 3, 4],
      [4, 5, 6],
    ])
    expect(await fired({ assigner: global, trigger: countTrigger(2), evictor: countEvictor(1, true) })).to.deep.equal([
      [1, 2],
      [2, 3, 4],
      [4, 5, 6],
    ])
    expect(await fired({ assigner: global, trigger: countTrigger(3), evictor: timeEvictor(15) })).to.deep.equal([
      [2, 3],
      [5, 6],
    ])
    expect(await fired({ assigner: tumbling(100), trigger: eventTimeTrigger() })).to.deep.equal([[1, 2, 3, 4, 5, 6, 7]])
    expect(await fired({ assigner: session(10), trigger: countTrigger(4) })).to.deep.equal([[1, 2, 3, 4]])
  })

  it('a continuous trigger fires at every interval that the watermark passes', async () => {
    const script: Play[] = [
      { value: 1, timestamp: 5, key: 'k' },
      { watermark: 10 },
      { value: 2, timestamp: 15, key: 'k' },
      { watermark: 19 },
      { watermark: 20 },
    ]
    const kind = listing({ assigner: tumbling(30), trigger: continuousEventTimeTrigger(10) })
    await runAll(kind, KEYED, script, (result) => {
      expect(result.elements.map(({ value }) => (value as Sum).values)).to.deep.equal([[1], [1, 2], [1, 2]])
    })
  })

  it('a continuous trigger of the clock fires at every interval of it', async () => {
    const script: Play[] = [{ value: 1, key: 'k' }, { wait: 1000 }, { value: 2, key: 'k' }, { wait: 1000 }]
    const kind = listing({ assigner: { kind: 'global' }, trigger: continuousProcessingTimeTrigger(1000) })
    const { elements } = await run(kind, KEYED, script)
    expect(elements.map(({ value }) => (value as Sum).values)).to.deep.equal([[1], [1, 2]])
  })

  it('windows of the clock fire by the clock', async () => {
    const assigner: F.WindowAssigner = { kind: 'tumbling', time: 'processing', size: 1000, offset: 0 }
    const script: Play[] = [
      { value: 1, key: 'k' },
      { wait: 400 },
      { value: 2, key: 'k' },
      { wait: 600 },
      { value: 3, key: 'k' },
      { wait: 1000 },
    ]
    const { elements } = await run(listing({ assigner }), KEYED, script)
    expect(elements.map(({ value }) => (value as Sum).values)).to.deep.equal([[1, 2], [3]])
  })

  it('state of windows and of keys is apart, and clear is called when a window goes', async () => {
    const kind = (): FunctionKind => ({
      kind: 'window',
      window: { assigner: tumbling(10), allowedLateness: 0 },
      process: {
        process(_key, context, elements: Iterable<number>, out) {
          const fired = context.globalState().getState<number>({ name: 'fired' })
          const own = context.windowState().getState<number>({ name: 'fired' })
          fired.update((fired.value() ?? 0) + 1)
          own.update((own.value() ?? 0) + 1)
          out.collect([[...elements].length, fired.value(), own.value()])
        },
        clear: (context) => context.windowState().getState({ name: 'fired' }).clear(),
      },
    })
    const script = [1, 2, 11, 21].map((timestamp) => ({ value: timestamp, timestamp, key: 'k' }))
    await runAll(kind, KEYED, script, (result) => {
      expect(result.elements.map(({ value }) => value)).to.deep.equal([
        [2, 1, 1],
        [1, 2, 1],
        [1, 3, 1],
      ])
    })
  })
})

const TWO = { inputs: [GENERIC, GENERIC], keyed: [true, true] }
const sides = fc.array(fc.record({ input: fc.nat(1), key: fc.constantFrom('a', 'b'), time: fc.integer({ min: 0, max: 60 }) }), {
  maxLength: 24,
  size: 'max',
})

describe('joins', () => {
  it('window join and coGroup: what nested loops over each window give', async () => {
    const window: WindowDefinition = { assigner: tumbling(20), allowedLateness: 0 }
    const join: FunctionKind = { kind: 'window-join', window, join: (a: number, b: number) => [a, b] }
    const coGroup: FunctionKind = {
      kind: 'co-group',
      window,
      function: { coGroup: (left: readonly number[], right: readonly number[], out) => out.collect([left.length, right.length]) },
    }
    await fc.assert(
      fc.asyncProperty(sides, async (all) => {
        const script = all.map(({ input, key, time }, value) => ({ value, timestamp: time, key, input }))
        const pairs: string[] = []
        const groups = new Map<string, [number, number]>()
        const windowOf = (time: number): number => Math.floor(time / 20) * 20
        all.forEach((left, a) => {
          const group = groups.get(`${left.key} ${windowOf(left.time)}`) ?? [0, 0]
          group[left.input as 0 | 1]++
          groups.set(`${left.key} ${windowOf(left.time)}`, group)
          if (left.input !== 0) return
          all.forEach((right, b) => {
            if (right.input === 1 && right.key === left.key && windowOf(left.time) === windowOf(right.time))
              pairs.push(`[${a},${b}] @${windowOf(left.time) + 19}`)
          })
        })
        expect(sorted(await run(join, TWO, script, 3, 'rescale'))).to.deep.equal(pairs.sort())
        const counts = [...groups].map(([id, group]) => `${JSON.stringify(group)} @${Number(id.split(' ')[1]) + 19}`)
        expect(sorted(await run(coGroup, TWO, script, 'wire', 'chains'))).to.deep.equal(counts.sort())
      }),
      { numRuns: 20 },
    )
  })

  it('interval join: what nested loops over all pairs give; elements behind the watermark are late', async () => {
    const kind = (lowerExclusive: boolean, upperExclusive: boolean): FunctionKind => ({
      kind: 'interval-join',
      lower: -5,
      upper: 10,
      lowerExclusive,
      upperExclusive,
      lateOutputs: {},
      function: {
        processElement: (left: number, right: number, context, out) =>
          out.collect([left, right, context.getLeftTimestamp(), context.getRightTimestamp()]),
      },
    })
    await fc.assert(
      fc.asyncProperty(sides, fc.boolean(), fc.boolean(), async (all, lowerExclusive, upperExclusive) => {
        const script: Play[] = all.map(({ input, key, time }, value) => ({ value, timestamp: time, key, input }))
        const pairs: string[] = []
        all.forEach((left, a) => {
          all.forEach((right, b) => {
            const distance = right.time - left.time
            if (left.input !== 0 || right.input !== 1 || left.key !== right.key) return
            if (distance < -5 || distance > 10 || (lowerExclusive && distance === -5) || (upperExclusive && distance === 10)) return
            pairs.push(`${JSON.stringify([a, b, left.time, right.time])} @${Math.max(left.time, right.time)}`)
          })
        })
        for (const interruption of ['none', 'rescale', 'chains'] as const) {
          expect(sorted(await run(kind(lowerExclusive, upperExclusive), TWO, script, 2, interruption))).to.deep.equal(pairs.sort())
        }
      }),
      { numRuns: 15 },
    )
    const late = await run(kind(false, false), TWO, [
      { watermark: 50 },
      { value: 'late', timestamp: 49, key: 'a' },
      { value: 'met', timestamp: 50, key: 'a', input: 1 },
    ])
    expect(late.elements).to.deep.equal([])
    expect(late.late).to.equal(1)
  })
})
