/**
 * One TCP connection to a Hadoop RPC server, for one protocol and one identity. Any number of calls run over it at once; answers come in
 * any order. It does not reconnect: that is RpcClient's business.
 */
import type { Socket } from 'node:net'
import { logger } from '#core/log/logger.js'
import type { Environment, Millis, TimerHandle } from '#core/time/environment.js'
import { formatHostPort, type HostPort } from '../conf/addresses.js'
import { CALL_ID, RpcSasl } from '../proto/rpc-messages.js'
import type { SecurityLayer } from '../security/sasl-mechanism.js'
import { SaslConversation, type Authentication } from './authentication.js'
import { connectDraining } from './draining-socket.js'
import { CallTimedOut, ClientClosed, ConnectionLost, ProtocolViolation, ServerNotTrusted, ServerUnreachable } from './errors.js'
import {
  FrameReader,
  callFrame,
  contextFrame,
  explainForeignAnswer,
  openingBytes,
  pingFrame,
  readResponse,
  saslFrame,
  type ResponseFrame,
} from './frames.js'
import { remoteException } from './remote-exception.js'

export interface ConnectionOptions {
  readonly address: HostPort
  readonly protocol: { readonly name: string; readonly version: number }
  readonly authentication: Authentication
  readonly environment: Environment
  /** 16 random bytes, the same for all connections of a client. */
  readonly clientId: Uint8Array
  /** For connecting and authenticating together. */
  readonly connectTimeoutMs: Millis
  /** Silence after which a ping is sent while calls are outstanding; it keeps the TCP connection honest, nothing more. */
  readonly pingIntervalMs: Millis
  /** Time without outstanding calls after which the connection is closed; 0: never. */
  readonly idleTimeoutMs: Millis
}

interface PendingCall {
  readonly method: string
  readonly resolve: (body: Uint8Array) => void
  readonly reject: (error: Error) => void
  readonly deadline: TimerHandle
}

const FOREIGN_WAIT_MS = 300
const FIRST_BYTES = 1024
const log = logger('hadoop.ipc')

export class RpcConnection {
  readonly #options: ConnectionOptions
  readonly #server: string
  readonly #socket: Socket
  readonly #frames = new FrameReader()
  readonly #clearFrames = new FrameReader()
  readonly #calls = new Map<number, PendingCall>()
  readonly #conversation: SaslConversation
  readonly #ready: Promise<void>
  #settleReady: { resolve: () => void; reject: (error: Error) => void } | undefined
  #layer: SecurityLayer | undefined
  /** Sent together with the first call: the connection context is never answered. */
  #preamble: Buffer[] = []
  #inbound: Promise<void> = Promise.resolve()
  #outbound: Promise<void> = Promise.resolve()
  #socketError: Error | undefined
  #failure: Error | undefined
  #closed = false
  #retired = false
  #connected = false
  #first = Buffer.alloc(0)
  #foreign = false
  #ping: TimerHandle | undefined
  #idle: TimerHandle | undefined

