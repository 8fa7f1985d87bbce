/**
 * One consumer's part of a result partition: batches, watermarks and the end, in order, until the consumer takes them. It is
 * filled by the producing task and emptied by one reader, both in the producer's slot thread.
 *
 *   open ──end added──▶ ended ──reader confirms──▶ consumed
 *     └──────┴─── reader goes away, task ends ──▶ released (contents dropped, later ones too)
 */
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import type { Batch } from '#runtime/columnar/batch.js'
import { MAX_WAITING_MARKERS, type LatencyMarker } from './latency-marker.js'

export type Element =
  | { readonly kind: 'data'; readonly batch: Batch; /** compact size */ readonly bytes: number }
  | { readonly kind: 'watermark'; readonly watermark: number }
  /** The producer has no rows for a while: its watermark holds nothing back until it is active again. */
  | { readonly kind: 'idle'; readonly idle: boolean }
  | { readonly kind: 'latencyMarker'; readonly marker: LatencyMarker }
  /** `overtaking`: it passed what waited before it; that is part of the checkpoint and comes behind it. */
  | { readonly kind: 'barrier'; readonly barrier: CheckpointBarrier; readonly overtaking: boolean }
  /** `suspended`: the stream is cut here (stop-with-savepoint), it has not come to its end. */
  | { readonly kind: 'end'; readonly suspended: boolean }

/** What a barrier may overtake and a checkpoint then keeps. It passes latency markers too, which are lost with the task. */
export type Overtaken = Extract<Element, { kind: 'data' | 'watermark' | 'idle' }>

export function isOvertakable(element: Element): element is Overtaken {
  return element.kind === 'data' || element.kind === 'watermark' || element.kind === 'idle'
}

/** Where a subpartition's contents go: an input channel in the same thread, or a sender on a connection. */
export interface SubpartitionReader {
  /** There is something to poll. May come more than once. */
  onAvailable(): void
}

export interface SubpartitionOwner {
  /** Contents went out or were dropped: there may be room again, or everything may have been consumed. */
  onDrained(): void
  /** The reader's way to the consumer broke. */
  onReaderLost(error: Error): void
  /** A barrier was taken by the reader. */
  onBarrierTaken(): void
}

export class Subpartition {
  readonly #owner: SubpartitionOwner
  #queue: Element[] = []
  #head = 0
  #reader: SubpartitionReader | undefined
  #state: 'open' | 'ended' | 'consumed' | 'released' = 'open'
  #dataCount = 0
  #bytes = 0
  #markers = 0

  constructor(owner: SubpartitionOwner) {
    this.#owner = owner
  }

  /** Batches that wait. */
  get dataCount(): number {
    return this.#dataCount
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes
  }

  /** Nothing more will go out: the consumer has confirmed the end, or is gone. */
  get done(): boolean {
    return this.#state === 'consumed' || this.#state === 'released'
  }

  get attached(): boolean {
    return this.#reader !== undefined
  }

  add(element: Element): void {
    if (this.done) return
    if (element.kind === 'data') {
      this.#dataCount++
      this.#bytes += element.bytes
    } else if (element.kind === 'latencyMarker') {
      if (this.#markers === MAX_WAITING_MARKERS) return
      this.#markers++
    } else if (element.kind === 'end') this.#state = 'ended'
    this.#queue.push(element)
    if (this.#queue.length - this.#head === 1) this.#reader?.onAvailable()
  }

  /** Puts the barrier before everything that waits, behind barriers that overtook earlier. Returns what it passed. */
  addOvertaking(barrier: CheckpointBarrier): Overtaken[] {
    return this.done ? [] : this.#passTo(barrier, this.#queue.length)
  }

  /** The barrier of that checkpoint, if it still waits, passes what waits before it. Returns that. */
  overtake(checkpointId: number): Overtaken[] {
    const from = this.#queue.findIndex(
      (element, i) => i >= this.#head && element.kind === 'barrier' && !element.overtaking && element.barrier.checkpointId === checkpointId,
    )
    const element = this.#queue[from]
    if (element?.kind !== 'barrier') return []
    this.#queue.splice(from, 1)
    return this.#passTo(element.barrier, from)
  }

  /** The barrier goes to the front, past what lies before position `end`. */
  #passTo(barrier: CheckpointBarrier, end: number): Overtaken[] {
    let at = this.#head
    while (isOvertaking(this.#queue[at])) at++
    const overtaken = this.#queue.slice(at, end).filter(isOvertakable)
    this.#queue.splice(at, 0, { kind: 'barrier', barrier, overtaking: true })
    this.#reader?.onAvailable()
    return overtaken
  }

  /** Whether that checkpoint's barrier still waits here. */
  holdsBarrier(checkpointId: number): boolean {
    for (let i = this.#head; i < this.#queue.length; i++) {
      const element = this.#queue[i] as Element
      if (element.kind === 'barrier' && element.barrier.checkpointId === checkpointId) return true
    }
    return false
  }

  /** The next element is a barrier that does not wait its turn. */
  get nextIsOvertaking(): boolean {
    return isOvertaking(this.#queue[this.#head])
  }

  attach(reader: SubpartitionReader): void {
    this.#reader = reader
    if (this.available) reader.onAvailable()
  }

  get available(): boolean {
    return this.#head < this.#queue.length
  }

  /** Rows and bytes of the next element when it is a batch. */
  get nextBatch(): { readonly rows: number; readonly bytes: number } | undefined {
    const next = this.#queue[this.#head]
    return next?.kind === 'data' ? { rows: next.batch.length, bytes: next.bytes } : undefined
  }

  /** True when the next element is no batch and so needs no credit. */
  get nextIsEvent(): boolean {
    const next = this.#queue[this.#head]
    return next !== undefined && next.kind !== 'data'
  }

  poll(): Element | undefined {
    const element = this.#queue[this.#head]
    if (element === undefined) return undefined
    this.#head++
    if (this.#head === this.#queue.length) {
      this.#queue = []
      this.#head = 0
    } else if (this.#head >= 64) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
    if (element.kind === 'data') {
      this.#dataCount--
      this.#bytes -= element.bytes
      this.#owner.onDrained()
    } else if (element.kind === 'latencyMarker') this.#markers--
    else if (element.kind === 'barrier') this.#owner.onBarrierTaken()
    return element
  }

  /** The consumer has received everything up to the end. */
  confirmConsumed(): void {
    if (this.#state !== 'ended' || this.available) return this.release()
    this.#state = 'consumed'
    this.#owner.onDrained()
  }

  /** The consumer is not interested any more, or the task has ended: contents are dropped. */
  release(): void {
    if (this.done) return
    this.#state = 'released'
    this.#queue = []
    this.#head = 0
    this.#dataCount = 0
    this.#bytes = 0
    this.#owner.onDrained()
    this.#owner.onBarrierTaken()
  }

  /** The way to the consumer broke. */
  readerLost(error: Error): void {
    if (!this.done) this.#owner.onReaderLost(error)
  }
}

function isOvertaking(element: Element | undefined): boolean {
  return element?.kind === 'barrier' && element.overtaking
}
