/**
 * Rows of a table that were copied for a snapshot before they changed, until the snapshot is read on. They come one at a time as often as in
 * batches, so few at a time are put together: a row in a batch of its own takes kilobytes of JavaScript's heap. They count as state.
 */
import { BATCH_CAPACITY } from '../columnar/batch.js'
import { batchBytes } from '../columnar/batch-bytes.js'
import { concatBatches, gatherBatch } from '../columnar/gather.js'
import type { KeyedRows } from './snapshot.js'
import { stateMemory, type MemoryUser } from './state-memory.js'

/** Fewer rows at a time are put together, so many times. */
const FEW = 32
/** What one step of reading should come to, bytes: a millisecond or two. */
export const PIECE_BYTES = 512 * 1024

export class KeptRows implements MemoryUser {
  #parts: KeyedRows[] = []
  #few: KeyedRows[] = []
  #bytes = 0
  #registered = false

  /** Bytes of all of them. */
  residentBytes(): number {
    return this.#bytes
  }

  get empty(): boolean {
    return this.#parts.length === 0 && this.#few.length === 0
  }

  add(rows: KeyedRows): void {
    this.#count(batchBytes(rows.batch))
    if (rows.ids.length > FEW) this.#parts.push(...inPieces(rows))
    else if (this.#few.push(rows) === FEW) this.#gather()
  }

  /** Some of them: up to BATCH_CAPACITY rows, about PIECE_BYTES; undefined: there are none. */
  take(): KeyedRows | undefined {
    if (this.#parts.length === 0 && this.#few.length > 0) this.#gather()
    const taken: KeyedRows[] = []
    let rows = 0
    let bytes = 0
    for (const part of this.#parts) {
      const size = batchBytes(part.batch)
      if (taken.length > 0 && (rows + part.ids.length > BATCH_CAPACITY || bytes + size > PIECE_BYTES)) break
      taken.push(part)
      rows += part.ids.length
      bytes += size
    }
    this.#parts.splice(0, taken.length)
    this.#bytes -= bytes
    return taken.length === 0 ? undefined : joined(taken)
  }

  /** Nobody wants them any more. */
  clear(): void {
    this.#parts = []
    this.#few = []
    this.#bytes = 0
  }

  #gather(): void {
    this.#parts.push(...inPieces(joined(this.#few)))
    this.#few = []
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    stateMemory.taken(bytes)
    if (this.#registered) return
    this.#registered = true
    stateMemory.register(this)
  }
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

/** The rows in pieces of about PIECE_BYTES, or of one row where rows are larger. */
export function inPieces(rows: KeyedRows): KeyedRows[] {
  const count = rows.ids.length
  // A piece that is a little too large is no harm; copying it is.
  if (batchBytes(rows.batch) <= 2 * PIECE_BYTES) return [rows]
  const texts = rows.batch.columns.filter((column) => column.kind === 'utf8')
  const pieces: KeyedRows[] = []
  for (let from = 0; from < count;) {
    let end = from
    for (let bytes = 0; end < count && (end === from || bytes < PIECE_BYTES); end++)
      for (const { lengths } of texts) bytes += lengths[end] as number
    const positions = Int32Array.from({ length: end - from }, (_, i) => from + i)
    pieces.push({
      ...rows,
      batch: gatherBatch(rows.batch, positions),
      ids: rows.ids.slice(from, end),
      keyGroups: rows.keyGroups.slice(from, end),
      removed: from === 0 ? rows.removed : NONE,
    })
    from = end
  }
  return pieces
}

const NONE = new Int32Array(0)
