/**
 * One running subtask: its lifecycle (task-lifecycle.ts) around an operator chain, its inputs and its result partitions. Everything
 * happens in the slot's thread, one step at a time (slot-mailbox.ts). A step takes one element of input, and none while
 *   - an operator still works on what it got (its promise is pending),
 *   - a checkpoint waits for that, to be taken before any more input (checkpoint/task-checkpoints.ts),
 *   - a result partition or the line printer has no room.
 */
import { join } from 'node:path'
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import type { SubtaskCheckpointMetrics, SubtaskState, TaskRestore } from '#core/checkpoint/state-handles.js'
import { Configuration } from '#core/config/configuration.js'
import { LOCAL_BACKUP } from '#core/config/options/checkpointing.js'
import { BUFFER_TIMEOUT } from '#core/config/options/execution.js'
import { AUTO_WATERMARK_INTERVAL } from '#core/config/options/pipeline.js'
import { LATENCY_GRANULARITY, LATENCY_HISTORY_SIZE, LATENCY_INTERVAL } from '#core/config/options/metrics.js'
import type { FileSystems } from '#core/fs/file-systems.js'
import type { TaskDeploymentDescriptor } from '#core/graph/deployment.js'
import type { OperatorNode } from '#core/graph/job-graph.js'
import type { OperatorId } from '#core/ids/ids.js'
import { logger } from '#core/log/logger.js'
import type { LatencyHistogram, TaskCounters, TaskMetrics } from '#core/rpc/gateways/task-metrics.js'
import type { Environment, TimerHandle } from '#core/time/environment.js'
import type { Schema } from '#core/types/schema.js'
import { keyGroupsOfSubtask } from '#runtime/columnar/hash.js'
import type { OperatorContext } from '#runtime/operators/operator.js'
import { DrainAbandoned, TaskNotReady } from '../checkpoint/errors.js'
import { LocalState } from '../checkpoint/local-state.js'
import { restoreInFlight } from '../checkpoint/restored-in-flight.js'
import { TaskCheckpoints } from '../checkpoint/task-checkpoints.js'
import type { SegmentCopies } from '#runtime/checkpoint/segment-copies.js'
import { stateMemory } from '#runtime/state/state-memory.js'
import type { ProducerAccess } from '../network/input-gate.js'
import { ResultPartition } from '../network/result-partition.js'
import { TaskCanceled } from './errors.js'
import { LatencyStats } from './latency-stats.js'
import type { LinePrinter } from './line-printer.js'
import { OperatorChain } from './operator-chain.js'
import type { Instantiate } from './operator-factory.js'
import type { SlotMailbox } from './slot-mailbox.js'
import { TaskInputs, type InputStep } from './task-inputs.js'
import { isOver, onTaskEvent, type TaskEvent, type TaskLife, type TaskState } from './task-lifecycle.js'
import { RateWindow } from './task-rates.js'
import { TimeAccount } from './time-account.js'
import { UserCounters } from './user-counters.js'

const log = logger('Task')

/** How often histograms of latencies are worked out. */
const LATENCY_REPORT_MS = 1_000

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
  /** Directory on the worker's own disk for copies of state, by job; undefined: none are kept. */
  readonly localStateDirectory: string | undefined
  /** State that was read for the task before it came; the task closes it. */
  takePrepared(task: TaskDeploymentDescriptor): SegmentCopies | undefined
  /** Bytes that one result partition may hold for its consumers. */
  readonly partitionBytes: number
  /** How long the end of a failed or cancelled task waits for work of its operators that is still under way. */
  readonly settleGraceMs: number
  requestCoordinator(task: TaskDeploymentDescriptor, operatorId: OperatorId, event: unknown): Promise<unknown>
  report(task: Task, report: TaskReport): void
  /** The task's part of a checkpoint is stored, or could not be. */
  acknowledgeCheckpoint(task: Task, checkpointId: number, state: SubtaskState, metrics: SubtaskCheckpointMetrics): void
  declineCheckpoint(task: Task, checkpointId: number, error: unknown): void
}

