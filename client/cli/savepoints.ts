/** `weft savepoint`, `weft stop`, `weft checkpoint`, `weft cancel -s`: lines and exit status as Flink's. */
import { disposeSavepoint, readMetadata } from '#core/checkpoint/metadata-file.js'
import type { CheckpointMetadata, StateBytes } from '#core/checkpoint/state-handles.js'
import type { Configuration } from '#core/config/configuration.js'
import { DEFAULT_SCHEME } from '#core/config/options/execution.js'
import { defineError } from '#core/errors/define-error.js'
import { FileSystems } from '#core/fs/file-systems.js'
import { outcome } from '../cluster/async-outcome.js'
import { findRunningJob, type JobAddress } from './running-job.js'
import { commandConfiguration } from './settings.js'

export const JobMissing = defineError('CLI_JOB_MISSING', {
  recovery: 'none',
  message: () =>
    'Missing JobID. Specify a job, by its id or its application’s, to trigger that for.\nUse the help option (-h or --help) to get help on the command.',
})
export const UnknownSavepointType = defineError('CLI_UNKNOWN_SAVEPOINT_TYPE', {
  recovery: 'none',
  message: (d: { type: string }) => `Unknown savepoint format '${d.type}'. Formats are canonical and native.`,
})

export interface SavepointCommand extends JobAddress {
  readonly properties: readonly string[]
  readonly installation: string
  readonly detached: boolean
}

const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** @throws CLI_JOB_MISSING */
export function required(job: string | undefined): string {
  if (job === undefined) throw new JobMissing({})
  return job
}

/** @throws CLI_UNKNOWN_SAVEPOINT_TYPE */
export function checkType(type: string | undefined): void {
  if (type !== undefined && !['canonical', 'native'].includes(type.toLowerCase())) throw new UnknownSavepointType({ type })
}

export async function savepoint(options: SavepointCommand & { readonly directory: string | undefined }): Promise<number> {
  const { jobId, master } = await find(options)
  const { detached } = options
  say(`Triggering savepoint ${detached ? 'in detached mode ' : ''}for job ${jobId}.`)
  say('Waiting for response...')
  const path = `jobs/${jobId}/savepoints`
  const triggerId = await master.trigger(path, { 'target-directory': options.directory ?? null, 'cancel-job': false })
  if (detached) {
    say(`Successfully trigger manual savepoint, triggerId: ${triggerId}`)
    return 0
  }
  const { location } = await outcome(master, path, triggerId, 'The savepoint')
  say(`Savepoint completed. Path: ${String(location)}`)
  say('You can resume your program from this savepoint with the run command.')
  return 0
}

export async function stop(
  options: SavepointCommand & { readonly directory: string | undefined; readonly drain: boolean },
): Promise<number> {
  const { jobId, master } = await find(options)
  const { detached, drain } = options
  say(`${drain ? 'Draining' : 'Suspending'} job "${jobId}" with a CANONICAL savepoint.`)
  say(`Triggering stop-with-savepoint ${detached ? 'in detached mode ' : ''}for job ${jobId}.`)
  say('Waiting for response...')
  const triggerId = await master.trigger(`jobs/${jobId}/stop`, { targetDirectory: options.directory ?? null, drain })
  if (detached) {
    say(`Successfully trigger stop-with-savepoint, triggerId: ${triggerId}`)
    return 0
  }
  const { location } = await outcome(master, `jobs/${jobId}/savepoints`, triggerId, 'The stop with savepoint')
  say(`Savepoint completed. Path: ${String(location)}`)
  return 0
}

export async function cancelWithSavepoint(options: SavepointCommand & { readonly directory: string | undefined }): Promise<number> {
  const { jobId, master } = await find(options)
  say('DEPRECATION WARNING: Cancelling a job with savepoint is deprecated. Use "stop" instead.')
  say(`Cancelling job ${jobId} with savepoint to ${options.directory ?? 'default savepoint directory'}.`)
  const path = `jobs/${jobId}/savepoints`
  const triggerId = await master.trigger(path, { 'target-directory': options.directory ?? null, 'cancel-job': true })
  const { location } = await outcome(master, path, triggerId, 'The savepoint')
  say(`Cancelled job ${jobId}. Savepoint stored in ${String(location)}.`)
  return 0
}

