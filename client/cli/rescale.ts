/** `weft rescale`: a running job to another parallelism. */
import { defineError } from '#core/errors/define-error.js'
import type { ResourceRequirementsAnswer, ResourceRequirementsBody, RescaleSummary } from '#core/rest/rescale-responses.js'
import { sleep, systemEnvironment } from '#core/time/environment.js'
import type { MasterClient } from '../cluster/master-client.js'
import { findRunningJob } from './running-job.js'
import { OperationFailed } from '../cluster/async-outcome.js'
import type { SavepointCommand } from './savepoints.js'
import { commandConfiguration } from './settings.js'

export const RescaleTargetMissing = defineError('CLI_RESCALE_TARGET_MISSING', {
  recovery: 'none',
  message: () => 'Nothing says what to rescale the job to. Give -p <n> for all of it, or --vertex <id>=<n> for single vertices.',
})
export const NotAParallelism = defineError('CLI_NOT_A_PARALLELISM', {
  recovery: 'none',
  message: (d: { text: string; form: string }) => `'${d.text}' is not of the form ${d.form}, where <n> is a whole number from 1 to 32768.`,
})
export const UnknownVertex = defineError('CLI_UNKNOWN_VERTEX', {
  recovery: 'none',
  message: (d: { id: string; vertices: readonly string[] }) => `The job has no vertex ${d.id}. It has:\n${d.vertices.join('\n')}`,
})

const POLL_MS = 100

const say = (line: string): void => void process.stdout.write(`${line}\n`)

export interface RescaleCommand extends SavepointCommand {
  /** Of every vertex that can be changed, as far as its max parallelism allows. */
  readonly parallelism: string | undefined
  /** `<vertex id>=<n>`; wins over `parallelism`. */
  readonly vertices: readonly string[]
}

export async function rescale(command: RescaleCommand): Promise<number> {
  const all = command.parallelism === undefined ? undefined : parallelismOf(command.parallelism, '-p <n>')
  const single = new Map(command.vertices.map(vertexOf))
  if (all === undefined && single.size === 0) throw new RescaleTargetMissing({})
  const configuration = commandConfiguration(command.properties, {}, command.installation)
  const { jobId, master } = await findRunningJob(command, configuration)
  const now = await master.resourceRequirements(jobId)
  const { rescaleUuid } = await master.rescale(jobId, requirementsOf(now, all, single))
  say(`Rescaling job ${jobId}.`)
  if (command.detached) {
    say(`Successfully triggered the rescale, uuid: ${rescaleUuid}`)
    return 0
  }
  const ended = await outcome(master, jobId, rescaleUuid)
  for (const line of report(ended)) say(line)
  return 0
}

/** What PUT takes, from what GET says: only what was asked for differs. @throws CLI_UNKNOWN_VERTEX */
export function requirementsOf(
  now: ResourceRequirementsAnswer,
  all: number | undefined,
  single: ReadonlyMap<string, number>,
): ResourceRequirementsBody {
  for (const id of single.keys())
    if (!(id in now)) throw new UnknownVertex({ id, vertices: Object.entries(now).map(([known, { name }]) => `${known} ${name}`) })
  return Object.fromEntries(
    Object.entries(now).map(([id, { current, highest, fixed }]) => {
      const upperBound = single.get(id) ?? (all === undefined || fixed !== null ? current : Math.min(all, highest))
      // Whoever names a number wants that number.
      return [id, { parallelism: { lowerBound: upperBound, upperBound } }]
    }),
  )
}

function parallelismOf(text: string, form: string): number {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (value < 1 || value > 32_768) throw new NotAParallelism({ text, form })
  return value
}

function vertexOf(text: string): [id: string, parallelism: number] {
  const [id = '', value = '', ...rest] = text.split('=')
  if (id === '' || rest.length > 0) throw new NotAParallelism({ text, form: '--vertex <id>=<n>' })
  return [id, parallelismOf(value, '--vertex <id>=<n>')]
}

async function outcome(master: MasterClient, jobId: string, uuid: string): Promise<RescaleSummary> {
  for (;;) {
    const found = await master.rescaleDetails(jobId, uuid)
    if (found.terminalState === 'FAILED' || found.terminatedReason === 'RESOURCE_REQUIREMENTS_UPDATED' || isOver(found))
      throw new OperationFailed({ what: 'The rescale', reason: found.message ?? found.terminatedReason ?? 'no reason is known' })
    if (found.terminalState !== null) return found
    await sleep(systemEnvironment, POLL_MS)
  }
}

function isOver({ terminatedReason }: RescaleSummary): boolean {
  return terminatedReason !== null && terminatedReason.startsWith('JOB_')
}

function report({ vertices, phases, terminalState, message, startTimestampInMillis, endTimestampInMillis }: RescaleSummary): string[] {
  if (terminalState === 'IGNORED') return ['Nothing to do: the job runs at that parallelism.']
  const changed = Object.values(vertices).filter((each) => each.preRescaleParallelism !== each.postRescaleParallelism)
  const times = phases.map(({ phase, durationInMillis }) => `${phase} ${durationInMillis}`).join(', ')
  return [
    ...changed.map((each) => `${each.jobVertexName}: ${each.preRescaleParallelism} -> ${each.postRescaleParallelism}`),
    ...(message === null ? [] : [`Less than asked for: ${message}`]),
    `Rescaled in ${(endTimestampInMillis ?? startTimestampInMillis) - startTimestampInMillis} ms (${times}).`,
  ]
}
