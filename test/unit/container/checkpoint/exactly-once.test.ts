import { expect } from 'chai'
import fc from 'fast-check'
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import type { TaskRestore } from '#core/checkpoint/state-handles.js'
import { INT } from '#core/types/logical-type.js'
import { createOperator } from '#runtime/operators/factory.js'
import type { Operator } from '#runtime/operators/operator.js'
import { barrierOf, OneSlot } from './one-slot.js'
import { CountingSource, NUMBERS, PreparingSink, type Part } from './stateful-operators.js'

const TASKS = ['left', 'right', 'sums', 'sink'] as const
const ROWS = 150
const KEYS = 4

type Alignment = Pick<CheckpointBarrier, 'alignment' | 'alignedTimeoutMs'>
type Action =
  | { readonly do: 'rows'; readonly left: number; readonly right: number }
  | { readonly do: 'trigger'; readonly alignment: Alignment; readonly full: boolean }
  /** Waits for the acknowledgements; `complete` false: gives the checkpoint up, at whatever stage it is. */
  | { readonly do: 'conclude'; readonly complete: boolean }
  | { readonly do: 'kill' }
  | { readonly do: 'turns'; readonly count: number }

const anyAlignment = fc.constantFrom<Alignment>(
  { alignment: 'aligned', alignedTimeoutMs: null },
  { alignment: 'aligned', alignedTimeoutMs: 0 },
  { alignment: 'aligned', alignedTimeoutMs: 3 },
  { alignment: 'unaligned', alignedTimeoutMs: null },
)
const complete = fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, fc.constant(false))
const anyAction: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('rows' as const), left: fc.nat(20), right: fc.nat(20) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('trigger' as const), alignment: anyAlignment, full: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('conclude' as const),
      complete,
    }),
  },
  { weight: 1, arbitrary: fc.constant<Action>({ do: 'kill' }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('turns' as const), count: fc.nat(12) }) },
)

const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** Actions as they come, and whole checkpoints in the midst of rows, with a kill behind. */
const anyActions: fc.Arbitrary<Action[]> = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: anyAction.map((action) => [action]) },
      {
        weight: 1,
        arbitrary: fc
          .record({
            alignment: anyAlignment,
            before: fc.nat(8),
            between: fc.nat(8),
            after: fc.nat(8),
            full: fc.boolean(),
            complete,
            kill: fc.boolean(),
          })
          .map(({ alignment, before, between, after, full, complete, kill }): Action[] => [
            { do: 'rows', left: 30, right: 30 },
            { do: 'turns', count: before },
            { do: 'trigger', alignment, full },
            { do: 'turns', count: between },
            { do: 'conclude', complete },
            { do: 'turns', count: after },
            ...(kill ? [{ do: 'kill' } as const] : []),
          ]),
      },
    ),
    { minLength: 4, maxLength: 20 },
  )
  .map((steps) => steps.flat())

/** left, right ─▶ [union ─▶ sum by key] ─▶ [union ─▶ sink], as a master runs it: what is complete is committed, a new attempt begins there. */
class Job {
  readonly #remote: boolean
  readonly #slow: boolean
  slot!: OneSlot
  #left!: CountingSource
  #right!: CountingSource
  #lastId = 0
  #pending: number | undefined
  #restore: Readonly<Record<string, TaskRestore>> | undefined
  #parts: readonly Part[] = []
  readonly committed = new Map<string, Part>()

  constructor(remote: boolean, slow: boolean) {
    this.#remote = remote
    this.#slow = slow
    this.#start(new Map())
  }

