/**
 * The session windows of a key: which there are, and under which window's name the contents of each lie (so that contents need not move when
 * a session grows). Flink's MergingWindowSet.
 */
import type { Window } from './functions.js'
import type { KeyedState } from './keyed-state.js'
import { MapHandle } from './state-handles.js'

export interface Merge {
  /** The window that covers all. */
  readonly result: Window
  /** Those there were. */
  readonly merged: readonly Window[]
  /** Where the contents of the result lie from now on; contents to be added to it. */
  readonly stateWindow: Window
  readonly mergedStateWindows: readonly Window[]
}

type Bounds = readonly [start: number, end: number]

export class MergingWindows {
  readonly #windows: MapHandle

  constructor(keyed: KeyedState) {
    this.#windows = new MapHandle(keyed, { name: '$windows' }, false)
  }

  /** Under which name the contents of the window lie; undefined: it is no window any more. */
  stateWindow(window: Window): Window | undefined {
    const found = this.#windows.get([window.start, window.end]) as Bounds | undefined
    return found === undefined ? undefined : { start: found[0], end: found[1] }
  }

  retire(window: Window): void {
    this.#windows.remove([window.start, window.end])
  }

  /** Takes in a window of an element. `merge`: windows that were there become one. Returns the window that holds the element now. */
  add(window: Window, merge: (merge: Merge) => void): Window {
    const touching: { window: Window; state: Window }[] = []
    let { start, end } = window
    // What it covers may reach further windows: again until nothing is added.
    const others = this.#windows.entries() as [Bounds, Bounds][]
    for (let grown = true; grown;) {
      grown = false
      for (let i = others.length - 1; i >= 0; i--) {
        const [[otherStart, otherEnd], [stateStart, stateEnd]] = others[i] as [Bounds, Bounds]
        // Windows that only meet are one, as in Flink (TimeWindow.intersects).
        if (otherStart > end || otherEnd < start) continue
        touching.push({ window: { start: otherStart, end: otherEnd }, state: { start: stateStart, end: stateEnd } })
        start = Math.min(start, otherStart)
        end = Math.max(end, otherEnd)
        others.splice(i, 1)
        grown = true
      }
    }
    const [first] = touching
    if (first === undefined) {
      this.#windows.put([start, end], [start, end])
      return window
    }
    const result = { start, end }
    if (touching.length === 1 && first.window.start === start && first.window.end === end) return result
    for (const { window: old } of touching) this.retire(old)
    this.#windows.put([start, end], [first.state.start, first.state.end])
    merge({
      result,
      merged: touching.map(({ window: old }) => old),
      stateWindow: first.state,
      mergedStateWindows: touching.slice(1).map(({ state }) => state),
    })
    return result
  }
}
