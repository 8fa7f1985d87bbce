/**
 * Who this process is to one Hadoop cluster, and how it proves that to each kind of server. Without Kerberos a name. With it, in this order: a keytab
 * that was named; the tokens of a file (HADOOP_TOKEN_FILE_LOCATION: a container of YARN's, a job of Oozie's); the ticket that kinit left.
 */
import { lookup } from 'node:dns/promises'
import { readFileSync, statSync } from 'node:fs'
import { systemEnvironment, type Clock } from '#core/time/environment.js'
import { defaultFileSystem, formatHostPort, isSecure, nameNodeRpcAddresses, nameNodeWebUrls } from '../conf/addresses.js'
import { shortName } from '../conf/auth-to-local.js'
import type { HadoopConfiguration } from '../conf/hadoop-configuration.js'
import {
  actingFor,
  delegationAuthenticator,
  negotiateAuthenticator,
  simpleAuthenticator,
  type HttpAuthenticator,
} from '../rest/http-authenticator.js'
import { MAX_CREDENTIALS_BYTES, readCredentials, type Credentials } from './credentials.js'
import { KerberosNoTicket, ProxyUserNeedsLogin, TokenFileUnusable } from './errors.js'
import { kerberosLogin, type KerberosLogin, type KerberosSettings } from './kerberos-login.js'
import { spnego } from './spnego.js'
import { delegationTokenInfo, TokenKind, type Token } from './tokens.js'

export interface ClusterLogin {
  /** By name, by Kerberos, or by tokens that somebody else has obtained. */
  readonly kind: 'simple' | 'kerberos' | 'tokens'
  /** As the cluster calls us, or whom we act for. */
  readonly user: string
  /** Who it is that acts for `user`; undefined: himself. */
  readonly realUser: string | undefined
  readonly resourceManager: HttpAuthenticator
  readonly hdfs: HttpAuthenticator
  /** kind 'kerberos'. */
  readonly kerberos: KerberosLogin | undefined
  /** kind 'tokens': what the file holds now. @throws HADOOP_TOKEN_FILE_UNUSABLE */
  readonly credentials: (() => Credentials) | undefined
}

export interface LoginSettings extends KerberosSettings {
  /** security.kerberos.login.use-ticket-cache; true when absent. */
  readonly useTicketCache?: boolean
  /** Act for that user (HADOOP_PROXY_USER); the cluster must allow it (hadoop.proxyuser.*). */
  readonly proxyUser?: string | undefined
  /** HADOOP_TOKEN_FILE_LOCATION */
  readonly tokenFile?: string | undefined
  readonly clock?: Clock
}

/** @throws KERBEROS_NO_TICKET, KERBEROS_LIBRARY_MISSING, … , HADOOP_TOKEN_FILE_UNUSABLE, HADOOP_PROXY_USER_NEEDS_LOGIN */
export function clusterLogin(conf: HadoopConfiguration, user: string, settings: LoginSettings): ClusterLogin {
  const { tokenFile, keytab, proxyUser } = settings
  if (!isSecure(conf)) return login('simple', user, simpleAuthenticator(user), proxyUser, undefined)
  if (keytab === undefined && tokenFile !== undefined && tokenFile !== '') {
    const read = tokenFileReader(tokenFile)
    // Processes of a local run have a token file too, with nothing of Hadoop's in it.
    if ([...read().tokens.values()].some((token) => delegationTokenInfo(token) !== undefined)) {
      if (proxyUser !== undefined) throw new ProxyUserNeedsLogin({ user: proxyUser, path: tokenFile })
      return tokenLogin(conf, user, tokenFile, read)
    }
  }
  if (keytab === undefined && settings.useTicketCache === false) {
    throw new KerberosNoTicket({
      who: 'the ticket cache, which is not looked at',
      detail: 'security.kerberos.login.use-ticket-cache is false and there is no security.kerberos.login.keytab',
    })
  }
  const kerberos = kerberosLogin(settings, settings.clock ?? systemEnvironment.clock)
  return login('kerberos', shortName(kerberos.principal(), conf), negotiateAuthenticator(spnego(settings, kerberos)), proxyUser, kerberos)
}

