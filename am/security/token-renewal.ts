/** The DelegationTokenManager of a master on YARN that was given a keytab: obtains HDFS tokens for the TokenSupply. */
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Configuration } from '#core/config/configuration.js'
import {
  DELEGATION_TOKENS_RENEWAL_RATIO,
  DELEGATION_TOKENS_RETRY_BACKOFF,
  KERBEROS_HADOOP_FILE_SYSTEMS,
  KERBEROS_PRINCIPAL,
} from '#core/config/options/security.js'
import type { Environment } from '#core/time/environment.js'
import type { HadoopConfiguration } from '#hadoop/conf/hadoop-configuration.js'
import { createWebHdfsClient } from '#hadoop/hdfs/hdfs-file-system.js'
import { clusterLogin } from '#hadoop/security/cluster-login.js'
import { obtainOwnHdfsToken, tokenAuthorities } from '#hadoop/security/delegation-tokens.js'
import type { Token } from '#hadoop/security/tokens.js'
import { DelegationTokenManager, type ObtainedTokens } from './delegation-token-manager.js'
import type { TokenSupply } from './token-supply.js'

/** In the container's own folder, which YARN removes with it. */
const KEYTAB_FILE = 'krb5.keytab'
const OWNER_READS = 0o400

export interface TokenRenewalOptions {
  readonly environment: Environment
  readonly configuration: Configuration
  readonly hadoop: HadoopConfiguration
  readonly keytab: Uint8Array
  readonly workingDirectory: string
  readonly supply: TokenSupply
  /** A URI of the application's file system. */
  readonly stagingDirectory: string
  readonly user: string
}

export async function tokenRenewal(options: TokenRenewalOptions): Promise<DelegationTokenManager> {
  const { environment, configuration, hadoop, supply, user } = options
  const keytab = join(options.workingDirectory, KEYTAB_FILE)
  await writeFile(keytab, options.keytab, { mode: OWNER_READS })
  await chmod(keytab, OWNER_READS)
  const login = clusterLogin(hadoop, user, { keytab, principal: configuration.get(KERBEROS_PRINCIPAL), clock: environment.clock })
  const hdfs = createWebHdfsClient(hadoop, login.user, { authenticator: login.hdfs, environment })
  const authorities = tokenAuthorities(hadoop, [options.stagingDirectory, ...configuration.get(KERBEROS_HADOOP_FILE_SYSTEMS)])
  return new DelegationTokenManager({
    environment,
    ratio: configuration.get(DELEGATION_TOKENS_RENEWAL_RATIO),
    retryBackoff: configuration.get(DELEGATION_TOKENS_RETRY_BACKOFF),
    async obtain(): Promise<ObtainedTokens> {
      const tokens = new Map<string, Token>()
      let validUntil = Infinity
      for (const authority of authorities) {
        const obtained = await obtainOwnHdfsToken(hadoop, hdfs, authority, login.kerberos!.principal())
        tokens.set(obtained.token.service, obtained.token)
        validUntil = Math.min(validUntil, obtained.validUntil)
      }
      return { credentials: { tokens, secrets: new Map() }, validUntil }
    },
    onTokens: (credentials) => supply.put(credentials),
  })
}
