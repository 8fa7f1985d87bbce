/** Sums and counts by group id: all that SUM and AVG hold, with its place in memory and in snapshots. */
import { BIGINT, decimal, DOUBLE, INT, notNull, type LogicalType } from '#core/types/logical-type.js'
import { vectorKind, type Vector } from '../../columnar/vector.js'
import { grown, identityPositions } from '../../state/growable.js'
import type { WordColumn } from '../../state/lifted-columns.js'
import { FIRST, wordsOf, type Accumulator, type RowPass } from './accumulator.js'
import { addDecimal, DECIMAL_WORDS } from './decimal-words.js'
import { COUNT_TYPE, loadCounts, loadWords, savedCounts, savedWords } from './state-columns.js'

export const SUM_INT: LogicalType = notNull(INT)
export const SUM_BIGINT: LogicalType = notNull(BIGINT)
export const SUM_DOUBLE: LogicalType = notNull(DOUBLE)
/** 128 bits, of any scale: while rows are added it may exceed what a DECIMAL(38) shows. */
export const SUM_DECIMAL: LogicalType = notNull(decimal(38, 0))

export abstract class SumColumns<Sums extends Int32Array | BigInt64Array | Float64Array> implements Accumulator {
  readonly stateTypes: readonly LogicalType[]
  readonly #sumType: LogicalType
  /** int32 words of a sum, elements of `sums` that it takes. */
  readonly #words: number
  readonly #width: number
  readonly #none: Sums
  protected sums: Sums
  protected counts = new Float64Array(0)

  /** `sumType`: of the sums in snapshots. `sums`: an empty array of the kind that holds them, `width` elements a group. */
  constructor(sumType: LogicalType, sums: Sums, width = 1) {
    this.stateTypes = [sumType, COUNT_TYPE]
    this.#sumType = sumType
    this.#words = (width * sums.BYTES_PER_ELEMENT) / 4
    this.#width = width
    this.#none = sums
    this.sums = sums
  }

  abstract update(pass: RowPass, changed: Uint8Array | undefined): Vector | undefined
  abstract results(groups: Int32Array, count: number): Vector

  reserve(groups: number): void {
    this.counts = grown(this.counts, groups)
    this.sums = grown(this.sums, this.counts.length * this.#width)
  }

  save(groups: Int32Array, count: number): Vector[] {
    const words = savedWords(this.sums, this.#words, groups, count)
    return [columnOf(this.#sumType, words), savedCounts(this.counts, groups, count)]
  }

  load(groups: Int32Array, columns: readonly Vector[]): void {
    loadWords(columns[0] as Vector, this.#words, groups, this.sums)
    loadCounts(columns[1] as Vector, groups, this.counts)
  }

  merge({ count, groups, weights, flags }: RowPass, columns: readonly Vector[]): void {
    const width = this.#width
    const [added] = columns as [Vector, Vector]
    const rows = new Float64Array(count)
    loadCounts(columns[1] as Vector, identityPositions(count).subarray(0, count), rows)
    for (let row = 0; row < count; row++) {
      const group = groups[row] as number
      if (((flags[row] as number) & FIRST) !== 0) {
        if (this.sums instanceof BigInt64Array) this.sums[group] = 0n
        else this.sums.fill(0, group * width, (group + 1) * width)
        this.counts[group] = 0
      }
      if (weights[row] === 0) continue
      addSum(this.sums, group, added, row, width)
      this.counts[group] = (this.counts[group] as number) + (rows[row] as number)
    }
  }

  columns(): WordColumn[] {
    return [
      { values: this.sums instanceof Int32Array ? this.sums : wordsOf(this.sums), width: this.#words },
      { values: wordsOf(this.counts), width: 2 },
    ]
  }

  drop(): void {
    this.sums = this.#none
    this.counts = new Float64Array(0)
  }

  clear(): void {
    new Uint8Array(this.sums.buffer).fill(0)
    this.counts.fill(0)
  }
}

/** sums[group] += the value in that row of a column of `columnOf`; integers wrap. */
function addSum(sums: Int32Array | BigInt64Array | Float64Array, group: number, column: Vector, row: number, width: number): void {
  if (column.kind === 'decimal128')
    addDecimal(sums as Int32Array, group * width, wordsOf(column.lanes), row * DECIMAL_WORDS, DECIMAL_WORDS, 1)
  else if (sums instanceof BigInt64Array)
    sums[group] = BigInt.asIntN(64, (sums[group] as bigint) + ((column as Vector & { kind: 'int64' }).values[row] as bigint))
  else sums[group] = (sums[group] as number) + ((column as Vector & { kind: 'int32' | 'float64' }).values[row] as number)
}

function columnOf(type: LogicalType, words: Int32Array<ArrayBuffer>): Vector {
  switch (vectorKind(type)) {
    case 'int32':
      return { kind: 'int32', type, nulls: undefined, values: words }
    case 'int64':
      return { kind: 'int64', type, nulls: undefined, values: new BigInt64Array(words.buffer) }
    case 'float64':
      return { kind: 'float64', type, nulls: undefined, values: new Float64Array(words.buffer) }
    default:
      return { kind: 'decimal128', type, nulls: undefined, lanes: new BigInt64Array(words.buffer) }
  }
}
