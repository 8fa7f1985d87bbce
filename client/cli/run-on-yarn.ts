/** Target `yarn-application`: the job gets an application of its own on a YARN cluster. */
import { CLIENT_HEARTBEAT_TIMEOUT } from '#core/config/options/rest.js'
import { formatDuration } from '#core/config/units.js'
import { sleep, systemEnvironment } from '#core/time/environment.js'
import type { ApplicationReport } from '#hadoop/rest/resource-manager-records.js'
import { MasterClient } from '../cluster/master-client.js'
import { isTerminal } from '../deploy/yarn/application-state.js'
import { cleanUpStaging, killApplication, patientReports, sweepStaging } from '../deploy/yarn/applications.js'
import { explainFailure } from '../deploy/yarn/explain-failure.js'
import { describeEnd } from '../deploy/yarn/lifetime.js'
import { proxyBaseUrl, proxyTransport } from '../deploy/yarn/master-proxy.js'
import { submitYarnApplication } from '../deploy/yarn/submit-application.js'
import { connectYarn, type YarnCluster } from '../deploy/yarn/yarn-cluster.js'
import { followApplication, type ApplicationEnd } from './follow.js'
import { Interrupted, InterruptWatch } from './interrupt-watch.js'
import type { PreparedJob } from './prepared-job.js'
import { runtimeArchive } from './runtime-archive.js'
import { onCluster, waitWithHints } from './yarn-deployment.js'

const END_POLL_MS = 100

export async function runOnYarn(job: PreparedJob): Promise<number> {
  const cluster = await connectYarn(job.configuration, process.env)
  const configuration = onCluster(job.configuration, cluster)
  const interrupt = new InterruptWatch()
  let applicationId: string | undefined
  try {
    const submitted = await submitYarnApplication(cluster, {
      descriptor: { ...job.descriptor, user: cluster.user, configuration: configuration.toRecord() },
      configuration,
      runtimeArchive: runtimeArchive(job.installation),
    })
    applicationId = submitted.applicationId
    interrupt.check()
    job.err.write(`Submitting application master ${applicationId}\n`)
    for (const warning of submitted.warnings) job.err.write(`Warning: ${warning}\n`)
    if (submitted.endsAt !== undefined) job.err.write(`${describeEnd(submitted.endsAt)}.\n`)
    const running = await waitWithHints(cluster, job.err, applicationId, interrupt)
    if (isTerminal(running.state)) return await ended(cluster, job, running)
    job.err.write(
      `YARN application has been deployed successfully.\nWeb interface of application '${applicationId}': ${proxyBaseUrl(cluster, applicationId)}\n`,
    )
    if (!job.descriptor.attached) {
      job.err.write(
        `Job has been submitted with JobID ${job.descriptor.jobId}\n` +
          `The application goes on by itself. To see it: weft status ${applicationId}   To end it: weft cancel ${applicationId}\n`,
      )
      job.out.write(`${applicationId}\n${job.descriptor.jobId}\n`)
      return 0
    }
    return await attached(cluster, job, applicationId, interrupt)
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    return await interrupted(cluster, job, applicationId, error.showedResult)
  } finally {
    interrupt.stop()
  }
}

async function attached(cluster: YarnCluster, job: PreparedJob, applicationId: string, interrupt: InterruptWatch): Promise<number> {
  const leave = new AbortController()
  const reports = patientReports(cluster, applicationId)
  const follow = followApplication({
    signal: leave.signal,
    onResult: () => (interrupt.showsResult = true),
    client: new MasterClient(proxyTransport(cluster, applicationId)),
    applicationId: job.descriptor.jobId,
    environment: systemEnvironment,
    out: job.out,
    err: job.err,
    maxColumnWidth: job.maxColumnWidth,
    gone: async () => {
      const report = await reports()
      return report !== undefined && isTerminal(report.state)
        ? endOf(report, report.finalStatus === 'SUCCEEDED' ? '' : await explainFailure(cluster, report))
        : undefined
    },
  })
  // Told only to whoever waits: after Ctrl-C nobody does.
  follow.catch(() => undefined)
  const end = await Promise.race([follow, interrupt.rejection]).finally(() => leave.abort())
  return finish(cluster, job, applicationId, end)
}

/** The job has ended; the application ends a moment later. */
async function finish(cluster: YarnCluster, job: PreparedJob, applicationId: string, end: ApplicationEnd): Promise<number> {
  const reports = patientReports(cluster, applicationId)
  let report = await reports()
  while (report === undefined || !isTerminal(report.state)) {
    await sleep(cluster.environment, END_POLL_MS)
    report = await reports()
  }
  if (!end.succeeded) job.err.write(`${end.failure === '' ? await explainFailure(cluster, report) : end.failure}\n`)
  await leaveNothing(cluster, job, applicationId)
  job.err.write(`Application ${applicationId}: ${report.state} / ${report.finalStatus}\n`)
  return end.succeeded && report.finalStatus === 'SUCCEEDED' ? 0 : 1
}

/** It ended before it could be followed. */
async function ended(cluster: YarnCluster, job: PreparedJob, report: ApplicationReport): Promise<number> {
  const end = endOf(report, report.finalStatus === 'SUCCEEDED' ? '' : await explainFailure(cluster, report))
  return finish(cluster, job, report.id, end)
}

function endOf(report: ApplicationReport, failure: string): ApplicationEnd {
  return { succeeded: report.finalStatus === 'SUCCEEDED', failure }
}

/** The master removes its own files; one that was killed could not. Also removes what earlier ones left. */
async function leaveNothing(cluster: YarnCluster, job: PreparedJob, applicationId: string): Promise<void> {
  try {
    await cleanUpStaging(cluster, job.configuration, applicationId)
    await sweepStaging(cluster, job.configuration, applicationId)
  } catch (error) {
    job.err.write(`Warning: files of ended applications could not be removed: ${error instanceof Error ? error.message : String(error)}\n`)
  }
}

async function interrupted(
  cluster: YarnCluster,
  job: PreparedJob,
  applicationId: string | undefined,
  showedResult: boolean,
): Promise<number> {
  if (applicationId === undefined) job.err.write('\nInterrupted before anything was submitted.\n')
  else if (job.shutdownOnInterrupt) {
    job.err.write(`\nInterrupted: ending ${applicationId}.\n`)
    await killApplication(cluster, applicationId, 'its attached client was interrupted')
    await leaveNothing(cluster, job, applicationId)
  } else {
    const end = showedResult
      ? `\nNobody fetches the rows of its SELECT any more, so that job ends within ${formatDuration(job.configuration.get(CLIENT_HEARTBEAT_TIMEOUT))} (client.heartbeat.timeout).`
      : ''
    job.err.write(
      `\nInterrupted. ${applicationId} goes on running.${end}\n  to see it:  weft status ${applicationId}\n  to end it:  weft cancel ${applicationId}\n`,
    )
  }
  return 1
}
