/**
 * Groups and their aggregates, without any notion of when results are emitted: shared by group and window aggregation.
 *
 *   batch ─▶ key table: group id per row ─▶ row counts: flags ─▶ each call: weights (NULL, FILTER, DISTINCT) ─▶ accumulator
 */
import type { AggregateCall } from '#core/graph/operator-spec.js'
import type { LogicalType } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import type { Batch } from '../../columnar/batch.js'
import { hashRows } from '../../columnar/hash.js'
import type { BooleanVector, Vector } from '../../columnar/vector.js'
import { grown, identityPositions } from '../../state/growable.js'
import { KeyTable } from '../../state/key-table.js'
import { FIRST, IGNORED, VANISHED, type Accumulator, type RowPass } from './accumulator.js'
import { createAccumulator } from './create-accumulator.js'
import { DistinctFilter } from './distinct.js'

/** What a batch did to its groups. */
export interface GroupChanges {
  readonly pass: RowPass
  /** One column per call: the group's result before row r at 2r, after it at 2r + 1. */
  readonly results: readonly Vector[]
  /** 1 where a row changed some result. */
  readonly changed: Uint8Array
}

export class GroupedAggregation {
  readonly #keys: readonly number[]
  readonly #calls: readonly AggregateCall[]
  readonly #table: KeyTable
  readonly #accumulators: readonly Accumulator[]
  readonly #distinct: readonly (DistinctFilter | undefined)[]
  readonly #anyDistinct: boolean
  /** Rows added less rows taken away, by group; 0: the group does not exist. */
  #rows = new Float64Array(0)
  #incarnations = new Int32Array(0)
  #nextIncarnation = 0

