/** Two streams of different types in one operator. Flink's ConnectedStreams. */
import type { FunctionKind } from '#runtime/operators/process/definition.js'
import type * as F from '#runtime/operators/process/functions.js'
import type { TypeInformation } from '#runtime/operators/process/type-information.js'
import { KeyedStream, SingleOutputStreamOperator, type DataStream } from './data-stream.js'

const GENERIC: TypeInformation<never> = { kind: 'generic' }

/** `K`: the type of both keys; never where the streams are not keyed. */
export class ConnectedStreams<A, B, K> {
  readonly #first: DataStream<A>
  readonly #second: DataStream<B>

  /** @internal */
  constructor(first: DataStream<A>, second: DataStream<B>) {
    this.#first = first
    this.#second = second
  }

  /** Both by key: elements of both sides with equal keys share state. */
  keyBy<K2>(first: F.KeySelector<A, K2>, second: F.KeySelector<B, K2>): ConnectedStreams<A, B, K2> {
    return new ConnectedStreams<A, B, K2>(this.#first.keyBy(first), this.#second.keyBy(second))
  }

  /** `{ map1: (a) => …, map2: (b) => … }`. */
  map<R>(mapper: F.CoMapFunction<A, B, R>, type: TypeInformation<R> = GENERIC): SingleOutputStreamOperator<R> {
    return this.#transform('Co-Map', { kind: 'co-map', function: mapper }, type)
  }

  /** `{ flatMap1(a, out) { … }, flatMap2(b, out) { … } }`. */
  flatMap<R>(mapper: F.CoFlatMapFunction<A, B, R>, type: TypeInformation<R> = GENERIC): SingleOutputStreamOperator<R> {
    return this.#transform('Co-Flat Map', { kind: 'co-flat-map', function: mapper }, type)
  }

  /** `{ processElement1(a, context, out) { … }, processElement2(b, context, out) { … } }`; on keyed streams with state and timers. */
  process<R>(
    processFunction: [K] extends [never] ? F.CoProcessFunction<A, B, R> : F.KeyedCoProcessFunction<K, A, B, R>,
    type: TypeInformation<R> = GENERIC,
  ): SingleOutputStreamOperator<R> {
    const keyed = this.#first instanceof KeyedStream && this.#second instanceof KeyedStream
    return keyed
      ? this.#transform(
          'Co-Keyed-Process',
          { kind: 'keyed-co-process', function: processFunction as F.KeyedCoProcessFunction<K, A, B, R> },
          type,
        )
      : this.#transform('Co-Process', { kind: 'co-process', function: processFunction as F.CoProcessFunction<A, B, R> }, type)
  }

  #transform<R>(name: string, spec: FunctionKind, type: TypeInformation<R>): SingleOutputStreamOperator<R> {
    const { builder } = this.#first
    const inputs = [this.#first.source, this.#second.source]
    return new SingleOutputStreamOperator(builder, builder.add(name, spec, inputs, type), type)
  }
}
