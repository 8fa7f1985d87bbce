/**
 * Streams: what a program transforms. Flink's DataStream, SingleOutputStreamOperator, KeyedStream and DataStreamSink. Nothing runs before
 * `env.execute()`.
 */
import { defineError } from '#core/errors/define-error.js'
import type { Sink } from '#runtime/operators/process/connectors.js'
import type { FunctionKind } from '#runtime/operators/process/definition.js'
import type * as F from '#runtime/operators/process/functions.js'
import type { TypeInformation } from '#runtime/operators/process/type-information.js'
import { BroadcastConnectedStream, BroadcastStream } from './broadcast-stream.js'
import { ConnectedStreams } from './connected-streams.js'
import { extreme, sum } from './field-aggregates.js'
import { IntervalJoin } from './interval-join.js'
import { CoGroupedStreams, JoinedStreams } from './joined-streams.js'
import type { PipelineBuilder } from './pipeline-builder.js'
import type { TableSink } from './table-connector.js'
import type { Exchange, KeySelection, Transformation, TransformationInput } from './transformation.js'
import { WindowedStream } from './windowed-stream.js'
import { CountEvictor, CountTrigger, GlobalWindows, PurgingTrigger, type WindowAssigner } from './windows.js'

export const InvalidSetting = defineError('API_INVALID_SETTING', {
  recovery: 'none',
  message: (d: { what: string; value: string; expected: string }) => `${d.what} cannot be ${d.value}: ${d.expected}`,
})
export const DuplicateOutput = defineError('API_OUTPUT_TAG_CLASH', {
  recovery: 'none',
  message: (d: { tag: string; operator: string }) =>
    `Operator '${d.operator}' has two different side outputs with the tag '${d.tag}': declare the OutputTag once and use it everywhere`,
})

const GENERIC: TypeInformation<never> = { kind: 'generic' }

/** `new OutputTag<string>('late')`: names a side output. Declare it once, outside of `main`. */
export class OutputTag<T> implements F.OutputTag<T> {
  readonly id: string
  readonly type: TypeInformation<T>

  /** `type` absent: any structured value. */
  constructor(id: string, type: TypeInformation<T> = GENERIC) {
    if (id === '') throw new InvalidSetting({ what: 'The id of an OutputTag', value: 'empty', expected: 'give it a name' })
    this.id = id
    this.type = type
  }
}

/** Where elements come from, and how they find the next operator. */
export class DataStream<T> {
  /** @internal */
  readonly builder: PipelineBuilder
  /** @internal */
  readonly source: TransformationInput
  /** The type of the elements. */
  readonly type: TypeInformation<T>

  /** @internal */
  constructor(builder: PipelineBuilder, source: TransformationInput, type: TypeInformation<T>) {
    this.builder = builder
    this.source = source
    this.type = type
  }

  /**
   * One element for each: `words.map((word) => ({ word, count: 1 }))`. `type` declares the results' type (also: `.returns(type)`).
   */
  map<R>(mapper: F.MapFunction<T, R>, type: TypeInformation<R> = GENERIC): SingleOutputStreamOperator<R> {
    return this.transform('Map', { kind: 'map', function: mapper }, type)
  }

  /**
   * Any number of elements for each, by `out.collect`, or as what is returned:
   * `lines.flatMap((line) => line.split(' '))`.
   */
  flatMap<R>(mapper: F.FlatMapFunction<T, R>, type: TypeInformation<R> = GENERIC): SingleOutputStreamOperator<R> {
    return this.transform('Flat Map', { kind: 'flat-map', function: mapper }, type)
  }

  /** Those for which the function answers true: `bids.filter((bid) => bid.price > 100)`. */
  filter(filter: F.FilterFunction<T>): SingleOutputStreamOperator<T> {
    return this.transform('Filter', { kind: 'filter', function: filter }, this.type)
  }

  /** The full contract: timestamps, watermarks, side outputs. State and timers need keys: `keyBy` first. */
  process<R>(processFunction: F.ProcessFunction<T, R>, type: TypeInformation<R> = GENERIC): SingleOutputStreamOperator<R> {
    return this.transform('Process', { kind: 'process', function: processFunction }, type)
  }

