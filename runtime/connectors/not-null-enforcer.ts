/** Flink's not-null enforcer before a sink: a NULL for a NOT NULL column fails the job, or drops the row. */
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { Batch } from '../columnar/batch.js'
import { isNull, type Vector } from '../columnar/vector.js'
import type { Operator, OperatorContext, Output } from '../operators/operator.js'
import type { OperatorSnapshot, RestoredState, SnapshotRequest } from '../state/snapshot.js'
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import { NotNullViolated } from './errors.js'

/** The sink itself when no column is NOT NULL. @throws SINK_NOT_NULL while running */
export function enforceNotNull(spec: SpecOf<'sink'>, sink: Operator): Operator {
  const columns = spec.schema.fields.flatMap((field, index) => (field.type.nullable ? [] : [index]))
  return columns.length === 0 ? sink : new NotNullEnforcer(spec, columns, sink)
}

class NotNullEnforcer implements Operator {
  readonly #spec: SpecOf<'sink'>
  readonly #columns: readonly number[]
  readonly #sink: Operator

  constructor(spec: SpecOf<'sink'>, columns: readonly number[], sink: Operator) {
    this.#spec = spec
    this.#columns = columns
    this.#sink = sink
  }

  open(context: OperatorContext, output: Output): void | Promise<void> {
    return this.#sink.open?.(context, output)
  }

  processBatch(batch: Batch, input: number): void | Promise<void> {
    const checked = this.#columns.filter((index) => batch.columns[index]?.nulls !== undefined)
    if (checked.length === 0) return this.#sink.processBatch(batch, input)
    const kept = new Int32Array(batch.length)
    let count = 0
    for (let row = 0; row < batch.length; row++) {
      const position = batch.position(row)
      const violated = checked.find((index) => isNull(batch.columns[index] as Vector, position))
      if (violated === undefined) kept[count++] = position
      else if (this.#spec.notNullEnforcer === 'ERROR') {
        throw new NotNullViolated({ column: this.#spec.schema.fields[violated]?.name ?? String(violated), table: this.#spec.tableName })
      }
    }
    if (count === batch.length) return this.#sink.processBatch(batch, input)
    if (count > 0) return this.#sink.processBatch(batch.select(kept.subarray(0, count)), input)
  }

  processWatermark(watermark: number): void | Promise<void> {
    return this.#sink.processWatermark(watermark)
  }

  endInput(input: number): void | Promise<void> {
    return this.#sink.endInput(input)
  }

  async prepareCommit(): Promise<readonly unknown[]> {
    return (await this.#sink.prepareCommit?.()) ?? []
  }

  stateTables(): readonly StateTableDescriptor[] {
    return this.#sink.stateTables?.() ?? []
  }

  restoreState(state: RestoredState): void | Promise<void> {
    return this.#sink.restoreState?.(state)
  }

  snapshotState(request: SnapshotRequest): OperatorSnapshot {
    return this.#sink.snapshotState?.(request) ?? {}
  }

  checkpointComplete(checkpointId: number): void {
    this.#sink.checkpointComplete?.(checkpointId)
  }

  checkpointAborted(checkpointId: number): void {
    this.#sink.checkpointAborted?.(checkpointId)
  }

  close(failed: boolean): void | Promise<void> {
    return this.#sink.close?.(failed)
  }
}
