/**
 * Tokens that outlive their maximum life: the master logs in from its keytab, obtains new ones when `ratio` of their validity has passed, and hands
 * them to whoever asks. After a failure it tries again, sooner when the validity nears its end.
 */
import { logger } from '#core/log/logger.js'
import type { Environment, Millis, TimerHandle } from '#core/time/environment.js'
import type { Credentials } from '#hadoop/security/credentials.js'

export interface ObtainedTokens {
  readonly credentials: Credentials
  /** Wall time at which the first of them ends. */
  readonly validUntil: Millis
}

export interface DelegationTokenManagerOptions {
  readonly environment: Environment
  /** security.delegation.tokens.renewal.time-ratio */
  readonly ratio: number
  /** security.delegation.tokens.renewal.retry.backoff */
  readonly retryBackoff: Millis
  /** @throws what makes it impossible now */
  obtain(): Promise<ObtainedTokens>
  /** New tokens are there. */
  onTokens(credentials: Credentials): Promise<void>
}

/** Even where tokens live for seconds, a KDC is not asked more often. */
const SHORTEST_PAUSE_MS: Millis = 1_000
/** A timer of Node's cannot be set further. */
const LONGEST_PAUSE_MS: Millis = 24 * 3600_000
const log = logger('DelegationTokens')

export class DelegationTokenManager {
  readonly #options: DelegationTokenManagerOptions
  #version = 0
  #newest: Credentials | undefined
  #validUntil: Millis | undefined
  #timer: TimerHandle | undefined
  #stopped = false

  constructor(options: DelegationTokenManagerOptions) {
    this.#options = options
  }

  /** 0: none were obtained yet. */
  get version(): number {
    return this.#version
  }
  get newest(): Credentials | undefined {
    return this.#newest
  }

  /** Obtains the first and keeps them fresh. Resolves when they are there, or could not be had for now. */
  start(): Promise<void> {
    return this.#renew()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  async #renew(): Promise<void> {
    const { environment, obtain, onTokens, ratio, retryBackoff } = this.#options
    let pause: Millis
    try {
      const { credentials, validUntil } = await obtain()
      if (this.#stopped) return
      await onTokens(credentials)
      this.#newest = credentials
      this.#validUntil = validUntil
      this.#version++
      pause = pauseBeforeRenewal(validUntil - environment.clock.now(), ratio)
      log.info(
        `Obtained ${credentials.tokens.size} delegation tokens, valid until ${new Date(validUntil).toISOString()}; new ones in ${Math.round(pause / 1000)} s.`,
      )
    } catch (error) {
      const left = this.#validUntil === undefined ? undefined : this.#validUntil - environment.clock.now()
      pause = pauseAfterFailure(left, retryBackoff)
      log.warn(
        `New delegation tokens could not be obtained; ${left === undefined ? 'those of the submission' : `the present ones end in ${Math.round(left / 1000)} s`}. ` +
          `Trying again in ${Math.round(pause / 1000)} s.`,
        error,
      )
    }
    if (!this.#stopped) this.#timer = environment.timers.after(pause, () => void this.#renew(), true)
  }
}

export function pauseBeforeRenewal(validFor: Millis, ratio: number): Millis {
  return Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, validFor * ratio))
}

/** The configured time, or a quarter of what is left when that is less. */
export function pauseAfterFailure(left: Millis | undefined, backoff: Millis): Millis {
  return Math.max(SHORTEST_PAUSE_MS, left === undefined ? backoff : Math.min(backoff, left / 4))
}
