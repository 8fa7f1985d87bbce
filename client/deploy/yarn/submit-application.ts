/**
 * Submits an application: asks the cluster what would be refused, stages the files, sends the submission, and looks whether YARN kept
 * it. Whatever fails, nothing is left behind.
 */
import { randomBytes } from 'node:crypto'
import {
  APPLICATION_DESCRIPTOR_FILE,
  RUNTIME_LINK,
  type ApplicationDescriptor,
  type LocalResource,
} from '#core/cluster/application-descriptor.js'
import type { Configuration } from '#core/config/configuration.js'
import { withoutSecretValues } from '#core/config/secret-values.js'
import { YARN_FILE_REPLICATION } from '#core/config/options/yarn.js'
import { logger } from '#core/log/logger.js'
import { sleep } from '#core/time/environment.js'
import { isRemoteException } from '#hadoop/ipc/remote-exception.js'
import { HadoopHttpFailed } from '#hadoop/rest/errors.js'
import type { ApplicationReport } from '#hadoop/rest/resource-manager-records.js'
import type { SubmissionContext } from '#hadoop/rest/submission.js'
import { ApplicationNotAccepted, ApplicationRefused } from './errors.js'
import { isTerminal, shortDiagnostics } from './application-state.js'
import { applicationKeytab, applicationTokens } from './application-tokens.js'
import { sweepStaging } from './applications.js'
import { submissionContext } from './launch-context.js'
import { limitLifetime } from './lifetime.js'
import { checkSubmission, queueOf } from './preflight.js'
import { listShipFiles, PROGRAM_LINK, stageShipFile, type ShipFile } from './ship-files.js'
import { localResource, makeApplicationDirectory, stageRuntime, stagingRoot, uploadFile, type StagingRoot } from './staging-area.js'
import { openSubmission, type SubmissionWay } from './submission-way.js'
import type { YarnCluster } from './yarn-cluster.js'

const SECRET_BYTES = 32
const ACCEPT_TIMEOUT_MS = 60_000
const FIRST_POLL_MS = 20
const MAX_POLL_MS = 500
const log = logger('client.yarn')

export interface YarnSubmission {
  /** Of a `module` program, `path` is the local bundle. */
  readonly descriptor: Omit<ApplicationDescriptor, 'target'>
  readonly configuration: Configuration
  /** Local path of `weft-runtime-<hash>.tar.gz`. */
  readonly runtimeArchive: string
}

export interface SubmittedApplication {
  readonly applicationId: string
  /** State as YARN gave it after the submission: ACCEPTED or later. */
  readonly report: ApplicationReport
  readonly stagingDirectory: string
  /** Bytes of the runtime archive that had to be uploaded; 0: it was there. */
  readonly uploadedRuntimeBytes: number
  /** YARN ends it then: wall clock, ms; undefined: never. */
  readonly endsAt: number | undefined
  /** For people. */
  readonly warnings: readonly string[]
}

/**
 * @throws YARN_UNKNOWN_QUEUE, YARN_QUEUE_NOT_USABLE, YARN_CONTAINER_TOO_LARGE, … before anything is uploaded; FS_* while staging;
 *   YARN_APPLICATION_REFUSED when YARN takes the submission and then refuses the application
 */
export async function submitYarnApplication(cluster: YarnCluster, submission: YarnSubmission): Promise<SubmittedApplication> {
  // One at a time first: where nothing answers, one error is enough.
  const way = await openSubmission(cluster)
  try {
    return await submitBy(way, cluster, submission)
  } finally {
    way.close()
  }
}

