/**
 * What can be wrong with a login to Kerberos or with a ticket, each with its likely cause and the next command. `who`: our principal, or where its
 * ticket was looked for. `detail`: the library's own words, never alone.
 */
import { WeftError, defineError } from '#core/errors/define-error.js'

export const KerberosLibraryMissing = defineError('KERBEROS_LIBRARY_MISSING', {
  recovery: 'none',
  message: (d: { missing: 'koffi' | 'library' | 'symbol'; name: string; reason: string }) =>
    d.missing === 'koffi'
      ? `The cluster demands Kerberos, and the optional package 'koffi', which calls the system's Kerberos library, cannot be loaded (${d.reason}). ` +
        `Install it beside Weft: npm install koffi`
      : `The cluster demands Kerberos, and the system's Kerberos library ${d.name} ${d.missing === 'library' ? 'cannot be loaded' : 'is too old'} (${d.reason}). ` +
        'Install it on this host (Debian: apt-get install libgssapi-krb5-2 krb5-user; Red Hat: yum install krb5-libs krb5-workstation).',
})

export const KerberosNoTicket = defineError('KERBEROS_NO_TICKET', {
  recovery: 'none',
  message: (d: { who: string; detail: string }) =>
    `There is no Kerberos ticket in ${d.who} (${d.detail}). Get one with 'kinit <principal>', or name a keytab with -D security.kerberos.login.keytab ` +
    'and -D security.kerberos.login.principal.',
})

export const KerberosTicketExpired = defineError('KERBEROS_TICKET_EXPIRED', {
  recovery: 'none',
  /** `principal` null: the library says no more than that. */
  message: (d: { principal: string | null; cache: string }) =>
    d.principal === null
      ? `The Kerberos ticket in ${d.cache} has expired. Get a new one with 'kinit'.`
      : `The Kerberos ticket of ${d.principal} has expired. Get a new one with 'kinit ${d.principal}'.`,
})

export const KerberosWrongTicket = defineError('KERBEROS_WRONG_TICKET', {
  recovery: 'none',
  message: (d: { wanted: string; found: string; cache: string }) =>
    `security.kerberos.login.principal is ${d.wanted}, and the ticket in ${d.cache} is of ${d.found}. Run 'kinit ${d.wanted}', or name a keytab with ` +
    '-D security.kerberos.login.keytab.',
})

export const KerberosKeytabUnusable = defineError('KERBEROS_KEYTAB_UNUSABLE', {
  recovery: 'none',
  message: (d: { keytab: string; principal: string; reason: string }) =>
    `The keytab ${d.keytab} (security.kerberos.login.keytab) does not log ${d.principal} in: ${d.reason}. ` +
    `To see what it holds: klist -kt ${d.keytab}   To try it: kinit -kt ${d.keytab} ${d.principal}`,
})

export const KerberosClientUnknown = defineError('KERBEROS_PRINCIPAL_UNKNOWN', {
  recovery: 'none',
  message: (d: { principal: string; detail: string }) =>
    `The KDC does not accept the principal ${d.principal}: ${d.detail}. Check security.kerberos.login.principal and its realm with 'kinit ${d.principal}'.`,
})

export const KerberosServiceUnknown = defineError('KERBEROS_SERVICE_UNKNOWN', {
  recovery: 'none',
  message: (d: { service: string }) =>
    `The KDC knows no service ${d.service}. Its name comes from the host in the cluster's configuration: that must be the name in the server's ` +
    `principal, not an address or an alias. To try it: kvno ${d.service}`,
})

export const KerberosClockSkew = defineError('KERBEROS_CLOCK_SKEW', {
  recovery: 'none',
  message: (d: { who: string }) =>
    `Kerberos refuses ${d.who} because the clocks of this host, the KDC and the server differ by more than 5 minutes. ` +
    `This host's clock says ${new Date().toISOString()}; set it right (timedatectl; chronyc tracking).`,
})

