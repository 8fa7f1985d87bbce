/**
 * `weft yarn-session`: starts a session on YARN, attaches to one that runs, or stops it. Attached it stays until the session ends; the
 * one that started it takes it along at Ctrl-C, as Flink's. `stop` on standard input stops it, too.
 */
import { createInterface } from 'node:readline'
import { APPLICATION_DESCRIPTOR_VERSION } from '#core/cluster/application-descriptor.js'
import type { Configuration } from '#core/config/configuration.js'
import { ATTACHED } from '#core/config/options/execution.js'
import { JOBMANAGER_PROCESS_SIZE, TASKMANAGER_PROCESS_SIZE } from '#core/config/options/memory.js'
import { TASK_SLOTS } from '#core/config/options/cluster.js'
import { ISOLATE_JOBS } from '#core/config/options/session.js'
import {
  YARN_APPLICATION_ID,
  YARN_APPLICATION_NAME,
  YARN_APPLICATION_NODE_LABEL,
  YARN_APPLICATION_QUEUE,
  YARN_APPLICATION_TYPE,
  YARN_SHIP_FILES,
} from '#core/config/options/yarn.js'
import { newHexId, type JobId } from '#core/ids/ids.js'
import { sleep, systemEnvironment } from '#core/time/environment.js'
import { ResourceManagerUnreachable } from '#hadoop/rest/errors.js'
import { MasterClient, MasterRefused, MasterUnreachable } from '../cluster/master-client.js'
import { isTerminal } from '../deploy/yarn/application-state.js'
import { applicationReport, cleanUpStaging, killApplication, sweepStaging } from '../deploy/yarn/applications.js'
import { explainFailure } from '../deploy/yarn/explain-failure.js'
import { describeEnd } from '../deploy/yarn/lifetime.js'
import { proxyBaseUrl, proxyTransport } from '../deploy/yarn/master-proxy.js'
import { submitYarnApplication } from '../deploy/yarn/submit-application.js'
import { connectYarn, type YarnCluster } from '../deploy/yarn/yarn-cluster.js'
import { SessionEnded, SwitchRefused } from '../session/errors.js'
import { connectSessionOf } from '../session/session-connection.js'
import { Interrupted, InterruptWatch } from './interrupt-watch.js'
import type { TextSink } from './progress.js'
import { runtimeArchive } from './runtime-archive.js'
import { commandConfiguration } from './settings.js'
import { onCluster, waitWithHints } from './yarn-deployment.js'

const DEFAULT_NAME = 'Weft session cluster'
const WATCH_MS = 1_000
const STOP_POLL_MS = 200
/** Its jobs get so long to end in order; then YARN ends it. */
const STOP_PATIENCE_MS = 60_000

export interface YarnSessionOptions {
  readonly detached?: true
  readonly applicationId?: string
  readonly stop?: true
  readonly jobManagerMemory?: string
  readonly taskManagerMemory?: string
  readonly slots?: string
  readonly name?: string
  readonly queue?: string
  readonly applicationType?: string
  readonly nodeLabel?: string
  readonly ship: readonly string[]
  readonly properties: readonly string[]
  readonly installation: string
  readonly out: TextSink
  readonly err: TextSink
  /** Where `stop` is read from; undefined: nowhere. */
  readonly input: NodeJS.ReadableStream | undefined
}

/** @throws SESSION_SWITCH_REFUSED */
export function checkSessionVerb(options: {
  readonly applicationId?: string
  readonly stop?: true
  readonly zookeeperNamespace?: string
  readonly detached?: true
}): void {
  if (options.zookeeperNamespace !== undefined)
    throw new SwitchRefused({ given: '-z', reason: 'a JobManager that takes over finds its jobs in HDFS, not in ZooKeeper. Leave it out' })
  if (options.stop === true && options.applicationId === undefined)
    throw new SwitchRefused({ given: '--stop', reason: "it needs the session's id: -id application_…. 'weft list' shows those that run" })
}

