/**
 * What runs in a slot's thread: its tasks, its side of the data exchange, and the conversation with the TaskExecutor
 * (taskexecutor/slot-messages.ts).
 */
import type { MessagePort } from 'node:worker_threads'
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import { fromWireError, toWireError } from '#core/errors/wire-error.js'
import type { FileSystems } from '#core/fs/file-systems.js'
import type { TaskDeploymentDescriptor } from '#core/graph/deployment.js'
import { isTerminalExecutionState } from '#core/graph/states.js'
import type { ExecutionAttemptId, OperatorId, ResourceId } from '#core/ids/ids.js'
import type { Environment } from '#core/time/environment.js'
import { stateMemory } from '#runtime/state/state-memory.js'
import { TaskNotReady } from '../checkpoint/errors.js'
import { PartitionRegistry } from '../network/partition-registry.js'
import { SlotNetwork } from '../network/slot-network.js'
import type { SlotToTaskExecutor, TaskExecutorToSlot } from '../taskexecutor/slot-messages.js'
import { LinePrinter } from './line-printer.js'
import { instantiateWith, preloadWith } from './operator-factory.js'
import { PreparedTasks } from './prepared-tasks.js'
import { ProgramLoader } from './program-loader.js'
import { SlotMailbox } from './slot-mailbox.js'
import { Task, type TaskReport, type TaskServices } from './task.js'

export interface SlotRuntimeOptions {
  readonly port: MessagePort
  readonly environment: Environment
  readonly fileSystems: FileSystems
  readonly resourceId: ResourceId
  readonly slotIndex: number
  readonly secret: Buffer | undefined
  /** Bytes for the exchange of this slot; 0: not limited. */
  readonly networkBytes: number
  readonly metricsIntervalMs: number
  /** For copies of state, by job. */
  readonly localStateDirectory: string
}

/** Of one result partition, where the slot has no budget. */
const DEFAULT_PARTITION_BYTES = 8 * 1024 * 1024
const SETTLE_GRACE_MS = 2_000
const MIN_PARTITION_BYTES = 512 * 1024

export class SlotRuntime {
  readonly #options: SlotRuntimeOptions
  readonly #network: SlotNetwork
  readonly #printer: LinePrinter
  readonly #programs = new ProgramLoader()
  readonly #prepared: PreparedTasks
  readonly #services: TaskServices
  readonly #tasks = new Map<ExecutionAttemptId, Task>()
  readonly #requests = new Map<number, { readonly task: ExecutionAttemptId; resolve(answer: unknown): void; reject(error: Error): void }>()
  #nextRequest = 0
  #metricsTimer = false