  /**
   * Elements with the same key go to the same subtask, in order, and share state. By a field, several fields, or a function whose answer
   * depends on the element alone: `bids.keyBy('auction')`, `bids.keyBy((bid) => bid.auction % 10)`.
   */
  keyBy<F1 extends keyof T & string>(field: F1): KeyedStream<T, T[F1]>
  keyBy<FS extends readonly (keyof T & string)[]>(fields: FS): KeyedStream<T, { [K in FS[number]]: T[K] }>
  keyBy<K>(selector: F.KeySelector<T, K>, keyType?: TypeInformation<K>): KeyedStream<T, K>
  keyBy(key: string | readonly string[] | F.KeySelector<T, unknown>, keyType: TypeInformation<unknown> = GENERIC): KeyedStream<T, unknown> {
    return new KeyedStream(this.builder, this.source, this.type, keySelection(key, keyType))
  }

  /** The elements of all streams, in no order between streams. */
  union(...others: readonly DataStream<T>[]): DataStream<T> {
    const streams = [this, ...others]
    for (const other of others) {
      if (JSON.stringify(other.type) !== JSON.stringify(this.type))
        throw new InvalidSetting({
          what: 'A union',
          value: `of streams with elements of different declared types`,
          expected: 'give them the same one with returns()',
        })
    }
    const inputs = streams.map((stream) => stream.source)
    return new DataStream(this.builder, straight(this.builder.add('Union', { kind: 'union' }, inputs, this.type)), this.type)
  }

  /** Two streams of different types in one operator, which may share state; or a stream and a broadcast one. */
  connect<B>(other: BroadcastStream<B>): BroadcastConnectedStream<T, B, never>
  connect<B>(other: DataStream<B>): ConnectedStreams<T, B, never>
  connect<B>(other: DataStream<B> | BroadcastStream<B>): ConnectedStreams<T, B, never> | BroadcastConnectedStream<T, B, never> {
    if (other instanceof BroadcastStream) return new BroadcastConnectedStream<T, B, never>(this, other)
    return new ConnectedStreams<T, B, never>(this, other)
  }

  /** Pairs of elements with equal keys in the same window: `a.join(b).where(k).equalTo(k).window(w).apply(f)`. */
  join<B>(other: DataStream<B>): JoinedStreams<T, B> {
    return new JoinedStreams(this, other)
  }

  /** All elements of both sides with equal keys in the same window: `a.coGroup(b).where(k).equalTo(k).window(w).apply(f)`. */
  coGroup<B>(other: DataStream<B>): CoGroupedStreams<T, B> {
    return new CoGroupedStreams(this, other)
  }

  /** Windows over all elements, in one subtask: `stream.windowAll(TumblingEventTimeWindows.of('1 min')).reduce(…)`. */
  windowAll(assigner: WindowAssigner<T>): WindowedStream<T, 0> {
    const keyed = new KeyedStream<T, 0>(this.builder, this.source, this.type, { kind: 'function', select: () => 0, type: GENERIC })
    return new WindowedStream<T, 0>(keyed, assigner, 1)
  }

  /** Gives elements their event time and the stream its watermarks. */
  assignTimestampsAndWatermarks(strategy: F.WatermarkStrategy<T>): SingleOutputStreamOperator<T> {
    return this.transform('Timestamps/Watermarks', { kind: 'timestamps-and-watermarks', strategy }, this.type)
  }

  /** Elements go to the subtasks of the next operator in turn. */
  rebalance(): DataStream<T> {
    return this.partitioned({ kind: 'REBALANCE' })
  }

  /** As rebalance, but each subtask serves few of the next, near ones. */
  rescale(): DataStream<T> {
    return this.partitioned({ kind: 'RESCALE' })
  }

  /** Each element goes to a subtask at random. */
  shuffle(): DataStream<T> {
    return this.partitioned({ kind: 'SHUFFLE' })
  }

  /** Subtask i to subtask i; both operators must have the same parallelism. */
  forward(): DataStream<T> {
    return this.partitioned({ kind: 'FORWARD' })
  }

  /** Everything to the first subtask. */
  global(): DataStream<T> {
    return this.partitioned({ kind: 'GLOBAL' })
  }

  /** Every element to every subtask; with state descriptors: to be connected with another stream, which reads that state. */
  broadcast(): DataStream<T>
  broadcast(...states: readonly [F.MapStateDescriptor<never, never> | AnyMapState, ...AnyMapState[]]): BroadcastStream<T>
  broadcast(...states: readonly AnyMapState[]): DataStream<T> | BroadcastStream<T> {
    const stream = this.partitioned({ kind: 'BROADCAST' })
    return states.length === 0 ? stream : new BroadcastStream(stream, states)
  }

