/** A TaskManager from its launch to its exit. */
import { once } from 'node:events'
import { hostname } from 'node:os'
import { isMainThread, workerData, type MessagePort, type Worker } from 'node:worker_threads'
import { SECRET_ALIAS } from '#core/cluster/application-descriptor.js'
import { watchLifeline } from '#core/cluster/lifeline.js'
import type { WorkerDescriptor } from '#core/cluster/worker-descriptor.js'
import { Configuration } from '#core/config/configuration.js'
import { TASKMANAGER_HOST } from '#core/config/options/cluster.js'
import { logger } from '#core/log/logger.js'
import { portChannel } from '#core/rpc/port-channel.js'
import { systemEnvironment } from '#core/time/environment.js'
import { workerFileSystems, type LoadHdfs } from './file-systems.js'
import { descriptorFromEnvironment, InvalidLaunch, parseDescriptor, readTokenFile } from './launch.js'
import { locateMaster } from './master-locator.js'
import { MasterLost } from './taskexecutor/errors.js'
import { TaskExecutor, type TaskExecutorOptions } from './taskexecutor/task-executor.js'

const log = logger('TaskManager')

const loadHdfs: LoadHdfs = async (hadoopConfiguration, user) => {
  const { createHdfsFileSystem, hdfsHomeDirectory } = await import('#hadoop/hdfs/hdfs-file-system.js')
  return { fileSystem: createHdfsFileSystem(hadoopConfiguration, user), home: hdfsHomeDirectory(hadoopConfiguration, user) }
}

/** A pipe that its reader closed is no reason to fail: lines are dropped from then on. */
function write(text: string, stderr: boolean): Promise<void> {
  const stream = stderr ? process.stderr : process.stdout
  return new Promise((resolve) => stream.write(text, () => resolve()))
}

function inThread(worker: WorkerDescriptor, port: MessagePort, firstSlot: Worker | undefined): TaskExecutorOptions {
  const channel = portChannel(port, 'the JobManager')
  let used = false
  return {
    descriptor: worker,
    environment: systemEnvironment,
    secret: undefined,
    firstSlot,
    host: 'localhost',
    connect: async () => {
      if (used) return 'none'
      used = true
      return channel
    },
    write,
  }
}

/** A thread that was started ahead of its descriptor gets it as the first message. */
async function receiveLaunch(port: MessagePort): Promise<unknown> {
  const [message] = (await once(port, 'message')) as [{ worker: unknown }]
  return message.worker
}

async function asProcess(): Promise<TaskExecutorOptions> {
  const { useWinston } = await import('#core/log/winston-sink.js')
  useWinston({ level: 'info' })
  watchLifeline(process.env, () => process.exit(143))
  const descriptor = descriptorFromEnvironment(process.env)
  const { master } = descriptor
  if (master.kind !== 'address') throw new InvalidLaunch({ problem: 'its descriptor names no address of a JobManager' })
  const { readCredentials } = await import('#hadoop/security/credentials.js')
  const { connectTls } = await import('#core/rpc/tls-channel.js')
  const secret = readCredentials(await readTokenFile(process.env)).secrets.get(SECRET_ALIAS)
  if (secret === undefined) throw new InvalidLaunch({ problem: `its token file holds no secret '${SECRET_ALIAS}'` })
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
    write,
  }
}

async function exit(code: number): Promise<never> {
  await Promise.all([write('', false), write('', true)])
  process.exit(code)
}

function die(error: unknown): void {
  log.error(`The TaskManager ends: ${error instanceof Error ? error.message : String(error)}`, error)
  // One turn for the log's own stream.
  setTimeout(() => void exit(1), 20)
}

/** `firstSlot`: the thread of a slot that was started ahead. */
export async function runTaskManager(firstSlot: Worker | undefined): Promise<void> {
  process.stdout.on('error', () => undefined)
  process.stderr.on('error', () => undefined)
  process.on('uncaughtException', die)
  process.on('unhandledRejection', die)

  try {
    const thread = isMainThread ? undefined : (workerData as { worker?: unknown; port: MessagePort })
    const options =
      thread === undefined
        ? await asProcess()
        : inThread(parseDescriptor(thread.worker ?? (await receiveLaunch(thread.port))), thread.port, firstSlot)
    await new TaskExecutor(options).run().catch((error: unknown) => {
      // A thread's master ends with its process, or ends it: nothing is wrong.
      if (thread === undefined || !MasterLost.is(error)) throw error
    })
    await exit(0)
  } catch (error) {
    die(error)
  }
}
