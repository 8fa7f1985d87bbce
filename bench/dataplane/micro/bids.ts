/** Rows like Nexmark's bids, the same in every run, and what an operator needs to run on its own. */
import { Configuration } from '#core/config/configuration.js'
import { FileSystems } from '#core/fs/file-systems.js'
import type { OperatorSpec } from '#core/graph/operator-spec.js'
import type { JobId, OperatorId } from '#core/ids/ids.js'
import { systemEnvironment } from '#core/time/environment.js'
import { BIGINT, DOUBLE, STRING, timestampLtz } from '#core/types/logical-type.js'
import { schema, type Schema } from '#core/types/schema.js'
import type { Batch } from '#runtime/columnar/batch.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import type { Operator, OperatorContext, Output } from '#runtime/operators/operator.js'
import { createOperator } from '#runtime/operators/factory.js'

export const BIDS = schema(
  ['auction', BIGINT],
  ['bidder', BIGINT],
  ['price', DOUBLE],
  ['at', timestampLtz(3)],
  ['channel', STRING],
  ['url', STRING],
)
export const BATCH_ROWS = 1024
export const KEYS = 100_000

/** Park and Miller's generator: the same rows every time. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 48271) % 2147483647
    return state % below
  }
}

/** A ring of `count` batches; rows are a ms apart. `keys`: how many auctions there are. */
export function bidBatches(count: number, keys = KEYS): Batch[] {
  const random = randomNumbers(20260101)
  return Array.from({ length: count }, (_, b) => {
    const builder = new BatchBuilder(BIDS, BATCH_ROWS)
    for (let row = 0; row < BATCH_ROWS; row++) {
      builder.appendRow([
        BigInt(random(keys)),
        BigInt(random(10_000)),
        random(100_000) / 100,
        BigInt(1_700_000_000_000 + b * BATCH_ROWS + row),
        `channel-${random(10_000)}`,
        `https://www.example.com/auctions/item.html?query=1&channel_id=${random(1_000_000)}`,
      ])
    }
    return builder.finish()
  })
}

export interface Rig {
  readonly operator: Operator
  /** Rows emitted so far. */
  emitted(): number
}

/** An open operator whose output is counted and dropped. */
export async function rig(spec: OperatorSpec, inputs: readonly Schema[], outputSchema: Schema): Promise<Rig> {
  let rows = 0
  const output: Output = {
    collect: (batch) => void (rows += batch.length),
    emitWatermark: () => undefined,
  }
  const operator = createOperator(spec, inputs, outputSchema) as Operator
  const context: OperatorContext = {
    jobId: '0'.repeat(32) as JobId,
    attemptNumber: 0,
    operatorId: '1'.repeat(32) as OperatorId,
    operatorName: spec.op,
    subtaskIndex: 0,
    parallelism: 1,
    maxParallelism: 128,
    keyGroups: { first: 0, last: 127 },
    inputSchemas: inputs,
    outputSchema,
    configuration: Configuration.of({ 'table.local-time-zone': 'UTC' }),
    environment: systemEnvironment,
    fileSystems: new FileSystems('/'),
    requestCoordinator: () => Promise.reject(new Error('no coordinator')),
    printLine: () => undefined,
    countLate: () => undefined,
    counter: () => ({ inc: () => undefined, count: 0 }),
    schedule: (delay, action) => systemEnvironment.timers.after(delay, action, true),
    nextTurn: () => Promise.resolve(),
  }
  await operator.open?.(context, output)
  return { operator, emitted: () => rows }
}
