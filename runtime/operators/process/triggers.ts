/** When windows fire: Flink's triggers, and its evictors. Part of every program's bundle (api/datastream/windows.ts): it imports types only. */
import type { Evictor, Trigger, TriggerResult, ValueStateDescriptor, WindowAssigner } from './functions.js'

/** Fires when the watermark passes the end of the window, and at once for every late element that is still allowed. */
export function eventTimeTrigger(): Trigger<unknown> {
  return {
    onElement(_element, _timestamp, window, context) {
      if (window.end - 1 <= context.getCurrentWatermark()) return 'FIRE'
      context.registerEventTimeTimer(window.end - 1)
      return 'CONTINUE'
    },
    onEventTime: (time, window) => (time === window.end - 1 ? 'FIRE' : 'CONTINUE'),
    onProcessingTime: () => 'CONTINUE',
    clear: (window, context) => context.deleteEventTimeTimer(window.end - 1),
    onMerge(window, context) {
      if (window.end - 1 > context.getCurrentWatermark()) context.registerEventTimeTimer(window.end - 1)
    },
  }
}

export function processingTimeTrigger(): Trigger<unknown> {
  return {
    onElement(_element, _timestamp, window, context) {
      context.registerProcessingTimeTimer(window.end - 1)
      return 'CONTINUE'
    },
    onEventTime: () => 'CONTINUE',
    onProcessingTime: () => 'FIRE',
    clear: (window, context) => context.deleteProcessingTimeTimer(window.end - 1),
    onMerge(window, context) {
      if (window.end - 1 > context.getCurrentProcessingTime()) context.registerProcessingTimeTimer(window.end - 1)
    },
  }
}

/** Of global windows. */
export function neverTrigger(): Trigger<unknown> {
  return {
    onElement: () => 'CONTINUE',
    onEventTime: () => 'CONTINUE',
    onProcessingTime: () => 'CONTINUE',
    clear: () => undefined,
    onMerge: () => undefined,
  }
}

const COUNT: ValueStateDescriptor<number> = { name: 'count' }

/** Fires at every `maxCount`-th element of a window. */
export function countTrigger(maxCount: number): Trigger<unknown> {
  return {
    onElement(_element, _timestamp, _window, context) {
      const state = context.getPartitionedState(COUNT)
      const count = (state.value() ?? 0) + 1
      if (count >= maxCount) {
        state.clear()
        return 'FIRE'
      }
      state.update(count)
      return 'CONTINUE'
    },
    onEventTime: () => 'CONTINUE',
    onProcessingTime: () => 'CONTINUE',
    clear: (_window, context) => context.getPartitionedState(COUNT).clear(),
    onMerge: (_window, context) => context.mergePartitionedState(COUNT, (a, b) => a + b),
  }
}

/** Also purges the window whenever the trigger inside fires. */
export function purgingTrigger<T>(inner: Trigger<T>): Trigger<T> {
  const purge = (result: TriggerResult): TriggerResult => (result === 'FIRE' ? 'FIRE_AND_PURGE' : result)
  const merging: Pick<Trigger<T>, 'onMerge'> = inner.onMerge === undefined
    ? {}
    : { onMerge: (window, context) => inner.onMerge?.(window, context) }
  return {
    onElement: (element, timestamp, window, context) => purge(inner.onElement(element, timestamp, window, context)),
    onEventTime: (time, window, context) => purge(inner.onEventTime(time, window, context)),
    onProcessingTime: (time, window, context) => purge(inner.onProcessingTime(time, window, context)),
    clear: (window, context) => inner.clear(window, context),
    ...merging,
  }
}

const NEXT_FIRE: ValueStateDescriptor<number> = { name: '$fire-time' }

