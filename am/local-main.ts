/** The JobManager as a thread of the client's process. */
import { mkdirSync, rmSync } from 'node:fs'
import type { MessagePort, Worker } from 'node:worker_threads'
import * as z from '#core/zod.js'
import { ApplicationDescriptorSchema } from '#core/cluster/application-descriptor.js'
import { Configuration } from '#core/config/configuration.js'
import { PARALLELISM } from '#core/config/options/execution.js'
import { REST_BIND_ADDRESS, REST_BIND_PORT } from '#core/config/options/rest.js'
import { parsePortRange } from '#core/config/port-range.js'
import { logger } from '#core/log/logger.js'
import { RpcConnection } from '#core/rpc/rpc-connection.js'
import { systemEnvironment } from '#core/time/environment.js'
import { ClientPort } from './client-port.js'
import { localHadoopConfiguration, registerHdfs } from './hdfs.js'
import { localCheckpointDirectory, localSessionDirectory } from './local-directories.js'
import { runMaster } from './master.js'
import { LocalDriver, loadEmbeddedWorker } from './resourcemanager/drivers/local.js'
import { NO_LIMITS } from './resourcemanager/slotmanager/worker-limits.js'

export interface LocalLaunch {
  /** To the client (core/cluster/local-master-messages.ts). The application comes by it; the thread loads its code meanwhile. */
  readonly port: MessagePort
}

const log = logger('Master')
const environment = systemEnvironment

/** `firstSlot`: a slot's thread that was started already. */
export async function runLocalMaster(launch: LocalLaunch, firstSlot: Worker): Promise<void> {
  const client = new ClientPort(launch.port)
  // Most programs are SQL: what compiles it is loaded while the client is still at work.
  await Promise.all([import('./application/sql-program.js'), loadEmbeddedWorker()])
  const parsed = ApplicationDescriptorSchema.safeParse(await client.application)
  if (!parsed.success) throw new Error(`The application descriptor is wrong:\n${z.prettifyError(parsed.error)}`)
  const descriptor = parsed.data
  const { target } = descriptor
  if (target.kind !== 'local') throw new Error(`A JobManager thread cannot run an application for '${target.kind}'`)
  const configuration = Configuration.of(descriptor.configuration)
  const bindPort = configuration.get(REST_BIND_PORT)
  const hadoopConfiguration = await localHadoopConfiguration(configuration)
  const sessionDirectory = localSessionDirectory(descriptor.jobId)
  // Made here and now: nobody else's must be taken for it.
  if (descriptor.program.kind === 'session') mkdirSync(sessionDirectory, { mode: 0o700 })
  const exitCode = await runMaster(descriptor, {
    environment,
    epoch: 1,
    workingDirectory: target.workingDirectory,
    placement: { kind: 'one-worker' },
    limits: NO_LIMITS,
    restHost: configuration.get(REST_BIND_ADDRESS) ?? '127.0.0.1',
    // The client asks by its port: REST is for others, who have to know where it listens.
    restPorts: bindPort === undefined ? [] : parsePortRange(REST_BIND_PORT.key, bindPort),
    registerFileSystems: async (fileSystems) => {
      if (hadoopConfiguration !== undefined) await registerHdfs(fileSystems, hadoopConfiguration, descriptor.user)
    },
    createDriver: async (endpoints) =>
      new LocalDriver({
        environment,
        configuration: descriptor.configuration,
        workingDirectory: target.workingDirectory,
        user: descriptor.user,
        hadoopConfiguration,
        expectedSlots: configuration.get(PARALLELISM),
        firstSlot,
        onChannel: (channel) => void new RpcConnection(channel, endpoints, environment),
      }),
    onRest: (restPort) => client.rest(restPort),
    onAnswers: (master) => void client.serve(master),
    checkpointDirectory: localCheckpointDirectory(descriptor.jobId),
    submissionDirectory: `file://${sessionDirectory}`,
    openJobResults: async () => undefined,
    cleanUp: async () => rmSync(sessionDirectory, { recursive: true, force: true }),
    onFatal: (error) => {
      log.error('The JobManager cannot go on', error)
      process.exit(1)
    },
  })
  client.ended(exitCode)
}
