/**
 * One running subtask: its lifecycle (task-lifecycle.ts) around an operator chain, its inputs and its result partitions. Everything
 * happens in the slot's thread, one step at a time (slot-mailbox.ts). A step takes one element of input, and none while
 *   - an operator still works on what it got (its promise is pending),
 *   - a result partition or the line printer has no room.
 */
import { Configuration } from '#core/config/configuration.js'
import { BUFFER_TIMEOUT } from '#core/config/options/execution.js'
import type { FileSystems } from '#core/fs/file-systems.js'
import type { TaskDeploymentDescriptor } from '#core/graph/deployment.js'
import type { OperatorNode } from '#core/graph/job-graph.js'
import type { OperatorId } from '#core/ids/ids.js'
import { logger } from '#core/log/logger.js'
import type { TaskMetrics } from '#core/rpc/gateways/task-executor.js'
import type { Environment, TimerHandle } from '#core/time/environment.js'
import type { Schema } from '#core/types/schema.js'
import { keyGroupsOfSubtask } from '#runtime/columnar/hash.js'
import type { OperatorContext } from '#runtime/operators/operator.js'
import type { ProducerAccess } from '../network/input-gate.js'
import { ResultPartition } from '../network/result-partition.js'
import { TaskCanceled } from './errors.js'
import type { LinePrinter } from './line-printer.js'
import { OperatorChain } from './operator-chain.js'
import type { Instantiate } from './operator-factory.js'
import type { SlotMailbox } from './slot-mailbox.js'
import { TaskInputs } from './task-inputs.js'
import { isOver, onTaskEvent, type TaskEvent, type TaskLife, type TaskState } from './task-lifecycle.js'
import { TimeAccount } from './time-account.js'

const log = logger('Task')

export interface Committable {
  readonly operatorId: OperatorId
  readonly committable: unknown
}

export interface TaskReport {
  readonly state: TaskState
  readonly error?: unknown
  readonly metrics: TaskMetrics
  readonly committables?: readonly Committable[]
}

/** What a slot gives to its tasks. */
export interface TaskServices {
  readonly environment: Environment
  readonly fileSystems: FileSystems
  readonly mailbox: SlotMailbox
  readonly network: ProducerAccess
  readonly printer: LinePrinter
  readonly instantiate: Instantiate
  /** Bytes that one result partition may hold for its consumers. */
  readonly partitionBytes: number
  /** How long the end of a failed or cancelled task waits for work of its operators that is still under way. */
  readonly settleGraceMs: number
  requestCoordinator(task: TaskDeploymentDescriptor, operatorId: OperatorId, event: unknown): Promise<unknown>
  report(task: Task, report: TaskReport): void
}

export class Task {
  readonly descriptor: TaskDeploymentDescriptor
  /** `Calc (2/4) attempt 0`, for people. */
  readonly name: string
  readonly #services: TaskServices
  readonly #configuration: Configuration
  readonly #time: TimeAccount
  #life: TaskLife = { state: 'CREATED' }
  #chain: OperatorChain | undefined
  #inputs: TaskInputs | undefined
  #partitions: ResultPartition[] = []
  #opening: Promise<void> = Promise.resolve()
  #mail: (() => void)[] = []
  readonly #timers = new Set<TimerHandle>()
  readonly #abandoned: ((error: Error) => void)[] = []
  #pending = 0
  #waitingForSettled: (() => void)[] = []
  #polling = false
  #finishing = false
  #committables: readonly Committable[] | undefined
  #recordsIn = 0
  #bytesIn = 0
  #late = 0

  constructor(descriptor: TaskDeploymentDescriptor, services: TaskServices) {
    this.descriptor = descriptor
    this.name = `${descriptor.vertexName} (${descriptor.subtaskIndex + 1}/${descriptor.parallelism}) attempt ${descriptor.attemptNumber}`
    this.#services = services
    this.#configuration = Configuration.of(descriptor.configuration)
    this.#time = new TimeAccount(services.environment.clock)
  }

  get state(): TaskState {
    return this.#life.state
  }

  /** Builds and opens the task, then runs it. Everything that goes wrong becomes its FAILED. */
  start(): void {
    this.#handle({ type: 'deploy' })
    this.#opening = this.#initialize().catch((error: unknown) => this.fail(error))
  }

  cancel(): void {
    this.#handle({ type: 'cancel' })
  }

  fail(error: unknown): void {
    this.#handle({ type: 'fail', error })
  }

