/** Something that may fail for a while is tried again, with growing pauses, so many times. */
import { WeftError } from '../errors/define-error.js'
import { backoffDelay, type Backoff } from './backoff.js'
import { sleep, type Environment } from './environment.js'

export interface RetryPolicy extends Backoff {
  /** In all, at least 1. */
  readonly tries: number
}

/** Trying again here may help: what is declared final stays as it is. */
export function mayPass(error: unknown): boolean {
  return !(error instanceof WeftError) || error.recovery === 'retry-here' || error.recovery === 'retry-elsewhere'
}

/** @throws the error of the last try, or the first that does not pass */
export async function retrying<T>(environment: Environment, policy: RetryPolicy, action: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await action()
    } catch (error) {
      if (tried >= policy.tries || !mayPass(error)) throw error
      await sleep(environment, backoffDelay(policy, tried, environment.random))
    }
  }
}
