/** `weft sql-client`: statements from a terminal, a script or the command line, to a SQL gateway's session in this process or elsewhere. */
import { readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import type { ReadStream, WriteStream } from 'node:tty'
import type { Configuration } from '#core/config/configuration.js'
import { ATTACHED, TARGET } from '#core/config/options/execution.js'
import { CLIENT_TIMEOUT } from '#core/config/options/rest.js'
import { VERBOSE } from '#core/config/options/sql-client.js'
import { systemEnvironment } from '#core/time/environment.js'
import { RemoteJob } from '../session/remote-job.js'
import { SessionManager } from '../gateway/session-manager.js'
import {
  ApplicationNeedsScript,
  EndpointMissing,
  GatewayAnswered,
  ModeUnknown,
  ScriptUnreadable,
  SwitchesExclude,
} from '../sql-client/errors.js'
import { callsTo, callsWithin, endpointUrl } from '../sql-client/gateway-calls.js'
import { GatewayClient } from '../sql-client/gateway-client.js'
import { runScript, type Script, type ScriptEnd } from '../sql-client/script.js'
import { StatementRunner } from '../sql-client/statement-runner.js'
import { describeFailure } from './failure.js'
import { connectGatewayCluster, type GatewayCluster } from './gateway-cluster.js'
import { textSink, type TextSink } from './progress.js'
import { checkSessionSwitches, isTarget, sessionSwitches, UnknownTarget } from './session-switches.js'
import { commandConfiguration } from './settings.js'

export interface SqlClientOptions {
  readonly mode: string
  readonly init?: string
  readonly file?: string
  readonly execute?: string
  readonly endpoint?: string
  readonly history?: string
  readonly target?: string
  readonly jobmanager?: string
  readonly yarnapplicationId?: string
  readonly detached?: true
  readonly properties: readonly string[]
  readonly installation: string
}

const MAX_SCRIPT_BYTES = 16 * 1024 * 1024
const HISTORY_FILE = '.weft-sql-history'

/** Exit status: 1 when a script's statement or job has failed, or the cluster has ended below the client. */
export async function sqlClient(options: SqlClientOptions): Promise<number> {
  checkSwitches(options)
  const switches = { ...sessionSwitches(options), ...(options.target === undefined ? {} : { [TARGET.key]: options.target }) }
  const configuration = commandConfiguration(options.properties, switches, options.installation)
  configuration.validate('command line')
  if (options.mode === 'gateway') return overEndpoint(options, configuration)
  const target = configuration.get(TARGET) ?? 'local'
  if (!isTarget(target)) throw new UnknownTarget({ target })
  checkSessionSwitches(options, target)
  if (target === 'yarn-application') return asApplication(options, configuration)
  if (options.detached === true)
    throw new SwitchesExclude({ one: '-d', other: `-t ${target}`, why: 'only an application goes on without its client' })
  return embedded(options, configuration)
}

/** @throws SQL_CLIENT_* */
function checkSwitches({ mode, endpoint, file, execute, target, jobmanager, yarnapplicationId }: SqlClientOptions): void {
  if (mode !== 'embedded' && mode !== 'gateway') throw new ModeUnknown({ mode })
  if (mode === 'gateway' && endpoint === undefined) throw new EndpointMissing({})
  if (mode === 'embedded' && endpoint !== undefined)
    throw new SwitchesExclude({ one: '--endpoint', other: 'mode embedded', why: 'weft sql-client gateway --endpoint … asks a gateway' })
  const cluster = [target === undefined ? '' : '-t', jobmanager === undefined ? '' : '-m', yarnapplicationId === undefined ? '' : '-yid']
  const named = cluster.find((name) => name !== '')
  if (mode === 'gateway' && named !== undefined)
    throw new SwitchesExclude({ one: named, other: 'mode gateway', why: 'the gateway has its own cluster' })
  if (file !== undefined && execute !== undefined)
    throw new SwitchesExclude({ one: '-f', other: '-e', why: 'statements come from one place' })
}

/** The whole script runs on the cluster. */
async function asApplication(options: SqlClientOptions, configuration: Configuration): Promise<number> {
  const { file, init, installation, properties } = options
  if (file === undefined) throw new ApplicationNeedsScript({})
  const { run } = await import('./run.js')
  return run({
    job: file,
    args: [],
    ...(init === undefined ? {} : { init }),
    target: 'yarn-application',
    ...(options.detached === true || !configuration.get(ATTACHED) ? { detached: true } : {}),
    properties,
    installation,
  })
}

async function overEndpoint(options: SqlClientOptions, configuration: Configuration): Promise<number> {
  const call = callsTo(endpointUrl(options.endpoint ?? ''), configuration.get(CLIENT_TIMEOUT))
  const client = await GatewayClient.open(call, systemEnvironment, configuration.toRecord())
  return serve(options, client, undefined)
}

async function embedded(options: SqlClientOptions, configuration: Configuration): Promise<number> {
  const cluster = await connectGatewayCluster(configuration, 'Weft SQL client')
  const sessions = new SessionManager({ connection: cluster.connection, environment: systemEnvironment }, configuration)
  try {
    const client = await GatewayClient.open(callsWithin(sessions), systemEnvironment, {})
    return await serve(options, client, cluster)
  } finally {
    await sessions.closeAll()
    await cluster.leave()
  }
}

async function serve(options: SqlClientOptions, client: GatewayClient, cluster: GatewayCluster | undefined): Promise<number> {
  const script = scriptOf(options)
  const [out, err] = [textSink(process.stdout), textSink(process.stderr)]
  // What a script's statements tell beside their results does not get between those.
  const info = script === undefined ? out : err
  const environment = systemEnvironment
  const runner = new StatementRunner({
    client,
    environment,
    out,
    info,
    ...(script === undefined
      ? {
          fullScreen: async (view, pages) => {
            const { watchFullScreen } = await import('../sql-client/full-screen.js')
            await watchFullScreen(view, pages, process.stdin as ReadStream, process.stdout as WriteStream)
          },
        }
      : {}),
  })
  const describe = async (error: unknown): Promise<string> => {
    if (GatewayAnswered.is(error)) return (await runner.settings()).get(VERBOSE) ? error.details.full : error.message
    return describeFailure(error, process.env['WEFT_DEBUG'] !== undefined)
  }
  try {
    const prepared = await prepare(options, client, describe, err)
    if (prepared !== 'done') return prepared === 'quit' ? 0 : 1
    if (script === undefined) return await atTerminal(options, client, runner, describe, cluster)
    return await withInterrupt(err, async (signal) => {
      const end = await runScript(script, { runner, info, signal, describe, read: readScript })
      const own = cluster?.connection.switches === '-t local' ? cluster : undefined
      if (end !== 'done' && end !== 'quit') {
        if (end === 'interrupted') told(err)
        if (own !== undefined) await tellRunning(runner, own, err)
        return 1
      }
      return own === undefined ? 0 : untilJobsEnd(runner, own, signal, err)
    })
  } finally {
    await client.close().catch(() => undefined)
  }
}

function told(err: TextSink): number {
  err.write('Interrupted.\n')
  return 1
}

/** The init script; what it answers is not shown. */
async function prepare(
  { init }: SqlClientOptions,
  client: GatewayClient,
  describe: (error: unknown) => Promise<string>,
  err: TextSink,
): Promise<ScriptEnd> {
  if (init === undefined) return 'done'
  const script = readScript(init)
  const silent = { write: () => undefined, isTTY: false, columns: err.columns }
  const runner = new StatementRunner({ client, environment: systemEnvironment, out: silent, info: silent })
  return withInterrupt(err, (signal) => runScript(script, { runner, info: err, signal, describe, read: readScript }))
}

async function withInterrupt<T>(err: TextSink, action: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interrupt = new AbortController()
  const listener = () => {
    if (interrupt.signal.aborted) process.exit(1)
    err.write('\nCancelling. (Ctrl-C again leaves at once.)\n')
    interrupt.abort()
  }
  process.on('SIGINT', listener)
  process.on('SIGTERM', listener)
  try {
    return await action(interrupt.signal)
  } finally {
    process.off('SIGINT', listener)
    process.off('SIGTERM', listener)
  }
}

async function atTerminal(
  options: SqlClientOptions,
  client: GatewayClient,
  runner: StatementRunner,
  describe: (error: unknown) => Promise<string>,
  cluster: GatewayCluster | undefined,
): Promise<number> {
  const [{ interactive }, { History }] = await Promise.all([import('../sql-client/interactive.js'), import('../sql-client/history.js')])
  const file = options.history ?? join(homedir(), HISTORY_FILE)
  const history = new History(file, (problem) => process.stderr.write(`Warning: ${problem}\n`))
  const [input, output] = [process.stdin as ReadStream, process.stdout as WriteStream]
  const never = new Promise<string>(() => undefined)
  const left = await interactive({ client, runner, history, input, output, describe, over: cluster?.over ?? never })
  if (cluster?.connection.switches === '-t local') await tellRunning(runner, cluster, output)
  return left ? 0 : 1
}

/** A cluster in this process ends with it. */
async function tellRunning(
  runner: StatementRunner,
  { connection }: GatewayCluster,
  output: { write(text: string): unknown },
): Promise<void> {
  const { jobs } = await connection.master.jobs()
  const running = jobs.filter(({ jid, state }) => runner.jobIds.includes(jid) && !['FINISHED', 'CANCELED', 'FAILED'].includes(state))
  if (running.length > 0) output.write(`Jobs that end with this client: ${running.map(({ jid, name }) => `${jid} (${name})`).join(', ')}\n`)
}

/** Jobs that a script has started on a cluster in this process run to their end before it goes. */
async function untilJobsEnd(runner: StatementRunner, { connection }: GatewayCluster, signal: AbortSignal, err: TextSink): Promise<number> {
  const aborted = new Promise<'aborted'>((resolve) => signal.addEventListener('abort', () => resolve('aborted'), { once: true }))
  let status = 0
  for (const jobId of runner.jobIds) {
    const finished = new RemoteJob(connection, systemEnvironment, jobId, 'INSERT').finished()
    finished.catch(() => undefined)
    try {
      if ((await Promise.race([finished, aborted])) === 'aborted') return told(err)
    } catch (error) {
      err.write(`[ERROR] Job ${jobId} has failed:\n${describeFailure(error, process.env['WEFT_DEBUG'] !== undefined)}\n`)
      status = 1
    }
  }
  return status
}

/** Undefined: statements are typed. @throws SQL_CLIENT_SCRIPT_UNREADABLE */
function scriptOf({ file, execute }: SqlClientOptions): Script | undefined {
  if (execute !== undefined) return { name: '-e', text: execute }
  if (file !== undefined) return readScript(file)
  if (process.stdin.isTTY && process.stdout.isTTY) return undefined
  return { name: '<stdin>', text: readFileSync(0, 'utf8') }
}

function readScript(file: string): Script {
  try {
    const { size } = statSync(file)
    if (size > MAX_SCRIPT_BYTES) throw new Error(`it is larger than ${MAX_SCRIPT_BYTES} bytes`)
    return { name: basename(file), text: readFileSync(file, 'utf8') }
  } catch (error) {
    throw new ScriptUnreadable({ file, reason: error instanceof Error ? error.message : String(error) }, { cause: error })
  }
}
