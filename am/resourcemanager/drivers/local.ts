/**
 * Workers in this thread, their slots as threads of their own: the target `local`. Each worker gets as many slots as the job that it is
 * for needs.
 */
import type { Worker } from 'node:worker_threads'
import type { EmbeddedWorkerModule } from '#core/cluster/embedded-worker.js'
import { entryPoint } from '#core/cluster/entry-points.js'
import type { WorkerDescriptor } from '#core/cluster/worker-descriptor.js'
import { resourceId, type ResourceId } from '#core/ids/ids.js'
import type { Channel } from '#core/rpc/channel.js'
import { channelPair } from '#core/rpc/channel-pair.js'
import type { Environment, Millis, TimerHandle } from '#core/time/environment.js'
import type { WorkersWanted } from '../slotmanager/slot-manager.js'
import type { DriverListener, ResourceManagerDriver } from './driver.js'

/** A worker that was told to end and did not is ended by force after this time: it may still have output to write. */
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
  /** The thread of a slot that was started ahead, for the first worker. */
  readonly firstSlot?: Worker
  /** For hdfs:// paths; undefined: there is no Hadoop. */
  readonly hadoopConfiguration: Readonly<Record<string, string>> | undefined
  /** The way to a new worker. */
  onChannel(channel: Channel): void
}

interface LocalWorker {
  readonly slots: number
  readonly ended: Promise<void>
  /** Ends it at once. */
  stop(): Promise<void>
  releasing: boolean
  /** It does not count towards those wanted. */
  discounted: boolean
}

/** Loaded once, by whoever comes first. */
export async function loadEmbeddedWorker(): Promise<EmbeddedWorkerModule> {
  return (await import(entryPoint('embedded').href)) as EmbeddedWorkerModule
}

export class LocalDriver implements ResourceManagerDriver {
  readonly #settings: LocalDriverSettings
  readonly #workers = new Map<ResourceId, LocalWorker>()
  #listener: DriverListener | undefined
  #started = 0

  constructor(settings: LocalDriverSettings) {
    this.#settings = settings
  }

  start(listener: DriverListener): Promise<void> {
    this.#listener = listener
    // It loads while the program is compiled. A job that needs another size gets a worker of its own, and this one ends.
    this.#startWorker(this.#settings.expectedSlots)
    return Promise.resolve()
  }

  declareWorkers(wanted: readonly WorkersWanted[]): void {
    for (const { slots, count } of wanted) {
      const present = [...this.#workers.values()].filter(
        (worker) => worker.slots === slots && !worker.releasing && !worker.discounted,
      ).length
      for (let missing = count - present; missing > 0; missing--) this.#startWorker(slots)
    }
  }

  discountWorker(id: ResourceId): void {
    const worker = this.#workers.get(id)
    if (worker !== undefined) worker.discounted = true
  }

  /** There are no pages but our own. */
  setProgress(): void {}

  /** There is one node. */
  /** What a process takes of its machine is nobody's to grant. */
  resizeWorker(): boolean {
    return false
  }

  blockNodes(): void {}

  releaseWorker(id: ResourceId): void {
    const worker = this.#workers.get(id)
    if (worker !== undefined && !worker.releasing) void this.#end(worker, IDLE_GRACE_MS)
  }

  describePending(): string {
    return ''
  }

  async finish(): Promise<boolean> {
    await Promise.all([...this.#workers.values()].map((worker) => (worker.releasing ? worker.stop() : this.#end(worker, GRACE_MS))))
    return true
  }

  #startWorker(slots: number): void {
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
    const [here, there] = channelPair('the JobManager', id)
    const firstSlot = this.#started === 1 ? this.#settings.firstSlot : undefined
    const started = loadEmbeddedWorker().then(({ startEmbeddedWorker }) => startEmbeddedWorker(descriptor, there, firstSlot))
    const ended = started
      .then((worker) => worker.ended)
      .then(
        () => this.#gone(id, 'it has ended'),
        (error: unknown) => this.#gone(id, `it failed: ${error instanceof Error ? error.message : String(error)}`),
      )
    const stop = async () => {
      await started.then(
        (worker) => worker.stop(),
        () => undefined, // it never was
      )
      here.close()
    }
    this.#workers.set(id, { slots, ended, stop, releasing: false, discounted: false })
    this.#listener?.started(id, 'localhost', slots)
    this.#settings.onChannel(here)
  }

  #gone(id: ResourceId, reason: string): void {
    this.#workers.delete(id)
    this.#listener?.terminated(id, reason, 'failed')
  }

  async #end(worker: LocalWorker, grace: Millis): Promise<void> {
    worker.releasing = true
    let timer: TimerHandle | undefined
    const late = new Promise<void>((resolve) => (timer = this.#settings.environment.timers.after(grace, resolve)))
    await Promise.race([worker.ended, late])
    timer?.cancel()
    await worker.stop()
  }
}
