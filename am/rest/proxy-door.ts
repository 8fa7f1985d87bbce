/**
 * Who gets in at the REST endpoint on a Kerberized cluster: only YARN's web proxy, which has authenticated the user and names it in a cookie, and
 * only users who may something: the owner, and those in the application's ACLs. Which routes are open to whom the routes say (server.ts). The proxy is known by its address (AmIpFilter does the same), so whoever has
 * a shell on the proxy's host could pose as it.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { logger } from '#core/log/logger.js'
import type { Clock, Millis } from '#core/time/environment.js'
import type { Right } from './route.js'

/** What YARN's proxy calls the user. */
const USER_COOKIE = 'proxy-user'
/** Hosts move, and answers of the resolver are wrong for a while: asked again after that. */
const ADDRESSES_LAST_MS: Millis = 5 * 60_000
/** After an unknown caller they are asked again sooner, but not with each request. */
const ADDRESSES_RETRY_MS: Millis = 10_000
const MAX_COOKIES_LENGTH = 16 * 1024
const log = logger('Rest')

export interface DoorRules {
  readonly owner: string
  /** YARN's ACLs, `user1,user2 group1`; `*`: everybody. Groups cannot be told here and admit nobody. */
  readonly viewAcl: string | undefined
  readonly modifyAcl: string | undefined
}

/** Somebody who was let in, and what they may. */
export interface Admission {
  readonly user: string
  readonly owner: string
  /** MODIFY holds VIEW. */
  readonly right: Right
}

export interface Refusal {
  readonly status: 401 | 403
  readonly reason: string
}

/** Answers a request; without an admission nobody asks who it comes from, and everything is open. */
export type RestAnswers = (request: IncomingMessage, response: ServerResponse, admission?: Admission) => void

/** Pure. */
export function admit(
  request: { readonly address: string; readonly cookies: string },
  proxies: ReadonlySet<string>,
  rules: DoorRules,
): Admission | Refusal {
  if (!proxies.has(request.address))
    return { status: 403, reason: 'This endpoint answers YARN’s web proxy only: go by the tracking URL that the ResourceManager shows.' }
  const user = proxyUser(request.cookies)
  if (user === undefined) return { status: 401, reason: 'YARN’s web proxy did not say who asks.' }
  const { owner } = rules
  if (user === owner || admits(rules.modifyAcl, user)) return { user, owner, right: 'MODIFY' }
  if (admits(rules.viewAcl, user)) return { user, owner, right: 'VIEW' }
  return { status: 403, reason: `User ${user} may not see the jobs of ${owner} (yarn.view.acls).` }
}

/** The user that the cookie names. Named twice is not named: somebody has put one in. */
export function proxyUser(cookies: string): string | undefined {
  if (cookies.length > MAX_COOKIES_LENGTH) return undefined
  const found = cookies
    .split(';')
    .map((cookie) => cookie.trim())
    .filter((cookie) => cookie.startsWith(`${USER_COOKIE}=`))
  const name = found.length === 1 ? found[0]!.slice(USER_COOKIE.length + 1).replace(/^"(.*)"$/, '$1') : ''
  return name === '' ? undefined : name
}

function admits(acl: string | undefined, user: string): boolean {
  if (acl === undefined) return false
  if (acl.trim() === '*') return true
  // Users before the first blank, groups behind it.
  const users = acl.split(' ', 1)[0] ?? ''
  return users.split(',').some((name) => name.trim() === user)
}

export interface ProxyDoorOptions {
  readonly rules: DoorRules
  /** Addresses of the hosts that the proxy may run on. */
  resolveProxies(): Promise<ReadonlySet<string>>
  readonly clock: Clock
}

export function behindProxy(answer: RestAnswers, options: ProxyDoorOptions): RequestListener {
  const { clock, rules } = options
  let known: { addresses: ReadonlySet<string>; at: Millis } | undefined
  const refresh = async (olderThan: Millis): Promise<ReadonlySet<string>> => {
    if (known === undefined || clock.monotonic() - known.at >= olderThan) {
      const at = clock.monotonic()
      try {
        known = { addresses: await options.resolveProxies(), at }
      } catch (error) {
        log.warn('The hosts of YARN’s web proxy cannot be resolved', error)
        known = { addresses: known?.addresses ?? new Set(), at }
      }
    }
    return known.addresses
  }
  const decide = async (request: IncomingMessage): Promise<Admission | Refusal> => {
    const facts = {
      address: plainAddress(request.socket.remoteAddress ?? ''),
      cookies: request.headers.cookie ?? '',
    }
    let proxies = await refresh(ADDRESSES_LAST_MS)
    if (!proxies.has(facts.address)) proxies = await refresh(ADDRESSES_RETRY_MS)
    return admit(facts, proxies, rules)
  }
  return (request, response) => {
    void decide(request).then(
      (found) => ('right' in found ? answer(request, response, found) : refuse(response, found)),
      () => refuse(response, { status: 403, reason: 'The request could not be checked.' }),
    )
  }
}

/** IPv4 as it is, also where the socket is of IPv6. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:/i, '')
}

function refuse(response: ServerResponse, { status, reason }: Refusal): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8', connection: 'close' })
  response.end(JSON.stringify({ errors: [reason] }))
}
