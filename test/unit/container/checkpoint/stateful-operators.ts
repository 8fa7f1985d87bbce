/** Small stateful operators: a source of numbers, sums by key, sinks that keep or prepare what they got. Rows: key INT, n INT. */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import { INT } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import type { Batch } from '#runtime/columnar/batch.js'
import { readValue } from '#runtime/columnar/value.js'
import { MAX_WATERMARK, type Operator, type Output, type SourceOperator } from '#runtime/operators/operator.js'
import type { KeyedRows, RestoredState, SnapshotRequest } from '#runtime/state/snapshot.js'

export const NUMBERS = schema(['key', INT], ['n', INT])
export type Row = readonly [key: number, n: number]

export function batchOf(rows: readonly Row[]): Batch {
  const builder = new BatchBuilder(NUMBERS)
  for (const row of rows) builder.appendRow([...row])
  return builder.finish()
}

export function rowsOf(batch: Batch): Row[] {
  return Array.from({ length: batch.length }, (_, row) => {
    const at = batch.position(row)
    return [Number(readValue(batch.columns[0]!, at)), Number(readValue(batch.columns[1]!, at))] as const
  })
}

/** Emits (i % keys, i) for i below `limit`, `perPoll` at a time; its state is the next i. Waits while `gate` says so. */
export class CountingSource implements SourceOperator {
  next = 0
  /** Rows that may be emitted; raised by `allow`. */
  limit: number
  readonly #end: number
  readonly #perPoll: number
  readonly #keys: number
  readonly #first: number
  #output: Output | undefined
  #wake: (() => void) | undefined
  restored = false

  constructor(end: number, options: { perPoll?: number; keys?: number; allowed?: number; first?: number } = {}) {
    this.#end = end
    this.#perPoll = options.perPoll ?? 1
    this.#keys = options.keys ?? 5
    this.limit = options.allowed ?? end
    this.#first = options.first ?? 0
  }

  open(_context: unknown, output: Output): void {
    this.#output = output
  }

  allow(rows: number): void {
    this.limit += rows
    this.#wake?.()
  }

