/** The REST API's requests by the port of a JobManager in a thread of this process. */
import type { MessagePort } from 'node:worker_threads'
import type { ClientToLocalMaster, LocalMasterToClient } from '#core/cluster/local-master-messages.js'
import type { Environment, TimerHandle } from '#core/time/environment.js'
import { errorText, MasterRefused, MasterUnreachable, type JsonTransport } from '../../cluster/master-client.js'

type Answer = Extract<LocalMasterToClient, { type: 'answer' }>

interface Pending {
  readonly path: string
  readonly timer: TimerHandle
  resolve(answer: unknown): void
  reject(error: Error): void
}

export class PortTransport implements JsonTransport {
  readonly #port: MessagePort
  readonly #timeoutMs: number
  readonly #environment: Environment
  readonly #pending = new Map<number, Pending>()
  #next = 0
  #gone: Error | undefined

  constructor(port: MessagePort, timeoutMs: number, environment: Environment) {
    this.#port = port
    this.#timeoutMs = timeoutMs
    this.#environment = environment
  }

  request(method: 'GET' | 'PUT', path: string): Promise<unknown> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone)
    return new Promise((resolve, reject) => {
      const id = this.#next++
      const timer = this.#environment.timers.after(this.#timeoutMs, () => {
        this.#pending.delete(id)
        reject(unreachable(path, `no answer within ${this.#timeoutMs} ms`))
      })
      this.#pending.set(id, { path, timer, resolve, reject })
      this.#port.postMessage({ type: 'request', id, method, path } satisfies ClientToLocalMaster)
    })
  }

  answered({ id, status, json }: Answer): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return // its caller has given up
    this.#pending.delete(id)
    pending.timer.cancel()
    const { path } = pending
    if (status >= 500) pending.reject(unreachable(path, `status ${status}: ${errorText(json)}`))
    else if (status >= 300) pending.reject(new MasterRefused({ url: path, status, reason: errorText(json) }))
    else pending.resolve(JSON.parse(json))
  }

  /** Nothing more will be answered. `error`: what those who ask are told. */
  close(error: Error): void {
    this.#gone = error
    for (const { timer, reject } of this.#pending.values()) {
      timer.cancel()
      reject(error)
    }
    this.#pending.clear()
  }
}

export function unreachable(path: string, reason: string): Error {
  return new MasterUnreachable({ url: path, reason })
}
