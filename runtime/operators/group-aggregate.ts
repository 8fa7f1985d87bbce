/**
 * GROUP BY over the whole input.
 *
 * In:    keys and arguments by column; any row kinds when the spec says that the input retracts.
 * Out:   keys, then one column per call. 'changelog': for each input row +I for a new group, -U and +U where its results
 *        changed, -D when its last row is gone; nothing when nothing changed. Row by row, so that the output does not depend on
 *        how rows lie in batches; with mini-batch what a batch has changed of a group is one change. 'final': +I once per group at
 *        the end of input; without keys one row even over no input.
 * TTL:   a group that no row has reached for so long (processing time, read once a batch) is forgotten, its next row begins it anew, and
 *        changes come out even where no result has changed, so that nothing expires behind it that is still in use.
 * State: keys, row counts, times of the last write (with a TTL) and accumulators by group id.   Time: watermarks pass through.
 * Source: Flink's GroupAggFunction, MiniBatchGroupAggFunction; batch: its sort-less hash aggregate.
 */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import { MINI_BATCH_ENABLED } from '#core/config/options/sql.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { Clock } from '#core/time/environment.js'
import { RowKind } from '#core/types/row-kind.js'
import type { Schema } from '#core/types/schema.js'
import { Batch, BATCH_CAPACITY } from '../columnar/batch.js'
import { readValue } from '../columnar/value.js'
import type { Vector } from '../columnar/vector.js'
import { KeyedTables } from '../state/keyed-tables.js'
import type { OperatorSnapshot, RestoredState, SnapshotRequest } from '../state/snapshot.js'
import { FIRST, IGNORED, VANISHED } from './aggregate/accumulator.js'
import { GroupedAggregation, RestoredGroups, type GroupChanges } from './aggregate/grouped-aggregation.js'
import { hasRetractions, takeVector } from './changelog.js'
import { inTurns } from './in-turns.js'
import type { Operator, OperatorContext, Output } from './operator.js'

export class GroupAggregateOperator implements Operator {
  readonly #keys: readonly number[]
  readonly #final: boolean
  readonly #retractInput: boolean
  readonly #outputSchema: Schema
  readonly #aggregation: GroupedAggregation
  readonly #tables = new KeyedTables()
  readonly #ttl: number
  #clock!: Clock
  #maxParallelism = 1
  #first = true
  #miniBatch = false
  #nextTurn!: () => Promise<void>
  #output!: Output

