/** Calls to the outside for each element, many at a time. Flink's AsyncDataStream. */
import type * as F from '#runtime/operators/process/functions.js'
import type { TypeInformation } from '#runtime/operators/process/type-information.js'
import { InvalidSetting, type DataStream, type SingleOutputStreamOperator } from './data-stream.js'
import { millis, type Duration } from './duration.js'

export interface AsyncOptions<R> {
  /** After that the function's `timeout` answers; it has none: the job fails. Default: never. Retries are within it. */
  readonly timeout?: Duration
  /** Calls under way at once, in each subtask. Default 100. */
  readonly capacity?: number
  readonly retry?: F.AsyncRetryStrategy<R>
  readonly type?: TypeInformation<R>
}

export const AsyncDataStream = {
  /**
   * Results as they come; watermarks stay in place.
   *
   * ```ts
   * AsyncDataStream.unorderedWait(ids, { asyncInvoke: async (id) => [await lookUp(id)] }, { timeout: '5 s', capacity: 50 })
   * ```
   */
  unorderedWait: <T, R>(
    stream: DataStream<T>,
    asyncFunction: F.AsyncFunction<T, R>,
    options: AsyncOptions<R> = {},
  ): SingleOutputStreamOperator<R> => wait(stream, asyncFunction, options, false),

  /** Results in the order of the elements. */
  orderedWait: <T, R>(
    stream: DataStream<T>,
    asyncFunction: F.AsyncFunction<T, R>,
    options: AsyncOptions<R> = {},
  ): SingleOutputStreamOperator<R> => wait(stream, asyncFunction, options, true),
} as const

/** When a call of an async function is repeated. */
export const AsyncRetryStrategies = {
  /** `maxAttempts` calls in all, `delay` between them. */
  fixedDelay: <R>(maxAttempts: number, delay: Duration): F.AsyncRetryStrategy<R> => {
    const ms = millis(delay, 'the delay of a retry strategy')
    return { maxAttempts: checkedAttempts(maxAttempts), backoff: () => ms }
  },
  /** The delay grows by `multiplier` from `initialDelay` to at most `maxDelay`. */
  exponentialBackoff: <R>(maxAttempts: number, initialDelay: Duration, maxDelay: Duration, multiplier = 2): F.AsyncRetryStrategy<R> => {
    const first = millis(initialDelay, 'the initial delay of a retry strategy')
    const most = millis(maxDelay, 'the longest delay of a retry strategy', first)
    return { maxAttempts: checkedAttempts(maxAttempts), backoff: (attempt) => Math.min(most, first * multiplier ** (attempt - 1)) }
  },
} as const

function wait<T, R>(
  stream: DataStream<T>,
  asyncFunction: F.AsyncFunction<T, R>,
  { timeout = 0, capacity = 100, retry, type = { kind: 'generic' } }: AsyncOptions<R>,
  ordered: boolean,
): SingleOutputStreamOperator<R> {
  if (!Number.isInteger(capacity) || capacity < 1)
    throw new InvalidSetting({ what: 'The capacity of async I/O', value: String(capacity), expected: 'it is a whole number from 1 on' })
  return stream.transform(
    'async wait operator',
    {
      kind: 'async',
      function: asyncFunction,
      ordered,
      timeout: millis(timeout, 'the time-out of async I/O'),
      capacity,
      ...(retry === undefined ? {} : { retry }),
    },
    type,
  )
}

function checkedAttempts(attempts: number): number {
  if (!Number.isInteger(attempts) || attempts < 1)
    throw new InvalidSetting({
      what: 'The attempts of a retry strategy',
      value: String(attempts),
      expected: 'it is a whole number from 1 on',
    })
  return attempts
}
