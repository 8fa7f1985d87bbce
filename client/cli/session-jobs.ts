/** The jobs of one JobManager, listed and cancelled by id: lines and exit status as Flink's. */
import type { JobSummary } from '#core/rest/responses.js'
import { isTerminalJobState } from '#core/graph/states.js'
import type { MasterClient } from '../cluster/master-client.js'
import { findRunningJob, masterOf, type JobAddress, type MasterAddress } from './running-job.js'
import { commandConfiguration } from './settings.js'

interface Common {
  readonly properties: readonly string[]
  readonly installation: string
}

const say = (line: string): void => void process.stdout.write(`${line}\n`)

export interface ListJobsOptions extends Common, MasterAddress {
  readonly all: boolean
  readonly running: boolean
  readonly scheduled: boolean
}

export async function listJobs(options: ListJobsOptions): Promise<number> {
  const { master } = await masterOf(options, commandConfiguration(options.properties, {}, options.installation))
  say('Waiting for response...')
  for (const line of jobLines((await master.jobs()).jobs, options)) say(line)
  return 0
}

const WAITING: ReadonlySet<JobSummary['state']> = new Set(['CREATED', 'INITIALIZING'])

/** Pure. */
export function jobLines(
  jobs: readonly JobSummary[],
  { all, running, scheduled }: Pick<ListJobsOptions, 'all' | 'running' | 'scheduled'>,
): string[] {
  const both = all || running === scheduled
  const by = (accept: (job: JobSummary) => boolean) =>
    jobs.filter(accept).sort((a, b) => a['start-time'] - b['start-time'] || (a.jid < b.jid ? -1 : 1))
  const lines: string[] = []
  const block = (title: string, found: readonly JobSummary[], none: string) => {
    if (found.length === 0) return void lines.push(none)
    lines.push(title, ...found.map(jobLine), '-'.repeat(title.length))
  }
  if (both || running)
    block(
      '------------------ Running/Restarting Jobs -------------------',
      by(({ state }) => !isTerminalJobState(state) && !WAITING.has(state)),
      'No running jobs.',
    )
  if (both || scheduled)
    block(
      '----------------------- Scheduled Jobs -----------------------',
      by(({ state }) => WAITING.has(state)),
      'No scheduled jobs.',
    )
  if (all)
    block(
      '---------------------- Terminated Jobs -----------------------',
      by(({ state }) => isTerminalJobState(state)),
      'No terminated jobs.',
    )
  return lines
}

/** `23.11.2026 07:55:07 : <id> : <name> (RUNNING)`, local time. */
function jobLine(job: JobSummary): string {
  const at = new Date(job['start-time'])
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${two(at.getDate())}.${two(at.getMonth() + 1)}.${at.getFullYear()}`
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
  return `${day} ${time} : ${job.jid} : ${job.name} (${job.state})`
}

/** Whatever else runs there goes on. */
export async function cancelJob(options: Common & JobAddress): Promise<number> {
  const { jobId, master } = await findRunningJob(options, commandConfiguration(options.properties, {}, options.installation))
  say(`Cancelling job ${jobId}.`)
  await master.cancelJob(jobId)
  await untilEnded(master, jobId)
  say(`Cancelled job ${jobId}.`)
  return 0
}

const POLL_MS = 100

async function untilEnded(master: MasterClient, jobId: string): Promise<void> {
  while (!isTerminalJobState((await master.jobStatus(jobId)).status)) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
}
