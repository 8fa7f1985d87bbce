/**
 * MIN, MAX, FIRST_VALUE and LAST_VALUE over rows that are never taken away: the best value so far, by group, be it by order or by arrival. NULL over
 * nothing.
 */
import { withNullable, type LogicalType } from '#core/types/logical-type.js'
import { Batch } from '../../columnar/batch.js'
import { isNull, vectorKind, type Utf8Vector, type Vector } from '../../columnar/vector.js'
import { ByteHeap } from '../../state/byte-heap.js'
import { grown } from '../../state/growable.js'
import type { WordColumn } from '../../state/lifted-columns.js'
import { FIRST, nullBits, setNull, wordsOf, type Accumulator, type RowPass } from './accumulator.js'
import { loadWords } from './state-columns.js'

/** What makes a value the best. */
export type Choice = 'min' | 'max' | 'first' | 'last'

/** The best values of other groups as rows of the argument column. */
function asRows(pass: RowPass, column: number, best: Vector): RowPass {
  const columns: Vector[] = []
  columns[column] = best
  const weights = pass.weights.slice()
  for (let row = 0; row < pass.count; row++) if (isNull(best, row)) weights[row] = 0
  return { ...pass, batch: new Batch({ fields: [] }, columns, pass.count), weights }
}

/** MIN or MAX of BOOLEAN, INT, DATE, DOUBLE. DOUBLE compares as Java's `<`: NaN replaces nothing. */
export class NumberExtremeAccumulator implements Accumulator {
  readonly stateTypes: readonly LogicalType[]
  readonly #column: number
  readonly #type: LogicalType
  readonly #sign: number
  readonly #last: boolean
  #best = new Float64Array(0)
  #held = new Uint8Array(0)

  constructor(column: number, type: LogicalType, choice: Choice) {
    this.#column = column
    this.#type = type
    this.stateTypes = [withNullable(type, true)]
    this.#sign = choice === 'max' ? 1 : choice === 'min' ? -1 : 0
    this.#last = choice === 'last'
  }

  reserve(groups: number): void {
    this.#best = grown(this.#best, groups)
    this.#held = grown(this.#held, groups)
  }

