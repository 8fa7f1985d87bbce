/**
 * A task, modelled: sources read the splits that they are given, counters number the rows of each key, sinks write files as FileSink does.
 * Barriers are aligned; state goes into lists and segments; the end is reported as the real task does. Its life is the real state machine.
 */
import { crc32 } from 'node:zlib'
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import { readStateBytes } from '#core/checkpoint/state-bytes.js'
import type { KeyedStateHandle, ListState, StateBytes } from '#core/checkpoint/state-handles.js'
import { toWireError } from '#core/errors/wire-error.js'
import type { FileSystems } from '#core/fs/file-systems.js'
import type { TaskDeploymentDescriptor } from '#core/graph/deployment.js'
import type { Channel } from '#core/rpc/channel.js'
import { INT } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { BarrierAlignment, type AlignmentEffect } from '#container/checkpoint/barrier-alignment.js'
import { extend, needsBase, type SegmentChain } from '#container/checkpoint/segment-chains.js'
import { isOver, onTaskEvent, type TaskEvent, type TaskLife } from '#container/task/task-lifecycle.js'
import type { SlotToTaskExecutor } from '#container/taskexecutor/slot-messages.js'
import { keyGroupsOfSubtask, subtaskOfKeyGroup } from '#runtime/columnar/hash.js'
import { partFileName, partFilePrefix, stagingName, type PartFile } from '#runtime/connectors/filesystem/part-files.js'
import type { Split } from '#runtime/connectors/filesystem/split.js'
import { Subpartition, type Element, type Exchange } from './exchange.js'
import { keyOf } from './jobs.js'
import type { SimProcess } from './kernel.js'

const TABLES: KeyedStateHandle['tables'] = [{ name: 'counts', schema: schema(['a', INT]), version: 1 }]
const NO_METRICS = {
  recordsIn: 0,
  recordsOut: 0,
  bytesIn: 0,
  bytesOut: 0,
  busyMs: 0,
  idleMs: 0,
  backPressuredMs: 0,
  watermark: null,
  lateRecordsDropped: 0,
}

export interface TaskWorld {
  readonly process: SimProcess
  readonly exchange: Exchange
  readonly fileSystems: FileSystems
  /** Batches of the job's sources. */
  readonly batchEvery: number
  readonly batchRows: number
  /** Of snapshots that are declined. */
  readonly declining: number
  /** Virtual ms that a cancelled task takes to end. */
  cancellationTakes(): number
  say(message: SlotToTaskExecutor): void
  /** Asks the coordinator of the task's operator. */
  ask(event: unknown): Promise<unknown>
}

interface Input {
  readonly producer: string
  channel: Channel | undefined
  readonly queue: Element[]
  /** Its barrier has come, those of others have not. */
  blocked: boolean
  ended: boolean
  readonly index: number
}

interface Output {
  readonly descriptor: TaskDeploymentDescriptor['outputs'][number]
  readonly subpartitions: readonly Subpartition[]
}

export class SimTask {
  readonly descriptor: TaskDeploymentDescriptor
  readonly #world: TaskWorld
  readonly #inputs: Input[] = []
  readonly #outputs: readonly Output[]
  readonly #kind: 'Source' | 'Count' | 'Sink'
  #life: TaskLife = { state: 'CREATED' }
  /** It has passed on its end, and waits until that has arrived. */
  #ending = false
  /** It had finished before the checkpoint that it begins with: what comes is dropped. */
  #drains = false
  readonly #alignment: BarrierAlignment
  /** There is no master. */
  #alone = false
  #turn = 0

  // A source.
  #split: Split | undefined
  #splits: Split[] = []
  #asking = false
  /** A barrier with `stop` went out. */
  #stopped: CheckpointBarrier | undefined

  // A counter: how many of each key, and in which interval that changed.
  readonly #counts = new Map<number, number>()
  readonly #changedIn = new Map<number, number>()
  #interval = 1
  #completeInterval = 0
  #chain: SegmentChain | undefined
  readonly #pending = new Map<number, { readonly chain: SegmentChain; readonly interval: number }>()

  // A sink: rows since the last barrier, and files not known to be committed.
  #rows: string[] = []
  #sinkInterval = 0
  #files = 0
  #finished: { readonly part: PartFile; readonly interval: number }[] = []
  #writing: Promise<void> = Promise.resolve()