export class Task {
  readonly descriptor: TaskDeploymentDescriptor
  /** `Calc (2/4) attempt 0`, for people. */
  readonly name: string
  readonly #services: TaskServices
  readonly #configuration: Configuration
  readonly #time: TimeAccount
  readonly #rates = new RateWindow()
  readonly #latencies: LatencyStats
  readonly #userCounters = new UserCounters()
  #latencyReport: { readonly at: number; readonly histograms: LatencyHistogram[] } | undefined
  /** A source's latency marker is to go out. */
  #markerDue = false
  #life: TaskLife = { state: 'CREATED' }
  #chain: OperatorChain | undefined
  #inputs: TaskInputs | undefined
  #checkpoints: TaskCheckpoints | undefined
  readonly #localState: LocalState | undefined
  /** The end of a channel that a snapshot comes before. */
  #heldBack: InputStep | undefined
  /** The barrier of a stop-with-savepoint that went out; the source's answer that came since. */
  #stopped: { readonly barrier: CheckpointBarrier; atEnd: boolean } | undefined
  #partitions: ResultPartition[] = []
  #opening: Promise<void> = Promise.resolve()
  #mail: (() => void)[] = []
  readonly #timers = new Set<TimerHandle>()
  /** Operators whose work goes on in their next turn. */
  #turns: (() => void)[] = []
  readonly #abandoned: ((error: Error) => void)[] = []
  #pending = 0
  #waitingForSettled: (() => void)[] = []
  #polling = false
  #finishing = false
  #dropInput: () => false = () => false
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
    this.#latencies = new LatencyStats({
      granularity: this.#configuration.get(LATENCY_GRANULARITY),
      historySize: this.#configuration.get(LATENCY_HISTORY_SIZE),
    })
    const { localStateDirectory } = services
    if (localStateDirectory !== undefined && this.#configuration.get(LOCAL_BACKUP))
      this.#localState = new LocalState(join(localStateDirectory, descriptor.jobId))
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

  /** To a source: takes the snapshot and sends the barrier; resolves when it has. @throws CHECKPOINT_TASK_NOT_READY */
  triggerCheckpoint(barrier: CheckpointBarrier): Promise<void> {
    const notReady = (reason: string) => new TaskNotReady({ task: this.name, checkpointId: barrier.checkpointId, reason })
    const checkpoints = this.#checkpoints
    if (this.#life.state !== 'RUNNING' || checkpoints === undefined) throw notReady(`it is ${this.#life.state}`)
    if (this.#finishing) throw notReady('it has reached its end')
    if (this.#chain?.source === undefined) throw notReady('barriers come to it from its inputs')
    if (this.#stopped !== undefined) throw notReady(`it has stopped for savepoint ${this.#stopped.barrier.checkpointId}`)
    return checkpoints.trigger(barrier)
  }

  /** What became of a checkpoint. */
  concludeCheckpoint(checkpointId: number, complete: boolean): void {
    this.#post(() => {
      this.#checkpoints?.conclude(checkpointId, complete)
      if (this.#stopped?.barrier.checkpointId === checkpointId) this.#afterStop(this.#stopped, complete)
    })
  }

  /** Nobody concludes checkpoints any more, until `adopted`. */
  masterLost(): void {
    this.#post(() => this.#checkpoints?.masterLost())
  }

  /** The next master goes on with this task: `checkpointId` is complete, everything else up to `upTo` is over. */
  adopted(checkpointId: number | undefined, upTo: number): void {
    this.#post(() => this.#checkpoints?.adopted(checkpointId, upTo))
  }

  /**
   * recordsIn: rows from inputs; of a source: rows that it read. recordsOut: rows into result partitions, and rows handed to sinks of the
   * chain. Bytes: of the exchange, rows laid out compactly.
   */
  metrics(): TaskMetrics {
    const spent = this.#time.spent()
    const sum = (of: (partition: ResultPartition) => number) => this.#partitions.reduce((total, partition) => total + of(partition), 0)
    const counters: TaskCounters = {
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
    const rates = this.#rates.sample(counters, this.#services.environment.clock.monotonic())
    const latencies = this.#latencyHistograms()
    const userCounters = this.#userCounters.report()
    return {
      ...counters,
      ...(rates === undefined ? {} : { rates }),
      ...(latencies.length === 0 ? {} : { latencies }),
      ...(userCounters.length === 0 ? {} : { userCounters }),
    }
  }

  /** Worked out once a second at most, and when the task is over. */
  #latencyHistograms(): LatencyHistogram[] {
    const at = this.#services.environment.clock.monotonic()
    if (this.#latencyReport === undefined || at >= this.#latencyReport.at + LATENCY_REPORT_MS || isOver(this.#life))
      this.#latencyReport = { at, histograms: this.#latencies.histograms() }
    return this.#latencyReport.histograms
  }

  /** One piece of work, called by the slot's mailbox. False: nothing to do until woken. */
  step(): boolean {
    if (this.#life.state !== 'RUNNING') return false
    try {
      stateMemory.trim()
      for (const action of this.#mail.splice(0)) action()
      const checkpoints = this.#checkpoints
      if (checkpoints === undefined) return this.#dropInput()
      checkpoints.doWork()
      if (this.#isTurn(checkpoints)) {
        for (const go of this.#turns.splice(0)) go()
        return true
      }
      if (this.#finishing) return checkpoints.readSnapshot(true) || this.#isTurn(checkpoints)
      const reading = checkpoints.readSnapshot(false)
      return this.#takeElement(checkpoints) || reading || checkpoints.readSnapshot(true) || this.#isTurn(checkpoints)
    } catch (error) {
      this.fail(error)
      return false
    }
  }

  /** Operators wait for their next turn, and nothing else is under way. */
  #isTurn(checkpoints: TaskCheckpoints): boolean {
    return this.#turns.length > 0 && this.#pending <= this.#turns.length && !checkpoints.draining && this.#hasRoom()
  }

  #takeElement(checkpoints: TaskCheckpoints): boolean {
    if (this.#turns.length > 0 && !this.#hasRoom()) return this.#rest('backPressured')
    if (this.#pending > 0 || checkpoints.holdsInput) return this.#rest('busy')
    if (!this.#hasRoom()) return this.#rest('backPressured')
    if (this.#chain?.source === undefined) return this.#takeInput()
    if (this.#markerDue && this.#stopped === undefined) this.#emitMarker()
    return this.#pollSource()
  }

  async #initialize(): Promise<void> {
    const descriptor = this.descriptor
    const services = this.#services
    this.#partitions = descriptor.outputs.map((output) => {
      const partition = new ResultPartition(output, {
        environment: services.environment,
        bufferTimeout: this.#configuration.get(BUFFER_TIMEOUT),
        watermarksInOrder: this.#configuration.get(AUTO_WATERMARK_INTERVAL) === 0,
        maxQueuedBytes: services.partitionBytes,
        onRoom: this.#wake,
        onFailure: (error) => this.fail(error),
      })
      services.network.registry.register(descriptor.executionAttemptId, partition)
      return partition
    })
    this.#handle({ type: 'initialize' })
    this.#inputs = new TaskInputs(descriptor.inputs, services.network, {
      onAvailable: this.#wake,
      onFailure: (error) => this.fail(error),
      onOvertakingBarrier: (channel, barrier, overtaken) => this.#checkpoints?.barrierOvertook(channel, barrier, overtaken),
      onBarrierQueued: (channel, barrier) => this.#checkpoints?.barrierQueued(channel, barrier),
    })
    if (this.state !== 'INITIALIZING') return this.#inputs.close() // a producer's refusal came at once
    const { restore } = descriptor
    if (restore?.finished === true) return this.#runFinished()
    const chain = await OperatorChain.create(descriptor, this.#partitions, services.instantiate, {
      track: (work) => this.#track(work),
      settled: () => this.#settled(),
      running: () => this.#life.state === 'RUNNING',
      context: (node, inputSchemas) => this.#context(node, inputSchemas),
      markerReached: (operatorId, marker) => this.#latencies.reached(operatorId, marker, services.environment.clock.now()),
      random: () => services.environment.random.uniform(),
    })
    if (this.#life.state !== 'INITIALIZING') return
    this.#chain = chain
    this.#checkpoints = this.#newCheckpoints(chain)
    const canceled = () => this.#life.state !== 'INITIALIZING'
    await chain.open(canceled)
    if (restore !== undefined) await this.#restore(restore, chain, canceled)
    this.#handle({ type: 'run' })
    this.#time.switchTo('busy')
    this.#markerDue = chain.source !== undefined && this.#configuration.get(LATENCY_INTERVAL) > 0
    this.#wake()
  }

  async #restore(restore: TaskRestore, chain: OperatorChain, canceled: () => boolean): Promise<void> {
    if (restore.inFlight !== undefined)
      await restoreInFlight(this.name, restore.inFlight, this.#services.fileSystems, this.#inputs as TaskInputs, this.#partitions)
    const copies = this.#services.takePrepared(this.descriptor)
    try {
      if (!canceled()) await chain.restore(restore, { local: this.#localState, copies }, canceled)
    } finally {
      copies?.close()
    }
  }

  /** It had ended before the checkpoint: says so to its consumers again, and takes its producers' ends. */
  #runFinished(): void {
    this.#handle({ type: 'run' })
    this.#finishing = true
    this.#committables = []
    const inputs = this.#inputs as TaskInputs
    const drained = new Promise<void>((resolve) => {
      this.#dropInput = () => {
        while (inputs.poll() !== undefined);
        if (inputs.allEnded) resolve()
        return false
      }
    })
    this.#wake()
    Promise.all([drained, ...this.#partitions.map((partition) => partition.end())]).then(
      () => this.#handle({ type: 'finish' }),
      (error: unknown) => this.fail(error),
    )
  }

  #newCheckpoints(chain: OperatorChain): TaskCheckpoints {
    const { environment, fileSystems } = this.#services
    return new TaskCheckpoints({
      name: this.name,
      descriptor: this.descriptor,
      configuration: this.#configuration,
      environment,
      fileSystems,
      chain,
      localState: this.#localState,
      inputs: chain.source === undefined ? this.#inputs : undefined,
      partitions: this.#partitions,
      quiet: () => this.#pending === 0,
      wake: this.#wake,
      stopped: (barrier) => {
        if (chain.source !== undefined) this.#stopped = { barrier, atEnd: false }
      },
      fail: (error) => this.fail(error),
      acknowledge: (checkpointId, state, metrics) => this.#services.acknowledgeCheckpoint(this, checkpointId, state, metrics),
      decline: (checkpointId, error) => {
        log.warn(`${this.name} declines checkpoint ${checkpointId}`, error)
        this.#services.declineCheckpoint(this, checkpointId, error)
      },
    })
  }

  #takeInput(): boolean {
    const step = this.#heldBack ?? this.#inputs?.poll()
    if (step === undefined) return this.#rest('idle')
    this.#time.switchTo('busy')
    const chain = this.#chain as OperatorChain
    const checkpoints = this.#checkpoints as TaskCheckpoints
    if (step.kind === 'latencyMarker') {
      chain.processLatencyMarker(step.marker)
      return true
    }
    if (step.kind === 'barrier') {
      checkpoints.barrierReached(step.channel, step.barrier)
      return true
    }
    if (step.kind === 'event' && step.endedChannel !== undefined && step !== this.#heldBack) {
      // A channel that ended does not count: its end may have been all that a snapshot waited for, and comes after it.
      checkpoints.channelEnded(step.endedChannel)
      this.#heldBack = step
      return true
    }
    this.#heldBack = undefined
    if (step.kind === 'batch') {
      this.#recordsIn += step.batch.length
      this.#bytesIn += step.bytes
      checkpoints.countAligned(step.bytes)
      chain.processBatch(step.batch, step.input)
      return true
    }
    if (step.watermark !== undefined) chain.processWatermark(step.watermark)
    if (step.idle !== undefined) chain.processIdle(step.idle)
    if (step.ended !== undefined) chain.endInput(step.ended)
    if (step.endedChannel !== undefined && this.#inputs?.allEnded === true) {
      if (this.#inputs.suspended) this.#suspend()
      else this.#finish()
    }
    return true
  }

  #pollSource(): boolean {
    if (this.#polling || this.#stopped !== undefined) return this.#rest('idle')
    this.#time.switchTo('busy')
    const polled = this.#chain?.source?.poll()
    if (!(polled instanceof Promise)) {
      if (polled === 'end') this.#sourceEnded()
      return true
    }
    this.#polling = true
    polled.then(
      (answer) => {
        this.#polling = false
        this.#post(() => {
          if (answer === 'end') this.#sourceEnded()
        })
      },
      (error: unknown) => this.fail(error),
    )
    return this.#rest('idle')
  }

  /** The next one is due an interval from now: while the outputs have no room, none piles up. */
  #emitMarker(): void {
    this.#markerDue = false
    const { clock } = this.#services.environment
    const { operators, subtaskIndex } = this.descriptor
    this.#chain?.emitLatencyMarker({ markedTime: clock.now(), operatorId: (operators[0] as OperatorNode).id, subtaskIndex })
    this.#schedule(this.#configuration.get(LATENCY_INTERVAL), () => (this.#markerDue = true))
  }

  #sourceEnded(): void {
    if (this.#stopped === undefined) this.#finish()
    else this.#stopped.atEnd = true
  }

  /** The savepoint that the source stopped for is complete, or was given up. */
  #afterStop({ barrier, atEnd }: { readonly barrier: CheckpointBarrier; readonly atEnd: boolean }, complete: boolean): void {
    if (this.#finishing) return
    if (complete) return barrier.stop === 'drain' ? this.#finish() : this.#suspend()
    if (barrier.stop === 'drain') throw new DrainAbandoned({ task: this.name, checkpointId: barrier.checkpointId })
    this.#stopped = undefined
    if (atEnd) this.#finish()
  }

  /** The job stops with a savepoint: the task ends as it is, its operators hear of no end. */
  #suspend(): void {
    this.#end(async (checkpoints) => {
      await this.#settled()
      await checkpoints.prepared()
      return []
    }, true)
  }

  /** All input is in: ends the operators, waits until the consumers have everything, closes. */
  #finish(): void {
    this.#end(async (checkpoints) => {
      await checkpoints.prepared()
      return this.#life.state === 'RUNNING' ? (this.#chain as OperatorChain).finish() : undefined
    }, false)
  }

  /** `last`: the last that the operators do; resolves with what they prepared, undefined: the task failed or was cancelled meanwhile. */
  #end(last: (checkpoints: TaskCheckpoints) => Promise<readonly Committable[] | undefined>, suspended: boolean): void {
    if (this.#finishing) return
    this.#finishing = true
    const checkpoints = this.#checkpoints as TaskCheckpoints
    checkpoints.refuse()
    const ending = async () => {
      const prepared = await last(checkpoints)
      if (prepared === undefined) return
      for (const timer of this.#timers) timer.cancel()
      this.#time.switchTo('backPressured')
      await Promise.all(this.#partitions.map((partition) => partition.end(suspended)))
      await checkpoints.rested()
      if (this.#life.state !== 'RUNNING') return
      this.#committables = [...checkpoints.uncommitted(), ...prepared]
      await (this.#chain as OperatorChain).close(false)
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
    this.#checkpoints?.close()
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
      if (this.#pending > 0) return this.#turns.length > 0 ? this.#wake() : undefined
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
      counter: (name) => this.#userCounters.counter(node.name, name),
      schedule: (delay, action) => this.#schedule(delay, action),
      nextTurn: () =>
        this.#unlessAbandoned<void>((resolve) => {
          this.#turns.push(resolve)
          this.#wake()
        }),
    }
  }

  #requestCoordinator(operatorId: OperatorId, event: unknown): Promise<unknown> {
    return this.#unlessAbandoned((resolve, reject) => {
      this.#services.requestCoordinator(this.descriptor, operatorId, event).then(resolve, reject)
    })
  }

  /** Rejected when the task ends, so that no operator waits in vain. */
  #unlessAbandoned<T>(begin: (resolve: (value: T) => void, reject: (error: Error) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#life.state === 'CANCELING' || this.#life.state === 'FAILED') return reject(new TaskCanceled({ task: this.name }))
      const drop = () => {
        const at = this.#abandoned.indexOf(reject)
        if (at >= 0) this.#abandoned.splice(at, 1)
      }
      this.#abandoned.push(reject)
      begin(
        (value) => {
          drop()
          resolve(value)
        },
        (error) => {
          drop()
          reject(error)
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
