/**
 * The ResourceManager: joins workers (worker-lifecycle), slots (slotmanager) and a driver. This shell keeps connections and
 * timers; deciding is in those pure parts. Serves ResourceManagerGateway; jobs see it as a SlotProvider.
 */
import type { Configuration } from '#core/config/configuration.js'
import {
  HEARTBEAT_TIMEOUT,
  PREVIOUS_WORKER_RECOVERY_TIMEOUT,
  START_WORKER_MAX_FAILURE_RATE,
  START_WORKER_MAX_FAILURES,
  START_WORKER_RETRY_INTERVAL,
  TASKMANAGER_IDLE_TIMEOUT,
  WORKER_REGISTRATION_TIMEOUT,
} from '#core/config/options/cluster.js'
import { TASKMANAGER_MAX_PROCESS_SIZE } from '#core/config/options/memory.js'
import { NODE_BLOCK_DURATION, NODE_MAX_START_FAILURES } from '#core/config/options/slotmanager.js'
import { defineError } from '#core/errors/define-error.js'
import { newHexId, type AllocationId, type JobId, type ResourceId } from '#core/ids/ids.js'
import { formatDuration } from '#core/config/units.js'
import { logger } from '#core/log/logger.js'
import { unreachable } from '#core/machine/step.js'
import type { Gateway, GatewayHandlers, RpcCaller } from '#core/rpc/gateway.js'
import { ResourceManagerGateway, TaskExecutorGateway } from '#core/rpc/gateways/task-executor.js'
import type { Environment, Millis, TimerHandle } from '#core/time/environment.js'
import { WorkerLost, WorkerTakenBack } from '../slots/worker-lost.js'
import type { EarlierTasks, PooledSlot, SlotListener, SlotProvider, Vacation } from '../slots/slot-provider.js'
import { chooseEmptiest } from './choose-workers.js'
import type { DriverListener, FinalStatus, Reclaim, ResourceManagerDriver } from './drivers/driver.js'
import {
  blockedNodes,
  NO_NODES,
  onNodeFailure,
  onNodeSuccess,
  onNodeUsable,
  onTime,
  type BlocklistPolicy,
  type NodeBlocklist,
} from './node-blocklist.js'
import {
  heldSlots,
  NO_SLOTS,
  onSlotEvent,
  type SlotEffect,
  type SlotEvent,
  type SlotManagerState,
  type SlotPolicy,
  type WorkersWanted,
} from './slotmanager/slot-manager.js'
import {
  onGrown,
  onRefused,
  onWished,
  wish,
  workerMemory,
  type GrowthPolicy,
  type MemoryReport,
  type WorkerMemory,
} from './worker-growth.js'
import type { WorkerLimits } from './slotmanager/worker-limits.js'
import { isHopeless, NO_START_FAILURES, onStartFailed, onWorkerStarted, type StartFailures, type StartPolicy } from './start-failures.js'
import {
  onWorkerEvent,
  recoveredWorker,
  startingWorker,
  type Worker,
  type WorkerEffect,
  type WorkerEvent,
  type WorkerSettings,
} from './worker-lifecycle.js'

export const UnknownWorker = defineError('RESOURCEMANAGER_UNKNOWN_WORKER', {
  recovery: 'fail-process',
  message: (d: { worker: string }) => `TaskManager ${d.worker} is not one that this JobManager waits for`,
})
export const WorkersFail = defineError('RESOURCEMANAGER_WORKERS_FAIL', {
  recovery: 'none',
  message: (d: { failed: number; reason: string }) =>
    `No TaskManager comes up: ${d.failed} starts failed in a row (${START_WORKER_MAX_FAILURES.key}). The last one: ${d.reason}`,
})

const LOST_TIMEOUT_MS = 5_000
/** Timers are looked at this often while there are workers. */
const TICK_MS = 500
/** States of workers that count towards those wanted. */
const PRESENT: ReadonlySet<Worker['state']> = new Set(['STARTING', 'RECOVERED', 'REGISTERED'])
const SHUTDOWN_CALL_TIMEOUT_MS = 500

type Registration = Parameters<GatewayHandlers<typeof ResourceManagerGateway>['registerTaskExecutor']>[0]

