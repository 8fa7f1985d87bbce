/**
 * What users write: functions of the DataStream API, and what they are given. Interfaces and plain data only, matched by shape and never
 * by `instanceof`: a program's bundle has its own copy of this module. Names and promises are Flink's.
 *
 * Every function that takes one element may be written as a bare function or as an object with the method (and with `open`/`close`).
 */
import type { Counter } from '../operator.js'
import type { TypeInformation } from './type-information.js'

/**
 * Lifecycle of objects that are functions. Subtasks of a slot share the object: what belongs to a subtask is state, or is set up in `open` by
 * subtask index.
 */
export interface RichFunction {
  /** Once per subtask, before the first element; state is there. */
  open?(context: RuntimeContext): void | Promise<void>
  /** Once per subtask, whatever happened. */
  close?(): void | Promise<void>
}

export interface RuntimeContext {
  readonly jobId: string
  readonly taskName: string
  readonly subtaskIndex: number
  readonly parallelism: number
  readonly maxParallelism: number
  /** 0, 1, …: how often the subtask was started before. */
  readonly attemptNumber: number
  /** Keyed state of the current key; only in functions on keyed streams. @throws PROCESS_NO_KEY outside of an element or timer */
  getState<T>(descriptor: ValueStateDescriptor<T>): ValueState<T>
  getListState<T>(descriptor: ListStateDescriptor<T>): ListState<T>
  getMapState<K, V>(descriptor: MapStateDescriptor<K, V>): MapState<K, V>
  getReducingState<T>(descriptor: ReducingStateDescriptor<T>): ReducingState<T>
  getAggregatingState<IN, ACC, OUT>(descriptor: AggregatingStateDescriptor<IN, ACC, OUT>): AggregatingState<IN, OUT>
  /** A counter among the task's metrics: REST shows it as `<subtask>.<operator>.<name>`. It begins at 0 with every attempt. */
  counter(name: string): Counter
}

export interface Collector<T> {
  collect(element: T): void
}

export type MapFunction<T, R> = ((value: T) => R) | (RichFunction & { map(value: T): R })
export type FlatMapFunction<T, R> =
  ((value: T, out: Collector<R>) => void | Iterable<R>) | (RichFunction & { flatMap(value: T, out: Collector<R>): void | Iterable<R> })
export type FilterFunction<T> = ((value: T) => boolean) | (RichFunction & { filter(value: T): boolean })
export type ReduceFunction<T> = ((a: T, b: T) => T) | (RichFunction & { reduce(a: T, b: T): T })
export type KeySelector<T, K> = (value: T) => K

export interface AggregateFunction<IN, ACC, OUT> extends RichFunction {
  createAccumulator(): ACC
  add(value: IN, accumulator: ACC): ACC
  getResult(accumulator: ACC): OUT
  merge(a: ACC, b: ACC): ACC
}

/** A named further output of a process function. */
export interface OutputTag<T> {
  readonly id: string
  readonly type: TypeInformation<T>
}

export interface TimerService {
  currentProcessingTime(): number
  currentWatermark(): number
  registerProcessingTimeTimer(time: number): void
  registerEventTimeTimer(time: number): void
  deleteProcessingTimeTimer(time: number): void
  deleteEventTimeTimer(time: number): void
}

export interface ProcessContext {
  /** Ms; undefined: the element has no timestamp. */
  timestamp(): number | undefined
  timerService(): TimerService
  output<X>(tag: OutputTag<X>, value: X): void
}
export interface KeyedProcessContext<K> extends ProcessContext {
  getCurrentKey(): K
}
export interface OnTimerContext<K> extends KeyedProcessContext<K> {
  timeDomain(): 'EVENT_TIME' | 'PROCESSING_TIME'
}

