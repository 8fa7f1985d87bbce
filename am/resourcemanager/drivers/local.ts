/** Workers as threads of this process: the target `local`. Each gets as many slots as the job that it is for needs. */
import type { Worker } from 'node:worker_threads'
import type { WorkerDescriptor } from '#core/cluster/worker-descriptor.js'
import { resourceId, type ResourceId } from '#core/ids/ids.js'
import type { Channel } from '#core/rpc/channel.js'
import { portChannel } from '#core/rpc/port-channel.js'
import type { Environment, Millis, TimerHandle } from '#core/time/environment.js'
import type { WorkersWanted } from '../slotmanager/slot-manager.js'
import type { DriverListener, ResourceManagerDriver } from './driver.js'
import { launchWorker, startWorkerThread, type WorkerThread } from './local-thread.js'

/** A thread that was told to end and did not is ended by force after this time: it may still have output to write. */
const GRACE_MS = 2_000
/** The same for one that is given back before the end: it runs nothing. */
const IDLE_GRACE_MS = 50

export interface LocalDriverSettings {
  readonly environment: Environment
  readonly configuration: Readonly<Record<string, string>>
  readonly workingDirectory: string
  readonly user: string
  /** Slots that the first job probably needs. */
  readonly expectedSlots: number
  /** A thread that was started ahead, for the first worker. */
  readonly firstWorker?: WorkerThread
  /** For hdfs:// paths; undefined: there is no Hadoop. */
  readonly hadoopConfiguration: Readonly<Record<string, string>> | undefined
  /** The way to a new worker. */
  onChannel(channel: Channel): void
}

interface Thread {
  readonly worker: Worker
  readonly slots: number
  readonly ended: Promise<void>
  releasing: boolean
  /** It does not count towards those wanted. */
  discounted: boolean
}

export class LocalDriver implements ResourceManagerDriver {
  readonly #settings: LocalDriverSettings
  readonly #threads = new Map<ResourceId, Thread>()
  #listener: DriverListener | undefined
  #started = 0

  constructor(settings: LocalDriverSettings) {
    this.#settings = settings
  }

  start(listener: DriverListener): Promise<void> {
    this.#listener = listener
    // Its threads load while the program is compiled. A job that needs another size gets a worker of its own, and this one ends.
    this.#startThread(this.#settings.expectedSlots)
    return Promise.resolve()
  }

  declareWorkers(wanted: readonly WorkersWanted[]): void {
    for (const { slots, count } of wanted) {
      const present = [...this.#threads.values()].filter(
        (thread) => thread.slots === slots && !thread.releasing && !thread.discounted,
      ).length
      for (let missing = count - present; missing > 0; missing--) this.#startThread(slots)
    }
  }

  discountWorker(id: ResourceId): void {
    const thread = this.#threads.get(id)
    if (thread !== undefined) thread.discounted = true
  }

  /** There are no pages but our own. */
  setProgress(): void {}

  /** There is one node. */
  blockNodes(): void {}

  releaseWorker(id: ResourceId): void {
    const thread = this.#threads.get(id)
    if (thread !== undefined && !thread.releasing) void this.#end(thread, IDLE_GRACE_MS)
  }

  describePending(): string {
    return ''
  }

  async finish(): Promise<void> {
    await Promise.all([...this.#threads.values()].map((thread) => (thread.releasing ? thread.ended : this.#end(thread, GRACE_MS))))
  }

  #startThread(slots: number): void {
    const id = resourceId(`local-${++this.#started}`)
    const { configuration, workingDirectory, user, hadoopConfiguration } = this.#settings
    const descriptor: WorkerDescriptor = {
      version: 1,
      resourceId: id,
      slots,
      processMemory: 0,
      configuration,
      master: { kind: 'thread' },
      workingDirectory,
      user,
      ...(hadoopConfiguration === undefined ? {} : { hadoopConfiguration }),
    }
    const thread = (this.#started === 1 ? this.#settings.firstWorker : undefined) ?? startWorkerThread()
    const { worker, port } = thread
    launchWorker(thread, descriptor)
    let failure: Error | undefined
    worker.on('error', (error: Error) => (failure = error))
    const ended = new Promise<void>((resolve) =>
      worker.on('exit', (code) => {
        this.#threads.delete(id)
        port.close()
        this.#listener?.terminated(
          id,
          failure === undefined ? `its thread ended with status ${code}` : `its thread failed: ${failure.message}`,
          'failed',
        )
        resolve()
      }),
    )
    this.#threads.set(id, { worker, slots, ended, releasing: false, discounted: false })
    this.#listener?.started(id, 'localhost', slots)
    this.#settings.onChannel(portChannel(port, id))
  }

  async #end(thread: Thread, grace: Millis): Promise<void> {
    thread.releasing = true
    let timer: TimerHandle | undefined
    const late = new Promise<void>((resolve) => (timer = this.#settings.environment.timers.after(grace, resolve)))
    await Promise.race([thread.ended, late])
    timer?.cancel()
    await thread.worker.terminate()
  }
}
