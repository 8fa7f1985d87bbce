/**
 * A TaskManager in the thread of its JobManager (target local). The two rooms do not import each other: the JobManager's driver imports
 * the module at entryPoint('embedded') and knows it by this declaration.
 */
import type { Worker } from 'node:worker_threads'
import type { Channel } from '../rpc/channel.js'
import type { WorkerDescriptor } from './worker-descriptor.js'

export interface EmbeddedWorker {
  /** When nothing of it is left. Rejects with the reason when it could not go on. */
  readonly ended: Promise<void>
  /** Ends its slots' threads at once, with what runs in them. */
  stop(): Promise<void>
}

export interface EmbeddedWorkerModule {
  /** `channel`: to the JobManager. `firstSlot`: the thread of a slot that was started ahead. */
  startEmbeddedWorker(descriptor: WorkerDescriptor, channel: Channel, firstSlot: Worker | undefined): EmbeddedWorker
}
