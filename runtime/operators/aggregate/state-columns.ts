/** Accumulator arrays by group id as columns of a snapshot, and back. */
import { BIGINT, notNull, type LogicalType } from '#core/types/logical-type.js'
import type { Vector } from '../../columnar/vector.js'

/** Counts of rows: exact up to 2^53. */
export const COUNT_TYPE: LogicalType = notNull(BIGINT)

/** The groups' counts as a BIGINT column. */
export function savedCounts(counts: Float64Array, groups: Int32Array, count: number): Vector {
  const words = new Int32Array(2 * count)
  for (let i = 0; i < count; i++) {
    const value = counts[groups[i] as number] as number
    words[2 * i] = value
    words[2 * i + 1] = Math.floor(value / 4294967296)
  }
  return { kind: 'int64', type: COUNT_TYPE, nulls: undefined, values: new BigInt64Array(words.buffer) }
}

export function loadCounts(column: Vector, groups: Int32Array, counts: Float64Array): void {
  const words = columnWords(column)
  for (let i = 0; i < groups.length; i++) {
    counts[groups[i] as number] = (words[2 * i + 1] as number) * 4294967296 + ((words[2 * i] as number) >>> 0)
  }
}

/** `width` int32 words of each group. */
export function savedWords(lanes: Lanes, width: number, groups: Int32Array, count: number): Int32Array<ArrayBuffer> {
  const source = laneWords(lanes)
  const words = new Int32Array(width * count)
  for (let i = 0; i < count; i++) {
    const from = (groups[i] as number) * width
    for (let w = 0; w < width; w++) words[i * width + w] = source[from + w] as number
  }
  return words
}

/** Writes the column's words, `width` a row, to the groups' places. */
export function loadWords(column: Vector, width: number, groups: Int32Array, lanes: Lanes): void {
  const source = columnWords(column)
  const target = laneWords(lanes)
  for (let i = 0; i < groups.length; i++) {
    const to = (groups[i] as number) * width
    for (let w = 0; w < width; w++) target[to + w] = source[i * width + w] as number
  }
}

type Lanes = BigInt64Array | Float64Array | Int32Array

function laneWords(lanes: Lanes): Int32Array {
  return lanes instanceof Int32Array ? lanes : new Int32Array(lanes.buffer, lanes.byteOffset, lanes.length * 2)
}

function columnWords(column: Vector): Int32Array {
  switch (column.kind) {
    case 'int32':
    case 'int64':
    case 'float64':
      return laneWords(column.values)
    case 'decimal128':
      return laneWords(column.lanes)
    default:
      throw new Error(`a column of kind ${column.kind} holds no numbers`)
  }
}
