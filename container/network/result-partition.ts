/**
 * What a task gives away on one edge: its rows, dealt out to subpartitions, gathered into batches worth a frame, with watermarks
 * and the end in order.
 *
 *   collect ──partitioner──▶ pending of subpartition i ──full, timed out──▶ queue of subpartition i ──▶ reader
 *
 * A watermark waits with the pending rows and leaves behind them, so a stream of watermarks does not cut frames to pieces; so does a
 * latency marker, which is to take the time that a row takes. Rows may thereby overtake them, never the other way. With
 * `watermarksInOrder` no row overtakes a watermark.
 */
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import type { ResultPartitionDescriptor } from '#core/graph/deployment.js'
import type { Environment, TimerHandle } from '#core/time/environment.js'
import type { Batch } from '#runtime/columnar/batch.js'
import { concatBatches } from '#runtime/columnar/gather.js'
import { MAX_WATERMARK, NO_WATERMARK, type Output } from '#runtime/operators/operator.js'
import { batchBytes } from '#runtime/columnar/batch-bytes.js'
import { MAX_WAITING_MARKERS, type LatencyMarker } from './latency-marker.js'
import { anySubpartition, distributor, type Distribute } from './partitioner.js'
import { Subpartition, type Element, type Overtaken } from './subpartition.js'

/** Pending rows leave when they are so many, or so large. */
export const TARGET_ROWS = 2048
export const TARGET_BYTES = 64 * 1024
/** Pending rows that are as many as this go on without waiting for more. */
const PASS_ROWS = 512
/** A batch larger than this is cut. */
export const MAX_BATCH_BYTES = 256 * 1024
/** Batches that may wait for one consumer before the producer is held back. */
export const MAX_QUEUED_BATCHES = 8

export interface ResultPartitionOptions {
  readonly environment: Environment
  /** execution.buffer-timeout.interval, ms; 0: nothing waits. */
  readonly bufferTimeout: number
  /** pipeline.auto-watermark-interval is 0: what is late must not depend on how rows lie in frames. */
  readonly watermarksInOrder?: boolean
  /** Bytes that may wait in this partition before the producer is held back. */
  readonly maxQueuedBytes: number
  /** There is room again. */
  onRoom(): void
  /** A consumer cannot be reached any more, or the contents cannot be sent. */
  onFailure(error: Error): void
}

interface Pending {
  batches: Batch[]
  rows: number
  bytes: number
  watermark: number
  markers: LatencyMarker[]
}

export class ResultPartition implements Output {
  readonly descriptor: ResultPartitionDescriptor
  readonly #options: ResultPartitionOptions
  readonly #subpartitions: Subpartition[]
  readonly #pending: Pending[]
  readonly #distribute: Distribute
  readonly #anyWillDo: boolean
  #watermark = NO_WATERMARK
  #timer: TimerHandle | undefined
  #lacksRoom = false
  #onConsumed: (() => void) | undefined
  /** Barriers that may yet have to overtake: which checkpoint, and what to look at when one was taken. */
  readonly #awaitedBarriers = new Map<number, () => void>()
  recordsOut = 0
  bytesOut = 0

  constructor(descriptor: ResultPartitionDescriptor, options: ResultPartitionOptions) {
    this.descriptor = descriptor
    this.#options = options
    const owner = {
      onDrained: () => this.#onDrained(),
      onReaderLost: (error: Error) => options.onFailure(error),
      onBarrierTaken: () => this.#onBarrierTaken(),
    }
    this.#subpartitions = Array.from({ length: descriptor.numSubpartitions }, () => new Subpartition(owner))
    this.#pending = this.#subpartitions.map(() => ({ batches: [], rows: 0, bytes: 0, watermark: NO_WATERMARK, markers: [] }))
    this.#distribute = distributor(descriptor.partitioner, descriptor.numSubpartitions, descriptor.maxParallelism)
    this.#anyWillDo = anySubpartition(descriptor.partitioner)
  }

