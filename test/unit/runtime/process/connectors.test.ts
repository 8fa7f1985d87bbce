import { expect } from 'chai'
import type { Source } from '#runtime/operators/process/connectors.js'
import type { FunctionKind } from '#runtime/operators/process/definition.js'
import { shareOf } from '#runtime/operators/process/small-sources.js'
import { failure } from './function-test.js'
import { Task } from './task.js'

interface Split {
  readonly name: string
  readonly next: number
  readonly end: number
}

/** Emits `name:i` with timestamp i for the numbers of its splits, two a poll. */
function numbers(): Source<string, Split> {
  return {
    boundedness: 'bounded',
    createEnumerator: () => {
      throw new Error('not here')
    },
    createReader(context) {
      let splits: Split[] = []
      let more = true
      return {
        pollNext(output) {
          const [split] = splits
          if (split === undefined) return more ? 'NOTHING_AVAILABLE' : 'END_OF_INPUT'
          const end = Math.min(split.end, split.next + 2)
          for (let i = split.next; i < end; i++) output.collect(`${split.name}:${i}`, i)
          splits = end < split.end ? [{ ...split, next: end }, ...splits.slice(1)] : splits.slice(1)
          if (splits.length === 0) context.sendSplitRequest()
          return 'MORE_AVAILABLE'
        },
        isAvailable: () => new Promise(() => undefined),
        addSplits: (added) => void splits.push(...added),
        notifyNoMoreSplits: () => void (more = false),
        snapshotState: () => splits,
      }
    },
  }
}

const bounded = { generator: { kind: 'bounded', maxOutOfOrderness: 0 } } as const

async function drain(task: Task, polls = 100): Promise<void> {
  for (let i = 0; i < polls; i++) if ((await task.source.poll()) === 'end') return
}