export const KerberosWrongRealm = defineError('KERBEROS_WRONG_REALM', {
  recovery: 'none',
  message: (d: { who: string; detail: string }) =>
    `Kerberos finds no way for ${d.who}: ${d.detail}. Its realm needs an entry in [realms] of the Kerberos configuration, and the server's host one in ` +
    '[domain_realm]; KRB5_CONFIG or -D security.kerberos.krb5-conf.path names that file.',
})

export const KerberosKdcUnreachable = defineError('KERBEROS_KDC_UNREACHABLE', {
  recovery: 'retry-here',
  message: (d: { who: string; detail: string }) =>
    `No KDC answers for ${d.who} (${d.detail}). Is it running, and is it the one in [realms] of the Kerberos configuration (KRB5_CONFIG, else /etc/krb5.conf)?`,
})

export const KerberosConfigurationInvalid = defineError('KERBEROS_CONFIGURATION_INVALID', {
  recovery: 'none',
  message: (d: { file: string; detail: string }) => `The Kerberos configuration ${d.file} cannot be used: ${d.detail}.`,
})

/** Anything else, with the library's words. */
export const KerberosFailed = defineError('KERBEROS_FAILED', {
  recovery: 'none',
  message: (d: { who: string; detail: string }) => `Kerberos fails for ${d.who}: ${d.detail}. KRB5_TRACE=/dev/stderr shows each step.`,
})

export const TokenFileUnusable = defineError('HADOOP_TOKEN_FILE_UNUSABLE', {
  recovery: 'none',
  message: (d: { path: string; reason: string }) => `The token file ${d.path} (HADOOP_TOKEN_FILE_LOCATION) cannot be used: ${d.reason}.`,
})

export const ProxyUserNeedsLogin = defineError('HADOOP_PROXY_USER_NEEDS_LOGIN', {
  recovery: 'none',
  message: (d: { user: string; path: string }) =>
    `Nobody can act for ${d.user} (--proxy-user) by the tokens of ${d.path} (HADOOP_TOKEN_FILE_LOCATION): a token says itself whom it is for. Unset ` +
    "HADOOP_TOKEN_FILE_LOCATION and log in with 'kinit' or -D security.kerberos.login.keytab.",
})

export const ImpersonationRefused = defineError('HADOOP_IMPERSONATION_REFUSED', {
  recovery: 'none',
  message: (d: { server: string; reason: string; real: string }) =>
    `${d.server} does not let this login act for another user (--proxy-user): ${d.reason}. Its administrator allows it with hadoop.proxyuser.${d.real}.hosts ` +
    `and hadoop.proxyuser.${d.real}.users (or .groups) in core-site.xml of NameNode and ResourceManager.`,
})

/** Hadoop's refusal of an impersonation in its text; undefined: it is about something else. */
export function impersonationRefused(server: string, text: string): WeftError | undefined {
  const found = /(?:User: (\S+)(?: \(auth:\w+\))? is not allowed to impersonate|Unauthorized connection for super-user: (\S+))[^\n]*/.exec(
    text,
  )
  if (found === null) return undefined
  const real = (found[1] ?? found[2] ?? '').split(/[/@]/, 1)[0] ?? ''
  return new ImpersonationRefused({ server, reason: found[0].trim(), real })
}

export const RenewerUnknown = defineError('HADOOP_TOKEN_RENEWER_UNKNOWN', {
  recovery: 'none',
  message: (_d: Record<string, never>) =>
    'Nobody is named who would renew the delegation tokens of an application: yarn.resourcemanager.principal is not set. Take yarn-site.xml from the ' +
    'cluster (HADOOP_CONF_DIR), or set it there to the ResourceManager’s principal.',
})

/** Whether it is about who we are, and so the same whichever server is asked. */
export function isLoginFailure(error: unknown): error is WeftError {
  return (
    error instanceof WeftError &&
    (error.code.startsWith('KERBEROS_') || error.code === 'HADOOP_TOKEN_FILE_UNUSABLE' || ImpersonationRefused.is(error))
  )
}