export async function checkpoint(options: SavepointCommand & { readonly full: boolean }): Promise<number> {
  const { jobId, master } = await find(options)
  say(`Triggering checkpoint for job ${jobId}.`)
  say('Waiting for response...')
  const path = `jobs/${jobId}/checkpoints`
  const triggerId = await master.trigger(path, { checkpointType: options.full ? 'FULL' : 'CONFIGURED' })
  const { checkpointId } = await outcome(master, path, triggerId, 'The checkpoint')
  say(`Checkpoint ${String(checkpointId)} for job ${jobId} completed.`)
  say('You can resume your program from this checkpoint with the run command.')
  return 0
}

interface PathCommand {
  readonly path: string
  readonly properties: readonly string[]
  readonly installation: string
}

/** Needs no running job: the files are deleted from here. */
export async function dispose(options: PathCommand): Promise<number> {
  say(`Disposing savepoint '${options.path}'.`)
  say('Waiting for response...')
  await disposeSavepoint(await fileSystemsOf(options), options.path)
  say(`Savepoint '${options.path}' disposed.`)
  return 0
}

/** What a savepoint or checkpoint holds, from its metadata alone. */
export async function checkpointInfo(options: PathCommand): Promise<number> {
  const { directory, metadata } = await readMetadata(await fileSystemsOf(options), options.path)
  for (const line of describe(directory, metadata)) say(line)
  return 0
}

function describe(directory: string, metadata: CheckpointMetadata): string[] {
  const time = (at: number) => new Date(at).toISOString().replace('T', ' ').slice(0, 19)
  const lines = [
    `${metadata.kind === 'savepoint' ? 'Savepoint' : 'Checkpoint'} ${metadata.checkpointId}: ${directory}`,
    `  job ${metadata.jobId} (${metadata.jobName}), completed ${time(metadata.completedAt)} UTC`,
  ]
  for (const vertex of metadata.vertices) {
    const ended = vertex.finished.length === 0 ? '' : `, ${vertex.finished.length} finished`
    lines.push(`  ${vertex.name}: parallelism ${vertex.parallelism}, max ${vertex.maxParallelism}${ended}`)
    for (const { operatorId, name } of vertex.operators) {
      const states = vertex.subtasks.flatMap((subtask) => subtask?.operators.filter((each) => each.operatorId === operatorId) ?? [])
      const keyed = size(states.flatMap((state) => state.keyed?.segments ?? []))
      const items = states.flatMap((state) => Object.values(state.lists)).reduce((sum, list) => sum + list.items.length, 0)
      const committables = states.reduce((sum, state) => sum + state.committables.length, 0)
      lines.push(`    ${operatorId} ${name}: ${keyed} bytes of keyed state, ${items} items of lists, ${committables} committables`)
    }
    const inFlight = vertex.subtasks.flatMap((subtask) => [...(subtask?.inFlight?.inputs ?? []), ...(subtask?.inFlight?.outputs ?? [])])
    if (inFlight.length > 0) lines.push(`    ${size(inFlight.map(({ bytes }) => bytes))} bytes of records in flight`)
  }
  return lines
}

function size(bytes: readonly StateBytes[]): number {
  return bytes.reduce((sum, { length }) => sum + length, 0)
}

/** Local files, and HDFS where a Hadoop configuration is found. */
async function fileSystemsOf(options: PathCommand): Promise<FileSystems> {
  const configuration = commandConfiguration(options.properties, {}, options.installation)
  const scheme = configuration.get(DEFAULT_SCHEME)
  const local = new FileSystems(process.cwd(), scheme)
  if (options.path.startsWith('file:') || (!/^[a-z][a-z0-9+.-]*:/i.test(options.path) && scheme === undefined)) return local
  const [{ connectYarn }, { hdfsFileSystem, hdfsHomeDirectory }] = await Promise.all([
    import('../deploy/yarn/yarn-cluster.js'),
    import('#hadoop/hdfs/hdfs-file-system.js'),
  ])
  const cluster = await connectYarn(configuration, process.env)
  local.register('hdfs', hdfsFileSystem(cluster.hdfs), hdfsHomeDirectory(cluster.hadoop.toShippedRecord(), cluster.user))
  return local
}

async function find(options: SavepointCommand) {
  const configuration: Configuration = commandConfiguration(options.properties, {}, options.installation)
  return findRunningJob(options, configuration)
}