export interface ProcessFunction<T, R> extends RichFunction {
  processElement(value: T, context: ProcessContext, out: Collector<R>): void
}
export interface KeyedProcessFunction<K, T, R> extends RichFunction {
  processElement(value: T, context: KeyedProcessContext<K>, out: Collector<R>): void
  onTimer?(timestamp: number, context: OnTimerContext<K>, out: Collector<R>): void
}

export interface CoMapFunction<A, B, R> extends RichFunction {
  map1(value: A): R
  map2(value: B): R
}
export interface CoFlatMapFunction<A, B, R> extends RichFunction {
  flatMap1(value: A, out: Collector<R>): void | Iterable<R>
  flatMap2(value: B, out: Collector<R>): void | Iterable<R>
}
export interface CoProcessFunction<A, B, R> extends RichFunction {
  processElement1(value: A, context: ProcessContext, out: Collector<R>): void
  processElement2(value: B, context: ProcessContext, out: Collector<R>): void
}
export interface KeyedCoProcessFunction<K, A, B, R> extends RichFunction {
  processElement1(value: A, context: KeyedProcessContext<K>, out: Collector<R>): void
  processElement2(value: B, context: KeyedProcessContext<K>, out: Collector<R>): void
  onTimer?(timestamp: number, context: OnTimerContext<K>, out: Collector<R>): void
}

export interface ReadOnlyBroadcastState<K, V> {
  get(key: K): V | undefined
  contains(key: K): boolean
  entries(): Iterable<[K, V]>
}
export interface BroadcastState<K, V> extends ReadOnlyBroadcastState<K, V> {
  put(key: K, value: V): void
  remove(key: K): void
  clear(): void
}
export interface BroadcastContext extends ProcessContext {
  getBroadcastState<K, V>(descriptor: MapStateDescriptor<K, V>): BroadcastState<K, V>
}
export interface KeyedBroadcastContext<K> extends BroadcastContext {
  /** Calls `visit` for every key that has something in that state; it may change and clear it. */
  applyToKeyedState<T>(descriptor: ValueStateDescriptor<T>, visit: (key: K, state: ValueState<T>) => void): void
}
export interface BroadcastReadOnlyContext extends ProcessContext {
  getBroadcastState<K, V>(descriptor: MapStateDescriptor<K, V>): ReadOnlyBroadcastState<K, V>
}
export interface KeyedBroadcastReadOnlyContext<K> extends BroadcastReadOnlyContext {
  getCurrentKey(): K
}
export interface BroadcastProcessFunction<T, B, R> extends RichFunction {
  processElement(value: T, context: BroadcastReadOnlyContext, out: Collector<R>): void
  processBroadcastElement(value: B, context: BroadcastContext, out: Collector<R>): void
}
export interface KeyedBroadcastProcessFunction<K, T, B, R> extends RichFunction {
  processElement(value: T, context: KeyedBroadcastReadOnlyContext<K>, out: Collector<R>): void
  processBroadcastElement(value: B, context: KeyedBroadcastContext<K>, out: Collector<R>): void
  onTimer?(timestamp: number, context: KeyedBroadcastReadOnlyContext<K>, out: Collector<R>): void
}

export type JoinFunction<A, B, R> = ((left: A, right: B) => R) | (RichFunction & { join(left: A, right: B): R })
export type FlatJoinFunction<A, B, R> =
  ((left: A, right: B, out: Collector<R>) => void) | (RichFunction & { join(left: A, right: B, out: Collector<R>): void })
export interface CoGroupFunction<A, B, R> extends RichFunction {
  coGroup(left: readonly A[], right: readonly B[], out: Collector<R>): void
}
export interface ProcessJoinContext {
  getLeftTimestamp(): number
  getRightTimestamp(): number
  getTimestamp(): number
  output<X>(tag: OutputTag<X>, value: X): void
}
export interface ProcessJoinFunction<A, B, R> extends RichFunction {
  processElement(left: A, right: B, context: ProcessJoinContext, out: Collector<R>): void
}

