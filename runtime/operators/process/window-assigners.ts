/** Windows of elements. Times are ms; a window is [start, end). */
import type { Window, WindowAssigner } from './functions.js'

/** All elements of a key, for count windows and triggers of one's own. */
export const GLOBAL_WINDOW: Window = { start: Number.MIN_SAFE_INTEGER, end: Number.MAX_SAFE_INTEGER }

/** Start of the window of `size` that holds the timestamp, windows beginning at `offset` + k * `slide` (Flink's getWindowStartWithOffset). */
export function windowStart(timestamp: number, offset: number, slide: number): number {
  const remainder = (timestamp - offset) % slide
  // + 0: no -0.
  return timestamp - (remainder < 0 ? remainder + slide : remainder) + 0
}

/** Windows of an element with that time (event time, or the clock's for processing time). */
export function assignWindows(assigner: WindowAssigner, element: unknown, time: number): readonly Window[] {
  switch (assigner.kind) {
    case 'tumbling': {
      const start = windowStart(time, assigner.offset, assigner.size)
      return [{ start, end: start + assigner.size }]
    }
    case 'sliding': {
      const windows: Window[] = []
      const last = windowStart(time, assigner.offset, assigner.slide)
      for (let start = last; start > time - assigner.size; start -= assigner.slide) windows.push({ start, end: start + assigner.size })
      return windows
    }
    case 'session': {
      const gap = typeof assigner.gap === 'number' ? assigner.gap : assigner.gap(element as never)
      if (!(gap > 0)) throw new RangeError(`the gap of a session must be positive, got ${String(gap)}`)
      return [{ start: time, end: time + gap }]
    }
    case 'global':
      return [GLOBAL_WINDOW]
    case 'custom':
      return assigner.assignWindows(element as never, time)
  }
}

export function isEventTime(assigner: WindowAssigner): boolean {
  return assigner.kind !== 'global' && assigner.time === 'event'
}
