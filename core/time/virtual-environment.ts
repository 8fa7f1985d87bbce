/** A deterministic Environment: time moves only when told to, random numbers come from a seed. For tests and the simulator. */
import type { Environment, Millis } from './environment.js'

export interface VirtualEnvironment extends Environment {
  /** Moves time forward and runs every timer that falls due, in order of time, then of creation. */
  advance(by: Millis): void
  /** Moves time to the next timer and runs it. False: there is none. */
  step(): boolean
  /** Time of the next timer, or undefined. */
  nextTimer(): Millis | undefined
}

interface Timer {
  readonly at: Millis
  readonly sequence: number
  /** Undefined: cancelled, or it ran. */
  action: (() => void) | undefined
}

export function virtualEnvironment(seed = 1, start: Millis = 1_700_000_000_000): VirtualEnvironment {
  let now = start
  let sequence = 0
  const timers = new TimerHeap()
  const next32 = mulberry32(seed)
  const run = (due: Timer) => {
    const { action } = due
    due.action = undefined
    now = Math.max(now, due.at)
    action?.()
  }
  return {
    clock: { now: () => now, monotonic: () => now - start },
    timers: {
      after(delay, action) {
        const timer: Timer = { at: now + Math.max(0, delay), sequence: sequence++, action }
        timers.push(timer)
        return {
          cancel: () => {
            if (timer.action === undefined) return
            timer.action = undefined
            timers.onCancelled()
          },
        }
      },
    },
    random: {
      bytes(count) {
        const bytes = Buffer.alloc(count)
        for (let i = 0; i < count; i++) bytes[i] = next32() >>> 24
        return bytes
      },
      uniform: () => next32() / 2 ** 32,
    },
    advance(by) {
      const end = now + by
      for (let timer = timers.first(); timer !== undefined && timer.at <= end; timer = timers.first()) {
        timers.pop()
        run(timer)
      }
      now = end
    },
    step() {
      const timer = timers.first()
      if (timer === undefined) return false
      timers.pop()
      run(timer)
      return true
    },
    nextTimer: () => timers.first()?.at,
  }
}

/** Numbers of 32 bits, the same for the same seed. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0 || 1
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
}

/** A binary heap. Cancelled timers stay in it until they come up, or are more than half of it. */
class TimerHeap {
  #heap: Timer[] = []
  #cancelled = 0

  first(): Timer | undefined {
    while (this.#heap[0] !== undefined && this.#heap[0].action === undefined) {
      this.pop()
      this.#cancelled--
    }
    return this.#heap[0]
  }

  push(timer: Timer): void {
    this.#heap.push(timer)
    this.#up(this.#heap.length - 1)
  }

  pop(): void {
    const last = this.#heap.pop()
    if (last === undefined || this.#heap.length === 0) return
    this.#heap[0] = last
    this.#down(0)
  }

  onCancelled(): void {
    if (++this.#cancelled < 1000 || this.#cancelled * 2 < this.#heap.length) return
    this.#heap = this.#heap.filter((timer) => timer.action !== undefined).sort((a, b) => (isBefore(a, b) ? -1 : 1))
    this.#cancelled = 0
  }

  #up(from: number): void {
    const heap = this.#heap
    const timer = heap[from] as Timer
    let at = from
    while (at > 0) {
      const above = (at - 1) >> 1
      const other = heap[above] as Timer
      if (!isBefore(timer, other)) break
      heap[at] = other
      at = above
    }
    heap[at] = timer
  }

  #down(from: number): void {
    const heap = this.#heap
    const timer = heap[from] as Timer
    let at = from
    for (;;) {
      let below = 2 * at + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && isBefore(heap[below + 1] as Timer, heap[below] as Timer)) below++
      const other = heap[below] as Timer
      if (!isBefore(other, timer)) break
      heap[at] = other
      at = below
    }
    heap[at] = timer
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence)
}
