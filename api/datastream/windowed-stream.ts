/** Windows over a keyed stream. Flink's WindowedStream. */
import type * as F from '#runtime/operators/process/functions.js'
import type { FunctionKind, WindowDefinition } from '#runtime/operators/process/definition.js'
import type { TypeInformation } from '#runtime/operators/process/type-information.js'
import {
  InvalidSetting,
  sideOutput,
  type KeyedStream,
  type NumericField,
  type OrderedField,
  SingleOutputStreamOperator,
} from './data-stream.js'
import { millis, type Duration } from './duration.js'
import { extreme, sum } from './field-aggregates.js'
import type { WindowAssigner } from './windows.js'

const GENERIC: TypeInformation<never> = { kind: 'generic' }

/** What was said of the windows; immutable, each setting answers with another. */
export class WindowedStream<T, K> {
  readonly #input: KeyedStream<T, K>
  readonly #window: WindowDefinition
  readonly #parallelism: number | undefined

  /** @internal */
  constructor(input: KeyedStream<T, K>, assigner: WindowAssigner<T> | WindowDefinition, parallelism?: number) {
    this.#input = input
    this.#window = 'assigner' in assigner ? assigner : { assigner, allowedLateness: 0 }
    this.#parallelism = parallelism
  }

  /** When a window fires, instead of at its end. */
  trigger(trigger: F.Trigger<T>): WindowedStream<T, K> {
    return this.#with({ trigger: trigger as F.Trigger<unknown> })
  }

  /** Which elements a window forgets when it fires. Elements are then kept one by one. */
  evictor(evictor: F.Evictor<T>): WindowedStream<T, K> {
    return this.#with({ evictor: evictor as unknown as F.Evictor<unknown> })
  }

  /** A window is kept for so long after its end and fires again with each element that is late. */
  allowedLateness(lateness: Duration): WindowedStream<T, K> {
    return this.#with({ allowedLateness: millis(lateness, 'the allowed lateness of windows') })
  }

  /** Elements too late for all their windows go to this side output of the result instead of being dropped. */
  sideOutputLateData(tag: F.OutputTag<T>): WindowedStream<T, K> {
    return this.#with({ lateOutput: tag as F.OutputTag<unknown> })
  }

  /** Elements of a window are combined as they come; `process`, if given, sees the one result. */
  reduce(reducer: F.ReduceFunction<T>): SingleOutputStreamOperator<T>
  reduce<R>(
    reducer: F.ReduceFunction<T>,
    process: F.ProcessWindowFunction<T, R, K>,
    type?: TypeInformation<R>,
  ): SingleOutputStreamOperator<R>
  reduce<R>(
    reduce: F.ReduceFunction<T>,
    process?: F.ProcessWindowFunction<T, R, K>,
    type: TypeInformation<R> = process === undefined ? (this.#input.type as unknown as TypeInformation<R>) : GENERIC,
  ): SingleOutputStreamOperator<R> | SingleOutputStreamOperator<T> {
    return this.#apply('Window(Reduce)', { reduce, ...(process === undefined ? {} : { process: checkedProcess('reduce', process) }) }, type)
  }

  /** As reduce, with an accumulator of another type. */
  aggregate<ACC, R>(aggregate: F.AggregateFunction<T, ACC, R>, type?: TypeInformation<R>): SingleOutputStreamOperator<R>
  aggregate<ACC, V, R>(
    aggregate: F.AggregateFunction<T, ACC, V>,
    process: F.ProcessWindowFunction<V, R, K>,
    type?: TypeInformation<R>,
  ): SingleOutputStreamOperator<R>
  aggregate<ACC, V, R>(
    aggregate: F.AggregateFunction<T, ACC, V>,
    second?: F.ProcessWindowFunction<V, R, K> | TypeInformation<R>,
    third?: TypeInformation<R>,
  ): SingleOutputStreamOperator<R> {
    if (second === undefined || isType(second)) return this.#apply('Window(Aggregate)', { aggregate }, second ?? GENERIC)
    return this.#apply('Window(Aggregate)', { aggregate, process: checkedProcess('aggregate', second) }, third ?? GENERIC)
  }

  /** All elements of a window at once, with the window and its state. */
  process<R>(process: F.ProcessWindowFunction<T, R, K>, type: TypeInformation<R> = GENERIC): SingleOutputStreamOperator<R> {
    return this.#apply('Window(Process)', { process: checkedProcess('process', process) }, type)
  }

  /** All elements of a window at once. */
  apply<R>(apply: F.WindowFunction<T, R, K>, type: TypeInformation<R> = GENERIC): SingleOutputStreamOperator<R> {
    return this.#apply('Window(Apply)', { apply }, type)
  }

  /** Sum of a field; other fields are those of the window's first element. */
  sum(field?: NumericField<T>): SingleOutputStreamOperator<T> {
    return this.#apply('Window(Sum)', { reduce: sum(field) }, this.#input.type)
  }

  min(field?: OrderedField<T>): SingleOutputStreamOperator<T> {
    return this.#apply('Window(Min)', { reduce: extreme(field, -1, false) }, this.#input.type)
  }

  max(field?: OrderedField<T>): SingleOutputStreamOperator<T> {
    return this.#apply('Window(Max)', { reduce: extreme(field, 1, false) }, this.#input.type)
  }

  minBy(field: OrderedField<T>): SingleOutputStreamOperator<T> {
    return this.#apply('Window(MinBy)', { reduce: extreme(field, -1, true) }, this.#input.type)
  }

  maxBy(field: OrderedField<T>): SingleOutputStreamOperator<T> {
    return this.#apply('Window(MaxBy)', { reduce: extreme(field, 1, true) }, this.#input.type)
  }

  #with(change: Partial<WindowDefinition>): WindowedStream<T, K> {
    return new WindowedStream(this.#input, { ...this.#window, ...change }, this.#parallelism)
  }

  #apply<R>(
    name: string,
    how: Omit<Extract<FunctionKind, { kind: 'window' }>, 'kind' | 'window'>,
    type: TypeInformation<R>,
  ): SingleOutputStreamOperator<R> {
    const { builder, source } = this.#input
    const options = this.#parallelism === undefined ? {} : { parallelism: this.#parallelism, mostParallelism: this.#parallelism }
    const transformation = builder.add(name, { kind: 'window', window: this.#window, ...how }, [source], type, options)
    if (this.#window.lateOutput !== undefined) sideOutput(transformation, this.#window.lateOutput)
    return new SingleOutputStreamOperator(builder, transformation, type)
  }
}

function isType<R>(given: object): given is TypeInformation<R> {
  return typeof given === 'object' && given !== null && 'kind' in given && !('process' in given)
}

/** Programs are not type-checked when they run: a bare function is what people give. @throws API_INVALID_SETTING */
function checkedProcess<P extends object>(method: string, given: P): P {
  if (typeof (given as Partial<F.ProcessWindowFunction<unknown, unknown, unknown>> | null)?.process === 'function') return given
  throw new InvalidSetting({
    what: `The window function of ${method}()`,
    value: typeof given === 'object' ? "an object without a method 'process'" : `a ${typeof given}`,
    expected:
      'give an object { process(key, context, elements, out) { … } }' +
      (method === 'aggregate' ? ', or the type of the results (Types.…)' : ''),
  })
}