  constructor(options: SlotRuntimeOptions) {
    this.#options = options
    const { environment, resourceId, slotIndex } = options
    const registry = new PartitionRegistry(environment, `TaskManager ${resourceId}, slot ${slotIndex}`)
    this.#network = new SlotNetwork({
      resourceId,
      slotIndex,
      environment,
      registry,
      secret: options.secret,
      handOver: (target, port) =>
        options.port.postMessage({ type: 'connectSlot', slotIndex: target, port } satisfies SlotToTaskExecutor, [port]),
    })
    this.#printer = new LinePrinter((text, stderr) => this.#send({ type: 'print', text, stderr }))
    this.#prepared = new PreparedTasks({
      fileSystems: options.fileSystems,
      preload: preloadWith(this.#programs),
      directory: options.localStateDirectory,
    })
    this.#services = {
      environment,
      fileSystems: options.fileSystems,
      mailbox: new SlotMailbox(environment.clock),
      network: this.#network,
      printer: this.#printer,
      instantiate: instantiateWith(this.#programs),
      settleGraceMs: SETTLE_GRACE_MS,
      localStateDirectory: options.localStateDirectory,
      takePrepared: (task) => this.#prepared.take(task),
      partitionBytes:
        options.networkBytes === 0 ? DEFAULT_PARTITION_BYTES : Math.max(MIN_PARTITION_BYTES, Math.floor(options.networkBytes / 4)),
      requestCoordinator: (task, operatorId, event) => this.#requestCoordinator(task, operatorId, event),
      report: (task, report) => this.#report(task, report),
      acknowledgeCheckpoint: ({ descriptor }, checkpointId, state, metrics) =>
        this.#send({ type: 'acknowledge', executionAttemptId: descriptor.executionAttemptId, checkpointId, state, metrics }),
      declineCheckpoint: ({ descriptor }, checkpointId, error) =>
        this.#send({ type: 'decline', executionAttemptId: descriptor.executionAttemptId, checkpointId, error: toWireError(error) }),
    }
  }

  /** Listens for other processes' slots, then serves the TaskExecutor. */
  async start(host: string | undefined, ports: readonly number[]): Promise<void> {
    const dataPort = await this.#network.listen(host, ports)
    this.#options.port.on('message', (message: TaskExecutorToSlot) => this.#receive(message))
    this.#send({ type: 'started', dataPort })
  }

  #receive(message: TaskExecutorToSlot): void {
    switch (message.type) {
      case 'submit':
        for (const { bundle, path } of message.programs) this.#programs.located(bundle, path)
        return this.#submit(message.task)
      case 'prepare':
        for (const { bundle, path } of message.programs) this.#programs.located(bundle, path)
        return void this.#prepared.prepare(message.task).then(
          () => this.#send({ type: 'prepared', preparation: message.preparation }),
          (error: unknown) => this.#send({ type: 'prepared', preparation: message.preparation, error: toWireError(error) }),
        )
      case 'freed':
        return this.#prepared.clear()
      case 'cancel':
        return this.#tasks.get(message.executionAttemptId)?.cancel()
      case 'trigger':
        return this.#trigger(message.trigger, message.executionAttemptId, message.barrier)
      case 'conclude':
        for (const task of message.executionAttemptIds) this.#tasks.get(task)?.concludeCheckpoint(message.checkpointId, message.complete)
        return
      case 'masterLost':
        for (const task of this.#tasks.values()) task.masterLost()
        return
      case 'adopted':
        for (const task of message.executionAttemptIds) this.#tasks.get(task)?.adopted(message.checkpointId, message.upTo)
        return
      case 'answer': {
        const request = this.#requests.get(message.request)
        this.#requests.delete(message.request)
        if (message.error === undefined) request?.resolve(message.answer)
        else request?.reject(fromWireError(message.error))
        return
      }
      case 'connection':
        return this.#network.acceptPort(message.slotIndex, message.port)
      case 'budget':
        return stateMemory.rebudget(message.managedBytes)
      case 'memory':
        return stateMemory.tighten(message.tight)
      case 'printed':
        return this.#printer.written(message.characters)
    }
  }

  #submit(descriptor: TaskDeploymentDescriptor): void {
    const task = new Task(descriptor, this.#services)
    this.#tasks.set(descriptor.executionAttemptId, task)
    task.start()
    this.#startMetrics()
  }

  #trigger(trigger: number, executionAttemptId: ExecutionAttemptId, barrier: CheckpointBarrier): void {
    const triggered = async () => {
      const task = this.#tasks.get(executionAttemptId)
      if (task === undefined)
        throw new TaskNotReady({ task: executionAttemptId, checkpointId: barrier.checkpointId, reason: 'it does not run here' })
      await task.triggerCheckpoint(barrier)
    }
    triggered().then(
      () => this.#send({ type: 'triggered', trigger }),
      (error: unknown) => this.#send({ type: 'triggered', trigger, error: toWireError(error) }),
    )
  }

  #report(task: Task, report: TaskReport): void {
    const { executionAttemptId } = task.descriptor
    if (isTerminalExecutionState(report.state)) {
      this.#tasks.delete(executionAttemptId)
      for (const [request, { task: asker }] of this.#requests) if (asker === executionAttemptId) this.#requests.delete(request)
      this.#printer.flush() // so that a task's lines are out before its end is known
    }
    this.#send({
      type: 'state',
      executionAttemptId,
      state: report.state,
      metrics: report.metrics,
      ...(report.error === undefined ? {} : { error: toWireError(report.error) }),
      ...(report.committables === undefined ? {} : { committables: [...report.committables] }),
    })
  }

  #requestCoordinator(task: TaskDeploymentDescriptor, operatorId: OperatorId, event: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const request = this.#nextRequest++
      this.#requests.set(request, { task: task.executionAttemptId, resolve, reject })
      this.#send({ type: 'request', request, executionAttemptId: task.executionAttemptId, operatorId, event })
    })
  }

  #startMetrics(): void {
    if (this.#metricsTimer) return
    this.#metricsTimer = true
    this.#options.environment.timers.after(this.#options.metricsIntervalMs, () => {
      this.#metricsTimer = false
      if (this.#tasks.size === 0) return
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      this.#send({
        type: 'metrics',
        memory: { heapUsed, arrayBuffers, stateBytes: stateMemory.residentBytes(), spilledBytes: stateMemory.spilledBytes },
        tasks: [...this.#tasks].map(([executionAttemptId, task]) => ({ executionAttemptId, metrics: task.metrics() })),
      })
      this.#startMetrics()
    })
  }

  #send(message: SlotToTaskExecutor): void {
    this.#options.port.postMessage(message)
  }
}
