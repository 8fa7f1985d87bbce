/** How workers that fail to start slow down the asking for new ones: Flink's start-worker failure rate. Pure. */
import type { Millis } from '#core/time/environment.js'

export interface StartFailures {
  /** Times within the last minute. */
  readonly recent: readonly Millis[]
  /** In a row, since a worker registered last. */
  readonly inARow: number
  /** Why the last one failed. */
  readonly lastReason: string | undefined
  /** No worker is asked for before this time. */
  readonly pausedUntil: Millis | undefined
}

export const NO_START_FAILURES: StartFailures = { recent: [], inARow: 0, lastReason: undefined, pausedUntil: undefined }

const WINDOW_MS = 60_000
/** At least so many starts in a row fail before it counts as hopeless. */
const HOPELESS_AFTER = 3

export function onStartFailed(
  failures: StartFailures,
  reason: string,
  now: Millis,
  maxPerMinute: number,
  retryInterval: Millis,
): StartFailures {
  const recent = [...failures.recent.filter((at) => now - at < WINDOW_MS), now]
  return {
    recent,
    inARow: failures.inARow + 1,
    lastReason: reason,
    pausedUntil: recent.length > maxPerMinute ? now + retryInterval : undefined,
  }
}

export function onWorkerStarted(failures: StartFailures): StartFailures {
  return { ...failures, inARow: 0 }
}

/** True when no worker has ever come up and more would only fail alike: `wanted` workers, each tried more than once. */
export function isHopeless(failures: StartFailures, everRegistered: boolean, wanted: number): boolean {
  return !everRegistered && failures.inARow >= Math.max(HOPELESS_AFTER, wanted + 1)
}
