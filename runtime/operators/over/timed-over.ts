/**
 * OVER ordered by time, over frames that end at the row.
 *
 * In:    insertions.   Out: the input's columns, then one per call, +I.
 *        'rowtime': a row comes out when the watermark has passed its time, rows in the order of time; late ones are dropped and counted.
 *        'processing-time': at once. With RANGE, rows of one time (of one batch and ms) see each other.
 * State: rows that wait for the watermark; aggregates by partition; of a bounded frame the rows in it, in a list per partition and one of all; with
 *        LAG the last rows of each partition. What no later row can see goes: with RANGE as the watermark rises.
 * Order: rows of the same time as they came.
 * Time:  the watermark passes on behind the rows it lets out; a great many of them take several turns.
 * @throws ROWTIME_IS_NULL
 * Source: Flink's RowTime…PrecedingFunction, ProcTime…PrecedingFunction. Late is what the watermark has passed, also with bounded frames.
 */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import type { AggregateCall, OverCall, SpecOf } from '#core/graph/operator-spec.js'
import { BIGINT, INT, notNull } from '#core/types/logical-type.js'
import { RowKind } from '#core/types/row-kind.js'
import type { Schema } from '#core/types/schema.js'
import * as z from '#core/zod.js'
import { Batch, BATCH_CAPACITY } from '../../columnar/batch.js'
import { hashRows } from '../../columnar/hash.js'
import type { Int32Vector, Int64Vector, Vector } from '../../columnar/vector.js'
import type { ChangedRows } from '../../state/changed-rows.js'
import { identityPositions } from '../../state/growable.js'
import { KeyedTables } from '../../state/keyed-tables.js'
import { OrderedRows, TREE_WORDS } from '../../state/ordered-rows.js'
import { RowStore } from '../../state/row-store.js'
import type { OperatorSnapshot, RestoredState, SnapshotRequest } from '../../state/snapshot.js'
import { rowtimes } from '../../time/rowtime.js'
import { GroupedAggregation, RestoredGroups } from '../aggregate/grouped-aggregation.js'
import { hasRetractions, takeVector } from '../changelog.js'
import { inTurns } from '../in-turns.js'
import { MAX_WATERMARK, NO_WATERMARK, type Operator, type OperatorContext, type Output } from '../operator.js'
import { isAggregate, isPick } from './partition-results.js'
import { NO_PLACE, pickedColumn, pickPlaces } from './places.js'
import { RowLists } from './row-lists.js'

/**
 * Extra words of a row: 1 once it has come out; its time; its place in the order of arrival at its subtask. Rows of several subtasks may have the
 * same one: the tree's sequence numbers are made anew when rows are restored.
 */
const DONE = TREE_WORDS
const TIME = TREE_WORDS + 1
const ARRIVAL = TREE_WORDS + 3
const EXTRA_WORDS = TREE_WORDS + 5
const STORED_FIELDS = [
  { name: '$sequence', type: notNull(BIGINT) },
  { name: '$done', type: notNull(INT) },
  { name: '$time', type: notNull(BIGINT) },
]
/** List state of all subtasks: their watermarks and key groups. */
const WATERMARK = 'watermark'
const WatermarkItemSchema = z.object({ watermark: z.number(), first: z.int(), last: z.int() })

export class TimedOverOperator implements Operator {
  readonly #spec: SpecOf<'over'>
  readonly #input: Schema
  readonly #outputSchema: Schema
  /** Computed by the aggregation: all aggregates, and first and last values where no row leaves the frame. */
  readonly #aggregates: readonly AggregateCall[]
  readonly #isAggregated: (call: OverCall) => boolean
  /** Rows before the current one in a frame of ROWS; ms before it of RANGE; null: all. */
  readonly #preceding: number | null
  /** Each row sees those before it, not its peers. */
  readonly #byRow: boolean
  /** Rows that a partition keeps for LAG. */
  readonly #lagged: number
  readonly #aggregation: GroupedAggregation
  readonly #store: RowStore
  readonly #order: OrderedRows
  /** Rows that have come out and may be seen again. */
  readonly #lists: RowLists
  readonly #tables = new KeyedTables()
  readonly #changes: ChangedRows
  /** Tree of the rows that wait. */
  #root = 0
  #sequence = 0
  #watermark = NO_WATERMARK
  /** While rows are being emitted: what has come since, in order. */
  readonly #waiting: (Batch | number)[] = []
  #emitting = false
  #context!: OperatorContext
  #output!: Output

