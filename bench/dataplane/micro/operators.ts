/** One operator at a time, over batches that are there already. */
import type { Expression } from '#core/graph/expression.js'
import type { AggregateCall, OperatorSpec } from '#core/graph/operator-spec.js'
import { BIGINT, BOOLEAN, DOUBLE, STRING, timestamp, type LogicalType } from '#core/types/logical-type.js'
import { schema, type Schema } from '#core/types/schema.js'
import type { Batch } from '#runtime/columnar/batch.js'
import type { MicroCase, MicroCases } from '../measure.js'
import { bidBatches, BIDS, BATCH_ROWS, KEYS, randomNumbers, rig } from './bids.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'

const column = (index: number): Expression => ({ kind: 'input', index, type: BIDS.fields[index]?.type as LogicalType })
const literal = (value: string | number, type: LogicalType): Expression => ({ kind: 'literal', value, type })
const call = (name: string, type: LogicalType, ...args: Expression[]): Expression => ({ kind: 'call', name, args, type })
const aggregate = (name: AggregateCall['function'], type: LogicalType, ...args: number[]): AggregateCall => ({
  function: name,
  args,
  distinct: false,
  type,
})
const COUNT = aggregate('COUNT', BIGINT)
const nullable = (type: LogicalType): LogicalType => ({ ...type, nullable: true })

/** Batches in a ring, again and again. */
async function ring(name: string, spec: OperatorSpec, output: Schema, batches = bidBatches(256)): Promise<MicroCase> {
  const { operator } = await rig(spec, [BIDS], output)
  let next = 0
  return {
    name,
    unit: 'rows',
    run() {
      for (let i = 0; i < 64; i++) void operator.processBatch(batches[next++ % batches.length] as Batch, 0)
      return 64 * BATCH_ROWS
    },
  }
}

const grouped = (keys: readonly number[], calls: readonly AggregateCall[], output: 'final' | 'changelog'): OperatorSpec => ({
  op: 'group-aggregate',
  keys,
  calls,
  retractInput: false,
  output,
})

export const operatorCases: MicroCases = {
  calc: () =>
    ring(
      'calc: two computed columns',
      {
        op: 'calc',
        projection: [column(0), call('*', DOUBLE, column(2), literal(0.908, DOUBLE)), call('+', BIGINT, column(0), column(1))],
      },
      schema(['auction', BIGINT], ['euros', DOUBLE], ['sum', BIGINT]),
    ),
  filter: () =>
    ring(
      'calc: filter 10 %, one computed column',
      {
        op: 'calc',
        condition: call('=', BOOLEAN, call('MOD', BIGINT, column(0), literal('10', BIGINT)), literal('3', BIGINT)),
        projection: [column(0), call('*', DOUBLE, column(2), literal(0.908, DOUBLE))],
      },
      schema(['auction', BIGINT], ['euros', DOUBLE]),
    ),
  'filter-text': () =>
    ring(
      'calc: filter by text',
      { op: 'calc', condition: call('LIKE', BOOLEAN, column(5), literal('%id=99%', STRING)), projection: [column(0), column(5)] },
      schema(['auction', BIGINT], ['url', STRING]),
    ),
  'group-final': () =>
    ring(
      'group aggregate: count, sum by BIGINT',
      grouped([0], [COUNT, aggregate('SUM', nullable(DOUBLE), 2)], 'final'),
      schema(['k', BIGINT], ['n', BIGINT], ['total', nullable(DOUBLE)]),
    ),
  'group-changelog': () =>
    ring('group aggregate: count by BIGINT, changelog', grouped([0], [COUNT], 'changelog'), schema(['k', BIGINT], ['n', BIGINT])),
  'group-text': () => ring('group aggregate: count by STRING', grouped([4], [COUNT], 'final'), schema(['k', STRING], ['n', BIGINT])),
  window: async () => {
    const output = schema(['k', BIGINT], ['n', BIGINT], ['window_end', timestamp(3)])
    const spec: OperatorSpec = {
      op: 'window-aggregate',
      window: { kind: 'tumble', sizeMs: 1_000_000, offsetMs: 0 },
      timeColumn: 3,
      keys: [0],
      calls: [COUNT],
      emit: ['window_end'],
    }
    // 977 batches are a window.
    const batches = bidBatches(977)
    let { operator } = await rig(spec, [BIDS], output)
    let next = 0
    return {
      name: 'window aggregate: tumbling count by BIGINT',
      unit: 'rows',
      async run() {
        if (next === batches.length) {
          await operator.processWatermark(1_700_000_000_000 + 2 * batches.length * BATCH_ROWS)
          operator = (await rig(spec, [BIDS], output)).operator
          next = 0
        }
        const end = Math.min(batches.length, next + 64)
        let rows = 0
        for (; next < end; next++, rows += BATCH_ROWS) void operator.processBatch(batches[next] as Batch, 0)
        return rows
      },
    }
  },
  join: async () => {
    const side = schema(['id', BIGINT], ['amount', DOUBLE])
    const output = schema(['id', BIGINT], ['amount', DOUBLE], ['id0', BIGINT], ['amount0', DOUBLE])
    const random = randomNumbers(7)
    const rounds = 1000
    const batches = Array.from({ length: rounds }, () => {
      const builder = new BatchBuilder(side, BATCH_ROWS)
      for (let row = 0; row < BATCH_ROWS; row++) builder.appendRow([BigInt(random(rounds * BATCH_ROWS)), random(1000)])
      return builder.finish()
    })
    const spec: OperatorSpec = { op: 'join', joinType: 'inner', leftKeys: [0], rightKeys: [0] }
    let { operator } = await rig(spec, [side, side], output)
    let next = 0
    return {
      name: 'join: BIGINT, a million keys, both sides kept',
      unit: 'rows',
      async run() {
        if (next === rounds) {
          operator = (await rig(spec, [side, side], output)).operator
          next = 0
        }
        const end = Math.min(rounds, next + 32)
        let rows = 0
        for (; next < end; next++, rows += BATCH_ROWS) void operator.processBatch(batches[next] as Batch, next & 1)
        return rows
      },
    }
  },
  'top-n': () =>
    ring(
      'sort-limit: top 10, changelog',
      {
        op: 'sort-limit',
        keys: [{ column: 2, ascending: false, nullsFirst: false }],
        limit: 10,
        offset: 0,
        output: 'changelog',
        retractInput: false,
      },
      BIDS,
    ),
  sort: async () => {
    const batches = bidBatches(64, KEYS)
    const spec: OperatorSpec = {
      op: 'sort-limit',
      keys: [{ column: 2, ascending: true, nullsFirst: false }],
      offset: 0,
      output: 'final',
      retractInput: false,
    }
    return {
      name: 'sort-limit: 65,536 bids by price',
      unit: 'rows',
      async run() {
        const { operator } = await rig(spec, [BIDS], BIDS)
        for (const batch of batches) await operator.processBatch(batch, 0)
        await operator.endInput(0)
        return batches.length * BATCH_ROWS
      },
    }
  },
}
