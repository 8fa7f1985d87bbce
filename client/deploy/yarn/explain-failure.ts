/** Why an application failed, or why it does not start: YARN's reports put into words. */
import { explainExit } from '#hadoop/yarn/exit-status.js'
import type { ApplicationReport } from '#hadoop/rest/resource-manager-records.js'
import { axiosTransport } from '#hadoop/rest/rest-transport.js'
import { findQueue, type QueueReport } from '#hadoop/rest/scheduler-queues.js'
import { tlsOptions } from '#hadoop/rest/tls.js'
import { exitCodeOf, isContainerLaunchFailure, shortDiagnostics, stderrInDiagnostics } from './application-state.js'
import type { YarnCluster } from './yarn-cluster.js'

const TAIL_BYTES = 8_192
const TAIL_LINES = 30
const LOG_TIMEOUT_MS = 5_000

/**
 * Lines for people, cause first: how the application ended, what its master's exit code means, the last lines that it wrote, or
 * else what YARN says. Never throws; what cannot be found out is left out.
 */
export async function explainFailure(cluster: YarnCluster, report: ApplicationReport): Promise<string> {
  const { diagnostics } = report
  const tail =
    stderrInDiagnostics(diagnostics) ?? (exitCodeOf(diagnostics) === undefined ? undefined : await masterLogTail(cluster, report))
  return failureText(report, tail)
}

/** Pure part of explainFailure. `stderr`: last lines of the application master's. */
export function failureText(report: ApplicationReport, stderr: string | undefined): string {
  const { id, diagnostics } = report
  const code = exitCodeOf(diagnostics)
  const lines: string[] = []
  // What a master says when it unregisters is the cause itself; there is no exit code with it.
  if (code === undefined && diagnostics.trim() !== '') lines.push(shortDiagnostics(diagnostics))
  if (code !== undefined) lines.push(`The application master failed: ${explainExit(code, diagnostics).words} (exit status ${code}).`)
  if (stderr !== undefined) lines.push('Its stderr ended with:', ...stderr.split('\n').map((line) => `  ${line}`))
  else if (code !== undefined && !isContainerLaunchFailure(diagnostics)) lines.push(shortDiagnostics(diagnostics))
  lines.push(`YARN application ${id} ${endInWords(report)}.`)
  if (stderr === undefined && code !== undefined) lines.push(`Its logs, once they are aggregated: yarn logs -applicationId ${id}`)
  return lines.join('\n')
}

function endInWords(report: ApplicationReport): string {
  switch (report.state) {
    case 'FAILED':
      return 'failed'
    case 'KILLED':
      return 'was killed'
    case 'FINISHED':
      return `finished with status ${report.finalStatus}`
    default:
      return `is ${report.state}`
  }
}

/** Last lines of the stderr of the newest attempt, from its NodeManager. Undefined when it is gone (aggregated, or the node is away). */
export async function masterLogTail(cluster: YarnCluster, report: ApplicationReport): Promise<string | undefined> {
  try {
    const attempt = (await cluster.resourceManager.attempts(report.id)).at(-1)
    const container = attempt?.containerId ?? /\/containerlogs\/(container_\w+)\//.exec(report.amContainerLogs)?.[1] ?? ''
    const origin = /^https?:\/\/[^/]+/.exec(
      attempt?.logsLink === undefined || attempt.logsLink === '' ? report.amContainerLogs : attempt.logsLink,
    )?.[0]
    if (origin === undefined || !/^container_\w+$/.test(container)) return undefined
    return await containerLogTail(cluster, origin, container, 'stderr')
  } catch {
    return undefined
  }
}

/** Last lines of a container's log file. `origin`: of its NodeManager's web server. Undefined when there is none. */
export async function containerLogTail(
  cluster: YarnCluster,
  origin: string,
  containerId: string,
  file: string,
): Promise<string | undefined> {
  const url = new URL(`${origin}/ws/v1/node/containers/${containerId}/logs/${file}`)
  const credentials = await cluster.authenticator.credentialsFor(url)
  url.searchParams.set('size', String(-TAIL_BYTES))
  for (const [name, value] of Object.entries(credentials.query)) url.searchParams.set(name, value)
  const response = await axiosTransport(
    LOG_TIMEOUT_MS,
    tlsOptions(cluster.hadoop),
  )({
    method: 'GET',
    url: url.href,
    headers: { Accept: 'text/plain', ...credentials.headers },
  })
  if (response.status !== 200) return undefined
  return tailLines(logContents(response.body))
}

/** The NodeManager wraps a file's text: `LogType:…`, `LogLength:…`, `Log Contents:` before, `End of LogType:…` after. */
export function logContents(body: string): string {
  const begin = /^Log(?: Contents|Contents):[^\n]*\n/m.exec(body)
  const text = begin === null ? body : body.slice(begin.index + begin[0].length)
  return text.replace(/\n?End of LogType:[\s\S]*$/, '')
}

function tailLines(text: string): string | undefined {
  const lines = text.split('\n').map((line) => line.trimEnd())
  while (lines.at(-1) === '') lines.pop()
  return lines.length === 0 ? undefined : lines.slice(-TAIL_LINES).join('\n')
}

/**
 * Why an application stays in ACCEPTED: YARN's own words, and what of its queue is used. Undefined when nothing speaks against it
 * starting at once.
 */
export async function explainWaiting(cluster: YarnCluster, report: ApplicationReport): Promise<string | undefined> {
  const scheduler = await cluster.resourceManager.scheduler().catch(() => undefined)
  const metrics = await cluster.resourceManager.clusterMetrics().catch(() => undefined)
  return waitingReason(report, scheduler === undefined ? undefined : findQueue(scheduler.queues, report.queue), metrics?.activeNodes)
}

/** Pure part of explainWaiting. */
export function waitingReason(
  report: ApplicationReport,
  queue: QueueReport | undefined,
  activeNodes: number | undefined,
): string | undefined {
  if (activeNodes === 0) return 'The cluster has no active NodeManager.'
  const parts: string[] = []
  const diagnostics = shortDiagnostics(report.diagnostics)
  if (/AM resource limit exceeded|not yet activated/i.test(report.diagnostics)) {
    const limit = queue?.applicationMasterLimit
    const used = queue?.applicationMasterUsed
    parts.push(
      `Queue ${report.queue} has no room for another application master` +
        (limit === undefined || used === undefined
          ? ''
          : ` (${used.memory} of ${limit.memory} MB, ${used.vCores} of ${limit.vCores} vcores used)`) +
        '; it starts when another application of the queue ends.',
    )
  } else if (queue?.used !== undefined && queue.maximum !== undefined && queue.used.memory >= queue.maximum.memory) {
    parts.push(
      `Queue ${report.queue} is full: ${queue.used.memory} of ${queue.maximum.memory} MB, ${queue.used.vCores} of ${queue.maximum.vCores} vcores used.`,
    )
  }
  if (report.diagnostics.trim() !== '') parts.push(`YARN says: ${diagnostics}`)
  return parts.length === 0 ? undefined : parts.join('\n')
}
