/**
 * Calls over a channel, in both directions. Wire messages (JSON):
 *
 *   call      { t: 'call', id, to, m, a, e }   id: counts up per connection; to: endpoint; m: method; a: argument; e: epoch
 *   answer    { t: 'ok', id, r } | { t: 'err', id, err }
 *
 * `epoch` fences: an endpoint serving epoch n refuses calls meant for another one (RPC_FENCED).
 */
import * as z from '../zod.js'
import { defineError } from '../errors/define-error.js'
import { fromWireError, toWireError, WireErrorSchema } from '../errors/wire-error.js'
import type { Environment, TimerHandle } from '../time/environment.js'
import type { Channel } from './channel.js'
import type { Gateway, GatewayDeclaration, GatewayHandlers, RpcCaller } from './gateway.js'

export const ConnectionLost = defineError('RPC_CONNECTION_LOST', {
  recovery: 'retry-elsewhere',
  message: (d: { peer: string; reason: string | null }) => `The connection to ${d.peer} is lost${d.reason === null ? '' : `: ${d.reason}`}`,
})
export const RpcTimeout = defineError('RPC_TIMEOUT', {
  recovery: 'retry-here',
  message: (d: { peer: string; method: string; timeoutMs: number }) => `${d.peer} did not answer ${d.method} within ${d.timeoutMs} ms`,
})
export const UnknownEndpoint = defineError('RPC_UNKNOWN_ENDPOINT', {
  recovery: 'none',
  message: (d: { endpoint: string; method: string }) => `No endpoint '${d.endpoint}' with a method '${d.method}' here`,
})
export const Fenced = defineError('RPC_FENCED', {
  recovery: 'none',
  message: (d: { endpoint: string; epoch: number; got: number | null }) =>
    `Endpoint '${d.endpoint}' serves epoch ${d.epoch}; the caller speaks to epoch ${d.got ?? 'none'}`,
})
export const InvalidMessage = defineError('RPC_INVALID_MESSAGE', {
  recovery: 'none',
  message: (d: { endpoint: string; method: string; problem: string }) => `Invalid message for ${d.endpoint}.${d.method}: ${d.problem}`,
})

const MessageSchema = z.discriminatedUnion('t', [
  z.object({
    t: z.literal('call'),
    id: z.int().min(0),
    to: z.string().max(200),
    m: z.string().max(100),
    a: z.unknown(),
    e: z.int().optional(),
  }),
  z.object({ t: z.literal('ok'), id: z.int().min(0), r: z.unknown() }),
  z.object({ t: z.literal('err'), id: z.int().min(0), err: WireErrorSchema }),
])

export const DEFAULT_CALL_TIMEOUT_MS = 60_000

interface Served {
  readonly declaration: GatewayDeclaration<any>
  readonly handlers: Record<string, (request: unknown, caller: RpcCaller) => unknown>
  readonly epoch: number | Promise<number> | undefined
}

/** The endpoints of a process: shared by all of its connections. */
export class RpcEndpoints {
  readonly #served = new Map<string, Served>()

  /**
   * Serves `endpoint`; with an epoch, only calls that carry the same one are let through. A promise: calls wait until the epoch
   * is known (a TaskExecutor learns it from the answer to its registration, and the master's first call may overtake that).
   */
  serve<G extends GatewayDeclaration<any>>(
    endpoint: string,
    declaration: G,
    handlers: GatewayHandlers<G>,
    epoch?: number | Promise<number>,
  ): void {
    this.#served.set(endpoint, { declaration, handlers: handlers as Served['handlers'], epoch })
  }

  stop(endpoint: string): void {
    this.#served.delete(endpoint)
  }

  find(endpoint: string): Served | undefined {
    return this.#served.get(endpoint)
  }
}

export class RpcConnection implements RpcCaller {
  readonly #channel: Channel
  readonly #endpoints: RpcEndpoints
  readonly #environment: Environment
  readonly #pending = new Map<number, { resolve(value: unknown): void; reject(error: Error): void; timer: TimerHandle }>()
  readonly #closeListeners: ((reason?: Error) => void)[] = []
  #nextId = 0
  #closed: { reason: Error | undefined } | undefined