async function submitBy(way: SubmissionWay, cluster: YarnCluster, submission: YarnSubmission): Promise<SubmittedApplication> {
  const { configuration } = submission
  const { resourceManager, user } = cluster
  const { applicationId, maximum } = way
  const [scheduler, access, root, shipFiles] = await Promise.all([
    resourceManager.scheduler(),
    resourceManager.queueAccess(queueOf(configuration), user),
    stagingRoot(cluster, configuration),
    listShipFiles(configuration, cluster.hdfs),
  ])
  const preflight = checkSubmission(configuration, { scheduler, maximum, access }, user)
  const staged = await stage(cluster, submission, root, applicationId, shipFiles)
  try {
    const context = submissionContext({
      applicationId,
      jobName: submission.descriptor.name,
      configuration,
      preflight,
      localResources: staged.masterResources,
      secret: randomBytes(SECRET_BYTES),
      tokens: await applicationTokens(cluster, configuration, root.uri),
      keytab: applicationKeytab(cluster, configuration),
    })
    await submitOrRefuse(way, context)
    // Waiting costs nothing: what earlier applications left behind when they were killed goes meanwhile.
    const [report] = await Promise.all([untilAccepted(cluster, applicationId), sweepQuietly(cluster, configuration, applicationId)])
    const { endsAt, warnings } = await limitLifetime(cluster, report, context.lifetime)
    return {
      applicationId,
      report,
      endsAt,
      stagingDirectory: staged.directory,
      uploadedRuntimeBytes: staged.uploadedBytes,
      warnings: [...preflight.warnings, ...lostSettings(context, report), ...warnings],
    }
  } catch (error) {
    if (!ApplicationNotAccepted.is(error)) await removeQuietly(cluster, staged.directory)
    throw error
  }
}

async function stage(
  cluster: YarnCluster,
  submission: YarnSubmission,
  root: StagingRoot,
  applicationId: string,
  shipFiles: readonly ShipFile[],
) {
  const { hdfs } = cluster
  const { descriptor, configuration } = submission
  const wanted = configuration.get(YARN_FILE_REPLICATION)
  const replication = wanted < 0 ? undefined : wanted
  const directory = await makeApplicationDirectory(hdfs, root, applicationId)
  try {
    const program = descriptor.program
    const [runtime, shipped, programResource] = await settled([
      stageRuntime(cluster, root, directory, submission.runtimeArchive, RUNTIME_LINK, replication),
      stageAll(shipFiles, (file, index) => stageShipFile(hdfs, directory, index, file, replication)),
      program.kind === 'module' ? stageProgram(cluster, directory, program.path) : undefined,
    ] as const)
    const workerResources: LocalResource[] = [runtime.resource, ...(programResource === undefined ? [] : [programResource]), ...shipped]
    const full: ApplicationDescriptor = {
      ...descriptor,
      // Whoever may read the cluster's disks, or a log of what was localized, reads this file.
      configuration: withoutSecretValues(descriptor.configuration),
      program: program.kind === 'module' ? { ...program, path: PROGRAM_LINK } : program,
      target: {
        kind: 'yarn-application',
        applicationId,
        stagingDirectory: directory,
        hadoopConfiguration: cluster.hadoop.toShippedRecord(),
        workerResources,
      },
    }
    const uri = `${directory}/${APPLICATION_DESCRIPTOR_FILE}`
    const status = await uploadFile(hdfs, uri, { bytes: Buffer.from(JSON.stringify(full)) })
    const masterResources = [...workerResources, localResource(APPLICATION_DESCRIPTOR_FILE, uri, status, 'FILE', 'APPLICATION')]
    return { directory, masterResources, uploadedBytes: runtime.uploadedBytes }
  } catch (error) {
    await removeQuietly(cluster, directory)
    throw error
  }
}

async function stageProgram(cluster: YarnCluster, directory: string, path: string): Promise<LocalResource> {
  const uri = `${directory}/${PROGRAM_LINK}`
  return localResource(PROGRAM_LINK, uri, await uploadFile(cluster.hdfs, uri, { file: path }), 'FILE', 'APPLICATION')
}

const PARALLEL_UPLOADS = 4

async function stageAll<T, R>(items: readonly T[], upload: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array<R>(items.length)
  let next = 0
  const work = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) results[index] = await upload(items[index] as T, index)
  }
  await settled(Array.from({ length: Math.min(PARALLEL_UPLOADS, items.length) }, work))
  return results
}

