/**
 * SUM. NULL until a value that is not NULL has been added (and again when all have been taken away). INT and BIGINT wrap as in
 * Java; a DECIMAL sum is kept in 128 bits and is NULL while it does not fit the result type.
 */
import type { LogicalType } from '#core/types/logical-type.js'
import type { Vector } from '../../columnar/vector.js'
import { FIRST, nullBits, setNull, type RowPass } from './accumulator.js'
import { addDecimal, DECIMAL_WORDS, decimalResults, decimalWords } from './decimal-words.js'
import { int64Argument } from './integer-argument.js'
import { SUM_BIGINT, SUM_DECIMAL, SUM_DOUBLE, SUM_INT, SumColumns } from './sum-columns.js'

/** SUM over INT into INT. */
export class Int32SumAccumulator extends SumColumns<Int32Array> {
  readonly #column: number
  readonly #type: LogicalType

  constructor(column: number, type: LogicalType) {
    super(SUM_INT, new Int32Array(0))
    this.#column = column
    this.#type = type
  }

  update(pass: RowPass, changed: Uint8Array | undefined): Vector | undefined {
    const { batch, count, positions, groups, weights, flags } = pass
    const source = (batch.columns[this.#column] as { values: Int32Array }).values
    const sums = this.sums
    const counts = this.counts
    const rows = changed === undefined ? 0 : 2 * count
    const values = new Int32Array(rows)
    const nulls = nullBits(rows)
    for (let row = 0; row < count; row++) {
      const group = groups[row] as number
      if (((flags[row] as number) & FIRST) !== 0) {
        sums[group] = 0
        counts[group] = 0
      }
      const before = sums[group] as number
      const countBefore = counts[group] as number
      const weight = weights[row] as number
      if (weight !== 0) {
        const value = source[positions[row] as number] as number
        sums[group] = weight > 0 ? before + value : before - value
        counts[group] = countBefore + weight
      }
      if (changed !== undefined) {
        values[2 * row] = before
        values[2 * row + 1] = sums[group] as number
        if (countBefore === 0) setNull(nulls, 2 * row)
        if (counts[group] === 0) setNull(nulls, 2 * row + 1)
        if (before !== sums[group] || (countBefore === 0) !== (counts[group] === 0)) changed[row] = 1
      }
    }
    return changed === undefined ? undefined : { kind: 'int32', type: this.#type, nulls, values }
  }

  results(groups: Int32Array, count: number): Vector {
    const values = new Int32Array(count)
    for (let i = 0; i < count; i++) values[i] = this.sums[groups[i] as number] as number
    return { kind: 'int32', type: this.#type, nulls: nullsOfEmpty(this.counts, groups, count), values }
  }
}

/** SUM over INT or BIGINT into BIGINT. */
export class Int64SumAccumulator extends SumColumns<BigInt64Array> {
  readonly #column: number
  readonly #type: LogicalType

  constructor(column: number, type: LogicalType) {
    super(SUM_BIGINT, new BigInt64Array(0))
    this.#column = column
    this.#type = type
  }

  update(pass: RowPass, changed: Uint8Array | undefined): Vector | undefined {
    const { count, positions, groups, weights, flags } = pass
    const source = int64Argument(pass, this.#column)
    const sums = this.sums
    const counts = this.counts
    const rows = changed === undefined ? 0 : 2 * count
    const values = new BigInt64Array(rows)
    const nulls = nullBits(rows)
    for (let row = 0; row < count; row++) {
      const group = groups[row] as number
      if (((flags[row] as number) & FIRST) !== 0) {
        sums[group] = 0n
        counts[group] = 0
      }
      const countBefore = counts[group] as number
      if (changed !== undefined) values[2 * row] = sums[group] as bigint
      const weight = weights[row] as number
      if (weight > 0) {
        sums[group] = BigInt.asIntN(64, (sums[group] as bigint) + (source[positions[row] as number] as bigint))
        counts[group] = countBefore + 1
      } else if (weight < 0) {
        sums[group] = BigInt.asIntN(64, (sums[group] as bigint) - (source[positions[row] as number] as bigint))
        counts[group] = countBefore - 1
      }
      if (changed !== undefined) {
        values[2 * row + 1] = sums[group] as bigint
        if (countBefore === 0) setNull(nulls, 2 * row)
        if (counts[group] === 0) setNull(nulls, 2 * row + 1)
        if (weight !== 0 && (values[2 * row] !== values[2 * row + 1] || (countBefore === 0) !== (counts[group] === 0))) changed[row] = 1
      }
    }
    return changed === undefined ? undefined : { kind: 'int64', type: this.#type, nulls, values }
  }

  results(groups: Int32Array, count: number): Vector {
    const values = new BigInt64Array(count)
    for (let i = 0; i < count; i++) values[i] = this.sums[groups[i] as number] as bigint
    return { kind: 'int64', type: this.#type, nulls: nullsOfEmpty(this.counts, groups, count), values }
  }
}

export class DoubleSumAccumulator extends SumColumns<Float64Array> {
  readonly #column: number
  readonly #type: LogicalType

  constructor(column: number, type: LogicalType) {
    super(SUM_DOUBLE, new Float64Array(0))
    this.#column = column
    this.#type = type
  }

  update(pass: RowPass, changed: Uint8Array | undefined): Vector | undefined {
    const { batch, count, positions, groups, weights, flags } = pass
    const source = (batch.columns[this.#column] as { values: Float64Array }).values
    const sums = this.sums
    const counts = this.counts
    const rows = changed === undefined ? 0 : 2 * count
    const values = new Float64Array(rows)
    const nulls = nullBits(rows)
    for (let row = 0; row < count; row++) {
      const group = groups[row] as number
      if (((flags[row] as number) & FIRST) !== 0) {
        sums[group] = 0
        counts[group] = 0
      }
      const before = sums[group] as number
      const countBefore = counts[group] as number
      const weight = weights[row] as number
      if (weight !== 0) {
        const value = source[positions[row] as number] as number
        counts[group] = countBefore + weight
        // With nothing left the sum starts anew: no rounding error of rows that are gone stays behind.
        sums[group] = weight > 0 ? before + value : countBefore === 1 ? 0 : before - value
      }
      if (changed !== undefined) {
        const after = sums[group] as number
        values[2 * row] = before
        values[2 * row + 1] = after
        if (countBefore === 0) setNull(nulls, 2 * row)
        if (counts[group] === 0) setNull(nulls, 2 * row + 1)
        if ((before !== after && (before === before || after === after)) || (countBefore === 0) !== (counts[group] === 0)) changed[row] = 1
      }
    }
    return changed === undefined ? undefined : { kind: 'float64', type: this.#type, nulls, values }
  }

  results(groups: Int32Array, count: number): Vector {
    const values = new Float64Array(count)
    for (let i = 0; i < count; i++) values[i] = this.sums[groups[i] as number] as number
    return { kind: 'float64', type: this.#type, nulls: nullsOfEmpty(this.counts, groups, count), values }
  }
}

/** SUM over DECIMAL: four int32 words a group, added with carry. */
export class DecimalSumAccumulator extends SumColumns<Int32Array> {
  readonly #column: number
  readonly #type: LogicalType

  constructor(column: number, type: LogicalType) {
    super(SUM_DECIMAL, new Int32Array(0), DECIMAL_WORDS)
    this.#column = column
    this.#type = type
  }

  update(pass: RowPass, changed: Uint8Array | undefined): Vector | undefined {
    const { batch, count, positions, groups, weights, flags } = pass
    const { words, width } = decimalWords(batch.columns[this.#column] as Vector)
    const sums = this.sums
    const counts = this.counts
    const rows = changed === undefined ? 0 : 2 * count
    const values = new Int32Array(rows * DECIMAL_WORDS)
    const empty = new Uint8Array(rows)
    for (let row = 0; row < count; row++) {
      const group = groups[row] as number
      const at = group * DECIMAL_WORDS
      if (((flags[row] as number) & FIRST) !== 0) {
        sums.fill(0, at, at + DECIMAL_WORDS)
        counts[group] = 0
      }
      const weight = weights[row] as number
      if (changed !== undefined) {
        for (let w = 0; w < DECIMAL_WORDS; w++) values[2 * row * DECIMAL_WORDS + w] = sums[at + w] as number
        empty[2 * row] = counts[group] === 0 ? 1 : 0
      }
      if (weight !== 0) {
        addDecimal(sums, at, words, (positions[row] as number) * width, width, weight)
        counts[group] = (counts[group] as number) + weight
      }
      if (changed !== undefined) {
        const after = (2 * row + 1) * DECIMAL_WORDS
        let same = empty[2 * row] === (counts[group] === 0 ? 1 : 0)
        for (let w = 0; w < DECIMAL_WORDS; w++) {
          values[after + w] = sums[at + w] as number
          if (values[after + w] !== values[after - DECIMAL_WORDS + w]) same = false
        }
        empty[2 * row + 1] = counts[group] === 0 ? 1 : 0
        if (!same) changed[row] = 1
      }
    }
    return changed === undefined ? undefined : decimalResults(values, empty, rows, this.#type)
  }

  results(groups: Int32Array, count: number): Vector {
    const values = new Int32Array(count * DECIMAL_WORDS)
    const empty = new Uint8Array(count)
    for (let i = 0; i < count; i++) {
      const group = groups[i] as number
      for (let w = 0; w < DECIMAL_WORDS; w++) values[i * DECIMAL_WORDS + w] = this.sums[group * DECIMAL_WORDS + w] as number
      empty[i] = this.counts[group] === 0 ? 1 : 0
    }
    return decimalResults(values, empty, count, this.#type)
  }
}

function nullsOfEmpty(counts: Float64Array, groups: Int32Array, count: number): Uint8Array | undefined {
  let nulls: Uint8Array | undefined
  for (let i = 0; i < count; i++) if (counts[groups[i] as number] === 0) setNull((nulls ??= nullBits(count)), i)
  return nulls
}
