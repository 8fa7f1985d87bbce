/** A deterministic Environment: time moves only when told to, random numbers come from a seed. For tests and the simulator. */
import type { Environment, Millis } from './environment.js'

export interface VirtualEnvironment extends Environment {
  /** Moves time forward and runs every timer that falls due, in order of time, then of creation. */
  advance(by: Millis): void
  /** Time of the next timer, or undefined. */
  nextTimer(): Millis | undefined
}

export function virtualEnvironment(seed = 1, start: Millis = 1_700_000_000_000): VirtualEnvironment {
  let now = start
  let sequence = 0
  let pending: { at: Millis; sequence: number; action: () => void }[] = []
  let state = seed >>> 0 || 1
  // mulberry32
  const next32 = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
  const earliest = () =>
    pending.reduce<(typeof pending)[number] | undefined>(
      (best, timer) =>
        best === undefined || timer.at < best.at || (timer.at === best.at && timer.sequence < best.sequence) ? timer : best,
      undefined,
    )
  return {
    clock: { now: () => now, monotonic: () => now - start },
    timers: {
      after(delay, action) {
        const timer = { at: now + Math.max(0, delay), sequence: sequence++, action }
        pending.push(timer)
        return { cancel: () => void (pending = pending.filter((other) => other !== timer)) }
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
      for (let timer = earliest(); timer !== undefined && timer.at <= end; timer = earliest()) {
        const due = timer
        pending = pending.filter((other) => other !== due)
        now = Math.max(now, due.at)
        due.action()
      }
      now = end
    },
    nextTimer: () => earliest()?.at,
  }
}
