/**
 * Temporal join by event time: each left row meets the version of the right row that held at its time, as its history was told until then.
 *
 * In:    0 left: any row kinds; 1 right: versions of rows, of which -U says nothing and -D ends a row at its time.
 * Out:   left ++ right columns with the kind of the left row, in order of the left rows' times; of a left join also rows without a version.
 * State: left rows until the watermark (rows-by-time.ts); of each right key its versions since the watermark and the one before (versions.ts).
 * Time:  left rows come out when the watermark reaches their time, then it passes on. A left row that is late comes out with the next watermark
 *        and meets a version only if that still held at the watermark. A very large number of rows is emitted in several turns; what comes
 *        meanwhile waits.
 * @throws ROWTIME_IS_NULL; EXPRESSION_FAILED when the condition fails on a pair.
 * Source: Flink's TemporalRowTimeJoinOperator.
 */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { Schema } from '#core/types/schema.js'
import { BATCH_CAPACITY, type Batch } from '../../columnar/batch.js'
import { compileCondition } from '../../expr/compile.js'
import { identityPositions } from '../../state/growable.js'
import { KeyedTables } from '../../state/keyed-tables.js'
import type { OperatorSnapshot, RestoredState, SnapshotRequest } from '../../state/snapshot.js'
import { rowtimes } from '../../time/rowtime.js'
import { evaluationContext } from '../evaluation-context.js'
import { inTurns } from '../in-turns.js'
import { MAX_WATERMARK, NO_WATERMARK, type Operator, type OperatorContext, type Output } from '../operator.js'
import { Candidates } from './candidates.js'
import { JoinOutput, type JoinedBatch } from './join-output.js'
import { NO_ROW } from './padded-columns.js'
import { RowsByTime } from './rows-by-time.js'
import { Versions } from './versions.js'

/** List state: watermarks of all subtasks. */
const WATERMARK = 'watermark'

type Waiting = { readonly batch: Batch; readonly input: number } | { readonly watermark: number }

interface Pass extends JoinedBatch {
  /** The row that is being joined; and whether it has met a version. */
  row: number
  matched: boolean
}

export class TemporalJoinOperator implements Operator {
  readonly #spec: SpecOf<'temporal-join'>
  readonly #pairSchema: Schema
  readonly #tables = new KeyedTables()
  readonly #left: RowsByTime
  readonly #right: Versions
  readonly #out: JoinOutput
  readonly #candidates: Candidates
  /** While rows are being emitted: what has come since, in order. */
  readonly #waiting: Waiting[] = []
  #emitting = false
  #watermark = NO_WATERMARK
  #pass: Pass | undefined
  #context!: OperatorContext
  #output!: Output

  constructor(spec: SpecOf<'temporal-join'>, left: Schema, right: Schema, output: Schema) {
    this.#spec = spec
    this.#pairSchema = { fields: [...left.fields, ...right.fields] }
    this.#left = new RowsByTime(left, spec.leftKeys, spec.leftTime, this.#tables)
    this.#right = new Versions(right, spec.rightKeys, spec.rightTime, this.#tables)
    this.#out = new JoinOutput(output, left.fields.length, true)
    this.#candidates = new Candidates(this.#pairSchema, (row, id) => this.#match(row, id))
  }

  open(context: OperatorContext, output: Output): void {
    const { condition } = this.#spec
    this.#context = context
    this.#output = output
    this.#out.open(output)
    this.#candidates.open(condition === undefined ? undefined : compileCondition(condition, this.#pairSchema, evaluationContext(context)))
  }

  processBatch(batch: Batch, input: number): void {
    if (batch.length === 0) return
    if (this.#emitting) this.#waiting.push({ batch, input })
    else this.#take(batch, input)
  }

  processWatermark(watermark: number): void | Promise<void> {
    if (this.#emitting) return void this.#waiting.push({ watermark })
    if (watermark < this.#left.firstTime) {
      if (watermark > this.#watermark) this.#watermark = watermark
      return this.#output.emitWatermark(watermark)
    }
    this.#emitting = true
    this.#waiting.push({ watermark })
    return inTurns(this.#workOff(), () => this.#context.nextTurn())
  }

  endInput(): void {
    // The last watermark came before: no row waits.
  }

  stateTables(): StateTableDescriptor[] {
    return this.#tables.descriptors()
  }

  snapshotState(request: SnapshotRequest): OperatorSnapshot {
    return {
      keyed: this.#tables.snapshot(request, this.#context.maxParallelism),
      lists: { [WATERMARK]: { mode: 'UNION', items: [this.#watermark] } },
    }
  }

  async restoreState(state: RestoredState): Promise<void> {
    const watermark = (state.lists[WATERMARK] ?? []).filter((item) => typeof item === 'number').reduce((a, b) => Math.min(a, b), Infinity)
    // The last watermark of a drained savepoint ends that run, not this one.
    if (watermark < MAX_WATERMARK) this.#watermark = watermark
    const [rows] = this.stateTables()
    for await (const { table, batch } of state.keyed) {
      if (table === rows?.name) this.#left.restore(batch)
      else this.#right.restore(batch)
    }
  }

  checkpointComplete(checkpointId: number): void {
    this.#tables.checkpointComplete(checkpointId)
  }

  checkpointAborted(checkpointId: number): void {
    this.#tables.checkpointAborted(checkpointId)
  }

  #take(batch: Batch, input: number): void {
    if (input === 0) this.#left.add(batch)
    else this.#right.add(batch, this.#watermark)
  }

  *#workOff(): Generator<void, void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if ('batch' in next) {
        this.#take(next.batch, next.input)
        continue
      }
      for (
        let rows = this.#left.take(next.watermark, BATCH_CAPACITY);
        rows !== undefined;
        rows = this.#left.take(next.watermark, BATCH_CAPACITY)
      ) {
        this.#join(rows)
        yield
      }
      if (next.watermark > this.#watermark) this.#watermark = next.watermark
      this.#output.emitWatermark(next.watermark)
    }
    this.#emitting = false
  }

  #join(rows: Batch): void {
    const { leftKeys, leftTime } = this.#spec
    const versions = this.#right.find(rows, leftKeys, rowtimes(rows, leftTime), this.#watermark)
    const pass: Pass = {
      rows,
      input: 0,
      positions: identityPositions(rows.length),
      otherStore: this.#right.store,
      row: 0,
      matched: false,
    }
    this.#pass = pass
    versions.forEach((id, row) => {
      if (id >= 0) this.#candidates.add(pass, row, id)
    })
    this.#candidates.test(pass)
    this.#finishUntil(pass, rows.length)
    this.#out.flush(pass)
    this.#pass = undefined
  }

  #match(row: number, id: number): void {
    const pass = this.#pass as Pass
    this.#finishUntil(pass, row)
    pass.matched = true
    this.#out.add(pass, row, id, pass.rows.rowKind(row), 1)
  }

  /** What the rows before `end` meet is known. */
  #finishUntil(pass: Pass, end: number): void {
    for (; pass.row < end; pass.row++, pass.matched = false) {
      if (!pass.matched && this.#spec.joinType === 'left') this.#out.add(pass, pass.row, NO_ROW, pass.rows.rowKind(pass.row), 1)
    }
  }
}

export function createTemporalJoin(spec: SpecOf<'temporal-join'>, inputs: readonly Schema[], output: Schema): Operator {
  return new TemporalJoinOperator(spec, inputs[0] as Schema, inputs[1] as Schema, output)
}