  #start(files: ReadonlyMap<string, Uint8Array>): void {
    this.#commit(this.#parts)
    this.#pending = undefined
    this.#left = new CountingSource(ROWS, { allowed: 0, keys: KEYS, perPoll: 3, first: 1 })
    this.#right = new CountingSource(ROWS, { allowed: 0, keys: KEYS, first: 1000 })
    const sink = new PreparingSink(
      () => new Promise((resolve) => setImmediate(resolve)),
      () => (this.#slow ? turns(8) : undefined),
    )
    const sum = createOperator(
      {
        op: 'group-aggregate',
        keys: [0],
        calls: [{ function: 'SUM', args: [1], distinct: false, type: INT }],
        retractInput: false,
        output: 'changelog',
      },
      [NUMBERS],
      NUMBERS,
    )
    const union = () => createOperator({ op: 'union' }, [NUMBERS], NUMBERS) as Operator
    this.slot = new OneSlot(
      NUMBERS,
      (name) => ({ left: this.#left, right: this.#right, union: union(), collectAll: union(), sum, sink })[name] as Operator,
      this.#remote,
    )
    for (const [path, bytes] of files) this.slot.files.files.set(path, bytes)
    const configuration = { 'execution.checkpointing.data-inline-threshold': '200 b' }
    const start = (name: string, chain: string[], inputs: string[], outputs: string[]) => {
      const restore = this.#restore?.[name]
      this.slot.start({ name, chain, inputs, outputs, configuration, ...(restore === undefined ? {} : { restore }) })
    }
    start('sink', ['collectAll', 'sink'], ['sums'], [])
    start('sums', ['union', 'sum'], ['left', 'right'], ['sink'])
    start('left', ['left'], [], ['sums'])
    start('right', ['right'], [], ['sums'])
  }

  async act(action: Action): Promise<void> {
    switch (action.do) {
      case 'rows': {
        const most = (source: CountingSource, rows: number) => Math.min(rows, ROWS - 1 - source.limit)
        this.#left.allow(most(this.#left, action.left))
        this.#right.allow(most(this.#right, action.right))
        return
      }
      case 'trigger': {
        if (this.#pending !== undefined) return
        await this.slot.running()
        const id = ++this.#lastId
        this.#pending = id
        for (const source of ['left', 'right']) {
          await this.slot.tasks.get(source)?.triggerCheckpoint(barrierOf(id, { ...action.alignment, full: action.full }))
        }
        return
      }
      case 'conclude': {
        const id = this.#pending
        if (id === undefined) return
        if (action.complete) {
          await this.slot.allAcknowledged(id)
          this.#restore = Object.fromEntries(TASKS.map((task) => [task, this.slot.restoreOf(task, id)]))
          this.#parts = TASKS.flatMap((task) => this.slot.ack(task, id)?.state.operators ?? []).flatMap(
            ({ committables }) => committables as Part[],
          )
          this.#commit(this.#parts)
        }
        this.#pending = undefined
        return this.slot.conclude(id, action.complete)
      }
      case 'kill': {
        const { slot } = this
        await slot.stop()
        expect(slot.declined.map(({ error }) => error)).to.deep.equal([])
        return this.#start(slot.files.files)
      }
      case 'turns':
        return turns(action.count)
    }
  }

  async finish(): Promise<void> {
    await this.slot.running()
    this.#left.allow(ROWS)
    this.#right.allow(ROWS)
    await this.slot.until(() => TASKS.every((task) => this.slot.states(task).includes('FINISHED')), 'FINISHED')
    this.#commit((this.slot.report('sink')?.committables ?? []).map(({ committable }) => committable as Part))
    await this.slot.stop()
  }

  #commit(parts: readonly Part[]): void {
    for (const part of parts) this.committed.set(part.name, part)
  }
}

/** What the changelog leaves; every retraction takes back exactly what stands there. */
function materialize(rows: readonly string[]): Map<string, string> {
  const table = new Map<string, string>()
  for (const row of rows) {
    const [kind, key = '', sum = ''] = row.split(' ')
    if (kind === '+I') expect(table.has(key), row).to.equal(false)
    if (kind === '-U' || kind === '-D') expect(table.get(key), row).to.equal(sum)
    if (kind === '-D') table.delete(key)
    else table.set(key, sum)
  }
  return table
}

const expected = new Map<string, string>()
for (let key = 0; key < KEYS; key++) {
  let sum = 0
  for (let i = key; i < ROWS; i += KEYS) sum += 1 + i + 1000 + i
  expected.set(String(key), String(sum))
}

describe('a job that is killed at any moment', function () {
  this.timeout(60_000)
  for (const remote of [false, true]) {
    it(`counts every row exactly once${remote ? ', across slots' : ''}`, () =>
      fc.assert(
        fc.asyncProperty(anyActions, fc.boolean(), async (actions, slow) => {
          const job = new Job(remote, slow)
          try {
            for (const action of actions) await job.act(action)
            await job.finish()
          } finally {
            await job.slot.stop()
          }
          const rows = [...job.committed.values()].flatMap((part) => part.rows)
          // No row adds 0, so each shows.
          expect(rows.filter((row) => !row.startsWith('-U'))).to.have.length(2 * ROWS)
          expect([...materialize(rows)].sort()).to.deep.equal([...expected])
        }),
        { numRuns: Number(process.env['FC_RUNS'] ?? 6) },
      ))
  }
})
