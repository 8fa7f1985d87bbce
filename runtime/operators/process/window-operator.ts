/**
 * Windows of keyed streams: assigns elements to windows, keeps or combines them, and hands them to a function when the trigger says so. With two
 * inputs: coGroup and window joins.
 *
 * In:    keyed elements, any selection.   Out: what the function collects; timestamp: the window's end - 1 (global windows: none).
 * State: contents, triggers' and functions' state by window; timers.
 * Time:  A window of event time fires when the watermark reaches its end - 1, is dropped `allowedLateness` later; elements that come after that
 *        go to the late output, or are dropped and counted. Processing time: by the clock.
 * @throws FUNCTION_FAILED, ELEMENT_WITHOUT_TIMESTAMP, WINDOWS_NOT_MERGEABLE
 * Source: Flink's WindowOperator, EvictingWindowOperator, MergingWindowSet.
 */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import type { Batch } from '../../columnar/batch.js'
import type { OperatorSnapshot, RestoredState, SnapshotRequest } from '../../state/snapshot.js'
import type { Operator, OperatorContext, Output } from '../operator.js'
import type { FunctionDefinition, WindowDefinition } from './definition.js'
import { ElementOutput } from './element-output.js'
import { ElementReader } from './element-reader.js'
import { NoTimestamp, WindowsNotMergeable } from './errors.js'
import type { OnMergeContext, TimeDomain, Trigger, TriggerResult, ValueStateDescriptor, Window } from './functions.js'
import { keyedServices } from './keyed-operator.js'
import type { KeyedServices } from './keyed-services.js'
import { MergingWindows, type Merge } from './merging-windows.js'
import { defaultTrigger } from './triggers.js'
import { closeFunction, functionFailed, openFunction, runtimeContext } from './user-call.js'
import { assignWindows, GLOBAL_WINDOW, isEventTime } from './window-assigners.js'
import type { WindowContents } from './window-contents.js'

export interface WindowSurroundings {
  readonly context: OperatorContext
  readonly out: ElementOutput
  readonly services: KeyedServices
}
/** What the operator does with windows, made when it is opened. */
export interface WindowFunctions {
  readonly contents: WindowContents
  /** Calls the function; key and `window` are current. `stateWindow`: where the contents lie. */
  fire(window: Window, stateWindow: Window): void
  /** The window is gone. */
  clear?(window: Window): void
}

export class WindowOperator implements Operator {
  readonly #definition: FunctionDefinition
  readonly #window: WindowDefinition
  readonly #functions: readonly unknown[]
  readonly #prepare: (surroundings: WindowSurroundings) => WindowFunctions
  readonly #readers: readonly ElementReader[]
  readonly #keys: readonly (readonly number[])[]
  readonly #trigger: Trigger<unknown>
  readonly #eventTime: boolean
  #context: OperatorContext | undefined
  #out!: ElementOutput
  #services!: KeyedServices
  #work!: WindowFunctions
  #merging: MergingWindows | undefined
  #triggerContext!: OnMergeContext
  /** Windows that became the current one, while onMerge runs. */
  #merged: readonly Window[] = []

  /** `functions`: those of the program, to be opened and closed. */
  constructor(
    definition: FunctionDefinition,
    window: WindowDefinition,
    functions: readonly unknown[],
    prepare: (surroundings: WindowSurroundings) => WindowFunctions,
  ) {
    this.#definition = definition
    this.#window = window
    this.#functions = functions
    this.#prepare = prepare
    this.#readers = definition.inputs.map((input) => new ElementReader(input.type))
    this.#keys = definition.inputs.map((input) => input.key?.columns ?? [])
    this.#trigger = window.trigger ?? defaultTrigger(window.assigner)
    this.#eventTime = isEventTime(window.assigner)
  }

