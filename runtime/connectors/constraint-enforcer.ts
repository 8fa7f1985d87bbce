/**
 * Flink's constraint enforcer before a sink: a NULL for a NOT NULL column fails the job, or drops the row; texts and bytes of a wrong length fail it or
 * are cut and filled up, where that is asked for.
 */
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { Value } from '#core/types/logical-type.js'
import { ColumnBuilder } from '../columnar/batch-builder.js'
import { Batch } from '../columnar/batch.js'
import { gatherBatch } from '../columnar/gather.js'
import { readValue } from '../columnar/value.js'
import { isNull, type Vector } from '../columnar/vector.js'
import type { Operator, OperatorContext, Output } from '../operators/operator.js'
import type { OperatorSnapshot, RestoredState, SnapshotRequest } from '../state/snapshot.js'
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import { constraintOf, DROPPED, type Constraint } from './constraints.js'
import { NotNullViolated } from './errors.js'

/** The sink itself when there is nothing to enforce. @throws SINK_NOT_NULL, SINK_VALUE_LENGTH while running */
export function enforceConstraints(spec: SpecOf<'sink'>, sink: Operator): Operator {
  const columns = spec.schema.fields.flatMap((field, index) => (field.type.nullable ? [] : [index]))
  const enforced = columns.length === 0 ? sink : new NotNullEnforcer(spec, columns, sink)
  const constraints = spec.schema.fields.map(({ name, type }) => constraintOf(type, name, spec))
  return constraints.some((constraint) => constraint !== undefined) ? new ConstraintEnforcer(spec, constraints, enforced) : enforced
}

/** All of an operator but its rows goes on to the sink. */
abstract class BeforeSink implements Operator {
  protected readonly sink: Operator

  constructor(sink: Operator) {
    this.sink = sink
  }

  abstract processBatch(batch: Batch, input: number): void | Promise<void>

  open(context: OperatorContext, output: Output): void | Promise<void> {
    return this.sink.open?.(context, output)
  }

  processWatermark(watermark: number): void | Promise<void> {
    return this.sink.processWatermark(watermark)
  }

  endInput(input: number): void | Promise<void> {
    return this.sink.endInput(input)
  }

  async prepareCommit(): Promise<readonly unknown[]> {
    return (await this.sink.prepareCommit?.()) ?? []
  }

  stateTables(): readonly StateTableDescriptor[] {
    return this.sink.stateTables?.() ?? []
  }

  restoreState(state: RestoredState): void | Promise<void> {
    return this.sink.restoreState?.(state)
  }

  snapshotState(request: SnapshotRequest): OperatorSnapshot {
    return this.sink.snapshotState?.(request) ?? {}
  }

  checkpointComplete(checkpointId: number): void {
    this.sink.checkpointComplete?.(checkpointId)
  }

  checkpointAborted(checkpointId: number): void {
    this.sink.checkpointAborted?.(checkpointId)
  }

  close(failed: boolean): void | Promise<void> {
    return this.sink.close?.(failed)
  }
}

class NotNullEnforcer extends BeforeSink {
  readonly #spec: SpecOf<'sink'>
  readonly #columns: readonly number[]

  constructor(spec: SpecOf<'sink'>, columns: readonly number[], sink: Operator) {
    super(sink)
    this.#spec = spec
    this.#columns = columns
  }

  processBatch(batch: Batch, input: number): void | Promise<void> {
    const checked = this.#columns.filter((index) => batch.columns[index]?.nulls !== undefined)
    if (checked.length === 0) return this.sink.processBatch(batch, input)
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
    if (count === batch.length) return this.sink.processBatch(batch, input)
    if (count > 0) return this.sink.processBatch(batch.select(kept.subarray(0, count)), input)
  }
}

/** Looks at single values: lengths, and what is inside of values. */
class ConstraintEnforcer extends BeforeSink {
  readonly #spec: SpecOf<'sink'>
  readonly #constraints: readonly (Constraint | undefined)[]

  constructor(spec: SpecOf<'sink'>, constraints: readonly (Constraint | undefined)[], sink: Operator) {
    super(sink)
    this.#spec = spec
    this.#constraints = constraints
  }

  processBatch(batch: Batch, input: number): void | Promise<void> {
    const builders = this.#spec.schema.fields.map(({ type }, i) =>
      this.#constraints[i] === undefined ? undefined : new ColumnBuilder(type),
    )
    const kept: number[] = []
    for (let row = 0; row < batch.length; row++) {
      const position = batch.position(row)
      const values = this.#row(batch, position)
      if (values === undefined) continue
      kept.push(position)
      builders.forEach((builder, i) => builder?.appendValue(values[i] ?? null))
    }
    if (kept.length === 0) return
    const rows = gatherBatch(batch, Int32Array.from(kept))
    const columns = rows.columns.map((column, i) => builders[i]?.finish() ?? column)
    return this.sink.processBatch(new Batch(rows.schema, columns, kept.length, undefined, rows.rowKinds), input)
  }

  /** Values of the columns that are looked at; undefined: the row is dropped. */
  #row(batch: Batch, position: number): (Value | undefined)[] | undefined {
    const values: (Value | undefined)[] = []
    for (const [i, constraint] of this.#constraints.entries()) {
      if (constraint === undefined) continue
      const value = readValue(batch.columns[i] as Vector, position)
      const checked = value === null ? null : constraint(value, this.#spec.schema.fields[i]?.name ?? '')
      if (checked === DROPPED) return undefined
      values[i] = checked
    }
    return values
  }
}
