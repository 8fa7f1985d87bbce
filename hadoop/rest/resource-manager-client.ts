/**
 * The ResourceManager's web services (`/ws/v1/cluster`), of one or several ResourceManagers: the active one is found by each one's
 * haState, remembered, and looked for anew when it stops answering or redirects. Every call may be repeated: a submission of
 * the same id by the same user is accepted a second time without a second application.
 */
import type * as z from '#core/zod.js'
import { sleep, systemEnvironment, type Environment } from '#core/time/environment.js'
import { isRemoteException, simpleName } from '../ipc/remote-exception.js'
import { isLoginFailure } from '../security/errors.js'
import { HadoopAnswerUnreadable, HadoopAuthenticationFailed, HadoopUnreachable, ResourceManagerUnreachable } from './errors.js'
import type { HttpAuthenticator } from './http-authenticator.js'
import { describeBody, errorOfAnswer, parseRemoteException } from './remote-exception.js'
import {
  ApplicationAnswer,
  ApplicationsAnswer,
  AttemptsAnswer,
  ClusterInfoAnswer,
  ClusterMetricsAnswer,
  ContainersAnswer,
  NewApplicationAnswer,
  NodesAnswer,
  QueueAccessAnswer,
  StateAnswer,
  TokenAnswer,
  type ApplicationAttempt,
  type ApplicationReport,
  type ClusterInfo,
  type ClusterMetrics,
  type ClusterResource,
  type ContainerReport,
  type NodeReport,
  type QueueAccess,
} from './resource-manager-records.js'
import { axiosTransport, cookiesOf, type RestRequest, type RestResponse, type RestTransport } from './rest-transport.js'
import { readScheduler, SchedulerAnswer, type SchedulerReport } from './scheduler-queues.js'
import type { TlsOptions } from './tls.js'
import { submissionBody, type SubmissionContext } from './submission.js'

export interface ResourceManagerOptions {
  /** Base URLs, `http://rm:8088`; a path prefix (Knox) is kept. At least one. */
  readonly urls: readonly string[]
  readonly authenticator: HttpAuthenticator
  readonly transport?: RestTransport
  /** Undefined: as Node trusts. */
  readonly tls?: TlsOptions
  readonly environment?: Environment
  /** Rounds over all ResourceManagers before they are held unreachable. */
  readonly rounds?: number
}

/** What PUT …/state came to. `pending`: asked for, not yet done. */
export type KillAnswer = 'killed' | 'pending'

const DEFAULT_ROUNDS = 4
const ROUND_DELAY_MS = 250

interface Call {
  readonly method: RestRequest['method']
  /** Below `/ws/v1/cluster`, without query. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly body?: unknown
}

export class ResourceManagerClient {
  readonly #urls: string[]
  readonly #authenticator: HttpAuthenticator
  readonly #transport: RestTransport
  readonly #environment: Environment
  readonly #rounds: number
  #active: string | undefined

  constructor(options: ResourceManagerOptions) {
    this.#urls = options.urls.map((url) => url.replace(/\/+$/, ''))
    this.#authenticator = options.authenticator
    this.#transport = options.transport ?? axiosTransport(undefined, options.tls)
    this.#environment = options.environment ?? systemEnvironment
    this.#rounds = options.rounds ?? DEFAULT_ROUNDS
    if (this.#urls.length === 1) this.#active = this.#urls[0]
  }

  /** Base URL of the ResourceManager that answered last. */
  get activeUrl(): string {
    return this.#active ?? this.#urls[0] ?? ''
  }

