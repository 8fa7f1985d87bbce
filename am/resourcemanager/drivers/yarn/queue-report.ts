/**
 * The application's queue as the ResourceManager's REST shows it: heartbeats tell neither that an administrator has moved the application nor
 * what its queue may still take.
 */
import { resourceManagerWebUrls } from '#hadoop/conf/addresses.js'
import type { HadoopConfiguration } from '#hadoop/conf/hadoop-configuration.js'

export interface QueueReport {
  readonly name: string
  /** Undefined: its ResourceManager does not say. */
  readonly used: Resources | undefined
  readonly maximum: Resources | undefined
}

interface Resources {
  readonly memory: number
  readonly vCores: number
}

/** Undefined: not to be had. Never rejects. */
export type ReadQueue = () => Promise<QueueReport | undefined>

export function queueReader(hadoop: HadoopConfiguration, applicationId: string, user: string): ReadQueue {
  return async () => {
    try {
      // Loaded by the first that wants it: a master whose containers come at once does not.
      const [{ ResourceManagerClient }, { clusterLogin }, { findQueue }, { tlsOptions }] = await Promise.all([
        import('#hadoop/rest/resource-manager-client.js'),
        import('#hadoop/security/cluster-login.js'),
        import('#hadoop/rest/scheduler-queues.js'),
        import('#hadoop/rest/tls.js'),
      ])
      const client = new ResourceManagerClient({
        urls: resourceManagerWebUrls(hadoop),
        // With Kerberos by the delegation token that the client obtained.
        authenticator: clusterLogin(hadoop, user, { tokenFile: process.env['HADOOP_TOKEN_FILE_LOCATION'] }).resourceManager,
        tls: tlsOptions(hadoop),
        rounds: 1,
      })
      const [application, scheduler] = await Promise.all([client.application(applicationId), client.scheduler()])
      if (application === undefined || application.queue === '') return undefined
      const queue = findQueue(scheduler.queues, application.queue)
      return { name: application.queue, used: queue?.used, maximum: queue?.maximum }
    } catch {
      return undefined
    }
  }
}

/** `queue 'a' uses 512 of 1024 MB and 2 of 4 vcores`. */
export function describeQueue({ name, used, maximum }: QueueReport): string {
  if (used === undefined) return `queue '${name}'`
  const of = (most: number | undefined) => (most === undefined ? '' : ` of ${most}`)
  return `queue '${name}' uses ${used.memory}${of(maximum?.memory)} MB and ${used.vCores}${of(maximum?.vCores)} vcores`
}
