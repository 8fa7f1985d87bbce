/** Small steps that operators share when they build output batches. */
import type { LogicalType } from '#core/types/logical-type.js'
import { isRetraction, type RowKind } from '#core/types/row-kind.js'
import type { Batch } from '../columnar/batch.js'
import { copyNulls } from '../columnar/gather.js'
import type { Vector } from '../columnar/vector.js'

/** The column's rows at `positions`, in that order, rows may repeat. Strings share the bytes of the source. */
export function takeVector(vector: Vector, positions: Int32Array, type: LogicalType = vector.type): Vector {
  const count = positions.length
  let nulls: Uint8Array | undefined
  if (vector.nulls !== undefined) {
    nulls = new Uint8Array((count + 7) >> 3)
    copyNulls({ vector, positions, length: count }, nulls, 0)
  }
  switch (vector.kind) {
    case 'boolean': {
      const values = new Uint8Array(count)
      for (let i = 0; i < count; i++) values[i] = vector.values[positions[i] as number] as number
      return { kind: 'boolean', type, nulls, values }
    }
    case 'int32':
      return { kind: 'int32', type, nulls, values: takeInt32(vector.values, positions) }
    case 'int64':
      return { kind: 'int64', type, nulls, values: new BigInt64Array(takeWords(vector.values, positions, 2).buffer) }
    case 'float64':
      return { kind: 'float64', type, nulls, values: new Float64Array(takeWords(vector.values, positions, 2).buffer) }
    case 'decimal128':
      return { kind: 'decimal128', type, nulls, lanes: new BigInt64Array(takeWords(vector.lanes, positions, 4).buffer) }
    case 'utf8':
      return {
        kind: 'utf8',
        type,
        nulls,
        offsets: takeInt32(vector.offsets, positions),
        lengths: takeInt32(vector.lengths, positions),
        bytes: vector.bytes,
      }
    case 'object':
      return { kind: 'object', type, nulls, values: Array.from(positions, (position) => vector.values[position]) }
  }
}

/** The batch has -U or -D rows. */
export function hasRetractions(batch: Batch): boolean {
  if (batch.rowKinds === undefined) return false
  for (let row = 0; row < batch.length; row++) if (isRetraction(batch.rowKinds[batch.position(row)] as RowKind)) return true
  return false
}

export function takeInt32(source: Int32Array, positions: Int32Array): Int32Array {
  const values = new Int32Array(positions.length)
  for (let i = 0; i < positions.length; i++) values[i] = source[positions[i] as number] as number
  return values
}

function takeWords(lanes: BigInt64Array | Float64Array, positions: Int32Array, width: number): Int32Array {
  const source = new Int32Array(lanes.buffer, lanes.byteOffset, lanes.length * 2)
  const words = new Int32Array(positions.length * width)
  for (let i = 0; i < positions.length; i++) {
    const from = (positions[i] as number) * width
    for (let w = 0; w < width; w++) words[i * width + w] = source[from + w] as number
  }
  return words
}
