/**
 * By which of the ResourceManager's doors an application is submitted: REST, and where the cluster has switched that off, RPC, found out by asking.
 * Everything else goes by REST in any case.
 */
import { logger } from '#core/log/logger.js'
import { HadoopHttpFailed } from '#hadoop/rest/errors.js'
import type { ClusterResource } from '#hadoop/rest/resource-manager-records.js'
import type { SubmissionContext } from '#hadoop/rest/submission.js'
import { applicationClient, type ApplicationClient } from '#hadoop/yarn/client-rm/application-client.js'
import type { YarnCluster } from './yarn-cluster.js'

const FORBIDDEN = 403
const log = logger('client.yarn')

export interface SubmissionWay {
  readonly kind: 'rest' | 'rpc'
  readonly applicationId: string
  /** Largest container of the cluster. */
  readonly maximum: ClusterResource
  submit(context: SubmissionContext): Promise<void>
  close(): void
}

/** Asks for an application id, by REST first. @throws YARN_RM_UNREACHABLE, HADOOP_RPC_*, KERBEROS_* */
export async function openSubmission(cluster: YarnCluster): Promise<SubmissionWay> {
  const { resourceManager } = cluster
  try {
    const { applicationId, maximum } = await resourceManager.newApplication()
    return { kind: 'rest', applicationId, maximum, submit: (context) => resourceManager.submit(context), close: () => undefined }
  } catch (error) {
    if (!isSwitchedOff(error)) throw error
    log.debug(`${resourceManager.activeUrl} takes no submissions by REST: they go by RPC`)
  }
  const client: ApplicationClient = applicationClient(cluster.hadoop, cluster.login, cluster.environment)
  try {
    const { applicationId, maximum } = await client.newApplication()
    return { kind: 'rpc', applicationId, maximum, submit: (context) => client.submit(context), close: () => client.close() }
  } catch (error) {
    client.close()
    throw error
  }
}

/** yarn.webapp.enable-rest-app-submissions=false answers 403 in plain text. */
function isSwitchedOff(error: unknown): boolean {
  return HadoopHttpFailed.is(error) && error.details.status === FORBIDDEN && /submission via REST is disabled/i.test(error.details.text)
}
