/**
 * Delegation tokens: what a client obtains for an application, in the form in which YARN can renew them and hand them to its containers. A token of
 * WebHDFS gets HDFS's kind, one of the ResourceManager the address that it lacks; each has the service that Java's clients look it up by.
 */
import { FileSystemFailed } from '#core/fs/errors.js'
import { defaultFileSystem, formatHostPort, isResourceManagerHa, resourceManagerAddresses } from '../conf/addresses.js'
import type { HadoopConfiguration } from '../conf/hadoop-configuration.js'
import type { WebHdfsClient } from '../hdfs/web-hdfs-client.js'
import type { ResourceManagerClient } from '../rest/resource-manager-client.js'
import { hdfsTokenServices, numericAddress } from './cluster-login.js'
import { RenewerUnknown } from './errors.js'
import { asHdfsDelegationToken, decodeToken, withService, type Token } from './tokens.js'

/**
 * Who renews tokens: the ResourceManager's principal, as NameNodes and itself map it to a user.
 * @throws HADOOP_TOKEN_RENEWER_UNKNOWN
 */
export function tokenRenewer(conf: HadoopConfiguration): string {
  const principal = conf.get('yarn.resourcemanager.principal')
  if (principal === undefined || principal === '') throw new RenewerUnknown({})
  if (!principal.includes('_HOST')) return principal
  const [first] = resourceManagerAddresses(conf)
  return principal.replace('_HOST', (first?.host ?? '').toLowerCase())
}

/** Authorities of HDFS that an application needs a token of: the default one and those named (`hdfs://…`). Each once. */
export function tokenAuthorities(conf: HadoopConfiguration, uris: readonly string[]): string[] {
  const found = new Set<string>()
  for (const uri of [defaultFileSystem(conf), ...uris]) {
    const authority = /^hdfs:\/\/([^/]+)/i.exec(uri)?.[1]
    if (authority !== undefined) found.add(authority)
  }
  return [...found]
}

/** @throws FS_*, KERBEROS_*, HADOOP_TOKEN_RENEWER_UNKNOWN */
export async function obtainHdfsToken(conf: HadoopConfiguration, hdfs: WebHdfsClient, authority: string): Promise<Token | undefined> {
  const text = await hdfs.delegationToken(authority, tokenRenewer(conf))
  if (text === undefined) return undefined
  const [service] = await hdfsTokenServices(conf, authority)
  return asHdfsDelegationToken(decodeToken(text), service)
}

/** @throws YARN_RM_UNREACHABLE, KERBEROS_*, HADOOP_REMOTE_EXCEPTION, HADOOP_TOKEN_RENEWER_UNKNOWN */
export async function obtainResourceManagerToken(conf: HadoopConfiguration, resourceManager: ResourceManagerClient): Promise<Token> {
  const token = decodeToken(await resourceManager.delegationToken(tokenRenewer(conf)))
  return withService(token, await resourceManagerTokenService(conf))
}

/** In HA the addresses of all, by comma. */
export async function resourceManagerTokenService(conf: HadoopConfiguration): Promise<string> {
  const addresses = resourceManagerAddresses(conf)
  const used = isResourceManagerHa(conf) ? addresses : addresses.slice(0, 1)
  return (await Promise.all(used.map(async ({ host, port }) => formatHostPort({ host: await numericAddress(host), port })))).join(',')
}

/**
 * A token that its owner renews, as its validity is known only then: for a process that obtains the next one itself.
 * @param principal our own
 */
export async function obtainOwnHdfsToken(
  conf: HadoopConfiguration,
  hdfs: WebHdfsClient,
  authority: string,
  principal: string,
): Promise<{ token: Token; validUntil: number }> {
  const text = await hdfs.delegationToken(authority, principal)
  if (text === undefined)
    throw new FileSystemFailed({ path: `hdfs://${authority}`, operation: 'delegation token', reason: 'the NameNode gives none' })
  const validUntil = await hdfs.renewDelegationToken(authority, text)
  const [service] = await hdfsTokenServices(conf, authority)
  return { token: asHdfsDelegationToken(decodeToken(text), service), validUntil }
}
