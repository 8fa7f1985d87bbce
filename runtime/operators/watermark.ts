/**
 * Watermarks from event time: the highest value of an expression so far, in ms. Rows pass unchanged.
 *
 * State: the watermark. Where the parallelism has changed, rows may come to another subtask than before: all begin at the lowest.
 * Time:  watermarks from upstream are not used, except the last one. A watermark follows each batch (`eachRow`: each row) that raised it. With an idle
 *        timeout, an output that had no rows for so long is marked idle until the next row comes.
 * @throws ROWTIME_IS_NULL, EXPRESSION_FAILED
 * Source: Flink's WatermarkAssignerOperator (the value itself is the watermark).
 */
import * as z from '#core/zod.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import { schema, type Schema } from '#core/types/schema.js'
import type { Batch } from '../columnar/batch.js'
import { compileCalc } from '../expr/compile.js'
import { RowtimeIsNull } from '../time/rowtime.js'
import type { OperatorSnapshot, RestoredState } from '../state/snapshot.js'
import { evaluationContext } from './evaluation-context.js'
import { MAX_WATERMARK, NO_WATERMARK, type Operator, type OperatorContext, type Output } from './operator.js'

/** List state: one item of each subtask. */
const WATERMARK = 'watermark'

const StoredWatermarks = z.array(z.object({ subtask: z.int(), parallelism: z.int(), watermark: z.number() }))

export class WatermarkOperator implements Operator {
  readonly #spec: SpecOf<'watermark'>
  readonly #input: Schema
  #context!: OperatorContext
  #output!: Output
  #expression!: (batch: Batch) => Batch | undefined
  #watermark = NO_WATERMARK
  #idle = false
  #lastRows = 0
  #idleTimer: { cancel(): void } | undefined
  /** Until the restored watermark is emitted, or a higher one. */
  #restored: { cancel(): void } | undefined

  constructor(spec: SpecOf<'watermark'>, input: Schema) {
    this.#spec = spec
    this.#input = input
  }

  open(context: OperatorContext, output: Output): void {
    this.#context = context
    this.#output = output
    this.#expression = compileCalc({
      projection: [this.#spec.expression],
      inputSchema: this.#input,
      outputSchema: schema(['watermark', this.#spec.expression.type]),
      context: evaluationContext(context),
    })
    this.#lastRows = context.environment.clock.monotonic()
    if (this.#spec.idleTimeoutMs > 0) this.#watchIdleness(this.#spec.idleTimeoutMs)
  }

  processBatch(batch: Batch): void {
    if (batch.length === 0) return
    if (this.#spec.idleTimeoutMs > 0) {
      this.#lastRows = this.#context.environment.clock.monotonic()
      if (this.#idle) this.#setIdle(false)
    }
    this.#checkRowtimes(batch)
    if (this.#spec.eachRow === true) return this.#rowByRow(batch)
    this.#output.collect(batch)
    const values = this.#expression(batch)
    this.#raise(values === undefined ? NO_WATERMARK : highestOf(values, 0, values.length))
  }

  /** The batch in parts that end with a row which raises the watermark. */
  #rowByRow(batch: Batch): void {
    const values = this.#expression(batch)
    const positions = Int32Array.from({ length: batch.length }, (_, row) => batch.position(row))
    let from = 0
    for (let row = 0; row < batch.length; row++) {
      const watermark = values === undefined ? NO_WATERMARK : highestOf(values, row, row + 1)
      if (watermark <= this.#watermark) continue
      this.#output.collect(batch.select(positions.slice(from, row + 1)))
      from = row + 1
      this.#raise(watermark)
    }
    if (from < batch.length) this.#output.collect(batch.select(positions.slice(from)))
  }

  #raise(watermark: number): void {
    if (watermark <= this.#watermark) return
    this.#watermark = watermark
    this.#restored?.cancel()
    this.#output.emitWatermark(watermark)
  }

  snapshotState(): OperatorSnapshot {
    const { subtaskIndex, parallelism } = this.#context
    const item = { subtask: subtaskIndex, parallelism, watermark: this.#watermark }
    return { lists: { [WATERMARK]: { mode: 'UNION', items: [item] } } }
  }

  /** What was emitted before is emitted again: nobody downstream remembers what it had heard from this subtask. */
  restoreState(state: RestoredState): void {
    const { subtaskIndex, parallelism } = this.#context
    const stored = StoredWatermarks.parse(state.lists[WATERMARK] ?? [])
    const own = stored.find((item) => item.parallelism === parallelism && item.subtask === subtaskIndex)
    const watermark = own?.watermark ?? stored.reduce((lowest, item) => Math.min(lowest, item.watermark), Infinity)
    if (watermark <= NO_WATERMARK || watermark >= MAX_WATERMARK) return
    this.#watermark = watermark
    this.#restored = this.#context.schedule(0, () => this.#output.emitWatermark(this.#watermark))
  }

  processWatermark(watermark: number): void {
    if (watermark < MAX_WATERMARK || this.#watermark === MAX_WATERMARK) return
    if (this.#idle) this.#setIdle(false)
    this.#watermark = MAX_WATERMARK
    this.#restored?.cancel()
    this.#output.emitWatermark(MAX_WATERMARK)
  }

  endInput(): void {
    this.#idleTimer?.cancel()
  }

  close(): void {
    this.#idleTimer?.cancel()
    this.#restored?.cancel()
  }

  #checkRowtimes(batch: Batch): void {
    const nulls = batch.columns[this.#spec.rowtimeColumn]?.nulls
    if (nulls === undefined) return
    for (let row = 0; row < batch.length; row++) {
      const position = batch.position(row)
      if (((nulls[position >> 3] as number) & (1 << (position & 7))) !== 0) {
        throw new RowtimeIsNull({ column: this.#input.fields[this.#spec.rowtimeColumn]?.name ?? `#${this.#spec.rowtimeColumn}` })
      }
    }
  }

  #watchIdleness(delay: number): void {
    this.#idleTimer = this.#context.schedule(delay, () => {
      const silent = this.#context.environment.clock.monotonic() - this.#lastRows
      if (!this.#idle && silent >= this.#spec.idleTimeoutMs) this.#setIdle(true)
      this.#watchIdleness(this.#idle ? this.#spec.idleTimeoutMs : this.#spec.idleTimeoutMs - silent)
    })
  }

  #setIdle(idle: boolean): void {
    this.#idle = idle
    this.#output.emitIdle?.(idle)
  }
}

/** Of the rows from `first` to before `end`. */
function highestOf(values: Batch, first: number, end: number): number {
  const vector = values.columns[0]
  if (vector === undefined || vector.kind !== 'int64') throw new Error(`a watermark cannot be a ${vector?.kind}`)
  const words = new Int32Array(vector.values.buffer, vector.values.byteOffset, vector.values.length * 2)
  let highest = NO_WATERMARK
  for (let row = first; row < end; row++) {
    const position = values.position(row)
    if (vector.nulls !== undefined && ((vector.nulls[position >> 3] as number) & (1 << (position & 7))) !== 0) continue
    const value = (words[2 * position + 1] as number) * 4294967296 + ((words[2 * position] as number) >>> 0)
    if (value > highest) highest = value
  }
  return highest
}

export function createWatermark(spec: SpecOf<'watermark'>, inputs: readonly Schema[], _output: Schema): Operator {
  return new WatermarkOperator(spec, inputs[0] as Schema)
}
