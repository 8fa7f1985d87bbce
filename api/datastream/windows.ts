/** Window assigners, evictors and triggers that are built in. Flink's; plain data where the runtime knows them. */
import type * as F from '#runtime/operators/process/functions.js'
import * as Triggers from '#runtime/operators/process/triggers.js'
import { millis, type Duration } from './duration.js'

/** `TumblingEventTimeWindows.of('10 s')`: [0 s, 10 s), [10 s, 20 s), … of the epoch, moved by `offset`. */
export const TumblingEventTimeWindows = { of: (size: Duration, offset: Duration = 0) => tumbling('event', size, offset) }
/** `TumblingProcessingTimeWindows.of('10 s')`: by the clock. */
export const TumblingProcessingTimeWindows = { of: (size: Duration, offset: Duration = 0) => tumbling('processing', size, offset) }
/** `SlidingEventTimeWindows.of('10 s', '2 s')`: a window of 10 s every 2 s. */
export const SlidingEventTimeWindows = {
  of: (size: Duration, slide: Duration, offset: Duration = 0) => sliding('event', size, slide, offset),
}
/** `SlidingProcessingTimeWindows.of('10 s', '2 s')`. */
export const SlidingProcessingTimeWindows = {
  of: (size: Duration, slide: Duration, offset: Duration = 0) => sliding('processing', size, slide, offset),
}
/** `EventTimeSessionWindows.withGap('30 s')`: a window ends when nothing came for its key for 30 s. */
export const EventTimeSessionWindows = {
  withGap: (gap: Duration) => session('event', millis(gap, 'the gap of a session window', 1)),
  /** The gap, ms, of each element. */
  withDynamicGap: <T>(gap: (element: T) => number) => session<T>('event', gap),
}
/** `ProcessingTimeSessionWindows.withGap('30 s')`. */
export const ProcessingTimeSessionWindows = {
  withGap: (gap: Duration) => session('processing', millis(gap, 'the gap of a session window', 1)),
  withDynamicGap: <T>(gap: (element: T) => number) => session<T>('processing', gap),
}
/** `GlobalWindows.create()`: one window for each key; it fires by a trigger only. */
export const GlobalWindows = { create: (): WindowAssigner<unknown> => ({ kind: 'global' }) }

/** What `window()` takes: T is what windows can hold. */
export type WindowAssigner<T> = F.WindowAssigner & { readonly elements?: (element: T) => void }

function tumbling(time: F.TimeDomain, size: Duration, offset: Duration): WindowAssigner<unknown> {
  const ms = millis(size, 'the size of a window', 1)
  return { kind: 'tumbling', time, size: ms, offset: offsetWithin(offset, ms) }
}

function sliding(time: F.TimeDomain, size: Duration, slide: Duration, offset: Duration): WindowAssigner<unknown> {
  const every = millis(slide, 'the slide of a window', 1)
  return { kind: 'sliding', time, size: millis(size, 'the size of a window', 1), slide: every, offset: offsetWithin(offset, every) }
}

/** Negative offsets are meant from the end, as for zones east of Greenwich: -8 h of 1 day is 16 h. */
function offsetWithin(offset: Duration, period: number): number {
  const ms = typeof offset === 'number' ? offset : millis(offset, 'the offset of a window')
  if (!Number.isFinite(ms) || Math.abs(ms) >= period)
    throw new RangeError(`the offset of a window must be less than ${period} ms, and is ${ms} ms`)
  return ms < 0 ? ms + period : ms
}

function session<T>(time: F.TimeDomain, gap: number | ((element: T) => number)): WindowAssigner<T> {
  return { kind: 'session', time, gap: gap as number | ((element: never) => number) }
}

// Of any element type.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Evictor = F.Evictor<any>

/** `evictor(CountEvictor.of(3))`: only the last n elements of a window count. `evictAfter`: elements go after the function, not before it. */
export const CountEvictor = { of: (count: number, evictAfter = false): Evictor => Triggers.countEvictor(count, evictAfter) }
/** `evictor(TimeEvictor.of('5 s'))`: only elements within that time of the window's newest count. `evictAfter`: as in CountEvictor. */
export const TimeEvictor = {
  of: (span: Duration, evictAfter = false): Evictor => Triggers.timeEvictor(millis(span, 'the span of a time evictor'), evictAfter),
}

/** Fires when the watermark passes the end of the window: the default of event-time windows. */
export const EventTimeTrigger = { create: Triggers.eventTimeTrigger }
/** Fires when the clock passes the end of the window: the default of processing-time windows. */
export const ProcessingTimeTrigger = { create: Triggers.processingTimeTrigger }
/** `ContinuousEventTimeTrigger.of('10 s')`: fires whenever the watermark has passed another 10 s, and at the end of the window. */
export const ContinuousEventTimeTrigger = {
  of: (interval: Duration) => Triggers.continuousEventTimeTrigger(millis(interval, 'the interval of a trigger', 1)),
}
/** `ContinuousProcessingTimeTrigger.of('10 s')`: fires every 10 s of the clock. */
export const ContinuousProcessingTimeTrigger = {
  of: (interval: Duration) => Triggers.continuousProcessingTimeTrigger(millis(interval, 'the interval of a trigger', 1)),
}
/** Fires with every n-th element of a key and window. */
export const CountTrigger = { of: Triggers.countTrigger }
/** Another trigger, but what fired is forgotten. */
export const PurgingTrigger = { of: Triggers.purgingTrigger }
