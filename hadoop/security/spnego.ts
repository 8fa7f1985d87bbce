/**
 * SPNEGO's message to a web server. With the ticket of the default cache the package `kerberos` makes it, where that could be built (it wants
 * Kerberos' headers at installation); with a keytab or another cache, which it cannot be given, our own binding does. What the package
 * throws is text alone: then the binding tries too, and its error says what is wrong.
 */
import type { NegotiateToken } from '../rest/http-authenticator.js'
import type { KerberosLogin, KerberosSettings } from './kerberos-login.js'

/** The part of `kerberos` 7 that is used. */
export interface KerberosPackage {
  initializeClient(service: string, options: { mechOID: number }): Promise<{ step(challenge: string): Promise<string> }>
  readonly GSS_MECH_OID_SPNEGO: number
}

export function spnego(
  settings: KerberosSettings,
  login: Pick<KerberosLogin, 'negotiateToken'>,
  load: () => Promise<KerberosPackage | undefined> = kerberosPackage,
): NegotiateToken {
  const byBinding: NegotiateToken = (service) => login.negotiateToken(service)
  if (settings.keytab !== undefined || settings.ticketCache !== undefined || settings.principal !== undefined) return byBinding
  let loaded: Promise<KerberosPackage | undefined> | undefined
  return async (service) => {
    const kerberos = await (loaded ??= load())
    if (kerberos === undefined) return byBinding(service)
    try {
      const client = await kerberos.initializeClient(service, { mechOID: kerberos.GSS_MECH_OID_SPNEGO })
      return await client.step('')
    } catch {
      return byBinding(service)
    }
  }
}

async function kerberosPackage(): Promise<KerberosPackage | undefined> {
  // A name in a variable: the package is optional and its types are not there without it.
  const name = 'kerberos'
  try {
    const module = (await import(name)) as KerberosPackage & { default?: KerberosPackage }
    return module.default ?? module
  } catch {
    return undefined
  }
}