  async open(context: OperatorContext, output: Output): Promise<void> {
    if (this.#window.assigner.kind === 'session' && this.#trigger.onMerge === undefined) {
      throw new WindowsNotMergeable({ operator: context.operatorName, problem: 'their trigger has no onMerge' })
    }
    this.#out = new ElementOutput(this.#definition, context.operatorName, output)
    this.#services = keyedServices(
      this.#definition,
      context,
      (time, domain) => this.#onTimer(time, domain),
      () => this.#out.flush(),
    )
    const services = this.#services
    this.#work = this.#prepare({ context, out: this.#out, services })
    if (this.#window.assigner.kind === 'session') this.#merging = new MergingWindows(services.state)
    this.#triggerContext = {
      getCurrentProcessingTime: () => services.state.now(),
      getCurrentWatermark: () => services.watermark,
      registerEventTimeTimer: (time) => services.register('event', time),
      registerProcessingTimeTimer: (time) => services.register('processing', time),
      deleteEventTimeTimer: (time) => services.delete('event', time),
      deleteProcessingTimeTimer: (time) => services.delete('processing', time),
      getPartitionedState: (descriptor) => services.windowed.getState(triggerState(descriptor)),
      mergePartitionedState: (descriptor, merge) => this.#mergeTriggerState(descriptor, merge as (a: unknown, b: unknown) => unknown),
    }
    this.#context = context
    for (const user of this.#functions) await openFunction(user, runtimeContext(context, services.global), context)
  }

