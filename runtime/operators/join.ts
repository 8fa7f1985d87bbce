/**
 * Regular inner join of two inputs: every row meets the rows of the other side that have come so far.
 *
 * In:    0 left, 1 right; any row kinds.   Out: left ++ right columns; the pair has the kind of the row that made it.
 * State: both sides' rows. One key table serves both: a key's id leads to two chains of rows, in order of arrival. A row whose
 *        key has a NULL never joins and is not kept. Where a side retracts, equal rows are found by their content.
 * Time:  watermarks pass through (the task combines the inputs').
 * @throws EXPRESSION_FAILED when the condition fails on a pair.
 * Source: Flink's StreamingJoinOperator.
 */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import { INT, notNull } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import { Batch, BATCH_CAPACITY } from '../columnar/batch.js'
import { hashRows } from '../columnar/hash.js'
import { vectorKind, type Int32Vector, type Vector } from '../columnar/vector.js'
import { compileCondition } from '../expr/compile.js'
import { identityPositions } from '../state/growable.js'
import type { ChangedRows } from '../state/changed-rows.js'
import { KeyTable } from '../state/key-table.js'
import { KeyedTables } from '../state/keyed-tables.js'
import { PagedInts } from '../state/paged-ints.js'
import { RestoredIds } from '../state/restored-ids.js'
import { RowIndex } from '../state/row-index.js'
import { RowStore } from '../state/row-store.js'
import type { OperatorSnapshot, RestoredRows, RestoredState, SnapshotRequest } from '../state/snapshot.js'
import { stateMemory } from '../state/state-memory.js'
import { hasRetractions, takeVector } from './changelog.js'
import { evaluationContext } from './evaluation-context.js'
import type { Operator, OperatorContext, Output } from './operator.js'

/** Extra words of a stored row: links of its key's chain (row id + 1), and how many equal rows it stands for. */
const NEXT = 0
const PREVIOUS = 1
const COUNT = 2
const EXTRA_WORDS = 3
/** Last column of a stored row: COUNT. */
const COUNT_FIELD = { name: '$count', type: notNull(INT) }

/** First and last row (id + 1) of each key id and side, side by side in memory: [left head, left tail, right head, right tail]. */
class Chains {
  readonly ends = new PagedInts(4)

  head(key: number, side: number): number {
    return this.ends.get(key, 2 * side)
  }

  isEmpty(key: number): boolean {
    return this.head(key, 0) === 0 && this.head(key, 1) === 0
  }
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
class JoinSide {
  readonly keys: readonly number[]
  readonly store: RowStore
  readonly index: RowIndex
  readonly changes: ChangedRows
  readonly #schema: Schema
  readonly #chains: Chains
  readonly #side: number

  constructor(schema: Schema, keys: readonly number[], chains: Chains, side: number, tables: KeyedTables) {
    this.keys = keys
    this.#schema = schema
    this.#chains = chains
    this.#side = side
    this.store = new RowStore(
      schema.fields.map((field) => field.type),
      EXTRA_WORDS,
    )
    this.index = new RowIndex(this.store, schema)
    this.changes = tables.add({
      descriptor: { name: side === 0 ? 'left' : 'right', schema: { fields: [...schema.fields, COUNT_FIELD] }, version: 1 },
      liveBits: () => this.store.liveBits(),
      read: (ids, count) => {
        const counts = this.store.extras(ids, count, COUNT)
        return [...this.store.columns(ids, count), { kind: 'int32', type: COUNT_FIELD.type, nulls: undefined, values: counts }]
      },
      hashes: keys.length === 0 ? undefined : (_ids, count, columns) => hashRows(new Batch(schema, columns, count), keys),
    })
  }

