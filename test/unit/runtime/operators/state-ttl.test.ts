import { expect } from 'chai'
import * as fc from 'fast-check'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AggregateCall, OperatorSpec } from '#core/graph/operator-spec.js'
import { BIGINT, INT, notNull, type LogicalType } from '#core/types/logical-type.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import type { RowKind } from '#core/types/row-kind.js'
import { createOperator } from '#runtime/operators/factory.js'
import type { Operator } from '#runtime/operators/operator.js'
import { stateMemory } from '#runtime/state/state-memory.js'
import { operatorContext, Player, type Checkpoint } from '../../../operators/player.js'
import { formatRow, schemaOf, type Row } from '../../../operators/rows.js'
import { batchOf, type Subject } from '../../../operators/run.js'

const TTL = 1000
const call = (name: AggregateCall['function'], args: number[], type: LogicalType, distinct = false): AggregateCall => ({
  function: name,
  args,
  distinct,
  type,
})
const INPUT = schemaOf('k INT, v INT')
const OUTPUT = schemaOf('k INT, n BIGINT, d BIGINT, least INT')
const SPEC: OperatorSpec = {
  op: 'group-aggregate',
  keys: [0],
  calls: [call('COUNT', [], notNull(BIGINT)), call('COUNT', [1], notNull(BIGINT), true), call('MIN', [1], INT)],
  retractInput: true,
  output: 'changelog',
  stateTtlMs: TTL,
}
const SUBJECT: Subject = { spec: SPEC, inputs: [INPUT], output: OUTPUT }

const added = (k: number, v: number): Row => ({ kind: 0, values: [k, v] })
const taken = (k: number, v: number): Row => ({ kind: 3, values: [k, v] })

interface Group {
  rows: number
  readonly values: Map<number, number>
  written: number
}
type Model = Map<number, Group>

const copyOf = (model: Model): Model =>
  new Map([...model].map(([key, { rows, values, written }]) => [key, { rows, written, values: new Map(values) }]))

/** What Flink's GroupAggFunction emits for the rows: with a TTL also what is as it was. */
function emitted(model: Model, rows: readonly Row[], now: number): string[] {
  const lines: string[] = []
  const emit = (kind: RowKind, key: number, { rows: count, values }: Group): void => {
    const least = values.size === 0 ? null : Math.min(...values.keys())
    lines.push(formatRow({ kind, values: [key, BigInt(count), BigInt(values.size), least] }, OUTPUT))
  }
  for (const { kind, values } of rows) {
    const [key, value] = values as [number, number]
    let group = model.get(key)
    if (group !== undefined && now - group.written >= TTL) {
      model.delete(key)
      group = undefined
    }
    if (kind === 0) {
      const fresh = group === undefined
      group ??= { rows: 0, values: new Map(), written: now }
      model.set(key, group)
      if (!fresh) emit(1, key, group)
      group.rows++
      group.values.set(value, (group.values.get(value) ?? 0) + 1)
      group.written = now
      emit(fresh ? 0 : 2, key, group)
      continue
    }
    if (group === undefined) continue
    if (group.rows === 1) {
      emit(3, key, group)
      model.delete(key)
      continue
    }
    emit(1, key, group)
    group.rows--
    const held = group.values.get(value) ?? 0
    if (held > 1) group.values.set(value, held - 1)
    else group.values.delete(value)
    group.written = now
    emit(2, key, group)
  }
  return lines
}

const actions = fc.oneof(
  { weight: 6, arbitrary: fc.array(fc.tuple(fc.nat(12), fc.nat(4), fc.nat(3)), { minLength: 1, maxLength: 12 }) },
  { weight: 4, arbitrary: fc.constantFrom(1, 250, 499, 500, 999, 1000, 1001) },
  { weight: 5, arbitrary: fc.constantFrom('begin', 'drain', 'complete', 'abort', 'restore', 'rescale') },
)

/** A group that goes while a snapshot is read, by a row that it never had: the value that it did have is in the snapshot with it. */
const LEFT_BEHIND = [[[10, 0, 1]], 'begin', [[10, 1, 0]], [[11, 2, 1]], 'complete', 'rescale', [[10, 0, 0]]] as (
  [number, number, number][] | number | string
)[]