export async function yarnSession(options: YarnSessionOptions): Promise<number> {
  const configuration = sessionConfiguration(options)
  const cluster = await connectYarn(configuration, process.env)
  const applicationId = options.applicationId ?? configuration.get(YARN_APPLICATION_ID)
  if (applicationId === undefined) return start(options, configuration, cluster)
  if (options.stop === true) {
    await stopSession(cluster, configuration, applicationId, options.err)
    return 0
  }
  // Before the announcement: whoever has read it may press Ctrl-C at once.
  const interrupt = new InterruptWatch()
  try {
    await connectSessionOf(cluster, applicationId)
    interrupt.check()
    announce(options, cluster, applicationId)
    if (options.detached === true) return 0
    return await attached(options, configuration, cluster, applicationId, interrupt)
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    options.err.write(`\n${applicationId} goes on without this command.\n`)
    return 0
  } finally {
    interrupt.stop()
  }
}

/** Switches are stronger than -D and the file, as everywhere. Memory without a unit is in MB here, as with Flink's. */
export function sessionConfiguration(options: Omit<YarnSessionOptions, 'out' | 'err' | 'input'>): Configuration {
  const megabytes = (text: string) => (/^\d+$/.test(text.trim()) ? `${text.trim()}m` : text)
  const switches: Record<string, string> = { [ATTACHED.key]: String(options.detached !== true) }
  const set = (key: string, value: string | undefined) => {
    if (value !== undefined) switches[key] = value
  }
  set(JOBMANAGER_PROCESS_SIZE.key, options.jobManagerMemory === undefined ? undefined : megabytes(options.jobManagerMemory))
  set(TASKMANAGER_PROCESS_SIZE.key, options.taskManagerMemory === undefined ? undefined : megabytes(options.taskManagerMemory))
  set(TASK_SLOTS.key, options.slots)
  set(YARN_APPLICATION_NAME.key, options.name)
  set(YARN_APPLICATION_QUEUE.key, options.queue)
  set(YARN_APPLICATION_TYPE.key, options.applicationType)
  set(YARN_APPLICATION_NODE_LABEL.key, options.nodeLabel)
  if (options.ship.length > 0) switches[YARN_SHIP_FILES.key] = options.ship.join(';')
  const configuration = commandConfiguration(options.properties, switches, options.installation)
  configuration.validate('command line')
  return configuration
}

async function start(options: YarnSessionOptions, given: Configuration, cluster: YarnCluster): Promise<number> {
  const { err } = options
  const inert = given.inertKeys()
  if (inert.length > 0) err.write(`Warning: without effect here: ${inert.join(', ')}\n`)
  const local = onCluster(given, cluster)
  const configuration = local.has(ISOLATE_JOBS) ? local : local.with({ [ISOLATE_JOBS.key]: 'true' })
  const interrupt = new InterruptWatch()
  let applicationId: string | undefined
  try {
    const submitted = await submitYarnApplication(cluster, {
      descriptor: {
        version: APPLICATION_DESCRIPTOR_VERSION,
        jobId: newHexId<JobId>(systemEnvironment.random),
        name: configuration.get(YARN_APPLICATION_NAME) ?? DEFAULT_NAME,
        user: cluster.user,
        attached: false,
        configuration: configuration.toRecord(),
        program: { kind: 'session' },
      },
      configuration,
      runtimeArchive: runtimeArchive(options.installation),
    })
    applicationId = submitted.applicationId
    interrupt.check()
    err.write(`Submitting application master ${applicationId}\n`)
    for (const warning of submitted.warnings) err.write(`Warning: ${warning}\n`)
    if (submitted.endsAt !== undefined) err.write(`${describeEnd(submitted.endsAt)}.\n`)
    const running = await waitWithHints(cluster, err, applicationId, interrupt)
    if (isTerminal(running.state)) {
      err.write(`${await explainFailure(cluster, running)}\n`)
      await sweepStaging(cluster, configuration, '')
      return 1
    }
    err.write('YARN application has been deployed successfully.\n')
    announce(options, cluster, applicationId)
    return options.detached === true ? 0 : await attached(options, configuration, cluster, applicationId, interrupt)
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    if (applicationId === undefined) {
      err.write('\nInterrupted before anything was submitted.\n')
      return 1
    }
    err.write('\nInterrupted. ')
    await stopSession(cluster, configuration, applicationId, err)
    return 0
  } finally {
    interrupt.stop()
  }
}

