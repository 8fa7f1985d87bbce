/**
 * Sorts all rows of a store at once: a stable merge sort over ids, on a double per row that decides most comparisons. Reads rows that lie
 * on disk, and lets others leave meanwhile; takes 24 bytes a row itself while it sorts.
 */
import type { SortKey } from '#core/graph/operator-spec.js'
import type { OrderedRows } from './ordered-rows.js'
import type { RowStore } from './row-store.js'
import { stateMemory } from './state-memory.js'

/** Rows looked at before memory is trimmed. */
const TRIM_ROWS = 1024

/** Ids of the rows held, in the order of `order` (made with `keys`). Nobody holds on to a page meanwhile. */
export function sortedRows(store: RowStore, order: OrderedRows, keys: readonly SortKey[]): Int32Array {
  let ids = store.liveIds()
  const prefixes = firstKeyPrefixes(store, ids, keys[0])
  // Sorted are places in `ids`, so that a comparison finds its prefixes side by side.
  let places = Int32Array.from(ids, (_, i) => i)
  let target = new Int32Array(ids.length)
  for (let width = 1; width < ids.length; width *= 2) {
    for (let from = 0; from < ids.length; from += 2 * width) {
      merge(places, target, from, Math.min(from + width, ids.length), Math.min(from + 2 * width, ids.length), prefixes, ids, order)
    }
    ;[places, target] = [target, places]
  }
  ids = places.map((place) => ids[place] as number)
  return ids
}

function merge(
  source: Int32Array,
  target: Int32Array,
  from: number,
  middle: number,
  end: number,
  prefixes: Float64Array,
  ids: Int32Array,
  order: OrderedRows,
): void {
  let left = from
  let right = middle
  for (let at = from; at < end; at++) {
    if (at % TRIM_ROWS === 0) stateMemory.trim()
    let takeLeft = right >= end
    if (left < middle && right < end) {
      const a = source[left] as number
      const b = source[right] as number
      const prefixA = prefixes[a] as number
      const prefixB = prefixes[b] as number
      takeLeft = prefixA !== prefixB ? prefixA < prefixB : order.compare(ids[a] as number, ids[b] as number) <= 0
    }
    target[at] = takeLeft ? (source[left++] as number) : (source[right++] as number)
  }
}

/** Rows with different prefixes have that order; equal prefixes decide nothing. */
function firstKeyPrefixes(store: RowStore, ids: Int32Array, key: SortKey | undefined): Float64Array {
  const prefixes = new Float64Array(ids.length)
  if (key === undefined) return prefixes
  const { column, ascending, nullsFirst } = key
  const skip = store.commonPrefix(ids, column)
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number
    if (i % TRIM_ROWS === 0) stateMemory.trim()
    if (store.isNull(id, column)) prefixes[i] = nullsFirst ? -Infinity : Infinity
    else prefixes[i] = ascending ? store.orderPrefix(id, column, skip) : -store.orderPrefix(id, column, skip)
  }
  return prefixes
}
