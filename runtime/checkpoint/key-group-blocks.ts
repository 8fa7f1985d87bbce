/**
 * Rows of a whole snapshot sorted into blocks by ranges of key groups, so that a subtask that gets some of the key groups reads little else.
 * Rows wait until a range has a block's worth of them; what there is of a table in the end goes out range by range, or in one block when it is
 * small.
 */
import { BATCH_CAPACITY } from '../columnar/batch.js'
import { batchBytes } from '../columnar/batch-bytes.js'
import { concatBatches, gatherBatch } from '../columnar/gather.js'
import type { KeyedRows } from '../state/snapshot.js'

const MAX_RANGES = 16
/** Of one range; all together wait with as much memory as this times the ranges at most. */
const BLOCK_BYTES = 256 * 1024
/** A table that comes to less is one block. */
const SMALL_TABLE_BYTES = 256 * 1024

interface Waiting {
  parts: KeyedRows[]
  rows: number
  bytes: number
}

export class KeyGroupBlocks {
  readonly #first: number
  readonly #groups: number
  readonly #ranges: Waiting[]
  #table: string | undefined
  #out = false

  /** The subtask's key groups, both inclusive. */
  constructor({ first, last }: { readonly first: number; readonly last: number }) {
    this.#first = first
    this.#groups = last - first + 1
    this.#ranges = Array.from({ length: Math.min(MAX_RANGES, this.#groups) }, () => ({ parts: [], rows: 0, bytes: 0 }))
  }

  /** Returns what is to be written now, in order. Rows of one table come after the other's. */
  add(rows: KeyedRows): KeyedRows[] {
    const out = rows.table === this.#table ? [] : this.flush()
    this.#table = rows.table
    if (rows.removed.length > 0) out.push({ ...withoutRows(rows), removed: rows.removed })
    for (const [range, part] of this.#split(rows)) {
      const waiting = this.#ranges[range] as Waiting
      const bytes = batchBytes(part.batch)
      if (waiting.rows + part.ids.length > BATCH_CAPACITY) out.push(...this.#take(waiting))
      waiting.parts.push(part)
      waiting.rows += part.ids.length
      waiting.bytes += bytes
      if (waiting.bytes >= BLOCK_BYTES) out.push(...this.#take(waiting))
    }
    return out
  }

  /** The table has come to its end. */
  flush(): KeyedRows[] {
    const bytes = this.#ranges.reduce((sum, range) => sum + range.bytes, 0)
    const rows = this.#ranges.reduce((sum, range) => sum + range.rows, 0)
    const whole = !this.#out && bytes < SMALL_TABLE_BYTES && rows <= BATCH_CAPACITY
    const parts = whole ? [this.#ranges.flatMap((range) => range.parts)] : this.#ranges.map((range) => range.parts)
    for (const range of this.#ranges) Object.assign(range, { parts: [], rows: 0, bytes: 0 })
    this.#out = false
    return parts.flatMap((each) => (each.length === 0 ? [] : [joined(each)]))
  }

  #take(waiting: Waiting): KeyedRows[] {
    const { parts } = waiting
    Object.assign(waiting, { parts: [], rows: 0, bytes: 0 })
    this.#out = true
    return parts.length === 0 ? [] : [joined(parts)]
  }

  #split(rows: KeyedRows): [range: number, part: KeyedRows][] {
    const { ids, keyGroups } = rows
    const count = this.#ranges.length
    const sizes = new Int32Array(count + 1)
    // Rows without keys are of group 0, whoever has them.
    const rangeOf = (row: number) => {
      const range = Math.floor((((keyGroups[row] as number) - this.#first) * count) / this.#groups)
      return Math.max(0, Math.min(count - 1, range))
    }
    for (let row = 0; row < ids.length; row++) {
      const range = rangeOf(row)
      sizes[range + 1] = (sizes[range + 1] as number) + 1
    }
    for (let range = 0; range < count; range++) sizes[range + 1] = (sizes[range + 1] as number) + (sizes[range] as number)
    const positions = new Int32Array(ids.length)
    const next = sizes.slice()
    for (let row = 0; row < ids.length; row++) {
      const range = rangeOf(row)
      positions[next[range] as number] = row
      next[range] = (next[range] as number) + 1
    }
    const parts: [number, KeyedRows][] = []
    for (let range = 0; range < count; range++) {
      const own = positions.subarray(sizes[range], sizes[range + 1])
      if (own.length === 0) continue
      const batch = own.length === ids.length ? rows.batch : gatherBatch(rows.batch, own)
      const part = { ...rows, batch, removed: NONE }
      parts.push([
        range,
        {
          ...part,
          ids: Int32Array.from(own, (row) => ids[row] as number),
          keyGroups: Uint16Array.from(own, (row) => keyGroups[row] as number),
        },
      ])
    }
    return parts
  }
}

const NONE = new Int32Array(0)

function withoutRows(rows: KeyedRows): KeyedRows {
  return { ...rows, batch: concatBatches(rows.batch.schema, []), ids: NONE, keyGroups: new Uint16Array(0) }
}

function joined(parts: readonly KeyedRows[]): KeyedRows {
  const [first] = parts as [KeyedRows]
  if (parts.length === 1) return first
  const length = parts.reduce((sum, { ids }) => sum + ids.length, 0)
  const ids = new Int32Array(length)
  const keyGroups = new Uint16Array(length)
  let at = 0
  for (const part of parts) {
    ids.set(part.ids, at)
    keyGroups.set(part.keyGroups, at)
    at += part.ids.length
  }
  const batch = concatBatches(
    first.batch.schema,
    parts.map((part) => part.batch),
  )
  return { ...first, batch, ids, keyGroups }
}
