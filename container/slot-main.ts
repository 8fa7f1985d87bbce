/** Entry of a slot's thread. Its log goes to the TaskExecutor, which writes it. */
import { once } from 'node:events'
import { parentPort } from 'node:worker_threads'
import { toWireError } from '#core/errors/wire-error.js'
import { setLogSink } from '#core/log/logger.js'
import { systemEnvironment } from '#core/time/environment.js'
import { stateMemory } from '#runtime/state/state-memory.js'
import { workerFileSystems, type LoadHdfs } from './file-systems.js'
import { SlotRuntime } from './task/slot-runtime.js'
import type { SlotDescriptor, SlotToTaskExecutor } from './taskexecutor/slot-messages.js'

const loadHdfs: LoadHdfs = async (hadoopConfiguration, user) => {
  const { createHdfsFileSystem, hdfsHomeDirectory } = await import('#hadoop/hdfs/hdfs-file-system.js')
  return { fileSystem: createHdfsFileSystem(hadoopConfiguration, user), home: hdfsHomeDirectory(hadoopConfiguration, user) }
}

const port = parentPort
if (port === null) throw new Error('slot-main runs as a thread of a TaskExecutor only')
// Nothing else is sent before the slot has said that it is there.
const [descriptor] = (await once(port, 'message')) as [SlotDescriptor]

setLogSink(({ level, component, message, error }) => {
  const record: SlotToTaskExecutor = {
    type: 'log',
    level,
    component,
    message,
    ...(error === undefined ? {} : { error: toWireError(error) }),
  }
  port.postMessage(record)
})

if (descriptor.managedBytes > 0) stateMemory.limit(descriptor.managedBytes, descriptor.spillDirectory)
const runtime = new SlotRuntime({
  port,
  environment: systemEnvironment,
  fileSystems: await workerFileSystems(descriptor, loadHdfs),
  resourceId: descriptor.resourceId,
  slotIndex: descriptor.slotIndex,
  secret: descriptor.secret === undefined ? undefined : Buffer.from(descriptor.secret),
  networkBytes: descriptor.networkBytes,
  metricsIntervalMs: descriptor.metricsIntervalMs,
  localStateDirectory: descriptor.localStateDirectory,
})
await runtime.start(descriptor.bindHost, descriptor.dataPorts)
