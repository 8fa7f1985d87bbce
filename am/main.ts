/**
 * Entry of the JobManager: a thread of a local run (workerData: a port to the client), a process of the client's
 * machine (`--local <directory> <attempt>`), or YARN's application master (descriptor in the working directory).
 */
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { entryPoint } from '#core/cluster/entry-points.js'
import type { LocalLaunch } from './local-main.js'

const launch = isMainThread ? undefined : (workerData as LocalLaunch)
if (launch === undefined && process.argv[2] === '--local') {
  const { runLocalProcessMaster } = await import('./local-process-main.js')
  await runLocalProcessMaster(process.argv[3] ?? '', Number(process.argv[4]))
} else if (launch === undefined) {
  const { runYarnMaster } = await import('./yarn-main.js')
  await runYarnMaster()
} else {
  // A local job waits for its first slot: that thread loads beside this one.
  const firstSlot = new Worker(entryPoint('slot'))
  const { runLocalMaster } = await import('./local-main.js')
  await runLocalMaster(launch, firstSlot)
}
