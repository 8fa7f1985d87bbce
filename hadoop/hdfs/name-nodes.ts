/**
 * Calls to the NameNodes behind one authority: finds the active one, goes on to the other when one is standby or gone, waits
 * while they are busy, answers a 401 with new credentials. Remembers who was active.
 */
import type { IncomingMessage } from 'node:http'
import { sleep, type Environment } from '#core/time/environment.js'
import { HadoopAuthenticationFailed } from '../rest/errors.js'
import type { HttpAuthenticator } from '../rest/http-authenticator.js'
import { describeBody, errorOfAnswer, parseRemoteException } from '../rest/remote-exception.js'
import { transientFailure } from './hdfs-errors.js'
import { encodePath } from './hdfs-path.js'
import { exchange, neverArrived, readBody, type ExchangeAgents } from './http-exchange.js'
import { retryDelay, type RetryPolicy } from './retry-policy.js'

const MAX_ERROR_BYTES = 1024 * 1024

export interface NameNodeCall {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  readonly path: string
  readonly op: string
  readonly parameters?: Readonly<Record<string, string | number | boolean | undefined>>
}

export interface NameNodeAnswer {
  readonly response: IncomingMessage
  /** Where it came from, query included. */
  readonly url: string
}

/** Filled in by a call, also by one that fails in the end. */
export interface Repetition {
  /** A try before the last one may have been carried out, its answer lost. */
  seen: boolean
}

export class NameNodes {
  readonly #urls: readonly string[]
  readonly #agents: ExchangeAgents
  readonly #authenticator: HttpAuthenticator
  readonly #environment: Environment
  readonly #policy: RetryPolicy
  #active = 0

  /** `urls`: base URLs, at least one, all of the same nameservice. */
  constructor(
    urls: readonly string[],
    agents: ExchangeAgents,
    authenticator: HttpAuthenticator,
    environment: Environment,
    policy: RetryPolicy,
  ) {
    this.#urls = urls
    this.#agents = agents
    this.#authenticator = authenticator
    this.#environment = environment
    this.#policy = policy
  }

  /**
   * The head of a success (2xx) or of a redirect (307); the caller reads the body.
   * @throws HADOOP_REMOTE_EXCEPTION, HADOOP_HTTP_FAILED, HADOOP_UNREACHABLE, HADOOP_AUTHENTICATION_FAILED
   */
  async call(call: NameNodeCall, repetition?: Repetition): Promise<NameNodeAnswer> {
    for (let attempt = 1; ; attempt++) {
      const index = this.#active
      try {
        return await this.#once(this.#urls[index] ?? '', call)
      } catch (error) {
        const failure = transientFailure(error)
        if (failure === undefined) throw error
        const delay = retryDelay(this.#policy, attempt, failure, this.#urls.length, this.#environment.random.uniform())
        if (delay === undefined) throw error
        if (repetition !== undefined && failure === 'unreachable' && !neverArrived(error)) repetition.seen = true
        // Several calls may find the same NameNode standby at the same time: the first of them moves on.
        if (failure !== 'busy' && this.#active === index) this.#active = (index + 1) % this.#urls.length
        if (delay > 0) await sleep(this.#environment, delay)
      }
    }
  }

  async #once(base: string, call: NameNodeCall): Promise<NameNodeAnswer> {
    for (let authenticated = false; ; authenticated = true) {
      const target = new URL(`${base}/webhdfs/v1${encodePath(call.path)}`)
      const credentials = await this.#authenticator.credentialsFor(target)
      const query = new URLSearchParams({ op: call.op })
      for (const [name, value] of Object.entries(call.parameters ?? {})) if (value !== undefined) query.set(name, String(value))
      for (const [name, value] of Object.entries(credentials.query)) query.set(name, value)
      // Set as text: searchParams would write a blank as '+'.
      const url = `${target.href}?${query.toString().replaceAll('+', '%20')}`
      const response = await exchange({
        method: call.method,
        url,
        headers: { Accept: 'application/json', ...credentials.headers },
        connection: this.#agents,
      })
      const status = response.statusCode ?? 0
      if ((status >= 200 && status < 300) || status === 307) {
        this.#authenticator.accepted(target, response.headers['set-cookie'] ?? [])
        return { response, url }
      }
      const body = await readBody(response, url, MAX_ERROR_BYTES)
      if (status === 401 && parseRemoteException(body) === undefined) {
        if (!authenticated && (await this.#authenticator.rejected(target))) continue
        throw new HadoopAuthenticationFailed({
          url: base,
          reason: describeBody(body) || 'it wants Kerberos; is hadoop.security.authentication set in core-site.xml?',
        })
      }
      throw errorOfAnswer({ method: call.method, url, status, body, call: `${call.op} ${call.path}` })
    }
  }
}
