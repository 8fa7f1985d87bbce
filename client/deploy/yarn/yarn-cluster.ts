/** A client's connection to one Hadoop cluster: its configuration and the two services that a deployment talks to. */
import { HADOOP_CONF_DIR_OPTION, YARN_CONF_DIR_OPTION } from '#core/config/options/containerized.js'
import type { Configuration } from '#core/config/configuration.js'
import { CLIENT_TIMEOUT } from '#core/config/options/rest.js'
import { systemEnvironment, type Environment } from '#core/time/environment.js'
import { isSecure, resourceManagerWebUrls } from '#hadoop/conf/addresses.js'
import type { HadoopConfiguration } from '#hadoop/conf/hadoop-configuration.js'
import { loadHadoopConfiguration } from '#hadoop/conf/load.js'
import { hadoopUser } from '#hadoop/conf/user.js'
import { createWebHdfsClient } from '#hadoop/hdfs/hdfs-file-system.js'
import type { WebHdfsClient } from '#hadoop/hdfs/web-hdfs-client.js'
import { negotiateAuthenticator, simpleAuthenticator, type HttpAuthenticator } from '#hadoop/rest/http-authenticator.js'
import { ResourceManagerClient } from '#hadoop/rest/resource-manager-client.js'

export interface YarnCluster {
  readonly hadoop: HadoopConfiguration
  /** Whom requests are made as; with Kerberos the name is the ticket's, whatever stands here. */
  readonly user: string
  readonly resourceManager: ResourceManagerClient
  readonly hdfs: WebHdfsClient
  readonly authenticator: HttpAuthenticator
  readonly environment: Environment
  /** Longest wait for one answer of a master, ms. */
  readonly clientTimeoutMs: number
}

/** A person waits: a NameNode that does not answer is told after some seconds, not after half a minute. */
const CLIENT_RETRY_POLICY = { maxAttempts: 6, baseDelayMs: 100, maxDelayMs: 2_000 }

/**
 * Reads the site files; asks nobody yet.
 * @param variables the environment of the process
 * @throws HADOOP_CONF_MISSING, HADOOP_CONF_UNREADABLE, HADOOP_CONF_INVALID_PROPERTY
 */
export function connectYarn(
  configuration: Configuration,
  variables: Readonly<Record<string, string | undefined>>,
  environment: Environment = systemEnvironment,
): YarnCluster {
  const user = hadoopUser(variables)
  const hadoop = loadHadoopConfiguration({
    environment: variables,
    hadoopConfDir: configuration.get(HADOOP_CONF_DIR_OPTION),
    yarnConfDir: configuration.get(YARN_CONF_DIR_OPTION),
    user,
  })
  const authenticator = isSecure(hadoop) ? negotiateAuthenticator() : simpleAuthenticator(user)
  return {
    hadoop,
    user,
    authenticator,
    environment,
    clientTimeoutMs: configuration.get(CLIENT_TIMEOUT),
    resourceManager: new ResourceManagerClient({ urls: resourceManagerWebUrls(hadoop), authenticator, environment }),
    hdfs: createWebHdfsClient(hadoop, user, { authenticator, environment, retryPolicy: CLIENT_RETRY_POLICY }),
  }
}
