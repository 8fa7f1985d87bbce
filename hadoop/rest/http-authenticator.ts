/**
 * How a client proves who it is to Hadoop's web servers. Without Kerberos a request names its user in the query; with it, SPNEGO
 * (RFC 4559): a token in a header, then the `hadoop.auth` cookie that the server hands out spares the next handshakes.
 * What an authenticator gives is for one server: it is never sent on after a redirect to another host.
 */
import { encodeToken, type Token } from '../security/tokens.js'

export interface RequestCredentials {
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
}

export interface HttpAuthenticator {
  /** What to add to a request to this server. */
  credentialsFor(url: URL): Promise<RequestCredentials>
  /** The server answered 401. True: ask for credentials anew and send the request once more. */
  rejected(url: URL): Promise<boolean>
  /** The server took the credentials and set these cookies. */
  accepted(url: URL, setCookie: readonly string[]): void
}

/** Clusters without Kerberos: `user.name` on each request. */
export function simpleAuthenticator(user: string): HttpAuthenticator {
  const credentials: RequestCredentials = { query: { 'user.name': user }, headers: {} }
  return {
    credentialsFor: () => Promise.resolve(credentials),
    rejected: () => Promise.resolve(false),
    accepted: () => undefined,
  }
}

/** The same, on behalf of `user`: the server checks that whoever proves himself may (hadoop.proxyuser.*). Said with each request: cookies name the other. */
export function actingFor(user: string, authenticator: HttpAuthenticator): HttpAuthenticator {
  return {
    async credentialsFor(url) {
      const { query, headers } = await authenticator.credentialsFor(url)
      return { query: { ...query, doAs: user }, headers }
    },
    rejected: (url) => authenticator.rejected(url),
    accepted: (url, setCookie) => authenticator.accepted(url, setCookie),
  }
}

/** One GSSAPI handshake: SPNEGO's message to that service, base64. */
export type NegotiateToken = (service: string) => Promise<string>

/** SPNEGO. `token` makes the message for `HTTP@host`. @throws from credentialsFor what `token` throws: KERBEROS_* */
export function negotiateAuthenticator(token: NegotiateToken): HttpAuthenticator {
  const cookies = new Map<string, string>()
  const retried = new Set<string>()
  return {
    async credentialsFor(url) {
      const cookie = cookies.get(url.host)
      if (cookie !== undefined) return { query: {}, headers: { Cookie: cookie } }
      return { query: {}, headers: { Authorization: `Negotiate ${await token(`HTTP@${url.hostname}`)}` } }
    },
    rejected(url) {
      // A cookie that ran out is worth one new handshake; a refused handshake is final.
      const hadCookie = cookies.delete(url.host)
      if (!hadCookie || retried.has(url.host)) return Promise.resolve(false)
      retried.add(url.host)
      return Promise.resolve(true)
    },
    accepted(url, setCookie) {
      for (const line of setCookie) {
        // Sent back verbatim, quotes included. An emptied one means "no longer".
        const cookie = /^hadoop\.auth=[^;]*/.exec(line)?.[0]
        if (cookie === undefined) continue
        if (/^hadoop\.auth=("")?$/.test(cookie)) cookies.delete(url.host)
        else cookies.set(url.host, cookie)
      }
      if (cookies.has(url.host)) retried.delete(url.host)
    },
  }
}

/**
 * A delegation token on each request instead of Kerberos: of HDFS in WebHDFS's query, of the ResourceManager in its header. `token` is asked for
 * with each request: the newest is used.
 */
export function delegationAuthenticator(service: 'hdfs' | 'resourcemanager', token: (url: URL) => Promise<Token>): HttpAuthenticator {
  return {
    async credentialsFor(url) {
      const text = encodeToken(await token(url))
      return service === 'hdfs' ? { query: { delegation: text }, headers: {} } : { query: {}, headers: { [RM_TOKEN_HEADER]: text } }
    },
    rejected: () => Promise.resolve(false),
    accepted: () => undefined,
  }
}

const RM_TOKEN_HEADER = 'X-Hadoop-Delegation-Token'

/** Made when the first request needs it: a job on local files needs no login. */
export function lazyAuthenticator(make: () => HttpAuthenticator): HttpAuthenticator {
  let made: HttpAuthenticator | undefined
  return {
    // eslint-disable-next-line @typescript-eslint/require-await -- what `make` throws is a rejection
    credentialsFor: async (url) => (made ??= make()).credentialsFor(url),
    rejected: (url) => made?.rejected(url) ?? Promise.resolve(false),
    accepted: (url, setCookie) => made?.accepted(url, setCookie),
  }
}
