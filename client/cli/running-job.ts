/** Which running job a command means, and how its master is reached. */
import type { Configuration } from '#core/config/configuration.js'
import { CLIENT_TIMEOUT } from '#core/config/options/rest.js'
import { YARN_APPLICATION_ID } from '#core/config/options/yarn.js'
import { defineError } from '#core/errors/define-error.js'
import { isTerminalJobState } from '#core/graph/states.js'
import { HEX_32 } from '#core/ids/ids.js'
import type { JobSummary } from '#core/rest/responses.js'
import { httpTransport } from '../cluster/http-transport.js'
import { MasterClient, MasterRefused, MasterUnreachable } from '../cluster/master-client.js'
import { applicationReport, listApplications } from '../deploy/yarn/applications.js'
import { proxyTransport } from '../deploy/yarn/master-proxy.js'
import { connectYarn } from '../deploy/yarn/yarn-cluster.js'
import { SessionNotNamed } from '../session/errors.js'
import { addressOptions } from '../session/address.js'

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
  message: (d: { text: string }) =>
    `'${d.text}' is neither an application id (application_…) nor a job id (32 hex digits). 'weft list' shows what runs.`,
})
export const ApplicationNotRunning = defineError('CLI_APPLICATION_NOT_RUNNING', {
  recovery: 'none',
  message: (d: { application: string; state: string }) => `${d.application} does not run: its state is ${d.state}.`,
})

export interface MasterAddress {
  /** `host:port` of a master's REST endpoint; undefined: on YARN. */
  readonly jobManager: string | undefined
  /** Application of the master; undefined: the one that yarn.application.id names. */
  readonly applicationId: string | undefined
}

export interface JobAddress extends MasterAddress {
  /** Application id (its only running job), or job id, looked for in all running applications where no master is named. */
  readonly job: string
}

export interface RunningJob {
  readonly jobId: string
  readonly master: MasterClient
}

/** True when the command names a master. */
export function namesMaster({ jobManager, applicationId }: MasterAddress, configuration: Configuration): boolean {
  return jobManager !== undefined || applicationId !== undefined || configuration.has(YARN_APPLICATION_ID)
}

/** `where`: in words. @throws CLI_APPLICATION_NOT_RUNNING, SESSION_ADDRESS_INVALID, SESSION_NOT_NAMED, YARN_UNKNOWN_APPLICATION */
export async function masterOf(
  { jobManager, applicationId }: MasterAddress,
  configuration: Configuration,
): Promise<{ master: MasterClient; where: string }> {
  if (jobManager !== undefined) {
    addressOptions(jobManager)
    return {
      master: new MasterClient(httpTransport(`http://${jobManager}/`, configuration.get(CLIENT_TIMEOUT))),
      where: `at ${jobManager}`,
    }
  }
  const named = applicationId ?? configuration.get(YARN_APPLICATION_ID)
  if (named === undefined) throw new SessionNotNamed({})
  const cluster = await connectYarn(configuration, process.env)
  const report = await applicationReport(cluster, named)
  if (report.state !== 'RUNNING') throw new ApplicationNotRunning({ application: named, state: report.state })
  return { master: new MasterClient(proxyTransport(cluster, named)), where: `in ${named}` }
}

/** @throws CLI_*, YARN_UNKNOWN_APPLICATION, CLIENT_MASTER_* */
export async function findRunningJob(address: JobAddress, configuration: Configuration): Promise<RunningJob> {
  const { job, jobManager, applicationId } = address
  const isApplication = /^application_\d+_\d+$/.test(job)
  if (!isApplication && !HEX_32.test(job)) throw new NotAJob({ text: job })
  const named = isApplication ? job : applicationId
  if (namesMaster({ jobManager, applicationId: named }, configuration)) {
    const { master, where } = await masterOf({ jobManager, applicationId: named }, configuration)
    return { master, jobId: choose(await running(master), isApplication ? undefined : job, where, job) }
  }
  const cluster = await connectYarn(configuration, process.env)
  const clientOf = (id: string) => new MasterClient(proxyTransport(cluster, id))
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
