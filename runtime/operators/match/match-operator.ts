/**
 * MATCH_RECOGNIZE, one row per match: in each partition, rows in the order of time that follow a pattern without a gap.
 *
 * In:    insertions.   Out: the partition's columns, then the measures; +I, as soon as the match is decided.
 * State: rows that wait for the watermark or that a match holds, and the matches (match-state.ts). Only matches lie in JavaScript's heap.
 * Time:  event time: rows wait until the watermark has reached them; those that come behind it are dropped and counted. The watermark passes on
 *        behind what it brings, however many turns that takes. Processing time: a row is looked at when it comes; a timer gives up matches that
 *        have become too old.
 * @throws ROWTIME_IS_NULL; EXPRESSION_FAILED when a condition or measure fails on a row; MATCH_SKIP_IMPOSSIBLE.
 * Source: Flink's CepOperator and NFA.
 */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { LogicalType, Value } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import * as z from '#core/zod.js'
import { BATCH_CAPACITY, type Batch } from '../../columnar/batch.js'
import { BatchBuilder } from '../../columnar/batch-builder.js'
import { hashRows } from '../../columnar/hash.js'
import { readValue } from '../../columnar/value.js'
import type { Vector } from '../../columnar/vector.js'
import { identityPositions } from '../../state/growable.js'
import { KeyTable } from '../../state/key-table.js'
import { KeyedTables } from '../../state/keyed-tables.js'
import type { OperatorSnapshot, RestoredState, SnapshotRequest } from '../../state/snapshot.js'
import { rowtimes } from '../../time/rowtime.js'
import { hasRetractions } from '../changelog.js'
import { evaluationContext } from '../evaluation-context.js'
import { inTurns } from '../in-turns.js'
import { MAX_WATERMARK, NO_WATERMARK, type Operator, type OperatorContext, type Output } from '../operator.js'
import { DueQueue, type Due } from './due-queue.js'
import { MatchedRows, MatchValue } from './match-expressions.js'
import { MatchRows, MatchTable, restoreMatches } from './match-state.js'
import { PartialMatches, type Condition, type Link, type MatchRow, type SearchPlan } from './partial-matches.js'
import { patternStates } from './pattern-states.js'

/** List state: the subtask's watermark and key groups. */
const WATERMARK = 'watermark'
const WatermarkItemSchema = z.object({ watermark: z.number(), first: z.int(), last: z.int() })
/** Rows of one step of work. */
const STEP_ROWS = 256

interface Partition extends Due {
  readonly key: number
  readonly matches: PartialMatches
  /** Ids of rows that wait for the watermark. */
  waiting: number[]
  /** Time of the earliest of them. */
  firstWaiting: number
  /** Its matches are a row of their table. */
  stored: boolean
}

export class MatchOperator implements Operator {
  readonly #spec: SpecOf<'match-recognize'>
  readonly #input: Schema
  readonly #outputSchema: Schema
  readonly #plan: SearchPlan
  readonly #keys: KeyTable
  readonly #unpartitioned: boolean
  readonly #tables = new KeyedTables()
  readonly #rows: MatchRows
  readonly #matchTable: MatchTable
  readonly #partitions = new Map<number, Partition>()
  readonly #due = new DueQueue<Partition>()
  readonly #watermarks: number[] = []
  #out: BatchBuilder
  #conditions: readonly (MatchValue | undefined)[] = []
  #measures: readonly MatchValue[] = []
  #watermark = NO_WATERMARK
  #number = 1
  #timer: { readonly at: number; readonly cancel: () => void } | undefined
  #context!: OperatorContext
  #output!: Output

