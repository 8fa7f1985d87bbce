/**
 * The slots of a TaskExecutor: the table of who holds them (slot-table.ts), their threads, and the tasks in them. Lives in the main
 * thread; everything here is one turn of its event loop.
 */
import type { WorkerDescriptor } from '#core/cluster/worker-descriptor.js'
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeBudget, grownBudget, type MemoryBudget } from '#core/cluster/memory-budget.js'
import { Configuration } from '#core/config/configuration.js'
import { TASK_CANCELLATION_TIMEOUT, TASKMANAGER_BIND_HOST, TASKMANAGER_DATA_PORT, TMP_DIRS } from '#core/config/options/cluster.js'
import { ISOLATE_JOBS } from '#core/config/options/session.js'
import { parsePortRange } from '#core/config/port-range.js'
import { fromWireError, toWireError } from '#core/errors/wire-error.js'
import type { BlobReference, TaskDeploymentDescriptor } from '#core/graph/deployment.js'
import { isTerminalExecutionState } from '#core/graph/states.js'
import type { AllocationId, ExecutionAttemptId, JobId, OperatorId } from '#core/ids/ids.js'
import { logger } from '#core/log/logger.js'
import { OperatorChainSchema, type SubmittedTask } from '#core/rpc/gateways/blob.js'
import { SourceAnswerSchema, SourceRequestSchema } from '#core/rpc/operator-events.js'
import type { ReportedTask, SlotReport } from '#core/rpc/gateways/task-executor.js'
import type { Environment, TimerHandle } from '#core/time/environment.js'
import { CancellationTimedOut, SlotNotAvailable, TaskDescriptionUnavailable, TaskSlotNotFound } from './errors.js'
import { workerMemory } from './memory.js'
import { ownProcess, type OwnProcess } from './own-process.js'
import { TaskNotReady } from '../checkpoint/errors.js'
import type {
  CheckpointReport,
  SlotDescriptor,
  SlotMemory,
  SlotToTaskExecutor,
  TaskExecutorToSlot,
  TaskMetricsEntry,
  TaskStateUpdate,
} from './slot-messages.js'
import {
  addTask,
  allocate,
  emptySlotTable,
  heldAllocations,
  jobsOf,
  release,
  removeTask,
  runningTasks,
  slotOf,
  slotReport,
  type SlotTable,
} from './slot-table.js'
import { type SlotHandle, type StartSlot } from './slot-thread.js'
import { TaskLedger } from './task-ledger.js'

const NO_MEMORY: SlotMemory = { heapUsed: 0, arrayBuffers: 0, stateBytes: 0, spilledBytes: 0 }

const log = logger('TaskExecutor')

export const METRICS_INTERVAL_MS = 500
/** A slot's thread that does not come up is started again so often, for its old data port may still be bound. */
const START_ATTEMPTS = 5
const START_RETRY_MS = 300
/** Ended tasks that are remembered, so that a repeated submitTask starts nothing. */
const REMEMBERED_TASKS = 10_000

export interface TaskSlotsUser {
  onTaskState(jobId: JobId, update: TaskStateUpdate): void
  onCheckpointReport(jobId: JobId, report: CheckpointReport): void
  requestCoordinator(jobId: JobId, executionAttemptId: ExecutionAttemptId, operatorId: OperatorId, event: unknown): Promise<unknown>
  /** Content of a blob of the job. */
  fetchBlob(jobId: JobId, reference: BlobReference): Promise<Uint8Array>
  /** Path of a program's bundle, a blob of the job, on this machine. */
  programFile(jobId: JobId, reference: BlobReference): Promise<string>
  /** The last slot of the job is free. */
  onJobGone(jobId: JobId): void
  /** Whole lines to stdout or stderr; resolves when they are written. */
  write(text: string, stderr: boolean): Promise<void>
  /** A slot cannot be brought up (again): the process has to end. */
  onFatal(error: Error): void
}

interface RunningTask {
  readonly jobId: JobId
  readonly slotIndex: number
  /** Its slot's thread has it; false while its blob is fetched. */
  handedOver: boolean
  metrics: TaskMetricsEntry['metrics'] | undefined
  cancellation: TimerHandle | undefined
}

interface Trigger {
  readonly task: ExecutionAttemptId
  readonly checkpointId: number
  resolve(): void
  reject(error: Error): void
}

interface ProgramLocation {
  readonly bundle: BlobReference
  readonly path: string
}