function login(
  kind: 'simple' | 'kerberos',
  own: string,
  proof: HttpAuthenticator,
  proxyUser: string | undefined,
  kerberos: KerberosLogin | undefined,
): ClusterLogin {
  const authenticator = proxyUser === undefined ? proof : actingFor(proxyUser, proof)
  return {
    kind,
    user: proxyUser ?? own,
    realUser: proxyUser === undefined ? undefined : own,
    resourceManager: authenticator,
    hdfs: authenticator,
    kerberos,
    credentials: undefined,
  }
}

function tokenLogin(conf: HadoopConfiguration, user: string, path: string, read: () => Credentials): ClusterLogin {
  const owner = [...read().tokens.values()].map((token) => delegationTokenInfo(token)?.owner ?? '').find((name) => name !== '')
  const kindOf = (kind: string, url: URL): Token => {
    for (const token of read().tokens.values()) if (token.kind === kind) return token
    throw new TokenFileUnusable({ path, reason: `it holds no ${kind} token, which ${url.origin} wants` })
  }
  return {
    kind: 'tokens',
    user: owner === undefined ? user : shortName(owner, conf),
    realUser: undefined,
    resourceManager: delegationAuthenticator('resourcemanager', (url) => Promise.resolve(kindOf(TokenKind.rmDelegation, url))),
    hdfs: delegationAuthenticator('hdfs', async (url) => (await hdfsToken(conf, read(), url)) ?? kindOf(TokenKind.hdfsDelegation, url)),
    kerberos: undefined,
    credentials: read,
  }
}

/** Reads the file again when it has changed: a token that was renewed is put there. */
export function tokenFileReader(path: string): () => Credentials {
  let seen = ''
  let credentials: Credentials | undefined
  return () => {
    try {
      const { size, mtimeMs, ino } = statSync(path)
      const now = `${size} ${mtimeMs} ${ino}`
      if (credentials !== undefined && now === seen) return credentials
      if (size > MAX_CREDENTIALS_BYTES) throw new Error(`it has ${size} bytes`)
      credentials = readCredentials(readFileSync(path))
      seen = now
      return credentials
    } catch (error) {
      throw new TokenFileUnusable({ path, reason: error instanceof Error ? error.message : String(error) }, { cause: error })
    }
  }
}

/**
 * The token for the NameNode behind a web address: the only one there is, or the one whose service is that NameNode's RPC address (by name or
 * by IP) or nameservice.
 */
export async function hdfsToken(conf: HadoopConfiguration, credentials: Credentials, url: URL): Promise<Token | undefined> {
  const tokens = [...credentials.tokens.values()].filter((token) => token.kind === TokenKind.hdfsDelegation)
  if (tokens.length <= 1) return tokens[0]
  const authorities = [/^hdfs:\/\/([^/]+)/i.exec(defaultFileSystem(conf))?.[1] ?? '', ...conf.getList('dfs.nameservices')]
  for (const authority of authorities) {
    if (authority === '' || !nameNodeWebUrls(conf, authority).includes(url.origin)) continue
    const services = await hdfsTokenServices(conf, authority)
    const found = tokens.find((token) => services.includes(token.service))
    if (found !== undefined) return found
  }
  return undefined
}

/** What the token of an authority may have as its service, the one that Hadoop writes first. */
export async function hdfsTokenServices(conf: HadoopConfiguration, authority: string): Promise<string[]> {
  const addresses = nameNodeRpcAddresses(conf, authority)
  const logical = conf.getList(`dfs.ha.namenodes.${authority}`).length > 1 ? [`ha-hdfs:${authority}`] : []
  const numeric = await Promise.all(addresses.map(async ({ host, port }) => formatHostPort({ host: await numericAddress(host), port })))
  return [...logical, ...numeric, ...addresses.map(formatHostPort)]
}

/** As Java writes a token's service: the address, where it can be found out. */
export async function numericAddress(host: string): Promise<string> {
  try {
    return (await lookup(host, { family: 4 })).address
  } catch {
    return host
  }
}