  constructor(spec: SpecOf<'match-recognize'>, input: Schema, output: Schema) {
    const { partition, pattern, skip, withinMs = Infinity } = spec
    this.#spec = spec
    this.#input = input
    this.#plan = { ...patternStates(pattern), skip, withinMs, names: pattern.map(({ name }) => name) }
    const keyTypes = partition.map((column) => input.fields[column]?.type as LogicalType)
    this.#unpartitioned = keyTypes.length === 0
    this.#keys = new KeyTable(keyTypes)
    this.#rows = new MatchRows(input, partition, this.#tables)
    const stored = (): Iterable<number> => [...this.#partitions.values()].filter((one) => one.stored).map(({ key }) => key)
    this.#matchTable = new MatchTable(keyTypes, this.#keys, this.#tables, (key) => this.#partition(key).matches, stored)
    this.#outputSchema = output
    this.#out = new BatchBuilder(output)
  }

  open(context: OperatorContext, output: Output): void {
    this.#context = context
    this.#output = output
    const expressions = evaluationContext(context)
    const value = (spec: ConstructorParameters<typeof MatchValue>[0]): MatchValue =>
      new MatchValue(spec, this.#input, this.#rows.store, expressions, this.#plan.names)
    this.#conditions = this.#spec.pattern.map(({ condition }) => (condition === undefined ? undefined : value(condition)))
    this.#measures = this.#spec.measures.map(value)
  }

  processBatch(batch: Batch): void {
    if (batch.length === 0) return
    if (hasRetractions(batch)) throw new Error('MATCH_RECOGNIZE takes insertions only')
    if (this.#spec.processingTime === true) return this.#processNow(batch)
    const all = rowtimes(batch, this.#spec.timeColumn)
    const kept: number[] = []
    for (let row = 0; row < all.length; row++) if ((all[row] as number) > this.#watermark) kept.push(row)
    if (kept.length < all.length) this.#context.countLate(all.length - kept.length)
    if (kept.length === 0) return
    const positions = Int32Array.from(kept, (row) => batch.position(row))
    const times = Float64Array.from(kept, (row) => all[row] as number)
    const keys = this.#assign(batch, positions, this.#spec.partition)
    const ids = this.#rows.add(batch.columns, positions, keys, times, this.#number)
    this.#number += ids.length
    for (let i = 0; i < ids.length; i++) this.#wait(keys[i] as number, ids[i] as number, times[i] as number)
  }

  processWatermark(watermark: number): void | Promise<void> {
    if (this.#spec.processingTime === true) return this.#output.emitWatermark(watermark)
    if (watermark > this.#watermark) this.#watermark = watermark
    this.#watermarks.push(watermark)
    // Work that is under way goes on with this one.
    if (this.#watermarks.length === 1) return inTurns(this.#workOff(), () => this.#context.nextTurn())
  }

  endInput(): void {
    // The last watermark came before, and no row waits any more.
  }

  close(): void {
    this.#timer?.cancel()
  }

  stateTables(): StateTableDescriptor[] {
    return this.#tables.descriptors()
  }

  snapshotState(request: SnapshotRequest): OperatorSnapshot {
    return {
      keyed: this.#tables.snapshot(request, this.#context.maxParallelism),
      lists: { [WATERMARK]: { mode: 'UNION', items: [{ watermark: this.#watermark, ...this.#context.keyGroups }] } },
    }
  }

  /** With the key groups of a subtask of the checkpoint this one goes on from its watermark, else from the lowest. */
  async restoreState(state: RestoredState): Promise<void> {
    const items = (state.lists[WATERMARK] ?? []).map((item) => WatermarkItemSchema.parse(item))
    const { first, last } = this.#context.keyGroups
    const own = items.filter((item) => item.first === first && item.last === last)
    const watermark = (own.length > 0 ? own : items).reduce((least, item) => Math.min(least, item.watermark), Infinity)
    // The last watermark of a drained savepoint ends that run, not this one.
    if (watermark < MAX_WATERMARK) this.#watermark = watermark
    const taken = new Map<number, Map<number, MatchRow>>()
    for await (const { table, batch } of state.keyed) {
      if (table === 'rows') this.#restoreRows(batch, taken)
      else this.#restoreMatches(batch, taken)
    }
    // Rows that wait are sorted when their time has come, by number where nothing else decides.
    for (const partition of this.#partitions.values()) this.#schedule(partition)
    if (this.#spec.processingTime === true) this.#setTimer()
  }

  checkpointComplete(checkpointId: number): void {
    this.#tables.checkpointComplete(checkpointId)
  }

  checkpointAborted(checkpointId: number): void {
    this.#tables.checkpointAborted(checkpointId)
  }

  #restoreRows(batch: Batch, taken: Map<number, Map<number, MatchRow>>): void {
    const positions = identityPositions(batch.length).subarray(0, batch.length)
    const keys = this.#assign(batch, positions, this.#spec.partition)
    for (const { id, key, number, time, taken: isTaken } of this.#rows.restore(batch, keys)) {
      this.#number = Math.max(this.#number, number + 1)
      if (!isTaken) {
        this.#wait(key, id, time)
        continue
      }
      const rows = taken.get(key) ?? new Map<number, MatchRow>()
      taken.set(key, rows.set(number, { id, number, time, uses: 0 }))
    }
  }

  #restoreMatches(batch: Batch, taken: Map<number, Map<number, MatchRow>>): void {
    const keys = this.#assign(
      batch,
      identityPositions(batch.length).subarray(0, batch.length),
      this.#spec.partition.map((_, i) => i),
    )
    for (let row = 0; row < batch.length; row++) {
      const partition = this.#partition(keys[row] as number)
      const rows = taken.get(partition.key)
      restoreMatches(partition.matches, batch, row, (number) => {
        const found = rows?.get(number)
        if (found === undefined) throw new Error(`state of MATCH_RECOGNIZE: row ${number} of a match is not there`)
        return found
      })
      partition.stored = true
    }
  }

  /** Ids of the partitions of the rows at these positions. */
  #assign(batch: Batch, positions: Int32Array, columns: readonly number[]): Int32Array {
    const keys = new Int32Array(positions.length)
    const hashes = hashRows(batch.select(positions), columns)
    this.#keys.assign(batch, columns, positions, positions.length, hashes, keys)
    return keys
  }

  #partition(key: number): Partition {
    let partition = this.#partitions.get(key)
    if (partition === undefined) {
      const matches = new PartialMatches(this.#plan, ({ id }) => this.#rows.remove(id))
      partition = { key, matches, waiting: [], firstWaiting: Infinity, stored: false, due: Infinity }
      this.#partitions.set(key, partition)
    }
    return partition
  }

  #wait(key: number, id: number, time: number): void {
    const partition = this.#partition(key)
    partition.waiting.push(id)
    if (time >= partition.firstWaiting) return
    partition.firstWaiting = time
    this.#schedule(partition)
  }

  #schedule(partition: Partition): void {
    this.#due.put(partition, Math.min(partition.firstWaiting, partition.matches.expiresAt))
  }

  *#workOff(): Generator<void, void> {
    for (let watermark = this.#watermarks[0]; watermark !== undefined; watermark = this.#watermarks[0]) {
      for (let partition = this.#due.take(watermark); partition !== undefined; partition = this.#due.take(watermark)) {
        yield* this.#lookAt(partition, watermark)
        this.#schedule(partition)
        this.#forgetIfEmpty(partition)
      }
      this.#flush()
      this.#output.emitWatermark(watermark)
      this.#watermarks.shift()
    }
  }

  /** The partition's rows up to the watermark, in their order. */
  *#lookAt(partition: Partition, watermark: number): Generator<void, void> {
    const rows = this.#rows
    const due = partition.waiting.filter((id) => rows.timeOf(id) <= watermark).sort((a, b) => this.#compare(a, b))
    partition.waiting = partition.waiting.filter((id) => rows.timeOf(id) > watermark)
    partition.firstWaiting = partition.waiting.reduce((least, id) => Math.min(least, rows.timeOf(id)), Infinity)
    this.#beforeChange(partition)
    let steps = 0
    for (const id of due) {
      this.#next(partition, id, rows.timeOf(id))
      if (++steps % STEP_ROWS > 0) continue
      this.#afterChange(partition)
      yield
      this.#beforeChange(partition)
    }
    // At the end of all input nothing comes any more, and the last rows' time stands for the moment.
    partition.matches.advance(watermark === MAX_WATERMARK ? Infinity : watermark, (last) => {
      this.#emit(last, watermark === MAX_WATERMARK ? last.row.time : watermark)
    })
    this.#afterChange(partition)
  }

  #next(partition: Partition, id: number, time: number): void {
    const row: MatchRow = { id, number: this.#number++, time, uses: 0 }
    const found = (last: Link): void => this.#emit(last, time)
    const meets: Condition = (variable, last) => {
      const condition = this.#conditions[variable]
      return condition === undefined || condition.of(new MatchedRows(last), { row, variable }, time) === true
    }
    // Held while it is looked at, whatever comes of it.
    row.uses++
    partition.matches.advance(time, found)
    partition.matches.next(row, meets, found)
    if (--row.uses === 0) this.#rows.remove(id)
    else this.#rows.take(row)
  }

  #emit(last: Link, time: number): void {
    const matched = new MatchedRows(last)
    const id = Int32Array.of(last.row.id)
    const values: Value[] = this.#spec.partition.map((column) => readValue(this.#rows.store.column(column, id, 1) as Vector, 0))
    for (const measure of this.#measures) values.push(measure.of(matched, undefined, time))
    this.#out.appendRow(values)
    if (this.#out.length >= BATCH_CAPACITY) this.#flush()
  }

  #flush(): void {
    if (this.#out.length === 0) return
    const full = this.#out
    this.#out = new BatchBuilder(this.#outputSchema, BATCH_CAPACITY, full)
    this.#output.collect(full.finish())
  }

  /** By time, then by the columns of `order`, then as they came. */
  #compare(a: number, b: number): number {
    const rows = this.#rows
    const byTime = rows.timeOf(a) - rows.timeOf(b)
    if (byTime !== 0) return byTime
    for (const { column, ascending, nullsFirst } of this.#spec.order) {
      const [nullA, nullB] = [rows.store.isNull(a, column), rows.store.isNull(b, column)]
      if (nullA || nullB) {
        if (nullA !== nullB) return nullA === nullsFirst ? -1 : 1
        continue
      }
      const order = rows.store.compareColumn(a, b, column)
      if (order !== 0) return ascending ? order : -order
    }
    return rows.numberOf(a) - rows.numberOf(b)
  }

  #processNow(batch: Batch): void {
    const now = this.#context.environment.clock.now()
    const positions = Int32Array.from({ length: batch.length }, (_, row) => batch.position(row))
    const keys = this.#assign(batch, positions, this.#spec.partition)
    const ids = this.#rows.add(batch.columns, positions, keys, new Float64Array(positions.length).fill(now), this.#number)
    this.#number += ids.length
    const touched = new Set<Partition>()
    for (const id of ids.sort((a, b) => this.#compare(a, b))) {
      const partition = this.#partition(this.#rows.keyOf(id))
      if (!touched.has(partition)) this.#beforeChange(partition)
      touched.add(partition)
      this.#next(partition, id, now)
    }
    this.#flush()
    for (const partition of touched) {
      this.#afterChange(partition)
      this.#schedule(partition)
      this.#forgetIfEmpty(partition)
    }
    this.#setTimer()
  }

  /** For matches of processing time that become too old. */
  #setTimer(): void {
    const at = this.#due.first
    if (at === Infinity || (this.#timer !== undefined && this.#timer.at <= at)) return
    this.#timer?.cancel()
    const { clock } = this.#context.environment
    const { cancel } = this.#context.schedule(Math.max(0, at - clock.now()), () => {
      this.#timer = undefined
      const now = clock.now()
      for (let partition = this.#due.take(now); partition !== undefined; partition = this.#due.take(now)) {
        this.#beforeChange(partition)
        partition.matches.advance(now, (last) => this.#emit(last, now))
        this.#afterChange(partition)
        this.#schedule(partition)
        this.#forgetIfEmpty(partition)
      }
      this.#flush()
      this.#setTimer()
    })
    this.#timer = { at, cancel }
  }

  /** Its matches are about to change: a snapshot under way may have to copy them first. */
  #beforeChange(partition: Partition): void {
    if (partition.stored) this.#matchTable.changes.touchOne(partition.key)
  }

  #afterChange(partition: Partition): void {
    const { key, stored, matches } = partition
    if (stored === !matches.empty) return
    partition.stored = !stored
    if (stored) this.#matchTable.changes.removeOne(key)
    else this.#matchTable.changes.touchOne(key)
  }

  #forgetIfEmpty(partition: Partition): void {
    if (partition.waiting.length > 0 || !partition.matches.empty) return
    this.#due.put(partition, Infinity)
    this.#partitions.delete(partition.key)
    if (!this.#unpartitioned) this.#keys.remove(partition.key)
  }
}

export function createMatch(spec: SpecOf<'match-recognize'>, inputs: readonly Schema[], output: Schema): Operator {
  return new MatchOperator(spec, inputs[0] as Schema, output)
}
