/**
 * The checkpoints of one task: from triggers and barriers to acknowledgements. Everything runs in the task's steps; the decisions
 * about barriers are barrier-alignment.ts, one snapshot's way into files is subtask-snapshot.ts.
 *
 *   trigger (source) ─┐                ┌─▶ operators: prepareCommit, snapshotState
 *   barriers ─ alignment ─▶ snapshot ──┼─▶ barrier into all result partitions
 *                                      └─▶ SubtaskSnapshot, read in slices ─▶ acknowledge ─▶ conclude
 */
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import type { SubtaskCheckpointMetrics, SubtaskState } from '#core/checkpoint/state-handles.js'
import { INLINE_THRESHOLD } from '#core/config/options/checkpointing.js'
import type { Configuration } from '#core/config/configuration.js'
import type { FileSystems } from '#core/fs/file-systems.js'
import type { TaskDeploymentDescriptor } from '#core/graph/deployment.js'
import type { OperatorId } from '#core/ids/ids.js'
import { logger } from '#core/log/logger.js'
import type { Environment, TimerHandle } from '#core/time/environment.js'
import { keyGroupsOfSubtask } from '#runtime/columnar/hash.js'
import type { ResultPartition } from '../network/result-partition.js'
import type { Overtaken } from '../network/subpartition.js'
import type { OperatorChain } from '../task/operator-chain.js'
import type { TaskInputs } from '../task/task-inputs.js'
import { BarrierAlignment, overtakeDelay, type AlignmentEffect } from './barrier-alignment.js'
import { CheckpointAbandoned, CheckpointSubsumed, TaskNotReady } from './errors.js'
import { InFlightRecorder } from './in-flight-recorder.js'
import type { LocalState } from './local-state.js'
import { needsBase, type SegmentChain } from './segment-chains.js'
import { SubtaskSnapshot, type SubtaskSnapshotResult } from './subtask-snapshot.js'
import { Committables } from './committables.js'

const log = logger('Task')

/** Reading a snapshot holds up the rows for so long at a time, and then for as long not at all. */
const SLICE_MS = 2
/** Rows that were copied for a snapshot may take so much memory; more, and rows wait until it is written. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024

export interface CheckpointHost {
  readonly name: string
  readonly descriptor: TaskDeploymentDescriptor
  readonly configuration: Configuration
  readonly environment: Environment
  readonly fileSystems: FileSystems
  readonly chain: OperatorChain
  /** Undefined: no copies of state are kept on the worker. */
  readonly localState: LocalState | undefined
  /** Undefined: a source. */
  readonly inputs: TaskInputs | undefined
  readonly partitions: readonly ResultPartition[]
  /** No operator is at work. */
  quiet(): boolean
  /** There is something to do in a step. */
  wake(): void
  /** The barrier of a stop-with-savepoint went out: nothing may follow it. */
  stopped(barrier: CheckpointBarrier): void
  fail(error: unknown): void
  acknowledge(checkpointId: number, state: SubtaskState, metrics: SubtaskCheckpointMetrics): void
  decline(checkpointId: number, error: unknown): void
}

/** What waits to be done between two elements, in order. */
type Work =
  | AlignmentEffect
  | { readonly type: 'lastWatermark'; readonly barrier: CheckpointBarrier }
  | { readonly type: 'overtook'; readonly channel: number; readonly barrier: CheckpointBarrier; readonly overtaken: readonly Overtaken[] }
  | { readonly type: 'queued'; readonly channel: number; readonly barrier: CheckpointBarrier }
  | { readonly type: 'timedOut'; readonly barrier: CheckpointBarrier }
  | { readonly type: 'triggered'; readonly checkpointId: number; readonly answer: () => void; readonly refuse: (error: Error) => void }

interface Running {
  readonly barrier: CheckpointBarrier
  readonly snapshot: SubtaskSnapshot
  readonly recorder: InFlightRecorder | undefined
  readonly timing: Timing
}

interface Timing {
  startDelayMs: number
  alignmentStart: number | undefined
  alignmentMs: number
  alignedBytes: number
}

interface Acknowledged {
  readonly barrier: CheckpointBarrier
  readonly snapshot: SubtaskSnapshot
  readonly chains: ReadonlyMap<OperatorId, SegmentChain>
}

