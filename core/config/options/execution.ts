import { boolean, double, duration, integer, oneOf, option, string } from '../option.js'

export const PARALLELISM = option('parallelism.default', integer(1, 32768), {
  default: '1',
  description: 'Parallelism of a job that gives none.',
})
export const MAX_PARALLELISM = option('pipeline.max-parallelism', integer(-1, 32768), {
  default: '-1',
  description: 'Number of key groups, the upper bound of any later parallelism; -1: derived as in Flink (128 up to 32768).',
})
export const JOB_NAME = option('pipeline.name', string(), { description: 'Job name shown everywhere.' })
export const OPERATOR_CHAINING = option('pipeline.operator-chaining.enabled', boolean(), {
  default: 'true',
  description: 'Fuse operators connected one to one into a task.',
  deprecatedKeys: ['pipeline.operator-chaining'],
})
export const RUNTIME_MODE = option('execution.runtime-mode', oneOf('STREAMING', 'BATCH', 'AUTOMATIC'), {
  default: 'STREAMING',
  description:
    'STREAMING: results are updated as records come. BATCH: bounded inputs only, results are emitted once. AUTOMATIC: BATCH when all inputs are bounded.',
})
export const TARGET = option('execution.target', string(), {
  description: 'Where jobs run: local, yarn-application (an application of the job’s own), or in a session: yarn-session, remote.',
})
export const ATTACHED = option('execution.attached', boolean(), {
  default: 'false',
  description: 'The client waits for the job (weft run without -d).',
})
export const BUFFER_TIMEOUT = option('execution.buffer-timeout.interval', duration(), {
  default: '100 ms',
  description: 'A partly filled exchange buffer leaves after this time; 0: at once.',
  deprecatedKeys: ['execution.buffer-timeout'],
})
export const RESTART_STRATEGY = option(
  'restart-strategy.type',
  oneOf('none', 'off', 'disable', 'fixed-delay', 'failure-rate', 'exponential-delay'),
  {
    description: 'What happens after a task failed. Unset: none without checkpoints, exponential-delay with them.',
    deprecatedKeys: ['restart-strategy'],
  },
)
export const FIXED_DELAY_ATTEMPTS = option('restart-strategy.fixed-delay.attempts', integer(0), {
  default: '1',
  description: 'Restarts before the job fails.',
})
export const FIXED_DELAY_DELAY = option('restart-strategy.fixed-delay.delay', duration(), {
  default: '1 s',
  description: 'Pause before a restart.',
})
export const FAILURE_RATE_MAX = option('restart-strategy.failure-rate.max-failures-per-interval', integer(0), {
  default: '1',
  description: 'Failures within the interval that are still answered by a restart.',
})
export const FAILURE_RATE_INTERVAL = option('restart-strategy.failure-rate.failure-rate-interval', duration(), {
  default: '1 min',
  description: 'That interval.',
})
export const FAILURE_RATE_DELAY = option('restart-strategy.failure-rate.delay', duration(), {
  default: '1 s',
  description: 'Pause before a restart.',
})
export const EXPONENTIAL_INITIAL = option('restart-strategy.exponential-delay.initial-backoff', duration(), {
  default: '1 s',
  description: 'First pause.',
})
export const EXPONENTIAL_MAX = option('restart-strategy.exponential-delay.max-backoff', duration(), {
  default: '1 min',
  description: 'Longest pause.',
})
export const EXPONENTIAL_MULTIPLIER = option('restart-strategy.exponential-delay.backoff-multiplier', double(1), {
  default: '1.5',
  description: 'Growth of the pause.',
})
export const EXPONENTIAL_RESET = option('restart-strategy.exponential-delay.reset-backoff-threshold', duration(), {
  default: '1 h',
  description: 'Time without failure that resets the pause.',
})
export const EXPONENTIAL_JITTER = option('restart-strategy.exponential-delay.jitter-factor', double(0, 1), {
  default: '0.1',
  description: 'Random part of the pause.',
})
export const DEFAULT_SCHEME = option('fs.default-scheme', string(), {
  description:
    'File system of paths without a scheme (hdfs://nameservice). Relative paths lie under its working directory: the client’s own directory for local files, the user’s home in HDFS.',
})
