import { expect } from 'chai'
import * as fc from 'fast-check'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AggregateCall, OperatorSpec } from '#core/graph/operator-spec.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { BIGINT, STRING, notNull, type Value } from '#core/types/logical-type.js'
import type { RowKind } from '#core/types/row-kind.js'
import { readValue } from '#runtime/columnar/value.js'
import type { Vector } from '#runtime/columnar/vector.js'
import { createOperator } from '#runtime/operators/factory.js'
import type { Operator } from '#runtime/operators/operator.js'
import { stateMemory } from '#runtime/state/state-memory.js'
import { operatorContext, Player, type Checkpoint } from '../../../operators/player.js'
import { formatRow, materialize, schemaOf, type Row } from '../../../operators/rows.js'
import { batchOf, type Subject } from '../../../operators/run.js'

const call = (name: AggregateCall['function'], args: number[], type: AggregateCall['type'], distinct = false): AggregateCall => ({
  function: name,
  args,
  distinct,
  type,
})
const CALLS = [
  call('COUNT', [], notNull(BIGINT)),
  call('SUM', [1], BIGINT),
  call('MIN', [2], STRING),
  call('MAX', [1], BIGINT),
  call('AVG', [1], BIGINT),
  call('COUNT', [1], notNull(BIGINT), true),
]
const INPUT = schemaOf('k INT, v BIGINT, s STRING')
const OUTPUT = schemaOf('k INT, n BIGINT, sum BIGINT, least STRING, most BIGINT, mean BIGINT, d BIGINT')

const subject = (retractInput: boolean): Subject => {
  const spec: OperatorSpec = { op: 'group-aggregate', keys: [0], calls: CALLS, retractInput, output: 'changelog' }
  return { spec, inputs: [INPUT], output: OUTPUT }
}

/** The rows that are there, by key. */
type Model = Map<number, Row[]>

function results(model: Model): string[] {
  const lines: string[] = []
  for (const [key, rows] of model) {
    if (rows.length === 0) continue
    const values = rows.map((row) => row.values[1] as bigint | null).filter((value) => value !== null)
    const texts = rows.map((row) => row.values[2] as string | null).filter((text) => text !== null)
    const sum = values.reduce((a, b) => a + b, 0n)
    const line: Value[] = [
      key,
      BigInt(rows.length),
      values.length === 0 ? null : sum,
      texts.length === 0 ? null : (texts.toSorted()[0] as string),
      values.length === 0 ? null : values.reduce((a, b) => (a > b ? a : b)),
      values.length === 0 ? null : sum / BigInt(values.length),
      BigInt(new Set(values).size),
    ]
    lines.push(formatRow({ kind: 0, values: line }, OUTPUT).slice(3))
  }
  return lines.toSorted()
}

/** Batches of random rows; with `retracting`, a third of them take a row away that is there. */
function* batches(seed: number, count: number, keys: number, retracting: boolean, model: () => Model): Generator<Row[]> {
  let state = seed | 1
  const random = (limit: number): number => (state = (Math.imul(state, 48271) & 0x7fffffff) >>> 0) % limit
  for (let batch = 0; batch < count; batch++) {
    const rows: Row[] = []
    for (let i = 0; i < 250; i++) {
      const key = random(keys)
      const held = model().get(key) ?? []
      if (retracting && held.length > 0 && random(3) === 0) {
        const [row] = held.splice(random(held.length), 1) as [Row]
        rows.push({ kind: 3, values: row.values })
        continue
      }
      const values: Value[] = [
        key,
        random(9) === 0 ? null : BigInt(random(50)),
        random(7) === 0 ? null : 'x'.repeat(random(40)) + random(30),
      ]
      const row = { kind: 0 as RowKind, values }
      model().set(key, [...held, row])
      rows.push(row)
    }
    yield rows
  }
}