/** Fires every `intervalMs` of event time as the watermark passes, and at the end of the window. */
export function continuousEventTimeTrigger(intervalMs: number): Trigger<unknown> {
  return {
    onElement(_element, timestamp, window, context) {
      if (window.end - 1 <= context.getCurrentWatermark()) return 'FIRE'
      context.registerEventTimeTimer(window.end - 1)
      const state = context.getPartitionedState(NEXT_FIRE)
      if (state.value() === undefined) {
        const next = Math.min(Math.floor(timestamp / intervalMs) * intervalMs + intervalMs, window.end - 1)
        state.update(next)
        context.registerEventTimeTimer(next)
      }
      return 'CONTINUE'
    },
    onEventTime(time, window, context) {
      if (time === window.end - 1) return 'FIRE'
      const state = context.getPartitionedState(NEXT_FIRE)
      if (state.value() !== time) return 'CONTINUE'
      const next = Math.min(time + intervalMs, window.end - 1)
      state.update(next)
      context.registerEventTimeTimer(next)
      return 'FIRE'
    },
    onProcessingTime: () => 'CONTINUE',
    clear(window, context) {
      const state = context.getPartitionedState(NEXT_FIRE)
      const next = state.value()
      if (next !== undefined) context.deleteEventTimeTimer(next)
      context.deleteEventTimeTimer(window.end - 1)
      state.clear()
    },
    onMerge(window, context) {
      context.mergePartitionedState(NEXT_FIRE, Math.min)
      const next = context.getPartitionedState(NEXT_FIRE).value()
      if (next !== undefined) context.registerEventTimeTimer(next)
      if (window.end - 1 > context.getCurrentWatermark()) context.registerEventTimeTimer(window.end - 1)
    },
  }
}

/** Fires every `intervalMs` of the clock. */
export function continuousProcessingTimeTrigger(intervalMs: number): Trigger<unknown> {
  return {
    onElement(_element, _timestamp, _window, context) {
      const state = context.getPartitionedState(NEXT_FIRE)
      if (state.value() === undefined) {
        const next = Math.floor(context.getCurrentProcessingTime() / intervalMs) * intervalMs + intervalMs
        state.update(next)
        context.registerProcessingTimeTimer(next)
      }
      return 'CONTINUE'
    },
    onEventTime: () => 'CONTINUE',
    onProcessingTime(time, _window, context) {
      const state = context.getPartitionedState(NEXT_FIRE)
      if (state.value() !== time) return 'CONTINUE'
      state.update(time + intervalMs)
      context.registerProcessingTimeTimer(time + intervalMs)
      return 'FIRE'
    },
    clear(_window, context) {
      const state = context.getPartitionedState(NEXT_FIRE)
      const next = state.value()
      if (next !== undefined) context.deleteProcessingTimeTimer(next)
      state.clear()
    },
    onMerge(_window, context) {
      context.mergePartitionedState(NEXT_FIRE, Math.min)
      const next = context.getPartitionedState(NEXT_FIRE).value()
      if (next !== undefined) context.registerProcessingTimeTimer(next)
    },
  }
}

/** The one an assigner's windows have when the program names none. */
export function defaultTrigger(assigner: WindowAssigner): Trigger<unknown> {
  if (assigner.kind === 'global') return neverTrigger()
  return assigner.time === 'event' ? eventTimeTrigger() : processingTimeTrigger()
}

/** Keeps the last `maxCount` elements before the function runs (after it, if `after`). */
export function countEvictor(maxCount: number, after = false): Evictor<unknown> {
  const evict = <E>(elements: E[]): E[] => elements.slice(Math.max(0, elements.length - maxCount))
  return after ? { evictAfter: evict } : { evictBefore: evict }
}

/** Keeps elements that are less than `windowMs` older than the youngest one. Elements without timestamp stay. */
export function timeEvictor(windowMs: number, after = false): Evictor<unknown> {
  const evict = <E extends { timestamp: number | undefined }>(elements: E[]): E[] => {
    const youngest = elements.reduce((most, { timestamp }) => Math.max(most, timestamp ?? -Infinity), -Infinity)
    return elements.filter(({ timestamp }) => timestamp === undefined || timestamp > youngest - windowMs)
  }
  return after ? { evictAfter: evict } : { evictBefore: evict }
}
