/** What happens after a task failed, as configuration. Flink's RestartStrategies. */
import { millis, type Duration } from './duration.js'

/** Options of the configuration that a strategy stands for. */
export interface RestartStrategy {
  readonly options: Readonly<Record<string, string>>
}

const ms = (duration: Duration, what: string): string => `${Math.round(millis(duration, what))} ms`

export const RestartStrategies = {
  /** The first failure ends the job. */
  noRestart: (): RestartStrategy => ({ options: { 'restart-strategy.type': 'none' } }),
  /** `attempts` restarts, `delay` before each. */
  fixedDelayRestart: (attempts: number, delay: Duration): RestartStrategy => ({
    options: {
      'restart-strategy.type': 'fixed-delay',
      'restart-strategy.fixed-delay.attempts': String(attempts),
      'restart-strategy.fixed-delay.delay': ms(delay, 'the delay of a restart strategy'),
    },
  }),
  /** More than `maxFailures` within `interval` end the job. */
  failureRateRestart: (maxFailures: number, interval: Duration, delay: Duration): RestartStrategy => ({
    options: {
      'restart-strategy.type': 'failure-rate',
      'restart-strategy.failure-rate.max-failures-per-interval': String(maxFailures),
      'restart-strategy.failure-rate.failure-rate-interval': ms(interval, 'the interval of a restart strategy'),
      'restart-strategy.failure-rate.delay': ms(delay, 'the delay of a restart strategy'),
    },
  }),
  /** Restarts without end, after a pause that grows with each. */
  exponentialDelayRestart: (initialBackoff: Duration, maxBackoff: Duration, backoffMultiplier = 1.5): RestartStrategy => ({
    options: {
      'restart-strategy.type': 'exponential-delay',
      'restart-strategy.exponential-delay.initial-backoff': ms(initialBackoff, 'the initial backoff of a restart strategy'),
      'restart-strategy.exponential-delay.max-backoff': ms(maxBackoff, 'the longest backoff of a restart strategy'),
      'restart-strategy.exponential-delay.backoff-multiplier': String(backoffMultiplier),
    },
  }),
} as const
