/**
 * Whether and when a failed job starts again: Flink's RestartBackoffTimeStrategy, as pure functions over the history of
 * failures.
 */
import type { Configuration } from '#core/config/configuration.js'
import {
  EXPONENTIAL_INITIAL,
  EXPONENTIAL_JITTER,
  EXPONENTIAL_MAX,
  EXPONENTIAL_MULTIPLIER,
  EXPONENTIAL_RESET,
  FAILURE_RATE_DELAY,
  FAILURE_RATE_INTERVAL,
  FAILURE_RATE_MAX,
  FIXED_DELAY_ATTEMPTS,
  FIXED_DELAY_DELAY,
  RESTART_STRATEGY,
} from '#core/config/options/execution.js'
import { unreachable } from '#core/machine/step.js'
import { formatDuration } from '#core/config/units.js'
import type { Millis } from '#core/time/environment.js'

export type RestartStrategy =
  | { readonly kind: 'none' }
  | { readonly kind: 'fixed-delay'; readonly attempts: number; readonly delay: Millis }
  | { readonly kind: 'failure-rate'; readonly maxFailures: number; readonly interval: Millis; readonly delay: Millis }
  | {
      readonly kind: 'exponential-delay'
      readonly initial: Millis
      readonly max: Millis
      readonly multiplier: number
      readonly resetAfter: Millis
      readonly jitter: number
    }

/** What earlier failures left behind. */
export interface RestartHistory {
  /** Times of the failures that still count, oldest first. */
  readonly failures: readonly Millis[]
  /** Last pause of exponential-delay, without jitter. */
  readonly backoff: Millis | undefined
}

export const NO_FAILURES: RestartHistory = { failures: [], backoff: undefined }

export type RestartDecision = { readonly restart: true; readonly delay: Millis } | { readonly restart: false; readonly why: string }

/** The strategy configured; unset: none, or exponential-delay where there are `checkpoints` to restart from, as in Flink. */
export function restartStrategy(configuration: Configuration, checkpoints: boolean): RestartStrategy {
  switch (configuration.get(RESTART_STRATEGY) ?? (checkpoints ? 'exponential-delay' : 'none')) {
    case 'none':
    case 'off':
    case 'disable':
      return { kind: 'none' }
    case 'fixed-delay':
      return { kind: 'fixed-delay', attempts: configuration.get(FIXED_DELAY_ATTEMPTS), delay: configuration.get(FIXED_DELAY_DELAY) }
    case 'failure-rate':
      return {
        kind: 'failure-rate',
        maxFailures: configuration.get(FAILURE_RATE_MAX),
        interval: configuration.get(FAILURE_RATE_INTERVAL),
        delay: configuration.get(FAILURE_RATE_DELAY),
      }
    case 'exponential-delay':
      return {
        kind: 'exponential-delay',
        initial: configuration.get(EXPONENTIAL_INITIAL),
        max: configuration.get(EXPONENTIAL_MAX),
        multiplier: configuration.get(EXPONENTIAL_MULTIPLIER),
        resetAfter: configuration.get(EXPONENTIAL_RESET),
        jitter: configuration.get(EXPONENTIAL_JITTER),
      }
  }
}

/** Takes note of a failure at `now` and decides. `uniform`: a random number in [0, 1), for the jitter. */
export function onFailure(
  strategy: RestartStrategy,
  history: RestartHistory,
  now: Millis,
  uniform: number,
): { readonly history: RestartHistory; readonly decision: RestartDecision } {
  switch (strategy.kind) {
    case 'none':
      return {
        history: { ...history, failures: [now] },
        decision: { restart: false, why: 'no restart strategy is configured (restart-strategy.type)' },
      }
    case 'fixed-delay': {
      const failures = [...history.failures, now]
      const decision: RestartDecision =
        failures.length > strategy.attempts
          ? { restart: false, why: `the job was restarted ${times(strategy.attempts)} (restart-strategy.fixed-delay.attempts)` }
          : { restart: true, delay: strategy.delay }
      return { history: { failures, backoff: undefined }, decision }
    }
    case 'failure-rate': {
      const failures = [...history.failures.filter((at) => now - at <= strategy.interval), now]
      const decision: RestartDecision =
        failures.length > strategy.maxFailures
          ? {
              restart: false,
              why: `the job failed ${times(failures.length)} within ${formatDuration(strategy.interval)} (restart-strategy.failure-rate)`,
            }
          : { restart: true, delay: strategy.delay }
      return { history: { failures, backoff: undefined }, decision }
    }
    case 'exponential-delay': {
      const last = history.failures.at(-1)
      const calm = last === undefined || history.backoff === undefined || now - last >= strategy.resetAfter + history.backoff
      const backoff = calm ? strategy.initial : Math.min(strategy.max, (history.backoff ?? strategy.initial) * strategy.multiplier)
      const jittered = backoff * (1 + strategy.jitter * (2 * uniform - 1))
      const delay = Math.round(Math.max(strategy.initial, Math.min(strategy.max, jittered)))
      return { history: { failures: [now], backoff }, decision: { restart: true, delay } }
    }
    default:
      return unreachable(strategy)
  }
}

/** The failure at that time turned out to be none. */
export function forgiveFailure(history: RestartHistory, at: Millis): RestartHistory {
  return { ...history, failures: history.failures.filter((each) => each !== at) }
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`
}

/** The strategy in Flink's words, for REST. */
export function describeRestartStrategy(strategy: RestartStrategy): string {
  switch (strategy.kind) {
    case 'none':
      return 'Restart deactivated.'
    case 'fixed-delay':
      return `Restart with fixed delay (${formatDuration(strategy.delay)}). #${strategy.attempts} restart attempts.`
    case 'failure-rate':
      return `Failure rate restart with maximum of ${strategy.maxFailures} failures within interval ${formatDuration(strategy.interval)} and fixed delay ${formatDuration(strategy.delay)}.`
    case 'exponential-delay':
      return `Restart with exponential delay, ${formatDuration(strategy.initial)} to ${formatDuration(strategy.max)}.`
  }
}
