/**
 * How a client proves who it is to Hadoop's web servers. Without Kerberos a request names its user in the query; with it, SPNEGO
 * (RFC 4559): a token in a header, then the `hadoop.auth` cookie that the server hands out spares the next handshakes.
 * What an authenticator gives is for one server: it is never sent on after a redirect to another host.
 */
import { KerberosPackageMissing, shownUrl } from './errors.js'

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

/** One GSSAPI handshake: the token to send to that service. */
export type NegotiateToken = (service: string) => Promise<string>

/**
 * SPNEGO. `token` makes a GSSAPI token for `HTTP@host`; default: the optional package `kerberos`, loaded when it is first needed.
 * @throws KERBEROS_PACKAGE_MISSING from credentialsFor
 */
export function negotiateAuthenticator(token?: NegotiateToken): HttpAuthenticator {
  const cookies = new Map<string, string>()
  const retried = new Set<string>()
  return {
    async credentialsFor(url) {
      const cookie = cookies.get(url.host)
      if (cookie !== undefined) return { query: {}, headers: { Cookie: cookie } }
      const negotiate = token ?? (await kerberosPackage(url))
      return { query: {}, headers: { Authorization: `Negotiate ${await negotiate(`HTTP@${url.hostname}`)}` } }
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

interface KerberosModule {
  initializeClient(service: string, options: { mechOID: number }): Promise<{ step(challenge: string): Promise<string> }>
  GSS_MECH_OID_SPNEGO: number
}

async function kerberosPackage(url: URL): Promise<NegotiateToken> {
  // A name in a variable: the package is optional and its types are not there without it.
  const name = 'kerberos'
  let loaded: KerberosModule
  try {
    const module = (await import(name)) as KerberosModule & { default?: KerberosModule }
    loaded = module.default ?? module
  } catch (error) {
    throw new KerberosPackageMissing(
      { url: shownUrl(url), reason: (error as NodeJS.ErrnoException).code ?? String(error) },
      { cause: error },
    )
  }
  return async (service) => {
    const client = await loaded.initializeClient(service, { mechOID: loaded.GSS_MECH_OID_SPNEGO })
    return client.step('')
  }
}
