/**
 * The AM-RM session over a real connection: makes the session's calls, keeps its timer. All inputs and events are plain data, so that it
 * can live in a thread of its own, where no long turn of the application's event loop can delay a heartbeat.
 */
import { logger } from '#core/log/logger.js'
import type { Environment, Millis, TimerHandle } from '#core/time/environment.js'
import type { HostPort } from '../../conf/addresses.js'
import { ClientClosed } from '../../ipc/errors.js'
import { RpcClient } from '../../ipc/rpc-client.js'
import { ApplicationMasterProtocol } from '../../proto/application-master-protocol.js'
import type { Token } from '../../proto/token.js'
import { tokenMethod } from '../../security/digest-md5.js'
import type { QualityOfProtection } from '../../security/sasl-mechanism.js'
import { decodeAmRmTokenIdentifier } from '../../security/tokens.js'
import { formatApplicationAttemptId } from '../identifiers.js'
import { AmRmSession, type SessionAnswer, type SessionCall, type SessionEffect } from './am-rm-session.js'
import { callFailure } from './call-failure.js'
import type { AmRmEvent, Ask, Counters, Finish, Registration, Resize } from './events.js'

export interface AmRmClientOptions {
  /** Scheduler addresses of all ResourceManagers (`resourceManagerSchedulerAddresses`). */
  readonly addresses: readonly HostPort[]
  /** The YARN_AM_RM_TOKEN of the container's credentials. */
  readonly token: Token
  /** From `hadoop.rpc.protection` (`parseRpcProtection`); undefined: the strongest that the server offers. */
  readonly protection?: readonly QualityOfProtection[] | undefined
  readonly environment: Environment
  readonly onEvent: (event: AmRmEvent) => void
  /** Steady interval; default 1 s. */
  readonly intervalMs?: Millis
  /** While containers are wanted; default 200 ms. */
  readonly requestIntervalMs?: Millis
  /** `yarn.am.liveness-monitor.expiry-interval-ms`, default 15 min. */
  readonly expiryMs?: Millis
  /** SessionSettings.leaseMs; default: not watched. */
  readonly leaseMs?: Millis | undefined
  readonly callTimeoutMs?: Millis
  /** In place of a connection to `addresses`: a simulation's. */
  readonly transport?: ApplicationMasterTransport
}

/** The calls of an application master, each made once; a failure is an error of hadoop/ipc. */
export type ApplicationMasterTransport = Pick<RpcClient<typeof ApplicationMasterProtocol>, 'calls' | 'reconnect' | 'close'>

const DEFAULT_EXPIRY_MS: Millis = 900_000

const log = logger('hadoop.yarn')

export class AmRmClient {
  readonly #environment: Environment
  readonly #onEvent: (event: AmRmEvent) => void
  readonly #session: AmRmSession
  readonly #rpc: ApplicationMasterTransport
  #token: Token
  #timer: TimerHandle | undefined
  #closed = false

  constructor(options: AmRmClientOptions) {
    const { environment, intervalMs = 1_000, requestIntervalMs = 200, expiryMs = DEFAULT_EXPIRY_MS, leaseMs } = options
    this.#environment = environment
    this.#onEvent = options.onEvent
    this.#token = options.token
    this.#session = new AmRmSession(options.token, { intervalMs, requestIntervalMs, expiryMs, leaseMs })
    this.#rpc = options.transport ?? connectionTo(options, () => this.#token)
  }