  poll(): 'more' | 'end' | Promise<'more' | 'end'> {
    if (this.next >= this.#end) return 'end'
    if (this.next >= this.limit) {
      return new Promise((resolve) => {
        this.#wake = () => resolve('more')
      })
    }
    const rows: Row[] = []
    while (rows.length < this.#perPoll && this.next < Math.min(this.limit, this.#end)) {
      rows.push([this.next % this.#keys, this.#first + this.next])
      this.next++
    }
    this.#output?.collect(batchOf(rows))
    return 'more'
  }

  snapshotState() {
    return { lists: { next: { mode: 'SPLIT' as const, items: [this.next] } } }
  }

  restoreState({ lists }: RestoredState): void {
    this.next = Number(lists['next']?.[0])
    this.limit = Math.max(this.limit, this.next)
    this.restored = true
  }

  close(): void {
    this.#wake?.()
  }
}

const TABLE: StateTableDescriptor = { name: 'sums', schema: NUMBERS, version: 1 }

/** Sum of n by key; emits (key, sum so far) for each row. Snapshots are increments, handed out a row at a time. */
export class Sums implements Operator {
  readonly sums = new Map<number, { id: number; sum: number; changed: number }>()
  #changes = 0
  /** Changes up to here are part of complete checkpoints. */
  #confirmed = 0
  readonly #changesAt = new Map<number, number>()
  #output: Output | undefined
  /** Of each snapshot: whether it was to hold everything, and its rows. */
  readonly snapshots: { full: boolean; rows: number }[] = []
  readonly concluded: string[] = []
  readonly table: StateTableDescriptor
  failing = false
  /** Snapshots that are not closed. */
  open_ = 0
  /** Snapshots hand out nothing while it is true. */
  holdSnapshots = false
  /** What open snapshots say they had to copy. */
  keptBytes = 0

  constructor(table = TABLE) {
    this.table = table
  }

  stateTables() {
    return [this.table]
  }

  open(_context: unknown, output: Output): void {
    this.#output = output
  }

  processBatch(batch: Batch): void {
    const out: Row[] = []
    for (const [key, n] of rowsOf(batch)) {
      const before = this.sums.get(key)
      const sum = (before?.sum ?? 0) + n
      this.sums.set(key, { id: before?.id ?? this.sums.size, sum, changed: ++this.#changes })
      out.push([key, sum])
    }
    this.#output?.collect(batchOf(out))
  }

  processWatermark(watermark: number): void {
    this.#output?.emitWatermark(watermark)
  }

  endInput(): void {}

  snapshotState({ checkpointId, full }: SnapshotRequest) {
    if (this.failing) throw new Error('no snapshot today')
    const rows = [...this.sums].filter(([, { changed }]) => full || changed > this.#confirmed)
    this.snapshots.push({ full, rows: rows.length })
    this.#changesAt.set(checkpointId, this.#changes)
    this.open_++
    let closed = false
    const kept = (): number => this.keptBytes
    return {
      keyed: {
        get keptBytes() {
          return kept()
        },
        next: (): KeyedRows | undefined => {
          const row = this.holdSnapshots ? undefined : rows.shift()
          if (row === undefined && !this.holdSnapshots) return undefined
          const [key, { id, sum }] = row ?? [0, { id: 0, sum: 0 }]
          return {
            table: this.table.name,
            batch: batchOf(row === undefined ? [] : [[key, sum]]),
            ids: row === undefined ? new Int32Array(0) : Int32Array.of(id),
            keyGroups: row === undefined ? new Uint16Array(0) : Uint16Array.of(key % 128),
            removed: new Int32Array(0),
          }
        },
        close: () => {
          if (!closed) this.open_--
          closed = true
        },
      },
    }
  }

  async restoreState({ keyed }: RestoredState): Promise<void> {
    for await (const { batch } of keyed) {
      // Ids begin anew: everything is new to later snapshots.
      for (const [key, sum] of rowsOf(batch)) this.sums.set(key, { id: this.sums.size, sum, changed: ++this.#changes })
    }
  }

  checkpointComplete(checkpointId: number): void {
    this.concluded.push(`complete ${checkpointId}`)
    this.#confirmed = this.#changesAt.get(checkpointId) ?? this.#confirmed
  }

  checkpointAborted(checkpointId: number): void {
    this.concluded.push(`aborted ${checkpointId}`)
  }
}

/** Of what sinks prepared: rows by the name of their part, as a committer keeps them. Committing twice changes nothing. */
export interface Part {
  readonly name: string
  readonly rows: readonly string[]
}
let parts = 0

/** What it prepares at a barrier are the rows since the last one, as text. */
export class PreparingSink implements Operator {
  #rows: string[] = []
  readonly #delay: () => Promise<void>
  readonly #take: () => Promise<void> | undefined
  readonly notes: string[] = []
  received = 0

  /** `delay`: before what is prepared is there; `take`: after each batch. */
  constructor(delay: () => Promise<void> = async () => undefined, take: () => Promise<void> | undefined = () => undefined) {
    this.#delay = delay
    this.#take = take
  }

  processBatch(batch: Batch, input: number): void | Promise<void> {
    const kinds = ['+I', '-U', '+U', '-D']
    for (const [r, row] of rowsOf(batch).entries())
      this.#rows.push(`${input === 0 ? '' : `${input}:`}${kinds[batch.rowKind(batch.position(r))]} ${row.join(' ')}`)
    this.received += batch.length
    return this.#take()
  }

  processWatermark(watermark: number): void {
    if (watermark === MAX_WATERMARK) this.notes.push('last watermark')
  }

  endInput(): void {
    this.notes.push('end of input')
  }

  async prepareCommit(): Promise<readonly unknown[]> {
    const rows = this.#rows
    this.#rows = []
    await this.#delay()
    const part: Part = { name: `part-${parts++}`, rows }
    return rows.length === 0 ? [] : [part]
  }
}