  update(pass: RowPass, changed: Uint8Array | undefined): Vector | undefined {
    const { batch, count, positions, groups, weights, flags } = pass
    const source = (batch.columns[this.#column] as { values: Float64Array }).values
    const best = this.#best
    const held = this.#held
    const sign = this.#sign
    const last = this.#last
    const rows = changed === undefined ? 0 : 2 * count
    const values = new Float64Array(rows)
    const nulls = nullBits(rows)
    for (let row = 0; row < count; row++) {
      const group = groups[row] as number
      if (((flags[row] as number) & FIRST) !== 0) held[group] = 0
      if (changed !== undefined) {
        values[2 * row] = best[group] as number
        if (held[group] === 0) setNull(nulls, 2 * row)
      }
      if (weights[row] !== 0) {
        const value = source[positions[row] as number] as number
        const known = best[group] as number
        if (held[group] === 0 || last || (sign > 0 ? value > known : sign < 0 && value < known)) {
          best[group] = value
          held[group] = 1
          if (changed !== undefined) changed[row] = 1
        }
      }
      if (changed !== undefined) {
        values[2 * row + 1] = best[group] as number
        if (held[group] === 0) setNull(nulls, 2 * row + 1)
      }
    }
    return changed === undefined ? undefined : this.#vector(values, nulls)
  }

  results(groups: Int32Array, count: number): Vector {
    const values = new Float64Array(count)
    const nulls = nullBits(count)
    for (let i = 0; i < count; i++) {
      const group = groups[i] as number
      if (this.#held[group] === 0) setNull(nulls, i)
      else values[i] = this.#best[group] as number
    }
    return this.#vector(values, nulls)
  }

  save(groups: Int32Array, count: number): Vector[] {
    return [this.results(groups, count)]
  }

  load(groups: Int32Array, columns: readonly Vector[]): void {
    const column = columns[0] as Vector & { values: Float64Array }
    for (let i = 0; i < groups.length; i++) {
      const group = groups[i] as number
      this.#held[group] = isNull(column, i) ? 0 : 1
      this.#best[group] = column.values[i] as number
    }
  }

  merge(pass: RowPass, columns: readonly Vector[]): void {
    this.update(asRows(pass, this.#column, columns[0] as Vector), undefined)
  }

  columns(): WordColumn[] {
    return [
      { values: wordsOf(this.#best), width: 2 },
      { values: this.#held, width: 1 },
    ]
  }

  drop(): void {
    this.#best = new Float64Array(0)
    this.#held = new Uint8Array(0)
  }

  clear(): void {
    this.#held.fill(0)
  }

  #vector(values: Float64Array, nulls: Uint8Array): Vector {
    const type = this.#type
    switch (vectorKind(type)) {
      case 'boolean':
        return { kind: 'boolean', type, nulls, values: Uint8Array.from(values) }
      case 'int32':
        return { kind: 'int32', type, nulls, values: Int32Array.from(values) }
      default:
        return { kind: 'float64', type, nulls, values }
    }
  }
}

/** MIN or MAX of BIGINT, timestamps and DECIMAL: compared as 64- or 128-bit two's complement. */
export class WideExtremeAccumulator implements Accumulator {
  readonly stateTypes: readonly LogicalType[]
  readonly #column: number
  readonly #type: LogicalType
  readonly #choice: Choice
  /** int64 lanes a value. */
  readonly #width: 1 | 2
  #best = new BigInt64Array(0)
  #held = new Uint8Array(0)

  constructor(column: number, type: LogicalType, choice: Choice) {
    this.#column = column
    this.#type = type
    this.stateTypes = [withNullable(type, true)]
    this.#choice = choice
    this.#width = vectorKind(type) === 'decimal128' ? 2 : 1
  }

  reserve(groups: number): void {
    this.#held = grown(this.#held, groups)
    this.#best = grown(this.#best, this.#held.length * this.#width)
  }

  update(pass: RowPass, changed: Uint8Array | undefined): Vector | undefined {
    const { batch, count, positions, groups, weights, flags } = pass
    const width = this.#width
    const vector = batch.columns[this.#column] as Vector
    const source = vector.kind === 'decimal128' ? vector.lanes : (vector as { values: BigInt64Array }).values
    const best = this.#best
    const held = this.#held
    const rows = changed === undefined ? 0 : 2 * count
    const values = new BigInt64Array(rows * width)
    const nulls = nullBits(rows)
    for (let row = 0; row < count; row++) {
      const group = groups[row] as number
      if (((flags[row] as number) & FIRST) !== 0) held[group] = 0
      if (changed !== undefined) this.#copy(group, values, nulls, 2 * row)
      if (weights[row] !== 0) {
        const position = positions[row] as number
        if (held[group] === 0 || this.#beats(source, position, group)) {
          best[group * width] = source[position * width] as bigint
          if (width === 2) best[group * width + 1] = source[position * width + 1] as bigint
          held[group] = 1
          if (changed !== undefined) changed[row] = 1
        }
      }
      if (changed !== undefined) this.#copy(group, values, nulls, 2 * row + 1)
    }
    return changed === undefined ? undefined : this.#vector(values, nulls)
  }

  results(groups: Int32Array, count: number): Vector {
    const values = new BigInt64Array(count * this.#width)
    const nulls = nullBits(count)
    for (let i = 0; i < count; i++) this.#copy(groups[i] as number, values, nulls, i)
    return this.#vector(values, nulls)
  }

  save(groups: Int32Array, count: number): Vector[] {
    return [this.results(groups, count)]
  }

  load(groups: Int32Array, columns: readonly Vector[]): void {
    const column = columns[0] as Vector
    loadWords(column, 2 * this.#width, groups, this.#best)
    for (let i = 0; i < groups.length; i++) this.#held[groups[i] as number] = isNull(column, i) ? 0 : 1
  }

  merge(pass: RowPass, columns: readonly Vector[]): void {
    this.update(asRows(pass, this.#column, columns[0] as Vector), undefined)
  }

  columns(): WordColumn[] {
    return [
      { values: wordsOf(this.#best), width: 2 * this.#width },
      { values: this.#held, width: 1 },
    ]
  }

  drop(): void {
    this.#best = new BigInt64Array(0)
    this.#held = new Uint8Array(0)
  }

  clear(): void {
    this.#held.fill(0)
  }

  #beats(source: BigInt64Array, position: number, group: number): boolean {
    const best = this.#best
    if (this.#choice === 'first' || this.#choice === 'last') return this.#choice === 'last'
    const max = this.#choice === 'max'
    if (this.#width === 1) {
      return max ? (source[position] as bigint) > (best[group] as bigint) : (source[position] as bigint) < (best[group] as bigint)
    }
    const high = source[2 * position + 1] as bigint
    const bestHigh = best[2 * group + 1] as bigint
    if (high !== bestHigh) return max ? high > bestHigh : high < bestHigh
    const low = BigInt.asUintN(64, source[2 * position] as bigint)
    const bestLow = BigInt.asUintN(64, best[2 * group] as bigint)
    return max ? low > bestLow : low < bestLow
  }

  #copy(group: number, values: BigInt64Array, nulls: Uint8Array, row: number): void {
    if (this.#held[group] === 0) return setNull(nulls, row)
    const width = this.#width
    values[row * width] = this.#best[group * width] as bigint
    if (width === 2) values[row * width + 1] = this.#best[group * width + 1] as bigint
  }

  #vector(values: BigInt64Array, nulls: Uint8Array): Vector {
    const type = this.#type
    return this.#width === 2 ? { kind: 'decimal128', type, nulls, lanes: values } : { kind: 'int64', type, nulls, values }
  }
}

/** MIN or MAX of strings, by bytes (the order of code points, as Flink). */
export class TextExtremeAccumulator implements Accumulator {
  readonly stateTypes: readonly LogicalType[]
  readonly #column: number
  readonly #type: LogicalType
  readonly #choice: Choice
  readonly #heap = new ByteHeap()
  /** Ref and length; length -1: none held. A place that no group had before may have a length of 0, too. */
  #refs = new Int32Array(0)
  #lengths = new Int32Array(0)

  constructor(column: number, type: LogicalType, choice: Choice) {
    this.#column = column
    this.#type = type
    this.stateTypes = [withNullable(type, true)]
    this.#choice = choice
  }

  reserve(groups: number): void {
    const old = this.#lengths.length
    this.#refs = grown(this.#refs, groups)
    this.#lengths = grown(this.#lengths, groups)
    if (this.#lengths.length > old) this.#lengths.fill(-1, old)
  }

  update(pass: RowPass, changed: Uint8Array | undefined): Vector | undefined {
    const { batch, count, positions, groups, weights, flags } = pass
    const source = batch.columns[this.#column] as Vector & { kind: 'utf8' }
    const results = changed === undefined ? undefined : new TextResults(2 * count)
    for (let row = 0; row < count; row++) {
      const group = groups[row] as number
      if (((flags[row] as number) & FIRST) !== 0) this.#release(group)
      if (results !== undefined) results.append(this.#heap, this.#refs[group] as number, this.#lengths[group] as number)
      if (weights[row] !== 0) {
        const position = positions[row] as number
        const start = source.offsets[position] as number
        const length = source.lengths[position] as number
        const held = this.#lengths[group] as number
        if (held < 0 || this.#beats(group, source.bytes, start, length)) {
          this.#release(group)
          this.#refs[group] = this.#heap.store(source.bytes, start, length)
          this.#lengths[group] = length
          if (changed !== undefined) changed[row] = 1
        }
      }
      if (results !== undefined) results.append(this.#heap, this.#refs[group] as number, this.#lengths[group] as number)
    }
    return results?.finish(this.#type)
  }

  results(groups: Int32Array, count: number): Vector {
    const results = new TextResults(count)
    for (let i = 0; i < count; i++) {
      const group = groups[i] as number
      results.append(this.#heap, this.#refs[group] as number, this.#lengths[group] as number)
    }
    return results.finish(this.#type)
  }

  save(groups: Int32Array, count: number): Vector[] {
    return [this.results(groups, count)]
  }

  load(groups: Int32Array, columns: readonly Vector[]): void {
    const column = columns[0] as Utf8Vector
    for (let i = 0; i < groups.length; i++) {
      const group = groups[i] as number
      this.#lengths[group] = -1
      if (isNull(column, i)) continue
      const length = column.lengths[i] as number
      this.#refs[group] = this.#heap.store(column.bytes, column.offsets[i] as number, length)
      this.#lengths[group] = length
    }
  }

  merge(pass: RowPass, columns: readonly Vector[]): void {
    this.update(asRows(pass, this.#column, columns[0] as Vector), undefined)
  }

  columns(): WordColumn[] {
    return [
      { values: this.#refs, width: 1 },
      { values: this.#lengths, width: 1 },
    ]
  }

  /** The strings stay: their refs are elsewhere. */
  drop(): void {
    this.#refs = new Int32Array(0)
    this.#lengths = new Int32Array(0)
  }

  clear(): void {
    this.#lengths.fill(-1)
    this.#heap.clear()
  }

  #beats(group: number, bytes: Uint8Array, start: number, length: number): boolean {
    if (this.#choice === 'first' || this.#choice === 'last') return this.#choice === 'last'
    const order = this.#heap.compare(this.#refs[group] as number, this.#lengths[group] as number, bytes, start, length)
    return this.#choice === 'max' ? order < 0 : order > 0
  }

  #release(group: number): void {
    const length = this.#lengths[group] as number
    if (length > 0) this.#heap.free(this.#refs[group] as number, length)
    this.#lengths[group] = -1
  }
}

/** A string column filled from a heap; a length of -1 is NULL. A value equal to the last one shares its bytes. */
class TextResults {
  readonly #offsets: Int32Array
  readonly #lengths: Int32Array
  readonly #nulls: Uint8Array
  #bytes = new Uint8Array(1024)
  #end = 0
  #rows = 0
  #lastRef = 0
  #lastLength = -1

  constructor(rows: number) {
    this.#offsets = new Int32Array(rows)
    this.#lengths = new Int32Array(rows)
    this.#nulls = nullBits(rows)
  }

  append(heap: ByteHeap, ref: number, length: number): void {
    const row = this.#rows++
    if (length < 0) return setNull(this.#nulls, row)
    const repeated =
      row > 0 && ref === this.#lastRef && length === this.#lastLength && heap.equals(ref, length, this.#bytes, this.#end - length)
    if (!repeated) {
      this.#bytes = grown(this.#bytes, this.#end + length)
      heap.copyTo(ref, length, this.#bytes, this.#end)
      this.#end += length
      this.#lastRef = ref
      this.#lastLength = length
    }
    this.#offsets[row] = this.#end - length
    this.#lengths[row] = length
  }

  finish(type: LogicalType): Vector {
    return {
      kind: 'utf8',
      type,
      nulls: this.#nulls,
      offsets: this.#offsets,
      lengths: this.#lengths,
      bytes: this.#bytes.subarray(0, this.#end),
    }
  }
}
