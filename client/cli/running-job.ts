/** Which running job a command means, and how its master is reached. */
import type { Configuration } from '#core/config/configuration.js'
import { CLIENT_TIMEOUT } from '#core/config/options/rest.js'
import { defineError } from '#core/errors/define-error.js'
import { isTerminalJobState } from '#core/graph/states.js'
import { HEX_32 } from '#core/ids/ids.js'
import type { JobSummary } from '#core/rest/responses.js'
import { httpTransport, MasterClient, MasterRefused, MasterUnreachable } from '../cluster/master-client.js'
import { applicationReport, listApplications } from '../deploy/yarn/applications.js'
import { proxyTransport } from '../deploy/yarn/master-proxy.js'
import { connectYarn } from '../deploy/yarn/yarn-cluster.js'

export const JobNotFound = defineError('CLI_JOB_NOT_FOUND', {
  recovery: 'none',
  message: (d: { job: string; where: string }) => `No job ${d.job} runs ${d.where}.`,
})
export const JobAmbiguous = defineError('CLI_JOB_AMBIGUOUS', {
  recovery: 'none',
  message: (d: { application: string; jobs: string }) => `${d.application} runs several jobs, name one by its id: ${d.jobs}`,
})
export const NotAJob = defineError('CLI_NOT_A_JOB', {
  recovery: 'none',
  message: (d: { text: string }) => `'${d.text}' is neither an application id (application_…) nor a job id (32 hex digits).`,
})
export const ApplicationNotRunning = defineError('CLI_APPLICATION_NOT_RUNNING', {
  recovery: 'none',
  message: (d: { application: string; state: string }) => `${d.application} does not run: its state is ${d.state}.`,
})

export interface JobAddress {
  /** Application id (its only running job), or job id. */
  readonly job: string
  /** `host:port` of a master's REST endpoint; undefined: on YARN. */
  readonly jobManager: string | undefined
  /** Where a job id is looked for; undefined: in all running applications. */
  readonly applicationId: string | undefined
}

export interface RunningJob {
  readonly jobId: string
  readonly master: MasterClient
}

/** @throws CLI_*, YARN_UNKNOWN_APPLICATION, CLIENT_MASTER_* */
export async function findRunningJob(address: JobAddress, configuration: Configuration): Promise<RunningJob> {
  const { job, jobManager, applicationId } = address
  const isApplication = /^application_\d+_\d+$/.test(job)
  if (!isApplication && !HEX_32.test(job)) throw new NotAJob({ text: job })
  if (jobManager !== undefined) {
    const master = new MasterClient(httpTransport(`http://${jobManager}/`, configuration.get(CLIENT_TIMEOUT)))
    return { master, jobId: choose(await running(master), isApplication ? undefined : job, `at ${jobManager}`, job) }
  }
  const cluster = connectYarn(configuration, process.env)
  const clientOf = (id: string) => new MasterClient(proxyTransport(cluster, id))
  const named = isApplication ? job : applicationId
  if (named !== undefined) {
    const report = await applicationReport(cluster, named)
    if (report.state !== 'RUNNING') throw new ApplicationNotRunning({ application: named, state: report.state })
    const master = clientOf(named)
    return { master, jobId: choose(await running(master), isApplication ? undefined : job, `in ${named}`, job) }
  }
  for (const report of await listApplications(cluster, configuration)) {
    if (report.state !== 'RUNNING') continue
    const master = clientOf(report.id)
    try {
      if ((await running(master)).some(({ jid }) => jid === job)) return { master, jobId: job }
    } catch (error) {
      // One that does not answer, or is somebody else's, is not asked twice.
      if (!MasterUnreachable.is(error) && !MasterRefused.is(error)) throw error
    }
  }
  throw new JobNotFound({ job, where: `in an application of ${cluster.resourceManager.activeUrl}; see weft list` })
}

async function running(master: MasterClient): Promise<JobSummary[]> {
  return (await master.jobs()).jobs.filter((job) => !isTerminalJobState(job.state))
}

function choose(jobs: readonly JobSummary[], jobId: string | undefined, where: string, given: string): string {
  const found = jobId === undefined ? jobs : jobs.filter(({ jid }) => jid === jobId)
  if (found.length > 1) throw new JobAmbiguous({ application: given, jobs: found.map(({ jid, name }) => `${jid} (${name})`).join(', ') })
  const [only] = found
  if (only === undefined) throw new JobNotFound({ job: jobId ?? 'at all', where })
  return only.jid
}
