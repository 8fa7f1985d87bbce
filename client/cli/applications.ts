/** `weft list`, `weft status`, `weft cancel`: the applications of a YARN cluster. */
import { rootCause } from '#core/errors/wire-error.js'
import { endOfLifetime, type ApplicationReport } from '#hadoop/rest/resource-manager-records.js'
import { MasterClient, MasterRefused, MasterUnreachable } from '../cluster/master-client.js'
import { isTerminal } from '../deploy/yarn/application-state.js'
import { applicationReport, cleanUpStaging, killApplication, listApplications } from '../deploy/yarn/applications.js'
import { explainFailure, explainWaiting } from '../deploy/yarn/explain-failure.js'
import { describeEnd } from '../deploy/yarn/lifetime.js'
import { proxyBaseUrl, proxyTransport } from '../deploy/yarn/master-proxy.js'
import { connectYarn, type YarnCluster } from '../deploy/yarn/yarn-cluster.js'
import { Progress } from './progress.js'
import { layoutFor, headerLines, rowLine, borderLine } from './result-table.js'
import { commandConfiguration } from './settings.js'

interface Common {
  readonly properties: readonly string[]
  readonly installation: string
}

async function connect(options: Common) {
  const configuration = commandConfiguration(options.properties, {}, options.installation)
  return { configuration, cluster: await connectYarn(configuration, process.env) }
}

export async function list(options: Common & { readonly all: boolean }): Promise<number> {
  const { configuration, cluster } = await connect(options)
  const reports = await listApplications(cluster, configuration, options.all)
  if (reports.length === 0) {
    process.stdout.write(options.all ? 'No applications.\n' : 'No running applications.\n')
    return 0
  }
  const rows = reports.map((report) => ({
    kind: 0,
    cells: [
      report.id,
      report.name,
      report.user,
      report.queue,
      report.state,
      report.finalStatus,
      new Date(report.startedTime).toISOString().slice(0, 19).replace('T', ' '),
      String(Math.max(0, report.runningContainers ?? 0)),
    ],
  }))
  const layout = layoutFor(
    ['application', 'name', 'user', 'queue', 'state', 'final status', 'started (UTC)', 'containers'],
    rows,
    false,
    60,
  )
  process.stdout.write([...headerLines(layout), ...rows.map((row) => rowLine(layout, row)), borderLine(layout)].join('\n') + '\n')
  return 0
}

export async function status(options: Common & { readonly application: string }): Promise<number> {
  const { cluster } = await connect(options)
  const report = await applicationReport(cluster, options.application)
  process.stdout.write(
    `${report.id}  ${report.name}\n  user ${report.user}, queue ${report.queue}, state ${report.state}, final status ${report.finalStatus}\n` +
      (isTerminal(report.state) ? '' : `${lifetimeLine(report)}  ${proxyBaseUrl(cluster, report.id)}\n`),
  )
  if (report.state === 'RUNNING') await showJobs(cluster, report)
  else if (!isTerminal(report.state)) {
    const reason = await explainWaiting(cluster, report)
    if (reason !== undefined) process.stdout.write(`${reason}\n`)
  } else if (report.finalStatus !== 'SUCCEEDED') process.stdout.write(`${await explainFailure(cluster, report)}\n`)
  return 0
}

function lifetimeLine(report: ApplicationReport): string {
  const end = describeEnd(endOfLifetime(report))
  return end === '' ? '' : `  ${end}\n`
}

async function showJobs(cluster: YarnCluster, report: ApplicationReport): Promise<void> {
  const client = new MasterClient(proxyTransport(cluster, report.id))
  const progress = new Progress({ write: () => undefined, isTTY: false, columns: 120 })
  const { jobs } = await client.jobs()
  for (const { jid } of jobs) process.stdout.write(progress.describe(await client.job(jid), 0).join('\n') + '\n')
}

/** The master cancels its jobs and ends itself; one that does not answer is ended by YARN. */
export async function cancel(options: Common & { readonly application: string }): Promise<number> {
  const { configuration, cluster } = await connect(options)
  const report = await applicationReport(cluster, options.application)
  if (isTerminal(report.state)) {
    process.stdout.write(`${report.id} has ended already: ${report.state} / ${report.finalStatus}\n`)
    return 0
  }
  process.stdout.write(`Cancelling ${report.id}.\n`)
  if (report.state === 'RUNNING' && (await cancelByMaster(cluster, report.id))) {
    process.stdout.write(`Cancelled ${report.id}.\n`)
    return 0
  }
  await killApplication(cluster, report.id, `cancelled by ${cluster.user} with weft cancel`)
  await cleanUpStaging(cluster, configuration, report.id)
  process.stdout.write(`Cancelled ${report.id}.\n`)
  return 0
}

const CANCEL_TIMEOUT_MS = 15_000
const POLL_MS = 200

/** False: the master does not answer, or does not end in time. */
async function cancelByMaster(cluster: YarnCluster, applicationId: string): Promise<boolean> {
  const client = new MasterClient(proxyTransport(cluster, applicationId))
  try {
    for (const id of await client.applicationIds()) await client.cancel(id)
  } catch (error) {
    if (MasterUnreachable.is(rootCause(error)) || MasterUnreachable.is(error) || MasterRefused.is(error)) return false
    throw error
  }
  const deadline = cluster.environment.clock.monotonic() + CANCEL_TIMEOUT_MS
  while (cluster.environment.clock.monotonic() < deadline) {
    if (isTerminal((await applicationReport(cluster, applicationId)).state)) return true
    await new Promise<void>((resolve) => cluster.environment.timers.after(POLL_MS, resolve))
  }
  return false
}