  /** Stores rows of a snapshot; they are not yet in their chains. Returns ids by row. */
  restore(batch: Batch): Int32Array {
    const { fields } = this.#schema
    const ids = new Int32Array(batch.length)
    this.store.addRows(batch.columns.slice(0, fields.length), identityPositions(batch.length), batch.length, ids)
    const counts = (batch.columns[fields.length] as Int32Vector).values
    for (let row = 0; row < batch.length; row++) this.store.setExtra(ids[row] as number, COUNT, counts[row] as number)
    return ids
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

export class JoinOperator implements Operator {
  readonly #spec: SpecOf<'join'>
  readonly #outputSchema: Schema
  readonly #table: KeyTable
  readonly #chains = new Chains()
  readonly #tables = new KeyedTables()
  readonly #sides: readonly [JoinSide, JoinSide]
  #maxParallelism = 1
  #condition: ((batch: Batch) => Int32Array) | undefined
  #output!: Output
  /** Pairs not yet emitted: position of the new row, id of the other side's row, kind of the pair. */
  readonly #pairPositions = new Int32Array(BATCH_CAPACITY)
  readonly #pairIds = new Int32Array(BATCH_CAPACITY)
  readonly #pairKinds = new Uint8Array(BATCH_CAPACITY)
  #pairs = 0

  constructor(spec: SpecOf<'join'>, left: Schema, right: Schema, output: Schema) {
    this.#spec = spec
    this.#outputSchema = output
    const types = spec.leftKeys.map((column) => left.fields[column]?.type)
    spec.rightKeys.forEach((column, i) => {
      const [a, b] = [types[i], right.fields[column]?.type]
      if (a === undefined || b === undefined || vectorKind(a) !== vectorKind(b)) {
        throw new Error(`join key ${i} has the types ${a?.kind} and ${b?.kind}`)
      }
    })
    this.#table = new KeyTable(types.filter((type) => type !== undefined))
    this.#sides = [
      new JoinSide(left, spec.leftKeys, this.#chains, 0, this.#tables),
      new JoinSide(right, spec.rightKeys, this.#chains, 1, this.#tables),
    ]
  }

  open(context: OperatorContext, output: Output): void {
    this.#output = output
    this.#maxParallelism = context.maxParallelism
    const { condition } = this.#spec
    if (condition !== undefined) this.#condition = compileCondition(condition, this.#outputSchema, evaluationContext(context))
  }

  processBatch(batch: Batch, input: number): void {
    const side = this.#sides[input as 0 | 1]
    const other = this.#sides[(1 - input) as 0 | 1]
    const rows = withKeys(batch, side.keys)
    if (rows.length === 0) return
    const keyIds = new Int32Array(rows.length)
    const positions = rows.selection ?? identityPositions(rows.length)
    this.#table.assign(rows, side.keys, positions, rows.length, hashRows(rows, side.keys), keyIds)
    this.#chains.ends.reserve(this.#table.idLimit)
    const retracts = hasRetractions(rows)
    if (retracts && !side.index.enabled) side.index.enable()
    if (side.index.enabled) this.#joinCounted(rows, positions, keyIds, side, other, input)
    else this.#joinInserts(rows, positions, keyIds, side, other, input)
    this.#flush(rows, other, input)
    if (retracts) this.#removeEmptyKeys(rows, positions, keyIds)
  }

  processWatermark(watermark: number): void {
    this.#output.emitWatermark(watermark)
  }

  endInput(): void {
    // Pairs were emitted as they were made.
  }

  stateTables(): StateTableDescriptor[] {
    return this.#tables.descriptors()
  }

  snapshotState(request: SnapshotRequest): OperatorSnapshot {
    return { keyed: this.#tables.snapshot(request, this.#maxParallelism) }
  }

  async restoreState(state: RestoredState): Promise<void> {
    const names = this.stateTables().map(({ name }) => name)
    const restored = this.#sides.map((): RestoredSide => ({ ids: new RestoredIds(), keys: new PagedInts() }))
    for await (const rows of state.keyed) {
      const side = names.indexOf(rows.table)
      this.#restoreRows(rows, this.#sides[side as 0 | 1], restored[side] as RestoredSide)
    }
    restored.forEach(({ ids, keys }, i) => {
      const side = this.#sides[i as 0 | 1]
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
    const keyIds = new Int32Array(rows.length)
    this.#table.assign(rows, side.keys, identityPositions(rows.length), rows.length, hashRows(rows, side.keys), keyIds)
    this.#chains.ends.reserve(this.#table.idLimit)
    const newIds = side.restore(rows)
    restored.ids.put(handle, ids, newIds)
    restored.keys.reserve(side.store.idLimit)
    for (let row = 0; row < rows.length; row++) restored.keys.set(newIds[row] as number, keyIds[row] as number)
  }

  /** A side that has never retracted: rows are kept one by one, all at once. */
  #joinInserts(rows: Batch, positions: Int32Array, keyIds: Int32Array, side: JoinSide, other: JoinSide, input: number): void {
    const ids = new Int32Array(rows.length)
    side.store.addRows(rows.columns, positions, rows.length, ids)
    side.changes.touch(ids, rows.length, side.store.idLimit)
    for (let row = 0; row < rows.length; row++) {
      const key = keyIds[row] as number
      side.store.setExtra(ids[row] as number, COUNT, 1)
      side.append(key, ids[row] as number)
      if (this.#chains.head(key, 1 - input) !== 0) this.#pair(rows, positions[row] as number, key, other, input)
    }
  }

  /** A side that retracts: equal rows are kept as one with a count, found by content. */
  #joinCounted(rows: Batch, positions: Int32Array, keyIds: Int32Array, side: JoinSide, other: JoinSide, input: number): void {
    const hashes = side.index.hashes(rows)
    for (let row = 0; row < rows.length; row++) {
      const key = keyIds[row] as number
      const hash = hashes[row] as number
      const position = positions[row] as number
      const kind = rows.rowKind(position)
      const held = side.index.find(hash, rows.columns, position)
      if (kind === 0 || kind === 2) {
        if (held >= 0) {
          side.changes.touchOne(held)
          side.store.setExtra(held, COUNT, side.store.extra(held, COUNT) + 1)
        } else {
          const id = side.store.add(rows.columns, position)
          side.changes.touchOne(id)
          side.store.setExtra(id, COUNT, 1)
          side.append(key, id)
          side.index.add(hash, id)
        }
      } else {
        if (held < 0) continue // taken away without having been there: no effect
        side.changes.touchOne(held)
        const count = side.store.extra(held, COUNT) - 1
        side.store.setExtra(held, COUNT, count)
        if (count === 0) {
          side.unlink(key, held)
          side.index.remove(hash, held)
          side.changes.removeOne(held)
          side.store.remove(held)
        }
      }
      this.#pair(rows, position, key, other, input)
    }
  }

  /** Pairs one row with all rows of the other side that have its key. */
  #pair(rows: Batch, position: number, key: number, other: JoinSide, input: number): void {
    const kind = rows.rowKinds === undefined ? 0 : (rows.rowKinds[position] as number)
    for (let entry = this.#chains.head(key, 1 - input); entry !== 0; entry = other.store.extra(entry - 1, NEXT)) {
      for (let count = other.store.extra(entry - 1, COUNT); count > 0; count--) {
        if (this.#pairs === BATCH_CAPACITY) this.#flush(rows, other, input)
        this.#pairPositions[this.#pairs] = position
        this.#pairIds[this.#pairs] = entry - 1
        this.#pairKinds[this.#pairs++] = kind
      }
    }
  }

  #flush(rows: Batch, other: JoinSide, input: number): void {
    const count = this.#pairs
    if (count === 0) return
    this.#pairs = 0
    const positions = this.#pairPositions.subarray(0, count)
    const own = rows.columns.map((column) => takeVector(column, positions))
    const others = other.store.columns(this.#pairIds, count)
    const columns: readonly Vector[] = input === 0 ? [...own, ...others] : [...others, ...own]
    const kinds = rows.rowKinds === undefined ? undefined : this.#pairKinds.slice(0, count)
    const joined = new Batch(this.#outputSchema, columns, count, undefined, kinds)
    if (this.#condition === undefined) return this.#output.collect(joined)
    const kept = this.#condition(joined)
    if (kept.length === count) this.#output.collect(joined)
    else if (kept.length > 0) this.#output.collect(joined.select(kept))
  }

  #removeEmptyKeys(rows: Batch, positions: Int32Array, keyIds: Int32Array): void {
    const removed = new Set<number>()
    for (let row = 0; row < keyIds.length; row++) {
      const kind = rows.rowKind(positions[row] as number)
      const key = keyIds[row] as number
      if (kind === 0 || kind === 2 || !this.#chains.isEmpty(key) || removed.has(key)) continue
      removed.add(key)
      this.#table.remove(key)
    }
  }
}

/** The rows whose key columns are all not NULL. */
function withKeys(batch: Batch, keys: readonly number[]): Batch {
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

export function createJoin(spec: SpecOf<'join'>, inputs: readonly Schema[], output: Schema): Operator {
  return new JoinOperator(spec, inputs[0] as Schema, inputs[1] as Schema, output)
}