describe('State with a time to live', () => {
  let directory: string
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'weft-test-'))))
  afterEach(() => {
    stateMemory.limit(Infinity, directory)
    rmSync(directory, { recursive: true, force: true })
  })

  for (const [memory, budget] of [
    ['in arrays', Infinity],
    ['in pages', 1],
  ] as const)
    it(`groups expire as those of a map do, ${memory}, across snapshots, restores and rescales`, () =>
      fc.assert(
        fc.asyncProperty(fc.array(actions, { minLength: 10, maxLength: 60 }), async (steps) => {
          stateMemory.limit(budget, directory)
          const player = new Player(SUBJECT, 'one')
          await player.start(1)
          let now = 0
          let model: Model = new Map()
          let then: Model = new Map()
          let open: Checkpoint | undefined
          let read = false
          let complete: { readonly checkpoint: Checkpoint; readonly model: Model } | undefined
          for (const step of steps) {
            if (typeof step === 'number') {
              await player.play({ type: 'wait', ms: step })
              now += step
            } else if (typeof step !== 'string') {
              const rows = step.map(([k, v, kind]): Row => (kind === 0 ? taken(k, v) : added(k, v)))
              const before = player.result().emitted.length
              await player.play({ type: 'rows', input: 0, rows })
              const lines = player
                .result()
                .emitted.slice(before)
                .map((item) => (item.type === 'row' ? formatRow(item.row, OUTPUT) : item.type))
              // Subtasks are played one after the other.
              expect(lines.toSorted()).to.deep.equal(emitted(model, rows, now).toSorted())
              if (player.parallelism === 1 && step.length === 1) expect(lines.length).to.be.at.most(2)
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
        { numRuns: 60, examples: [[LEFT_BEHIND]] },
      )).timeout(60_000)

  it('gives the memory of expired groups and of their values back, though none of them is asked for again', () => {
    const environment = virtualEnvironment()
    const operator = createOperator(SPEC, [INPUT], OUTPUT) as Operator
    const context = operatorContext(SUBJECT, environment, 0, 1, () => undefined)
    void operator.open?.(context, { collect: () => undefined, emitWatermark: () => undefined })
    const process = (rows: readonly Row[]): void => void operator.processBatch(batchOf(INPUT, rows, 'one'), 0)
    const stored = (checkpointId: number): Record<string, number> => {
      const counts: Record<string, number> = {}
      const snapshot = operator.snapshotState?.({ checkpointId, full: true }).keyed
      for (let rows = snapshot?.next(); rows !== undefined; rows = snapshot?.next())
        counts[rows.table] = (counts[rows.table] ?? 0) + rows.batch.length
      snapshot?.close()
      return counts
    }
    for (let from = 0; from < 5000; from += 500) process(Array.from({ length: 1000 }, (_, i) => added(from + (i >> 1), i & 1)))
    expect(stored(1)).to.deep.equal({ groups: 5000, values1: 10_000, values2: 10_000 })
    environment.advance(TTL)
    for (let i = 0; i < 400; i++) process([added(-1, i)])
    expect(stored(2)).to.deep.equal({ groups: 1, values1: 400, values2: 400 })
  })

  it('keeps a group that is written before its time has passed, and does so anew after each write', async () => {
    const player = new Player(SUBJECT, 'one')
    await player.start(1)
    const played = async (rows: readonly Row[]): Promise<string[]> => {
      const before = player.result().rows.length
      await player.play({ type: 'rows', input: 0, rows })
      return player
        .result()
        .rows.slice(before)
        .map((row) => formatRow(row, OUTPUT))
    }
    expect(await played([added(1, 7)])).to.deep.equal(['+I 1 1 1 7'])
    await player.play({ type: 'wait', ms: TTL - 1 })
    expect(await played([added(1, 7)])).to.deep.equal(['-U 1 1 1 7', '+U 1 2 1 7'])
    await player.play({ type: 'wait', ms: TTL - 1 })
    expect(await played([taken(1, 7)])).to.deep.equal(['-U 1 2 1 7', '+U 1 1 1 7'])
    await player.play({ type: 'wait', ms: TTL })
    // What it takes away has been forgotten.
    expect(await played([taken(1, 7)])).to.deep.equal([])
    expect(await played([added(1, 9)])).to.deep.equal(['+I 1 1 1 9'])
    await player.close(false)
  })
})
