/** Where event time comes from. Flink's WatermarkStrategy. */
import type * as F from '#runtime/operators/process/functions.js'
import { millis, type Duration } from './duration.js'

/**
 * Immutable; every `with…` answers with another strategy.
 *
 * ```ts
 * const strategy = WatermarkStrategy.forBoundedOutOfOrderness<Bid>('5 s')
 *   .withTimestampAssigner((bid) => bid.time)
 *   .withIdleness('1 min')
 * ```
 */
export class WatermarkStrategy<T> implements F.WatermarkStrategy<T> {
  readonly generator: F.WatermarkStrategy<T>['generator']
  declare readonly timestampAssigner?: (element: T, recordTimestamp: number | undefined) => number
  declare readonly idleTimeout?: number
  declare readonly alignment?: { readonly group: string; readonly maxDrift: number; readonly updateInterval: number }

  private constructor(strategy: F.WatermarkStrategy<T>) {
    this.generator = strategy.generator
    if (strategy.timestampAssigner !== undefined) this.timestampAssigner = strategy.timestampAssigner
    if (strategy.idleTimeout !== undefined) this.idleTimeout = strategy.idleTimeout
    if (strategy.alignment !== undefined) this.alignment = strategy.alignment
  }

  /** Elements come at most so much later than later ones: the watermark is the highest timestamp less that, less 1 ms. */
  static forBoundedOutOfOrderness<T>(maxOutOfOrderness: Duration): WatermarkStrategy<T> {
    return new WatermarkStrategy<T>({
      generator: { kind: 'bounded', maxOutOfOrderness: millis(maxOutOfOrderness, 'the out-of-orderness of a watermark strategy') },
    })
  }

  /** Timestamps only rise (in each subtask). */
  static forMonotonousTimestamps<T>(): WatermarkStrategy<T> {
    return new WatermarkStrategy<T>({ generator: { kind: 'bounded', maxOutOfOrderness: 0 } })
  }

  /** The user's own generator; `create` is called once in each subtask. */
  static forGenerator<T>(create: () => F.WatermarkGenerator<T>): WatermarkStrategy<T> {
    return new WatermarkStrategy<T>({ generator: { kind: 'custom', create } })
  }

  /** No event time: the only watermark is the one at the end. */
  static noWatermarks<T>(): WatermarkStrategy<T> {
    return new WatermarkStrategy<T>({ generator: { kind: 'none' } })
  }

  /** Takes an element's event time, ms since the epoch, out of it. */
  withTimestampAssigner(timestampAssigner: (element: T, recordTimestamp: number | undefined) => number): WatermarkStrategy<T> {
    return new WatermarkStrategy<T>({ ...this, timestampAssigner })
  }

  /** A subtask without elements for so long holds back no watermark downstream. */
  withIdleness(idleTimeout: Duration): WatermarkStrategy<T> {
    return new WatermarkStrategy<T>({ ...this, idleTimeout: millis(idleTimeout, 'the idle time-out of a watermark strategy', 1) })
  }

  /** A source whose watermark is more than `maxDrift` ahead of the slowest of its group pauses. */
  withWatermarkAlignment(group: string, maxDrift: Duration, updateInterval: Duration = 1000): WatermarkStrategy<T> {
    return new WatermarkStrategy<T>({
      ...this,
      alignment: {
        group,
        maxDrift: millis(maxDrift, 'the drift of a watermark alignment'),
        updateInterval: millis(updateInterval, 'the update interval of a watermark alignment', 1),
      },
    })
  }
}