interface SlotEntry {
  thread: SlotHandle
  /** Tasks have run in it. */
  used: boolean
  dataPort: number | undefined
  startAttempts: number
  /** Bytes, as the thread last said. */
  memory: SlotMemory
}

/** For files that end with this process. A YARN container is told its own, which YARN clears. */
function localDirectory(configuration: Configuration): string {
  return configuration.get(TMP_DIRS) ?? process.env['LOCAL_DIRS']?.split(',')[0] ?? tmpdir()
}

export class TaskSlots {
  readonly #descriptor: WorkerDescriptor
  readonly #configuration: Configuration
  readonly #environment: Environment
  readonly #secret: Buffer | undefined
  readonly #user: TaskSlotsUser
  readonly #startSlot: StartSlot
  readonly #process: OwnProcess
  readonly #heapMb: number | undefined
  /** A job finds nothing of the one before it. */
  readonly #isolatesJobs: boolean
  readonly #networkBytes: number
  /** Undefined: the process is not limited. */
  #memory: MemoryBudget | undefined
  readonly #localStateDirectory: string
  #table: SlotTable
  readonly #slots: SlotEntry[] = []
  readonly #tasks = new Map<ExecutionAttemptId, RunningTask>()
  readonly #known = new Set<ExecutionAttemptId>()
  readonly #ledger = new TaskLedger()
  /** Triggers of checkpoints that the slots' threads have not answered. */
  readonly #triggers = new Map<number, Trigger>()
  #nextTrigger = 0
  readonly #preparations = new Map<number, { readonly slotIndex: number; resolve(): void; reject(error: Error): void }>()
  #nextPreparation = 0
  #written: Promise<void> = Promise.resolve()
  #onChange: (() => void)[] = []
  #started: { resolve(): void; reject(error: Error): void } | undefined
  #stopped = false

  /** `startSlot`: how a slot comes to be; tests have their own. */
  constructor(
    descriptor: WorkerDescriptor,
    secret: Buffer | undefined,
    environment: Environment,
    user: TaskSlotsUser,
    startSlot: StartSlot,
    process: OwnProcess = ownProcess,
  ) {
    this.#startSlot = startSlot
    this.#process = process
    this.#descriptor = descriptor
    this.#configuration = Configuration.of(descriptor.configuration)
    this.#environment = environment
    this.#secret = secret
    this.#user = user
    const memory = workerMemory(descriptor)
    if (memory !== undefined) log.info(`Memory of this TaskManager: ${describeBudget(memory, descriptor.slots)}`)
    this.#heapMb = memory?.slotHeapMb
    this.#isolatesJobs = this.#configuration.get(ISOLATE_JOBS)
    this.#networkBytes = memory?.slotNetworkBytes ?? 0
    this.#memory = memory
    this.#table = emptySlotTable(descriptor.slots)
    const worker = `weft-state-${process.pid}-${encodeURIComponent(descriptor.resourceId)}`
    this.#localStateDirectory = join(localDirectory(this.#configuration), worker)
  }

