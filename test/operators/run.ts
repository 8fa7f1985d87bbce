/**
 * Runs an operator over a script of rows, watermarks and ends, cut into batches in a chosen way, and interrupted in a chosen way
 * (interruptions.ts).
 */
import type { OperatorSpec } from '#core/graph/operator-spec.js'
import type { LogicalType, Value } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import type { Batch } from '#runtime/columnar/batch.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import { decodeBatch, encodeBatch } from '#runtime/columnar/wire.js'
import type { Operator, SourceOperator } from '#runtime/operators/operator.js'
import { MAX_WATERMARK } from '#runtime/operators/operator.js'
import { play, type Interruption } from './interruptions.js'
import { Player } from './player.js'
import type { Row } from './rows.js'

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
  /** By item that made them. */
  readonly byItem: readonly (readonly Emitted[])[]
  readonly rows: readonly Row[]
  readonly late: number
}

export interface Subject {
  readonly spec: OperatorSpec
  readonly inputs: readonly Schema[]
  readonly output: Schema
  readonly configuration?: Readonly<Record<string, string>>
  /** Of an operator that is not made from its spec alone. */
  readonly create?: () => Operator | SourceOperator
  /** By input: the columns by which rows find their subtask; without them the operator is not rescaled. Default: those of the spec. */
  readonly keys?: readonly (readonly number[])[]
}

/** What a task does to an operator, one after the other. */
export type Item =
  | { readonly type: 'rows'; readonly input: number; readonly rows: readonly Row[] }
  | Exclude<Step, { type: 'row' }>
  | { readonly type: 'end' }
  | { readonly type: 'poll' }

/** Opens the operator, plays the script, then the last watermark and the end of all inputs, and closes it. */
export async function runOperator(
  subject: Subject,
  steps: readonly Step[],
  batching: Batching,
  interruption: Interruption = 'none',
): Promise<Result> {
  const player = new Player(subject, batching)
  try {
    await player.start(1)
    if (player.isSource) while (!player.ended) await play(player, [{ type: 'poll' }], interruption)
    else await play(player, [...grouped(steps, batching), { type: 'watermark', watermark: MAX_WATERMARK }, { type: 'end' }], interruption)
    await player.close(false)
  } catch (error) {
    await player.close(true)
    throw error
  }
  return player.result()
}

function grouped(steps: readonly Step[], batching: Batching): Item[] {
  const most = batching === 'rows' ? 1 : typeof batching === 'number' ? batching : Infinity
  const items: Item[] = []
  let open: Row[] | undefined
  let input = -1
  for (const step of steps) {
    if (step.type !== 'row') {
      items.push(step)
      open = undefined
    } else if (open !== undefined && open.length < most && input === step.input) open.push(step.row)
    else {
      open = [step.row]
      input = step.input
      items.push({ type: 'rows', input, rows: open })
    }
  }
  return items
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
    case 'BYTES':
      return 'decoy'
    case 'NULL':
      return null
    default:
      return 77_777_777n
  }
}
