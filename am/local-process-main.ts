/**
 * The JobManager as a process of the client's machine (`local.isolation: PROCESSES`): the same as on YARN, with the client in the part
 * of the ResourceManager that starts it again when it dies. Called as `am.mjs --local <directory> <attempt>`; the directory holds
 *
 *   weft-application.json   the descriptor                container_tokens   the application's secret
 *   rest.json               port of REST, by attempt      leader.json        where workers find the newest JobManager
 *   jobs/                   of a session: what clients submit
 *   results/, workers/      ends of jobs, workers that run
 */
import { mkdirSync, rmSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from '#core/zod.js'
import { APPLICATION_DESCRIPTOR_FILE, ApplicationDescriptorSchema, SECRET_ALIAS } from '#core/cluster/application-descriptor.js'
import { watchLifeline } from '#core/cluster/lifeline.js'
import { APPLICATION_ENDED_BADLY, LOCAL_REST_FILE, LOCAL_TOKEN_FILE } from '#core/cluster/local-processes.js'
import { Configuration } from '#core/config/configuration.js'
import { SECRET_VALUES_ALIAS, withSecretValues } from '#core/config/secret-values.js'
import { TASK_SLOTS } from '#core/config/options/cluster.js'
import { REST_BIND_ADDRESS, REST_BIND_PORT } from '#core/config/options/rest.js'
import { parsePortRange } from '#core/config/port-range.js'
import { localFileSystem } from '#core/fs/local-file-system.js'
import { writeLeader } from '#core/ha/leader-file.js'
import { logger } from '#core/log/logger.js'
import { useWinston } from '#core/log/winston-sink.js'
import { RpcConnection } from '#core/rpc/rpc-connection.js'
import { listenTls } from '#core/rpc/tls-channel.js'
import { systemEnvironment } from '#core/time/environment.js'
import { readCredentials } from '#hadoop/security/credentials.js'
import { openJobResultStore } from './dispatcher/job-result-store.js'
import { exitOnUncaught, exitWith } from './exit-with.js'
import { localHadoopConfiguration, registerHdfs } from './hdfs.js'
import { localCheckpointDirectory } from './local-directories.js'
import { runMaster } from './master.js'
import { workerLimits, workerSize } from './resourcemanager/slotmanager/worker-limits.js'
import { ProcessDriver } from './resourcemanager/drivers/process/process-driver.js'

const log = logger('Master')
const environment = systemEnvironment

export async function runLocalProcessMaster(directory: string, attempt: number): Promise<void> {
  useWinston({ level: 'info' })
  exitOnUncaught()
  watchLifeline(process.env, () => {
    // Workers end by themselves; nobody else is left to clear up.
    rmSync(directory, { recursive: true, force: true })
    exitWith(143, 'The client is gone.')
  })
  try {
    const exitCode = await run(directory, attempt, (error) => exitWith(1, 'The JobManager cannot go on', error))
    exitWith(exitCode === 0 ? 0 : APPLICATION_ENDED_BADLY, `The JobManager ends with status ${exitCode}.`)
  } catch (error) {
    exitWith(1, 'The JobManager failed', error)
  }
}

async function run(directory: string, attempt: number, onFatal: (error: Error) => void): Promise<number> {
  const text = await readFile(join(directory, APPLICATION_DESCRIPTOR_FILE), 'utf8')
  const parsed = ApplicationDescriptorSchema.safeParse(JSON.parse(text))
  if (!parsed.success) throw new Error(`The application descriptor is wrong:\n${z.prettifyError(parsed.error)}`)
  const { target } = parsed.data
  if (target.kind !== 'local-processes') throw new Error(`This JobManager cannot run an application for '${target.kind}'`)
  const tokenFile = join(directory, LOCAL_TOKEN_FILE)
  const { secrets } = readCredentials(await readFile(tokenFile))
  const secret = secrets.get(SECRET_ALIAS)
  if (secret === undefined) throw new Error(`${tokenFile} holds no secret '${SECRET_ALIAS}'`)
  const descriptor = { ...parsed.data, configuration: withSecretValues(parsed.data.configuration, secrets.get(SECRET_VALUES_ALIAS)) }
  // Clients tell by it that this is their machine.
  if (descriptor.program.kind === 'session') mkdirSync(join(directory, 'jobs'), { recursive: true, mode: 0o700 })
  const configuration = Configuration.of(descriptor.configuration)
  const bindPort = configuration.get(REST_BIND_PORT)
  const hadoopConfiguration = await localHadoopConfiguration(configuration)
  log.info(`JobManager of ${descriptor.name}, attempt ${attempt}, Node ${process.version}.`)
  return runMaster(descriptor, {
    environment,
    epoch: attempt,
    workingDirectory: target.workingDirectory,
    placement: { kind: 'spread', slotsPerWorker: configuration.get(TASK_SLOTS) },
    limits: workerLimits(configuration, workerSize(configuration)),
    restHost: configuration.get(REST_BIND_ADDRESS) ?? '127.0.0.1',
    restPorts: bindPort === undefined ? [0] : parsePortRange(REST_BIND_PORT.key, bindPort),
    registerFileSystems: async (fileSystems) => {
      if (hadoopConfiguration !== undefined) await registerHdfs(fileSystems, hadoopConfiguration, descriptor.user)
    },
    createDriver: async (endpoints) => {
      const { port } = await listenTls('127.0.0.1', [0], secret, (channel) => void new RpcConnection(channel, endpoints, environment))
      const leaderFile = `file://${join(directory, 'leader.json')}`
      await writeLeader(localFileSystem, leaderFile, { epoch: attempt, host: '127.0.0.1', port })
      const { workingDirectory } = target
      const { user } = descriptor
      const master = { host: '127.0.0.1', port, leaderFile }
      return new ProcessDriver({
        environment,
        configuration,
        directory,
        workingDirectory,
        user,
        hadoopConfiguration,
        epoch: attempt,
        master,
        tokenFile,
      })
    },
    onRest: (port) => void writeRestFile(directory, attempt, port),
    checkpointDirectory: localCheckpointDirectory(descriptor.jobId),
    submissionDirectory: `file://${join(directory, 'jobs')}`,
    openJobResults: (fileSystems) => {
      const results = `file://${join(directory, 'results')}`
      return openJobResultStore(fileSystems.of(results), results, attempt)
    },
    cleanUp: async () => undefined,
    onFatal,
  })
}

async function writeRestFile(directory: string, attempt: number, port: number): Promise<void> {
  const file = join(directory, LOCAL_REST_FILE)
  await writeFile(`${file}.${attempt}`, JSON.stringify({ attempt, port }), { mode: 0o600 })
  await rename(`${file}.${attempt}`, file)
}