  /** `partition` chooses the subtask, 0 to numPartitions - 1, by the element's key. */
  partitionCustom<K>(partition: (key: K, numPartitions: number) => number, selector: F.KeySelector<T, K>): DataStream<T> {
    return this.partitioned({ kind: 'CUSTOM', select: selector, partition })
  }

  /** Writes the elements: a connector's table (`FileSink`, …) or a sink of the user's own (FLIP-143). */
  sinkTo<C>(sink: Sink<T, C> | TableSink<T>): DataStreamSink {
    const inputs = [this.source]
    if ('connector' in sink) {
      const spec = { kind: 'table-sink', options: sink.options } as const
      return new DataStreamSink(this.builder.add(`Sink: ${sink.connector}`, spec, inputs, sink.type, { role: 'sink' }))
    }
    return new DataStreamSink(this.builder.add('Sink: Writer', { kind: 'sink', sink }, inputs, this.type, { role: 'sink' }))
  }

  /** A line for each element on the worker's stdout (`-t local`: the terminal). With several subtasks: `2> …`. */
  print(sinkIdentifier = ''): DataStreamSink {
    return this.#print(sinkIdentifier, false)
  }

  printToErr(sinkIdentifier = ''): DataStreamSink {
    return this.#print(sinkIdentifier, true)
  }

  /**
   * Runs the program so far and brings this stream's elements back to it: all of them as they come, or an array of the first `limit`. The job
   * is cancelled when the program stops reading.
   */
  executeAndCollect(jobName?: string): Promise<AsyncIterable<T>>
  executeAndCollect(limit: number): Promise<T[]>
  async executeAndCollect(how?: string | number): Promise<AsyncIterable<T> | T[]> {
    this.builder.add('Sink: collect', { kind: 'collect' }, [{ ...this.source, exchange: { kind: 'GLOBAL' } }], this.type, {
      role: 'collect',
      parallelism: 1,
    })
    const job = await this.builder.execute(typeof how === 'string' ? how : undefined)
    const elements = cancelling(job.collect() as AsyncIterable<T>, () => job.cancel())
    if (typeof how !== 'number') return elements
    const first: T[] = []
    if (how <= 0) await job.cancel()
    else
      for await (const element of elements) {
        first.push(element)
        if (first.length >= how) break
      }
    return first
  }

  /** @internal */
  partitioned(exchange: Exchange): DataStream<T> {
    return new DataStream(this.builder, { ...this.source, exchange }, this.type)
  }

  /** @internal An operator with this stream as its one input. */
  transform<R>(name: string, spec: FunctionKind, type: TypeInformation<R>): SingleOutputStreamOperator<R> {
    return new SingleOutputStreamOperator(this.builder, this.builder.add(name, spec, [this.source], type), type)
  }

  #print(prefix: string, stderr: boolean): DataStreamSink {
    const name = stderr ? 'Sink: Print to Std. Err' : 'Sink: Print to Std. Out'
    return new DataStreamSink(this.builder.add(name, { kind: 'print', prefix, stderr }, [this.source], this.type, { role: 'sink' }))
  }
}

// Descriptors of any types side by side.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyMapState = F.MapStateDescriptor<any, any>

/** The stream that an operator emits; settings of that operator. */
export class SingleOutputStreamOperator<T> extends DataStream<T> {
  readonly #transformation: Transformation

  /** @internal */
  constructor(builder: PipelineBuilder, transformation: Transformation, type: TypeInformation<T>) {
    super(builder, straight(transformation), type)
    this.#transformation = transformation
  }

  /** Shown in logs, metrics and the web UI. */
  name(name: string): this {
    this.#transformation.name = name
    return this
  }

  /** Ties the operator's state to this name, so that a changed program can go on from a savepoint. Unique in the job. */
  uid(uid: string): this {
    this.#transformation.uid = checkedUid(uid)
    return this
  }

  setParallelism(parallelism: number): this {
    this.#transformation.parallelism = checkedParallelism('The parallelism', parallelism, this.#transformation)
    return this
  }

  /** Number of key groups: no later parallelism can be higher. */
  setMaxParallelism(maxParallelism: number): this {
    this.#transformation.maxParallelism = checkedParallelism('The max parallelism', maxParallelism, undefined)
    return this
  }