/** [start, end) in ms. A global or count window is [-2^53+1, 2^53-1). */
export interface Window {
  readonly start: number
  readonly end: number
}

export interface WindowContext<W extends Window = Window> {
  window(): W
  currentProcessingTime(): number
  currentWatermark(): number
  /** State of the key and this window; to be cleared in `clear`. */
  windowState(): KeyedStateStore
  /** State of the key, over all windows. */
  globalState(): KeyedStateStore
  output<X>(tag: OutputTag<X>, value: X): void
}
export interface KeyedStateStore {
  getState<T>(descriptor: ValueStateDescriptor<T>): ValueState<T>
  getListState<T>(descriptor: ListStateDescriptor<T>): ListState<T>
  getMapState<K, V>(descriptor: MapStateDescriptor<K, V>): MapState<K, V>
}
export interface ProcessWindowFunction<IN, OUT, K> extends RichFunction {
  process(key: K, context: WindowContext, elements: Iterable<IN>, out: Collector<OUT>): void
  clear?(context: WindowContext): void
}
export type WindowFunction<IN, OUT, K> =
  | ((key: K, window: Window, elements: Iterable<IN>, out: Collector<OUT>) => void)
  | (RichFunction & { apply(key: K, window: Window, elements: Iterable<IN>, out: Collector<OUT>): void })

/** Plain data: the assigners that are built in. `time`: by the element's timestamp or by the clock. Ms. */
export type WindowAssigner =
  | { readonly kind: 'tumbling'; readonly time: TimeDomain; readonly size: number; readonly offset: number }
  | { readonly kind: 'sliding'; readonly time: TimeDomain; readonly size: number; readonly slide: number; readonly offset: number }
  | { readonly kind: 'session'; readonly time: TimeDomain; readonly gap: number | ((element: never) => number) }
  | { readonly kind: 'global' }
  | CustomWindowAssigner
export type TimeDomain = 'event' | 'processing'
/** A user's own. Windows do not merge. */
export interface CustomWindowAssigner {
  readonly kind: 'custom'
  readonly time: TimeDomain
  assignWindows(element: never, timestamp: number): readonly Window[]
}

export type TriggerResult = 'CONTINUE' | 'FIRE' | 'PURGE' | 'FIRE_AND_PURGE'
export interface TriggerContext {
  getCurrentProcessingTime(): number
  getCurrentWatermark(): number
  registerEventTimeTimer(time: number): void
  registerProcessingTimeTimer(time: number): void
  deleteEventTimeTimer(time: number): void
  deleteProcessingTimeTimer(time: number): void
  /** Of the key and window. */
  getPartitionedState<T>(descriptor: ValueStateDescriptor<T>): ValueState<T>
}
export interface OnMergeContext extends TriggerContext {
  /** What the windows that became this one have in that state, those that have something, goes into this one's as `merge` combines it. */
  mergePartitionedState<T>(descriptor: ValueStateDescriptor<T>, merge: (a: T, b: T) => T): void
}
export interface Trigger<T> {
  onElement(element: T, timestamp: number, window: Window, context: TriggerContext): TriggerResult
  onEventTime(time: number, window: Window, context: TriggerContext): TriggerResult
  onProcessingTime(time: number, window: Window, context: TriggerContext): TriggerResult
  clear(window: Window, context: TriggerContext): void
  /** For session windows: both windows became one. Absent: the trigger cannot be used with them. */
  onMerge?(window: Window, context: OnMergeContext): void
}
export interface Evictor<T> {
  evictBefore?(elements: { value: T; timestamp: number | undefined }[], window: Window): { value: T; timestamp: number | undefined }[]
  evictAfter?(elements: { value: T; timestamp: number | undefined }[], window: Window): { value: T; timestamp: number | undefined }[]
}