function announce({ out, err, detached, input }: YarnSessionOptions, cluster: YarnCluster, applicationId: string): void {
  out.write(`${applicationId}\n`)
  err.write(
    `Web interface of application '${applicationId}': ${proxyBaseUrl(cluster, applicationId)}\n` +
      `  to run a job in it:  weft run -t yarn-session -Dyarn.application.id=${applicationId} <job>\n` +
      `  to see its jobs:     weft list -yid ${applicationId}\n` +
      `  to stop it:          weft yarn-session -id ${applicationId} --stop\n`,
  )
  if (detached !== true && input !== undefined)
    err.write("Attached: Ctrl-C leaves, or stops the session that this command started; 'stop' stops it.\n")
}

/** Until the session has ended. @throws Interrupted */
async function attached(
  { input, err }: YarnSessionOptions,
  configuration: Configuration,
  cluster: YarnCluster,
  applicationId: string,
  interrupt: InterruptWatch,
): Promise<number> {
  let stopping = false
  const lines = input === undefined ? undefined : createInterface({ input })
  // Nobody need type anything: an input that ends changes nothing.
  lines?.on('line', (line) => {
    const word = line.trim().toLowerCase()
    if (word === '') return
    if (!['stop', 'quit', 'exit'].includes(word)) return err.write("Unknown command. 'stop' stops the session.\n")
    if (stopping) return
    stopping = true
    stopSession(cluster, configuration, applicationId, err).catch((error: unknown) => {
      stopping = false
      err.write(`${error instanceof Error ? error.message : String(error)}\n`)
    })
  })
  try {
    for (;;) {
      const report = await Promise.race([reportOrUndefined(cluster, applicationId), interrupt.rejection])
      if (report !== undefined && isTerminal(report.state)) {
        const good = report.finalStatus === 'SUCCEEDED'
        if (!good) err.write(`${await explainFailure(cluster, report)}\n`)
        if (!stopping) err.write(`${applicationId} has ended: ${report.state} / ${report.finalStatus}\n`)
        await cleanUpStaging(cluster, configuration, applicationId)
        return good ? 0 : 1
      }
      await Promise.race([sleep(cluster.environment, stopping ? STOP_POLL_MS : WATCH_MS), interrupt.rejection])
    }
  } finally {
    lines?.close()
  }
}

/** Undefined: the ResourceManager is away. */
async function reportOrUndefined(cluster: YarnCluster, applicationId: string) {
  try {
    return await applicationReport(cluster, applicationId)
  } catch (error) {
    if (ResourceManagerUnreachable.is(error)) return undefined
    throw error
  }
}

/**
 * Its master cancels the jobs and takes leave; one that does not answer is ended by YARN.
 * @throws SESSION_ENDED, SESSION_IS_NONE, YARN_UNKNOWN_APPLICATION, YARN_APPLICATION_NOT_PERMITTED
 */
async function stopSession(cluster: YarnCluster, configuration: Configuration, applicationId: string, err: TextSink): Promise<void> {
  const { clock } = cluster.environment
  const { state, finalStatus } = await applicationReport(cluster, applicationId)
  if (isTerminal(state)) throw new SessionEnded({ session: applicationId, state: `${state} / ${finalStatus}` })
  err.write(`Stopping session ${applicationId}.\n`)
  if (state === 'RUNNING' && (await askToStop(cluster, applicationId))) {
    const deadline = clock.monotonic() + STOP_PATIENCE_MS
    while (clock.monotonic() < deadline) {
      const report = await applicationReport(cluster, applicationId)
      if (isTerminal(report.state)) {
        err.write(`Session ${applicationId} has ended: ${report.state} / ${report.finalStatus}\n`)
        await cleanUpStaging(cluster, configuration, applicationId)
        return
      }
      await sleep(cluster.environment, STOP_POLL_MS)
    }
  }
  await killApplication(cluster, applicationId, `stopped by ${cluster.user} with weft yarn-session`)
  await cleanUpStaging(cluster, configuration, applicationId)
  err.write(`Session ${applicationId} did not end by itself and was ended by YARN.\n`)
}

/** False: the master does not answer. @throws SESSION_IS_NONE */
async function askToStop(cluster: YarnCluster, applicationId: string): Promise<boolean> {
  const master = new MasterClient(proxyTransport(cluster, applicationId))
  try {
    const { id } = await master.session()
    await master.cancel(id)
    return true
  } catch (error) {
    if (MasterUnreachable.is(error)) return false
    if (!MasterRefused.is(error)) throw error
    // Says that it is an application, or who may not stop it.
    await connectSessionOf(cluster, applicationId)
    throw error
  }
}
