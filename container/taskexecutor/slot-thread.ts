/** A slot's thread as the TaskExecutor sees it. A new instance is made when the thread has to be replaced. */
import type { Worker } from 'node:worker_threads'
import type { ResourceId } from '#core/ids/ids.js'
import { SlotOutOfMemory, SlotThreadDied } from './errors.js'
import type { SlotDescriptor, SlotToTaskExecutor, TaskExecutorToSlot } from './slot-messages.js'
import { startSlotWorker } from './slot-worker.js'

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

/** Slots are threads; the first one may have been started ahead. */
export function slotStarter(first: Worker | undefined): StartSlot {
  let ahead = first
  return (descriptor, heapMb, user) => {
    const worker = heapMb === undefined ? ahead : undefined
    ahead = undefined
    return new SlotThread(descriptor, heapMb, user, worker)
  }
}

export class SlotThread implements SlotHandle {
  readonly #worker: Worker
  #stopped = false
  /** What is said before the thread listens; undefined: it does. */
  #early: TaskExecutorToSlot[] | undefined = []

  /** `heapMb`: limit of the thread's heap; undefined: V8's own. `worker`: one that was started ahead, without a limit. */
  constructor(descriptor: SlotDescriptor, heapMb: number | undefined, user: SlotThreadUser, worker = startSlotWorker(heapMb)) {
    this.#worker = worker
    worker.postMessage(descriptor)
    let failure: Error | undefined
    this.#worker.on('message', (message: SlotToTaskExecutor) => {
      if (this.#stopped) return
      if (message.type === 'started') this.#sendEarly()
      user.onMessage(message)
    })
    this.#worker.on('error', (error: Error) => (failure ??= error))
    this.#worker.on('exit', (code) => {
      if (this.#stopped) return
      this.#stopped = true
      this.#sendEarly()
      user.onDied(causeOfDeath(descriptor.slotIndex, descriptor.resourceId, heapMb, failure, code))
    })
  }

  send(message: TaskExecutorToSlot): void {
    if (this.#stopped) return message.type === 'connection' ? message.port.close() : undefined
    if (this.#early !== undefined) return void this.#early.push(message)
    if (message.type === 'connection') this.#worker.postMessage(message, [message.port])
    else this.#worker.postMessage(message)
  }

  #sendEarly(): void {
    const early = this.#early ?? []
    this.#early = undefined
    for (const message of early) this.send(message)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#sendEarly()
    await this.#worker.terminate()
  }
}

function causeOfDeath(slot: number, resourceId: ResourceId, heapMb: number | undefined, failure: Error | undefined, code: number): Error {
  const outOfMemory = (failure as { code?: unknown } | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY'
  if (outOfMemory && heapMb !== undefined) return new SlotOutOfMemory({ slot, resourceId, heapMb }, { cause: failure })
  const reason = failure === undefined ? `exit code ${code}` : failure.message
  return new SlotThreadDied({ slot, resourceId, reason }, failure === undefined ? undefined : { cause: failure })
}