/** Time-to-live of state, by the processing clock. */
export interface StateTtlConfig {
  readonly ttl: number
  /** Default 'OnCreateAndWrite'. */
  readonly updateType?: 'OnCreateAndWrite' | 'OnReadAndWrite'
  /** Default 'NeverReturnExpired'. */
  readonly visibility?: 'NeverReturnExpired' | 'ReturnExpiredIfNotCleanedUp'
}
interface StateDescriptor {
  readonly name: string
  readonly ttl?: StateTtlConfig
}
/** `type` absent: generic, any structured value. */
export interface ValueStateDescriptor<T> extends StateDescriptor {
  readonly type?: TypeInformation<T>
  readonly defaultValue?: T
}
export interface ListStateDescriptor<T> extends StateDescriptor {
  readonly type?: TypeInformation<T>
}
export interface MapStateDescriptor<K, V> extends StateDescriptor {
  readonly keyType?: TypeInformation<K>
  readonly valueType?: TypeInformation<V>
}
export interface ReducingStateDescriptor<T> extends StateDescriptor {
  readonly type?: TypeInformation<T>
  readonly reduce: (a: T, b: T) => T
}
export interface AggregatingStateDescriptor<IN, ACC, OUT> extends StateDescriptor {
  readonly aggregate: AggregateFunction<IN, ACC, OUT>
  readonly type?: TypeInformation<ACC>
}

export interface State {
  clear(): void
}
export interface ValueState<T> extends State {
  /** The default value of the descriptor, or undefined, where nothing was set. */
  value(): T | undefined
  update(value: T): void
}
export interface ListState<T> extends State {
  get(): readonly T[]
  add(value: T): void
  addAll(values: readonly T[]): void
  update(values: readonly T[]): void
}
export interface MapState<K, V> extends State {
  get(key: K): V | undefined
  put(key: K, value: V): void
  putAll(entries: Iterable<readonly [K, V]>): void
  remove(key: K): void
  contains(key: K): boolean
  entries(): Iterable<[K, V]>
  keys(): Iterable<K>
  values(): Iterable<V>
  isEmpty(): boolean
}
export interface ReducingState<T> extends State {
  get(): T | undefined
  add(value: T): void
}
export interface AggregatingState<IN, OUT> extends State {
  get(): OUT | undefined
  add(value: IN): void
}

export interface AsyncFunction<T, R> extends RichFunction {
  /** Zero or more results; a rejection fails the task unless the retry strategy says otherwise. */
  asyncInvoke(value: T): Promise<readonly R[]>
  /** What a timed-out element yields; absent: the task fails. */
  timeout?(value: T): readonly R[] | Promise<readonly R[]>
}
export interface AsyncRetryStrategy<R> {
  readonly maxAttempts: number
  /** Ms before attempt n (1: the first retry). */
  backoff(attempt: number): number
  /** Absent: no result is retried. */
  retryOnResult?(results: readonly R[]): boolean
  /** Absent: every error is retried. */
  retryOnException?(error: unknown): boolean
}

/** Where event time comes from. Plain data and functions. Ms. */
export interface WatermarkStrategy<T> {
  /** none: the stream has no watermarks but the last. punctuated: the generator's onEvent alone. */
  readonly generator:
    | { readonly kind: 'none' }
    | { readonly kind: 'bounded'; readonly maxOutOfOrderness: number }
    | { readonly kind: 'custom'; create(): WatermarkGenerator<T> }
  /** Absent: the timestamps that elements have already (from the source). */
  readonly timestampAssigner?: (element: T, recordTimestamp: number | undefined) => number
  readonly idleTimeout?: number
  readonly alignment?: { readonly group: string; readonly maxDrift: number; readonly updateInterval: number }
}
export interface WatermarkOutput {
  emitWatermark(timestamp: number): void
  markIdle(): void
  markActive(): void
}
export interface WatermarkGenerator<T> {
  onEvent(event: T, timestamp: number, output: WatermarkOutput): void
  /** Every `pipeline.auto-watermark-interval`. */
  onPeriodicEmit?(output: WatermarkOutput): void
}
