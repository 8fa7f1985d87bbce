import { expect } from 'chai'
import fc from 'fast-check'
import type { FunctionKind } from '#runtime/operators/process/definition.js'
import type * as F from '#runtime/operators/process/functions.js'
import { failure } from './function-test.js'
import { Task } from './task.js'

interface Options {
  readonly ordered?: boolean
  readonly capacity?: number
  readonly timeout?: number
  readonly retry?: F.AsyncRetryStrategy<unknown>
}

function asyncKind(user: F.AsyncFunction<never, unknown>, options: Options = {}): FunctionKind {
  return { kind: 'async', function: user, ordered: true, capacity: 100, timeout: 0, ...options }
}

/** Calls that the test answers. */
function answered(): { user: F.AsyncFunction<never, unknown>; called: unknown[]; answer(value: unknown): void; pending(): unknown[] } {
  const open = new Map<unknown, (results: readonly unknown[]) => void>()
  const called: unknown[] = []
  return {
    called,
    user: {
      asyncInvoke(value: unknown) {
        called.push(value)
        return new Promise((resolve) => open.set(value, resolve))
      },
    },
    answer(value) {
      open.get(value)?.([`r${String(value)}`])
      open.delete(value)
    },
    pending: () => [...open.keys()],
  }
}

describe('asynchronous calls', () => {
  it('ordered: results leave in the order of the elements, whatever the order of the answers', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 6 }),
        fc.integer({ min: 1, max: 6 }),
        async (order, capacity) => {
          const calls = answered()
          const task = await new Task(asyncKind(calls.user, { capacity })).open()
          const accepted = Promise.resolve(task.send([0, 1, 2, 3, 4, 5]))
          while (calls.pending().length > 0) {
            expect(calls.pending().length).to.be.at.most(capacity)
            calls.answer(order.find((value) => calls.pending().includes(value)))
            await task.pass(1)
          }
          await accepted
          expect(task.log).to.deep.equal(['r0', 'r1', 'r2', 'r3', 'r4', 'r5'])
          expect(task.timestamps).to.deep.equal([0, 1, 2, 3, 4, 5])
        },
      ),
      { numRuns: 15 },
    )
  })

  it('unordered: results leave as they come, but not across watermarks', async () => {
    const calls = answered()
    const task = await new Task(asyncKind(calls.user, { ordered: false })).open()
    await task.send(['a', 'b'])
    task.sink.processWatermark(10)
    await task.send(['c'])
    for (const value of ['c', 'b']) calls.answer(value)
    await task.pass(1)
    expect(task.log).to.deep.equal(['rb'])
    calls.answer('a')
    await task.pass(1)
    expect(task.log).to.deep.equal(['rb', 'ra', 'watermark 10', 'rc'])
  })

  it('holds its input back when more calls than its capacity would be under way, and ends when all are done', async () => {
    const calls = answered()
    const task = await new Task(asyncKind(calls.user, { capacity: 2 })).open()
    let accepted = false
    void Promise.resolve(task.send([1, 2, 3])).then(() => (accepted = true))
    await task.pass(1)
    expect([calls.called, accepted]).to.deep.equal([[1, 2], false])
    calls.answer(1)
    await task.pass(1)
    expect([calls.called, accepted]).to.deep.equal([[1, 2, 3], true])
    let ended = false
    void Promise.resolve(task.sink.endInput(0)).then(() => (ended = true))
    calls.answer(2)
    await task.pass(1)
    expect(ended).to.equal(false)
    calls.answer(3)
    await task.pass(1)
    expect([ended, task.log]).to.deep.equal([true, ['r1', 'r2', 'r3']])
  })

  it('calls again for what was under way at the checkpoint', async () => {
    const calls = answered()
    const task = await new Task(asyncKind(calls.user)).open()
    await task.send([{ id: 1 }, { id: 2 }], [10, 20])
    const items = task.sink.snapshotState?.({ checkpointId: 1, full: true }).lists?.['elements']?.items ?? []
    const again = await new Task(asyncKind({ asyncInvoke: (value: { id: number }) => Promise.resolve([value.id]) })).open()
    await again.sink.restoreState?.({ keyed: none(), lists: { elements: items } })
    await again.sink.endInput(0)?.constructor
    await again.pass(1)
    expect([again.log, again.timestamps]).to.deep.equal([
      [1, 2],
      [10, 20],
    ])
  })

  it('tries again by the strategy: after errors, after results, not too often', async () => {
    let tries = 0
    const flaky = { asyncInvoke: () => (++tries < 3 ? Promise.reject(new Error('busy')) : Promise.resolve(['done'])) }
    const retry: F.AsyncRetryStrategy<unknown> = { maxAttempts: 3, backoff: () => 50 }
    const task = await new Task(asyncKind(flaky, { retry })).open()
    await task.send(['x'])
    await task.pass(50)
    expect([tries, task.log]).to.deep.equal([2, []])
    await task.pass(50)
    expect([tries, task.log]).to.deep.equal([3, ['done']])

    tries = -10
    const given = await new Task(asyncKind(flaky, { retry })).open()
    await given.send(['x'])
    const error = await failure(
      (async () => {
        for (let i = 0; i < 5; i++) await given.pass(50)
      })(),
    )
    expect(error.message).to.match(/Error: busy/)
    expect(tries).to.equal(-7)

    let empty = 0
    const polling = { asyncInvoke: () => Promise.resolve(empty++ < 1 ? [] : ['there']) }
    const onResult = await new Task(asyncKind(polling, { retry: { ...retry, retryOnResult: (results) => results.length === 0 } })).open()
    await onResult.send(['x'])
    await onResult.pass(60)
    expect(onResult.log).to.deep.equal(['there'])
  })

  it('time-out: fails the task, or gives what the function says', async () => {
    const never = { asyncInvoke: () => new Promise<never>(() => undefined) }
    const failing = await new Task(asyncKind(never, { timeout: 100 })).open()
    await failing.send(['x'])
    const error = await failure(failing.pass(100))
    expect([error.code, error.message]).to.deep.equal(['ASYNC_TIMEOUT', error.message])
    expect(error.message).to.match(/no result after 100 ms and 1 try/)
    const lenient = await new Task(asyncKind({ ...never, timeout: (value: string) => [`no ${value}`] }, { timeout: 100 })).open()
    await lenient.send(['x'])
    await lenient.pass(100)
    expect(lenient.log).to.deep.equal(['no x'])
  })
})

async function* none(): AsyncGenerator<never> {
  // No keyed state.
}
