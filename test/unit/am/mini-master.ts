/** ResourceManager and Dispatcher on virtual time, with a scripted driver and scripted connectors. */
import { MemoryFileSystem } from '../runtime/connectors/memory-file-system.js'
import { Configuration } from '#core/config/configuration.js'
import { TASKMANAGER_PROCESS_SIZE } from '#core/config/options/memory.js'
import { FileSystems } from '#core/fs/file-systems.js'
import type { ResourceId } from '#core/ids/ids.js'
import { ResourceManagerGateway } from '#core/rpc/gateways/task-executor.js'
import { RpcEndpoints } from '#core/rpc/rpc-connection.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { Dispatcher } from '#am/dispatcher/dispatcher.js'
import type { JobResultStore } from '#am/dispatcher/job-result-store.js'
import { CheckpointCoordinator, removeCheckpoints } from '#am/jobmaster/checkpoint/checkpoint-coordinator.js'
import type { CoordinatorLoader } from '#am/jobmaster/coordinators/coordinator-loader.js'
import type { CommitterRestore } from '#runtime/connectors/connector.js'
import type { DriverListener, ResourceManagerDriver } from '#am/resourcemanager/drivers/driver.js'
import { progressOf } from '#am/progress.js'
import { ResourceManager } from '#am/resourcemanager/resource-manager.js'
import { workerLimits } from '#am/resourcemanager/slotmanager/worker-limits.js'
import type { WorkersWanted } from '#am/resourcemanager/slotmanager/slot-manager.js'
import { ScriptedWorker } from './scripted-worker.js'

export class ScriptedDriver implements ResourceManagerDriver {
  readonly resizes: string[] = []
  resizable = true
  listener!: DriverListener
  wanted: readonly WorkersWanted[] = []
  readonly released: string[] = []
  readonly discounted: string[] = []
  blocked: readonly string[] = []
  progress = 0
  finished: string | undefined
  registered: Promise<void> = Promise.resolve()

  start(listener: DriverListener): Promise<void> {
    this.listener = listener
    return this.registered
  }
  declareWorkers(wanted: readonly WorkersWanted[]): void {
    this.wanted = wanted
  }
  discountWorker(id: ResourceId): void {
    this.discounted.push(id)
  }
  setProgress(progress: number): void {
    this.progress = progress
  }
  resizeWorker(id: ResourceId, memory: number): boolean {
    this.resizes.push(`${id} to ${memory / 1024 / 1024} MB`)
    return this.resizable
  }
  blockNodes(hosts: readonly string[]): void {
    this.blocked = hosts
  }
  releaseWorker(id: ResourceId): void {
    this.released.push(id)
  }
  describePending(): string {
    return 'the queue is full'
  }
  finish(status: string, diagnostics: string): Promise<boolean> {
    this.finished = `${status} ${diagnostics}`
    return Promise.resolve(true)
  }
}

/** What the connectors' coordinators were told, in order; `failing` makes one of these steps fail. */
export class ScriptedConnectors implements CoordinatorLoader {
  readonly log: string[] = []
  readonly failing = new Map<string, Error>()
  splits: unknown[] = ['split-1', 'split-2']
  /** Enumerators can be told of splits that are out. */
  takesAssigned = true
  /** What a committer is told that it should make visible. */
  onCommit: (committables: readonly unknown[], last: boolean) => void = () => undefined

