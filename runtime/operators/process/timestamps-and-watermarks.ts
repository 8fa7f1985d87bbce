/**
 * Timestamps and watermarks of a stream by the program's strategy.
 *
 * In:    elements, any selection.   Out: the same elements (a key is dropped) with the timestamps of the assigner.
 * State: the watermark, so that it does not go back after a failure (UNION).
 * Time:  Watermarks of the input are dropped, except the last. Bounded out-of-orderness: highest timestamp - bound - 1, after every batch that
 *        raised it. A generator of the program's own: whenever it says so, and every `pipeline.auto-watermark-interval`. With an idle timeout
 *        the stream is idle when no element came for so long.
 * @throws FUNCTION_FAILED, INVALID_TIMESTAMP
 * Source: Flink's TimestampsAndWatermarksOperator, BoundedOutOfOrdernessWatermarks, WatermarksWithIdleness.
 */
import { AUTO_WATERMARK_INTERVAL } from '#core/config/options/pipeline.js'
import type { ListState } from '#core/checkpoint/state-handles.js'
import type { Schema } from '#core/types/schema.js'
import { Batch } from '../../columnar/batch.js'
import type { Vector } from '../../columnar/vector.js'
import type { OperatorSnapshot, RestoredState } from '../../state/snapshot.js'
import { MAX_WATERMARK, NO_WATERMARK, type Operator, type OperatorContext, type Output } from '../operator.js'
import type { WatermarkGenerator, WatermarkStrategy } from './functions.js'
import { ElementReader } from './element-reader.js'
import { describe, InvalidTimestamp } from './errors.js'
import { streamSchema } from './stream-layout.js'
import type { TypeInformation } from './type-information.js'
import { functionFailed } from './user-call.js'

/** Watermarks of one stream: fed with elements, emits to `output`. Sources have one, too. */
export class Watermarks {
  readonly #context: OperatorContext
  readonly #output: Output
  readonly #strategy: WatermarkStrategy<unknown>
  readonly #generator: WatermarkGenerator<unknown> | undefined
  readonly #bound: number
  #highest = NO_WATERMARK
  #watermark = NO_WATERMARK
  #idle = false
  #lastElement: number
  readonly #timers = new Set<{ cancel(): void }>()
  readonly #watermarkOutput = {
    emitWatermark: (timestamp: number) => this.emit(timestamp),
    markIdle: () => this.setIdle(true),
    markActive: () => this.setIdle(false),
  }

  constructor(strategy: WatermarkStrategy<unknown>, context: OperatorContext, output: Output) {
    this.#strategy = strategy
    this.#context = context
    this.#output = output
    const { generator } = strategy
    this.#generator = generator.kind === 'custom' ? generator.create() : undefined
    this.#bound = generator.kind === 'bounded' ? generator.maxOutOfOrderness : NaN
    this.#lastElement = context.environment.clock.monotonic()
  }

  /** For a checkpoint, and from one: it does not go back. The last one of a drained savepoint ended that run, not this one. */
  snapshot(): Record<string, ListState> {
    return { watermark: { mode: 'UNION', items: [this.#watermark] } }
  }

  restore(lists: RestoredState['lists']): void {
    const lowest = ((lists['watermark'] ?? []) as readonly number[]).reduce((a, b) => Math.min(a, b), MAX_WATERMARK)
    if (lowest < MAX_WATERMARK) this.#watermark = lowest
  }

  get watermark(): number {
    return this.#watermark
  }

  start(): void {
    const { generator, idleTimeout } = this.#strategy
    if (generator.kind === 'custom') this.#every(this.#context.configuration.get(AUTO_WATERMARK_INTERVAL), () => this.#periodic())
    if (idleTimeout !== undefined && idleTimeout > 0) this.#watchIdleness(idleTimeout)
  }

  /** The element's timestamp by the strategy. `timestamp`: what it came with, NaN: nothing. @throws INVALID_TIMESTAMP */
  timestampOf(element: unknown, timestamp: number): number {
    const { timestampAssigner } = this.#strategy
    if (timestampAssigner === undefined) return timestamp
    const assigned: unknown = timestampAssigner(element, timestamp !== timestamp ? undefined : timestamp)
    if (!Number.isSafeInteger(assigned)) {
      throw new InvalidTimestamp({ operator: this.#context.operatorName, found: describe(assigned) })
    }
    return assigned as number
  }

  onEvent(element: unknown, timestamp: number): void {
    if (timestamp > this.#highest) this.#highest = timestamp
    this.#generator?.onEvent(element, timestamp, this.#watermarkOutput)
  }

  /** Before the elements of a batch leave: the stream is active. */
  active(): void {
    this.#lastElement = this.#context.environment.clock.monotonic()
    this.setIdle(false)
  }

  /** After the elements of a batch have left. */
  afterBatch(): void {
    // NaN where there is no bound.
    if (this.#highest > NO_WATERMARK && this.#bound >= 0) this.emit(this.#highest - this.#bound - 1)
  }

  emit(watermark: number): void {
    if (!(watermark > this.#watermark) || this.#watermark === MAX_WATERMARK) return
    this.setIdle(false)
    this.#watermark = Math.min(watermark, MAX_WATERMARK)
    this.#output.emitWatermark(this.#watermark)
  }

  setIdle(idle: boolean): void {
    if (idle === this.#idle) return
    this.#idle = idle
    this.#output.emitIdle?.(idle)
  }

  close(): void {
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
  }

  #periodic(): void {
    try {
      this.#generator?.onPeriodicEmit?.(this.#watermarkOutput)
    } catch (error) {
      throw functionFailed(error, this.#context, 'onPeriodicEmit')
    }
  }

  #every(interval: number, action: () => void): void {
    if (interval <= 0) return
    this.#after(interval, () => {
      action()
      this.#every(interval, action)
    })
  }

  #watchIdleness(timeout: number, delay = timeout): void {
    this.#after(delay, () => {
      const silent = this.#context.environment.clock.monotonic() - this.#lastElement
      if (silent >= timeout) this.setIdle(true)
      this.#watchIdleness(timeout, this.#idle ? timeout : Math.max(1, timeout - silent))
    })
  }

  #after(delay: number, action: () => void): void {
    const timer = this.#context.schedule(delay, () => {
      this.#timers.delete(timer)
      action()
    })
    this.#timers.add(timer)
  }
}

