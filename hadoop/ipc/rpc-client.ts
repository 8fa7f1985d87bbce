/**
 * Typed calls of one protocol to one of several equal servers (a ResourceManager or NameNode pair, or a single server). Connects when
 * needed, keeps the connection while it is used, goes on to the next address when a server is down or not the active one.
 */
import { logger } from '#core/log/logger.js'
import { sleep, type Environment, type Millis } from '#core/time/environment.js'
import { formatHostPort, type HostPort } from '../conf/addresses.js'
import type { Authentication } from './authentication.js'
import { CallTimedOut, ClientClosed, ConnectionLost, ServerUnreachable } from './errors.js'
import { clientOf, type CallDeclaration, type CallOptions, type Client, type ProtocolDeclaration } from './protocol.js'
import { backoff, retryDecision, type Backoff } from './retry.js'
import { RpcConnection } from './rpc-connection.js'

export interface RpcClientOptions<P extends ProtocolDeclaration> {
  readonly protocol: P
  /** At least one. */
  readonly addresses: readonly HostPort[]
  /** Asked at each new connection: the newest token is used. */
  readonly authentication: () => Authentication
  readonly environment: Environment
  /** Of one attempt of a call. */
  readonly callTimeoutMs?: Millis
  readonly connectTimeoutMs?: Millis
  readonly pingIntervalMs?: Millis
  readonly idleTimeoutMs?: Millis
  /** How often all addresses are tried for one call before it fails, and the pauses between. */
  readonly rounds?: number
  readonly backoff?: Backoff
}

const MAX_CALL_ID = 0x7fffffff
const log = logger('hadoop.ipc')

export class RpcClient<P extends ProtocolDeclaration> {
  readonly calls: Client<P>
  readonly #options: RpcClientOptions<P>
  readonly #clientId: Uint8Array
  #connection: Promise<RpcConnection> | undefined
  #current = 0
  #nextCallId = 0
  #closed = false

  constructor(options: RpcClientOptions<P>) {
    if (options.addresses.length === 0) throw new Error(`no address for ${options.protocol.name}`)
    this.#options = options
    this.#clientId = options.environment.random.bytes(16)
    this.calls = clientOf(options.protocol, (method, declaration, bytes, callOptions) =>
      this.#invoke(method, declaration, bytes, callOptions),
    )
  }

  /** The server that the next call goes to. */
  get address(): HostPort {
    return this.#options.addresses[this.#current]!
  }

  /** The next call uses a new connection, hence a new identity; calls under way are not disturbed. */
  reconnect(): void {
    this.#connection?.then(
      (connection) => connection.retire(),
      () => undefined,
    )
    this.#connection = undefined
  }

  /** Fails what is outstanding with HADOOP_RPC_CLIENT_CLOSED. */
  close(): void {
    this.#closed = true
    this.#connection?.then(
      (connection) => connection.close(),
      () => undefined,
    )
    this.#connection = undefined
  }

  async #invoke(method: string, declaration: CallDeclaration, bytes: Uint8Array, callOptions: CallOptions): Promise<Uint8Array> {
    const { environment, addresses, callTimeoutMs = 60_000 } = this.#options
    const rounds = this.#options.rounds ?? 1
    const pause = this.#options.backoff ?? { initialMs: 500, maximumMs: 15_000 }
    const callId = this.#nextCallId
    this.#nextCallId = callId === MAX_CALL_ID ? 0 : callId + 1
    const failures: Error[] = []
    for (let attempt = 0; ; attempt++) {
      if (this.#closed) throw new ClientClosed({ server: formatHostPort(this.address) })
      const used = this.#current
      try {
        const connection = await this.#connect()
        return await connection.call({ callId, retryCount: attempt, method, bytes, timeoutMs: callOptions.timeoutMs ?? callTimeoutMs })
      } catch (error) {
        const decision = retryDecision(error, declaration.retry)
        // Also when this call may not be repeated: the next one should not run into the same wall.
        if (decision === 'failover' || ConnectionLost.is(error) || CallTimedOut.is(error)) this.#advance(used)
        if (decision === 'give-up') throw error
        failures.push(error as Error)
        log.debug(`${method}: ${(error as Error).message}`)
        const roundOver = failures.length % addresses.length === 0
        if (failures.length >= rounds * addresses.length) throw summary(failures, addresses)
        if (decision === 'retry-here' || roundOver) {
          await sleep(environment, backoff(pause, Math.floor((failures.length - 1) / addresses.length), environment.random.uniform()))
        }
      }
    }
  }

  #advance(from: number): void {
    // Several calls may fail at once on one connection; only the first moves on.
    if (this.#current === from) this.#current = (from + 1) % this.#options.addresses.length
    if (this.#options.addresses.length > 1) this.reconnect()
  }

  async #connect(): Promise<RpcConnection> {
    const existing = this.#connection
    if (existing !== undefined) {
      const connection = await existing.catch(() => undefined)
      if (connection?.usable === true) return connection
      if (this.#connection === existing) this.#connection = undefined
      else if (this.#connection !== undefined) return this.#connection
    }
    const {
      protocol,
      environment,
      authentication,
      connectTimeoutMs = 20_000,
      pingIntervalMs = 60_000,
      idleTimeoutMs = 10_000,
    } = this.#options
    const opening = RpcConnection.open({
      address: this.address,
      protocol,
      environment,
      authentication: authentication(),
      clientId: this.#clientId,
      connectTimeoutMs,
      pingIntervalMs,
      idleTimeoutMs,
    })
    this.#connection = opening
    try {
      return await opening
    } catch (error) {
      if (this.#connection === opening) this.#connection = undefined
      throw error
    }
  }
}

/** What to say when every server failed: the only failure, or all of them, the latest of each address. */
function summary(failures: readonly Error[], addresses: readonly HostPort[]): Error {
  const last = failures.at(-1)!
  if (addresses.length === 1) return last
  const latest = failures.slice(-addresses.length)
  const server = addresses.map(formatHostPort).join(', ')
  return new ServerUnreachable({ server, reason: latest.map((failure) => failure.message).join('; ') }, { cause: last })
}
