/** The thread of a slot. It loads its code at once and waits for its descriptor. */
import { Worker } from 'node:worker_threads'
import { entryPoint } from '#core/cluster/entry-points.js'

/** `heapMb`: limit of its heap; undefined: V8's own. */
export function startSlotWorker(heapMb?: number): Worker {
  return new Worker(entryPoint('slot'), heapMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: heapMb } })
}
