/** Pairs of two keyed streams whose timestamps lie near each other. Flink's KeyedStream.IntervalJoin. */
import type * as F from '#runtime/operators/process/functions.js'
import type { TypeInformation } from '#runtime/operators/process/type-information.js'
import { sideOutput, SingleOutputStreamOperator, type DataStream } from './data-stream.js'
import { InvalidDuration, millis, type Duration } from './duration.js'

const GENERIC: TypeInformation<never> = { kind: 'generic' }

/** `a.intervalJoin(b)`. */
export class IntervalJoin<A, B> {
  readonly #left: DataStream<A>
  readonly #right: DataStream<B>

  /** @internal */
  constructor(left: DataStream<A>, right: DataStream<B>) {
    this.#left = left
    this.#right = right
  }

  /** left.timestamp + lower <= right.timestamp <= left.timestamp + upper. Bounds may be negative: `between(-5000, '5 s')`, `'-5 s'`. */
  between(lower: Duration, upper: Duration): IntervalJoined<A, B> {
    const bounds = { lower: bound(lower), upper: bound(upper) }
    if (bounds.lower > bounds.upper)
      throw new InvalidDuration({ what: 'the lower bound of an interval join', value: `${lower} (above the upper bound)` })
    return new IntervalJoined<A, B>(this.#left, this.#right, bounds.lower, bounds.upper)
  }
}

export class IntervalJoined<A, B> {
  readonly #left: DataStream<A>
  readonly #right: DataStream<B>
  readonly #lower: number
  readonly #upper: number
  #lowerExclusive = false
  #upperExclusive = false
  #lateLeft: F.OutputTag<A> | undefined
  #lateRight: F.OutputTag<B> | undefined

  /** @internal */
  constructor(left: DataStream<A>, right: DataStream<B>, lower: number, upper: number) {
    this.#left = left
    this.#right = right
    this.#lower = lower
    this.#upper = upper
  }

  lowerBoundExclusive(): this {
    this.#lowerExclusive = true
    return this
  }

  upperBoundExclusive(): this {
    this.#upperExclusive = true
    return this
  }

  /** Late elements of the first stream go there instead of being dropped. */
  sideOutputLeftLateData(tag: F.OutputTag<A>): this {
    this.#lateLeft = tag
    return this
  }

  sideOutputRightLateData(tag: F.OutputTag<B>): this {
    this.#lateRight = tag
    return this
  }

  /** `{ processElement(left, right, context, out) { … } }`: results have the later of both timestamps. */
  process<R>(processFunction: F.ProcessJoinFunction<A, B, R>, type: TypeInformation<R> = GENERIC): SingleOutputStreamOperator<R> {
    const { builder } = this.#left
    const late = [this.#lateLeft, this.#lateRight].filter((tag) => tag !== undefined) as F.OutputTag<unknown>[]
    const transformation = builder.add(
      'Interval Join',
      {
        kind: 'interval-join',
        lower: this.#lower,
        upper: this.#upper,
        lowerExclusive: this.#lowerExclusive,
        upperExclusive: this.#upperExclusive,
        lateOutputs: {
          ...(this.#lateLeft === undefined ? {} : { left: this.#lateLeft }),
          ...(this.#lateRight === undefined ? {} : { right: this.#lateRight }),
        },
        function: processFunction,
      },
      [this.#left.source, this.#right.source],
      type,
    )
    for (const tag of late) sideOutput(transformation, tag)
    return new SingleOutputStreamOperator(builder, transformation, type)
  }
}

function bound(value: Duration): number {
  const what = 'a bound of an interval join'
  if (typeof value === 'string' && value.trim().startsWith('-')) return -millis(value.trim().slice(1), what)
  return millis(value, what, -Number.MAX_SAFE_INTEGER)
}