/** As Promise.all, but a failure is told only when all have ended: nothing goes on uploading behind a clean-up. */
async function settled<const T extends readonly unknown[]>(work: T): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const results = await Promise.allSettled(work)
  for (const result of results) if (result.status === 'rejected') throw result.reason
  return results.map((result) => (result as PromiseFulfilledResult<unknown>).value) as { -readonly [K in keyof T]: Awaited<T[K]> }
}

/** Resolves with the 202. @throws YARN_APPLICATION_REFUSED */
async function submitOrRefuse(way: SubmissionWay, context: SubmissionContext): Promise<void> {
  try {
    await way.submit(context)
  } catch (error) {
    const reason = isRemoteException(error) ? error.details.reason : HadoopHttpFailed.is(error) ? error.details.text : undefined
    if (reason === undefined) throw error
    throw new ApplicationRefused(
      { applicationId: context.applicationId, state: 'at its submission', diagnostics: reason },
      { cause: error },
    )
  }
}

/** @throws YARN_APPLICATION_REFUSED, YARN_APPLICATION_NOT_ACCEPTED */
async function untilAccepted(cluster: YarnCluster, applicationId: string): Promise<ApplicationReport> {
  const { clock } = cluster.environment
  const deadline = clock.monotonic() + ACCEPT_TIMEOUT_MS
  let state = 'unknown'
  for (let delay = FIRST_POLL_MS; ; delay = Math.min(delay * 2, MAX_POLL_MS)) {
    await sleep(cluster.environment, delay)
    const report = await cluster.resourceManager.application(applicationId)
    state = report?.state ?? 'unknown'
    if (report !== undefined && (state === 'FAILED' || state === 'KILLED')) {
      throw new ApplicationRefused({ applicationId, state, diagnostics: shortDiagnostics(report.diagnostics) })
    }
    if (report !== undefined && (isTerminal(state) || !['NEW', 'NEW_SAVING', 'SUBMITTED'].includes(state))) return report
    if (clock.monotonic() >= deadline) throw new ApplicationNotAccepted({ applicationId, state, seconds: ACCEPT_TIMEOUT_MS / 1000 })
  }
}

/** YARN ignores what it does not understand without a word, so what it made of the settings is read back. */
export function lostSettings(context: SubmissionContext, report: ApplicationReport): string[] {
  const warnings: string[] = []
  if (report.applicationType !== context.type)
    warnings.push(`YARN changed the application type '${context.type}' to '${report.applicationType}'.`)
  const kept = new Set(report.applicationTags.split(',').map((tag) => tag.trim().toLowerCase()))
  const lost = context.tags.filter((tag) => !kept.has(tag.trim().toLowerCase()))
  if (lost.length > 0) warnings.push(`YARN dropped the application tags ${lost.join(', ')}.`)
  const queue = context.queue.replace(/^root\./, '')
  const given = report.queue.replace(/^root\./, '')
  if (given !== queue && given.replace(/^.*\./, '') !== queue.replace(/^.*\./, ''))
    warnings.push(`YARN put the application into queue '${report.queue}', not '${context.queue}'.`)
  if (context.priority !== undefined && report.priority !== context.priority)
    warnings.push(`YARN gave the application priority ${report.priority}, not ${context.priority}.`)
  return warnings
}

async function sweepQuietly(cluster: YarnCluster, configuration: Configuration, except: string): Promise<void> {
  try {
    const removed = await sweepStaging(cluster, configuration, except)
    if (removed.length > 0) log.info(`removed what ended applications had left: ${removed.join(', ')}`)
  } catch (error) {
    log.debug(`left-over files were not looked for: ${error instanceof Error ? error.message : String(error)}`)
  }
}

async function removeQuietly(cluster: YarnCluster, directory: string): Promise<void> {
  try {
    await cluster.hdfs.delete(directory)
  } catch (error) {
    log.warn(`${directory} could not be removed: ${error instanceof Error ? error.message : String(error)}`)
  }
}