  /**
   * recordsIn: rows from inputs; of a source: rows that it read. recordsOut: rows into result partitions, and rows handed to sinks of the
   * chain. Bytes: of the exchange, rows laid out compactly.
   */
  metrics(): TaskMetrics {
    const spent = this.#time.spent()
    const sum = (of: (partition: ResultPartition) => number) => this.#partitions.reduce((total, partition) => total + of(partition), 0)
    return {
      recordsIn: this.#recordsIn + (this.#chain?.sourceRows ?? 0),
      recordsOut: sum((partition) => partition.recordsOut) + (this.#chain?.sinkRows ?? 0),
      bytesIn: this.#bytesIn,
      bytesOut: sum((partition) => partition.bytesOut),
      busyMs: spent.busy,
      idleMs: spent.idle,
      backPressuredMs: spent.backPressured,
      watermark: this.#inputs?.watermark ?? null,
      lateRecordsDropped: this.#late,
    }
  }

  /** One piece of work, called by the slot's mailbox. False: nothing to do until woken. */
  step(): boolean {
    if (this.#life.state !== 'RUNNING') return false
    try {
      for (const action of this.#mail.splice(0)) action()
      if (this.#finishing) return false
      if (this.#pending > 0) return this.#rest('busy')
      if (!this.#hasRoom()) return this.#rest('backPressured')
      return this.#chain?.source === undefined ? this.#takeInput() : this.#pollSource()
    } catch (error) {
      this.fail(error)
      return false
    }
  }

  async #initialize(): Promise<void> {
    const descriptor = this.descriptor
    const services = this.#services
    this.#partitions = descriptor.outputs.map((output) => {
      const partition = new ResultPartition(output, {
        environment: services.environment,
        bufferTimeout: this.#configuration.get(BUFFER_TIMEOUT),
        maxQueuedBytes: services.partitionBytes,
        onRoom: this.#wake,
        onFailure: (error) => this.fail(error),
      })
      services.network.registry.register(descriptor.executionAttemptId, partition)
      return partition
    })
    this.#handle({ type: 'initialize' })
    this.#inputs = new TaskInputs(descriptor.inputs, services.network, { onAvailable: this.#wake, onFailure: (error) => this.fail(error) })
    if (this.state !== 'INITIALIZING') return this.#inputs.close() // a producer's refusal came at once
    const chain = await OperatorChain.create(descriptor, this.#partitions, services.instantiate, {
      track: (work) => this.#track(work),
      settled: () => this.#settled(),
      running: () => this.#life.state === 'RUNNING',
      context: (node, inputSchemas) => this.#context(node, inputSchemas),
    })
    if (this.#life.state !== 'INITIALIZING') return
    this.#chain = chain
    await chain.open(() => this.#life.state !== 'INITIALIZING')
    this.#handle({ type: 'run' })
    this.#time.switchTo('busy')
    this.#wake()
  }

  #takeInput(): boolean {
    const step = this.#inputs?.poll()
    if (step === undefined) return this.#rest('idle')
    this.#time.switchTo('busy')
    const chain = this.#chain as OperatorChain
    if (step.kind === 'batch') {
      this.#recordsIn += step.batch.length
      this.#bytesIn += step.bytes
      chain.processBatch(step.batch, step.input)
      return true
    }
    if (step.watermark !== undefined) chain.processWatermark(step.watermark)
    if (step.idle !== undefined) chain.processIdle(step.idle)
    if (step.ended !== undefined) {
      chain.endInput(step.ended)
      if (this.#inputs?.allEnded === true) this.#finish()
    }
    return true
  }

  #pollSource(): boolean {
    if (this.#polling) return this.#rest('idle')
    this.#time.switchTo('busy')
    const polled = this.#chain?.source?.poll()
    if (!(polled instanceof Promise)) {
      if (polled === 'end') this.#finish()
      return true
    }
    this.#polling = true
    polled.then(
      (answer) => {
        this.#polling = false
        this.#post(() => {
          if (answer === 'end') this.#finish()
        })
      },
      (error: unknown) => this.fail(error),
    )
    return this.#rest('idle')
  }

  /** All input is in: ends the operators, waits until the consumers have everything, closes. */
  #finish(): void {
    this.#finishing = true
    const ending = async () => {
      const chain = this.#chain as OperatorChain
      this.#committables = await chain.finish()
      if (this.#committables === undefined) return
      for (const timer of this.#timers) timer.cancel()
      this.#time.switchTo('backPressured')
      await Promise.all(this.#partitions.map((partition) => partition.end()))
      if (this.#life.state !== 'RUNNING') return
      await chain.close(false)
      this.#handle({ type: 'finish' })
    }
    ending().catch((error: unknown) => this.fail(error))
  }

  #handle(event: TaskEvent): void {
    const step = onTaskEvent(this.#life, event)
    this.#life = step.life
    for (const effect of step.effects) {
      if (effect.type === 'close') void this.#shutDown()
      else this.#report()
    }
  }

  #report(): void {
    const life = this.#life
    if (isOver(life)) {
      this.#time.switchTo(undefined)
      for (const partition of this.#partitions) this.#services.network.registry.unregister(this.descriptor.executionAttemptId, partition)
    }
    this.#services.report(this, {
      state: life.state,
      metrics: this.metrics(),
      ...(life.state === 'FAILED' ? { error: life.error } : {}),
      ...(life.state === 'FINISHED' && this.#committables !== undefined ? { committables: this.#committables } : {}),
    })
  }

  /** The end of a failed or cancelled task. Nothing that an operator does or fails to do can hold it up for long. */
  async #shutDown(): Promise<void> {
    const canceled = new TaskCanceled({ task: this.name })
    for (const abandon of this.#abandoned.splice(0)) abandon(canceled)
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
    this.#mail = []
    this.#inputs?.close()
    for (const partition of this.#partitions) {
      partition.release()
      this.#services.network.registry.unregister(this.descriptor.executionAttemptId, partition)
    }
    await this.#withGrace(this.#opening)
    await this.#withGrace(this.#settled())
    // close() of a source ends a poll() that still waits.
    await this.#withGrace(this.#chain?.close(true))
    this.#handle({ type: 'closed' })
  }

  async #withGrace(work: Promise<void> | undefined): Promise<void> {
    if (work === undefined) return
    let timer: TimerHandle | undefined
    const grace = new Promise<void>((resolve) => (timer = this.#services.environment.timers.after(this.#services.settleGraceMs, resolve)))
    const quiet = work.catch((error: unknown) => log.warn(`Closing ${this.name}`, error))
    await Promise.race([quiet, grace])
    timer?.cancel()
  }

  #track(work: Promise<unknown>): void {
    this.#pending++
    const done = () => {
      this.#pending--
      if (this.#pending > 0) return
      for (const resolve of this.#waitingForSettled.splice(0)) resolve()
      this.#wake()
    }
    work.then(done, (error: unknown) => {
      this.fail(error)
      done()
    })
  }

  #settled(): Promise<void> {
    if (this.#pending === 0) return Promise.resolve()
    return new Promise((resolve) => this.#waitingForSettled.push(resolve))
  }

  #hasRoom(): boolean {
    for (const partition of this.#partitions) if (!partition.hasRoom) return false
    return this.#services.printer.hasRoom(this.#wake)
  }

  #rest(activity: 'busy' | 'idle' | 'backPressured'): false {
    this.#time.switchTo(activity)
    return false
  }

  #post(action: () => void): void {
    this.#mail.push(action)
    this.#wake()
  }

  readonly #wake = (): void => {
    if (this.#life.state === 'RUNNING') this.#services.mailbox.wake(this)
  }

  #context(node: OperatorNode, inputSchemas: readonly Schema[]): OperatorContext {
    const descriptor = this.descriptor
    const services = this.#services
    return {
      jobId: descriptor.jobId,
      attemptNumber: descriptor.attemptNumber,
      operatorId: node.id,
      operatorName: node.name,
      subtaskIndex: descriptor.subtaskIndex,
      parallelism: descriptor.parallelism,
      maxParallelism: descriptor.maxParallelism,
      keyGroups: keyGroupsOfSubtask(descriptor.subtaskIndex, descriptor.maxParallelism, descriptor.parallelism),
      inputSchemas,
      outputSchema: node.outputSchema,
      configuration: this.#configuration,
      environment: services.environment,
      fileSystems: services.fileSystems,
      requestCoordinator: (event) => this.#requestCoordinator(node.id, event),
      printLine: (line, stderr) => services.printer.print(line, stderr),
      countLate: (rows) => {
        this.#late += rows
      },
      schedule: (delay, action) => this.#schedule(delay, action),
    }
  }

  /** Rejected when the task ends, so that no operator waits for an answer in vain. */
  #requestCoordinator(operatorId: OperatorId, event: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#life.state === 'CANCELING' || this.#life.state === 'FAILED') return reject(new TaskCanceled({ task: this.name }))
      const drop = () => {
        const at = this.#abandoned.indexOf(reject)
        if (at >= 0) this.#abandoned.splice(at, 1)
      }
      this.#abandoned.push(reject)
      this.#services.requestCoordinator(this.descriptor, operatorId, event).then(
        (answer) => {
          drop()
          resolve(answer)
        },
        (error: unknown) => {
          drop()
          reject(error as Error)
        },
      )
    })
  }

  #schedule(delay: number, action: () => void): { cancel(): void } {
    let canceled = false
    const timer = this.#services.environment.timers.after(delay, () => {
      this.#timers.delete(timer)
      if (!canceled) this.#post(() => (canceled ? undefined : action()))
    })
    this.#timers.add(timer)
    return {
      cancel: () => {
        canceled = true
        timer.cancel()
        this.#timers.delete(timer)
      },
    }
  }
}
