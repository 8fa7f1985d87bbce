/** What deploying an application and deploying a session on YARN have in common at the command line. */
import type { Configuration } from '#core/config/configuration.js'
import { DEFAULT_SCHEME } from '#core/config/options/execution.js'
import { defaultFileSystem } from '#hadoop/conf/addresses.js'
import type { ApplicationReport } from '#hadoop/rest/resource-manager-records.js'
import { waitUntilRunning } from '../deploy/yarn/applications.js'
import { explainWaiting } from '../deploy/yarn/explain-failure.js'
import type { YarnCluster } from '../deploy/yarn/yarn-cluster.js'
import type { InterruptWatch } from './interrupt-watch.js'
import type { TextSink } from './progress.js'

/** An application that is ACCEPTED for so long is worth a word about why. */
const WAITING_HINT_AFTER_MS = 5_000

/** Files of the client's machine mean nothing on the cluster's nodes: paths without a scheme lie in HDFS. */
export function onCluster(configuration: Configuration, cluster: YarnCluster): Configuration {
  if (configuration.has(DEFAULT_SCHEME)) return configuration
  return configuration.with({ [DEFAULT_SCHEME.key]: defaultFileSystem(cluster.hadoop) })
}

/** Resolves when it runs or has ended; tells on the way what it waits for. */
export async function waitWithHints(
  cluster: YarnCluster,
  err: TextSink,
  applicationId: string,
  interrupt: InterruptWatch,
): Promise<ApplicationReport> {
  const since = cluster.environment.clock.monotonic()
  let state = ''
  let hint = ''
  return waitUntilRunning(cluster, applicationId, async (report) => {
    interrupt.check()
    if (report.state !== state) err.write(`Deploying cluster, current state ${report.state}\n`)
    state = report.state
    if (cluster.environment.clock.monotonic() - since < WAITING_HINT_AFTER_MS) return
    const reason = await explainWaiting(cluster, report)
    if (reason !== undefined && reason !== hint) err.write(`${applicationId} waits: ${reason}\n`)
    hint = reason ?? hint
  })
}
