/**
 * AVG: sum and count of the values that are not NULL, divided when a result is asked for. NULL over nothing. INT and BIGINT sum
 * in 64 bits (wrapping) and truncate towards zero; DOUBLE divides as double; DECIMAL rounds half up to the result's scale.
 * Source: Flink's AvgAggFunction.
 */
import type { LogicalType } from '#core/types/logical-type.js'
import { vectorKind, type Vector } from '../../columnar/vector.js'
import { FIRST, nullBits, setNull, wordsOf, type RowPass } from './accumulator.js'
import { addDecimal, DECIMAL_WORDS, decimalWords, readDecimalWords, writeDecimal128 } from './decimal-words.js'
import { int64Argument } from './integer-argument.js'
import { SUM_BIGINT, SUM_DECIMAL, SUM_DOUBLE, SumColumns } from './sum-columns.js'

/** Above this top word a sum may lie beyond 2^53, where doubles are no longer exact. */
const EXACT_TOP = 1 << 20

/** AVG over INT or BIGINT. */
export class IntegerAverageAccumulator extends SumColumns<BigInt64Array> {
  readonly #column: number
  readonly #type: LogicalType
  #sumWords: Int32Array = new Int32Array(0)

  constructor(column: number, type: LogicalType) {
    super(SUM_BIGINT, new BigInt64Array(0))
    this.#column = column
    this.#type = type
  }

  override reserve(groups: number): void {
    super.reserve(groups)
    this.#sumWords = wordsOf(this.sums)
  }

  update(pass: RowPass, changed: Uint8Array | undefined): Vector | undefined {
    const { count, positions, groups, weights, flags } = pass
    const source = int64Argument(pass, this.#column)
    const sums = this.sums
    const counts = this.counts
    const rows = changed === undefined ? 0 : 2 * count
    const words = new Int32Array(rows * 2)
    const nulls = nullBits(rows)
    for (let row = 0; row < count; row++) {
      const group = groups[row] as number
      if (((flags[row] as number) & FIRST) !== 0) {
        sums[group] = 0n
        counts[group] = 0
      }
      if (changed !== undefined) this.#write(group, words, nulls, 2 * row)
      const weight = weights[row] as number
      if (weight > 0) sums[group] = BigInt.asIntN(64, (sums[group] as bigint) + (source[positions[row] as number] as bigint))
      else if (weight < 0) sums[group] = BigInt.asIntN(64, (sums[group] as bigint) - (source[positions[row] as number] as bigint))
      counts[group] = (counts[group] as number) + weight
      if (changed !== undefined) {
        this.#write(group, words, nulls, 2 * row + 1)
        const at = 4 * row
        if (words[at] !== words[at + 2] || words[at + 1] !== words[at + 3] || isSet(nulls, 2 * row) !== isSet(nulls, 2 * row + 1))
          changed[row] = 1
      }
    }
    return changed === undefined ? undefined : this.#column64(words, nulls, rows)
  }

  results(groups: Int32Array, count: number): Vector {
    const words = new Int32Array(count * 2)
    const nulls = nullBits(count)
    for (let i = 0; i < count; i++) this.#write(groups[i] as number, words, nulls, i)
    return this.#column64(words, nulls, count)
  }

  #write(group: number, words: Int32Array, nulls: Uint8Array, row: number): void {
    const count = this.counts[group] as number
    if (count === 0) return setNull(nulls, row)
    const low = this.#sumWords[2 * group] as number
    const high = this.#sumWords[2 * group + 1] as number
    if (high < EXACT_TOP && high >= -EXACT_TOP) {
      const average = Math.trunc((high * 4294967296 + (low >>> 0)) / count)
      words[2 * row] = average
      words[2 * row + 1] = Math.floor(average / 4294967296)
    } else {
      const average = (this.sums[group] as bigint) / BigInt(count)
      words[2 * row] = Number(BigInt.asIntN(32, average))
      words[2 * row + 1] = Number(BigInt.asIntN(32, average >> 32n))
    }
  }

