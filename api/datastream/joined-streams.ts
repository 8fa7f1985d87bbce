/** Joins and co-groups within windows: `a.join(b).where(…).equalTo(…).window(…).apply(…)`. Flink's JoinedStreams, CoGroupedStreams. */
import type { FunctionKind, WindowDefinition } from '#runtime/operators/process/definition.js'
import type * as F from '#runtime/operators/process/functions.js'
import type { TypeInformation } from '#runtime/operators/process/type-information.js'
import { SingleOutputStreamOperator, type DataStream, type KeyedStream } from './data-stream.js'
import { millis, type Duration } from './duration.js'
import type { WindowAssigner } from './windows.js'

const GENERIC: TypeInformation<never> = { kind: 'generic' }

/** `a.join(b)`. */
export class JoinedStreams<A, B> {
  readonly #left: DataStream<A>
  readonly #right: DataStream<B>

  /** @internal */
  constructor(left: DataStream<A>, right: DataStream<B>) {
    this.#left = left
    this.#right = right
  }

  /** Key of the first stream. */
  where<K>(selector: F.KeySelector<A, K>): {
    equalTo(selector: F.KeySelector<B, K>): { window(assigner: WindowAssigner<A | B>): WindowedJoin<A, B> }
  } {
    const left = this.#left.keyBy(selector)
    return {
      equalTo: (other) => ({
        window: (assigner) => new WindowedJoin(left, this.#right.keyBy(other), { assigner, allowedLateness: 0 }),
      }),
    }
  }
}

/** `a.coGroup(b)`. */
export class CoGroupedStreams<A, B> {
  readonly #left: DataStream<A>
  readonly #right: DataStream<B>

  /** @internal */
  constructor(left: DataStream<A>, right: DataStream<B>) {
    this.#left = left
    this.#right = right
  }

  /** Key of the first stream. */
  where<K>(selector: F.KeySelector<A, K>): {
    equalTo(selector: F.KeySelector<B, K>): { window(assigner: WindowAssigner<A | B>): WindowedCoGroup<A, B> }
  } {
    const left = this.#left.keyBy(selector)
    return {
      equalTo: (other) => ({
        window: (assigner) => new WindowedCoGroup(left, this.#right.keyBy(other), { assigner, allowedLateness: 0 }),
      }),
    }
  }
}

abstract class Windowed<A, B> {
  protected readonly left: KeyedStream<A, unknown>
  protected readonly right: KeyedStream<B, unknown>
  protected definition: WindowDefinition

  /** @internal */
  constructor(left: KeyedStream<A, unknown>, right: KeyedStream<B, unknown>, definition: WindowDefinition) {
    this.left = left
    this.right = right
    this.definition = definition
  }

  /** When a window fires, instead of at its end. Elements of either side reach it. */
  trigger(trigger: F.Trigger<A | B>): this {
    this.definition = { ...this.definition, trigger: trigger as F.Trigger<unknown> }
    return this
  }

  allowedLateness(lateness: Duration): this {
    this.definition = { ...this.definition, allowedLateness: millis(lateness, 'the allowed lateness of windows') }
    return this
  }

  protected transform<R>(name: string, spec: FunctionKind, type: TypeInformation<R>): SingleOutputStreamOperator<R> {
    const { builder } = this.left
    return new SingleOutputStreamOperator(builder, builder.add(name, spec, [this.left.source, this.right.source], type), type)
  }
}

/** Each pair with equal keys in the same window. */
export class WindowedJoin<A, B> extends Windowed<A, B> {
  /** One result for each pair: `apply((left, right) => …)`. */
  apply<R>(join: F.JoinFunction<A, B, R>, type: TypeInformation<R> = GENERIC): SingleOutputStreamOperator<R> {
    return this.transform('Window(Join)', { kind: 'window-join', window: this.definition, join }, type)
  }

  /** Any number of results for each pair: `flatApply((left, right, out) => …)`. */
  flatApply<R>(join: F.FlatJoinFunction<A, B, R>, type: TypeInformation<R> = GENERIC): SingleOutputStreamOperator<R> {
    return this.transform('Window(Join)', { kind: 'window-flat-join', window: this.definition, join }, type)
  }
}

/** All elements of both sides, also where one side has none. */
export class WindowedCoGroup<A, B> extends Windowed<A, B> {
  apply<R>(coGroup: F.CoGroupFunction<A, B, R>, type: TypeInformation<R> = GENERIC): SingleOutputStreamOperator<R> {
    return this.transform('Window(CoGroup)', { kind: 'co-group', window: this.definition, function: coGroup }, type)
  }
}
