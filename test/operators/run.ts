/** Runs an operator over a script of rows, watermarks and ends, cut into batches in a chosen way. */
import { Configuration } from '#core/config/configuration.js'
import type { OperatorSpec } from '#core/graph/operator-spec.js'
import { FileSystems } from '#core/fs/file-systems.js'
import type { JobId, OperatorId } from '#core/ids/ids.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import type { LogicalType, Value } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import { Batch } from '#runtime/columnar/batch.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import { decodeBatch, encodeBatch } from '#runtime/columnar/wire.js'
import { createOperator } from '#runtime/operators/factory.js'
import { MAX_WATERMARK, NO_WATERMARK, type OperatorContext, type Output } from '#runtime/operators/operator.js'
import { rowsOf, type Row } from './rows.js'

export type Step =
  | { readonly type: 'row'; readonly input: number; readonly row: Row }
  | { readonly type: 'watermark'; readonly watermark: number }
  /** Virtual time passes. */
  | { readonly type: 'wait'; readonly ms: number }

export type Emitted =
  | { readonly type: 'row'; readonly row: Row }
  | { readonly type: 'watermark'; readonly watermark: number }
  | { readonly type: 'idle'; readonly idle: boolean }

/**
 * How consecutive rows of one input become batches. 'rows': each alone; 'one': all together; 'selected': together, with other
 * rows between them that a selection leaves out; 'wire': together, encoded and decoded; a number: at most so many.
 */
export type Batching = 'rows' | 'one' | 'selected' | 'wire' | number
export const BATCHINGS: readonly Batching[] = ['rows', 'one', 'selected', 'wire', 3]

export interface Result {
  readonly emitted: readonly Emitted[]
  readonly rows: readonly Row[]
  readonly late: number
}

export interface Subject {
  readonly spec: OperatorSpec
  readonly inputs: readonly Schema[]
  readonly output: Schema
  readonly configuration?: Readonly<Record<string, string>>
}

/** Opens the operator, plays the script, then the last watermark and the end of all inputs, and closes it. */
export async function runOperator(subject: Subject, steps: readonly Step[], batching: Batching): Promise<Result> {
  const { spec, inputs, output } = subject
  const emitted: Emitted[] = []
  let late = 0
  let watermark = NO_WATERMARK
  const environment = virtualEnvironment()
  const sink: Output = {
    collect(batch) {
      checkBatch(batch, output)
      for (const row of rowsOf(batch)) emitted.push({ type: 'row', row })
    },
    emitWatermark(value) {
      if (value <= watermark) throw new Error(`watermark ${value} after ${watermark}`)
      watermark = value
      emitted.push({ type: 'watermark', watermark: value })
    },
    emitIdle: (idle) => void emitted.push({ type: 'idle', idle }),
  }
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
    outputSchema: output,
    configuration: Configuration.of({ 'table.local-time-zone': 'UTC', ...subject.configuration }),
    environment,
    fileSystems: new FileSystems('/'),
    requestCoordinator: () => Promise.reject(new Error('no coordinator')),
    printLine: () => undefined,
    countLate: (rows) => void (late += rows),
    schedule: (delay, action) => environment.timers.after(delay, action),
  }
  const operator = createOperator(spec, inputs, output)
  await operator.open?.(context, sink)
  try {
    if ('poll' in operator) {
      while ((await operator.poll()) === 'more');
    } else {
      for (const group of grouped(steps, batching)) {
        if (Array.isArray(group)) {
          const rows = group.map((step) => step.row)
          const input = group[0]?.input ?? 0
          await operator.processBatch(batchOf(inputs[input] as Schema, rows, batching), input)
        } else if (group.type === 'watermark') operator.processWatermark(group.watermark)
        else environment.advance(group.ms)
      }
      operator.processWatermark(MAX_WATERMARK)
      for (let input = 0; input < inputs.length; input++) await operator.endInput(input)
    }
    await operator.close?.(false)
  } catch (error) {
    await operator.close?.(true)
    throw error
  }
  return { emitted, rows: emitted.flatMap((item) => (item.type === 'row' ? [item.row] : [])), late }
}

type RowStep = Extract<Step, { type: 'row' }>

function grouped(steps: readonly Step[], batching: Batching): (RowStep[] | Exclude<Step, RowStep>)[] {
  const most = batching === 'rows' ? 1 : typeof batching === 'number' ? batching : Infinity
  const groups: (RowStep[] | Exclude<Step, RowStep>)[] = []
  for (const step of steps) {
    const last = groups.at(-1)
    if (step.type !== 'row') groups.push(step)
    else if (Array.isArray(last) && last.length < most && last[0]?.input === step.input) last.push(step)
    else groups.push([step])
  }
  return groups
}

export function batchOf(schema: Schema, rows: readonly Row[], batching: Batching = 'one'): Batch {
  const builder = new BatchBuilder(schema)
  for (const row of rows) {
    if (batching === 'selected')
      builder.appendRow(
        schema.fields.map((field) => decoy(field.type)),
        3,
      )
    builder.appendRow(row.values, row.kind)
  }
  const batch = builder.finish()
  if (batching === 'wire') return decodeBatch(encodeBatch(batch), schema)
  if (batching !== 'selected') return batch
  return batch.select(Int32Array.from(rows, (_, i) => 2 * i + 1))
}

/** A value that would spoil results if it were taken for a row's. */
function decoy(type: LogicalType): Value {
  switch (type.kind) {
    case 'BOOLEAN':
      return true
    case 'INT':
    case 'DATE':
    case 'DOUBLE':
      return 77_777
    case 'VARCHAR':
      return 'decoy'
    case 'NULL':
      return null
    default:
      return 77_777_777n
  }
}

/** What every emitted batch must be. */
function checkBatch(batch: Batch, schema: Schema): void {
  if (batch.length === 0) throw new Error('an empty batch was emitted')
  if (batch.columns.length !== schema.fields.length) {
    throw new Error(`${batch.columns.length} columns emitted, the output has ${schema.fields.length}`)
  }
  batch.columns.forEach((column, i) => {
    const kind = schema.fields[i]?.type.kind
    if (column.type.kind !== kind) throw new Error(`column ${i} is emitted as ${column.type.kind}, the output has ${kind}`)
  })
}