export class TaskCheckpoints {
  readonly #host: CheckpointHost
  readonly #alignment: BarrierAlignment
  readonly #committables: Committables
  readonly #timers = new Map<number, TimerHandle>()
  readonly #inlineThreshold: number
  #work: Work[] = []
  /** Snapshots that are not acknowledged yet, by checkpoint; read one after the other. */
  readonly #running = new Map<number, Running>()
  readonly #acknowledged = new Map<number, Acknowledged>()
  #recording: { readonly checkpointId: number; readonly recorder: InFlightRecorder } | undefined
  #timing: { readonly checkpointId: number; readonly timing: Timing } | undefined
  /** By operator: where its keyed state lies as of the newest complete checkpoint. */
  #chains: ReadonlyMap<OperatorId, SegmentChain> = new Map()
  #resumeReadingAt = 0
  /** Checkpoints up to here are over. */
  #over = -1
  #waitingForRest: (() => void)[] = []
  #closed = false
  /** No master concludes checkpoints: what begins now would never end. */
  #alone = false

  constructor(host: CheckpointHost) {
    this.#host = host
    this.#alignment = new BarrierAlignment(host.inputs?.channels ?? 0)
    this.#committables = new Committables(
      (error) => host.fail(error),
      () => {
        this.#rest()
        host.wake()
      },
    )
    this.#inlineThreshold = host.configuration.get(INLINE_THRESHOLD)
    if (host.inputs !== undefined) host.inputs.onPolled = (channel, element) => this.#recording?.recorder.polled(channel, element)
  }

  /** Nothing may be taken from inputs before `work` has been done, nor while every change of state would have to be copied into full memory. */
  get holdsInput(): boolean {
    return this.#work.length > 0 || this.#isPressed()
  }

  #isPressed(): boolean {
    if (this.#running.size === 0) return false
    let bytes = 0
    for (const { snapshot } of this.#running.values()) bytes += snapshot.keptBytes
    return bytes > MAX_KEPT_BYTES
  }

  /** To a source. Resolves when the barrier is in its result partitions. @throws CHECKPOINT_TASK_NOT_READY */
  trigger(barrier: CheckpointBarrier): Promise<void> {
    const { checkpointId } = barrier
    if (checkpointId <= this.#over || this.#running.has(checkpointId) || this.#acknowledged.has(checkpointId))
      throw new TaskNotReady({ task: this.#host.name, checkpointId, reason: 'it is over, or under way already' })
    return new Promise((answer, refuse) => {
      this.#timing = { checkpointId, timing: this.#newTiming(barrier) }
      if (barrier.stop === 'drain') this.#work.push({ type: 'lastWatermark', barrier })
      this.#work.push({ type: 'snapshot', barrier, record: undefined }, { type: 'triggered', checkpointId, answer, refuse })
      this.#host.wake()
    })
  }

  barrierReached(channel: number, barrier: CheckpointBarrier): void {
    this.#ignoreAlone(barrier)
    this.#noteFirst(barrier)
    this.#work.push(...this.#alignment.reached(channel, barrier, this.#now()))
    this.doWork()
  }

  barrierOvertook(channel: number, barrier: CheckpointBarrier, overtaken: readonly Overtaken[]): void {
    this.#ignoreAlone(barrier)
    this.#work.push({ type: 'overtook', channel, barrier, overtaken })
    this.#host.wake()
  }

  barrierQueued(channel: number, barrier: CheckpointBarrier): void {
    this.#ignoreAlone(barrier)
    this.#work.push({ type: 'queued', channel, barrier })
    this.#host.wake()
  }

  /** Before the end takes effect. */
  channelEnded(channel: number): void {
    this.#work.push(...this.#alignment.ended(channel))
    this.doWork()
  }

  /** Rows that came while some channels wait for others. */
  countAligned(bytes: number): void {
    if (this.#timing?.timing.alignmentStart !== undefined) this.#timing.timing.alignedBytes += bytes
  }

  /** Does what can be done now: nothing while operators are at work, no snapshot while sinks still prepare the last one's outcome. */
  doWork(): void {
    while (this.#work.length > 0 && this.#host.quiet()) {
      const next = this.#work[0] as Work
      if (next.type === 'snapshot' && this.#committables.preparing) return
      this.#work.shift()
      this.#do(next)
    }
  }

  /** Reads on what is to be read, for a few ms. True: there is more to read now. */
  readSnapshot(idle: boolean): boolean {
    if (this.#running.size === 0) return false
    const running = this.#nextToRead()
    if (running === undefined) return false
    const { clock } = this.#host.environment
    const start = clock.monotonic()
    if (!idle && start < this.#resumeReadingAt && !this.#isPressed()) return false
    do running.snapshot.advance()
    while (running.snapshot.ready && clock.monotonic() - start < SLICE_MS)
    const end = clock.monotonic()
    this.#resumeReadingAt = end + (end - start)
    return this.#nextToRead() !== undefined
  }

  /** A snapshot of some operator is still being read: whatever changes is copied first. */
  get draining(): boolean {
    for (const { snapshot } of this.#running.values()) if (snapshot.draining) return true
    return false
  }

  #nextToRead(): Running | undefined {
    for (const running of this.#running.values()) if (running.snapshot.ready) return running
    return undefined
  }

  /** What became of a checkpoint. */
  conclude(checkpointId: number, complete: boolean): void {
    if (complete) return this.#completed(checkpointId)
    for (const work of this.#work.splice(0)) {
      if (work.type === 'triggered' && work.checkpointId === checkpointId)
        work.refuse(new CheckpointAbandoned({ task: this.#host.name, checkpointId, reason: 'it was given up' }))
      else if (!('barrier' in work) || work.barrier.checkpointId !== checkpointId) this.#work.push(work)
    }
    this.#push(this.#alignment.aborted(checkpointId))
    this.#over = Math.max(this.#over, checkpointId)
    const acknowledged = this.#acknowledged.get(checkpointId)
    if (acknowledged !== undefined) {
      this.#acknowledged.delete(checkpointId)
      this.#host.chain.concludeCheckpoint(checkpointId, false)
      this.#discard(acknowledged.snapshot, checkpointId, 'it was given up')
    }
    const running = this.#running.get(checkpointId)
    if (running !== undefined) this.#giveUp(running, 'it was given up', undefined)
    this.doWork()
  }

  /**
   * The master is lost. What this task has not acknowledged no master can complete: channels that wait for barriers go on. What it has may be
   * complete.
   */
  masterLost(): void {
    this.#alone = true
    for (const checkpointId of this.#begun()) if (!this.#acknowledged.has(checkpointId)) this.conclude(checkpointId, false)
  }

  /** The next master goes on with the task from `checkpointId`, if there is one; everything else up to `upTo` is over. */
  adopted(checkpointId: number | undefined, upTo: number): void {
    this.#alone = false
    if (checkpointId !== undefined && this.#acknowledged.has(checkpointId)) this.conclude(checkpointId, true)
    for (const begun of this.#begun()) this.conclude(begun, false)
    this.#over = Math.max(this.#over, upTo)
    this.#push(this.#alignment.overUpTo(upTo))
    this.doWork()
  }

  /** Checkpoints that are not over for this task, ascending. */
  #begun(): number[] {
    const { current } = this.#alignment
    const begun = new Set([...this.#running.keys(), ...this.#acknowledged.keys(), ...(current === undefined ? [] : [current])])
    for (const work of this.#work) {
      if ('barrier' in work) begun.add(work.barrier.checkpointId)
      else if ('checkpointId' in work) begun.add(work.checkpointId)
    }
    return [...begun].sort((a, b) => a - b)
  }

  #ignoreAlone({ checkpointId }: CheckpointBarrier): void {
    if (this.#alone) this.#push(this.#alignment.aborted(checkpointId))
  }

  /** The task comes to its end: what has not begun by now does not begin any more. */
  refuse(): void {
    const work = this.#work
    this.#work = []
    for (const each of work) {
      if (each.type === 'triggered')
        each.refuse(new TaskNotReady({ task: this.#host.name, checkpointId: each.checkpointId, reason: 'it has reached its end' }))
    }
  }

  /** Resolves when no sink prepares any more. */
  async prepared(): Promise<void> {
    while (!this.#closed && this.#committables.preparing) await this.#nextRest()
  }

  /** Resolves when every checkpoint that the task took part in is acknowledged or declined. */
  async rested(): Promise<void> {
    while (!this.#closed && this.#running.size > 0) await this.#nextRest()
  }

  /** What no complete checkpoint has taken care of. */
  uncommitted(): { operatorId: OperatorId; committable: unknown }[] {
    return this.#committables.all()
  }

  /** The task is over. What is not acknowledged is removed; what is may still become part of a complete checkpoint. */
  close(): void {
    this.#closed = true
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
    this.refuse()
    for (const { snapshot, barrier } of this.#running.values()) this.#discard(snapshot, barrier.checkpointId, 'the task ends')
    this.#running.clear()
    this.#rest()
  }

  #push(effects: readonly AlignmentEffect[]): void {
    this.#work.push(...effects)
    if (effects.length > 0) this.#host.wake()
  }

  #do(work: Work): void {
    const { inputs } = this.#host
    switch (work.type) {
      case 'block':
        return inputs?.block(work.channel)
      case 'unblock':
        return inputs?.unblockAll()
      case 'startTimer':
        return this.#startTimer(work.barrier, work.delayMs)
      case 'lastWatermark':
        return this.#host.chain.emitLastWatermark()
      case 'snapshot':
        return this.#takeSnapshot(work.barrier, work.record)
      case 'triggered':
        return work.answer()
      case 'pull': {
        const overtaken = inputs?.overtake(work.channel, work.barrier.checkpointId)
        if (overtaken !== undefined) this.#overtook(work.channel, work.barrier, overtaken)
        return
      }
      case 'overtook':
        return this.#overtook(work.channel, work.barrier, work.overtaken)
      case 'queued':
        return this.#first(this.#alignment.queued(work.channel, work.barrier, this.#now()))
      case 'timedOut':
        this.#noteFirst(work.barrier)
        return this.#first(this.#alignment.timedOut(work.barrier))
      case 'recorded':
        return this.#recording?.recorder.stop(work.channel)
      case 'complete':
        return this.#alignmentDone(work.checkpointId)
      case 'abandon':
        this.#abandon(
          work.checkpointId,
          new CheckpointSubsumed({ task: this.#host.name, checkpointId: work.checkpointId, newer: work.newer }),
        )
    }
  }

  /** What a decision asks for comes before what waits. */
  #first(work: readonly Work[]): void {
    this.#work.unshift(...work)
  }

  #overtook(channel: number, barrier: CheckpointBarrier, overtaken: readonly Overtaken[]): void {
    this.#noteFirst(barrier)
    const effects: Work[] = this.#alignment.overtook(channel, barrier, this.#now())
    // What the barrier passed in its own channel is in flight, from the moment when there is something to record it.
    const at = effects.findIndex(({ type }) => type === 'snapshot') + 1
    const { checkpointId } = barrier
    if (this.#recording?.checkpointId === checkpointId) this.#recording.recorder.overtaken(channel, overtaken)
    else if (at > 0) {
      const snapshot = effects[at - 1] as Extract<Work, { type: 'snapshot' }>
      effects[at - 1] = { ...snapshot, record: snapshot.record ?? [] }
      this.#overtakenFirst = { checkpointId, channel, overtaken }
    }
    this.#first(effects)
  }

  #overtakenFirst: { readonly checkpointId: number; readonly channel: number; readonly overtaken: readonly Overtaken[] } | undefined

  #takeSnapshot(barrier: CheckpointBarrier, record: readonly number[] | undefined): void {
    const host = this.#host
    const { checkpointId } = barrier
    const { clock } = host.environment
    const timing = this.#timing?.checkpointId === checkpointId ? this.#timing.timing : this.#newTiming(barrier)
    const start = clock.monotonic()
    const bases = new Map<OperatorId, SegmentChain>()
    const { links, error } = host.chain.snapshot((operatorId) => {
      const chain = barrier.full ? undefined : this.#chains.get(operatorId)
      if (chain !== undefined && !needsBase(chain)) bases.set(operatorId, chain)
      return { checkpointId, full: !bases.has(operatorId) }
    })
    for (const { operatorId, committables } of links)
      if (committables !== undefined) this.#committables.prepare(checkpointId, operatorId, committables)

    const overtakeAfter = record === undefined ? overtakeDelay(barrier, this.#now()) : 0
    const recorder = new InFlightRecorder(record ?? [])
    const first = this.#overtakenFirst
    if (first?.checkpointId === checkpointId) recorder.overtaken(first.channel, first.overtaken)
    this.#overtakenFirst = undefined
    const outputs = host.partitions.map(async (partition) => ({
      edgeId: partition.descriptor.edgeId,
      passed: await partition.broadcastBarrier(barrier, overtakeAfter),
    }))
    const syncMs = clock.monotonic() - start
    if (barrier.stop !== null) host.stopped(barrier)
    if (error !== undefined) {
      host.chain.concludeCheckpoint(checkpointId, false)
      return host.decline(checkpointId, error)
    }
    this.#recording = { checkpointId, recorder }
    if (record === undefined) recorder.complete()
    const { descriptor } = host
    const snapshot = new SubtaskSnapshot({
      barrier,
      operators: links.map(({ operatorId, tables, snapshot }) => ({ operatorId, tables, snapshot, base: bases.get(operatorId) })),
      keyGroups: keyGroupsOfSubtask(descriptor.subtaskIndex, descriptor.maxParallelism, descriptor.parallelism),
      fileSystems: host.fileSystems,
      fileName: `${descriptor.vertexId.slice(0, 8)}-${descriptor.subtaskIndex}-${checkpointId}-${host.environment.random.bytes(6).toString('hex')}`,
      inlineThreshold: this.#inlineThreshold,
      local: barrier.kind === 'checkpoint' && !barrier.directory.startsWith('file:') ? host.localState : undefined,
      inFlight: this.#inFlight(recorder, outputs),
      committables: () => this.#committables.upTo(checkpointId),
      onRoom: () => host.wake(),
    })
    const running: Running = { barrier, snapshot, recorder, timing }
    this.#running.set(checkpointId, running)
    snapshot
      .complete()
      .then(
        (result) => this.#acknowledge(running, result, syncMs, start),
        (cause: unknown) => this.#giveUp(running, undefined, cause),
      )
      .catch((failure: unknown) => host.fail(failure))
  }

  async #inFlight(
    recorder: InFlightRecorder,
    outputs: Promise<{ edgeId: ResultPartition['descriptor']['edgeId']; passed: ReadonlyMap<number, readonly Overtaken[]> }>[],
  ) {
    const inputs = [...(await recorder.done)].map(([channel, elements]) => {
      const { edgeId, channel: own } = (this.#host.inputs as TaskInputs).describe(channel)
      return { edgeId, channel: own, elements }
    })
    const written = (await Promise.all(outputs)).flatMap(({ edgeId, passed }) =>
      [...passed].map(([subpartition, elements]) => ({ edgeId, subpartition, elements })),
    )
    return { inputs, outputs: written }
  }

  #acknowledge(running: Running, result: SubtaskSnapshotResult, syncMs: number, start: number): void {
    const { barrier, snapshot, timing } = running
    const { checkpointId } = barrier
    if (this.#running.get(checkpointId) !== running) return // it was given up meanwhile
    this.#running.delete(checkpointId)
    this.#acknowledged.set(checkpointId, { barrier, snapshot, chains: result.chains })
    const bytes = (segments: readonly { readonly length: number }[]) => segments.reduce((sum, { length }) => sum + length, 0)
    const keyed = result.operators.reduce((sum, operator) => sum + bytes(operator.keyed?.segments ?? []), 0)
    const lists = result.operators.reduce(
      (sum, operator) => sum + (Object.keys(operator.lists).length === 0 ? 0 : JSON.stringify(operator.lists).length),
      0,
    )
    const { operators, inFlight } = result
    this.#host.acknowledge(
      checkpointId,
      { operators, ...(inFlight === undefined ? {} : { inFlight }) },
      {
        stateSize: keyed + lists + result.persistedBytes,
        checkpointedSize: result.writtenBytes + lists,
        syncDurationMs: syncMs,
        asyncDurationMs: Math.max(0, this.#host.environment.clock.monotonic() - start - syncMs),
        alignmentDurationMs: timing.alignmentMs,
        startDelayMs: timing.startDelayMs,
        processedBytes: timing.alignedBytes,
        persistedBytes: result.persistedBytes,
        unaligned: inFlight !== undefined || barrier.alignment === 'unaligned',
      },
    )
    this.#rest()
  }

  #completed(checkpointId: number): void {
    this.#over = Math.max(this.#over, checkpointId)
    const acknowledged = this.#acknowledged.get(checkpointId)
    if (acknowledged === undefined) return
    this.#acknowledged.delete(checkpointId)
    const { kind, stop } = acknowledged.barrier
    // The job never goes back to a savepoint that it goes on after: the master commits nothing of it, and nothing builds on it.
    if (kind === 'savepoint' && stop === null) return this.#host.chain.concludeCheckpoint(checkpointId, false)
    this.#committables.confirm(checkpointId)
    // A full checkpoint has its files for itself: the next increment needs a base.
    this.#chains = acknowledged.barrier.full ? new Map() : acknowledged.chains
    void this.#host.localState?.complete(
      checkpointId,
      [...acknowledged.chains.values()].flatMap(({ segments }) => segments),
    )
    this.#host.chain.concludeCheckpoint(checkpointId, true)
  }

  /** `error`: to be told to the master; undefined: it knows. */
  #giveUp(running: Running, reason: string | undefined, error: unknown): void {
    const { barrier, snapshot } = running
    const { checkpointId } = barrier
    if (this.#running.get(checkpointId) !== running) return
    this.#running.delete(checkpointId)
    if (this.#recording?.checkpointId === checkpointId) this.#recording = undefined
    this.#push(this.#alignment.aborted(checkpointId))
    this.#discard(snapshot, checkpointId, reason ?? (error instanceof Error ? error.message : String(error)))
    this.#host.chain.concludeCheckpoint(checkpointId, false)
    if (error !== undefined) this.#host.decline(checkpointId, error)
    this.#rest()
    this.#host.wake()
  }

  #abandon(checkpointId: number, error: Error): void {
    const running = this.#running.get(checkpointId)
    if (running === undefined) this.#host.decline(checkpointId, error)
    else this.#giveUp(running, undefined, error)
  }

  #discard(snapshot: SubtaskSnapshot, checkpointId: number, reason: string): void {
    const task = this.#host.name
    void snapshot.abort(new CheckpointAbandoned({ task, checkpointId, reason })).then((removed) => {
      if (!removed) log.warn(`Files of checkpoint ${checkpointId} of ${task} could not be removed; they may be deleted by hand`)
    })
  }

  #alignmentDone(checkpointId: number): void {
    this.#timers.get(checkpointId)?.cancel()
    this.#timers.delete(checkpointId)
    const timing = this.#timing
    if (timing?.checkpointId === checkpointId && timing.timing.alignmentStart !== undefined) {
      timing.timing.alignmentMs = this.#host.environment.clock.monotonic() - timing.timing.alignmentStart
      this.#timing = undefined
    }
    if (this.#recording?.checkpointId === checkpointId) {
      this.#recording.recorder.complete()
      this.#recording = undefined
    }
  }

  #startTimer(barrier: CheckpointBarrier, delayMs: number): void {
    const { checkpointId } = barrier
    if (this.#timers.has(checkpointId) || checkpointId <= this.#over) return
    const timer = this.#host.environment.timers.after(delayMs, () => {
      this.#timers.delete(checkpointId)
      if (this.#closed) return
      this.#work.push({ type: 'timedOut', barrier })
      this.#host.wake()
    })
    this.#timers.set(checkpointId, timer)
  }

  #noteFirst(barrier: CheckpointBarrier): void {
    const { checkpointId } = barrier
    if ((this.#timing?.checkpointId ?? -1) >= checkpointId || this.#running.has(checkpointId)) return
    this.#timing = { checkpointId, timing: { ...this.#newTiming(barrier), alignmentStart: this.#host.environment.clock.monotonic() } }
  }

  #newTiming(barrier: CheckpointBarrier): Timing {
    return { startDelayMs: Math.max(0, this.#now() - barrier.timestamp), alignmentStart: undefined, alignmentMs: 0, alignedBytes: 0 }
  }

  #now(): number {
    return this.#host.environment.clock.now()
  }

  #nextRest(): Promise<void> {
    return new Promise((resolve) => this.#waitingForRest.push(resolve))
  }

  #rest(): void {
    for (const resolve of this.#waitingForRest.splice(0)) resolve()
  }
}
