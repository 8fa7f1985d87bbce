/**
 * What sessions that fire give: their rows with the borders, or their aggregates. Small sessions share batches; rows are forgotten when
 * they have been read.
 */
import type { SpecOf } from '#core/graph/operator-spec.js'
import { INT, notNull, type LogicalType } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import { Batch, BATCH_CAPACITY } from '../../columnar/batch.js'
import type { BooleanVector, Int32Vector, Vector } from '../../columnar/vector.js'
import { GroupedAggregation } from '../aggregate/grouped-aggregation.js'
import type { Output } from '../operator.js'
import { windowColumn, type WindowColumn } from '../window-columns.js'
import type { SessionRows } from './session-rows.js'

const BORDERS: readonly WindowColumn[] = ['window_start', 'window_end', 'window_time']
/** Which session of those that come out together a row is of. */
const SESSION = { name: '$session', type: notNull(INT) }

export class SessionOutput {
  readonly #spec: SpecOf<'session-window'>
  readonly #schema: Schema
  readonly #rowSchema: Schema
  readonly #aggregation: GroupedAggregation | undefined
  #output!: Output
  #clock!: { instantOf(local: number): number }
  /** Borders by session. */
  #starts: number[] = []
  #ends: number[] = []
  /** Rows that wait to be read, and their sessions. */
  #ids: number[] = []
  #sessions: number[] = []
  /** Rows aggregated since results came out. */
  #aggregated = 0

  constructor(spec: SpecOf<'session-window'>, input: Schema, output: Schema) {
    this.#spec = spec
    this.#schema = output
    this.#rowSchema = { fields: [...input.fields, SESSION] }
    const { aggregate } = spec
    if (aggregate === undefined) return
    const keys = [input.fields.length, ...aggregate.keys]
    this.#aggregation = new GroupedAggregation(this.#rowSchema, keys, aggregate.calls, spec.retractInput)
  }

  open(output: Output, clock: { instantOf(local: number): number }): void {
    this.#output = output
    this.#clock = clock
  }

  /** A session with all of its rows, which are the output's now. */
  *add(start: number, end: number, ids: Int32Array, rows: SessionRows): Generator<void, void> {
    const session = this.#starts.push(start) - 1
    this.#ends.push(end)
    for (const id of ids) {
      this.#ids.push(id)
      this.#sessions.push(session)
      if (this.#ids.length < BATCH_CAPACITY) continue
      this.#read(rows)
      yield
    }
    if (this.#ids.length + this.#aggregated >= BATCH_CAPACITY) yield* this.flush(rows)
  }

  /** Everything so far. */
  *flush(rows: SessionRows): Generator<void, void> {
    if (this.#ids.length > 0) {
      this.#read(rows)
      yield
    }
    if (this.#aggregation !== undefined) yield* this.#emitGroups(this.#aggregation)
    this.#starts = []
    this.#ends = []
  }

  #read(rows: SessionRows): void {
    const ids = Int32Array.from(this.#ids)
    const sessions = Int32Array.from(this.#sessions)
    const columns = rows.columns(ids)
    const kinds = rows.kinds(ids)
    this.#ids = []
    this.#sessions = []
    if (this.#aggregation === undefined) {
      const all = [...columns, ...this.#borders(BORDERS, columns.length, sessions)]
      this.#output.collect(new Batch(this.#schema, all, ids.length, undefined, kinds))
    } else {
      const column: Int32Vector = { kind: 'int32', type: SESSION.type, nulls: undefined, values: sessions }
      const counting = this.#counting(columns)
      const length = counting?.length ?? ids.length
      this.#aggregated += ids.length
      if (length > 0) this.#aggregation.accumulate(new Batch(this.#rowSchema, [...columns, column], length, counting, kinds))
    }
    rows.remove(ids)
  }

  /** Rows that are aggregated; undefined: all. */
  #counting(columns: readonly Vector[]): Int32Array | undefined {
    const condition = this.#spec.aggregate?.condition
    if (condition === undefined) return undefined
    const { values, nulls } = columns[condition] as BooleanVector
    const rows: number[] = []
    for (let row = 0; row < values.length; row++) {
      if (values[row] === 1 && (nulls === undefined || ((nulls[row >> 3] as number) & (1 << (row & 7))) === 0)) rows.push(row)
    }
    return Int32Array.from(rows)
  }

  *#emitGroups(aggregation: GroupedAggregation): Generator<void, void> {
    const emit = this.#spec.aggregate?.emit ?? []
    for (const some of aggregation.groups(BATCH_CAPACITY)) {
      const [sessions, ...columns] = aggregation.results(some) as [Int32Vector, ...Vector[]]
      const borders = this.#borders(emit, columns.length, sessions.values.subarray(0, some.length))
      this.#output.collect(new Batch(this.#schema, [...columns, ...borders], some.length))
      yield
    }
    aggregation.clear()
    this.#aggregated = 0
  }

  #borders(wanted: readonly WindowColumn[], first: number, sessions: Int32Array): Vector[] {
    const starts = Float64Array.from(sessions, (session) => this.#starts[session] as number)
    const ends = Float64Array.from(sessions, (session) => this.#ends[session] as number)
    return wanted.map((column, i) => windowColumn(column, starts, ends, this.#clock, this.#schema.fields[first + i]?.type as LogicalType))
  }
}