  constructor(descriptor: TaskDeploymentDescriptor, world: TaskWorld) {
    this.descriptor = descriptor
    this.#world = world
    this.#kind = descriptor.vertexName as 'Source' | 'Count' | 'Sink'
    this.#alignment = new BarrierAlignment(descriptor.inputs.reduce((sum, { channels }) => sum + channels.length, 0))
    this.#outputs = descriptor.outputs.map((output) => ({
      descriptor: output,
      subpartitions: Array.from(
        { length: output.numSubpartitions },
        () =>
          new Subpartition(
            () => this.#onOutputDone(),
            (why) => this.fail(`its consumer is lost: ${why}`),
          ),
      ),
    }))
    for (const [output, subpartition, index] of this.#partitions()) {
      world.exchange.offer({ producer: descriptor.executionAttemptId, edgeId: output.edgeId, subpartition: index }, subpartition)
    }
  }

  get over(): boolean {
    return isOver(this.#life)
  }

  get running(): boolean {
    return this.#life.state === 'RUNNING'
  }

  start(): void {
    this.#apply({ type: 'deploy' })
    this.#apply({ type: 'initialize' })
    this.#begin().catch((error: unknown) => this.fail(error instanceof Error ? error.message : String(error)))
  }

  cancel(): void {
    this.#apply({ type: 'cancel' })
  }

  fail(reason: string): void {
    this.#apply({ type: 'fail', error: new Error(reason) })
  }

  /** With its slot's thread: it says nothing any more, its peers see their connections break. */
  kill(): void {
    this.#life = { state: 'CANCELED' }
    this.#closeChannels()
  }

  /** To a source. Returns why not. */
  trigger(barrier: CheckpointBarrier): string | undefined {
    if (!this.running || this.#ending || this.descriptor.inputs.length > 0) return `it is ${this.#life.state}`
    if (this.#stopped !== undefined) return 'it is being stopped'
    this.#passBarrier(barrier)
    return undefined
  }

  /** Barriers that are on their way lead to nothing. */
  masterLost(): void {
    this.#alone = true
    const { current } = this.#alignment
    if (current !== undefined) this.#align(this.#alignment.overUpTo(current))
  }

  adopted(checkpointId: number | undefined, upTo: number): void {
    this.#alone = false
    if (checkpointId !== undefined) this.conclude(checkpointId, true)
    for (const id of [...this.#pending.keys()]) if (id !== checkpointId) this.conclude(id, false)
    this.#align(this.#alignment.overUpTo(upTo))
  }

  conclude(checkpointId: number, complete: boolean): void {
    if (!complete) this.#align(this.#alignment.aborted(checkpointId))
    const pending = this.#pending.get(checkpointId)
    this.#pending.delete(checkpointId)
    if (this.#stopped?.checkpointId === checkpointId) {
      const { stop } = this.#stopped
      this.#stopped = undefined
      if (complete) this.#endOfInput(stop === 'suspend')
    }
    if (!complete) return
    this.#finished = this.#finished.filter(({ interval }) => interval > checkpointId)
    if (pending === undefined || pending.interval < this.#completeInterval) return
    this.#chain = pending.chain
    this.#completeInterval = pending.interval
  }

  // --------------------------------------------------------------------------------------------------------------------- its life
  #apply(event: TaskEvent): void {
    const step = onTaskEvent(this.#life, event)
    this.#life = step.life
    for (const effect of step.effects) {
      if (effect.type === 'report') this.#report()
      else {
        const took = event.type === 'cancel' ? this.#world.cancellationTakes() : 1
        this.#closeChannels()
        this.#world.process.after(took, () => this.#apply({ type: 'closed' }))
      }
    }
  }

  #report(): void {
    const { executionAttemptId } = this.descriptor
    const life = this.#life
    const committables =
      life.state === 'FINISHED' && this.#kind === 'Sink'
        ? { committables: this.#finished.map(({ part }) => ({ operatorId: this.#operatorId, committable: part })) }
        : {}
    const error = life.state === 'FAILED' ? { error: toWireError(life.error) } : {}
    this.#world.say({ type: 'state', executionAttemptId, state: life.state, metrics: NO_METRICS, ...error, ...committables })
    if (isOver(life)) this.#closeChannels()
  }

  #closeChannels(): void {
    for (const [output, subpartition, index] of this.#partitions()) {
      this.#world.exchange.withdraw({ producer: this.descriptor.executionAttemptId, edgeId: output.edgeId, subpartition: index })
      subpartition.close()
    }
    for (const input of this.#inputs) input.channel?.close()
  }

  async #begin(): Promise<void> {
    const { restore } = this.descriptor
    if (restore !== undefined) await this.#restore(restore)
    await this.#world.process.wait(this.#world.process.dice.between(1, 200))
    if (this.#life.state !== 'INITIALIZING') return
    this.#apply({ type: 'run' })
    // It says so to its consumers again, and takes its producers' ends.
    if (restore?.finished === true) {
      this.#drains = this.descriptor.inputs.length > 0
      this.#endOfInput(false)
    }
    if (this.#kind === 'Source') return this.#pump()
    for (const gate of this.descriptor.inputs) {
      for (const { producer, subpartition, location } of gate.channels) {
        const input: Input = { producer, channel: undefined, queue: [], blocked: false, ended: false, index: this.#inputs.length }
        this.#inputs.push(input)
        void this.#world.exchange
          .request({ producer, edgeId: gate.edgeId, subpartition }, location.host, location.dataPort)
          .then((channel) => this.#connected(input, channel))
      }
    }
  }

  async #restore(restore: NonNullable<TaskDeploymentDescriptor['restore']>): Promise<void> {
    const { subtaskIndex, maxParallelism, parallelism } = this.descriptor
    const { first, last } = keyGroupsOfSubtask(subtaskIndex, maxParallelism, parallelism)
    for (const { keyed, lists } of restore.operators) {
      this.#splits.push(...((lists['splits'] ?? []) as Split[]))
      for (const interval of lists['interval'] ?? []) this.#sinkInterval = Math.max(this.#sinkInterval, interval as number)
      for (const { segments } of keyed) {
        for (const bytes of segments) {
          const rows = JSON.parse(Buffer.from(await readStateBytes(this.#world.fileSystems, bytes)).toString('utf8')) as [number, number][]
          for (const [key, count] of rows) if (key >= first && key <= last) this.#counts.set(key, count)
        }
      }
    }
  }

  #connected(input: Input, channel: Channel | undefined): void {
    if (this.#life.state !== 'RUNNING') return channel?.close()
    if (channel === undefined) return this.fail(`its producer ${input.producer} cannot be reached`)
    input.channel = channel
    channel.onMessage((element) => this.#onElement(input, element as Element))
    channel.onClose((reason) => {
      if (!input.ended && !input.queue.some(({ kind }) => kind === 'end'))
        this.fail(`its producer ${input.producer} is lost: ${reason?.message ?? 'closed'}`)
    })
  }

  // ------------------------------------------------------------------------------------------------------------------- its elements
  #onElement(input: Input, element: Element): void {
    if (this.#life.state !== 'RUNNING') return
    if (this.#drains) return this.#drain(input, element)
    if (input.blocked) return void input.queue.push(element)
    switch (element.kind) {
      case 'rows':
        return this.#process(element.rows)
      case 'barrier':
        if (this.#alone) return this.#align(this.#alignment.overUpTo(element.barrier.checkpointId))
        return this.#align(this.#alignment.reached(input.index, element.barrier, element.barrier.timestamp))
      case 'end':
        input.ended = true
        input.channel?.send('done')
        this.#align(this.#alignment.ended(input.index))
        if (this.#inputs.every(({ ended }) => ended)) this.#endOfInput(element.suspended)
        return
    }
  }

  #drain(input: Input, { kind }: Element): void {
    if (kind !== 'end') return
    input.ended = true
    input.channel?.send('done')
    this.#onOutputDone()
  }

  /** As the real task does; no barrier overtakes rows here. */
  #align(effects: readonly AlignmentEffect[]): void {
    let unblocked = false
    for (const effect of effects) {
      if (effect.type === 'block') for (const input of this.#inputs) input.blocked ||= input.index === effect.channel
      if (effect.type === 'snapshot') this.#passBarrier(effect.barrier)
      if (effect.type !== 'unblock') continue
      unblocked = true
      for (const input of this.#inputs) input.blocked = false
    }
    if (unblocked) this.#unblock()
  }

  /** All at once: what waits in one of them may be the next barrier. */
  #unblock(): void {
    const waiting = this.#inputs.filter(({ blocked }) => !blocked).map((input) => ({ input, elements: input.queue.splice(0) }))
    for (const { input, elements } of waiting) for (const element of elements) this.#onElement(input, element)
  }

  #process(rows: readonly string[]): void {
    switch (this.#kind) {
      case 'Source':
        return this.#emit(rows)
      case 'Count':
        return this.#emit(
          rows.map((row) => {
            const key = keyOf(row)
            const count = (this.#counts.get(key) ?? 0) + 1
            this.#counts.set(key, count)
            this.#changedIn.set(key, this.#interval)
            return `k${key}#${count}`
          }),
        )
      case 'Sink':
        this.#rows.push(...rows)
    }
  }

  #emit(rows: readonly string[]): void {
    for (const { descriptor, subpartitions } of this.#outputs) {
      const count = subpartitions.length
      const parts = Array.from({ length: count }, (): string[] => [])
      for (const row of rows) {
        const to =
          descriptor.partitioner.kind === 'HASH'
            ? subtaskOfKeyGroup(keyOf(row) % descriptor.maxParallelism, descriptor.maxParallelism, count)
            : this.#turn++ % count
        parts[to]?.push(row)
      }
      for (const [to, part] of parts.entries()) if (part.length > 0) subpartitions[to]?.push({ kind: 'rows', rows: part })
    }
  }

  /** A source's next batch. */
  #pump(): void {
    const { process, batchEvery, batchRows } = this.#world
    if (!this.running || this.#ending || this.#asking) return
    if (this.#stopped !== undefined) return void process.after(batchEvery, () => this.#pump())
    this.#split ??= this.#splits.shift()
    const split = this.#split
    if (split === undefined) {
      this.#asking = true
      this.#world.ask({ type: 'requestSplit' }).then(
        (answer) => {
          this.#asking = false
          if (!this.running) return
          const next = (answer as { split: Split | null }).split
          if (next === null) return this.#endOfInput(false)
          this.#split = next
          this.#pump()
        },
        (error: unknown) => this.fail(error instanceof Error ? error.message : String(error)),
      )
      return
    }
    const from = split.position ?? split.start
    const to = Math.min(split.end, from + batchRows)
    const file = Number(split.path.slice(-2))
    this.#process(Array.from({ length: to - from }, (_, i) => `${file}:${from + i}`))
    this.#split = to >= split.end ? undefined : { ...split, position: to }
    process.after(batchEvery, () => this.#pump())
  }

  #endOfInput(suspended: boolean): void {
    if (this.#ending || !this.running) return
    this.#ending = true
    for (const [, subpartition] of this.#partitions()) subpartition.push({ kind: 'end', suspended })
    if (this.#kind === 'Sink' && !suspended) this.#writeFile()
    void this.#writing.then(() => this.#onOutputDone())
  }

  #onOutputDone(): void {
    if (!this.#ending || !this.running) return
    if (this.#drains && (this.#inputs.length === 0 || this.#inputs.some(({ ended }) => !ended))) return
    for (const [, subpartition] of this.#partitions()) if (!subpartition.done) return
    void this.#writing.then(() => this.#apply({ type: 'finish' }))
  }

  // -------------------------------------------------------------------------------------------------------------------- its snapshots
  #passBarrier(barrier: CheckpointBarrier): void {
    const declines = this.#world.process.dice.chance(this.#world.declining)
    const snapshot = this.#snapshot(barrier).then((state) => {
      if (declines) throw new Error('injected')
      return state
    })
    if (barrier.stop !== null && this.descriptor.inputs.length === 0) this.#stopped = barrier
    for (const [, subpartition] of this.#partitions()) subpartition.push({ kind: 'barrier', barrier })
    const { executionAttemptId } = this.descriptor
    const { checkpointId } = barrier
    snapshot.then(
      (state) => {
        if (!this.running) return
        this.#world.say({
          type: 'acknowledge',
          executionAttemptId,
          checkpointId,
          state: { operators: [{ operatorId: this.#operatorId, lists: {}, committables: [], ...state }] },
          metrics: {
            stateSize: 0,
            checkpointedSize: 0,
            syncDurationMs: 0,
            asyncDurationMs: 0,
            alignmentDurationMs: 0,
            startDelayMs: 0,
            processedBytes: 0,
            persistedBytes: 0,
            unaligned: false,
          },
        })
      },
      (error: unknown) => {
        if (this.running) this.#world.say({ type: 'decline', executionAttemptId, checkpointId, error: toWireError(error) })
      },
    )
  }

  async #snapshot(
    barrier: CheckpointBarrier,
  ): Promise<{ lists?: Record<string, ListState>; keyed?: KeyedStateHandle; committables?: unknown[] }> {
    switch (this.#kind) {
      case 'Source': {
        const items = [...(this.#split === undefined ? [] : [this.#split]), ...this.#splits].map((split) => ({ ...split }))
        return { lists: { splits: { mode: 'SPLIT', items } } }
      }
      case 'Count':
        return { keyed: await this.#snapshotCounts(barrier) }
      case 'Sink': {
        this.#writeFile()
        const committables = this.#finished.map(({ part }) => part)
        this.#sinkInterval = barrier.checkpointId + 1
        this.#files = 0
        await this.#writing
        return { lists: { interval: { mode: 'UNION', items: [barrier.checkpointId + 1] } }, committables }
      }
    }
  }

  async #snapshotCounts(barrier: CheckpointBarrier): Promise<KeyedStateHandle> {
    const { subtaskIndex, maxParallelism, parallelism } = this.descriptor
    const { first, last } = keyGroupsOfSubtask(subtaskIndex, maxParallelism, parallelism)
    const interval = this.#interval++
    const base = barrier.full || needsBase(this.#chain) ? undefined : this.#chain
    const rows = [...this.#counts].filter(([key]) => base === undefined || (this.#changedIn.get(key) ?? 0) > this.#completeInterval)
    const bytes = rows.length === 0 ? undefined : await this.#writeSegment(Buffer.from(JSON.stringify(rows)), barrier)
    const chain = extend(base, { rows: rows.length, bytes })
    if (barrier.kind === 'checkpoint') this.#pending.set(barrier.checkpointId, { chain, interval })
    return { firstKeyGroup: first, lastKeyGroup: last, tables: TABLES, segments: [...chain.segments] }
  }

  async #writeSegment(bytes: Buffer, barrier: CheckpointBarrier): Promise<StateBytes> {
    const { dice } = this.#world.process
    const common = { length: bytes.length, checksum: crc32(bytes) }
    if (dice.chance(0.3)) return { kind: 'inline', base64: bytes.toString('base64'), ...common }
    const directory = barrier.full ? barrier.directory : barrier.sharedDirectory
    const path = `${directory}/segment-${dice.source.bytes(8).toString('hex')}`
    await this.#write(path, bytes)
    return { kind: 'file', path, offset: 0, ...common }
  }

  /** The rows so far become a file that waits to be committed. */
  #writeFile(): void {
    const rows = this.#rows
    if (rows.length === 0) return
    this.#rows = []
    const { jobId, subtaskIndex, attemptNumber, operators } = this.descriptor
    const operatorId = this.#operatorId
    const spec = operators[0]?.spec
    const directory = spec?.op === 'sink' ? (spec.options['path'] ?? '') : ''
    const name = partFileName(partFilePrefix(jobId, operatorId), { subtask: subtaskIndex, interval: this.#sinkInterval, n: this.#files++ })
    const staging = stagingName(jobId, operatorId)
    const staged = `${name}.${attemptNumber}-${this.#world.process.dice.source.bytes(4).toString('hex')}`
    const bytes = Buffer.from(rows.join('\n'))
    this.#finished.push({ part: { directory, staging, staged, name, length: bytes.length }, interval: this.#sinkInterval })
    this.#writing = this.#writing
      .then(() => this.#write(`${directory}/${staging}/${staged}`, bytes))
      .catch((error: unknown) => this.fail(error instanceof Error ? error.message : String(error)))
  }

  async #write(path: string, bytes: Buffer): Promise<void> {
    const writer = await this.#world.fileSystems.of(path).create(path)
    try {
      await writer.write(bytes)
      await writer.close()
    } catch (error) {
      await writer.abort()
      throw error
    }
  }

  get #operatorId() {
    const operator = this.descriptor.operators[0]
    if (operator === undefined) throw new Error('a task without operators')
    return operator.id
  }

  *#partitions(): Generator<[Output['descriptor'], Subpartition, number]> {
    for (const { descriptor, subpartitions } of this.#outputs) {
      for (const [index, subpartition] of subpartitions.entries()) yield [descriptor, subpartition, index]
    }
  }
}
