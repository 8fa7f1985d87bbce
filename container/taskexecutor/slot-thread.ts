/** A slot's thread as the TaskExecutor sees it. A new instance is made when the thread has to be replaced. */
import { Worker } from 'node:worker_threads'
import { entryPoint } from '#core/cluster/entry-points.js'
import type { ResourceId } from '#core/ids/ids.js'
import { SlotOutOfMemory, SlotThreadDied } from './errors.js'
import type { SlotDescriptor, SlotToTaskExecutor, TaskExecutorToSlot } from './slot-messages.js'

export interface SlotThreadUser {
  onMessage(message: SlotToTaskExecutor): void
  /** The thread is gone, with what was in it. Comes once, not after `stop`. */
  onDied(error: Error): void
}

/** What TaskSlots needs of a slot's thread. */
export interface SlotHandle {
  send(message: TaskExecutorToSlot): void
  /** Ends the thread at once. */
  stop(): Promise<void>
}

export type StartSlot = (descriptor: SlotDescriptor, heapMb: number | undefined, user: SlotThreadUser) => SlotHandle

export class SlotThread implements SlotHandle {
  readonly #worker: Worker
  #stopped = false

  /** `heapMb`: limit of the thread's heap; undefined: V8's own. */
  constructor(descriptor: SlotDescriptor, heapMb: number | undefined, user: SlotThreadUser) {
    this.#worker = new Worker(entryPoint('slot'), {
      workerData: descriptor,
      name: `slot-${descriptor.slotIndex}`,
      ...(heapMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: heapMb } }),
    })
    let failure: Error | undefined
    this.#worker.on('message', (message: SlotToTaskExecutor) => {
      if (!this.#stopped) user.onMessage(message)
    })
    this.#worker.on('error', (error: Error) => (failure ??= error))
    this.#worker.on('exit', (code) => {
      if (this.#stopped) return
      this.#stopped = true
      user.onDied(causeOfDeath(descriptor.slotIndex, descriptor.resourceId, heapMb, failure, code))
    })
  }

  send(message: TaskExecutorToSlot): void {
    if (this.#stopped) return message.type === 'connection' ? message.port.close() : undefined
    if (message.type === 'connection') this.#worker.postMessage(message, [message.port])
    else this.#worker.postMessage(message)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#worker.terminate()
  }
}

function causeOfDeath(slot: number, resourceId: ResourceId, heapMb: number | undefined, failure: Error | undefined, code: number): Error {
  const outOfMemory = (failure as { code?: unknown } | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY'
  if (outOfMemory && heapMb !== undefined) return new SlotOutOfMemory({ slot, resourceId, heapMb }, { cause: failure })
  const reason = failure === undefined ? `exit code ${code}` : failure.message
  return new SlotThreadDied({ slot, resourceId, reason }, failure === undefined ? undefined : { cause: failure })
}