  /** Starts a thread for each slot; resolves with their data ports when all are ready. */
  async start(): Promise<{ slotIndex: number; dataPort: number }[]> {
    const ports = parsePortRange(TASKMANAGER_DATA_PORT.key, this.#configuration.get(TASKMANAGER_DATA_PORT))
    await new Promise<void>((resolve, reject) => {
      this.#started = { resolve, reject }
      for (let slotIndex = 0; slotIndex < this.#descriptor.slots; slotIndex++) {
        this.#slots.push({
          thread: this.#startThread(slotIndex, ports),
          used: false,
          dataPort: undefined,
          startAttempts: 1,
          memory: NO_MEMORY,
        })
      }
    })
    return this.#slots.map(({ dataPort }, slotIndex) => ({ slotIndex, dataPort: dataPort ?? 0 }))
  }

  /** Bytes that the slots' threads hold, as they last said. */
  memory(): SlotMemory {
    return this.#slots.reduce(
      (sum, { memory }) => ({
        heapUsed: sum.heapUsed + memory.heapUsed,
        arrayBuffers: sum.arrayBuffers + memory.arrayBuffers,
        stateBytes: sum.stateBytes + memory.stateBytes,
        spilledBytes: sum.spilledBytes + memory.spilledBytes,
      }),
      NO_MEMORY,
    )
  }

  /** Bytes of state that all slots may hold in memory. */
  get managedBytes(): number {
    return (this.#memory?.slotManagedBytes ?? 0) * this.#descriptor.slots
  }

  /** The container's size in bytes; 0: not limited. */
  get processBytes(): number {
    return this.#memory?.processBytes ?? 0
  }

  /** The container has grown: what is gained is for state. */
  resize(processBytes: number): void {
    if (this.#memory === undefined || processBytes <= this.#memory.processBytes) return
    this.#memory = grownBudget(this.#memory, processBytes, this.#descriptor.slots)
    log.info(`This TaskManager's container has grown: ${describeBudget(this.#memory, this.#descriptor.slots)}`)
    for (const { thread } of this.#slots) thread.send({ type: 'budget', managedBytes: this.#memory.slotManagedBytes })
  }

  /** The process is short of memory, or no more. */
  tighten(tight: boolean): void {
    for (const { thread } of this.#slots) thread.send({ type: 'memory', tight })
  }

  report(): SlotReport {
    return slotReport(this.#table)
  }

  /** For the next master: a slot that is being released is no job's any more. */
  reportHeld(): SlotReport {
    const held = heldAllocations(this.#table)
    return this.report().map((slot) => (slot.allocationId === null || held.has(slot.allocationId) ? slot : { ...slot, jobId: null }))
  }

  get runningTasks(): number {
    return this.#tasks.size
  }

  metrics(): TaskMetricsEntry[] {
    return [...this.#tasks].flatMap(([executionAttemptId, { metrics }]) => (metrics === undefined ? [] : [{ executionAttemptId, metrics }]))
  }

  /** @throws SLOT_NOT_AVAILABLE */
  allocate(slotIndex: number, allocationId: AllocationId, jobId: JobId): void {
    const result = allocate(this.#table, slotIndex, allocationId, jobId)
    if ('problem' in result)
      throw new SlotNotAvailable({ slot: slotIndex, resourceId: this.#descriptor.resourceId, problem: result.problem })
    this.#setTable(result.table)
  }

  /** Resolves when the tasks of the slot have ended and it is free. */
  async free(allocationId: AllocationId, reason: string): Promise<void> {
    const { table, cancel } = release(this.#table, allocationId)
    if (cancel.length > 0) log.info(`Freeing the slot of allocation ${allocationId} with ${cancel.length} running task(s): ${reason}`)
    this.#setTable(table)
    for (const task of cancel) this.cancel(task)
    while (slotOf(this.#table, allocationId) !== undefined) await this.#change()
  }

  /** Hands a task to its slot's thread, when it is complete. Idempotent. @throws TASK_SLOT_NOT_FOUND */
  submit(task: SubmittedTask): void {
    const { executionAttemptId, slotIndex, allocationId, jobId } = task
    if (this.#known.has(executionAttemptId)) return
    const table = addTask(this.#table, slotIndex, allocationId, executionAttemptId)
    const slot = this.#slots[slotIndex]
    if (table === undefined || slot === undefined)
      throw new TaskSlotNotFound({ task: task.vertexName, allocationId, resourceId: this.#descriptor.resourceId })
    this.#setTable(table)
    this.#remember(executionAttemptId)
    const running: RunningTask = { jobId, slotIndex, handedOver: false, metrics: undefined, cancellation: undefined }
    this.#tasks.set(executionAttemptId, running)
    this.#ledger.submitted(task)
    log.info(
      `Starting ${task.vertexName} (${task.subtaskIndex + 1}/${task.parallelism}) attempt ${task.attemptNumber} of job ${jobId} in slot ${slotIndex}`,
    )
    const { operators } = task
    if (!('blobKey' in operators) && bundlesOf(operators).length === 0) return this.#handOver(running, { ...task, operators }, [])
    this.#complete(task).then(
      ({ complete, programs }) => this.#handOver(running, complete, programs),
      (cause: unknown) => {
        if (this.#tasks.get(executionAttemptId) !== running) return // it was cancelled meanwhile
        const name = `${task.vertexName} (${task.subtaskIndex + 1}/${task.parallelism})`
        const error = new TaskDescriptionUnavailable({ task: name, resourceId: this.#descriptor.resourceId }, { cause })
        this.#end({ executionAttemptId, state: 'FAILED', error: toWireError(error) }, running)
      },
    )
  }

  /**
   * Has the slot's thread load and read now what the task will need that is about to come; resolves when that is done. Changes nothing
   * else. @throws TASK_SLOT_NOT_FOUND, and what the task would fail with
   */
  async prepare(task: SubmittedTask): Promise<void> {
    const { slotIndex, allocationId, jobId, vertexName } = task
    const found = () => {
      const held = this.report().find((slot) => slot.slotIndex === slotIndex)
      const slot = this.#slots[slotIndex]
      if (slot !== undefined && held?.allocationId === allocationId && held.jobId === jobId) return slot
      throw new TaskSlotNotFound({ task: vertexName, allocationId, resourceId: this.#descriptor.resourceId })
    }
    found()
    const { complete, programs } = await this.#complete(task)
    const slot = found()
    slot.used = true
    await new Promise<void>((resolve, reject) => {
      const preparation = this.#nextPreparation++
      this.#preparations.set(preparation, { slotIndex, resolve, reject })
      slot.thread.send({ type: 'prepare', preparation, task: complete, programs })
    })
  }

  /** With what lies in blobs: its chain of operators, the program of its functions. */
  async #complete(task: SubmittedTask): Promise<{ complete: TaskDeploymentDescriptor; programs: ProgramLocation[] }> {
    const { jobId, operators } = task
    const chain = 'blobKey' in operators ? parseChain(await this.#user.fetchBlob(jobId, operators)) : operators
    const programs = await Promise.all(
      bundlesOf(chain).map(async (bundle) => ({ bundle, path: await this.#user.programFile(jobId, bundle) })),
    )
    return { complete: { ...task, operators: chain }, programs }
  }

  #handOver(running: RunningTask, task: TaskDeploymentDescriptor, programs: readonly ProgramLocation[]): void {
    if (this.#tasks.get(task.executionAttemptId) !== running) return // it was cancelled meanwhile
    running.handedOver = true
    const slot = this.#slots[running.slotIndex]
    if (slot === undefined) return
    slot.used = true
    slot.thread.send({ type: 'submit', task, programs })
  }

  cancel(executionAttemptId: ExecutionAttemptId): void {
    const task = this.#tasks.get(executionAttemptId)
    if (task === undefined || task.cancellation !== undefined) return
    if (!task.handedOver) return this.#end({ executionAttemptId, state: 'CANCELED' }, task)
    const timeoutMs = this.#configuration.get(TASK_CANCELLATION_TIMEOUT)
    task.cancellation = this.#environment.timers.after(
      timeoutMs,
      () => {
        const error = new CancellationTimedOut({ slot: task.slotIndex, timeoutMs })
        void this.#slots[task.slotIndex]?.thread.stop()
        this.#onDied(task.slotIndex, error)
      },
      true,
    )
    this.#slots[task.slotIndex]?.thread.send({ type: 'cancel', executionAttemptId })
  }

  /** Resolves when the task has sent the barrier. @throws CHECKPOINT_TASK_NOT_READY */
  triggerCheckpoint(executionAttemptId: ExecutionAttemptId, barrier: CheckpointBarrier): Promise<void> {
    const task = this.#tasks.get(executionAttemptId)
    if (task?.handedOver !== true)
      throw new TaskNotReady({ task: executionAttemptId, checkpointId: barrier.checkpointId, reason: 'it does not run here' })
    return new Promise((resolve, reject) => {
      const trigger = this.#nextTrigger++
      this.#triggers.set(trigger, { task: executionAttemptId, checkpointId: barrier.checkpointId, resolve, reject })
      this.#ledger.triggered(executionAttemptId, barrier)
      this.#slots[task.slotIndex]?.thread.send({ type: 'trigger', trigger, executionAttemptId, barrier })
    })
  }

  /** Tells the tasks, as far as they are still there. */
  concludeCheckpoint(executionAttemptIds: readonly ExecutionAttemptId[], checkpointId: number, complete: boolean): void {
    this.#ledger.concluded(executionAttemptIds, checkpointId, complete)
    this.#sendBySlot(executionAttemptIds, (here) => ({ type: 'conclude', executionAttemptIds: here, checkpointId, complete }))
  }

  /** Tasks run on; what they come to is kept for the next master. May be repeated. */
  masterLost(): void {
    this.#ledger.masterLost()
    for (const { thread } of this.#slots) thread.send({ type: 'masterLost' })
  }

  /** For the next master: what runs on, and what ended meanwhile. */
  orphans(): ReportedTask[] {
    return this.#ledger.report()
  }

  /** True: the task runs on, and no master knows it. */
  isOrphan(executionAttemptId: ExecutionAttemptId): boolean {
    return this.#ledger.isOrphan(executionAttemptId)
  }

  /** Resolves when a master knows the task; true: it still runs. */
  known(executionAttemptId: ExecutionAttemptId): Promise<boolean> {
    return this.#ledger.known(executionAttemptId)
  }

  /** Its coordinator has answered. */
  noteAnswer(executionAttemptId: ExecutionAttemptId, operatorId: OperatorId, event: unknown, answer: unknown): void {
    if (!SourceRequestSchema.safeParse(event).success) return
    const said = SourceAnswerSchema.safeParse(answer)
    if (said.success && said.data.split !== null) this.#ledger.split(executionAttemptId, operatorId, said.data.split)
  }

  /**
   * The next master goes on with these tasks of the job, from `checkpointId` where they fail; the others of the job end. What orphans came to
   * is told afterwards.
   */
  adopt(
    jobId: JobId,
    executionAttemptIds: readonly ExecutionAttemptId[],
    checkpointId: number | null,
    upTo: number,
  ): { running: ExecutionAttemptId[]; ended: ExecutionAttemptId[] } {
    const adopted = new Set(executionAttemptIds)
    const tasks = this.#ledger.adopted(jobId, checkpointId)
    const isRunning = (id: ExecutionAttemptId, state: string) =>
      state === 'RUNNING' && this.#tasks.has(id) && this.#tasks.get(id)?.cancellation === undefined
    const running = tasks.filter(({ executionAttemptId, state }) => adopted.has(executionAttemptId) && isRunning(executionAttemptId, state))
    const goOn = running.map(({ executionAttemptId }) => executionAttemptId)
    log.info(`The JobManager goes on with ${goOn.length} of ${tasks.length} tasks of job ${jobId}`)
    this.#sendBySlot(goOn, (here) => ({ type: 'adopted', executionAttemptIds: here, checkpointId: checkpointId ?? undefined, upTo }))
    for (const { executionAttemptId, ended } of tasks) {
      if (ended !== undefined) this.#user.onTaskState(jobId, ended)
      else if (!goOn.includes(executionAttemptId)) this.cancel(executionAttemptId)
    }
    return { running: goOn, ended: tasks.flatMap(({ executionAttemptId, ended }) => (ended === undefined ? [] : [executionAttemptId])) }
  }

  #sendBySlot(
    executionAttemptIds: readonly ExecutionAttemptId[],
    message: (here: readonly ExecutionAttemptId[]) => TaskExecutorToSlot,
  ): void {
    for (const [slotIndex, { thread }] of this.#slots.entries()) {
      const here = executionAttemptIds.filter((task) => this.#tasks.get(task)?.slotIndex === slotIndex)
      if (here.length > 0) thread.send(message(here))
    }
  }

  /** Cancels every task and frees every slot; resolves when that is done, or after `mostMs`. */
  async clear(mostMs: number): Promise<void> {
    for (const { allocationId } of this.report()) {
      if (allocationId === null) continue
      const { table, cancel } = release(this.#table, allocationId)
      this.#setTable(table)
      for (const task of cancel) this.cancel(task)
    }
    let late = false
    const timer = this.#environment.timers.after(mostMs, () => {
      late = true
      this.#changed()
    })
    while (runningTasks(this.#table).length > 0 && !late && !this.#stopped) await this.#change()
    timer.cancel()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#changed()
    for (const { cancellation } of this.#tasks.values()) cancellation?.cancel()
    await Promise.all(this.#slots.map(({ thread }) => thread.stop()))
    await this.#removeLocalState()
  }

  #startThread(slotIndex: number, dataPorts: readonly number[]): SlotHandle {
    const { resourceId, configuration, workingDirectory, hadoopConfiguration, user } = this.#descriptor
    const descriptor: SlotDescriptor = {
      resourceId,
      slotIndex,
      secret: this.#secret,
      bindHost: this.#configuration.get(TASKMANAGER_BIND_HOST),
      dataPorts,
      networkBytes: this.#networkBytes,
      managedBytes: this.#memory?.slotManagedBytes ?? 0,
      spillDirectory: localDirectory(this.#configuration),
      localStateDirectory: this.#localStateDirectory,
      metricsIntervalMs: METRICS_INTERVAL_MS,
      configuration,
      workingDirectory,
      hadoopConfiguration,
      user,
    }
    return this.#startSlot(descriptor, this.#heapMb, {
      onMessage: (message) => this.#receive(slotIndex, message),
      onDied: (error) => this.#onDied(slotIndex, error),
    })
  }

  #receive(slotIndex: number, message: SlotToTaskExecutor): void {
    const slot = this.#slots[slotIndex] as SlotEntry
    switch (message.type) {
      case 'started':
        slot.dataPort = message.dataPort
        slot.startAttempts = 0
        if (this.#slots.length === this.#descriptor.slots && this.#slots.every((each) => each.dataPort !== undefined))
          this.#started?.resolve()
        return
      case 'state': {
        const { type: _, ...update } = message
        return this.#onTaskState(update)
      }
      case 'acknowledge':
      case 'decline': {
        const task = this.#tasks.get(message.executionAttemptId)
        if (task !== undefined) this.#user.onCheckpointReport(task.jobId, message)
        return
      }
      case 'triggered': {
        const trigger = this.#triggers.get(message.trigger)
        this.#triggers.delete(message.trigger)
        if (message.error === undefined) trigger?.resolve()
        else trigger?.reject(fromWireError(message.error))
        return
      }
      case 'prepared': {
        const preparation = this.#preparations.get(message.preparation)
        this.#preparations.delete(message.preparation)
        if (message.error === undefined) preparation?.resolve()
        else preparation?.reject(fromWireError(message.error))
        return
      }
      case 'metrics':
        slot.memory = message.memory
        for (const { executionAttemptId, metrics } of message.tasks) {
          const task = this.#tasks.get(executionAttemptId)
          if (task !== undefined) task.metrics = metrics
        }
        return
      case 'request': {
        const { request, executionAttemptId, operatorId, event } = message
        const task = this.#tasks.get(executionAttemptId)
        if (task === undefined) return
        const { thread } = slot
        this.#user.requestCoordinator(task.jobId, executionAttemptId, operatorId, event).then(
          (answer) => thread.send({ type: 'answer', request, answer }),
          (error: unknown) => thread.send({ type: 'answer', request, answer: undefined, error: toWireError(error) }),
        )
        return
      }
      case 'connectSlot': {
        const target = this.#slots[message.slotIndex]
        if (target === undefined) message.port.close()
        else target.thread.send({ type: 'connection', slotIndex, port: message.port })
        return
      }
      case 'print': {
        const { text, stderr } = message
        const { thread } = slot
        this.#written = this.#written
          .then(() => this.#user.write(text, stderr))
          .then(() => thread.send({ type: 'printed', characters: text.length }))
        return
      }
      case 'log':
        return logger(message.component)[message.level](message.message, message.error)
    }
  }

  #onTaskState(update: TaskStateUpdate): void {
    const task = this.#tasks.get(update.executionAttemptId)
    if (task === undefined) return
    if (!isTerminalExecutionState(update.state)) return this.#tell(task.jobId, update)
    // Its lines first, then its end: who learns that the job has finished has seen everything that it printed.
    void this.#written.then(() => {
      if (this.#tasks.get(update.executionAttemptId) === task) this.#end(update, task)
    })
  }

  #end(update: TaskStateUpdate, task: RunningTask): void {
    task.cancellation?.cancel()
    this.#tasks.delete(update.executionAttemptId)
    for (const [trigger, { task: of, checkpointId, reject }] of this.#triggers) {
      if (of !== update.executionAttemptId) continue
      this.#triggers.delete(trigger)
      reject(new TaskNotReady({ task: of, checkpointId, reason: `it is ${update.state}` }))
    }
    this.#setTable(removeTask(this.#table, update.executionAttemptId))
    log.info(`Task ${update.executionAttemptId} is ${update.state}${update.error === undefined ? '' : `: ${update.error.message}`}`)
    this.#tell(task.jobId, update)
    this.#changed()
  }

  #tell(jobId: JobId, update: TaskStateUpdate): void {
    if (!this.#ledger.holds(update)) this.#user.onTaskState(jobId, update)
  }

  /** What ran in the slot is lost; a new thread takes its place, at the same data port. */
  #onDied(slotIndex: number, error: Error): void {
    const slot = this.#slots[slotIndex]
    if (this.#stopped) return
    if (slot === undefined || slot.dataPort === undefined) {
      // Never came up: its port may be taken, its code may not load.
      this.#stopped = true
      if (this.#started === undefined) this.#user.onFatal(error)
      else this.#started.reject(error)
      return
    }
    const { dataPort } = slot
    slot.used = false // whatever its tasks' end makes of it: it gets a new thread here
    log.error(`Slot ${slotIndex} is restarted: ${error.message}`, error)
    this.#abandonPreparations(slotIndex, error)
    for (const [executionAttemptId, task] of [...this.#tasks]) {
      if (task.slotIndex !== slotIndex) continue
      const metrics = task.metrics === undefined ? {} : { metrics: task.metrics }
      if (task.cancellation !== undefined) this.#end({ executionAttemptId, state: 'CANCELED', ...metrics }, task)
      else this.#end({ executionAttemptId, state: 'FAILED', error: toWireError(error), ...metrics }, task)
    }
    if (slot.startAttempts >= START_ATTEMPTS) return this.#user.onFatal(error)
    const restart = () => {
      if (!this.#stopped) slot.thread = this.#startThread(slotIndex, [dataPort])
    }
    if (slot.startAttempts++ === 0) restart()
    else this.#environment.timers.after(START_RETRY_MS, restart)
  }

  /**
   * The slot's job is done with it: its thread ends with all that the job left there, and a new one loads its code before the next job
   * comes. What is said meanwhile waits. The new thread listens where the old one did, so it starts when that one is gone.
   */
  #renew(slotIndex: number): void {
    const slot = this.#slots[slotIndex]
    if (this.#stopped || slot?.used !== true || slot.dataPort === undefined) return
    const { thread: old, dataPort } = slot
    const waiting: TaskExecutorToSlot[] = []
    const gone = old.stop()
    const between: SlotHandle = { send: (message) => void waiting.push(message), stop: () => gone }
    Object.assign(slot, { thread: between, used: false, startAttempts: 1, memory: NO_MEMORY })
    void gone.then(() => {
      if (this.#stopped || slot.thread !== between) {
        for (const message of waiting) if (message.type === 'connection') message.port.close()
        return
      }
      slot.thread = this.#startThread(slotIndex, [dataPort])
      for (const message of waiting) slot.thread.send(message)
    })
  }

  #abandonPreparations(slotIndex: number, error: Error): void {
    for (const [preparation, { slotIndex: of, reject }] of this.#preparations) {
      if (of !== slotIndex) continue
      this.#preparations.delete(preparation)
      reject(error)
    }
  }

  #setTable(table: SlotTable): void {
    const freed = table.flatMap((slot, index) => (slot.state === 'FREE' && this.#table[index]?.state !== 'FREE' ? [index] : []))
    const before = jobsOf(this.#table)
    this.#table = table
    for (const index of freed) {
      this.#abandonPreparations(index, new Error('the slot was given back'))
      this.#slots[index]?.thread.send({ type: 'freed' })
      if (this.#isolatesJobs) this.#renew(index)
    }
    const after = jobsOf(table)
    for (const jobId of before) {
      if (after.has(jobId)) continue
      void this.#removeLocalState(jobId)
      this.#ledger.forget(jobId)
      this.#user.onJobGone(jobId)
    }
  }

  /** Of the job, or of all. */
  async #removeLocalState(jobId?: JobId): Promise<void> {
    const directory = jobId === undefined ? this.#localStateDirectory : join(this.#localStateDirectory, jobId)
    await this.#process.removeDirectory(directory).catch((error: unknown) => log.warn(`${directory} could not be removed`, error))
  }

  #remember(executionAttemptId: ExecutionAttemptId): void {
    this.#known.add(executionAttemptId)
    if (this.#known.size <= REMEMBERED_TASKS) return
    for (const oldest of this.#known) {
      if (this.#tasks.has(oldest)) continue
      this.#known.delete(oldest)
      return
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#onChange.push(resolve))
  }

  #changed(): void {
    for (const resolve of this.#onChange.splice(0)) resolve()
  }
}

function parseChain(bytes: Uint8Array): TaskDeploymentDescriptor['operators'] {
  return OperatorChainSchema.parse(JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')))
}

/** Bundles of the programs whose functions the operators are, each once. */
function bundlesOf(operators: TaskDeploymentDescriptor['operators']): BlobReference[] {
  const bundles = new Map<string, BlobReference>()
  for (const { spec } of operators) if (spec.op === 'function') bundles.set(spec.program.bundle.blobKey, spec.program.bundle)
  return [...bundles.values()]
}