describe('sources of programs', () => {
  const coordinator = (splits: (Split | null)[]) => (): Promise<unknown> => Promise.resolve({ split: splits.shift() ?? null })

  it('ask for splits until there are no more, with timestamps and watermarks', async () => {
    const kind: FunctionKind = { kind: 'source', source: numbers(), watermarks: bounded }
    const task = await new Task(kind, {
      requestCoordinator: coordinator([
        { name: 'a', next: 0, end: 3 },
        { name: 'b', next: 7, end: 8 },
      ]),
    }).open()
    await drain(task)
    expect(task.log).to.deep.equal(['a:0', 'a:1', 'watermark 0', 'a:2', 'watermark 1', 'b:7', 'watermark 6'])
    expect(task.timestamps).to.deep.equal([0, 1, 2, 7])
  })

  it('go on where their splits were, splits on their way included', async () => {
    const kind = (): FunctionKind => ({ kind: 'source', source: numbers(), watermarks: { generator: { kind: 'none' } } })
    const first = await new Task(kind(), {
      requestCoordinator: coordinator([
        { name: 'a', next: 0, end: 5 },
        { name: 'b', next: 0, end: 1 },
      ]),
    }).open()
    await first.source.poll()
    await first.source.poll()
    const snapshot = first.source.snapshotState?.({ checkpointId: 1, full: true })
    expect(snapshot?.lists?.['splits']).to.deep.equal({ mode: 'SPLIT', items: [{ name: 'a', next: 2, end: 5 }] })
    const second = await new Task(kind(), { requestCoordinator: coordinator([{ name: 'b', next: 0, end: 1 }]) }).open()
    await second.source.restoreState?.({ keyed: nothing(), lists: { splits: snapshot?.lists?.['splits']?.items ?? [] } })
    await drain(second)
    expect(second.log).to.deep.equal(['a:2', 'a:3', 'a:4', 'b:0'])

    const waiting = await new Task(kind(), { requestCoordinator: coordinator([{ name: 'c', next: 0, end: 1 }]) }).open()
    await waiting.source.poll()
    expect(waiting.source.snapshotState?.({ checkpointId: 1, full: true }).lists?.['splits']?.items).to.deep.equal([
      { name: 'c', next: 0, end: 1 },
    ])
  })

  it('are in the snapshot as they were, also where the reader counts up in its split', async () => {
    const held = [{ name: 'a', next: 0, end: 9 }]
    const source = numbers()
    const counting: Source<string, Split> = {
      ...source,
      createReader: (context) => ({
        ...source.createReader(context),
        pollNext: () => ((held[0] as { next: number }).next++ < 9 ? 'MORE_AVAILABLE' : 'END_OF_INPUT'),
        snapshotState: () => held,
      }),
    }
    const task = await new Task({ kind: 'source', source: counting, watermarks: bounded }, { requestCoordinator: coordinator([]) }).open()
    await task.source.poll()
    const snapshot = task.source.snapshotState?.({ checkpointId: 1, full: true })
    await task.source.poll()
    expect(snapshot?.lists?.['splits']?.items).to.deep.equal([{ name: 'a', next: 1, end: 9 }])
  })

  it('are in the snapshot as they came, also where the reader has yet to get them and then counts up in them', async () => {
    interface Counting {
      next: number
      readonly end: number
    }
    const splits: Counting[] = []
    const counting: Source<number, Counting> = {
      boundedness: 'bounded',
      createEnumerator: () => {
        throw new Error('not here')
      },
      createReader: () => ({
        pollNext(output) {
          const [split] = splits
          if (split === undefined) return 'NOTHING_AVAILABLE'
          output.collect(split.next++)
          return 'MORE_AVAILABLE'
        },
        isAvailable: () => Promise.resolve(),
        addSplits: (added) => void splits.push(...added),
        notifyNoMoreSplits: () => undefined,
        snapshotState: () => splits,
      }),
    }
    const kind: FunctionKind = { kind: 'source', source: counting, watermarks: { generator: { kind: 'none' } } }
    const task = await new Task(kind, { requestCoordinator: () => Promise.resolve({ split: { next: 0, end: 5 } }) }).open()
    await task.source.poll() // asks; the split is there, the reader has not got it
    expect(splits).to.deep.equal([])
    const snapshot = task.source.snapshotState?.({ checkpointId: 1, full: true })
    await task.source.poll()
    await task.source.poll()
    expect(splits).to.deep.equal([{ next: 2, end: 5 }])
    expect(snapshot?.lists?.['splits']?.items).to.deep.equal([{ next: 0, end: 5 }])
  })

  it('say so when a reader breaks its contract', async () => {
    const source = numbers()
    const broken: Source<string, Split> = {
      ...source,
      createReader: (context) => ({ ...source.createReader(context), pollNext: () => 'SOON' as never }),
    }
    const task = await new Task({ kind: 'source', source: broken, watermarks: bounded }, { requestCoordinator: coordinator([]) }).open()
    const error = await failure(Promise.resolve().then(() => task.source.poll()))
    expect(error.message).to.match(/breaks its contract: pollNext returned the string "SOON", not an InputStatus/)
  })

  it('sequences: parts of all subtasks make the whole, also after rescaling', async () => {
    const all = new Set<number>()
    const left: unknown[] = []
    for (let subtaskIndex = 0; subtaskIndex < 2; subtaskIndex++) {
      const task = await new Task({ kind: 'sequence-source', from: 5, to: 9004 }, { subtaskIndex, parallelism: 2 }).open()
      await task.source.poll()
      task.log.forEach((i) => all.add(i as number))
      left.push(...(task.source.snapshotState?.({ checkpointId: 1, full: true }).lists?.['ranges']?.items ?? []))
    }
    expect(all.size).to.equal(2048)
    for (let subtaskIndex = 0; subtaskIndex < 3; subtaskIndex++) {
      const task = await new Task({ kind: 'sequence-source', from: 5, to: 9004 }, { subtaskIndex, parallelism: 3 }).open()
      await task.source.restoreState?.({ keyed: nothing(), lists: { ranges: left } })
      await drain(task)
      for (const i of task.log as number[]) {
        expect(all.has(i), `${i} twice`).to.equal(false)
        all.add(i)
      }
    }
    expect(all.size).to.equal(9000)
    expect([Math.min(...all), Math.max(...all)]).to.deep.equal([5, 9004])
  })

  it('shares of ranges neither overlap nor leave anything out', () => {
    const ranges = [
      [0, 5],
      [10, 11],
      [20, 37],
    ] as const
    for (let parallelism = 1; parallelism < 30; parallelism++) {
      const shares = Array.from({ length: parallelism }, (_, subtask) => shareOf(ranges, subtask, parallelism)).flat()
      const numbersOf = (all: readonly (readonly [number, number])[]): number[] =>
        all.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i))
      expect(numbersOf(shares)).to.deep.equal(numbersOf(ranges))
    }
  })
})