  private constructor(options: ConnectionOptions) {
    this.#options = options
    this.#server = formatHostPort(options.address)
    this.#conversation = new SaslConversation(this.#server, options.address.host, options.authentication)
    this.#ready = new Promise((resolve, reject) => (this.#settleReady = { resolve, reject }))
    this.#socket = connectDraining(options.address, options.environment, (chunk) => this.#onData(chunk))
    const deadline = options.environment.timers.after(options.connectTimeoutMs, () => {
      const what = this.#connected ? 'did not finish the authentication' : 'no connection'
      this.#fail(new ServerUnreachable({ server: this.#server, reason: `${what} within ${options.connectTimeoutMs} ms` }))
    })
    this.#ready.then(
      () => deadline.cancel(),
      () => deadline.cancel(),
    )
    this.#socket.on('connect', () => this.#onConnect())
    this.#socket.on('error', (error) => (this.#socketError ??= error))
    this.#socket.on('close', () => void this.#inbound.then(() => this.#onClose()))
  }

  /**
   * Connects and authenticates.
   * @throws HADOOP_RPC_UNREACHABLE, HADOOP_RPC_CANNOT_AUTHENTICATE, HADOOP_RPC_SERVER_NOT_TRUSTED, HADOOP_RPC_PROTOCOL_VIOLATION, and what the
   *   server reports, `HADOOP_RPC_INVALID_TOKEN` for example
   */
  static async open(options: ConnectionOptions): Promise<RpcConnection> {
    const connection = new RpcConnection(options)
    await connection.#ready
    return connection
  }

  /** False once closed or given up: the next call needs another connection. */
  get usable(): boolean {
    return !this.#closed && !this.#retired && this.#failure === undefined
  }

  /** @throws HADOOP_RPC_CONNECTION_LOST, HADOOP_RPC_CALL_TIMED_OUT, and the server's exceptions */
  call(request: { callId: number; retryCount: number; method: string; bytes: Uint8Array; timeoutMs: Millis }): Promise<Uint8Array> {
    const { callId, retryCount, method, bytes, timeoutMs } = request
    const { protocol, clientId, environment } = this.#options
    if (!this.usable) return Promise.reject(this.#failure ?? new ConnectionLost({ server: this.#server, reason: 'it is closed' }))
    return new Promise((resolve, reject) => {
      const deadline = environment.timers.after(timeoutMs, () => {
        if (!this.#calls.delete(callId)) return
        reject(new CallTimedOut({ server: this.#server, call: method, timeoutMs }))
        // Who did not answer in time is asked over a fresh connection next.
        this.retire()
      })
      this.#calls.set(callId, { method, resolve, reject, deadline })
      this.#idle?.cancel()
      this.#send(callFrame({ callId, clientId, retryCount, method, protocol: protocol.name, version: protocol.version, request: bytes }))
    })
  }

  /** No further calls; closes when the outstanding ones have ended. */
  retire(): void {
    this.#retired = true
    this.#closeIfIdle()
  }

  close(): void {
    this.#fail(new ClientClosed({ server: this.#server }))
  }

  #onConnect(): void {
    this.#connected = true
    const { authentication, clientId, protocol } = this.#options
    if (authentication.methods.length === 0) {
      this.#preamble = [openingBytes(false), contextFrame(clientId, { userInfo: simpleUser(authentication), protocol: protocol.name })]
      this.#becomeReady()
    } else {
      this.#socket.write(Buffer.concat([openingBytes(true), saslFrame({ state: 'NEGOTIATE' })]))
    }
  }

  #becomeReady(): void {
    this.#settleReady?.resolve()
    this.#settleReady = undefined
    this.#armIdle()
  }

  #onData(chunk: Buffer): void {
    if (this.#first.length < FIRST_BYTES) this.#first = Buffer.concat([this.#first, chunk.subarray(0, FIRST_BYTES - this.#first.length)])
    if (this.#foreign) return
    let frames: Uint8Array[]
    try {
      frames = this.#frames.push(chunk)
    } catch (error) {
      // Give a talkative stranger a moment to say who it is.
      this.#foreign = true
      this.#inbound = this.#inbound.then(() => {
        this.#options.environment.timers.after(FOREIGN_WAIT_MS, () => this.#failForeign(error))
      })
      return
    }
    for (const bytes of frames)
      this.#inbound = this.#inbound.then(() => this.#onFrame(bytes)).catch((error: unknown) => this.#fail(asError(error)))
  }

  #failForeign(error: unknown): void {
    const problem = explainForeignAnswer(this.#first) ?? asError(error).message
    this.#fail(new ProtocolViolation({ server: this.#server, problem }, { cause: error }))
  }

  async #onFrame(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) return
    const response = this.#read(bytes)
    if (response.callId === CALL_ID.sasl && response.header.status === 'SUCCESS')
      return this.#onSasl(RpcSasl.decode(response.body ?? new Uint8Array(0)))
    if (this.#layer !== undefined)
      throw new ServerNotTrusted({ server: this.#server, problem: 'it sent an unprotected message over a protected connection' })
    this.#onAnswer(response)
  }

  #read(bytes: Uint8Array): ResponseFrame {
    try {
      return readResponse(bytes)
    } catch (error) {
      const problem = explainForeignAnswer(this.#first) ?? asError(error).message
      throw new ProtocolViolation({ server: this.#server, problem }, { cause: error })
    }
  }

  async #onSasl(message: RpcSasl): Promise<void> {
    if (message.state === 'WRAP') {
      if (this.#layer === undefined)
        throw new ProtocolViolation({ server: this.#server, problem: 'a protected message without an agreement on protection' })
      let clear: Uint8Array
      try {
        clear = await this.#layer.unwrap(message.token ?? new Uint8Array(0))
      } catch (error) {
        throw new ServerNotTrusted({ server: this.#server, problem: asError(error).message }, { cause: error })
      }
      for (const frame of this.#clearFrames.push(clear)) this.#onAnswer(this.#read(frame))
      return
    }
    if (this.#settleReady === undefined)
      throw new ProtocolViolation({ server: this.#server, problem: `SASL ${message.state} after the authentication` })
    const step = await this.#conversation.onMessage(message)
    if (step.type === 'send') {
      this.#socket.write(saslFrame(step.message))
      return
    }
    const { clientId, protocol, authentication } = this.#options
    const userInfo =
      step.method === undefined
        ? simpleUser(authentication)
        : step.method.contextUser === undefined
          ? {}
          : { effectiveUser: step.method.contextUser }
    if (step.last !== undefined) this.#preamble.push(saslFrame(step.last))
    this.#layer = step.layer
    this.#preamble.push(contextFrame(clientId, { userInfo, protocol: protocol.name }))
    this.#becomeReady()
  }

  #onAnswer({ header, callId, body }: ResponseFrame): void {
    const className = header.exceptionClassName ?? `(${header.errorDetail ?? 'no class'})`
    const failure = (call: string) => remoteException({ className, message: header.errorMsg ?? '', server: this.#server, call })
    if (header.status === 'FATAL') {
      // Each call gets the reason under its own name; the connection is over.
      const calls = [...this.#calls.values()]
      this.#calls.clear()
      for (const call of calls) {
        call.deadline.cancel()
        call.reject(failure(call.method))
      }
      this.#fail(failure('the connection'))
      return
    }
    const call = this.#calls.get(callId)
    if (call === undefined) return // an answer that came after its deadline
    this.#calls.delete(callId)
    call.deadline.cancel()
    if (header.status === 'SUCCESS') call.resolve(body ?? new Uint8Array(0))
    else call.reject(failure(call.method))
    this.#closeIfIdle()
  }

  #send(bytes: Buffer): void {
    this.#armPing()
    const all = this.#preamble.length === 0 ? bytes : Buffer.concat([...this.#preamble, bytes])
    this.#preamble = []
    const layer = this.#layer
    if (layer === undefined) {
      this.#socket.write(all)
      return
    }
    this.#outbound = this.#outbound
      .then(async () => {
        for (let at = 0; at < all.length && this.#failure === undefined; at += layer.maxClearBytes) {
          this.#socket.write(saslFrame({ state: 'WRAP', token: await layer.wrap(all.subarray(at, at + layer.maxClearBytes)) }))
        }
      })
      .catch((error: unknown) => this.#fail(asError(error)))
  }

  #armPing(): void {
    this.#ping?.cancel()
    if (this.#closed) return
    this.#ping = this.#options.environment.timers.after(
      this.#options.pingIntervalMs,
      () => {
        if (this.#calls.size > 0 && this.usable) this.#send(pingFrame(this.#options.clientId))
      },
      true,
    )
  }

  #closeIfIdle(): void {
    if (this.#calls.size > 0) return
    if (this.#retired) this.#socket.destroy()
    else this.#armIdle()
  }

  #armIdle(): void {
    this.#idle?.cancel()
    if (this.#options.idleTimeoutMs <= 0) return
    this.#idle = this.#options.environment.timers.after(this.#options.idleTimeoutMs, () => this.#calls.size === 0 && this.retire(), true)
  }

  /** Ends the connection for a reason; what is outstanding fails with it. */
  #fail(error: Error): void {
    if (this.#failure === undefined) {
      this.#failure = error
      this.#socket.destroy()
    }
  }

  #onClose(): void {
    this.#closed = true
    this.#ping?.cancel()
    this.#idle?.cancel()
    if (this.#foreign && this.#failure === undefined) this.#failForeign(new Error('it does not speak Hadoop RPC'))
    const reason = describeSocketError(this.#socketError)
    const failure =
      this.#failure ??
      (this.#settleReady === undefined
        ? new ConnectionLost({ server: this.#server, reason }, { cause: this.#socketError })
        : new ServerUnreachable(
            { server: this.#server, reason: this.#connected ? `${reason} during the authentication` : reason },
            { cause: this.#socketError },
          ))
    this.#settleReady?.reject(failure)
    this.#settleReady = undefined
    if (this.#calls.size > 0) log.debug(`${failure.message} with ${this.#calls.size} calls outstanding`)
    for (const call of this.#calls.values()) {
      call.deadline.cancel()
      call.reject(failure)
    }
    this.#calls.clear()
  }
}

function simpleUser(authentication: Authentication): { effectiveUser?: string; realUser?: string } {
  const { user, realUser } = authentication
  return { ...(user === undefined ? {} : { effectiveUser: user }), ...(realUser === undefined ? {} : { realUser }) }
}

const SOCKET_REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused (nothing listens there)',
  ENOTFOUND: 'unknown host',
  EAI_AGAIN: 'the host name cannot be resolved now',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'timed out',
  ECONNRESET: 'connection reset',
  EPIPE: 'it closed the connection',
}

export function describeSocketError(error: Error | undefined): string {
  if (error === undefined) return 'it closed the connection'
  const code = (error as NodeJS.ErrnoException).code
  return (code === undefined ? undefined : SOCKET_REASONS[code]) ?? (error.message || code || 'unknown network error')
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
