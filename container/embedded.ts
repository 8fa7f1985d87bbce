/** Entry of a TaskManager in the thread of its JobManager (target local): core/cluster/embedded-worker.ts. Its slots are threads. */
import type { EmbeddedWorkerModule } from '#core/cluster/embedded-worker.js'
import { systemEnvironment } from '#core/time/environment.js'
import { writeLines } from './output.js'
import { MasterLost } from './taskexecutor/errors.js'
import { TaskExecutor } from './taskexecutor/task-executor.js'

export const startEmbeddedWorker: EmbeddedWorkerModule['startEmbeddedWorker'] = (descriptor, channel, firstSlot) => {
  let used = false
  const executor = new TaskExecutor({
    descriptor,
    environment: systemEnvironment,
    secret: undefined,
    firstSlot,
    host: 'localhost',
    connect: async () => {
      if (used) return 'none'
      used = true
      return channel
    },
    write: writeLines,
  })
  const ended = executor.run().catch((error: unknown) => {
    // Its master has ended: nothing is wrong.
    if (!MasterLost.is(error)) throw error
  })
  return { ended, stop: () => executor.stopSlots() }
}