type Heartbeat = Parameters<GatewayHandlers<typeof ResourceManagerGateway>['heartbeat']>[0]

interface Connected {
  readonly caller: RpcCaller
  readonly gateway: Gateway<typeof TaskExecutorGateway>
  readonly registration: Registration
  /** Wall time. */
  lastHeartbeat: Millis
  residentSetBytes: number
  memory: Heartbeat['memory']
  container: WorkerMemory
}

/** A registered worker for REST. */
export interface WorkerView extends Registration {
  readonly lastHeartbeat: Millis
  readonly residentSetBytes: number
  /** What it said last of its memory. */
  readonly memory: Heartbeat['memory']
  readonly allocations: readonly { readonly slotIndex: number; readonly jobId: JobId }[]
}

export interface ResourceManagerSettings {
  readonly configuration: Configuration
  readonly environment: Environment
  readonly epoch: number
  readonly placement: SlotPolicy['placement']
  readonly limits: WorkerLimits
  readonly heartbeatInterval: Millis
  /** Jobs may have workers of a size of their own. */
  readonly sizedWorkers?: boolean
  /** How far the application is, 0..1. */
  progress(): number
  /** The driver says that this master may not go on. */
  onFatal(error: Error, retry: boolean): void
}

export class ResourceManager implements SlotProvider {
  readonly #settings: ResourceManagerSettings
  readonly #driver: ResourceManagerDriver
  readonly #workerSettings: WorkerSettings
  readonly #policy: SlotPolicy
  readonly #log = logger('ResourceManager')
  readonly #workers = new Map<ResourceId, Worker>()
  readonly #connected = new Map<ResourceId, Connected>()
  readonly #jobs = new Map<JobId, SlotListener>()
  readonly #slotEvents: SlotEvent[] = []
  #slots: SlotManagerState = NO_SLOTS
  #working = false
  #startFailures: StartFailures = NO_START_FAILURES
  readonly #blocking: BlocklistPolicy
  readonly #growth: GrowthPolicy
  #nodes: NodeBlocklist = NO_NODES
  #blocked: readonly string[] = []
  #everRegistered = false
  #ticker: TimerHandle | undefined
  #stopped = false
  #hasStarted = false
  /** Jobs that have said which of their slots under an earlier master they go on with. */
  readonly #decided = new Set<JobId>()
  readonly #onEarlierChanged: (() => void)[] = []
  #onStarted: () => void = () => undefined
  readonly #started = new Promise<void>((resolve) => (this.#onStarted = resolve))

