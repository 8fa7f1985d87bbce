/**
 * How workers that fail to start slow down the asking for new ones (Flink's start-worker failure rate), and when it is given up: Flink waits
 * for the job's slot timeout; here the end comes sooner and has the cause. Nodes on which starts fail are left out meanwhile
 * (node-blocklist.ts). Pure.
 */
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

export interface StartPolicy {
  /** More failures a minute pause the asking for `retryInterval`. */
  readonly maxPerMinute: number
  readonly retryInterval: Millis
  /** So many starts in a row, before any worker has come up, mean that none will; 0: that is never concluded. */
  readonly maxInARow: number
}

const WINDOW_MS = 60_000
/** As long as no worker has come up, the second failure in a row and each further one pause the asking, twice as long every time. */
const FIRST_PAUSE: Millis = 250

export function onStartFailed(
  failures: StartFailures,
  reason: string,
  everRegistered: boolean,
  now: Millis,
  { maxPerMinute, retryInterval }: StartPolicy,
): StartFailures {
  const recent = [...failures.recent.filter((at) => now - at < WINDOW_MS), now]
  const inARow = failures.inARow + 1
  const growing = everRegistered || inARow < 2 ? 0 : Math.min(retryInterval, FIRST_PAUSE * 2 ** Math.min(inARow - 2, 30))
  const pause = recent.length > maxPerMinute ? retryInterval : growing
  return { recent, inARow, lastReason: reason, pausedUntil: pause > 0 ? now + pause : undefined }
}

export function onWorkerStarted(failures: StartFailures): StartFailures {
  return { ...failures, inARow: 0 }
}

/** True when no worker has ever come up and more would only fail alike: so many in a row, and each of those `wanted` more than once. */
export function isHopeless(failures: StartFailures, everRegistered: boolean, wanted: number, { maxInARow }: StartPolicy): boolean {
  return maxInARow > 0 && !everRegistered && failures.inARow >= Math.max(maxInARow, wanted + 1)
}
