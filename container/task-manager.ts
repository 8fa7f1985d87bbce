/** A TaskManager that is a process, from its launch to its exit. */
import { hostname } from 'node:os'
import { SECRET_ALIAS } from '#core/cluster/application-descriptor.js'
import { watchLifeline } from '#core/cluster/lifeline.js'
import { Configuration } from '#core/config/configuration.js'
import { SECRET_VALUES_ALIAS, withSecretValues } from '#core/config/secret-values.js'
import { TASKMANAGER_HOST } from '#core/config/options/cluster.js'
import { logger } from '#core/log/logger.js'
import { useWinston } from '#core/log/winston-sink.js'
import { connectTls } from '#core/rpc/tls-channel.js'
import { ignoreInspectorSignal } from '#core/security/inspector.js'
import { systemEnvironment } from '#core/time/environment.js'
import { isSecure } from '#hadoop/conf/addresses.js'
import { HadoopConfiguration } from '#hadoop/conf/hadoop-configuration.js'
import { readCredentials } from '#hadoop/security/credentials.js'
import { replaceTokenFile } from '#hadoop/security/token-file.js'
import { workerFileSystems, type LoadHdfs } from './file-systems.js'
import { descriptorFromEnvironment, InvalidLaunch, readTokenFile, tokenFile } from './launch.js'
import { locateMaster } from './master-locator.js'
import { writeLines } from './output.js'
import { followTokens } from './token-follower.js'
import { TaskExecutor, type TaskExecutorOptions } from './taskexecutor/task-executor.js'

const log = logger('TaskManager')

const loadHdfs: LoadHdfs = async (hadoopConfiguration, user) => {
  const { createHdfsFileSystem, hdfsHomeDirectory } = await import('#hadoop/hdfs/hdfs-file-system.js')
  return { fileSystem: createHdfsFileSystem(hadoopConfiguration, user), home: hdfsHomeDirectory(hadoopConfiguration, user) }
}

const storeTokens = (credentials: Buffer): Promise<void> => replaceTokenFile(tokenFile(process.env), readCredentials(credentials))

async function readLaunch(): Promise<TaskExecutorOptions> {
  const told = descriptorFromEnvironment(process.env)
  const { master } = told
  if (master.kind !== 'address') throw new InvalidLaunch({ problem: 'its descriptor names no address of a JobManager' })
  const { secrets } = readCredentials(await readTokenFile(process.env))
  const secret = secrets.get(SECRET_ALIAS)
  if (secret === undefined) throw new InvalidLaunch({ problem: `its token file holds no secret '${SECRET_ALIAS}'` })
  const descriptor = { ...told, configuration: withSecretValues(told.configuration, secrets.get(SECRET_VALUES_ALIAS)) }
  const fileSystems = await workerFileSystems(descriptor, loadHdfs)
  return {
    descriptor,
    environment: systemEnvironment,
    secret,
    // A container of YARN's has its own directory, which is removed with it.
    temporaryDirectory: process.env['CONTAINER_ID'] === undefined ? undefined : process.cwd(),
    // NM_HOST: the node's name as YARN knows it.
    host: Configuration.of(descriptor.configuration).get(TASKMANAGER_HOST) ?? process.env['NM_HOST'] ?? hostname(),
    connect: async (lost) => {
      const address = await locateMaster(master, lost, fileSystems)
      return address === undefined || address === 'none' ? address : connectTls(address.host, address.port, secret)
    },
    // On a Kerberized cluster: tokens that the master has renewed.
    ...(isSecure(HadoopConfiguration.of(descriptor.hadoopConfiguration ?? {}))
      ? { onRegistered: (connection, epoch) => void followTokens(connection, epoch, storeTokens, systemEnvironment) }
      : {}),
    write: writeLines,
  }
}

async function exit(code: number): Promise<never> {
  await Promise.all([writeLines('', false), writeLines('', true)])
  process.exit(code)
}

function die(error: unknown): void {
  log.error(`The TaskManager ends: ${error instanceof Error ? error.message : String(error)}`, error)
  // One turn for the log's own stream.
  setTimeout(() => void exit(1), 20)
}

export async function runTaskManager(): Promise<void> {
  process.stdout.on('error', () => undefined)
  process.stderr.on('error', () => undefined)
  ignoreInspectorSignal()
  process.on('uncaughtException', die)
  process.on('unhandledRejection', die)
  try {
    useWinston({ level: 'info' })
    watchLifeline(process.env, () => process.exit(143))
    await new TaskExecutor(await readLaunch()).run()
    await exit(0)
  } catch (error) {
    die(error)
  }
}
