/** The applications of a cluster: one's report, the running ones of ours, waiting for one to run, ending one. */
import type { Configuration } from '#core/config/configuration.js'
import { YARN_APPLICATION_TYPE } from '#core/config/options/yarn.js'
import { sleep, type Millis } from '#core/time/environment.js'
import { isRemoteException } from '#hadoop/ipc/remote-exception.js'
import { HadoopHttpFailed, ResourceManagerUnreachable } from '#hadoop/rest/errors.js'
import type { ApplicationReport } from '#hadoop/rest/resource-manager-records.js'
import { isTerminal } from './application-state.js'
import { ApplicationNotOurs, UnknownApplication } from './errors.js'
import { applicationDirectory, stagingRoot } from './staging-area.js'
import type { YarnCluster } from './yarn-cluster.js'

const LIVE_STATES = ['NEW', 'NEW_SAVING', 'SUBMITTED', 'ACCEPTED', 'RUNNING']
const POLL_MS = 200
const KILL_TIMEOUT_MS = 30_000
/** A ResourceManager that restarts is away for about so long. */
const UNREACHABLE_PATIENCE_MS = 120_000
const APPLICATION_ID = /^application_\d+_\d+$/

/** @throws YARN_UNKNOWN_APPLICATION */
export async function applicationReport(cluster: YarnCluster, applicationId: string): Promise<ApplicationReport> {
  const report = APPLICATION_ID.test(applicationId) ? await cluster.resourceManager.application(applicationId) : undefined
  if (report === undefined) throw new UnknownApplication({ applicationId, resourceManager: cluster.resourceManager.activeUrl })
  return report
}

/**
 * For whoever asks again and again: undefined while no ResourceManager answers, which says nothing about the application. Throws when that has
 * lasted too long. @throws YARN_UNKNOWN_APPLICATION, YARN_RM_UNREACHABLE
 */
export function patientReports(cluster: YarnCluster, applicationId: string): () => Promise<ApplicationReport | undefined> {
  const { clock } = cluster.environment
  let silentSince: Millis | undefined
  return async () => {
    try {
      const report = await applicationReport(cluster, applicationId)
      silentSince = undefined
      return report
    } catch (error) {
      silentSince ??= clock.monotonic()
      if (!ResourceManagerUnreachable.is(error) || clock.monotonic() - silentSince > UNREACHABLE_PATIENCE_MS) throw error
      return undefined
    }
  }
}

/** Those of our type, newest first; without `ended` only those that have not. */
export async function listApplications(cluster: YarnCluster, configuration: Configuration, ended = false): Promise<ApplicationReport[]> {
  const found = await cluster.resourceManager.applications({
    types: [configuration.get(YARN_APPLICATION_TYPE)],
    ...(ended ? {} : { states: LIVE_STATES }),
  })
  return found.sort((a, b) => b.startedTime - a.startedTime)
}

/**
 * Resolves when the application runs or has ended; `onReport` sees every report before (a caller may tell why it waits, or throw
 * to stop waiting). A ResourceManager that restarts meanwhile is waited for.
 */
export async function waitUntilRunning(
  cluster: YarnCluster,
  applicationId: string,
  onReport: (report: ApplicationReport) => void | Promise<void> = () => undefined,
): Promise<ApplicationReport> {
  const { clock } = cluster.environment
  let lastAnswer = clock.monotonic()
  for (;;) {
    try {
      const report = await applicationReport(cluster, applicationId)
      lastAnswer = clock.monotonic()
      if (report.state === 'RUNNING' || isTerminal(report.state)) return report
      await onReport(report)
    } catch (error) {
      if (!ResourceManagerUnreachable.is(error) || clock.monotonic() - lastAnswer > UNREACHABLE_PATIENCE_MS) throw error
    }
    await sleep(cluster.environment, POLL_MS)
  }
}

/**
 * Ends the application and waits until YARN says so. @returns false when it had ended before
 * @throws YARN_UNKNOWN_APPLICATION, YARN_APPLICATION_NOT_PERMITTED
 */
export async function killApplication(cluster: YarnCluster, applicationId: string, reason: string): Promise<boolean> {
  if (isTerminal((await applicationReport(cluster, applicationId)).state)) return false
  const deadline = cluster.environment.clock.monotonic() + KILL_TIMEOUT_MS
  for (;;) {
    try {
      if ((await cluster.resourceManager.kill(applicationId, reason)) === 'killed') return true
    } catch (error) {
      const denied = isRemoteException(error)
        ? error.details.reason
        : HadoopHttpFailed.is(error) && error.details.status === 403
          ? error.details.text
          : undefined
      if (denied === undefined) throw error
      throw new ApplicationNotOurs({ applicationId, user: cluster.user, reason: denied }, { cause: error })
    }
    const { state } = await applicationReport(cluster, applicationId)
    if (isTerminal(state) || cluster.environment.clock.monotonic() >= deadline) return true
    await sleep(cluster.environment, POLL_MS)
  }
}

/** Removes the application's files in HDFS. False: there were none. Only when it has ended: running containers need them. */
export async function cleanUpStaging(cluster: YarnCluster, configuration: Configuration, applicationId: string): Promise<boolean> {
  return cluster.hdfs.delete(applicationDirectory(await stagingRoot(cluster, configuration), applicationId))
}

const SWEEP_LIMIT = 20

/**
 * Removes what killed applications left: folders whose application the ResourceManager knows and holds ended. Of one that it does not
 * know nothing is removed: several clusters may share a file system.
 */
export async function sweepStaging(cluster: YarnCluster, configuration: Configuration, except: string): Promise<string[]> {
  const root = await stagingRoot(cluster, configuration)
  const removed: string[] = []
  const folder = `${root.uri}/.weft/applications`
  if ((await cluster.hdfs.status(folder)) === undefined) return removed
  let asked = 0
  for await (const { pathSuffix: name, owner } of cluster.hdfs.list(folder)) {
    if (name === except || !APPLICATION_ID.test(name) || owner !== cluster.user) continue
    if (asked++ >= SWEEP_LIMIT) break
    const report = await cluster.resourceManager.application(name)
    if (report !== undefined && isTerminal(report.state) && (await cluster.hdfs.delete(`${folder}/${name}`))) removed.push(name)
  }
  return removed
}
