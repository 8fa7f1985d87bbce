/**
 * Watermark alignment: a subtask whose watermark is more than `maxDrift` ahead of the slowest of its group waits. Who waits takes one batch
 * in each update interval, so that barriers pass.
 *
 * In:    elements, any selection.   Out: the same.
 * State: none.   Time: watermarks pass through. A subtask without watermark yet, at its end, or silent for the idle time-out holds back nobody.
 * Source: Flink's SourceOperator, FLIP-182; here behind the watermarks instead of inside the source.
 */
import { AlignmentAnswerSchema } from '#core/rpc/operator-events.js'
import type { Batch } from '../../columnar/batch.js'
import { MAX_WATERMARK, NO_WATERMARK, type Operator, type OperatorContext, type Output } from '../operator.js'

export interface AlignmentSettings {
  readonly group: string
  /** Ms. */
  readonly maxDrift: number
  readonly updateInterval: number
  /** 0: never idle. */
  readonly idleTimeout: number
}

export class WatermarkAlignmentOperator implements Operator {
  readonly #settings: AlignmentSettings
  #context!: OperatorContext
  #output!: Output
  #watermark = NO_WATERMARK
  /** The group's lowest watermark, as far as it is known. */
  #least: number | null = null
  #lastBatch = 0
  #timer: { cancel(): void } | undefined
  #resume: (() => void) | undefined

  constructor(settings: AlignmentSettings) {
    this.#settings = settings
  }

  open(context: OperatorContext, output: Output): void {
    this.#context = context
    this.#output = output
    this.#lastBatch = context.environment.clock.monotonic()
    this.#next()
  }

  processBatch(batch: Batch): void | Promise<void> {
    this.#lastBatch = this.#context.environment.clock.monotonic()
    this.#output.collect(batch)
    if (this.#ahead) return new Promise((resolve) => (this.#resume = resolve))
  }

  processWatermark(watermark: number): void {
    this.#watermark = watermark
    if (watermark >= MAX_WATERMARK) this.#end()
    this.#output.emitWatermark(watermark)
  }

  endInput(): void {
    this.#end()
  }

  close(): void {
    this.#timer?.cancel()
    this.#wake()
  }

  get #ahead(): boolean {
    return this.#least !== null && this.#watermark < MAX_WATERMARK && this.#watermark > this.#least + this.#settings.maxDrift
  }

  #next(): void {
    this.#timer = this.#context.schedule(this.#settings.updateInterval, () => {
      this.#wake()
      this.#report(this.#shown()).then(
        (least) => {
          this.#least = least
          if (this.#timer !== undefined) this.#next()
        },
        () => undefined, // the task is ending
      )
    })
  }

  /** What the others wait for; null: not for this one. */
  #shown(): number | null {
    const { idleTimeout } = this.#settings
    const silent = this.#context.environment.clock.monotonic() - this.#lastBatch
    const idle = idleTimeout > 0 && silent >= idleTimeout
    return idle || this.#watermark === NO_WATERMARK || this.#watermark >= MAX_WATERMARK ? null : this.#watermark
  }

  async #report(watermark: number | null): Promise<number | null> {
    const answer = await this.#context.requestCoordinator({ type: 'alignment', group: this.#settings.group, watermark })
    return AlignmentAnswerSchema.parse(answer).least
  }

  #end(): void {
    if (this.#timer === undefined) return
    this.#timer.cancel()
    this.#timer = undefined
    this.#wake()
    this.#report(null).catch(() => undefined) // the task is ending
  }

  #wake(): void {
    this.#resume?.()
    this.#resume = undefined
  }
}