  /** Never in the chain of the operator before it. */
  startNewChain(): this {
    this.#transformation.chaining = 'HEAD'
    return this
  }

  /** Never in a chain with any other operator. */
  disableChaining(): this {
    this.#transformation.chaining = 'NEVER'
    return this
  }

  /** Declares the type of the elements: rows with declared fields lie in columns. */
  returns<R extends T>(type: TypeInformation<R>): SingleOutputStreamOperator<R> {
    this.#transformation.type = type
    return new SingleOutputStreamOperator<R>(this.builder, this.#transformation, type)
  }

  /** What the operator emitted with `context.output(tag, …)`, or, of a window, what came too late. */
  getSideOutput<X>(tag: F.OutputTag<X>): DataStream<X> {
    const output = sideOutput(this.#transformation, tag)
    return new DataStream<X>(this.builder, { from: this.#transformation, output, exchange: undefined }, tag.type)
  }
}

/** A stream whose elements are grouped by key: state and timers are the key's. */
export class KeyedStream<T, K> extends DataStream<T> {
  /** @internal */
  readonly key: KeySelection

  /** @internal */
  constructor(builder: PipelineBuilder, source: TransformationInput, type: TypeInformation<T>, key: KeySelection) {
    super(builder, { ...source, exchange: { kind: 'HASH', key } }, type)
    this.key = key
  }

  /** State and timers of each key; `out.collect` emits. */
  override process<R>(
    processFunction: F.KeyedProcessFunction<K, T, R> | F.ProcessFunction<T, R>,
    type: TypeInformation<R> = GENERIC,
  ): SingleOutputStreamOperator<R> {
    return this.transform('KeyedProcess', { kind: 'keyed-process', function: processFunction }, type)
  }

  /** Combines each element with what the elements of its key gave before, and emits every result. */
  reduce(reducer: F.ReduceFunction<T>): SingleOutputStreamOperator<T> {
    return this.transform('Keyed Reduce', { kind: 'keyed-reduce', function: reducer }, this.type)
  }

  /** Rolling sum of a field (of the elements themselves, where they are numbers). Other fields are those of the first element. */
  sum(field?: NumericField<T>): SingleOutputStreamOperator<T> {
    return this.transform('Keyed Aggregation', { kind: 'keyed-reduce', function: sum(field) }, this.type)
  }

  /** Rolling minimum of a field. Other fields are those of the first element; `minBy` has those of the smallest. */
  min(field?: OrderedField<T>): SingleOutputStreamOperator<T> {
    return this.transform('Keyed Aggregation', { kind: 'keyed-reduce', function: extreme(field, -1, false) }, this.type)
  }

  max(field?: OrderedField<T>): SingleOutputStreamOperator<T> {
    return this.transform('Keyed Aggregation', { kind: 'keyed-reduce', function: extreme(field, 1, false) }, this.type)
  }

  /** The element with the smallest value of the field so far; the first of equal ones. */
  minBy(field: OrderedField<T>): SingleOutputStreamOperator<T> {
    return this.transform('Keyed Aggregation', { kind: 'keyed-reduce', function: extreme(field, -1, true) }, this.type)
  }

  maxBy(field: OrderedField<T>): SingleOutputStreamOperator<T> {
    return this.transform('Keyed Aggregation', { kind: 'keyed-reduce', function: extreme(field, 1, true) }, this.type)
  }

  /** `keyed.window(TumblingEventTimeWindows.of('10 s')).reduce(…)`. */
  window(assigner: WindowAssigner<T>): WindowedStream<T, K> {
    return new WindowedStream(this, assigner)
  }

  /** A window for every `size` elements of a key; with `slide`: the last `size`, every `slide` elements. */
  countWindow(size: number, slide?: number): WindowedStream<T, K> {
    for (const count of [size, slide ?? size]) {
      if (!Number.isInteger(count) || count < 1)
        throw new InvalidSetting({ what: 'The size of a count window', value: String(count), expected: 'it is a whole number from 1 on' })
    }
    const windows = this.window(GlobalWindows.create())
    if (slide === undefined) return windows.trigger(PurgingTrigger.of(CountTrigger.of(size)))
    return windows.evictor(CountEvictor.of(size)).trigger(CountTrigger.of(slide))
  }

  /** Pairs with equal keys whose timestamps lie within bounds: `a.intervalJoin(b).between('-5 s', '5 s').process(…)`. */
  intervalJoin<B>(other: KeyedStream<B, K>): IntervalJoin<T, B> {
    return new IntervalJoin<T, B>(this, other)
  }

  override connect<B>(other: BroadcastStream<B>): BroadcastConnectedStream<T, B, K>
  override connect<B>(other: KeyedStream<B, K>): ConnectedStreams<T, B, K>
  override connect<B>(other: DataStream<B>): ConnectedStreams<T, B, never>
  override connect<B>(other: DataStream<B> | BroadcastStream<B>): ConnectedStreams<T, B, K> | BroadcastConnectedStream<T, B, K> {
    if (other instanceof BroadcastStream) return new BroadcastConnectedStream<T, B, K>(this, other)
    return new ConnectedStreams<T, B, K>(this, other)
  }
}

/** Names of the fields that are numbers. */
export type NumericField<T> = T extends number | bigint
  ? never
  : { [F in keyof T]: T[F] extends number | bigint ? F : never }[keyof T] & string
/** Names of the fields that have an order. */
export type OrderedField<T> = T extends number | bigint | string
  ? never
  : { [F in keyof T]: T[F] extends number | bigint | string ? F : never }[keyof T] & string

/** The end of a stream; settings of the sink. */
export class DataStreamSink {
  readonly #transformation: Transformation

  /** @internal */
  constructor(transformation: Transformation) {
    this.#transformation = transformation
  }

  name(name: string): this {
    this.#transformation.name = name
    return this
  }

  uid(uid: string): this {
    this.#transformation.uid = checkedUid(uid)
    return this
  }

  setParallelism(parallelism: number): this {
    this.#transformation.parallelism = checkedParallelism('The parallelism', parallelism, this.#transformation)
    return this
  }

  disableChaining(): this {
    this.#transformation.chaining = 'NEVER'
    return this
  }
}

/** @internal The main output of an operator, as it comes. */
export function straight(from: Transformation): TransformationInput {
  return { from, output: 0, exchange: undefined }
}

/** @internal Number of that side output of the operator, which from now on has it. @throws API_OUTPUT_TAG_CLASH */
export function sideOutput(transformation: Transformation, tag: F.OutputTag<unknown>): number {
  const known = transformation.sideOutputs.findIndex(({ id }) => id === tag.id)
  if (known < 0) return transformation.sideOutputs.push(tag)
  if (JSON.stringify(transformation.sideOutputs[known]?.type) !== JSON.stringify(tag.type))
    throw new DuplicateOutput({ tag: tag.id, operator: transformation.name })
  return known + 1
}

function keySelection(key: string | readonly string[] | F.KeySelector<never, unknown>, type: TypeInformation): KeySelection {
  if (typeof key === 'function') return { kind: 'function', select: key as (element: unknown) => unknown, type }
  const fields = typeof key === 'string' ? [key] : key
  if (fields.length === 0) throw new InvalidSetting({ what: 'A key', value: 'empty', expected: 'name at least one field' })
  return { kind: 'fields', fields }
}

function checkedUid(uid: string): string {
  if (typeof uid !== 'string' || uid === '' || uid.length > 1000)
    throw new InvalidSetting({ what: 'A uid', value: `'${String(uid).slice(0, 50)}'`, expected: 'it is a text of 1 to 1000 characters' })
  return uid
}

function checkedParallelism(what: string, value: number, of: Transformation | undefined): number {
  if (!Number.isInteger(value) || value < 1 || value > 32768)
    throw new InvalidSetting({ what, value: String(value), expected: 'it is a whole number from 1 to 32768' })
  if (of?.mostParallelism !== undefined && value > of.mostParallelism)
    throw new InvalidSetting({
      what: `${what} of '${of.name}'`,
      value: String(value),
      expected: `at most ${of.mostParallelism} is possible here`,
    })
  return value
}

/** The elements; the job is cancelled when whoever reads them stops before the end. */
function cancelling<T>(elements: AsyncIterable<T>, cancel: () => Promise<void>): AsyncIterable<T> {
  return {
    async *[Symbol.asyncIterator]() {
      let ended = false
      try {
        for await (const element of elements) yield element
        ended = true
      } catch (error) {
        ended = true
        throw error
      } finally {
        if (!ended) await cancel()
      }
    },
  }
}