  async enumerator() {
    await this.#step('enumerator')
    return {
      start: (restored?: unknown) => this.#step(restored === undefined ? 'start source' : `start source from ${JSON.stringify(restored)}`),
      nextSplit: async (subtask: number) => {
        await this.#step(`split for ${subtask}`)
        return this.splits.shift() ?? null
      },
      snapshotState: () => [...this.splits],
      addSplitsBack: (splits: readonly unknown[], subtask: number) => {
        if (splits.length > 0) this.log.push(`back from ${subtask}: ${splits.join(', ')}`)
        this.splits.unshift(...splits)
      },
      ...(this.takesAssigned ? { assigned: (splits: readonly unknown[]) => this.#assigned(splits) } : {}),
      close: () => this.#step('close source'),
    }
  }

  async committer() {
    await this.#step('committer')
    return {
      start: (restored?: CommitterRestore, subtasks?: readonly number[]) => {
        this.onCommit(restored?.committables ?? [], false)
        const from = restored === undefined ? '' : ` from ${restored.checkpointId}: ${restored.committables.join(', ')}`
        return this.#step(`start sink${subtasks === undefined ? '' : ` of ${subtasks.join(', ')}`}${from}`)
      },
      commit: (committables: readonly unknown[], last: boolean) => {
        this.onCommit(committables, last)
        return this.#step(`commit ${committables.join(', ')}`)
      },
      abort: () => this.#step('abort sink'),
    }
  }

  #assigned(splits: readonly unknown[]): void {
    this.log.push(`assigned ${splits.join(', ')}`)
    this.splits = this.splits.filter((split) => !splits.includes(split))
  }

  async #step(name: string): Promise<void> {
    this.log.push(name)
    const failure = this.failing.get(name)
    if (failure !== undefined) throw failure
  }
}

interface MasterOptions {
  readonly epoch?: number
  readonly files?: MemoryFileSystem
  readonly registered?: Promise<void>
}

export class MiniMaster {
  readonly environment = virtualEnvironment()
  readonly endpoints = new RpcEndpoints()
  readonly driver = new ScriptedDriver()
  readonly connectors = new ScriptedConnectors()
  readonly resourceManager: ResourceManager
  readonly dispatcher: Dispatcher
  readonly fatal: Error[] = []
  readonly files: MemoryFileSystem

  /** `files`: where checkpoints go; another master's, when this one follows it. `registered`: with the cluster. */
  constructor(
    options: Readonly<Record<string, string>> = {},
    results?: JobResultStore,
    { epoch = 7, files = new MemoryFileSystem(), registered }: MasterOptions = {},
  ) {
    if (registered !== undefined) this.driver.registered = registered
    const configuration = Configuration.of(options)
    this.files = files
    const fileSystems = new FileSystems('/', 'file')
    fileSystems.register('mem', files, '/')
    this.resourceManager = new ResourceManager(this.driver, {
      configuration,
      environment: this.environment,
      epoch,
      sizedWorkers: true,
      placement: { kind: 'spread', slotsPerWorker: 1 },
      limits: workerLimits(configuration, { slots: 1, vcores: 1, memory: configuration.get(TASKMANAGER_PROCESS_SIZE) }),
      heartbeatInterval: 10_000,
      progress: () => progressOf(this.dispatcher.jobs().map(({ run }) => run)),
      onFatal: (error) => this.fatal.push(error),
    })
    this.endpoints.serve('resourcemanager', ResourceManagerGateway, this.resourceManager.handlers)
    const checkpointServices = (jobConfiguration: Configuration) => ({
      environment: this.environment,
      fileSystems,
      configuration: jobConfiguration,
      epoch,
      defaultDirectory: 'mem:///checkpoints',
    })
    this.dispatcher = new Dispatcher({
      environment: this.environment,
      configuration,
      endpoints: this.endpoints,
      epoch,
      slots: this.resourceManager,
      coordinators: () => this.connectors,
      results,
      checkpoints: (jobConfiguration, jobGraph, host) => new CheckpointCoordinator(jobGraph, host, checkpointServices(jobConfiguration)),
      removeCheckpoints: (jobConfiguration, jobId, state) => removeCheckpoints(jobId, state, checkpointServices(jobConfiguration)),
    })
    void this.resourceManager.start()
  }

  /** Lets everything that can happen now happen; virtual time moves by the given ms. */
  async settle(ms = 0): Promise<void> {
    for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve))
    this.environment.advance(ms)
    for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve))
  }

  /** A worker that the driver starts and that registers. */
  async worker(name: string, slots = 1, memoryMb = 0): Promise<ScriptedWorker> {
    this.driver.listener.started(name as ResourceId, `host-of-${name}`, slots, memoryMb)
    const worker = new ScriptedWorker(name, slots, this.endpoints, this.environment)
    await worker.register()
    await this.settle(1)
    return worker
  }
}
