/**
 * The state of a join: both inputs' rows. One key table serves both sides: a key's id leads to two chains of rows, in order of arrival.
 * Where a side retracts, equal rows are kept once with a count and found by their content. A side may count its rows' matches, too.
 */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import { BIGINT, INT, notNull } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import { Batch } from '../../columnar/batch.js'
import { hashRows } from '../../columnar/hash.js'
import { vectorKind, type Int32Vector, type Int64Vector, type Vector } from '../../columnar/vector.js'
import type { ChangedRows } from '../../state/changed-rows.js'
import { identityPositions } from '../../state/growable.js'
import { KeyedTables } from '../../state/keyed-tables.js'
import { KeyTable } from '../../state/key-table.js'
import { PagedInts } from '../../state/paged-ints.js'
import { RestoredIds } from '../../state/restored-ids.js'
import { RowIndex } from '../../state/row-index.js'
import { RowStore } from '../../state/row-store.js'
import type { OperatorSnapshot, RestoredRows, RestoredState, SnapshotRequest } from '../../state/snapshot.js'
import { stateMemory } from '../../state/state-memory.js'

/** Extra words of a stored row: links of its key's chain (row id + 1), how many equal rows it stands for, how many rows match each of them. */
export const NEXT = 0
const PREVIOUS = 1
export const COUNT = 2
export const MATCHES = 3
/** Of sides with a TTL: when the row was last written, in ms, its low and its high word. */
const WRITTEN = 4
const WRITTEN_HIGH = 5
const WORDS_WITH_TTL = 6
/** Columns of a stored row behind its own: COUNT, where they are counted MATCHES, with a TTL the time of the last write. */
const COUNT_FIELD = { name: '$count', type: notNull(INT) }
const MATCHES_FIELD = { name: '$matches', type: notNull(INT) }
const WRITTEN_FIELD = { name: '$written', type: notNull(BIGINT) }

/** First and last row (id + 1) of each key id and side, side by side in memory: [left head, left tail, right head, right tail]. */
export class Chains {
  readonly ends = new PagedInts(4)

  head(key: number, side: number): number {
    return this.ends.get(key, 2 * side)
  }

  isEmpty(key: number): boolean {
    return this.head(key, 0) === 0 && this.head(key, 1) === 0
  }
}

/** Ms by side; 0: rows live for ever. */
export interface SideTtls {
  readonly left: number
  readonly right: number
}
const NO_TTL: SideTtls = { left: 0, right: 0 }
const NONE = new Int32Array(0)

/** Rows looked at after each batch, whether their time has passed: more than can have come with it. */
export function lookedAt(rows: number): number {
  return 64 + 2 * rows
}

/** A side on its way back: its rows go into their chains when all are there, so that those only ever added keep their order. */
interface RestoredSide {
  readonly ids: RestoredIds
  /** Key id by row id. */
  readonly keys: PagedInts
}

/** Rows put into their chains before memory is trimmed. */
const LINK_ROWS = 1024

/** One input's rows, chained by key id. */
export class JoinSide {
  readonly keys: readonly number[]
  readonly countsMatches: boolean
  /** Ms that a row lives after it was last written; 0: for ever. */
  readonly ttl: number
  /** Time of the batch, ms. */
  now = 0
  #swept = 0
  readonly store: RowStore
  readonly index: RowIndex
  readonly changes: ChangedRows
  readonly #schema: Schema
  readonly #chains: Chains
  readonly #side: number