describe('Aggregates that outgrow their memory', () => {
  let directory: string
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'weft-test-'))))
  afterEach(() => {
    stateMemory.limit(Infinity, directory)
    rmSync(directory, { recursive: true, force: true })
  })

  for (const retracting of [false, true])
    it(`${retracting ? 'changing' : 'growing'} groups equal a map, on the way from arrays into pages and from checkpoint to checkpoint`, async () => {
      const spilledBefore = stateMemory.spilledBytes
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 2 ** 30 }),
          fc.constantFrom(400_000, 1_500_000),
          fc.array(fc.constantFrom('play', 'begin', 'drain', 'complete', 'abort', 'restore', 'rescale'), { minLength: 20, maxLength: 60 }),
          async (seed, budget, actions) => {
            stateMemory.limit(budget, directory)
            const player = new Player(subject(retracting), 'one')
            await player.start(1)
            let model: Model = new Map()
            const input = batches(seed, actions.length, 2_500, retracting, () => model)
            let open: Checkpoint | undefined
            let read = false
            let modelThen: Model = new Map()
            let complete: { readonly checkpoint: Checkpoint; readonly model: Model } | undefined
            for (const action of actions) {
              if (action === 'begin' && open === undefined) {
                open = player.begin(false)
                read = false
                modelThen = new Map([...model].map(([key, rows]) => [key, [...rows]]))
              } else if (action === 'drain' && open !== undefined) read = player.drain(open)
              else if (action === 'complete' && open !== undefined) {
                while (!read) read = player.drain(open)
                player.complete(open)
                complete = { checkpoint: open, model: modelThen }
                open = undefined
              } else if (action === 'abort' && open !== undefined) {
                player.abort(open)
                open = undefined
              } else if ((action === 'restore' || action === 'rescale') && complete !== undefined) {
                await player.start(action === 'rescale' ? 3 - player.parallelism : player.parallelism, complete.checkpoint)
                model = complete.model
                open = complete = undefined
              }
              await player.play({ type: 'rows', input: 0, rows: input.next().value as Row[] })
            }
            const shown = materialize(player.result().rows, OUTPUT)
            expect(shown).to.deep.equal(results(model))
            await player.close(false)
          },
        ),
        { numRuns: 8 },
      )
      expect(stateMemory.spilledBytes).to.be.above(spilledBefore)
    }).timeout(60_000)

  it('a window with more keys than memory emits all of them, and the next one begins in arrays', async () => {
    const spilledBefore = stateMemory.spilledBytes
    stateMemory.limit(200_000, directory)
    const window = { kind: 'tumble', sizeMs: 1000, offsetMs: 0 } as const
    const player = new Player(
      {
        spec: {
          op: 'window-aggregate',
          keys: [0],
          calls: [call('COUNT', [], notNull(BIGINT)), call('MAX', [2], STRING)],
          window,
          timeColumn: 1,
          emit: [],
        },
        inputs: [schemaOf('k INT, t TIMESTAMP(3), s STRING')],
        output: schemaOf('k INT, n BIGINT, m STRING'),
      },
      'one',
    )
    await player.start(1)
    const row = (k: number, t: bigint): Row => ({ kind: 0, values: [k, t, `text ${k} of ${t}`] })
    const fill = async (keys: number, t: bigint): Promise<void> => {
      for (let from = 0; from < keys; from += 500)
        await player.play({ type: 'rows', input: 0, rows: Array.from({ length: Math.min(500, keys - from) }, (_, i) => row(from + i, t)) })
    }
    await fill(20_000, 10n)
    await fill(20_000, 20n)
    await fill(40, 1_010n)
    await player.play({ type: 'watermark', watermark: 999 })
    await fill(80, 1_020n)
    await player.play({ type: 'watermark', watermark: 1_999 })
    const { rows } = player.result()
    expect(rows.slice(0, 20_000).map(({ values }) => values)).to.deep.equal(
      Array.from({ length: 20_000 }, (_, k) => [k, 2n, `text ${k} of 20`]),
    )
    expect(rows.slice(20_000).map(({ values }) => values)).to.deep.equal(
      Array.from({ length: 80 }, (_, k) => [k, k < 40 ? 2n : 1n, `text ${k} of 1020`]),
    )
    expect(stateMemory.spilledBytes).to.be.above(spilledBefore)
    await player.close(false)
  }).timeout(20_000)

  it('a window of many keys is emitted in turns; rows and watermarks that come meanwhile are taken in, in order', async () => {
    const window = { kind: 'tumble', sizeMs: 1000, offsetMs: 0 } as const
    const input = schemaOf('k INT, t TIMESTAMP(3)')
    const output = schemaOf('k INT, n BIGINT, s TIMESTAMP(3)')
    const spec: OperatorSpec = {
      op: 'window-aggregate',
      keys: [0],
      calls: [call('COUNT', [], notNull(BIGINT))],
      window,
      timeColumn: 1,
      emit: ['window_start'],
    }
    const operator = createOperator(spec, [input], output) as Operator
    let go: () => void = () => undefined
    let late = 0
    const nextTurn = (): Promise<void> => new Promise((resolve) => (go = resolve))
    const context = operatorContext({ spec, inputs: [input], output }, virtualEnvironment(), 0, 1, (rows) => (late += rows))
    const emitted: (string | number)[] = []
    await operator.open?.(
      { ...context, nextTurn },
      {
        collect: (batch) => emitted.push(`${batch.length} of ${String(readValue(batch.columns[2] as Vector, 0))}`),
        emitWatermark: (watermark) => emitted.push(watermark),
      },
    )
    const add = (keys: number, t: number): void => {
      for (let from = 0; from < keys; from += 1000) {
        const rows = Array.from({ length: Math.min(1000, keys - from) }, (_, i): Row => ({ kind: 0, values: [from + i, BigInt(t)] }))
        void operator.processBatch(batchOf(input, rows), 0)
      }
    }
    add(40_000, 5)
    add(3, 1_005)
    const firing = operator.processWatermark(999)
    expect(emitted.length).to.equal(16)
    add(5, 6) // the window has fired: late
    add(7, 1_006)
    expect(operator.processWatermark(1_999)).to.equal(undefined)
    add(2, 2_000)
    expect(operator.processWatermark(2_100)).to.equal(undefined)
    expect(emitted.length).to.equal(16)
    for (let turn = 0; turn < 3; turn++) {
      go()
      await new Promise(setImmediate)
    }
    await firing
    expect(late).to.equal(5)
    const batches = Array.from({ length: 40 }, (_, i) => `${i < 39 ? 1024 : 64} of 0`)
    expect(emitted).to.deep.equal([...batches, 999, '7 of 1000', 1_999, 2_100])
    await operator.processWatermark(3_000)
    expect(emitted.slice(-2)).to.deep.equal(['2 of 2000', 3_000])
  })
})
