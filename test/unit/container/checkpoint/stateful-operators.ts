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

/** Sum of n by key; emits (key, sum so far) for each row. Snapshots are increments, a row at a time. */
export class Sums implements Operator {
  readonly sums = new Map<number, { id: number; sum: number }>()
  #changed = new Map<number, Set<number>>()
  #dirty = new Set<number>()
  #output: Output | undefined
  /** Of each snapshot: whether it held everything, and its rows. */
  readonly snapshots: { full: boolean; rows: number }[] = []
  readonly concluded: string[] = []
  readonly table: StateTableDescriptor
  failing = false
  open_ = 0

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
      const entry = this.sums.get(key) ?? { id: this.sums.size, sum: 0 }
      entry.sum += n
      this.sums.set(key, entry)
      this.#dirty.add(key)
      out.push([key, entry.sum])
    }
    this.#output?.collect(batchOf(out))
  }

  processWatermark(watermark: number): void {
    this.#output?.emitWatermark(watermark)
  }

  endInput(): void {}

  snapshotState({ checkpointId, full }: SnapshotRequest) {
    if (this.failing) throw new Error('no snapshot today')
    const keys = full ? [...this.sums.keys()] : [...this.#dirty]
    this.snapshots.push({ full, rows: keys.length })
    this.#changed.set(checkpointId, this.#dirty)
    this.#dirty = new Set(this.#dirty)
    const rows = keys.map((key) => ({ key, ...this.sums.get(key)! }))
    this.open_++
    let closed = false
    return {
      keyed: {
        next: (): KeyedRows | undefined => {
          const row = rows.shift()
          if (row === undefined) return undefined
          return {
            table: this.table.name,
            batch: batchOf([[row.key, row.sum]]),
            ids: Int32Array.of(row.id),
            keyGroups: Uint16Array.of(row.key % 128),
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
    for await (const { batch, ids } of keyed) {
      for (const [i, [key, sum]] of rowsOf(batch).entries()) this.sums.set(key, { id: ids[i]!, sum })
    }
    // Ids begin anew: everything is new to later snapshots.
    for (const [id, [key, { sum }]] of [...this.sums].entries()) this.sums.set(key, { id, sum })
    this.#dirty = new Set(this.sums.keys())
  }

  checkpointComplete(checkpointId: number): void {
    this.concluded.push(`complete ${checkpointId}`)
    const confirmed = this.#changed.get(checkpointId)
    this.#changed.clear()
    // A simple rule that is never wrong: only what did not change since can be left out; here nothing is known of that.
    void confirmed
  }

  checkpointAborted(checkpointId: number): void {
    this.concluded.push(`aborted ${checkpointId}`)
  }
}

/** Keeps rows; what is prepared at a barrier is the rows since the last one. Those of complete checkpoints are `committed`. */
export class PreparingSink implements Operator {
  #rows: Row[] = []
  #delay: () => Promise<void>
  readonly notes: string[] = []

  constructor(delay: () => Promise<void> = async () => undefined) {
    this.#delay = delay
  }

  processBatch(batch: Batch): void {
    this.#rows.push(...rowsOf(batch))
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
    return rows.length === 0 ? [] : [rows]
  }
}