  subpartition(index: number): Subpartition | undefined {
    return this.#subpartitions[index]
  }

  /** Whether the producer may go on; when not, `onRoom` tells. */
  get hasRoom(): boolean {
    let full = 0
    let bytes = 0
    for (let i = 0; i < this.#subpartitions.length; i++) {
      if (this.#isFull(i)) full++
      bytes += (this.#subpartitions[i] as Subpartition).bytes
    }
    const room = bytes <= this.#options.maxQueuedBytes && (this.#anyWillDo ? full < this.#subpartitions.length : full === 0)
    this.#lacksRoom = !room
    return room
  }

  collect(batch: Batch): void {
    if (batch.length === 0) return
    this.recordsOut += batch.length
    this.#distribute(batch, this.#append, this.#full)
    if (this.#options.bufferTimeout === 0) this.flush()
  }

  emitWatermark(watermark: number): void {
    if (watermark <= this.#watermark) return
    this.#watermark = watermark
    for (const pending of this.#pending) pending.watermark = watermark
    if (this.#options.bufferTimeout === 0) this.flush()
    else this.#startTimer()
  }

  /** Goes to one consumer, chosen at random, also where every row goes to all. */
  emitLatencyMarker(marker: LatencyMarker): void {
    const index = Math.floor(this.#options.environment.random.uniform() * this.#pending.length)
    const { markers } = this.#pending[index] as Pending
    if (markers.length < MAX_WAITING_MARKERS) markers.push(marker)
    if (this.#options.bufferTimeout === 0) this.#flushOne(index)
    else this.#startTimer()
  }

  emitIdle(idle: boolean): void {
    this.flush()
    for (const subpartition of this.#subpartitions) subpartition.add({ kind: 'idle', idle })
  }

  flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (let i = 0; i < this.#pending.length; i++) this.#flushOne(i)
  }

  /** What an earlier attempt's barrier overtook here: first of all. */
  preload(subpartition: number, elements: readonly Overtaken[]): void {
    for (const element of elements) this.#subpartitions[subpartition]?.add(element)
  }

  /**
   * The barrier leaves behind all rows so far, or (`overtaking`, or when it was not taken `overtakeAfter` ms from now) before those that
   * wait. Resolves when every consumer took it or it overtook, with what it passed, by subpartition; null: it never overtakes, and the
   * promise resolves at once.
   */
  broadcastBarrier(barrier: CheckpointBarrier, overtakeAfter: number | null): Promise<ReadonlyMap<number, readonly Overtaken[]>> {
    this.flush()
    const passed = new Map<number, readonly Overtaken[]>()
    const keep = (index: number, overtaken: readonly Overtaken[]) => {
      if (overtaken.length > 0) passed.set(index, overtaken)
    }
    if (overtakeAfter !== null && overtakeAfter <= 0) {
      for (const [index, subpartition] of this.#subpartitions.entries()) keep(index, subpartition.addOvertaking(barrier))
      return Promise.resolve(passed)
    }
    for (const subpartition of this.#subpartitions) subpartition.add({ kind: 'barrier', barrier, overtaking: false })
    if (overtakeAfter === null) return Promise.resolve(passed)
    const { checkpointId } = barrier
    return new Promise((resolve) => {
      const done = () => {
        timer.cancel()
        this.#awaitedBarriers.delete(checkpointId)
        resolve(passed)
      }
      const timer = this.#options.environment.timers.after(overtakeAfter, () => {
        for (const [index, subpartition] of this.#subpartitions.entries()) keep(index, subpartition.overtake(checkpointId))
        done()
      })
      const check = () => {
        if (!this.#subpartitions.some((subpartition) => subpartition.holdsBarrier(checkpointId))) done()
      }
      this.#awaitedBarriers.set(checkpointId, check)
      check()
    })
  }

  #onBarrierTaken(): void {
    for (const check of [...this.#awaitedBarriers.values()]) check()
  }

  /**
   * No more rows will come. Resolves when every consumer has received all (or is gone). `suspended`: without the last watermark, the
   * stream is only cut here.
   */
  end(suspended = false): Promise<void> {
    if (!suspended) this.emitWatermark(MAX_WATERMARK)
    this.flush()
    return new Promise((resolve) => {
      this.#onConsumed = resolve
      for (const subpartition of this.#subpartitions) subpartition.add({ kind: 'end', suspended } satisfies Element)
      this.#onDrained()
    })
  }

  /** The task is over: whatever was not consumed is dropped. Consumers hear nothing; their master tells them. */
  release(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (const subpartition of this.#subpartitions) subpartition.release()
  }

  /** Bytes that wait for consumers or for more rows. */
  get heldBytes(): number {
    return this.#subpartitions.reduce((sum, each) => sum + each.bytes, 0) + this.#pending.reduce((sum, each) => sum + each.bytes, 0)
  }

  readonly #full = (index: number): boolean => this.#isFull(index)

  #isFull(index: number): boolean {
    const subpartition = this.#subpartitions[index] as Subpartition
    return subpartition.dataCount >= MAX_QUEUED_BATCHES
  }

  readonly #append = (index: number, batch: Batch): void => {
    const bytes = batchBytes(batch)
    this.bytesOut += bytes
    const pending = this.#pending[index] as Pending
    if (this.#options.watermarksInOrder === true && pending.watermark !== NO_WATERMARK) this.#flushOne(index)
    if (pending.rows > 0 && (pending.rows + batch.length > TARGET_ROWS || pending.bytes + bytes > MAX_BATCH_BYTES)) this.#flushOne(index)
    if (bytes > MAX_BATCH_BYTES && batch.length > 1) return this.#appendCut(index, batch)
    pending.batches.push(batch)
    pending.rows += batch.length
    pending.bytes += bytes
    if (pending.rows >= PASS_ROWS || pending.bytes >= TARGET_BYTES) this.#flushOne(index)
    else this.#startTimer()
  }

  /** Halves until every piece is small enough. */
  #appendCut(index: number, batch: Batch): void {
    const half = batch.length >> 1
    for (const [from, to] of [
      [0, half],
      [half, batch.length],
    ] as const) {
      const piece = batch.select(Int32Array.from({ length: to - from }, (_, row) => batch.position(from + row)))
      const bytes = batchBytes(piece)
      if (bytes > MAX_BATCH_BYTES && piece.length > 1) this.#appendCut(index, piece)
      else (this.#subpartitions[index] as Subpartition).add({ kind: 'data', batch: piece, bytes })
    }
  }

  #flushOne(index: number): void {
    const pending = this.#pending[index] as Pending
    const subpartition = this.#subpartitions[index] as Subpartition
    if (pending.rows > 0) {
      const [first] = pending.batches
      const batch = pending.batches.length === 1 && first !== undefined ? first : concatBatches(this.descriptor.schema, pending.batches)
      subpartition.add({ kind: 'data', batch, bytes: pending.bytes })
      pending.batches = []
      pending.rows = 0
      pending.bytes = 0
    }
    if (pending.watermark !== NO_WATERMARK) {
      subpartition.add({ kind: 'watermark', watermark: pending.watermark })
      pending.watermark = NO_WATERMARK
    }
    if (pending.markers.length > 0) for (const marker of pending.markers.splice(0)) subpartition.add({ kind: 'latencyMarker', marker })
  }

  #startTimer(): void {
    this.#timer ??= this.#options.environment.timers.after(this.#options.bufferTimeout, () => {
      this.#timer = undefined
      this.flush()
    })
  }

  #onDrained(): void {
    if (this.#lacksRoom && this.hasRoom) this.#options.onRoom()
    if (this.#onConsumed !== undefined && this.#subpartitions.every((each) => each.done)) {
      const consumed = this.#onConsumed
      this.#onConsumed = undefined
      consumed()
    }
  }
}
