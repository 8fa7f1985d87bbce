/** What to do about a failed call, by the class of the failure. Pure. */
import { WeftError } from '#core/errors/define-error.js'
import type { Millis } from '#core/time/environment.js'
import { CallTimedOut, ConnectionLost, ServerUnreachable } from './errors.js'
import { SafeMode, ServerAsksRetry, StandbyServer } from './remote-exception.js'
import type { RetryClass } from './protocol.js'

/**
 * `failover`: try the next server at once. `retry-here`: the same server after a pause. `give-up`: a verdict, or a repetition could
 * execute the call twice.
 */
export type RetryDecision = 'failover' | 'retry-here' | 'give-up'

export function retryDecision(error: unknown, retry: RetryClass): RetryDecision {
  // These two say that nothing was executed.
  if (ServerUnreachable.is(error) || StandbyServer.is(error)) return 'failover'
  if (ServerAsksRetry.is(error) || SafeMode.is(error)) return 'retry-here'
  if (ConnectionLost.is(error) || CallTimedOut.is(error)) return retry === 'idempotent' ? 'failover' : 'give-up'
  return 'give-up'
}

/** True when the failure says nothing about the request: the network, or a server that is not the active one. */
export function isTransient(error: unknown): error is WeftError {
  return retryDecision(error, 'idempotent') !== 'give-up'
}

export interface Backoff {
  readonly initialMs: Millis
  readonly maximumMs: Millis
}

/** Doubles from the initial pause to the maximum; `spread` in [0, 1) moves it by up to half, so that many clients do not come at once. */
export function backoff(policy: Backoff, attempt: number, spread: number): Millis {
  const full = Math.min(policy.maximumMs, policy.initialMs * 2 ** Math.min(attempt, 30))
  return full / 2 + (full / 2) * spread
}
