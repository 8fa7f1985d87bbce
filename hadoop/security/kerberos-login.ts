/**
 * Who we are to a Kerberized cluster: the ticket that `kinit` left, or a keytab with its principal. A keytab's tickets lie in memory, and new ones
 * are fetched when three quarters of their life have passed; the ticket cache is read anew when what was read from it has run out.
 */
import { randomUUID } from 'node:crypto'
import type { Clock } from '#core/time/environment.js'
import { KerberosKeytabUnusable, KerberosTicketExpired, KerberosWrongTicket } from './errors.js'
import { gssFailure, type GssAttempt } from './gssapi/failure.js'
import { GssError, gssapi, type Credential, type Gssapi, type Handle } from './gssapi/library.js'
import { spnegoToken } from './gssapi/spnego-token.js'
import { keytabPrincipals } from './keytab.js'

export interface KerberosSettings {
  /** `alice@REALM`; with a keytab it must be there. */
  readonly principal?: string | undefined
  readonly keytab?: string | undefined
  /** `FILE:/tmp/krb5cc_0`; undefined: the default one (KRB5CCNAME). */
  readonly ticketCache?: string | undefined
}

/** A conversation with one service. */
export interface GssConversation {
  /** @throws KERBEROS_* */
  step(input: Uint8Array | undefined): Promise<{ output: Buffer; done: boolean }>
  readonly library: Gssapi
  /** Once a step was made. */
  readonly context: Handle
  close(): void
}

export interface KerberosLogin {
  /**
   * `alice@REALM`. By ticket cache it is read from there; nobody is asked. By keytab it is the one of the settings, perhaps without its realm, until
   * a ticket is there.
   * @throws KERBEROS_NO_TICKET, KERBEROS_WRONG_TICKET, KERBEROS_LIBRARY_MISSING
   */
  principal(): string
  /** SPNEGO's only message to `HTTP@host`, base64. @throws KERBEROS_* */
  negotiateToken(service: string): Promise<string>
  /** `service`: `nn/host@REALM`, or `nn@host`. @throws KERBEROS_* */
  converse(service: string, flags: number): Promise<GssConversation>
  /** Seconds until the ticket ends, which is fetched when there is none. @throws KERBEROS_* */
  lifetimeSeconds(): Promise<number>
}

/** A ticket that is so near its end is no longer used where another can be had. */
const RENEW_AT = 0.75
const INDEFINITE = 0xffffffff

export function kerberosLogin(settings: KerberosSettings, clock: Clock, library: () => Gssapi = gssapi): KerberosLogin {
  const { keytab } = settings
  const cacheName = settings.ticketCache ?? process.env['KRB5CCNAME'] ?? 'the default ticket cache'
  const attempt = (service?: string, principal = settings.principal): GssAttempt => ({
    principal: held?.credential.principal ?? principal,
    keytab,
    cache: cacheName,
    service,
    krb5Conf: process.env['KRB5_CONFIG'] ?? '/etc/krb5.conf',
  })
  let held: { credential: Credential; renewAt: number; endsAt: number } | undefined
  let acquiring: Promise<Credential> | undefined

  function hold(credential: Credential): Credential {
    const life = credential.lifetimeSeconds === INDEFINITE ? Infinity : credential.lifetimeSeconds * 1000
    const now = clock.monotonic()
    // Released with the process or when replaced and its conversations are over: they keep what they need.
    held = { credential, renewAt: now + life * RENEW_AT, endsAt: now + life }
    return credential
  }

  function fromCache(): Credential {
    let credential: Credential
    try {
      credential = library().acquireFromCache(settings.ticketCache)
    } catch (error) {
      throw error instanceof GssError ? gssFailure(error.status, attempt(), error) : error
    }
    if (settings.principal !== undefined && !samePrincipal(settings.principal, credential.principal)) {
      throw new KerberosWrongTicket({ wanted: settings.principal, found: credential.principal, cache: cacheName })
    }
    return credential
  }

  async function fromKeytab(path: string): Promise<Credential> {
    const principal = settings.principal ?? ''
    let known: string[]
    try {
      known = keytabPrincipals(path)
    } catch (error) {
      throw new KerberosKeytabUnusable({ keytab: path, principal, reason: (error as Error).message }, { cause: error })
    }
    if (!known.some((one) => samePrincipal(principal, one))) {
      throw new KerberosKeytabUnusable({
        keytab: path,
        principal,
        reason: known.length === 0 ? 'it is empty' : `it holds keys of ${known.slice(0, 10).join(', ')} only`,
      })
    }
    try {
      // A name of its own each time: what is under way goes on with the tickets that it began with.
      return await library().acquireFromKeytab(path, principal, `weft-${randomUUID()}`)
    } catch (error) {
      throw error instanceof GssError ? gssFailure(error.status, attempt(), error) : error
    }
  }

  async function credential(): Promise<Credential> {
    const now = clock.monotonic()
    if (held !== undefined && now < (keytab === undefined ? held.endsAt : held.renewAt)) return held.credential
    if (keytab === undefined) {
      const found = fromCache()
      if (found.lifetimeSeconds === 0) throw new KerberosTicketExpired({ principal: found.principal, cache: cacheName })
      return hold(found)
    }
    acquiring ??= fromKeytab(keytab)
      .then(hold)
      .finally(() => (acquiring = undefined))
    try {
      return await acquiring
    } catch (error) {
      // The KDC may be away for a while: what is left of the old ticket is used up first.
      if (held !== undefined && clock.monotonic() < held.endsAt) return held.credential
      throw error
    }
  }

  async function converse(service: string, flags: number): Promise<GssConversation> {
    const { handle } = await credential()
    const gss = library()
    let target: Handle
    try {
      target = gss.serviceName(service)
    } catch (error) {
      throw error instanceof GssError ? gssFailure(error.status, attempt(service), error) : error
    }
    let context: Handle | undefined
    return {
      library: gss,
      get context() {
        if (context === undefined) throw new Error('no step was made yet')
        return context
      },
      async step(input) {
        try {
          const result = await gss.initialize({ credential: handle, context, target, flags, input })
          context = result.context
          return { output: result.output, done: result.done }
        } catch (error) {
          context = undefined
          // A ticket that was revoked or ran out early is not kept.
          held = undefined
          throw error instanceof GssError ? gssFailure(error.status, attempt(service), error) : error
        }
      },
      close() {
        if (context !== undefined) gss.deleteContext(context)
        context = undefined
      },
    }
  }

  return {
    principal() {
      if (held !== undefined) return held.credential.principal
      return keytab === undefined ? fromCache().principal : (settings.principal ?? '')
    },
    async negotiateToken(service) {
      const conversation = await converse(service, 0)
      try {
        return spnegoToken((await conversation.step(undefined)).output).toString('base64')
      } finally {
        conversation.close()
      }
    },
    converse,
    async lifetimeSeconds() {
      await credential()
      return held === undefined ? 0 : Math.max(0, Math.floor((held.endsAt - clock.monotonic()) / 1000))
    },
  }
}

/** A principal without a realm is of any. */
export function samePrincipal(wanted: string, found: string): boolean {
  return wanted === found || (!wanted.includes('@') && found.startsWith(`${wanted}@`))
}
