/**
 * Entry of a TaskManager: a thread of the local mode (workerData: a port to the master, and a descriptor unless it comes by that
 * port), or a process (YARN container) told by WEFT_WORKER and the token file.
 */
import { isMainThread } from 'node:worker_threads'
import { startSlotWorker } from './taskexecutor/slot-worker.js'

// A local job waits for its first slot: that thread loads beside this one.
const firstSlot = isMainThread ? undefined : startSlotWorker()
const { runTaskManager } = await import('./task-manager.js')
await runTaskManager(firstSlot)
