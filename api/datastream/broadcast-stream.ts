/** A stream that every subtask sees whole, beside another stream; what it says is kept in broadcast state. Flink's broadcast state pattern. */
import type * as F from '#runtime/operators/process/functions.js'
import type { TypeInformation } from '#runtime/operators/process/type-information.js'
import { SingleOutputStreamOperator, type AnyMapState, type DataStream } from './data-stream.js'

const GENERIC: TypeInformation<never> = { kind: 'generic' }

/** `rules.broadcast(rulesState)`. */
export class BroadcastStream<B> {
  /** @internal */
  readonly stream: DataStream<B>
  /** @internal */
  readonly states: readonly AnyMapState[]

  /** @internal */
  constructor(stream: DataStream<B>, states: readonly AnyMapState[]) {
    this.stream = stream
    this.states = states
  }
}

/** `events.connect(rules.broadcast(rulesState)).process({ processElement…, processBroadcastElement… })`. */
export class BroadcastConnectedStream<T, B, K> {
  readonly #main: DataStream<T>
  readonly #broadcast: BroadcastStream<B>

  /** @internal */
  constructor(main: DataStream<T>, broadcast: BroadcastStream<B>) {
    this.#main = main
    this.#broadcast = broadcast
  }

  /** Elements read the broadcast state; broadcast elements write it, in every subtask alike. On keyed streams with state and timers. */
  process<R>(
    processFunction: [K] extends [never] ? F.BroadcastProcessFunction<T, B, R> : F.KeyedBroadcastProcessFunction<K, T, B, R>,
    type: TypeInformation<R> = GENERIC,
  ): SingleOutputStreamOperator<R> {
    const { builder, source } = this.#main
    const { states, stream } = this.#broadcast
    const keyed = source.exchange?.kind === 'HASH'
    const transformation = keyed
      ? builder.add(
          'Co-Process-Broadcast-Keyed',
          { kind: 'keyed-broadcast-process', function: processFunction as F.KeyedBroadcastProcessFunction<K, T, B, R>, states },
          [source, stream.source],
          type,
        )
      : builder.add(
          'Co-Process-Broadcast',
          { kind: 'broadcast-process', function: processFunction as F.BroadcastProcessFunction<T, B, R>, states },
          [source, stream.source],
          type,
        )
    return new SingleOutputStreamOperator(builder, transformation, type)
  }
}
