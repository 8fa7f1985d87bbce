import { expect } from 'chai'
import * as fc from 'fast-check'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OperatorSpec } from '#core/graph/operator-spec.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import type { Value } from '#core/types/logical-type.js'
import { createOperator } from '#runtime/operators/factory.js'
import type { Operator } from '#runtime/operators/operator.js'
import { stateMemory } from '#runtime/state/state-memory.js'
import { operatorContext, Player, type Checkpoint } from '../../../operators/player.js'
import { formatRow, schemaOf, type Row } from '../../../operators/rows.js'
import { batchOf, type Subject } from '../../../operators/run.js'

const TTLS = [1000, 600] as const
const INPUT = schemaOf('k INT, v INT')
const OUTPUT = schemaOf('k INT, v INT, k0 INT, v0 INT')
const subject = (joinType: 'inner' | 'left'): Subject => {
  const spec: OperatorSpec = {
    op: 'join',
    joinType,
    leftKeys: [0],
    rightKeys: [0],
    stateTtlMs: { left: TTLS[0], right: TTLS[1] },
    ...(joinType === 'inner' ? {} : { output: 'changelog' }),
  }
  return { spec, inputs: [INPUT, INPUT], output: OUTPUT }
}

interface Kept {
  readonly values: readonly Value[]
  count: number
  matches: number
  written: number
}
type Model = [Kept[], Kept[]]

const copyOf = (model: Model): Model => model.map((side) => side.map((kept) => ({ ...kept }))) as Model

/** What Flink's joins do, one row after the other. */
function emitted(model: Model, outer: boolean, input: 0 | 1, rows: readonly Row[], now: number): string[] {
  const lines: string[] = []
  const alive = (side: 0 | 1) => (kept: Kept) => now - kept.written < TTLS[side]
  const emit = (removes: boolean, left: readonly Value[], right: readonly Value[], times: number): void => {
    for (let i = 0; i < times; i++) lines.push(formatRow({ kind: removes ? 3 : 0, values: [...left, ...right] }, OUTPUT))
  }
  for (const { kind, values } of rows) {
    const removes = kind === 3
    model[input] = model[input].filter(alive(input))
    let own = model[input].find((kept) => kept.values[0] === values[0] && kept.values[1] === values[1])
    const fresh = own === undefined && !removes
    if (own !== undefined) {
      own.count += removes ? -1 : 1
      own.written = now
      if (own.count === 0) model[input] = model[input].filter((kept) => kept !== own)
    } else if (!removes) {
      own = { values, count: 1, matches: 0, written: now }
      model[input].push(own)
    }
    const others = model[1 - input]?.filter(alive((1 - input) as 0 | 1)).filter((kept) => kept.values[0] === values[0]) ?? []
    let matches = 0
    for (const other of others) {
      matches += other.count
      if (input === 0) {
        emit(removes, values, other.values, other.count)
        continue
      }
      if (outer && !removes && other.matches === 0) emit(true, other.values, [null, null], other.count)
      emit(removes, other.values, values, other.count)
      if (!outer) continue
      if (removes && other.matches === 1) emit(false, other.values, [null, null], other.count)
      other.matches = removes ? Math.max(0, other.matches - 1) : other.matches + 1
      other.written = now
    }
    if (input === 1 || !outer) continue
    if (fresh && own !== undefined) own.matches = matches
    if (matches === 0) emit(removes, values, [null, null], 1)
  }
  return lines
}

const actions = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      input: fc.constantFrom(0 as const, 1 as const),
      rows: fc.array(fc.tuple(fc.nat(4), fc.nat(1), fc.nat(3)), { minLength: 1, maxLength: 8 }),
    }),
  },
  { weight: 4, arbitrary: fc.constantFrom(1, 99, 300, 599, 600, 999, 1000) },
  { weight: 5, arbitrary: fc.constantFrom('begin', 'drain', 'complete', 'abort', 'restore', 'rescale') },
)

