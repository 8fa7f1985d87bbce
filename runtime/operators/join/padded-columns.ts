/** Columns of an outer join's rows: where one side has no row, its columns are NULL. */
import type { LogicalType } from '#core/types/logical-type.js'
import type { Vector } from '../../columnar/vector.js'
import { vectorKind } from '../../columnar/vector.js'
import type { RowStore } from '../../state/row-store.js'
import { takeVector } from '../changelog.js'

/** Stands for no row among positions and ids. */
export const NO_ROW = -1

/** The columns' rows at `positions`; NULL where the position is NO_ROW. `somewhere`: any position that is there. */
export function takePadded(columns: readonly Vector[], positions: Int32Array, somewhere: number, types: readonly LogicalType[]): Vector[] {
  const padding = paddingOf(positions)
  if (padding === undefined) return columns.map((column, i) => takeVector(column, positions, types[i]))
  const filled = positions.map((position) => (position === NO_ROW ? somewhere : position))
  return columns.map((column, i) => withNulls(takeVector(column, filled, types[i]), padding))
}

/** The stored rows `ids`; NULL where the id is NO_ROW. */
export function storedPadded(store: RowStore, ids: Int32Array, types: readonly LogicalType[]): Vector[] {
  const padding = paddingOf(ids)
  const somewhere = ids.find((id) => id !== NO_ROW)
  if (somewhere === undefined) return types.map((type) => nullVector(type, ids.length))
  const filled = padding === undefined ? ids : ids.map((id) => (id === NO_ROW ? somewhere : id))
  return store.columns(filled, ids.length).map((column, i) => {
    const typed = { ...column, type: types[i] as LogicalType } as Vector
    return padding === undefined ? typed : withNulls(typed, padding)
  })
}

export function nullVector(type: LogicalType, count: number): Vector {
  const nulls = new Uint8Array((count + 7) >> 3).fill(0xff)
  const kind = vectorKind(type)
  switch (kind) {
    case 'boolean':
      return { kind, type, nulls, values: new Uint8Array(count) }
    case 'int32':
      return { kind, type, nulls, values: new Int32Array(count) }
    case 'int64':
      return { kind, type, nulls, values: new BigInt64Array(count) }
    case 'float64':
      return { kind, type, nulls, values: new Float64Array(count) }
    case 'decimal128':
      return { kind, type, nulls, lanes: new BigInt64Array(2 * count) }
    case 'utf8':
      return { kind, type, nulls, offsets: new Int32Array(count), lengths: new Int32Array(count), bytes: new Uint8Array(0) }
    case 'object':
      return { kind, type, nulls: undefined, values: new Array<null>(count).fill(null) }
  }
}

/** Bits of the rows that are NO_ROW; undefined: none is. */
function paddingOf(rows: Int32Array): Uint8Array | undefined {
  let bits: Uint8Array | undefined
  for (let i = 0; i < rows.length; i++) {
    if (rows[i] !== NO_ROW) continue
    bits ??= new Uint8Array((rows.length + 7) >> 3)
    bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7))
  }
  return bits
}

function withNulls(column: Vector, more: Uint8Array): Vector {
  const nulls = more.slice()
  if (column.nulls !== undefined) for (let i = 0; i < nulls.length; i++) nulls[i] = (nulls[i] as number) | (column.nulls[i] as number)
  return { ...column, nulls } as Vector
}
