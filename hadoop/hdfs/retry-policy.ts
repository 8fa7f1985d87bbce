/** When a call to a NameNode is worth another try, and after how long. Pure. */

/** `standby`: ask the other NameNode. `busy`: safe mode, or "try again later". `unreachable`: no answer. */
export type TransientFailure = 'standby' | 'busy' | 'unreachable'

export interface RetryPolicy {
  /** Tries in all, the first included. */
  readonly maxAttempts: number
  readonly baseDelayMs: number
  readonly maxDelayMs: number
}

/** About half a minute: the time that a NameNode's failover takes. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = { maxAttempts: 12, baseDelayMs: 100, maxDelayMs: 5_000 }

/**
 * Milliseconds until the next try after `attempt` tries have failed, or undefined to give up. With `nameNodes` > 1 a try that met
 * a standby or nobody goes to the next NameNode at once, until all were asked.
 * @param jitter in [0, 1): spreads many clients over half of the delay.
 */
export function retryDelay(
  policy: RetryPolicy,
  attempt: number,
  failure: TransientFailure,
  nameNodes: number,
  jitter: number,
): number | undefined {
  if (attempt >= policy.maxAttempts) return undefined
  if (failure !== 'busy' && attempt < nameNodes) return 0
  const rounds = failure === 'busy' ? attempt - 1 : Math.floor((attempt - nameNodes) / nameNodes)
  const full = Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** rounds)
  return Math.round(full * (0.5 + jitter / 2))
}