  constructor(channel: Channel, endpoints: RpcEndpoints, environment: Environment) {
    this.#channel = channel
    this.#endpoints = endpoints
    this.#environment = environment
    channel.onMessage((message) => this.#receive(message))
    channel.onClose((reason) => this.#onChannelClosed(reason))
  }

  get peer(): string {
    return this.#channel.peer
  }

  gateway<G extends GatewayDeclaration<any>>(
    declaration: G,
    endpoint: string,
    epoch?: number,
    timeoutMs = DEFAULT_CALL_TIMEOUT_MS,
  ): Gateway<G> {
    const methods: Record<string, (request: unknown) => Promise<unknown>> = {}
    for (const [method, { response }] of Object.entries(declaration.calls as Record<string, { response: z.ZodType }>)) {
      methods[method] = async (request) => response.parse(await this.#call(endpoint, method, request, epoch, timeoutMs))
    }
    return methods as Gateway<G>
  }

  onClose(listener: (reason?: Error) => void): void {
    if (this.#closed === undefined) this.#closeListeners.push(listener)
    else listener(this.#closed.reason)
  }

  close(): void {
    this.#channel.close()
    this.#onChannelClosed(undefined)
  }

  #call(endpoint: string, method: string, request: unknown, epoch: number | undefined, timeoutMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) return reject(this.#lost())
      const id = this.#nextId++
      const timer = this.#environment.timers.after(
        timeoutMs,
        () => {
          this.#pending.delete(id)
          reject(new RpcTimeout({ peer: this.peer, method: `${endpoint}.${method}`, timeoutMs }))
        },
        true,
      )
      this.#pending.set(id, { resolve, reject, timer })
      this.#channel.send({ t: 'call', id, to: endpoint, m: method, a: request, ...(epoch === undefined ? {} : { e: epoch }) })
    })
  }

  #receive(raw: unknown): void {
    if (this.#closed !== undefined) return // what comes after that has no effect
    const parsed = MessageSchema.safeParse(raw)
    if (!parsed.success) return this.close()
    const message = parsed.data
    switch (message.t) {
      case 'call':
        void this.#answer(message.id, message.to, message.m, message.a, message.e)
        return
      case 'ok':
        return this.#settle(message.id, (pending) => pending.resolve(message.r))
      case 'err':
        return this.#settle(message.id, (pending) => pending.reject(fromWireError(message.err)))
    }
  }

  #settle(id: number, with_: (pending: { resolve(value: unknown): void; reject(error: Error): void }) => void): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return // its caller gave up
    this.#pending.delete(id)
    pending.timer.cancel()
    with_(pending)
  }

  async #answer(id: number, endpoint: string, method: string, argument: unknown, epoch: number | undefined): Promise<void> {
    try {
      const served = this.#endpoints.find(endpoint)
      const declaration = served?.declaration.calls[method]
      const handler = served !== undefined && Object.hasOwn(served.declaration.calls, method) ? served.handlers[method] : undefined
      if (served === undefined || declaration === undefined || handler === undefined) throw new UnknownEndpoint({ endpoint, method })
      const serving = served.epoch instanceof Promise ? await served.epoch : served.epoch
      if (this.#closed !== undefined) throw this.#lost()
      if (serving !== undefined && serving !== epoch) throw new Fenced({ endpoint, epoch: serving, got: epoch ?? null })
      const request = declaration.request.safeParse(argument)
      if (!request.success) throw new InvalidMessage({ endpoint, method, problem: z.prettifyError(request.error) })
      const result = await handler.call(served.handlers, request.data, this)
      this.#channel.send({ t: 'ok', id, r: result })
    } catch (error) {
      this.#channel.send({ t: 'err', id, err: toWireError(error) })
    }
  }

  #onChannelClosed(reason: Error | undefined): void {
    if (this.#closed !== undefined) return
    this.#closed = { reason }
    for (const { reject, timer } of this.#pending.values()) {
      timer.cancel()
      reject(this.#lost())
    }
    this.#pending.clear()
    for (const listener of this.#closeListeners) listener(reason)
  }

  #lost(): Error {
    const reason = this.#closed?.reason
    return new ConnectionLost({ peer: this.peer, reason: reason?.message ?? null }, reason === undefined ? undefined : { cause: reason })
  }
}