  processBatch(batch: Batch, input: number): void {
    const reader = this.#readers[input] as ElementReader
    const { state } = this.#services
    const ids = state.assign(batch, this.#keys[input] as readonly number[])
    reader.bind(batch)
    try {
      for (let row = 0; row < batch.length; row++) {
        const position = batch.position(row)
        state.useKey(ids[row] as number)
        this.#processElement(reader.read(position), reader.timestamp(position), input)
      }
    } catch (error) {
      throw functionFailed(error, this.#context as OperatorContext, 'the window function', reader.last())
    }
    state.release(ids, batch.length)
    state.expire()
    this.#out.flush()
  }

  #processElement(value: unknown, timestamp: number, input: number): void {
    const { assigner } = this.#window
    if (this.#eventTime && timestamp !== timestamp) {
      throw new NoTimestamp({ operator: this.#context?.operatorName ?? '', what: 'A window of event time' })
    }
    const time = this.#eventTime ? timestamp : this.#services.state.now()
    const windows = assignWindows(assigner, value, time)
    let skipped = windows.length > 0
    for (const window of windows) {
      if (this.#merging === undefined) {
        if (this.#isLate(window)) continue
        this.#addTo(window, window, value, timestamp, input)
      } else if (!this.#addToSession(this.#merging, window, value, timestamp, input)) continue
      skipped = false
    }
    if (skipped && this.#eventTime) this.#late(value, timestamp)
  }

  #addTo(window: Window, stateWindow: Window, value: unknown, timestamp: number, input: number): void {
    this.#work.contents.add(stateWindow, value, timestamp, input)
    this.#services.state.useWindow(window.start, window.end)
    const result = this.#trigger.onElement(value, timestamp, window, this.#triggerContext)
    this.#apply(result, window, stateWindow)
    this.#registerCleanup(window)
  }

  /** False: the session that would hold the element is over. */
  #addToSession(merging: MergingWindows, window: Window, value: unknown, timestamp: number, input: number): boolean {
    const actual = merging.add(window, (merge) => this.#merge(merge))
    if (this.#isLate(actual)) {
      merging.retire(actual)
      return false
    }
    this.#addTo(actual, merging.stateWindow(actual) ?? actual, value, timestamp, input)
    return true
  }

  #merge({ result, merged, stateWindow, mergedStateWindows }: Merge): void {
    const { state } = this.#services
    if (this.#eventTime && this.#isLate(result)) {
      throw new WindowsNotMergeable({
        operator: this.#context?.operatorName ?? '',
        problem: `the end (${result.end}) of one became earlier than the watermark (${this.#services.watermark})`,
      })
    }
    state.useWindow(result.start, result.end)
    this.#merged = merged
    this.#trigger.onMerge?.(result, this.#triggerContext)
    this.#merged = []
    for (const window of merged) {
      if (window.start === result.start && window.end === result.end) continue
      state.useWindow(window.start, window.end)
      this.#trigger.clear(window, this.#triggerContext)
      this.#deleteCleanup(window)
    }
    if (mergedStateWindows.length > 0) this.#work.contents.merge(stateWindow, mergedStateWindows)
  }

  #mergeTriggerState<T>(descriptor: ValueStateDescriptor<T>, merge: (a: unknown, b: unknown) => unknown): void {
    const { state, windowed } = this.#services
    const { start, end } = state
    const handle = windowed.getState(triggerState(descriptor) as ValueStateDescriptor<unknown>)
    let value: unknown
    for (const window of this.#merged) {
      state.useWindow(window.start, window.end)
      const other = handle.value()
      if (other === undefined) continue
      value = value === undefined ? other : merge(value, other)
      if (window.start !== start || window.end !== end) handle.clear()
    }
    state.useWindow(start, end)
    if (value !== undefined) handle.update(value)
  }

  #onTimer(time: number, domain: TimeDomain): void {
    const { state } = this.#services
    const window = state.start === GLOBAL_WINDOW.start ? GLOBAL_WINDOW : { start: state.start, end: state.end }
    const stateWindow = this.#merging === undefined ? window : this.#merging.stateWindow(window)
    // The session has become part of another since.
    if (stateWindow === undefined) return
    try {
      const { contents } = this.#work
      const trigger = this.#trigger
      const result =
        domain === 'event'
          ? trigger.onEventTime(time, window, this.#triggerContext)
          : trigger.onProcessingTime(time, window, this.#triggerContext)
      this.#apply(result, window, stateWindow)
      if ((domain === 'event') !== this.#eventTime || time !== this.#cleanupTime(window)) return
      contents.clear(stateWindow)
      trigger.clear(window, this.#triggerContext)
      this.#work.clear?.(window)
      this.#merging?.retire(window)
    } catch (error) {
      throw functionFailed(error, this.#context as OperatorContext, 'the window function')
    }
  }

  #apply(result: TriggerResult, window: Window, stateWindow: Window): void {
    if (result === 'CONTINUE') return
    if (result !== 'PURGE') {
      this.#out.timestamp = window.end === GLOBAL_WINDOW.end ? NaN : window.end - 1
      this.#work.fire(window, stateWindow)
    }
    if (result !== 'FIRE') this.#work.contents.clear(stateWindow)
  }

  #late(value: unknown, timestamp: number): void {
    const { lateOutput } = this.#window
    if (lateOutput === undefined) return (this.#context as OperatorContext).countLate(1)
    this.#out.timestamp = timestamp
    this.#out.side(lateOutput, value)
  }

  #isLate(window: Window): boolean {
    return this.#eventTime && this.#cleanupTime(window) <= this.#services.watermark
  }

  /** When nothing of the window is needed any more. */
  #cleanupTime(window: Window): number {
    if (!this.#eventTime) return window.end - 1
    return Math.min(window.end - 1 + this.#window.allowedLateness, Number.MAX_SAFE_INTEGER)
  }

  #registerCleanup(window: Window): void {
    // A global window is never over.
    if (window.end !== GLOBAL_WINDOW.end) this.#services.register(this.#eventTime ? 'event' : 'processing', this.#cleanupTime(window))
  }

  #deleteCleanup(window: Window): void {
    if (window.end !== GLOBAL_WINDOW.end) this.#services.delete(this.#eventTime ? 'event' : 'processing', this.#cleanupTime(window))
  }

  processWatermark(watermark: number): void {
    this.#services.advanceWatermark(watermark)
    this.#out.emitWatermark(watermark)
  }

  endInput(): void {
    // The last watermark has fired the windows of event time.
  }

  async close(): Promise<void> {
    ;(this.#services as KeyedServices | undefined)?.close()
    for (const user of this.#functions) await closeFunction(user, this.#context)
  }

  stateTables(): readonly StateTableDescriptor[] {
    return this.#services.stateTables()
  }

  snapshotState(request: SnapshotRequest): OperatorSnapshot {
    return this.#services.snapshotState(request)
  }

  async restoreState(state: RestoredState): Promise<void> {
    await this.#services.restoreState(state)
  }

  checkpointComplete(checkpointId: number): void {
    this.#services.checkpointComplete(checkpointId)
  }

  checkpointAborted(checkpointId: number): void {
    this.#services.checkpointAborted(checkpointId)
  }
}

/** Triggers' states are apart from those of functions. */
function triggerState<T>(descriptor: ValueStateDescriptor<T>): ValueStateDescriptor<T> {
  return { ...descriptor, name: `$trigger.${descriptor.name}` }
}