  constructor(spec: SpecOf<'group-aggregate'>, input: Schema, output: Schema) {
    this.#keys = spec.keys
    this.#final = spec.output === 'final'
    this.#retractInput = spec.retractInput
    this.#outputSchema = output
    this.#ttl = spec.stateTtlMs ?? 0
    this.#aggregation = new GroupedAggregation(input, spec.keys, spec.calls, spec.retractInput, spec.stateTtlMs)
    const keyed = spec.keys.length > 0
    this.#aggregation.track(
      this.#aggregation.tables.map(({ name, schema, rows }) =>
        this.#tables.add({ ...rows, descriptor: { name, schema, version: 1 }, hashes: keyed ? rows.hashes : undefined }),
      ),
    )
  }

  open(context: OperatorContext, output: Output): void {
    this.#maxParallelism = context.maxParallelism
    this.#first = context.subtaskIndex === 0
    this.#miniBatch = context.configuration.get(MINI_BATCH_ENABLED)
    this.#output = output
    this.#clock = context.environment.clock
    this.#nextTurn = () => context.nextTurn()
  }

  stateTables(): StateTableDescriptor[] {
    return this.#tables.descriptors()
  }

  async restoreState(state: RestoredState): Promise<void> {
    const names = this.#tables.descriptors().map(({ name }) => name)
    const restored = new RestoredGroups()
    for await (const { handle, table, batch, ids } of state.keyed) {
      this.#aggregation.restore(names.indexOf(table), handle, batch, ids, restored)
    }
  }

  snapshotState(request: SnapshotRequest): OperatorSnapshot {
    return { keyed: this.#tables.snapshot(request, this.#maxParallelism) }
  }

  checkpointComplete(checkpointId: number): void {
    this.#tables.checkpointComplete(checkpointId)
  }

  checkpointAborted(checkpointId: number): void {
    this.#tables.checkpointAborted(checkpointId)
  }

  processBatch(batch: Batch): void {
    if (batch.length === 0) return
    if (!this.#retractInput && hasRetractions(batch)) throw new Error('a row is taken away from an aggregate whose input never retracts')
    if (this.#final) return this.#aggregation.accumulate(batch)
    const now = this.#ttl > 0 ? this.#clock.now() : 0
    const each = this.#aggregation.accumulateWithChanges(batch, now)
    if (this.#ttl > 0) each.changed.fill(1)
    const select = this.#miniBatch ? netChanges : rowChanges
    const changes = changelogBatch(this.#outputSchema, this.#keys, batch, each, select(each, this.#ttl > 0))
    if (changes !== undefined) this.#output.collect(changes)
    if (this.#ttl > 0) this.#aggregation.removeExpired(LOOKED_AT + LOOKED_AT_PER_ROW * batch.length, now)
  }

  processWatermark(watermark: number): void {
    this.#output.emitWatermark(watermark)
  }

  endInput(): void | Promise<void> {
    if (this.#final) return inTurns(this.#emitAll(), this.#nextTurn)
  }

  *#emitAll(): Generator<void, void> {
    for (const some of this.#aggregation.groups(BATCH_CAPACITY)) {
      this.#output.collect(new Batch(this.#outputSchema, this.#aggregation.results(some), some.length))
      yield
    }
    if (this.#aggregation.size === 0 && this.#keys.length === 0 && this.#first) {
      this.#output.collect(new Batch(this.#outputSchema, this.#aggregation.emptyResults(), 1))
    }
    this.#aggregation.clear()
  }
}

/** Groups looked at after each batch, whether their time has passed: more than can have come with it. */
const LOOKED_AT = 64
const LOOKED_AT_PER_ROW = 2

/** Positions 2r and 2r + 1 of the columns are row r's group before and after it; `selection` picks those that are output. */
interface PickedChanges {
  readonly selection: Int32Array
  readonly kinds: Uint8Array
  readonly length: number
  readonly onlyInserts: boolean
}

/** What each row changes. */
function rowChanges(changes: GroupChanges): PickedChanges {
  const { count, flags } = changes.pass
  const selection = new Int32Array(2 * count)
  const kinds = new Uint8Array(2 * count)
  let length = 0
  let onlyInserts = true
  for (let row = 0; row < count; row++) {
    const flag = flags[row] as number
    if (flag === 0) {
      if (changes.changed[row] === 0) continue
      kinds[2 * row] = RowKind.UPDATE_BEFORE
      kinds[2 * row + 1] = RowKind.UPDATE_AFTER
      selection[length++] = 2 * row
      selection[length++] = 2 * row + 1
      onlyInserts = false
    } else if ((flag & FIRST) !== 0) {
      selection[length++] = 2 * row + 1
    } else if ((flag & VANISHED) !== 0) {
      kinds[2 * row] = RowKind.DELETE
      selection[length++] = 2 * row
      onlyInserts = false
    } else if ((flag & IGNORED) === 0) throw new Error(`unknown row flag ${flag}`)
  }
  return { selection, kinds, length, onlyInserts }
}

/** What all rows of the batch together change of each group, in the order of the groups' last rows. `always`: even if that is nothing. */
function netChanges(changes: GroupChanges, always: boolean): PickedChanges {
  const { count, flags, groups } = changes.pass
  const selection = new Int32Array(2 * count)
  const kinds = new Uint8Array(2 * count)
  /** By group: its first and its last row, and whether a row between them has changed it. */
  const spans = new Map<number, { readonly first: number; last: number; changed: boolean }>()
  for (let row = 0; row < count; row++) {
    const flag = flags[row] as number
    if ((flag & IGNORED) !== 0) continue
    const group = groups[row] as number
    const changed = flag !== 0 || changes.changed[row] !== 0
    const span = spans.get(group)
    if (span === undefined) spans.set(group, { first: row, last: row, changed })
    else {
      span.last = row
      span.changed ||= changed
    }
  }
  let length = 0
  let onlyInserts = true
  for (const { first, last, changed } of [...spans.values()].sort((a, b) => a.last - b.last)) {
    if (!changed) continue
    const before = ((flags[first] as number) & FIRST) === 0
    const after = ((flags[last] as number) & VANISHED) === 0
    // Rows that made up for each other have changed nothing.
    if (!always && before && after && first < last && sameResults(changes.results, 2 * first, 2 * last + 1)) continue
    if (before) {
      kinds[2 * first] = after ? RowKind.UPDATE_BEFORE : RowKind.DELETE
      selection[length++] = 2 * first
      onlyInserts = false
    }
    if (after) {
      if (before) kinds[2 * last + 1] = RowKind.UPDATE_AFTER
      selection[length++] = 2 * last + 1
    }
  }
  return { selection, kinds, length, onlyInserts }
}

function sameResults(results: readonly Vector[], before: number, after: number): boolean {
  return results.every((result) => Object.is(readValue(result, before), readValue(result, after)))
}

function changelogBatch(
  schema: Schema,
  keys: readonly number[],
  batch: Batch,
  changes: GroupChanges,
  { selection, kinds, length, onlyInserts }: PickedChanges,
): Batch | undefined {
  const { count, positions } = changes.pass
  if (length === 0) return undefined
  const columns: Vector[] = []
  if (keys.length > 0) {
    const doubled = new Int32Array(2 * count)
    for (let row = 0; row < count; row++) doubled[2 * row] = doubled[2 * row + 1] = positions[row] as number
    keys.forEach((key, i) => columns.push(asGroupKey(takeVector(batch.columns[key] as Vector, doubled, schema.fields[i]?.type))))
  }
  columns.push(...changes.results)
  return new Batch(
    schema,
    columns,
    length,
    inOrder(selection, length, 2 * count) ? undefined : selection.subarray(0, length),
    onlyInserts ? undefined : kinds,
  )
}

/** All positions, each at its own place: no selection is needed. */
function inOrder(selection: Int32Array, length: number, positions: number): boolean {
  if (length < positions) return false
  for (let i = 0; i < length; i++) if (selection[i] !== i) return false
  return true
}

/** One group holds -0.0 and 0.0, and each of its changes has the same key: 0.0, as the key table gives it back. Changes the vector. */
function asGroupKey(key: Vector): Vector {
  if (key.kind === 'float64') for (let i = 0; i < key.values.length; i++) if (key.values[i] === 0) key.values[i] = 0
  return key
}

export function createGroupAggregate(spec: SpecOf<'group-aggregate'>, inputs: readonly Schema[], output: Schema): Operator {
  return new GroupAggregateOperator(spec, inputs[0] as Schema, output)
}
