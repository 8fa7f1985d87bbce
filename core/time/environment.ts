/**
 * Everything non-deterministic that the control plane may touch: clock, timers and random numbers. Components take it as
 * an argument, so a simulator can run them on virtual time from one seed.
 */
import { randomBytes } from 'node:crypto'

/** Milliseconds since 1970-01-01T00:00:00Z, or a length of time in milliseconds where the name says so. */
export type Millis = number

export interface Clock {
  /** Wall time. */
  now(): Millis
  /** Monotonic time of arbitrary origin: for deadlines and measurements. */
  monotonic(): Millis
}

export interface TimerHandle {
  cancel(): void
}

export interface Timers {
  /** Runs `action` once, in a later turn, `delay` ms from now. A pending timer does not keep the process alive if `background`. */
  after(delay: Millis, action: () => void, background?: boolean): TimerHandle
}

export interface RandomSource {
  /** Cryptographically strong in production, seeded in a simulation. */
  bytes(count: number): Buffer
  /** Uniform in [0, 1). */
  uniform(): number
}

export interface Environment {
  readonly clock: Clock
  readonly timers: Timers
  readonly random: RandomSource
}

export const systemEnvironment: Environment = {
  clock: {
    now: () => Date.now(),
    monotonic: () => performance.now(),
  },
  timers: {
    after(delay, action, background = false) {
      const timer = setTimeout(action, delay)
      if (background) timer.unref()
      return { cancel: () => clearTimeout(timer) }
    },
  },
  random: {
    bytes: (count) => randomBytes(count),
    uniform: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
  },
}

export function sleep(environment: Environment, delay: Millis): Promise<void> {
  return new Promise((resolve) => environment.timers.after(delay, resolve))
}