  constructor(driver: ResourceManagerDriver, settings: ResourceManagerSettings) {
    const { configuration } = settings
    this.#driver = driver
    this.#settings = settings
    this.#workerSettings = {
      heartbeatTimeout: configuration.get(HEARTBEAT_TIMEOUT),
      registrationTimeout: configuration.get(WORKER_REGISTRATION_TIMEOUT),
      lostTimeout: LOST_TIMEOUT_MS,
    }
    this.#policy = {
      placement: settings.placement,
      idleTimeout: configuration.get(TASKMANAGER_IDLE_TIMEOUT),
      limits: settings.limits,
    }
    this.#growth = { most: configuration.get(TASKMANAGER_MAX_PROCESS_SIZE) }
    this.#blocking = { maxFailures: configuration.get(NODE_MAX_START_FAILURES), duration: configuration.get(NODE_BLOCK_DURATION) }
  }

  async start(): Promise<void> {
    await this.#driver.start(this.#driverListener)
    this.#hasStarted = true
    this.#onStarted()
    this.#earlierChanged()
    // Some workers may be wanted before any job comes.
    this.#onSlots({ type: 'tick' })
    this.#tickLater()
  }

  /** Gives all workers back and takes leave of the driver. True: that was heard, no other master follows. */
  async finish(status: FinalStatus, diagnostics: string): Promise<boolean> {
    this.#stopped = true
    this.#ticker?.cancel()
    // Those that never came so far as to register can be told nothing.
    for (const resourceId of this.#workers.keys())
      if (!this.#connected.has(resourceId)) this.#driver.releaseWorker(resourceId, 'the application has ended')
    const releases = [...this.#connected.values()].map(({ gateway }) => this.#shutdown(gateway, 'the application has ended'))
    await Promise.all(releases)
    return this.#driver.finish(status, diagnostics)
  }

  /** What TaskExecutors say to the ResourceManager. */
  readonly handlers: GatewayHandlers<typeof ResourceManagerGateway> = {
    registerTaskExecutor: async (registration, caller) => {
      // A worker of an earlier attempt may be quicker than the driver's word that it is still there.
      if (!this.#workers.has(registration.resourceId)) await this.#started
      return this.#register(registration, caller)
    },
    heartbeat: (heartbeat, caller) => {
      const connected = this.#connected.get(heartbeat.resourceId)
      if (connected === undefined || connected.caller !== caller) throw new UnknownWorker({ worker: heartbeat.resourceId })
      connected.lastHeartbeat = this.#settings.environment.clock.now()
      connected.residentSetBytes = heartbeat.residentSetBytes
      connected.memory = heartbeat.memory
      this.#growIfShort(heartbeat.resourceId, connected)
      this.#onWorker(heartbeat.resourceId, { type: 'heartbeat' })
      this.#onSlots({ type: 'slotReport', resourceId: heartbeat.resourceId, report: heartbeat.slotReport })
      for (const task of heartbeat.tasks) {
        for (const listener of this.#jobs.values()) listener.metrics(task.executionAttemptId, task.metrics)
      }
      return {}
    },
  }

  // The job's view.

  leads(): Promise<void> {
    return this.#started
  }

  declare(jobId: JobId, count: number, listener: SlotListener, giveBack: readonly AllocationId[] = [], memoryMb = 0): void {
    this.#jobs.set(jobId, listener)
    this.#decided.add(jobId)
    this.#onSlots({ type: 'declared', jobId, count, giveBack, ...this.#size(memoryMb) })
  }

  forget(jobId: JobId): void {
    this.#jobs.delete(jobId)
  }

  describeShortage(jobId: JobId): string {
    const held = heldSlots(this.#slots, jobId)
    const required = this.#slots.requirements.get(jobId) ?? 0
    const states = [...this.#workers.values()].filter((worker) => worker.state === 'STARTING')
    const parts = [`${required - held} slots are missing`]
    if (states.length > 0)
      parts.push(
        `${states.length} TaskManagers were started and have not registered yet (${states.map((worker) => worker.resourceId).join(', ')})`,
      )
    const { placement, limits } = this.#policy
    if (placement.kind === 'spread' && required > limits.max * placement.slotsPerWorker)
      parts.push(`${limits.maxKey} allows ${limits.max * placement.slotsPerWorker} slots in all`)
    parts.push(this.#driver.describePending())
    if (this.#blocked.length > 0) parts.push(`nodes on which TaskManagers fail to start are left out: ${this.#blocked.join(', ')}`)
    if (this.#startFailures.lastReason !== undefined)
      parts.push(`the last TaskManager that did not start: ${this.#startFailures.lastReason}`)
    return parts.filter((part) => part !== '').join('; ')
  }

  taskExecutor(resourceId: ResourceId): Gateway<typeof TaskExecutorGateway> | undefined {
    return this.#connected.get(resourceId)?.gateway
  }

  /** What workers of the master before this one tell; undefined: this is the first. */
  get earlier(): EarlierTasks | undefined {
    return this.#settings.epoch === 1 ? undefined : this.#earlier
  }

  readonly #earlier: EarlierTasks = {
    of: (jobId) => ({
      tasks: [...this.#slots.workers.keys()].flatMap((resourceId) =>
        (this.#connected.get(resourceId)?.registration.tasks ?? [])
          .filter((task) => task.jobId === jobId)
          .map((task) => ({ ...task, resourceId })),
      ),
      settled: this.#hasStarted && ![...this.#workers.values()].some((worker) => this.#mayTell(worker)),
    }),
    changed: () => new Promise((resolve) => this.#onEarlierChanged.push(resolve)),
    keep: (jobId, count, listener, allocations, memoryMb = 0) => {
      this.#decided.add(jobId)
      this.#jobs.set(jobId, listener)
      this.#onSlots({ type: 'kept', jobId, count, allocations, ...this.#size(memoryMb) })
      return [...allocations].flatMap((allocationId) => this.#pooledSlot(jobId, allocationId) ?? [])
    },
  }

  #size(memoryMb: number): { memoryMb?: number } {
    return this.#settings.sizedWorkers === true ? { memoryMb } : {}
  }

  /** It was left by an earlier attempt and has not come back, or its slots are not counted yet. */
  #mayTell({ resourceId, state }: Worker): boolean {
    return state === 'RECOVERED' || (state === 'REGISTERED' && !this.#slots.workers.has(resourceId))
  }

  #pooledSlot(jobId: JobId, allocationId: AllocationId): PooledSlot | undefined {
    for (const { resourceId, slots } of this.#slots.workers.values()) {
      const slot = slots.find(({ allocation }) => allocation?.allocationId === allocationId)
      if (slot === undefined) continue
      const registration = this.#connected.get(resourceId)?.registration
      const { dataPort } = registration?.slots.find(({ slotIndex }) => slotIndex === slot.slotIndex) ?? {}
      if (registration === undefined || dataPort === undefined) return undefined
      if (slot.allocation?.state !== 'ALLOCATED' || slot.allocation.jobId !== jobId) return undefined
      return { allocationId, location: { resourceId, slotIndex: slot.slotIndex, host: registration.host, dataPort } }
    }
    return undefined
  }

  #earlierChanged(): void {
    for (const resolve of this.#onEarlierChanged.splice(0)) resolve()
  }

  // For REST.

  workers(): WorkerView[] {
    return [...this.#connected.values()].map(({ registration, lastHeartbeat, residentSetBytes, memory, container }) => ({
      ...registration,
      processMemory: container.size,
      lastHeartbeat,
      residentSetBytes,
      memory,
      allocations: (this.#slots.workers.get(registration.resourceId)?.slots ?? []).flatMap(({ slotIndex, allocation }) =>
        allocation?.jobId === undefined ? [] : [{ slotIndex, jobId: allocation.jobId }],
      ),
    }))
  }

  // Workers.

  readonly #driverListener: DriverListener = {
    started: (resourceId, host, slots, memoryMb = 0) => {
      this.#log.info(
        `TaskManager ${resourceId} with ${slots} slots${memoryMb === 0 ? '' : ` and ${memoryMb} MB`} is being started on ${host}.`,
      )
      this.#workers.set(resourceId, startingWorker(resourceId, host, slots, this.#now(), this.#workerSettings, memoryMb))
    },
    recovered: (resourceId, host, slots, memoryMb = 0) => {
      this.#log.info(`TaskManager ${resourceId} on ${host} was left by an earlier attempt; it may register again.`)
      const timeout = this.#settings.configuration.get(PREVIOUS_WORKER_RECOVERY_TIMEOUT)
      this.#workers.set(resourceId, recoveredWorker(resourceId, host, slots, this.#now(), timeout, memoryMb))
    },
    terminated: (resourceId, reason, end) => {
      this.#log.info(`TaskManager ${resourceId} has ended: ${reason}`)
      const worker = this.#workers.get(resourceId)
      if (worker !== undefined && worker.state !== 'STARTING' && end === 'node') this.#suspectNode(worker.host)
      this.#onWorker(resourceId, { type: 'terminated', reason, takenBack: end === 'taken-back' })
    },
    reclaimed: (reclaim) => this.#vacate(reclaim),
    nodeLost: (resourceIds, reason) => {
      for (const resourceId of resourceIds) this.#onWorker(resourceId, { type: 'nodeLost', reason })
    },
    nodeUsable: (host) => {
      this.#nodes = onNodeUsable(this.#nodes, host)
      this.#blockNodes()
    },
    resized: (resourceId, memory) => this.#onResized(resourceId, memory),
    resizeRefused: (resourceId, reason) => {
      const connected = this.#connected.get(resourceId)
      if (connected === undefined) return
      connected.container = onRefused(connected.container, this.#now())
      this.#log.warn(`The container of TaskManager ${resourceId} stays as it is: ${reason}`)
    },
    unobtainable: (error, memoryMb = 0) => {
      for (const [jobId, listener] of [...this.#jobs]) if ((this.#slots.sizes.get(jobId) ?? 0) === memoryMb) listener.noResources(error)
    },
    fatal: (error, retry) => this.#settings.onFatal(error, retry),
  }

  #register(registration: Registration, caller: RpcCaller) {
    const { resourceId } = registration
    const before = this.#connected.get(resourceId)
    const connected: Connected = {
      caller,
      gateway: caller.gateway(TaskExecutorGateway, 'taskexecutor', this.#settings.epoch),
      registration,
      lastHeartbeat: this.#settings.environment.clock.now(),
      residentSetBytes: 0,
      memory: undefined,
      container: workerMemory(registration.processMemory),
    }
    if (this.#stopped || !this.#workers.has(resourceId)) throw new UnknownWorker({ worker: resourceId })
    const state = this.#workers.get(resourceId)?.state
    if (state !== 'STARTING' && state !== 'RECOVERED' && before?.caller !== caller) throw new UnknownWorker({ worker: resourceId })
    this.#connected.set(resourceId, connected)
    if (before === undefined) {
      caller.onClose((reason) => {
        this.#onWorker(resourceId, {
          type: 'disconnected',
          reason: reason === undefined ? 'its connection was closed' : `its connection broke: ${reason.message}`,
        })
      })
    }
    this.#onWorker(resourceId, { type: 'registered', host: registration.host, slots: registration.slots.length })
    return {
      epoch: this.#settings.epoch,
      heartbeatIntervalMs: this.#settings.heartbeatInterval,
      heartbeatTimeoutMs: this.#workerSettings.heartbeatTimeout,
    }
  }

  #onWorker(resourceId: ResourceId, event: WorkerEvent): void {
    const worker = this.#workers.get(resourceId)
    if (worker === undefined || this.#stopped) return
    const step = onWorkerEvent(worker, event, this.#now(), this.#workerSettings)
    this.#workers.set(resourceId, step.state)
    for (const effect of step.effects) this.#performForWorker(step.state, effect)
    if (step.state.state === 'TERMINATED') this.#workers.delete(resourceId)
    if (step.state.state !== worker.state) this.#earlierChanged()
  }

  #performForWorker(worker: Worker, effect: WorkerEffect): void {
    const { resourceId } = worker
    switch (effect.type) {
      case 'admit': {
        this.#everRegistered = true
        this.#nodes = onNodeSuccess(this.#nodes, worker.host)
        this.#startFailures = onWorkerStarted(this.#startFailures)
        const registration = this.#connected.get(resourceId)?.registration
        if (registration === undefined) return
        this.#log.info(`TaskManager ${resourceId} on ${registration.host} registered with ${registration.slots.length} slots.`)
        // Slots only after the answer to the registration has left, which carries the epoch. It may be lost by then.
        this.#settings.environment.timers.after(0, () => {
          if (this.#connected.get(resourceId)?.registration !== registration) return
          this.#onSlots({
            type: 'workerRegistered',
            resourceId,
            slots: registration.slots.map((slot) => slot.slotIndex),
            report: registration.slotReport,
            memoryMb: worker.memoryMb,
            retain: new Set(
              (registration.tasks ?? []).filter(({ jobId }) => !this.#decided.has(jobId)).map(({ allocationId }) => allocationId),
            ),
          })
          this.#earlierChanged()
        })
        return
      }
      case 'refuse':
        throw new UnknownWorker({ worker: resourceId })
      case 'lost': {
        this.#log.warn(`TaskManager ${resourceId} on ${worker.host} is lost: ${effect.reason}`)
        const leaving = this.#slots.workers.get(resourceId)?.leaving !== undefined
        const error = this.#loss(worker, effect.reason, effect.takenBack || leaving)
        this.#disconnect(resourceId)
        // Another is asked for at once, not when its end is known.
        this.#driver.discountWorker(resourceId)
        for (const listener of [...this.#jobs.values()]) listener.workerLost(resourceId, worker.host, error, effect.explained)
        return this.#onSlots({ type: 'workerGone', resourceId })
      }
      case 'explained': {
        const error = this.#loss(worker, effect.reason, effect.takenBack)
        for (const listener of [...this.#jobs.values()]) listener.workerExplained(resourceId, error)
        return
      }
      case 'startFailed':
        this.#suspectNode(worker.host)
        return this.#onStartFailed(resourceId, effect.reason)
      case 'shutdown': {
        const gateway = this.#connected.get(resourceId)?.gateway
        this.#connected.delete(resourceId)
        this.#onSlots({ type: 'workerGone', resourceId })
        this.#log.info(`TaskManager ${resourceId} is given back: ${effect.reason}.`)
        if (gateway !== undefined)
          void this.#shutdown(gateway, effect.reason).then(() => this.#driver.releaseWorker(resourceId, effect.reason))
        return
      }
      case 'gone': {
        const error = this.#loss(worker, effect.reason, true)
        for (const listener of [...this.#jobs.values()]) listener.workerLost(resourceId, worker.host, error, true)
        return
      }
      case 'release':
        this.#log.info(`TaskManager ${resourceId} is given back: ${effect.reason}.`)
        return this.#driver.releaseWorker(resourceId, effect.reason)
      default:
        return unreachable(effect)
    }
  }

  #growIfShort(resourceId: ResourceId, connected: Connected): void {
    const report = memoryReport(connected)
    const size = wish(connected.container, report, this.#now(), this.#growth)
    if (size === undefined) return
    if (!this.#driver.resizeWorker(resourceId, size)) {
      connected.container = onRefused(connected.container, this.#now())
      return
    }
    connected.container = onWished(connected.container, size)
    this.#log.info(
      `TaskManager ${resourceId} is short of memory (${inMegabytes(report.residentSetBytes)} of ${inMegabytes(connected.container.size)} in use, ` +
        `${inMegabytes(report.spilledBytes)} of state written to disk): ${inMegabytes(size)} are asked for.`,
    )
  }

  #onResized(resourceId: ResourceId, memory: number): void {
    const connected = this.#connected.get(resourceId)
    if (connected === undefined) return
    const before = connected.container.size
    connected.container = onGrown(memory, memoryReport(connected), this.#now())
    connected.gateway.resize({ processMemory: memory }).then(
      () => this.#log.info(`The container of TaskManager ${resourceId} has grown from ${inMegabytes(before)} to ${inMegabytes(memory)}.`),
      // A lost connection is noticed as such.
      (error: unknown) => this.#log.warn(`TaskManager ${resourceId} was not told of its ${inMegabytes(memory)}`, error),
    )
  }

  #loss({ resourceId, host }: Worker, reason: string, takenBack: boolean): Error {
    return new (takenBack ? WorkerTakenBack : WorkerLost)({ worker: resourceId, host, reason })
  }

  /** Workers that have not registered are given back, empty ones with the next look; jobs leave the others and give their slots back. */
  #vacate({ resourceIds, anyOthers, reason, grace, replaced }: Reclaim): void {
    const named = new Set(resourceIds)
    const chosen = [...resourceIds, ...chooseEmptiest(this.#slots.workers.values(), anyOthers, named)]
    const workers = new Set<ResourceId>()
    for (const resourceId of chosen) {
      const state = this.#workers.get(resourceId)?.state
      if (state === 'STARTING' || state === 'RECOVERED') this.#onWorker(resourceId, { type: 'release', reason })
      else if (state === 'REGISTERED' && this.#slots.workers.get(resourceId)?.leaving === undefined) workers.add(resourceId)
    }
    if (workers.size === 0) return
    this.#log.info(`${reason}: leaving ${[...workers].join(', ')} within ${formatDuration(grace)}.`)
    for (const resourceId of workers) {
      this.#driver.discountWorker(resourceId)
      this.#onSlots({ type: 'workerLeaves', resourceId, reason })
    }
    const vacation: Vacation = { workers, reason, deadline: this.#now() + grace, replaced }
    for (const [jobId, listener] of [...this.#jobs]) if (this.#holdsSlots(jobId, workers)) listener.vacate(vacation)
  }

  #holdsSlots(jobId: JobId, workers: ReadonlySet<ResourceId>): boolean {
    return [...workers].some((id) => this.#slots.workers.get(id)?.slots.some(({ allocation }) => allocation?.jobId === jobId) === true)
  }

  /** A node is suspected when a worker does not come up there, or ended for the node's own reasons. */
  #suspectNode(host: string): void {
    this.#nodes = onNodeFailure(this.#nodes, host, this.#now(), this.#blocking)
    this.#blockNodes()
  }

  #blockNodes(): void {
    this.#nodes = onTime(this.#nodes, this.#now(), this.#blocking)
    const blocked = blockedNodes(this.#nodes, this.#now())
    if (blocked.join() === this.#blocked.join()) return
    const added = blocked.filter((host) => !this.#blocked.includes(host))
    const freed = this.#blocked.filter((host) => !blocked.includes(host))
    if (added.length > 0)
      this.#log.warn(
        `TaskManagers failed to start on ${added.join(', ')} ${this.#blocking.maxFailures} times: no more are asked for there for ${formatDuration(this.#blocking.duration)} (${NODE_BLOCK_DURATION.key}).`,
      )
    if (freed.length > 0) this.#log.info(`TaskManagers may be started on ${freed.join(', ')} again.`)
    this.#blocked = blocked
    this.#driver.blockNodes(blocked)
  }

  #disconnect(resourceId: ResourceId): void {
    const connected = this.#connected.get(resourceId)
    this.#connected.delete(resourceId)
    connected?.caller.close()
  }

  async #shutdown(gateway: Gateway<typeof TaskExecutorGateway>, reason: string): Promise<void> {
    const answered = gateway.shutdown({ reason }).catch((error: unknown) => this.#log.debug(`shutdown: ${String(error)}`))
    let timer: TimerHandle | undefined
    await Promise.race([
      answered,
      new Promise((resolve) => (timer = this.#settings.environment.timers.after(SHUTDOWN_CALL_TIMEOUT_MS, () => resolve(undefined)))),
    ])
    timer?.cancel()
  }

  #onStartFailed(resourceId: ResourceId, reason: string): void {
    const { configuration } = this.#settings
    this.#log.warn(`TaskManager ${resourceId} did not start: ${reason}`)
    const policy: StartPolicy = {
      maxPerMinute: configuration.get(START_WORKER_MAX_FAILURE_RATE),
      retryInterval: configuration.get(START_WORKER_RETRY_INTERVAL),
      maxInARow: configuration.get(START_WORKER_MAX_FAILURES),
    }
    this.#startFailures = onStartFailed(this.#startFailures, reason, this.#everRegistered, this.#now(), policy)
    const wanted = this.#slots.wanted.reduce((sum, each) => sum + each.count, 0)
    if (isHopeless(this.#startFailures, this.#everRegistered, wanted, policy)) {
      const error = new WorkersFail({ failed: this.#startFailures.inARow, reason })
      for (const listener of [...this.#jobs.values()]) listener.noResources(error)
    }
    this.#declareToDriver(this.#slots.wanted)
  }

  /** While starts fail too often, no more workers are asked for than there are. */
  #declareToDriver(wanted: readonly WorkersWanted[]): void {
    const { pausedUntil } = this.#startFailures
    const paused = pausedUntil !== undefined && this.#now() < pausedUntil
    const leaving = (worker: Worker) => this.#slots.workers.get(worker.resourceId)?.leaving !== undefined
    const present = (size: WorkerSize) =>
      [...this.#workers.values()].filter((worker) => isOfSize(worker, size) && PRESENT.has(worker.state) && !leaving(worker))
    this.#driver.declareWorkers(paused ? wanted.map((each) => ({ ...each, count: Math.min(each.count, present(each).length) })) : wanted)
    // Those that are still starting and that nobody waits for any more.
    const sizes = new Map([...this.#workers.values()].map((worker) => [`${worker.slots} ${worker.memoryMb}`, worker]))
    for (const size of sizes.values()) {
      const surplus = present(size).length - (wanted.find((each) => isOfSize(size, each))?.count ?? 0)
      const starting = present(size).filter((worker) => worker.state === 'STARTING')
      for (const worker of starting.slice(Math.max(0, starting.length - surplus))) {
        this.#onWorker(worker.resourceId, { type: 'release', reason: 'it is not needed any more' })
      }
    }
  }

  // Slots.

  #onSlots(event: SlotEvent): void {
    this.#slotEvents.push(event)
    if (this.#working || this.#stopped) return
    this.#working = true
    try {
      for (let next = this.#slotEvents.shift(); next !== undefined; next = this.#slotEvents.shift()) {
        const { random } = this.#settings.environment
        const step = onSlotEvent(
          this.#slots,
          next,
          { now: this.#now(), newAllocationId: () => newHexId<AllocationId>(random) },
          this.#policy,
        )
        this.#slots = step.state
        for (const effect of step.effects) this.#performForSlots(effect)
      }
    } finally {
      this.#working = false
    }
  }

  #performForSlots(effect: SlotEffect): void {
    switch (effect.type) {
      case 'allocateSlot': {
        const { resourceId, slotIndex, allocationId, jobId } = effect
        this.#call(
          resourceId,
          (gateway) => gateway.allocateSlot({ slotIndex, allocationId, jobId }),
          { type: 'allocated', allocationId },
          (reason) => ({ type: 'allocationFailed', allocationId, reason }),
        )
        return
      }
      case 'freeSlot': {
        const { resourceId, allocationId, reason } = effect
        this.#call(
          resourceId,
          (gateway) => gateway.freeSlot({ allocationId, reason }),
          { type: 'freed', allocationId },
          (why) => ({ type: 'allocationFailed', allocationId, reason: why }),
        )
        return
      }
      case 'offerSlot': {
        const registration = this.#connected.get(effect.resourceId)?.registration
        const slot = registration?.slots.find((each) => each.slotIndex === effect.slotIndex)
        if (registration === undefined || slot === undefined) return
        const { resourceId, slotIndex, allocationId } = effect
        this.#jobs
          .get(effect.jobId)
          ?.slotOffered({ allocationId, location: { resourceId, slotIndex, host: registration.host, dataPort: slot.dataPort } })
        return
      }
      case 'slotLost': {
        const host = this.#workers.get(effect.resourceId)?.host ?? 'an unknown host'
        const error = new WorkerLost({ worker: effect.resourceId, host, reason: 'one of its slots ended' })
        this.#jobs.get(effect.jobId)?.slotLost(effect.allocationId, error)
        return
      }
      case 'declareWorkers':
        return this.#declareToDriver(effect.wanted)
      case 'releaseWorker':
        return this.#onWorker(effect.resourceId, { type: 'release', reason: effect.reason })
      case 'wakeAt':
        return // the ticker looks
      default:
        return unreachable(effect)
    }
  }

  #call(
    resourceId: ResourceId,
    call: (gateway: Gateway<typeof TaskExecutorGateway>) => Promise<unknown>,
    done: SlotEvent,
    failed: (reason: string) => SlotEvent,
  ): void {
    const gateway = this.#connected.get(resourceId)?.gateway
    if (gateway === undefined) return
    call(gateway).then(
      () => this.#onSlots(done),
      // A lost connection is noticed as such; anything else makes the worker useless.
      (error: unknown) => this.#connected.has(resourceId) && this.#onSlots(failed(error instanceof Error ? error.message : String(error))),
    )
  }

  #tickLater(): void {
    if (this.#stopped) return
    this.#ticker = this.#settings.environment.timers.after(TICK_MS, () => {
      for (const resourceId of [...this.#workers.keys()]) this.#onWorker(resourceId, { type: 'tick' })
      this.#onSlots({ type: 'tick' })
      if (this.#blocked.length > 0) this.#blockNodes()
      this.#driver.setProgress(this.#settings.progress())
      if (this.#startFailures.pausedUntil !== undefined && this.#now() >= this.#startFailures.pausedUntil) {
        this.#startFailures = { ...this.#startFailures, pausedUntil: undefined }
        this.#declareToDriver(this.#slots.wanted)
      }
      this.#tickLater()
    })
  }

  #now(): Millis {
    return this.#settings.environment.clock.monotonic()
  }
}

function memoryReport({ residentSetBytes, memory }: Connected): MemoryReport {
  return { residentSetBytes, spilledBytes: memory?.spilledBytes ?? 0 }
}

/** Of workers that one can stand for another of. `memoryMb` undefined or 0: the usual. */
type WorkerSize = Pick<WorkersWanted, 'slots' | 'memoryMb'>

function isOfSize(worker: Worker, { slots, memoryMb = 0 }: WorkerSize): boolean {
  return worker.slots === slots && worker.memoryMb === memoryMb
}

function inMegabytes(bytes: number): string {
  return `${Math.round(bytes / (1024 * 1024))} MB`
}
