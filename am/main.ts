/**
 * Entry of the JobManager: a thread of a local run (workerData: descriptor and a port to the client), a process of the client's
 * machine (`--local <directory> <attempt>`), or YARN's application master (descriptor in the working directory).
 */
import { isMainThread, workerData } from 'node:worker_threads'
import type { LocalLaunch } from './local-main.js'

const launch = isMainThread ? undefined : (workerData as LocalLaunch)
if (launch === undefined && process.argv[2] === '--local') {
  const { runLocalProcessMaster } = await import('./local-process-main.js')
  await runLocalProcessMaster(process.argv[3] ?? '', Number(process.argv[4]))
} else if (launch === undefined) {
  const { runYarnMaster } = await import('./yarn-main.js')
  await runYarnMaster()
} else {
  // The first worker's threads load beside this one.
  const { startWorkerThread } = await import('./resourcemanager/drivers/local-thread.js')
  const worker = startWorkerThread()
  const { runLocalMaster } = await import('./local-main.js')
  await runLocalMaster(launch, worker)
}