  constructor(
    schema: Schema,
    keys: readonly number[],
    chains: Chains,
    side: number,
    tables: KeyedTables,
    countsMatches: boolean,
    ttl: number,
  ) {
    this.keys = keys
    this.ttl = ttl
    this.countsMatches = countsMatches
    this.#schema = schema
    this.#chains = chains
    this.#side = side
    this.store = new RowStore(
      schema.fields.map((field) => field.type),
      ttl > 0 ? WORDS_WITH_TTL : countsMatches ? MATCHES + 1 : MATCHES,
    )
    this.index = new RowIndex(this.store, schema)
    this.changes = tables.add({
      descriptor: {
        name: side === 0 ? 'left' : 'right',
        schema: { fields: [...schema.fields, COUNT_FIELD, ...(countsMatches ? [MATCHES_FIELD] : []), ...(ttl > 0 ? [WRITTEN_FIELD] : [])] },
        version: 1,
      },
      liveBits: () => this.store.liveBits(),
      read: (ids, count) => {
        const words = (word: number): Vector => {
          return { kind: 'int32', type: COUNT_FIELD.type, nulls: undefined, values: this.store.extras(ids, count, word) }
        }
        return [
          ...this.store.columns(ids, count),
          words(COUNT),
          ...(countsMatches ? [words(MATCHES)] : []),
          ...(ttl > 0 ? [this.#times(ids, count)] : []),
        ]
      },
      hashes: keys.length === 0 ? undefined : (_ids, count, columns) => hashRows(new Batch(schema, columns, count), keys),
    })
  }

  /** Stores rows of a snapshot; they are not yet in their chains. Returns ids by row. */
  restore(batch: Batch): Int32Array {
    const { fields } = this.#schema
    const ids = new Int32Array(batch.length)
    this.store.addRows(batch.columns.slice(0, fields.length), identityPositions(batch.length), batch.length, ids)
    const words = this.countsMatches ? [COUNT, MATCHES] : [COUNT]
    words.forEach((word, i) => {
      const { values } = batch.columns[fields.length + i] as Int32Vector
      for (let row = 0; row < batch.length; row++) this.store.setExtra(ids[row] as number, word, values[row] as number)
    })
    if (this.ttl > 0) {
      const { values } = batch.columns[fields.length + words.length] as Int64Vector
      for (let row = 0; row < batch.length; row++) this.#setWritten(ids[row] as number, Number(values[row]))
    }
    return ids
  }

  /** That row has just been stored: it stands for itself, as of now. */
  inserted(id: number): void {
    this.store.setExtra(id, COUNT, 1)
    if (this.ttl > 0) this.written(id)
  }

  /** The row was written: with a TTL its time begins anew. */
  written(id: number): void {
    if (this.ttl > 0) this.#setWritten(id, this.now)
  }

  /** The time of a row that there is has passed. Only with a TTL. */
  isExpired(id: number): boolean {
    const time = this.store.extra(id, WRITTEN_HIGH) * 4294967296 + (this.store.extra(id, WRITTEN) >>> 0)
    return this.now - time >= this.ttl
  }

  /** Expired rows among the next `some` that there is room for. */
  findExpired(some: number): Int32Array {
    const { idLimit } = this.store
    if (this.#swept >= idLimit) this.#swept = 0
    const first = this.#swept
    const end = Math.min(first + some, idLimit)
    this.#swept = end
    const expired: number[] = []
    for (let id = first; id < end; id++) if (this.store.extra(id, COUNT) > 0 && this.isExpired(id)) expired.push(id)
    return Int32Array.from(expired)
  }

  /** Rows of these ids as a batch. */
  rowsOf(ids: Int32Array): Batch {
    return new Batch(this.#schema, this.store.columns(ids, ids.length), ids.length)
  }

  /** The row goes, however many it stands for. `hash`: of its content, where the index is enabled. */
  drop(key: number, hash: number, id: number): void {
    this.changes.touchOne(id)
    this.store.setExtra(id, COUNT, 0)
    this.unlink(key, id)
    if (this.index.enabled) this.index.remove(hash, id)
    this.changes.removeOne(id)
    this.store.remove(id)
  }

  #setWritten(id: number, time: number): void {
    this.store.setExtra(id, WRITTEN, time | 0)
    this.store.setExtra(id, WRITTEN_HIGH, Math.floor(time / 4294967296))
  }

  #times(ids: Int32Array, count: number): Vector {
    const low = this.store.extras(ids, count, WRITTEN)
    const high = this.store.extras(ids, count, WRITTEN_HIGH)
    const words = new Int32Array(2 * count)
    for (let i = 0; i < count; i++) {
      words[2 * i] = low[i] as number
      words[2 * i + 1] = high[i] as number
    }
    return { kind: 'int64', type: WRITTEN_FIELD.type, nulls: undefined, values: new BigInt64Array(words.buffer) }
  }

  /** Another row like the one at that position: the id of what stands for it, or of a new row (`-1 - id`). */
  addCounted(key: number, hash: number, columns: readonly Vector[], position: number): number {
    let held = this.index.find(hash, columns, position)
    if (held >= 0 && this.ttl > 0 && this.isExpired(held)) {
      this.drop(key, hash, held)
      held = -1
    }
    if (held >= 0) {
      this.changes.touchOne(held)
      this.written(held)
      this.store.setExtra(held, COUNT, this.store.extra(held, COUNT) + 1)
      return held
    }
    const id = this.store.add(columns, position)
    this.changes.touchOne(id)
    this.inserted(id)
    this.append(key, id)
    this.index.add(hash, id)
    return -1 - id
  }

  /** One row like the one at that position less: the id of what stood for it, -1 when there was none. `gone` hears of an id that is free again. */
  removeCounted(key: number, hash: number, columns: readonly Vector[], position: number, gone?: (id: number) => void): number {
    const held = this.index.find(hash, columns, position)
    if (held < 0) return -1
    if (this.ttl > 0 && this.isExpired(held)) {
      this.drop(key, hash, held)
      return -1
    }
    this.changes.touchOne(held)
    this.written(held)
    const count = this.store.extra(held, COUNT) - 1
    this.store.setExtra(held, COUNT, count)
    if (count > 0) return held
    this.unlink(key, held)
    this.index.remove(hash, held)
    this.changes.removeOne(held)
    this.store.remove(held)
    gone?.(held)
    return held
  }

  append(key: number, id: number): void {
    const ends = this.#chains.ends.page(key)
    const at = this.#chains.ends.offset(key) + 2 * this.#side
    const tail = ends[at + 1] as number
    this.store.setExtra(id, PREVIOUS, tail)
    if (tail === 0) ends[at] = id + 1
    else this.store.setExtra(tail - 1, NEXT, id + 1)
    ends[at + 1] = id + 1
  }

  unlink(key: number, id: number): void {
    const ends = this.#chains.ends.page(key)
    const at = this.#chains.ends.offset(key) + 2 * this.#side
    const next = this.store.extra(id, NEXT)
    const previous = this.store.extra(id, PREVIOUS)
    if (previous === 0) ends[at] = next
    else this.store.setExtra(previous - 1, NEXT, next)
    if (next === 0) ends[at + 1] = previous
    else this.store.setExtra(next - 1, PREVIOUS, previous)
  }
}

/** Both sides, their tables in snapshots, and the keys they share. */
export class JoinState {
  readonly keys: KeyTable
  readonly chains = new Chains()
  readonly sides: readonly [JoinSide, JoinSide]
  readonly #tables = new KeyedTables()

  /** `countsMatches`: by side. */
  constructor(
    {
      leftKeys,
      rightKeys,
      stateTtlMs = NO_TTL,
    }: { readonly leftKeys: readonly number[]; readonly rightKeys: readonly number[]; readonly stateTtlMs?: SideTtls | undefined },
    left: Schema,
    right: Schema,
    countsMatches: readonly [boolean, boolean] = [false, false],
  ) {
    const types = leftKeys.map((column) => left.fields[column]?.type)
    rightKeys.forEach((column, i) => {
      const [a, b] = [types[i], right.fields[column]?.type]
      if (a === undefined || b === undefined || vectorKind(a) !== vectorKind(b)) {
        throw new Error(`join key ${i} has the types ${a?.kind} and ${b?.kind}`)
      }
    })
    this.keys = new KeyTable(types.filter((type) => type !== undefined))
    this.sides = [
      new JoinSide(left, leftKeys, this.chains, 0, this.#tables, countsMatches[0], stateTtlMs.left),
      new JoinSide(right, rightKeys, this.chains, 1, this.#tables, countsMatches[1], stateTtlMs.right),
    ]
  }

  /** Rows have a TTL, of one side or of both. */
  get expires(): boolean {
    return this.sides.some(({ ttl }) => ttl > 0)
  }

  /** A batch begins: ms. */
  begin(now: number): void {
    for (const side of this.sides) side.now = now
  }

  /**
   * Forgets expired rows among the next `some` of each side that there is room for, and keys left without rows; whoever calls it after every
   * batch, with more than the batch had rows, keeps state bounded.
   */
  removeExpired(some: number): void {
    for (const side of this.sides) {
      const ids = side.ttl > 0 ? side.findExpired(some) : NONE
      if (ids.length === 0) continue
      const rows = side.rowsOf(ids)
      const keyIds = this.assignKeys(rows, side, identityPositions(ids.length), ids.length, hashRows(rows, side.keys))
      const hashes = side.index.enabled ? side.index.hashes(rows) : undefined
      ids.forEach((id, i) => side.drop(keyIds[i] as number, hashes?.[i] ?? 0, id))
      for (const key of new Set(keyIds)) if (this.chains.isEmpty(key)) this.keys.remove(key)
    }
  }

  /** Key ids of the rows at these positions, none of which has a NULL in its key. */
  assignKeys(rows: Batch, side: JoinSide, positions: Int32Array, count: number, hashes: Int32Array): Int32Array {
    const keyIds = new Int32Array(count)
    this.keys.assign(rows, side.keys, positions, count, hashes, keyIds)
    this.chains.ends.reserve(this.keys.idLimit)
    return keyIds
  }

  /** Forgets keys without rows among those of retracted rows. `keyIds`: by row of the batch; -1: it has none. */
  removeEmptyKeys(rows: Batch, positions: Int32Array, keyIds: Int32Array): void {
    const removed = new Set<number>()
    for (let row = 0; row < keyIds.length; row++) {
      const kind = rows.rowKind(positions[row] as number)
      const key = keyIds[row] as number
      if (key < 0 || kind === 0 || kind === 2 || !this.chains.isEmpty(key) || removed.has(key)) continue
      removed.add(key)
      this.keys.remove(key)
    }
  }

  descriptors(): StateTableDescriptor[] {
    return this.#tables.descriptors()
  }

  snapshot(request: SnapshotRequest, maxParallelism: number): OperatorSnapshot {
    return { keyed: this.#tables.snapshot(request, maxParallelism) }
  }

  async restore(state: RestoredState): Promise<void> {
    const names = this.descriptors().map(({ name }) => name)
    const restored = this.sides.map((): RestoredSide => ({ ids: new RestoredIds(), keys: new PagedInts() }))
    for await (const rows of state.keyed) {
      const side = names.indexOf(rows.table)
      this.#restoreRows(rows, this.sides[side as 0 | 1], restored[side] as RestoredSide)
    }
    restored.forEach(({ ids, keys }, i) => {
      const side = this.sides[i as 0 | 1]
      let linked = 0
      for (const id of ids.inOrder()) {
        side.append(keys.get(id), id)
        if (++linked % LINK_ROWS === 0) stateMemory.trim()
      }
      ids.clear()
      keys.clear()
    })
  }

  checkpointComplete(checkpointId: number): void {
    this.#tables.checkpointComplete(checkpointId)
  }

  checkpointAborted(checkpointId: number): void {
    this.#tables.checkpointAborted(checkpointId)
  }

  #restoreRows({ handle, batch: rows, ids }: RestoredRows, side: JoinSide, restored: RestoredSide): void {
    const keyIds = this.assignKeys(rows, side, identityPositions(rows.length), rows.length, hashRows(rows, side.keys))
    const newIds = side.restore(rows)
    restored.ids.put(handle, ids, newIds)
    restored.keys.reserve(side.store.idLimit)
    for (let row = 0; row < rows.length; row++) restored.keys.set(newIds[row] as number, keyIds[row] as number)
  }
}

/** Key ids by row, as `assign` gives them for the rows at those positions; -1 for a key with a NULL. */
export function keyIdsOf(
  rows: Batch,
  keys: readonly number[],
  positions: Int32Array,
  assign: (rows: Batch, positions: Int32Array, count: number, hashes: Int32Array) => Int32Array,
): Int32Array {
  const nullable = keys.map((key) => (rows.columns[key] as Vector).nulls).filter((nulls) => nulls !== undefined)
  if (nullable.length === 0) return assign(rows, positions, rows.length, hashRows(rows, keys))
  const keyed = new Int32Array(rows.length)
  const rowOf = new Int32Array(rows.length)
  let count = 0
  for (let row = 0; row < rows.length; row++) {
    const position = positions[row] as number
    if (!nullable.every((nulls) => ((nulls[position >> 3] as number) & (1 << (position & 7))) === 0)) continue
    keyed[count] = position
    rowOf[count++] = row
  }
  const keyIds = new Int32Array(rows.length).fill(-1)
  if (count === 0) return keyIds
  const some = rows.select(keyed.subarray(0, count))
  const ids = assign(some, keyed, count, hashRows(some, keys))
  for (let i = 0; i < count; i++) keyIds[rowOf[i] as number] = ids[i] as number
  return keyIds
}

/** The rows whose key columns are all not NULL. */
export function withKeys(batch: Batch, keys: readonly number[]): Batch {
  const nullable = keys.map((key) => (batch.columns[key] as Vector).nulls).filter((nulls) => nulls !== undefined)
  if (nullable.length === 0) return batch
  const positions = new Int32Array(batch.length)
  let count = 0
  for (let row = 0; row < batch.length; row++) {
    const position = batch.position(row)
    if (nullable.every((nulls) => ((nulls[position >> 3] as number) & (1 << (position & 7))) === 0)) positions[count++] = position
  }
  return count === batch.length ? batch : batch.select(positions.subarray(0, count))
}