  constructor(spec: SpecOf<'over'>, input: Schema, output: Schema) {
    const { partition, frame, calls } = spec
    this.#spec = spec
    this.#input = input
    this.#outputSchema = output
    this.#preceding = frame.start === null ? null : -frame.start
    this.#byRow = frame.unit === 'ROWS' || (spec.output === 'processing-time' && this.#preceding === null)
    this.#lagged = Math.max(0, ...calls.map((call) => (call.function === 'LAG' ? (call.offset as number) : 0)))
    this.#isAggregated = (call) => isAggregate(call) || (this.#preceding === null && call.function !== 'LAG')
    this.#aggregates = calls.filter(this.#isAggregated) as AggregateCall[]
    this.#aggregation = new GroupedAggregation(input, partition, this.#aggregates, this.#preceding !== null)
    const types = input.fields.map(({ type }) => type)
    this.#store = new RowStore(types, EXTRA_WORDS)
    this.#order = new OrderedRows(this.#store, spec.output === 'rowtime' ? spec.order : [])
    const lags = calls.some((call) => call.function === 'LAG')
    const byPartition = this.#preceding === null ? lags : frame.unit === 'ROWS' || calls.some(isPick)
    this.#lists = new RowLists(input, partition, this.#store, { all: this.#keepsByTime, byPartition })
    const keyed = partition.length > 0
    this.#changes = this.#tables.add({
      descriptor: { name: 'rows', schema: { fields: [...input.fields, ...STORED_FIELDS] }, version: 1 },
      liveBits: () => this.#store.liveBits(),
      read: (ids, count) => this.#read(ids, count),
      hashes: keyed ? (_ids, count, columns) => hashRows(new Batch(input, columns.slice(0, types.length), count), partition) : undefined,
    })
    this.#aggregation.track(
      this.#aggregation.tables.map(({ name, schema, rows }) =>
        this.#tables.add({ ...rows, descriptor: { name, schema, version: 1 }, hashes: keyed ? rows.hashes : undefined }),
      ),
    )
  }

  open(context: OperatorContext, output: Output): void {
    this.#context = context
    this.#output = output
  }

  processBatch(batch: Batch): void {
    if (batch.length === 0) return
    if (hasRetractions(batch)) throw new Error('OVER ordered by time takes insertions only')
    if (this.#emitting) this.#waiting.push(batch)
    else this.#accept(batch)
  }

  processWatermark(watermark: number): void | Promise<void> {
    if (this.#emitting) return void this.#waiting.push(watermark)
    this.#emitting = true
    this.#waiting.push(watermark)
    return inTurns(this.#workOff(), () => this.#context.nextTurn())
  }

  endInput(): void {
    // The last watermark came before and has let all rows out.
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

  /** With the key groups of a subtask of the checkpoint this one goes on from its watermark; else from the lowest. */
  async restoreState(state: RestoredState): Promise<void> {
    const items = (state.lists[WATERMARK] ?? []).map((item) => WatermarkItemSchema.parse(item))
    const { first, last } = this.#context.keyGroups
    const own = items.filter((item) => item.first === first && item.last === last)
    const watermark = (own.length > 0 ? own : items).reduce((least, item) => Math.min(least, item.watermark), Infinity)
    // The last watermark of a drained savepoint ends that run, not this one.
    if (watermark < MAX_WATERMARK) this.#watermark = watermark
    const names = this.stateTables().map(({ name }) => name)
    const groups = new RestoredGroups()
    const restored: number[] = []
    for await (const { handle, table, batch, ids } of state.keyed) {
      const index = names.indexOf(table)
      if (index > 0) this.#aggregation.restore(index - 1, handle, batch, ids, groups)
      else this.#restoreRows(batch, restored)
    }
    const arrival = (id: number): number => this.#number(id, ARRIVAL)
    restored.sort((a, b) => this.#timeOf(a) - this.#timeOf(b) || arrival(a) - arrival(b))
    const done: number[] = []
    for (const [i, id] of restored.entries()) {
      if (this.#store.extra(id, DONE) === 1) done.push(id)
      else {
        this.#order.setSequence(id, i)
        this.#root = this.#order.insert(this.#root, id)
      }
    }
    this.#sequence = Math.max(this.#sequence, restored.length)
    for (let from = 0; from < done.length; from += BATCH_CAPACITY) {
      const some = Int32Array.from(done.slice(from, from + BATCH_CAPACITY))
      const places = this.#lists.locate(some)
      some.forEach((id, i) => this.#lists.append(id, places?.[i]))
      this.#lists.release()
    }
  }

  checkpointComplete(checkpointId: number): void {
    this.#tables.checkpointComplete(checkpointId)
  }

  checkpointAborted(checkpointId: number): void {
    this.#tables.checkpointAborted(checkpointId)
  }

  #restoreRows(batch: Batch, restored: number[]): void {
    const { length } = batch
    const columns = this.#input.fields.length
    const ids = new Int32Array(length)
    this.#store.addRows(batch.columns.slice(0, columns), identityPositions(length), length, ids)
    const sequences = (batch.columns[columns] as Int64Vector).values
    const dones = (batch.columns[columns + 1] as Int32Vector).values
    const times = (batch.columns[columns + 2] as Int64Vector).values
    for (let row = 0; row < length; row++) {
      const id = ids[row] as number
      const arrival = Number(sequences[row])
      this.#setNumber(id, ARRIVAL, arrival)
      this.#sequence = Math.max(this.#sequence, arrival + 1)
      this.#setNumber(id, TIME, Number(times[row]))
      this.#store.setExtra(id, DONE, dones[row] as number)
      restored.push(id)
    }
  }

  *#workOff(): Generator<void, void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (typeof next === 'number') yield* this.#advance(next)
      else this.#accept(next)
    }
    this.#emitting = false
  }

  /** Keeps the rows until their time, or lets them out at once. */
  #accept(batch: Batch): void {
    const rowtime = this.#spec.output === 'rowtime'
    const now = this.#context.environment.clock.now()
    const times = rowtime ? rowtimes(batch, this.#spec.order[0]?.column as number) : new Float64Array(batch.length).fill(now)
    const kept: number[] = []
    for (let row = 0; row < batch.length; row++) if (!rowtime || (times[row] as number) > this.#watermark) kept.push(row)
    if (kept.length < batch.length) this.#context.countLate(batch.length - kept.length)
    if (kept.length === 0) return
    const ids = new Int32Array(kept.length)
    this.#store.addRows(
      batch.columns,
      Int32Array.from(kept, (row) => batch.position(row)),
      kept.length,
      ids,
    )
    this.#changes.touch(ids, ids.length, this.#store.idLimit)
    kept.forEach((row, i) => {
      const id = ids[i] as number
      this.#setNumber(id, ARRIVAL, this.#sequence)
      this.#order.setSequence(id, this.#sequence++)
      this.#setNumber(id, TIME, times[row] as number)
      if (rowtime) this.#root = this.#order.insert(this.#root, id)
    })
    if (rowtime) return
    this.#letOut(ids)
    if (this.#keepsByTime) this.#expireAtOnce(now - (this.#preceding as number))
  }

  *#advance(watermark: number): Generator<void, void> {
    if (this.#spec.output === 'rowtime') {
      if (watermark > this.#watermark) this.#watermark = watermark
      for (let due = this.#takeDue(watermark); due.length > 0; due = this.#takeDue(watermark)) {
        this.#letOut(due)
        yield
      }
      // Rows to come are later than the watermark.
      if (this.#keepsByTime) yield* this.#expire(watermark === MAX_WATERMARK ? Infinity : watermark + 1 - (this.#preceding as number))
    }
    this.#output.emitWatermark(watermark)
  }

  get #keepsByTime(): boolean {
    return this.#preceding !== null && this.#spec.frame.unit === 'RANGE'
  }

  /** About a batch of rows that wait no longer, in order; rows of one time together. */
  #takeDue(watermark: number): Int32Array {
    const due: number[] = []
    for (let id = this.#order.first(this.#root); id >= 0; id = this.#order.first(this.#root)) {
      const time = this.#timeOf(id)
      if (time > watermark || (due.length >= BATCH_CAPACITY && time !== this.#timeOf(due.at(-1) as number))) break
      this.#root = this.#order.remove(this.#root, id)
      due.push(id)
    }
    return Int32Array.from(due)
  }

  /** Rows in order come out, with their results. What they make nobody see any more goes. */
  #letOut(ids: Int32Array): void {
    const gone = this.#preceding === null ? this.#letOutOfAll(ids) : this.#letOutOfSome(ids, this.#preceding)
    for (const id of gone) {
      this.#changes.removeOne(id)
      this.#store.remove(id)
    }
  }

  /** Frames that no row leaves. */
  #letOutOfAll(ids: Int32Array): number[] {
    const rows = ids.length
    const batch = new Batch(this.#input, this.#store.columns(ids, rows), rows)
    const places = this.#lists.locate(ids, batch)
    const changes = this.#aggregates.length === 0 ? undefined : this.#aggregation.accumulateWithChanges(batch)
    const groups = places ?? changes?.pass.ids ?? ids
    const seen = identityPositions(rows).slice(0, rows)
    if (!this.#byRow) this.#untilLastPeer(ids, groups, seen)
    const after = seen.map((row) => 2 * row + 1)
    const aggregates = (changes?.results ?? []).map((result) => takeVector(result, after))
    const picks = places === undefined ? [] : this.#lagging(ids, places, seen)
    this.#emit(ids, aggregates, picks)
    if (places === undefined) return [...ids]
    const gone: number[] = []
    for (let row = 0; row < rows; row++) {
      const place = places[row] as number
      this.#keep(ids[row] as number, place)
      if (this.#lists.sizeOf(place) > this.#lagged) gone.push(this.#lists.takeFirst(place))
    }
    this.#lists.release()
    return gone
  }

  /** The last row of the same group and time, by row. */
  #untilLastPeer(ids: Int32Array, groups: Int32Array, seen: Int32Array): void {
    const last = new Map<number, number>()
    let time = NaN
    for (let row = ids.length - 1; row >= 0; row--) {
      const own = this.#timeOf(ids[row] as number)
      if (own !== time) last.clear()
      time = own
      const group = groups[row] as number
      const known = last.get(group)
      if (known === undefined) last.set(group, row)
      else seen[row] = known
    }
  }

  /** LAG counts back from the last row that a row sees, as in Flink. */
  #lagging(ids: Int32Array, places: Int32Array, seen: Int32Array): Vector[] {
    const sequences = new Map<number, number[]>()
    const at = new Int32Array(ids.length)
    for (let row = 0; row < ids.length; row++) {
      const place = places[row] as number
      let sequence = sequences.get(place)
      if (sequence === undefined) sequences.set(place, (sequence = this.#lists.rowsOf(place)))
      at[row] = sequence.push(ids[row] as number) - 1
    }
    return this.#spec.calls.flatMap((call) => {
      if (this.#isAggregated(call)) return []
      const from = seen.map((row, i) => sequences.get(places[i] as number)?.[(at[row] as number) - (call.offset as number)] ?? NO_PLACE)
      return [pickedColumn(call, this.#store, from, ids)]
    })
  }

  /** Frames that rows leave: those gained and lost go to the aggregation in one sequence of insertions and deletions. */
  #letOutOfSome(ids: Int32Array, preceding: number): number[] {
    const rows = ids.length
    const [firstTime, lastTime] = [this.#timeOf(ids[0] as number), this.#timeOf(ids[rows - 1] as number)]
    const byTime = this.#keepsByTime
    if (byTime) this.#expireAtOnce(firstTime - preceding)
    const leaving = byTime ? this.#lists.before((id) => this.#timeOf(id) < lastTime - preceding) : []
    const located = this.#lists.locate(Int32Array.from([...ids, ...leaving]))
    const placeOf = new Map(leaving.map((id, i) => [id, located?.[rows + i]] as const))
    ids.forEach((id, row) => placeOf.set(id, located?.[row]))
    const listed = located !== undefined
    const gone: number[] = []
    const changed: number[] = []
    const kinds: number[] = []
    /** By row: its change; and the ids of its frame, from the first to the last. */
    const own = new Int32Array(rows)
    const frames = new FrameRows(this.#spec.calls.some(isPick) ? this.#lists : undefined)
    const lose = (id: number): void => {
      changed.push(id)
      kinds.push(RowKind.DELETE)
      gone.push(id)
    }
    for (let from = 0, end = 0; from < rows; from = end) {
      const time = this.#timeOf(ids[from] as number)
      end = from + 1
      if (byTime) {
        while (end < rows && this.#timeOf(ids[end] as number) === time) end++
        for (let id = this.#lists.first(); id >= 0 && this.#timeOf(id) < time - preceding; id = this.#lists.first()) {
          const place = placeOf.get(id)
          frames.lose(place)
          this.#lists.takeOldest(place)
          lose(id)
        }
      }
      for (let row = from; row < end; row++) {
        const id = ids[row] as number
        const place = located?.[row]
        own[row] = changed.length
        changed.push(id)
        kinds.push(RowKind.INSERT)
        frames.gain(id, place)
        this.#keep(id, place)
        if (byTime || !listed || this.#lists.sizeOf(place as number) <= preceding + 1) continue
        frames.lose(place)
        lose(this.#lists.takeFirst(place as number))
        own[row] = changed.length - 1
      }
      for (let row = from; row < end; row++) frames.note(located?.[row])
    }
    const changes = Int32Array.from(changed)
    let aggregates: Vector[] = []
    if (this.#aggregates.length > 0) {
      const columns = this.#store.columns(changes, changes.length)
      const batch = new Batch(this.#input, columns, changes.length, undefined, Uint8Array.from(kinds))
      const { results, pass } = this.#aggregation.accumulateWithChanges(batch)
      const seen = identityPositions(rows).slice(0, rows)
      if (byTime)
        this.#untilLastPeer(
          ids,
          own.map((change) => pass.ids[change] as number),
          seen,
        )
      const after = seen.map((row) => 2 * (own[row] as number) + 1)
      aggregates = results.map((result) => takeVector(result, after))
    }
    const picks = this.#spec.calls.flatMap((call) => (this.#isAggregated(call) ? [] : [frames.pick(call, this.#store, ids)]))
    this.#emit(ids, aggregates, picks)
    this.#lists.release()
    return gone
  }

  /** The row has come out and may be seen again. */
  #keep(id: number, place: number | undefined): void {
    this.#changes.touchOne(id)
    this.#store.setExtra(id, DONE, 1)
    this.#lists.append(id, place)
  }

  #expireAtOnce(time: number): void {
    const work = this.#expire(time)
    while (work.next().done !== true);
  }

  /** Forgets rows of before that time, in all partitions. */
  *#expire(time: number): Generator<void, void> {
    for (;;) {
      const gone = Int32Array.from(this.#lists.before((id) => this.#timeOf(id) < time, BATCH_CAPACITY))
      if (gone.length === 0) return
      const places = this.#lists.locate(gone)
      for (let i = 0; i < gone.length; i++) this.#lists.takeOldest(places?.[i])
      this.#lists.release()
      const kinds = new Uint8Array(gone.length).fill(RowKind.DELETE)
      const batch = new Batch(this.#input, this.#store.columns(gone, gone.length), gone.length, undefined, kinds)
      if (this.#aggregates.length > 0) this.#aggregation.accumulate(batch)
      for (const id of gone) {
        this.#changes.removeOne(id)
        this.#store.remove(id)
      }
      yield
    }
  }

  #emit(ids: Int32Array, aggregates: readonly Vector[], picks: readonly Vector[]): void {
    let [aggregate, pick] = [0, 0]
    const results = this.#spec.calls.map((call) => (this.#isAggregated(call) ? aggregates[aggregate++] : picks[pick++]) as Vector)
    for (let from = 0; from < ids.length; from += BATCH_CAPACITY) {
      const some = ids.slice(from, from + BATCH_CAPACITY)
      const count = some.length
      const positions = identityPositions(from + count).slice(from, from + count)
      const columns = [...this.#store.columns(some, count), ...results.map((result) => takeVector(result, positions))]
      this.#output.collect(new Batch(this.#outputSchema, columns, count))
    }
  }

  #timeOf(id: number): number {
    return this.#number(id, TIME)
  }

  #number(id: number, word: number): number {
    return this.#store.extra(id, word + 1) * 4294967296 + (this.#store.extra(id, word) >>> 0)
  }

  #setNumber(id: number, word: number, value: number): void {
    this.#store.setExtra(id, word, (value % 4294967296) | 0)
    this.#store.setExtra(id, word + 1, Math.floor(value / 4294967296))
  }

  #read(ids: Int32Array, count: number): Vector[] {
    const sequences = new BigInt64Array(count)
    const times = new BigInt64Array(count)
    for (let i = 0; i < count; i++) {
      sequences[i] = BigInt(this.#number(ids[i] as number, ARRIVAL))
      times[i] = BigInt(this.#timeOf(ids[i] as number))
    }
    return [
      ...this.#store.columns(ids, count),
      { kind: 'int64', type: STORED_FIELDS[0]?.type as typeof BIGINT, nulls: undefined, values: sequences },
      { kind: 'int32', type: STORED_FIELDS[1]?.type as typeof INT, nulls: undefined, values: this.#store.extras(ids, count, DONE) },
      { kind: 'int64', type: STORED_FIELDS[2]?.type as typeof BIGINT, nulls: undefined, values: times },
    ]
  }
}

/** The frames of the rows that come out, as places in the rows of their partition; for first and last values. */
class FrameRows {
  readonly #lists: RowLists | undefined
  readonly #partitions = new Map<number, { ids: number[]; first: number; from: number[]; to: number[] }>()
  /** By row that came out: its partition, and its number there. */
  readonly #noted: { readonly place: number; readonly number: number }[] = []

  /** `lists`: absent, nobody asks. */
  constructor(lists: RowLists | undefined) {
    this.#lists = lists
  }

  gain(id: number, place: number | undefined): void {
    this.#of(place)?.ids.push(id)
  }

  lose(place: number | undefined): void {
    const partition = this.#of(place)
    if (partition !== undefined) partition.first++
  }

  /** A row of that partition comes out now. */
  note(place: number | undefined): void {
    const partition = this.#of(place)
    if (partition === undefined) return
    partition.from.push(partition.first)
    this.#noted.push({ place: place as number, number: partition.to.push(partition.ids.length) - 1 })
  }

  pick(call: OverCall, store: RowStore, own: Int32Array): Vector {
    const argument = call.args[0] as number
    const picked = new Map<number, Int32Array>()
    for (const [place, { ids, from, to }] of this.#partitions) {
      const places = new Int32Array(from.length)
      const bounds = { from: Int32Array.from(from), to: Int32Array.from(to) }
      pickPlaces(call, bounds, (at) => store.isNull(ids[at] as number, argument), places, 0, ids.length)
      picked.set(
        place,
        places.map((at) => (at === NO_PLACE ? NO_PLACE : (ids[at] as number))),
      )
    }
    const from = Int32Array.from(this.#noted, ({ place, number }) => picked.get(place)?.[number] as number)
    return pickedColumn(call, store, from, own)
  }

  #of(place: number | undefined): { ids: number[]; first: number; from: number[]; to: number[] } | undefined {
    if (this.#lists === undefined || place === undefined) return undefined
    let partition = this.#partitions.get(place)
    if (partition === undefined) this.#partitions.set(place, (partition = { ids: this.#lists.rowsOf(place), first: 0, from: [], to: [] }))
    return partition
  }
}