  /** Of this process, from its token: the only place where an application master learns it. */
  get applicationAttemptId(): string {
    const id = decodeAmRmTokenIdentifier(this.#token).appAttemptId
    return id === undefined ? '' : formatApplicationAttemptId(id)
  }
  get counters(): Counters {
    return this.#session.counters
  }

  /** Answered by the event `registered`. */
  register(registration: Registration): void {
    this.#perform(this.#session.register(registration, this.#now()))
  }
  /** The whole table of what is wanted; answered by `allocated` events. @param seen `sequence` of the last one taken into account */
  setAsks(asks: readonly Ask[], seen?: number): void {
    this.#perform(this.#session.setAsks(asks, seen, this.#now()))
  }
  release(containerIds: readonly string[]): void {
    this.#perform(this.#session.release(containerIds, this.#now()))
  }
  /** Enlarges a container where it is; answered by `resized` or `resizeRefused`, or by neither while its node has no room. */
  resize(wish: Resize): void {
    this.#perform(this.#session.resize(wish, this.#now()))
  }
  setBlacklist(hosts: readonly string[]): void {
    this.#perform(this.#session.setBlacklist(hosts, this.#now()))
  }
  setProgress(progress: number): void {
    this.#session.setProgress(progress)
  }
  setTrackingUrl(url: string): void {
    this.#perform(this.#session.setTrackingUrl(url, this.#now()))
  }
  /** Answered by `finished`; then the process should exit promptly, since YARN ends it. */
  finish(finish: Finish): void {
    this.#perform(this.#session.finish(finish, this.#now()))
  }

  /** Stops heartbeats without unregistering. No event follows. */
  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#rpc.close()
  }

  #now(): Millis {
    return this.#environment.clock.monotonic()
  }

  #perform(effects: readonly SessionEffect[]): void {
    // Events last: whoever receives one may call back at once, and must find call and timer in place.
    for (const effect of effects) {
      switch (effect.type) {
        case 'call':
          void this.#call(effect)
          break
        case 'wake':
          this.#wakeAt(effect.at)
          break
        case 'useToken':
          log.info('the AMRM token was rolled over')
          this.#token = effect.token
          this.#rpc.reconnect()
          break
        case 'emit':
          break
      }
    }
    for (const effect of effects) if (effect.type === 'emit' && !this.#closed) this.#onEvent(effect.event)
    if (this.#session.phase === 'ENDED') this.close()
  }

  #wakeAt(at: Millis | undefined): void {
    this.#timer?.cancel()
    if (at === undefined) return
    this.#timer = this.#environment.timers.after(Math.max(0, at - this.#now()), () => this.#perform(this.#session.tick(this.#now())))
  }

  async #call(call: SessionCall): Promise<void> {
    this.#wakeAt(this.#session.leaseEndsAt)
    const outcome = await this.#answerTo(call).catch((error: unknown) => ({ error }))
    if (this.#closed || ('error' in outcome && ClientClosed.is(outcome.error))) return
    let effects: SessionEffect[]
    if ('error' in outcome) {
      const failure = callFailure(outcome.error)
      log.debug(`${call.call}: ${failure.className}: ${failure.reason}`)
      effects = this.#session.failed(failure, this.#now())
    } else {
      effects = this.#session.answered(outcome, this.#now())
    }
    this.#perform(effects)
  }

  async #answerTo(call: SessionCall): Promise<SessionAnswer> {
    switch (call.call) {
      case 'register':
        return { call: 'register', response: await this.#rpc.calls.registerApplicationMaster(call.request) }
      case 'allocate':
        return { call: 'allocate', response: await this.#rpc.calls.allocate(call.request) }
      case 'finish':
        return { call: 'finish', response: await this.#rpc.calls.finishApplicationMaster(call.request) }
    }
  }
}

function connectionTo(options: AmRmClientOptions, token: () => Token): ApplicationMasterTransport {
  const { environment, expiryMs = DEFAULT_EXPIRY_MS } = options
  const method = tokenMethod(token, { random: environment.random, protection: options.protection })
  return new RpcClient({
    protocol: ApplicationMasterProtocol,
    addresses: options.addresses,
    authentication: () => ({ methods: [method] }),
    environment,
    // A hung server must be left well before the attempt expires.
    callTimeoutMs: options.callTimeoutMs ?? Math.min(60_000, expiryMs / 3),
    connectTimeoutMs: Math.min(20_000, expiryMs / 3),
    idleTimeoutMs: 0,
    rounds: 1,
  })
}
