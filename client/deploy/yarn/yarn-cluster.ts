/** A client's connection to one Hadoop cluster: its configuration and the two services that a deployment talks to. */
import { existsSync } from 'node:fs'
import { HADOOP_CONF_DIR_OPTION, YARN_CONF_DIR_OPTION } from '#core/config/options/containerized.js'
import type { Configuration } from '#core/config/configuration.js'
import { CLIENT_TIMEOUT } from '#core/config/options/rest.js'
import { KERBEROS_KEYTAB, KERBEROS_PRINCIPAL, KERBEROS_USE_TICKET_CACHE, KRB5_CONF_PATH } from '#core/config/options/security.js'
import { systemEnvironment, type Environment } from '#core/time/environment.js'
import { resourceManagerWebUrls } from '#hadoop/conf/addresses.js'
import type { HadoopConfiguration } from '#hadoop/conf/hadoop-configuration.js'
import { loadHadoopConfiguration } from '#hadoop/conf/load.js'
import { hadoopUser, proxyUser } from '#hadoop/conf/user.js'
import { createWebHdfsClient } from '#hadoop/hdfs/hdfs-file-system.js'
import type { WebHdfsClient } from '#hadoop/hdfs/web-hdfs-client.js'
import type { HttpAuthenticator } from '#hadoop/rest/http-authenticator.js'
import { ResourceManagerClient } from '#hadoop/rest/resource-manager-client.js'
import { tlsOptions } from '#hadoop/rest/tls.js'
import { clusterLogin, type ClusterLogin } from '#hadoop/security/cluster-login.js'
import { KerberosConfigurationInvalid } from '#hadoop/security/errors.js'
import { withTrustedCertificates } from '#hadoop/security/trust/trust-store.js'

export interface YarnCluster {
  readonly hadoop: HadoopConfiguration
  /** Whom requests are made as: with Kerberos the short name of the ticket's principal; with --proxy-user that one. */
  readonly user: string
  readonly resourceManager: ResourceManagerClient
  readonly hdfs: WebHdfsClient
  /** The ResourceManager's. */
  readonly authenticator: HttpAuthenticator
  readonly login: ClusterLogin
  readonly environment: Environment
  /** Longest wait for one answer of a master, ms. */
  readonly clientTimeoutMs: number
}

/** A person waits: a NameNode that does not answer is told after some seconds, not after half a minute. */
const CLIENT_RETRY_POLICY = { maxAttempts: 6, baseDelayMs: 100, maxDelayMs: 2_000 }

/** The site files, with what the trust store that they name holds. @throws HADOOP_CONF_MISSING, HADOOP_CONF_UNREADABLE, HADOOP_TRUST_STORE_UNREADABLE */
export async function hadoopConfigurationOf(
  configuration: Configuration,
  variables: Readonly<Record<string, string | undefined>>,
): Promise<HadoopConfiguration> {
  const read = loadHadoopConfiguration({
    environment: variables,
    hadoopConfDir: configuration.get(HADOOP_CONF_DIR_OPTION),
    yarnConfDir: configuration.get(YARN_CONF_DIR_OPTION),
    user: hadoopUser(variables),
  })
  return withTrustedCertificates(read)
}

/**
 * Reads the site files; asks nobody yet.
 * @param variables the environment of the process
 * @throws KERBEROS_NO_TICKET, KERBEROS_LIBRARY_MISSING, HADOOP_TOKEN_FILE_UNUSABLE, HADOOP_CONF_MISSING, HADOOP_CONF_UNREADABLE, HADOOP_CONF_INVALID_PROPERTY,
 *   HADOOP_TRUST_STORE_UNREADABLE
 */
export async function connectYarn(
  configuration: Configuration,
  variables: Readonly<Record<string, string | undefined>>,
  environment: Environment = systemEnvironment,
): Promise<YarnCluster> {
  const named = hadoopUser(variables)
  const hadoop = await hadoopConfigurationOf(configuration, variables)
  const krb5Conf = configuration.get(KRB5_CONF_PATH)
  // The library reads its configuration from there, and from nowhere else.
  if (krb5Conf !== undefined) {
    // A file that is not there would be taken for an empty one.
    if (!existsSync(krb5Conf)) throw new KerberosConfigurationInvalid({ file: krb5Conf, detail: `${KRB5_CONF_PATH.key} names no file` })
    process.env['KRB5_CONFIG'] = krb5Conf
  }
  const login = clusterLogin(hadoop, named, {
    keytab: configuration.get(KERBEROS_KEYTAB),
    principal: configuration.get(KERBEROS_PRINCIPAL),
    useTicketCache: configuration.get(KERBEROS_USE_TICKET_CACHE),
    tokenFile: variables['HADOOP_TOKEN_FILE_LOCATION'],
    proxyUser: proxyUser(variables),
  })
  const { user, resourceManager: authenticator } = login
  return {
    hadoop,
    user,
    login,
    authenticator,
    environment,
    clientTimeoutMs: configuration.get(CLIENT_TIMEOUT),
    resourceManager: new ResourceManagerClient({
      urls: resourceManagerWebUrls(hadoop),
      authenticator,
      environment,
      tls: tlsOptions(hadoop),
    }),
    hdfs: createWebHdfsClient(hadoop, user, { authenticator: login.hdfs, environment, retryPolicy: CLIENT_RETRY_POLICY }),
  }
}