  constructor(input: Schema, keys: readonly number[], calls: readonly AggregateCall[], retract: boolean) {
    const typeOf = (column: number): LogicalType => {
      const field = input.fields[column]
      if (field === undefined) throw new Error(`aggregate reads column ${column} of ${input.fields.length}`)
      return field.type
    }
    this.#keys = keys
    this.#calls = calls
    this.#table = new KeyTable(keys.map(typeOf))
    this.#accumulators = calls.map((call) => createAccumulator(call, input, retract))
    // MIN and MAX of a set are those of the rows.
    this.#distinct = calls.map((call) =>
      call.distinct && call.function !== 'MIN' && call.function !== 'MAX'
        ? new DistinctFilter(call.args, call.args.map(typeOf))
        : undefined,
    )
    this.#anyDistinct = this.#distinct.some((filter) => filter !== undefined)
  }

  /** Groups that exist. */
  get size(): number {
    return this.#table.size
  }

  /** Adds (+I, +U) and takes away (-U, -D) the rows, in order. */
  accumulate(batch: Batch): void {
    const pass = this.#locate(batch)
    this.#apply(pass, undefined)
    this.#removeVanished(pass)
  }

  /** The same, telling what each row changed. */
  accumulateWithChanges(batch: Batch): GroupChanges {
    const pass = this.#locate(batch)
    const changed = new Uint8Array(pass.count)
    const results = this.#apply(pass, changed)
    this.#removeVanished(pass)
    return { pass, results, changed }
  }

  /** Ids of the groups that exist, oldest id first. */
  groups(): Int32Array {
    const ids = new Int32Array(this.#table.size)
    let count = 0
    for (let id = 0; id < this.#table.idLimit && count < ids.length; id++) if (this.#rows[id] !== 0) ids[count++] = id
    return ids
  }

  /** Keys, then results of those groups. */
  columns(groups: Int32Array): Vector[] {
    const results = this.#accumulators.map((accumulator) => accumulator.results(groups, groups.length))
    return [...this.#table.keyColumns(groups, groups.length), ...results]
  }

  /** One column per call: what the calls yield over no rows at all. Only when no group exists. */
  emptyResults(): Vector[] {
    const group = new Int32Array(1)
    for (const accumulator of this.#accumulators) {
      accumulator.clear()
      accumulator.reserve(1)
    }
    return this.#accumulators.map((accumulator) => accumulator.results(group, 1))
  }

  /** Forgets everything but keeps the memory. */
  clear(): void {
    this.#rows.fill(0, 0, this.#table.idLimit)
    this.#table.clear()
    for (const accumulator of this.#accumulators) accumulator.clear()
    for (const filter of this.#distinct) filter?.clear()
  }

  #locate(batch: Batch): RowPass {
    const count = batch.length
    const positions = batch.selection ?? identityPositions(count)
    const groups = new Int32Array(count)
    const weights = new Int8Array(count)
    const flags = new Uint8Array(count)
    this.#table.assign(batch, this.#keys, positions, count, hashRows(batch, this.#keys), groups)
    this.#reserve(this.#table.idLimit)
    const rows = this.#rows
    const kinds = batch.rowKinds
    if (kinds === undefined) {
      weights.fill(1)
      for (let row = 0; row < count; row++) {
        const group = groups[row] as number
        const before = rows[group] as number
        if (before === 0) flags[row] = FIRST
        rows[group] = before + 1
      }
    } else {
      for (let row = 0; row < count; row++) {
        const group = groups[row] as number
        const before = rows[group] as number
        const kind = kinds[positions[row] as number] as number
        if (kind === 0 || kind === 2) {
          if (before === 0) flags[row] = FIRST
          weights[row] = 1
          rows[group] = before + 1
        } else if (before === 0) {
          flags[row] = IGNORED
        } else {
          if (before === 1) flags[row] = VANISHED
          weights[row] = -1
          rows[group] = before - 1
        }
      }
    }
    return { batch, count, positions, groups, weights, flags }
  }

  #reserve(groups: number): void {
    if (this.#rows.length >= groups) return
    this.#rows = grown(this.#rows, groups)
    for (const accumulator of this.#accumulators) accumulator.reserve(this.#rows.length)
  }

  #apply(pass: RowPass, changed: Uint8Array | undefined): Vector[] {
    const incarnations = this.#anyDistinct ? this.#incarnationsOf(pass) : undefined
    const results: Vector[] = []
    for (let i = 0; i < this.#accumulators.length; i++) {
      let weights = countingRows(pass, this.#calls[i] as AggregateCall)
      const filter = this.#distinct[i]
      if (filter !== undefined && incarnations !== undefined) {
        weights = filter.weights(weights === pass.weights ? pass : { ...pass, weights }, incarnations)
      }
      const result = (this.#accumulators[i] as Accumulator).update(weights === pass.weights ? pass : { ...pass, weights }, changed)
      if (result !== undefined) results.push(result)
    }
    return results
  }

  #incarnationsOf(pass: RowPass): Int32Array {
    this.#incarnations = grown(this.#incarnations, this.#rows.length)
    const result = new Int32Array(pass.count)
    for (let row = 0; row < pass.count; row++) {
      const group = pass.groups[row] as number
      if (((pass.flags[row] as number) & FIRST) !== 0) this.#incarnations[group] = this.#nextIncarnation++
      result[row] = this.#incarnations[group] as number
    }
    return result
  }

  #removeVanished(pass: RowPass): void {
    if (pass.batch.rowKinds === undefined) return
    for (let row = 0; row < pass.count; row++) {
      if (((pass.flags[row] as number) & (VANISHED | IGNORED)) === 0) continue
      const group = pass.groups[row] as number
      if (this.#rows[group] !== 0) continue
      this.#rows[group] = -1 // once only, though several rows of the batch may say so
      this.#table.remove(group)
    }
    for (let row = 0; row < pass.count; row++) {
      const group = pass.groups[row] as number
      if (this.#rows[group] === -1) this.#rows[group] = 0
    }
  }
}

/** The pass's weights with 0 where an argument is NULL or the FILTER is not TRUE. */
function countingRows(pass: RowPass, call: AggregateCall): Int8Array {
  const { batch, count, positions } = pass
  let weights = pass.weights
  for (const column of call.args) {
    const { nulls } = batch.columns[column] as Vector
    if (nulls === undefined) continue
    if (weights === pass.weights) weights = pass.weights.slice()
    for (let row = 0; row < count; row++) {
      const position = positions[row] as number
      if (((nulls[position >> 3] as number) & (1 << (position & 7))) !== 0) weights[row] = 0
    }
  }
  if (call.filter === undefined) return weights
  const { values, nulls } = batch.columns[call.filter] as BooleanVector
  if (weights === pass.weights) weights = pass.weights.slice()
  for (let row = 0; row < count; row++) {
    const position = positions[row] as number
    if (values[position] !== 1 || (nulls !== undefined && ((nulls[position >> 3] as number) & (1 << (position & 7))) !== 0))
      weights[row] = 0
  }
  return weights
}