  async clusterInfo(): Promise<ClusterInfo> {
    return (await this.#json({ method: 'GET', path: '/info' }, ClusterInfoAnswer)).clusterInfo
  }

  async clusterMetrics(): Promise<ClusterMetrics> {
    return (await this.#json({ method: 'GET', path: '/metrics' }, ClusterMetricsAnswer)).clusterMetrics
  }

  async nodes(states: readonly string[] = ['RUNNING']): Promise<NodeReport[]> {
    return (await this.#json({ method: 'GET', path: '/nodes', query: { states: states.join(',') } }, NodesAnswer)).nodes?.node ?? []
  }

  async scheduler(): Promise<SchedulerReport> {
    return readScheduler((await this.#json({ method: 'GET', path: '/scheduler' }, SchedulerAnswer)).scheduler.schedulerInfo)
  }

  /** Whether the user may submit to the queue. Undefined where the ResourceManager cannot tell (before 3.1, unknown queue). */
  async queueAccess(queue: string, user: string): Promise<QueueAccess | undefined> {
    try {
      const query = { user, 'queue-acl-type': 'SUBMIT_APPLICATIONS' }
      return await this.#json({ method: 'GET', path: `/queues/${encodeURIComponent(queue)}/access`, query }, QueueAccessAnswer)
    } catch (error) {
      if (isRemoteException(error)) return undefined
      throw error
    }
  }

  /** A fresh application id and the largest container. Ids are not reserved for long. */
  async newApplication(): Promise<{ applicationId: string; maximum: ClusterResource }> {
    const answer = await this.#json({ method: 'POST', path: '/apps/new-application' }, NewApplicationAnswer)
    return { applicationId: answer['application-id'], maximum: answer['maximum-resource-capability'] }
  }

  /** Resolves with the 202. The ResourceManager may still refuse: look at the application's state. */
  async submit(context: SubmissionContext): Promise<void> {
    await this.#call({ method: 'POST', path: '/apps', body: submissionBody(context) })
  }

  /** Undefined when the ResourceManager does not know the id. */
  async application(applicationId: string): Promise<ApplicationReport | undefined> {
    return this.#unlessUnknown(async () => (await this.#json({ method: 'GET', path: `/apps/${applicationId}` }, ApplicationAnswer)).app)
  }

  async applications(filter: {
    readonly types?: readonly string[]
    readonly states?: readonly string[]
    readonly user?: string
    readonly tags?: readonly string[]
  }): Promise<ApplicationReport[]> {
    const query = {
      applicationTypes: filter.types?.join(','),
      states: filter.states?.join(','),
      user: filter.user,
      applicationTags: filter.tags?.join(','),
      deSelects: 'resourceRequests',
    }
    return (await this.#json({ method: 'GET', path: '/apps', query }, ApplicationsAnswer)).apps?.app ?? []
  }

  async attempts(applicationId: string): Promise<ApplicationAttempt[]> {
    const attempts = await this.#unlessUnknown(
      async () =>
        (await this.#json({ method: 'GET', path: `/apps/${applicationId}/appattempts` }, AttemptsAnswer)).appAttempts?.appAttempt ?? [],
    )
    return (attempts ?? []).sort((a, b) => a.id - b.id)
  }

  /** Live containers of an attempt; none once it has ended. */
  async containers(applicationId: string, attemptId: string): Promise<ContainerReport[]> {
    const path = `/apps/${applicationId}/appattempts/${attemptId}/containers`
    return (
      (await this.#unlessUnknown(async () => {
        const answer = await this.#json({ method: 'GET', path }, ContainersAnswer)
        return answer.containers?.container ?? answer.container ?? []
      })) ?? []
    )
  }

  /** A new delegation token, as the ResourceManager writes it. Only who came by Kerberos gets one. */
  async delegationToken(renewer: string): Promise<string> {
    return (await this.#json({ method: 'POST', path: '/delegation-token', body: { renewer } }, TokenAnswer)).token
  }

  /** One request; ask again while it is pending. @throws what the ResourceManager says (403: somebody else's) */
  async kill(applicationId: string, diagnostics: string): Promise<KillAnswer> {
    const response = await this.#call({ method: 'PUT', path: `/apps/${applicationId}/state`, body: { state: 'KILLED', diagnostics } })
    const state = this.#parse(response.body, `/apps/${applicationId}/state`, StateAnswer).state
    return response.status === 200 && ['KILLED', 'FINISHED', 'FAILED'].includes(state) ? 'killed' : 'pending'
  }

  /** YARN ends the application then; `end`: wall clock of the ResourceManager, ms. A queue may allow less. @throws what the ResourceManager says */
  async setLifetime(applicationId: string, end: number): Promise<void> {
    const expiryTime = new Date(end).toISOString().replace('Z', '+0000')
    await this.#call({ method: 'PUT', path: `/apps/${applicationId}/timeout`, body: { timeout: { type: 'LIFETIME', expiryTime } } })
  }

  /**
   * A ResourceManager that has just started answers before it has read its applications back: an unknown id is believed only
   * when it says that it is active.
   */
  async #unlessUnknown<T>(read: () => Promise<T>): Promise<T | undefined> {
    let seenActive = false
    for (let round = 1; ; round++) {
      try {
        return await read()
      } catch (error) {
        if (!isRemoteException(error) || simpleName(error.details.className) !== 'NotFoundException') throw error
        if (seenActive) return undefined
        const { haState } = await this.clusterInfo()
        // It may have become active between the two answers: its word counts from now on.
        seenActive = haState === 'ACTIVE' || haState === ''
        if (seenActive) continue
        if (round >= this.#rounds) throw new ResourceManagerUnreachable({ tried: `${this.activeUrl} is ${haState}` }, { cause: error })
        await sleep(this.#environment, ROUND_DELAY_MS * 2 ** round)
      }
    }
  }

  async #json<T>(call: Call, schema: z.ZodType<T>): Promise<T> {
    return this.#parse((await this.#call(call)).body, call.path, schema)
  }

  #parse<T>(body: string, path: string, schema: z.ZodType<T>): T {
    const url = `${this.activeUrl}/ws/v1/cluster${path}`
    let parsed: unknown
    try {
      parsed = JSON.parse(body)
    } catch (error) {
      throw new HadoopAnswerUnreadable({ url, reason: `it is not JSON: ${describeBody(body).slice(0, 200)}` }, { cause: error })
    }
    const result = schema.safeParse(parsed)
    if (result.success) return result.data
    const issue = result.error.issues[0]
    throw new HadoopAnswerUnreadable(
      { url, reason: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'another shape'}` },
      { cause: result.error },
    )
  }

  /** A success (2xx) of the active ResourceManager. */
  async #call(call: Call): Promise<RestResponse> {
    const tried = new Map<string, string>()
    let last: unknown
    for (let round = 1; round <= this.#rounds; round++) {
      if (round > 1) await sleep(this.#environment, ROUND_DELAY_MS * 2 ** (round - 2))
      const base = this.#active ?? (await this.#findActive(tried))
      if (base === undefined) continue
      try {
        const response = await this.#once(base, call)
        const standby = standbyAnswer(response)
        if (standby === undefined) return response
        tried.set(base, standby.reason)
        if (standby.location !== undefined && !this.#urls.includes(standby.location)) this.#urls.push(standby.location)
      } catch (error) {
        if (!HadoopUnreachable.is(error)) throw error
        tried.set(base, error.details.reason)
        last = error
      }
      this.#active = this.#urls.length === 1 ? this.#urls[0] : undefined
    }
    const summary = [...tried].map(([url, reason]) => `${url}: ${reason}`).join('; ')
    throw new ResourceManagerUnreachable(
      { tried: summary === '' ? this.#urls.join(', ') : summary },
      last === undefined ? {} : { cause: last },
    )
  }

  async #findActive(tried: Map<string, string>): Promise<string | undefined> {
    for (const url of this.#urls) {
      try {
        const response = await this.#once(url, { method: 'GET', path: '/info' })
        const { haState } = this.#parse(response.body, '/info', ClusterInfoAnswer).clusterInfo
        // Without HA there is no state to tell.
        if (haState === 'ACTIVE' || haState === '') return (this.#active = url)
        tried.set(url, haState.toLowerCase())
      } catch (error) {
        if (HadoopAuthenticationFailed.is(error) || isLoginFailure(error)) throw error
        tried.set(url, HadoopUnreachable.is(error) ? error.details.reason : error instanceof Error ? error.message : String(error))
      }
    }
    return undefined
  }

  async #once(base: string, call: Call): Promise<RestResponse> {
    for (let authenticated = false; ; authenticated = true) {
      const target = new URL(`${base}/ws/v1/cluster${call.path}`)
      const credentials = await this.#authenticator.credentialsFor(target)
      for (const [name, value] of Object.entries(call.query ?? {})) if (value !== undefined) target.searchParams.set(name, String(value))
      for (const [name, value] of Object.entries(credentials.query)) target.searchParams.set(name, value)
      const response = await this.#transport({
        method: call.method,
        url: target.href,
        headers: {
          Accept: 'application/json',
          // Clusters with the CSRF filter want it on all but GET, whatever its value.
          'X-XSRF-HEADER': 'weft',
          ...(call.method === 'GET' ? {} : { 'Content-Type': 'application/json' }),
          ...credentials.headers,
        },
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      })
      if (response.status === 401 && parseRemoteException(response.body) === undefined) {
        if (!authenticated && (await this.#authenticator.rejected(target))) continue
        const reason = describeBody(response.body).slice(0, 300)
        throw new HadoopAuthenticationFailed({
          url: base,
          reason: reason === '' ? 'it wants Kerberos; is hadoop.security.authentication set in core-site.xml?' : reason,
        })
      }
      if (standbyAnswer(response) !== undefined) return response
      if (response.status < 200 || response.status > 299)
        throw errorOfAnswer({
          method: call.method,
          url: target.href,
          status: response.status,
          body: response.body,
          call: `${call.method} ${target.pathname}`,
        })
      this.#authenticator.accepted(target, cookiesOf(response))
      return response
    }
  }
}

/** A standby redirects to the active one, or says in plain text that there is none; undefined for any other answer. */
function standbyAnswer(response: RestResponse): { reason: string; location?: string } | undefined {
  const type = String(response.headers['content-type'] ?? '')
  const { location, refresh } = response.headers
  if (response.status === 307) {
    const target = typeof location === 'string' ? location : typeof refresh === 'string' ? refresh.replace(/^.*?url=/i, '') : ''
    const path = URL.canParse(target) ? new URL(target) : undefined
    const prefix = path === undefined ? '' : path.pathname.replace(/\/ws\/v1\/cluster.*$/, '').replace(/\/+$/, '')
    return { reason: 'standby', ...(path === undefined || typeof location !== 'string' ? {} : { location: path.origin + prefix }) }
  }
  if (response.status === 200 && !type.includes('json') && /standby RM|no active RM/i.test(response.body))
    return { reason: describeBody(response.body).slice(0, 100) }
  return undefined
}