export class TimestampsAndWatermarksOperator implements Operator {
  readonly #strategy: WatermarkStrategy<unknown>
  readonly #reader: ElementReader
  readonly #schema: Schema
  #context!: OperatorContext
  #output!: Output
  #watermarks!: Watermarks
  /** The batch being worked on: rows from `#from` on have not left; `#row` is the current one. */
  #batch: Batch | undefined
  #from = 0
  #row = 0

  constructor(input: TypeInformation, strategy: WatermarkStrategy<unknown>) {
    this.#strategy = strategy
    this.#reader = new ElementReader(input)
    this.#schema = streamSchema(input)
  }

  open(context: OperatorContext, output: Output): void {
    this.#context = context
    this.#output = output
    this.#watermarks = new Watermarks(this.#strategy, context, {
      collect: (batch) => output.collect(batch),
      emitWatermark: (watermark) => {
        // Of a generator, at an element: it comes behind that element, not behind its batch.
        this.#emitRows(this.#row + 1)
        output.emitWatermark(watermark)
      },
      emitIdle: (idle) => output.emitIdle?.(idle),
    })
    this.#watermarks.start()
  }

  processBatch(batch: Batch): void {
    if (batch.length === 0) return
    const reader = this.#reader
    const watermarks = this.#watermarks
    const { fields } = this.#schema
    const last = batch.columns[fields.length - 1] as Vector & { kind: 'float64' }
    const values = new Float64Array(last.values.length)
    reader.bind(batch)
    watermarks.active()
    const columns = [...batch.columns.slice(0, fields.length - 1), { ...last, values }]
    this.#batch = new Batch(this.#schema, columns, batch.length, batch.selection)
    this.#from = 0
    try {
      for (let row = 0; row < batch.length; row++) {
        this.#row = row
        const position = batch.position(row)
        const element = reader.read(position)
        const timestamp = watermarks.timestampOf(element, reader.timestamp(position))
        values[position] = timestamp
        watermarks.onEvent(element, timestamp)
      }
    } catch (error) {
      throw functionFailed(error, this.#context, 'the watermark strategy')
    }
    this.#emitRows(batch.length)
    this.#batch = undefined
    watermarks.afterBatch()
  }

  /** The batch's rows before `end` that have not left. */
  #emitRows(end: number): void {
    const batch = this.#batch
    const from = this.#from
    if (batch === undefined || from >= end) return
    this.#from = end
    if (end - from === batch.length) return this.#output.collect(batch)
    const positions = new Int32Array(end - from)
    for (let row = from; row < end; row++) positions[row - from] = batch.position(row)
    this.#output.collect(batch.select(positions))
  }

  processWatermark(watermark: number): void {
    if (watermark >= MAX_WATERMARK) this.#watermarks.emit(MAX_WATERMARK)
  }

  endInput(): void {
    this.#watermarks.close()
  }

  snapshotState(): OperatorSnapshot {
    return { lists: this.#watermarks.snapshot() }
  }

  restoreState(state: RestoredState): void {
    this.#watermarks.restore(state.lists)
  }

  close(): void {
    ;(this.#watermarks as Watermarks | undefined)?.close()
  }
}
