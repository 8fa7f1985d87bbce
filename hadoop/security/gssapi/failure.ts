/**
 * What a failed call of the Kerberos library means for people. Pure. Told by the numbers of krb5_err.et and of the mechanism (gssapi_err_krb5.et),
 * and, where the library wraps them, by its words.
 */
import type { WeftError } from '#core/errors/define-error.js'
import {
  KerberosClientUnknown,
  KerberosClockSkew,
  KerberosConfigurationInvalid,
  KerberosFailed,
  KerberosKdcUnreachable,
  KerberosKeytabUnusable,
  KerberosNoTicket,
  KerberosServiceUnknown,
  KerberosTicketExpired,
  KerberosWrongRealm,
} from '../errors.js'
import type { GssStatus } from './library.js'

/** What was attempted. */
export interface GssAttempt {
  /** Our principal; undefined while it is not known. */
  readonly principal: string | undefined
  /** Of the login by keytab. */
  readonly keytab: string | undefined
  /** Where the ticket is, for people. */
  readonly cache: string
  /** Undefined: the login itself. */
  readonly service: string | undefined
  /** KRB5_CONFIG, or the system's. */
  readonly krb5Conf: string
}

const KRB5_BASE = 0x96c73a00
const MECHANISM_BASE = 39756032

const KRB5 = {
  clientExpired: 1,
  clientUnknown: 6,
  serverUnknown: 7,
  clientRevoked: 18,
  passwordExpired: 23,
  preauthenticationFailed: 24,
  badIntegrity: 31,
  ticketExpired: 32,
  skew: 37,
  wrongRealm: 68,
  configurationUnreadable: 135,
  configurationFormat: 136,
  matchNotFound: 141,
  cacheEnd: 142,
  skewInReply: 148,
  realmUnknown: 154,
  kdcUnreachable: 156,
  keytabNotFound: 181,
  cacheUnwritable: 193,
  cachePermissions: 194,
  noCache: 195,
  cacheFormat: 199,
  hostRealmUnknown: 217,
  realmUnresolvable: 220,
  noDefaultRealm: 224,
  keytabFormat: 235,
  encryptionNotSupported: 14,
} as const
const MECHANISM = { cacheNoMatch: 0, keytabNoMatch: 1, noTicketGrantingTicket: 2, emptyCache: 12 } as const
const MAJOR = { noCredential: 7, credentialExpired: 11 } as const

export function gssFailure(status: GssStatus, attempt: GssAttempt, cause?: unknown): WeftError {
  const options = { cause }
  const { principal, keytab, cache, service, krb5Conf } = attempt
  const detail = status.text === '' ? `major ${status.major.toString(16)}, minor ${status.minor}` : status.text
  const who = principal ?? cache
  const keytabUnusable = (reason: string) =>
    new KerberosKeytabUnusable({ keytab: keytab ?? '', principal: principal ?? '', reason }, options)
  switch (codeOf(status)) {
    case KRB5.skew:
    case KRB5.skewInReply:
      return new KerberosClockSkew({ who }, options)
    case KRB5.kdcUnreachable:
      return new KerberosKdcUnreachable({ who: service ?? who, detail }, options)
    case KRB5.realmUnknown:
    case KRB5.realmUnresolvable:
    case KRB5.wrongRealm:
    case KRB5.hostRealmUnknown:
    case KRB5.noDefaultRealm:
      return new KerberosWrongRealm({ who: service ?? who, detail }, options)
    case KRB5.serverUnknown:
      return new KerberosServiceUnknown({ service: service ?? who }, options)
    case KRB5.clientUnknown:
    case KRB5.clientExpired:
    case KRB5.clientRevoked:
    case KRB5.passwordExpired:
      return new KerberosClientUnknown({ principal: who, detail }, options)
    case KRB5.preauthenticationFailed:
    case KRB5.badIntegrity:
      return keytab !== undefined && service === undefined
        ? keytabUnusable('its key is not the one that the KDC has (a password change makes older keytabs useless)')
        : new KerberosFailed({ who: service ?? who, detail }, options)
    case KRB5.ticketExpired:
      return new KerberosTicketExpired({ principal: principal ?? null, cache }, options)
    case KRB5.configurationUnreadable:
    case KRB5.configurationFormat:
      return new KerberosConfigurationInvalid({ file: krb5Conf, detail }, options)
    case KRB5.keytabNotFound:
    case KRB5.keytabFormat:
    case MECHANISM_BASE + MECHANISM.keytabNoMatch:
      return keytab === undefined ? new KerberosNoTicket({ who: cache, detail }, options) : keytabUnusable(detail)
    case KRB5.noCache:
    case KRB5.matchNotFound:
    case KRB5.cacheEnd:
    case KRB5.cacheUnwritable:
    case KRB5.cachePermissions:
    case KRB5.cacheFormat:
    case MECHANISM_BASE + MECHANISM.cacheNoMatch:
    case MECHANISM_BASE + MECHANISM.noTicketGrantingTicket:
    case MECHANISM_BASE + MECHANISM.emptyCache:
      return new KerberosNoTicket({ who: cache, detail }, options)
    default:
      break
  }
  const routine = (status.major >>> 16) & 0xff
  if (routine === MAJOR.credentialExpired) return new KerberosTicketExpired({ principal: principal ?? null, cache }, options)
  if (routine === MAJOR.noCredential && keytab === undefined) return new KerberosNoTicket({ who: cache, detail }, options)
  return new KerberosFailed({ who: service ?? who, detail }, options)
}

const WORDS: readonly [RegExp, number][] = [
  [/clock skew/i, KRB5.skew],
  [/cannot contact any kdc/i, KRB5.kdcUnreachable],
  [/cannot find kdc/i, KRB5.realmUnknown],
  [/server( .*)? not found in kerberos database/i, KRB5.serverUnknown],
  [/client( .*)? not found in kerberos database/i, KRB5.clientUnknown],
  [/ticket expired|referenced credential has expired/i, KRB5.ticketExpired],
  [/credentials? cache.*not found|no credentials cache|no kerberos credentials available/i, KRB5.noCache],
]

/** Offset from KRB5_BASE, or the mechanism's own number. */
function codeOf({ minor, text }: GssStatus): number {
  const offset = minor - KRB5_BASE
  if (offset >= 0 && offset < 256) return offset
  if (minor >= MECHANISM_BASE && minor < MECHANISM_BASE + 256) return minor
  return WORDS.find(([words]) => words.test(text))?.[1] ?? -1
}
