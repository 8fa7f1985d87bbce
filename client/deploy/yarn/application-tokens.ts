/** The delegation tokens that an application takes along: HDFS for its files, its nodes and its logs, and the ResourceManager. */
import { readFileSync } from 'node:fs'
import type { Configuration } from '#core/config/configuration.js'
import { DELEGATION_TOKENS_ENABLED, KERBEROS_HADOOP_FILE_SYSTEMS, KERBEROS_KEYTAB } from '#core/config/options/security.js'
import { obtainHdfsToken, obtainResourceManagerToken, tokenAuthorities } from '#hadoop/security/delegation-tokens.js'
import { delegationTokenInfo, encodeToken } from '#hadoop/security/tokens.js'
import type { YarnCluster } from './yarn-cluster.js'

/**
 * By alias, which is each one's service. Nothing without Kerberos. Whoever came by a token file has no Kerberos to obtain others with and hands on those.
 * @param staging a URI of the file system that the application is staged in
 * @throws KERBEROS_*, FS_*, HADOOP_TOKEN_RENEWER_UNKNOWN
 */
export async function applicationTokens(
  cluster: YarnCluster,
  configuration: Configuration,
  staging: string,
): Promise<Readonly<Record<string, string>>> {
  const { login, hadoop, hdfs, resourceManager } = cluster
  const tokens: Record<string, string> = {}
  if (login.kind === 'tokens') {
    for (const [alias, token] of login.credentials?.().tokens ?? [])
      if (delegationTokenInfo(token) !== undefined) tokens[alias] = encodeToken(token)
    return tokens
  }
  if (login.kind === 'simple' || !configuration.get(DELEGATION_TOKENS_ENABLED)) return tokens
  const authorities = tokenAuthorities(hadoop, [staging, ...configuration.get(KERBEROS_HADOOP_FILE_SYSTEMS)])
  const obtained = await Promise.all([
    ...authorities.map((authority) => obtainHdfsToken(hadoop, hdfs, authority)),
    obtainResourceManagerToken(hadoop, resourceManager),
  ])
  for (const token of obtained) if (token !== undefined) tokens[token.service] = encodeToken(token)
  return tokens
}

/**
 * The keytab that the master logs in with when the tokens near the end of their life. It travels with the credentials, not by HDFS, where every worker
 * could read it with the job's own token. Undefined without a login by keytab, and where the keytab is of somebody who acts for the application's user: it
 * would let that user act for everybody else.
 */
export function applicationKeytab(cluster: YarnCluster, configuration: Configuration): Buffer | undefined {
  const path = configuration.get(KERBEROS_KEYTAB)
  if (
    cluster.login.kind !== 'kerberos' ||
    cluster.login.realUser !== undefined ||
    path === undefined ||
    !configuration.get(DELEGATION_TOKENS_ENABLED)
  )
    return undefined
  return readFileSync(path)
}
