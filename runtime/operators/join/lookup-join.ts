/**
 * Lookup join in processing time: each row meets the rows that a table has when it comes. The table is bounded; each subtask reads it
 * whole when it starts (Flink's lookup.cache FULL), so that looking up takes no time and may be done anywhere.
 *
 * In:    any row kinds.   Out: left ++ table columns; the pair has the row's kind. LEFT: a row without a match has NULLs.
 * State: none. The table's rows count as state memory: what exceeds it lies on disk.
 * Time:  watermarks pass through.
 * @throws EXPRESSION_FAILED when the condition fails on a pair; what reading the table throws.
 * Source: Flink's LookupJoinRunner over a full cache.
 */
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { RowKind } from '#core/types/row-kind.js'
import type { Schema } from '#core/types/schema.js'
import { projectSchema } from '#core/types/schema.js'
import type { Batch } from '../../columnar/batch.js'
import { hashRows } from '../../columnar/hash.js'
import { compileCalc, compileCondition } from '../../expr/compile.js'
import { identityPositions } from '../../state/growable.js'
import { stateMemory } from '../../state/state-memory.js'
import { evaluationContext } from '../evaluation-context.js'
import type { Operator, OperatorContext, Output } from '../operator.js'
import { Candidates } from './candidates.js'
import { JoinOutput, type JoinedBatch } from './join-output.js'
import { COUNT, JoinState, keyIdsOf, NEXT, withKeys } from './join-side.js'
import { NO_ROW } from './padded-columns.js'

interface Pass extends JoinedBatch {
  /** The row being joined, and whether it has a match. */
  row: number
  matched: boolean
}

export class LookupJoinOperator implements Operator {
  readonly #spec: SpecOf<'lookup-join'>
  readonly #pairSchema: Schema
  readonly #read: (context: OperatorContext) => AsyncIterable<Batch>
  readonly #state: JoinState
  readonly #out: JoinOutput
  readonly #candidates: Candidates
  #pass: Pass | undefined
  #output!: Output

  /** `read`: all rows of the spec's table. */
  constructor(spec: SpecOf<'lookup-join'>, left: Schema, output: Schema, read: (context: OperatorContext) => AsyncIterable<Batch>) {
    this.#spec = spec
    this.#pairSchema = { fields: [...left.fields, ...spec.rows.fields] }
    this.#read = read
    this.#state = new JoinState(spec, left, spec.rows)
    this.#out = new JoinOutput(output, left.fields.length, true)
    this.#candidates = new Candidates(this.#pairSchema, (row, id) => this.#match(row, id))
  }

  async open(context: OperatorContext, output: Output): Promise<void> {
    const { condition, calcs, table } = this.#spec
    const evaluation = evaluationContext(context)
    this.#output = output
    this.#out.open(output)
    this.#candidates.open(condition === undefined ? undefined : compileCondition(condition, this.#pairSchema, evaluation))
    let inputSchema = projectSchema(table.schema, table.projection)
    const prepare = calcs.map(({ output: outputSchema, ...calc }) => {
      const run = compileCalc({ ...calc, inputSchema, outputSchema, context: evaluation })
      inputSchema = outputSchema
      return run
    })
    for await (const batch of this.#read(context)) {
      const prepared = prepare.reduce<Batch | undefined>((rows, run) => (rows === undefined ? undefined : run(rows)), batch)
      if (prepared !== undefined) this.#keep(prepared)
      stateMemory.trim()
    }
  }

  processBatch(batch: Batch): void {
    if (batch.length === 0) return
    const [own, table] = this.#state.sides
    const positions = batch.selection ?? identityPositions(batch.length)
    const keyIds = keyIdsOf(batch, own.keys, positions, (some, at, count, hashes) => {
      const ids = new Int32Array(count)
      this.#state.keys.assign(some, own.keys, at, count, hashes, ids, false)
      return ids
    })
    const pass: Pass = { rows: batch, input: 0, positions, otherStore: table.store, row: 0, matched: false }
    this.#pass = pass
    for (let row = 0; row < batch.length; row++) {
      const key = keyIds[row] as number
      if (key < 0) continue
      for (let entry = this.#state.chains.head(key, 1); entry !== 0; entry = table.store.extra(entry - 1, NEXT)) {
        this.#candidates.add(pass, row, entry - 1)
      }
    }
    this.#candidates.test(pass)
    this.#finishUntil(pass, batch.length)
    this.#out.flush(pass)
    this.#pass = undefined
  }

  processWatermark(watermark: number): void {
    this.#output.emitWatermark(watermark)
  }

  endInput(): void {
    // Nothing is held back.
  }

  #keep(batch: Batch): void {
    const side = this.#state.sides[1]
    const rows = withKeys(batch, side.keys)
    if (rows.length === 0) return
    const positions = rows.selection ?? identityPositions(rows.length)
    const keyIds = this.#state.assignKeys(rows, side, positions, rows.length, hashRows(rows, side.keys))
    const ids = new Int32Array(rows.length)
    side.store.addRows(rows.columns, positions, rows.length, ids)
    for (let row = 0; row < rows.length; row++) {
      side.store.setExtra(ids[row] as number, COUNT, 1)
      side.append(keyIds[row] as number, ids[row] as number)
    }
  }

  #match(row: number, id: number): void {
    const pass = this.#pass as Pass
    this.#finishUntil(pass, row)
    pass.matched = true
    this.#emit(pass, row, id)
  }

  #finishUntil(pass: Pass, end: number): void {
    for (; pass.row < end; pass.row++, pass.matched = false) {
      if (!pass.matched && this.#spec.joinType === 'left') this.#emit(pass, pass.row, NO_ROW)
    }
  }

  #emit(pass: Pass, row: number, id: number): void {
    const position = pass.positions[row] as number
    this.#out.add(pass, position, id, pass.rows.rowKind(position) as RowKind, 1)
  }
}
