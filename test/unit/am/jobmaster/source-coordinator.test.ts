import { expect } from 'chai'
import fc from 'fast-check'
import type { SplitEnumerator } from '#runtime/connectors/connector.js'
import { SourceCoordinator } from '#am/jobmaster/coordinators/source-coordinator.js'

/** Hands out what it has, and lets those wait who come when it has nothing. */
class QueueEnumerator implements SplitEnumerator {
  splits: unknown[]
  readonly #waiting = new Map<number, (split: unknown) => void>()

  constructor(splits: readonly unknown[] = []) {
    this.splits = [...splits]
  }
  async start(restored?: unknown): Promise<void> {
    if (restored !== undefined) this.splits = [...(restored as unknown[])]
  }
  nextSplit(subtask: number): Promise<unknown> {
    this.#waiting.get(subtask)?.(null)
    this.#waiting.delete(subtask)
    if (this.splits.length > 0) return Promise.resolve(this.splits.shift())
    return new Promise((resolve) => this.#waiting.set(subtask, resolve))
  }
  snapshotState(): unknown {
    return [...this.splits]
  }
  addSplitsBack(splits: readonly unknown[], subtask: number): void {
    this.#waiting.get(subtask)?.(null)
    this.#waiting.delete(subtask)
    this.splits.unshift(...splits)
    this.#handOut()
  }
  async close(): Promise<void> {}

  arrive(...splits: unknown[]): void {
    this.splits.push(...splits)
    this.#handOut()
  }
  #handOut(): void {
    for (const [subtask, answer] of this.#waiting) {
      if (this.splits.length === 0) return
      this.#waiting.delete(subtask)
      answer(this.splits.shift())
    }
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** 'waits' while there is no answer. */
async function answered(promise: Promise<unknown>): Promise<unknown> {
  let answer: unknown = 'waits'
  void promise.then((value) => (answer = value))
  await turn()
  return answer
}

describe('SourceCoordinator', () => {
  it('gives back what a subtask got since the checkpoint that it starts again from', async () => {
    const enumerator = new QueueEnumerator(['a', 'b', 'c', 'd'])
    const source = new SourceCoordinator(enumerator)
    await source.start(undefined, undefined)
    await source.nextSplit(0)
    expect(source.snapshot(1, [0, 1])).to.deep.equal(['b', 'c', 'd'])
    source.release(1, 0)
    source.release(1, 1)
    await source.nextSplit(0)
    await source.nextSplit(1)
    source.checkpointComplete(1)
    source.reset([0])
    expect(enumerator.splits).to.deep.equal(['b', 'd'])
    source.reset([0, 1])
    expect(enumerator.splits, 'each once').to.deep.equal(['c', 'b', 'd'])
  })

  it('takes its snapshot at once: an enumerator that goes on with the same array changes neither it nor what it was restored with', async () => {
    let waiting: { from: number }[] = []
    const live: SplitEnumerator = {
      start: async (restored) => void (waiting = restored as typeof waiting),
      nextSplit: async () => waiting.shift() ?? null,
      snapshotState: () => waiting,
      addSplitsBack: (splits) => void waiting.push(...(splits as typeof waiting)),
      close: async () => undefined,
    }
    const source = new SourceCoordinator(live)
    const restored = [{ from: 0 }, { from: 1 }, { from: 2 }]
    await source.start(restored, 1)
    const snapshot = source.snapshot(2, [0])
    source.release(2, 0)
    const [first, second] = waiting
    await source.nextSplit(0)
    first!.from = 7
    second!.from = 8
    expect(snapshot).to.deep.equal([{ from: 0 }, { from: 1 }, { from: 2 }])
    expect(restored).to.deep.equal([{ from: 0 }, { from: 1 }, { from: 2 }])
    source.reset([0])
    expect(waiting).to.deep.equal([{ from: 8 }, { from: 2 }, { from: 0 }])
  })

  it('gives everything back where no checkpoint is complete', async () => {
    const enumerator = new QueueEnumerator(['a', 'b'])
    const source = new SourceCoordinator(enumerator)
    await source.start(undefined, undefined)
    await source.nextSplit(0)
    source.snapshot(1, [0])
    source.release(1, 0)
    await source.nextSplit(0)
    source.reset([0])
    expect(enumerator.splits).to.deep.equal(['a', 'b'])
  })

  it('gives back what came after the checkpoint that the job itself began from', async () => {
    const enumerator = new QueueEnumerator()
    const source = new SourceCoordinator(enumerator)
    await source.start(['a', 'b'], 57)
    await source.nextSplit(0)
    source.checkpointComplete(57)
    source.reset([0])
    expect(enumerator.splits).to.deep.equal(['a', 'b'])
  })

  it('holds answers back between its snapshot and the subtask’s', async () => {
    const enumerator = new QueueEnumerator()
    const source = new SourceCoordinator(enumerator)
    await source.start(undefined, undefined)
    const [first, second] = [source.nextSplit(0), source.nextSplit(1)]
    await turn()
    source.snapshot(1, [0, 1])
    source.snapshot(2, [0, 1])
    enumerator.arrive('a', 'b')
    expect(await answered(first)).to.equal('waits')
    expect(source.snapshot(3, [])).to.have.members(['a', 'b'])
    source.release(1, 0)
    expect(await answered(first), 'another checkpoint').to.equal('waits')
    source.release(2, 0)
    expect(await answered(first)).to.be.oneOf(['a', 'b'])
    expect(await answered(second)).to.equal('waits')
    source.release(1, 1)
    source.release(2, 1)
    expect(await answered(second)).to.be.oneOf(['a', 'b'])
  })

  it('hands nothing to an attempt that is gone', async () => {
    const enumerator = new QueueEnumerator()
    const source = new SourceCoordinator(enumerator)
    await source.start(undefined, undefined)
    const old = source.nextSplit(0)
    await turn()
    source.reset([0])
    const present = source.nextSplit(0)
    enumerator.arrive('a')
    expect(await answered(old)).to.equal(undefined)
    expect(await answered(present)).to.equal('a')
    const waiting = source.nextSplit(0)
    await source.start(['x'], 1)
    enumerator.arrive('b')
    expect(await answered(waiting)).to.not.equal('x')
  })

  it('tells those who wait when it closes', async () => {
    const source = new SourceCoordinator(new QueueEnumerator())
    await source.start(undefined, undefined)
    source.snapshot(1, [0])
    const held = source.nextSplit(0)
    await source.close()
    expect(await answered(held)).to.equal(undefined)
  })

  it('leaves no split out and gives none twice, whatever fails when', async () => {
    // Readers read a split at once; `read` by subtask since its restore, `stored` in the newest complete checkpoint.
    const steps = fc.array(
      fc.oneof(
        fc.record({ do: fc.constant('ask' as const), subtask: fc.nat(2) }),
        fc.record({ do: fc.constant('arrive' as const), subtask: fc.constant(0) }),
        fc.record({ do: fc.constant('snapshot' as const), subtask: fc.constant(0) }),
        fc.record({ do: fc.constant('acknowledge' as const), subtask: fc.nat(2) }),
        fc.record({ do: fc.constant('complete' as const), subtask: fc.constant(0) }),
        fc.record({ do: fc.constant('fail' as const), subtask: fc.nat(2) }),
        fc.record({ do: fc.constant('failAll' as const), subtask: fc.constant(0) }),
      ),
      { maxLength: 40 },
    )
    await fc.assert(
      fc.asyncProperty(steps, async (drawn) => {
        const enumerator = new QueueEnumerator()
        const source = new SourceCoordinator(enumerator)
        await source.start(undefined, undefined)
        const all = [0, 1, 2]
        let made = 0
        const attempts = [0, 0, 0]
        const asking = [false, false, false]
        let read: string[][] = [[], [], []]
        let stored = { id: 0, enumerator: undefined as unknown, readers: [[], [], []] as string[][] }
        let pending: { id: number; enumerator: unknown; readers: (string[] | undefined)[] } | undefined
        let nextId = 1
        const giveUp = () => {
          if (pending === undefined) return
          for (const subtask of all) source.release(pending.id, subtask)
          pending = undefined
        }
        const ask = (subtask: number) => {
          if (asking[subtask] === true) return
          asking[subtask] = true
          const attempt = attempts[subtask]
          void source.nextSplit(subtask).then((split) => {
            if (attempts[subtask] !== attempt) return
            asking[subtask] = false
            if (typeof split === 'string') read[subtask]?.push(split)
          })
        }
        const restart = (subtask: number) => {
          attempts[subtask] = (attempts[subtask] ?? 0) + 1
          asking[subtask] = false
          read[subtask] = [...(stored.readers[subtask] ?? [])]
        }
        for (const step of drawn) {
          if (step.do === 'ask') ask(step.subtask)
          if (step.do === 'arrive') enumerator.arrive(`s${made++}`)
          if (step.do === 'snapshot' && pending === undefined) {
            const id = nextId++
            pending = { id, enumerator: source.snapshot(id, all), readers: [undefined, undefined, undefined] }
          }
          if (step.do === 'acknowledge' && pending !== undefined && pending.readers[step.subtask] === undefined) {
            pending.readers[step.subtask] = [...(read[step.subtask] ?? [])]
            source.release(pending.id, step.subtask)
          }
          if (step.do === 'complete' && pending?.readers.every((each) => each !== undefined) === true) {
            stored = { id: pending.id, enumerator: pending.enumerator, readers: pending.readers as string[][] }
            pending = undefined
            source.checkpointComplete(stored.id)
          }
          if (step.do === 'fail') {
            giveUp()
            if (stored.id > 0) source.checkpointComplete(stored.id) // as often as it is gone back to
            source.reset([step.subtask])
            restart(step.subtask)
          }
          if (step.do === 'failAll' && stored.id > 0) {
            giveUp()
            const since = made
            await source.start(stored.enumerator, stored.id)
            for (const subtask of all) restart(subtask)
            // What came after the checkpoint is found again by an enumerator that looks.
            const known = new Set([...(stored.enumerator as string[]), ...stored.readers.flat()])
            enumerator.arrive(...Array.from({ length: since }, (_, n) => `s${n}`).filter((split) => !known.has(split)))
          }
          await turn()
        }
        giveUp()
        for (let round = 0; round <= made; round++) {
          for (const subtask of all) ask(subtask)
          await turn()
        }
        expect(read.flat().sort()).to.deep.equal(Array.from({ length: made }, (_, n) => `s${n}`).sort())
      }),
      { numRuns: 150 },
    )
  })
})