describe('Joins with a time to live', () => {
  let directory: string
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'weft-test-'))))
  afterEach(() => {
    stateMemory.limit(Infinity, directory)
    rmSync(directory, { recursive: true, force: true })
  })

  for (const joinType of ['inner', 'left'] as const)
    for (const [memory, budget] of [
      ['in arrays', Infinity],
      ['in pages', 1],
    ] as const)
      it(`rows of a join (${joinType}) expire as those of a list do, ${memory}, across snapshots, restores and rescales`, () =>
        fc.assert(
          fc.asyncProperty(fc.array(actions, { minLength: 10, maxLength: 60 }), async (steps) => {
            stateMemory.limit(budget, directory)
            const player = new Player(subject(joinType), 'one')
            await player.start(1)
            let now = 0
            let model: Model = [[], []]
            let then: Model = [[], []]
            let open: Checkpoint | undefined
            let read = false
            let complete: { readonly checkpoint: Checkpoint; readonly model: Model } | undefined
            for (const step of steps) {
              if (typeof step === 'number') {
                await player.play({ type: 'wait', ms: step })
                now += step
              } else if (typeof step !== 'string') {
                const rows = step.rows.map(([k, v, kind]): Row => ({ kind: kind === 0 ? 3 : 0, values: [k, v] }))
                const before = player.result().emitted.length
                await player.play({ type: 'rows', input: step.input, rows })
                const lines = player
                  .result()
                  .emitted.slice(before)
                  .map((item) => (item.type === 'row' ? formatRow(item.row, OUTPUT) : item.type))
                // Subtasks are played one after the other, and matches come in no promised order.
                const expected = emitted(model, joinType === 'left', step.input, rows, now)
                expect(lines.toSorted()).to.deep.equal(expected.toSorted())
              } else if (step === 'begin' && open === undefined) {
                open = player.begin(false)
                read = false
                then = copyOf(model)
              } else if (step === 'drain' && open !== undefined) read = player.drain(open)
              else if (step === 'complete' && open !== undefined) {
                while (!read) read = player.drain(open)
                player.complete(open)
                complete = { checkpoint: open, model: then }
                open = undefined
              } else if (step === 'abort' && open !== undefined) {
                player.abort(open)
                open = undefined
              } else if ((step === 'restore' || step === 'rescale') && complete !== undefined) {
                await player.start(step === 'rescale' ? 3 - player.parallelism : player.parallelism, complete.checkpoint)
                model = copyOf(complete.model)
                open = complete = undefined
              }
            }
            await player.close(false)
          }),
          { numRuns: 60 },
        )).timeout(60_000)

  for (const retracts of [false, true])
    it(`give the memory of expired rows back, though their keys do not come again${retracts ? ', with rows found by content' : ''}`, () => {
      const environment = virtualEnvironment()
      const of = subject('left')
      const operator = createOperator(of.spec, [INPUT, INPUT], OUTPUT) as Operator
      const context = operatorContext(of, environment, 0, 1, () => undefined)
      void operator.open?.(context, { collect: () => undefined, emitWatermark: () => undefined })
      const process = (rows: readonly Row[], input: 0 | 1): void => void operator.processBatch(batchOf(INPUT, rows, 'one'), input)
      const added = (k: number, v: number): Row => ({ kind: 0, values: [k, v] })
      const stored = (checkpointId: number): Record<string, number> => {
        const counts: Record<string, number> = {}
        const snapshot = operator.snapshotState?.({ checkpointId, full: true }).keyed
        for (let rows = snapshot?.next(); rows !== undefined; rows = snapshot?.next())
          counts[rows.table] = (counts[rows.table] ?? 0) + rows.batch.length
        snapshot?.close()
        return counts
      }
      if (retracts) for (const input of [0, 1] as const) process([added(-5, 0), { kind: 3, values: [-5, 0] }], input)
      for (let from = 0; from < 5000; from += 500)
        for (const input of [0, 1] as const)
          process(
            Array.from({ length: 500 }, (_, i) => added(from + i, input)),
            input,
          )
      expect(stored(1)).to.deep.equal({ left: 5000, right: 5000 })
      environment.advance(TTLS[1])
      for (let i = 0; i < 100; i++) process([added(-1, i)], 0)
      expect(stored(2)).to.deep.equal({ left: 5100 })
      environment.advance(TTLS[0] - TTLS[1])
      for (let i = 0; i < 100; i++) process([added(-2, i)], 1)
      expect(stored(3)).to.deep.equal({ left: 100, right: 100 })
    })
})
