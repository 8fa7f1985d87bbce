/** Which rows of an ordered partition each of its rows sees. */
import type { Frame, SortKey } from '#core/graph/operator-spec.js'
import type { Vector } from '../../columnar/vector.js'
import { isNull } from '../../columnar/vector.js'
import type { OrderedRows } from '../../state/ordered-rows.js'
import type { RowStore } from '../../state/row-store.js'

/** Places in the partition of the first and the last row with keys equal to those of the row. */
export interface Peers {
  readonly first: Int32Array
  readonly last: Int32Array
}

/** By row: places from (inclusive) to (exclusive). Both never fall from row to row; to <= from: the frame is empty. */
export interface FrameBounds {
  readonly from: Int32Array
  readonly to: Int32Array
}

/** `keys`: compares by the order's keys alone. */
export function peersOf(ids: Int32Array, keys: OrderedRows): Peers {
  const first = new Int32Array(ids.length)
  const last = new Int32Array(ids.length)
  for (let from = 0, end = 0; from < ids.length; from = end) {
    for (end = from + 1; end < ids.length; end++) {
      const [a, b] = [ids[end - 1] as number, ids[end] as number]
      if (a !== b && keys.compare(a, b) !== 0) break
    }
    first.fill(from, from, end)
    last.fill(end - 1, from, end)
  }
  return { first, last }
}

export function frameBounds(frame: Frame, order: readonly SortKey[], ids: Int32Array, peers: Peers, store: RowStore): FrameBounds {
  const rows = ids.length
  const from = new Int32Array(rows)
  const to = new Int32Array(rows).fill(rows)
  const { unit, start, end } = frame
  if (unit === 'ROWS') {
    for (let row = 0; row < rows; row++) {
      if (start !== null) from[row] = Math.min(rows, Math.max(0, row + start))
      if (end !== null) to[row] = Math.min(rows, Math.max(0, row + end + 1))
    }
    return { from, to }
  }
  if (start === 0) from.set(peers.first)
  if (end === 0) for (let row = 0; row < rows; row++) to[row] = (peers.last[row] as number) + 1
  if ((start === null || start === 0) && (end === null || end === 0)) return { from, to }
  const values = risingValues(order, ids, store)
  let low = 0
  let high = 0
  for (let row = 0; row < rows; row++) {
    const value = values[row] as bigint | number
    if (start !== null && start !== 0) {
      const least = moved(value, start)
      while (low < rows && (values[low] as bigint | number) < least) low++
      from[row] = low
    }
    if (end !== null && end !== 0) {
      const most = moved(value, end)
      while (high < rows && (values[high] as bigint | number) <= most) high++
      to[row] = high
    }
  }
  return { from, to }
}

/** The one key's values so that they rise along the order; NULL is an infinity: it sees its own kind only. */
function risingValues(order: readonly SortKey[], ids: Int32Array, store: RowStore): (bigint | number)[] {
  const [key] = order as [SortKey]
  const vector = store.column(key.column, ids, ids.length)
  return Array.from(ids, (_, row) => {
    if (isNull(vector, row)) return key.nullsFirst ? -Infinity : Infinity
    const value = valueAt(vector, row)
    return key.ascending ? value : -value
  })
}

function valueAt(vector: Vector, row: number): bigint | number {
  if (vector.kind !== 'int32' && vector.kind !== 'int64' && vector.kind !== 'float64')
    throw new Error(`RANGE with a distance over a column of ${vector.kind}`)
  return vector.values[row] as bigint | number
}

function moved(value: bigint | number, distance: number): bigint | number {
  return typeof value === 'bigint' ? value + BigInt(distance) : value + distance
}