  #column64(words: Int32Array, nulls: Uint8Array, rows: number): Vector {
    if (vectorKind(this.#type) === 'int64') return { kind: 'int64', type: this.#type, nulls, values: new BigInt64Array(words.buffer) }
    const values = new Int32Array(rows)
    for (let row = 0; row < rows; row++) values[row] = words[2 * row] as number
    return { kind: 'int32', type: this.#type, nulls, values }
  }
}

export class DoubleAverageAccumulator extends SumColumns<Float64Array> {
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
      const countBefore = counts[group] as number
      const before = countBefore === 0 ? 0 : (sums[group] as number) / countBefore
      const weight = weights[row] as number
      if (weight !== 0) {
        const value = source[positions[row] as number] as number
        counts[group] = countBefore + weight
        sums[group] = weight > 0 ? (sums[group] as number) + value : countBefore === 1 ? 0 : (sums[group] as number) - value
      }
      if (changed !== undefined) {
        const countAfter = counts[group] as number
        const after = countAfter === 0 ? 0 : (sums[group] as number) / countAfter
        values[2 * row] = before
        values[2 * row + 1] = after
        if (countBefore === 0) setNull(nulls, 2 * row)
        if (countAfter === 0) setNull(nulls, 2 * row + 1)
        if ((before !== after && (before === before || after === after)) || (countBefore === 0) !== (countAfter === 0)) changed[row] = 1
      }
    }
    return changed === undefined ? undefined : { kind: 'float64', type: this.#type, nulls, values }
  }

  results(groups: Int32Array, count: number): Vector {
    const values = new Float64Array(count)
    const nulls = nullBits(count)
    for (let i = 0; i < count; i++) {
      const group = groups[i] as number
      if (this.counts[group] === 0) setNull(nulls, i)
      else values[i] = (this.sums[group] as number) / (this.counts[group] as number)
    }
    return { kind: 'float64', type: this.#type, nulls, values }
  }
}

export class DecimalAverageAccumulator extends SumColumns<Int32Array> {
  readonly #column: number
  readonly #type: LogicalType
  /** 10^(scale of the result - scale of the argument) */
  readonly #factor: bigint
  readonly #limit: bigint

  constructor(column: number, argument: LogicalType, type: LogicalType) {
    super(SUM_DECIMAL, new Int32Array(0), DECIMAL_WORDS)
    this.#column = column
    this.#type = type
    const scale = type.kind === 'DECIMAL' ? type.scale : 0
    this.#factor = 10n ** BigInt(Math.max(0, scale - (argument.kind === 'DECIMAL' ? argument.scale : 0)))
    this.#limit = 10n ** BigInt(type.kind === 'DECIMAL' ? type.precision : 38)
  }

  update(pass: RowPass, changed: Uint8Array | undefined): Vector | undefined {
    const { batch, count, positions, groups, weights, flags } = pass
    const { words, width } = decimalWords(batch.columns[this.#column] as Vector)
    const results: (bigint | null)[] = []
    for (let row = 0; row < count; row++) {
      const group = groups[row] as number
      const at = group * DECIMAL_WORDS
      if (((flags[row] as number) & FIRST) !== 0) {
        this.sums.fill(0, at, at + DECIMAL_WORDS)
        this.counts[group] = 0
      }
      const before = changed === undefined ? null : this.#average(group)
      const weight = weights[row] as number
      if (weight !== 0) {
        addDecimal(this.sums, at, words, (positions[row] as number) * width, width, weight)
        this.counts[group] = (this.counts[group] as number) + weight
      }
      if (changed !== undefined) {
        const after = this.#average(group)
        results.push(before, after)
        if (before !== after) changed[row] = 1
      }
    }
    return changed === undefined ? undefined : this.#vector(results)
  }

  results(groups: Int32Array, count: number): Vector {
    return this.#vector(Array.from(groups.subarray(0, count), (group) => this.#average(group)))
  }

  #average(group: number): bigint | null {
    const count = this.counts[group] as number
    if (count === 0) return null
    const dividend = readDecimalWords(this.sums, group * DECIMAL_WORDS) * this.#factor
    const divisor = BigInt(count)
    const quotient = dividend / divisor
    const rest = dividend % divisor
    const up = 2n * (rest < 0n ? -rest : rest) >= (divisor < 0n ? -divisor : divisor)
    const result = up ? quotient + (dividend < 0n === divisor < 0n ? 1n : -1n) : quotient
    return result >= this.#limit || result <= -this.#limit ? null : result
  }

  #vector(results: readonly (bigint | null)[]): Vector {
    const type = this.#type
    const nulls = nullBits(results.length)
    results.forEach((result, row) => {
      if (result === null) setNull(nulls, row)
    })
    if (vectorKind(type) === 'int64') return { kind: 'int64', type, nulls, values: BigInt64Array.from(results, (result) => result ?? 0n) }
    const lanes = new BigInt64Array(results.length * 2)
    results.forEach((result, row) => writeDecimal128(lanes, row, result ?? 0n))
    return { kind: 'decimal128', type, nulls, lanes }
  }
}

function isSet(nulls: Uint8Array, row: number): boolean {
  return ((nulls[row >> 3] as number) & (1 << (row & 7))) !== 0
}
