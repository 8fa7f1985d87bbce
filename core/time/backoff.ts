/** How long to wait before the next try: doubling, with an upper bound and a random part so that workers do not march in step. */
import type { Millis, RandomSource } from './environment.js'

export interface Backoff {
  readonly first: Millis
  readonly most: Millis
}

/** `attempt` counts from 1. Between half and the whole of the doubled pause. */
export function backoffDelay(backoff: Backoff, attempt: number, random: RandomSource): Millis {
  const pause = Math.min(backoff.most, backoff.first * 2 ** Math.min(attempt - 1, 30))
  return pause / 2 + (pause / 2) * random.uniform()
}
