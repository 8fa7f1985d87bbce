/**
 * ORDER BY event time, and then by other columns, of a stream.
 *
 * In:    insertions with a time column.   Out: the same rows in order; rows of equal keys in the order in which they came.
 * State: rows that the watermark has not passed; the time of the last row that came out.
 * Time:  rows come out when the watermark reaches their time, then it passes on. A row that is not later than the last one that came out is
 *        dropped and counted. A very large number of rows is emitted in several turns; what comes meanwhile waits.
 * @throws ROWTIME_IS_NULL
 * Source: Flink's RowTimeSortOperator.
 */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { Schema } from '#core/types/schema.js'
import { BATCH_CAPACITY, type Batch } from '../columnar/batch.js'
import { KeyedTables } from '../state/keyed-tables.js'
import type { OperatorSnapshot, RestoredState, SnapshotRequest } from '../state/snapshot.js'
import { rowtimes } from '../time/rowtime.js'
import { hasRetractions } from './changelog.js'
import { inTurns } from './in-turns.js'
import { RowsByTime } from './join/rows-by-time.js'
import { NO_WATERMARK, type Operator, type OperatorContext, type Output } from './operator.js'

/** List state of the one subtask. */
const LAST = 'last'

export class TemporalSortOperator implements Operator {
  readonly #time: number
  readonly #tables = new KeyedTables()
  readonly #rows: RowsByTime
  /** While rows are being emitted: what has come since, in order. */
  readonly #waiting: (Batch | number)[] = []
  #emitting = false
  #last = NO_WATERMARK
  #context!: OperatorContext
  #output!: Output

  constructor(spec: SpecOf<'temporal-sort'>, input: Schema) {
    const [first, ...others] = spec.keys
    if (first === undefined || !first.ascending) throw new Error('a temporal sort begins with a time, ascending')
    this.#time = first.column
    this.#rows = new RowsByTime(input, [], first.column, this.#tables, others)
  }

  open(context: OperatorContext, output: Output): void {
    this.#context = context
    this.#output = output
  }

  processBatch(batch: Batch): void {
    if (batch.length === 0) return
    if (hasRetractions(batch)) throw new Error('a temporal sort takes insertions only')
    if (this.#emitting) this.#waiting.push(batch)
    else this.#take(batch)
  }

  processWatermark(watermark: number): void | Promise<void> {
    if (this.#emitting) return void this.#waiting.push(watermark)
    if (watermark < this.#rows.firstTime) return this.#output.emitWatermark(watermark)
    this.#emitting = true
    this.#waiting.push(watermark)
    return inTurns(this.#workOff(), () => this.#context.nextTurn())
  }

  endInput(): void {
    // The last watermark came before: no row waits.
  }

  stateTables(): StateTableDescriptor[] {
    return this.#tables.descriptors()
  }

  snapshotState(request: SnapshotRequest): OperatorSnapshot {
    return {
      keyed: this.#tables.snapshot(request, this.#context.maxParallelism),
      lists: { [LAST]: { mode: 'UNION', items: [this.#last] } },
    }
  }

  async restoreState(state: RestoredState): Promise<void> {
    for (const item of state.lists[LAST] ?? []) if (typeof item === 'number') this.#last = Math.max(this.#last, item)
    for await (const { batch } of state.keyed) this.#rows.restore(batch)
  }

  checkpointComplete(checkpointId: number): void {
    this.#tables.checkpointComplete(checkpointId)
  }

  checkpointAborted(checkpointId: number): void {
    this.#tables.checkpointAborted(checkpointId)
  }

  #take(batch: Batch): void {
    const times = rowtimes(batch, this.#time)
    const kept: number[] = []
    for (let row = 0; row < batch.length; row++) if ((times[row] as number) > this.#last) kept.push(batch.position(row))
    if (kept.length < batch.length) this.#context.countLate(batch.length - kept.length)
    if (kept.length > 0) this.#rows.add(kept.length === batch.length ? batch : batch.select(Int32Array.from(kept)))
  }

  *#workOff(): Generator<void, void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (typeof next !== 'number') {
        this.#take(next)
        continue
      }
      for (let rows = this.#rows.take(next, BATCH_CAPACITY); rows !== undefined; rows = this.#rows.take(next, BATCH_CAPACITY)) {
        this.#last = rowtimes(rows, this.#time)[rows.length - 1] as number
        this.#output.collect(rows)
        yield
      }
      this.#output.emitWatermark(next)
    }
    this.#emitting = false
  }
}

export function createTemporalSort(spec: SpecOf<'temporal-sort'>, inputs: readonly Schema[], _output: Schema): Operator {
  return new TemporalSortOperator(spec, inputs[0] as Schema)
}