describe('sinks of programs', () => {
  function recording(log: unknown[], asynchronous: boolean): FunctionKind {
    return {
      kind: 'sink',
      sink: {
        createWriter(_context, restored) {
          const state = { written: (restored[0] as number | undefined) ?? 0 }
          return {
            write(element: unknown, context) {
              const write = (): void => {
                state.written++
                log.push([element, context.timestamp()])
              }
              if (!asynchronous) return write()
              return new Promise((resolve) =>
                setImmediate(() => {
                  write()
                  resolve()
                }),
              )
            },
            flush: (end) => void log.push(`flush ${end}`),
            prepareCommit: () => [`up to ${state.written}`],
            snapshotState: () => [state.written],
            close: () => void log.push('close'),
          }
        },
      },
    }
  }

  for (const asynchronous of [false, true]) {
    it(`write elements in their order, prepare commits and keep their state (${asynchronous ? 'asynchronous' : 'synchronous'})`, async () => {
      const log: unknown[] = []
      const task = await new Task(recording(log, asynchronous)).open()
      await task.sink.restoreState?.({ keyed: nothing(), lists: { writer: [40] } })
      void task.send(['a', 'b'])
      void task.send(['c'])
      expect(await task.sink.prepareCommit?.()).to.deep.equal(['up to 43'])
      expect(task.sink.snapshotState?.({ checkpointId: 1, full: true }).lists?.['writer']?.items).to.deep.equal([43])
      await task.sink.endInput(0)
      await task.operator.close?.(false)
      expect(log).to.deep.equal([['a', 0], ['b', 1], ['c', 0], 'flush false', 'flush true', 'close'])
    })
  }

  it('fail with the operator and the method, at once and later', async () => {
    const failing = (write: () => void | Promise<void>): FunctionKind => ({
      kind: 'sink',
      sink: { createWriter: () => ({ write, flush: () => undefined }) },
    })
    const now = await new Task(
      failing(() => {
        throw new Error('disk full')
      }),
    ).open()
    expect((await failure(Promise.resolve(now.send([1])))).message).to.match(/Error: disk full(.|\n)*write of operator 'sink'/)
    const later = await new Task(failing(() => Promise.reject(new Error('disk full')))).open()
    expect((await failure(Promise.resolve(later.send([1])))).message).to.match(/Error: disk full(.|\n)*write of operator 'sink'/)
    await later.operator.close?.(true)
  })

  it('print with the prefixes of Flink', async () => {
    const lines = async (prefix: string, parallelism: number): Promise<string[]> => {
      const task = await new Task({ kind: 'print', prefix, stderr: false }, { parallelism, subtaskIndex: parallelism - 1 }).open()
      await task.send(['text', { a: [1, { b: new Date(0) }] }])
      return task.printed
    }
    expect(await lines('', 1)).to.deep.equal(['text', '{ a: [ 1, { b: 1970-01-01T00:00:00.000Z } ] }'])
    expect((await lines('', 2))[0]).to.equal('2> text')
    expect((await lines('out', 1))[0]).to.equal('out> text')
    expect((await lines('out', 2))[0]).to.equal('out:2> text')
  })
})

async function* nothing(): AsyncGenerator<never> {
  // Sources and sinks have no keyed state.
}
