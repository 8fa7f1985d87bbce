/**
 * VALUES: emits literal rows, then ends. Only subtask 0 emits, so that a higher parallelism does not repeat them.
 * State: how many rows were emitted.
 */
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { LogicalType, Value } from '#core/types/logical-type.js'
import type { LiteralValue } from '#core/graph/expression.js'
import type { Schema } from '#core/types/schema.js'
import { BATCH_CAPACITY } from '../columnar/batch.js'
import { BatchBuilder } from '../columnar/batch-builder.js'
import { vectorKind } from '../columnar/vector.js'
import type { OperatorSnapshot, RestoredState } from '../state/snapshot.js'
import type { OperatorContext, Output, SourceOperator } from './operator.js'

/** List state: rows emitted, of subtask 0. */
const POSITION = 'position'

export class ValuesSource implements SourceOperator {
  readonly #rows: SpecOf<'values'>['rows']
  readonly #schema: Schema
  #next = 0
  #emits = true
  #output!: Output

  constructor(spec: SpecOf<'values'>) {
    this.#rows = spec.rows
    this.#schema = spec.schema
  }

  open(context: OperatorContext, output: Output): void {
    this.#output = output
    this.#emits = context.subtaskIndex === 0
    if (!this.#emits) this.#next = this.#rows.length
  }

  snapshotState(): OperatorSnapshot {
    return { lists: { [POSITION]: { mode: 'UNION', items: this.#emits ? [this.#next] : [] } } }
  }

  restoreState(state: RestoredState): void {
    const position = state.lists[POSITION]?.[0]
    if (this.#emits && typeof position === 'number') this.#next = position
  }

  poll(): 'more' | 'end' {
    if (this.#next >= this.#rows.length) return 'end'
    const builder = new BatchBuilder(this.#schema)
    const end = Math.min(this.#rows.length, this.#next + BATCH_CAPACITY)
    for (; this.#next < end; this.#next++) {
      const row = this.#rows[this.#next] ?? []
      builder.appendRow(this.#schema.fields.map((field, column) => literalAs(row[column] ?? null, field.type)))
    }
    this.#output.collect(builder.finish())
    return this.#next >= this.#rows.length ? 'end' : 'more'
  }
}

/** 64-bit and DECIMAL literals travel as digits (core/graph/expression.ts). */
function literalAs(literal: LiteralValue, type: LogicalType): Value {
  if (literal === null) return null
  const kind = vectorKind(type)
  return kind === 'int64' || kind === 'decimal128' ? BigInt(literal) : literal
}

export function createValues(spec: SpecOf<'values'>): SourceOperator {
  return new ValuesSource(spec)
}
