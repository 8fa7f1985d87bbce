/**
 * Ordered sets of stored rows: treaps whose nodes are the rows of a RowStore, links in the rows' extra words. One store may
 * hold many trees (one per group). A tree is its root: row id + 1, or 0 for none. Expected cost of all steps: O(log n).
 *
 *   extra words:  left | right | sequence low | sequence high | owner's …
 *
 * Order: the sort keys, then the sequence number given by the owner (0: rows with equal keys are one and the same).
 */
import type { SortKey } from '#core/graph/operator-spec.js'
import type { Vector } from '../columnar/vector.js'
import type { RowStore } from './row-store.js'

const LEFT = 0
const RIGHT = 1
const SEQUENCE_LOW = 2
const SEQUENCE_HIGH = 3
/** Extra words of a row that belong to the tree; the owner's follow. */
export const TREE_WORDS = 4

export class OrderedRows {
  readonly #store: RowStore
  readonly #keys: readonly SortKey[]
  #sequenced = false

  constructor(store: RowStore, keys: readonly SortKey[]) {
    this.#store = store
    this.#keys = keys
  }

  setSequence(id: number, sequence: number): void {
    this.#sequenced = true
    this.#store.setExtra(id, SEQUENCE_LOW, (sequence % 4294967296) | 0)
    this.#store.setExtra(id, SEQUENCE_HIGH, Math.floor(sequence / 4294967296))
  }

  /** As it was set. */
  sequenceOf(id: number): number {
    return this.#store.extra(id, SEQUENCE_HIGH) * 4294967296 + (this.#store.extra(id, SEQUENCE_LOW) >>> 0)
  }

  /** Negative: a comes before b. */
  compare(a: number, b: number): number {
    const store = this.#store
    for (let i = 0; i < this.#keys.length; i++) {
      const key = this.#keys[i] as SortKey
      if (store.hasNulls(key.column)) {
        const nullA = store.isNull(a, key.column)
        const nullB = store.isNull(b, key.column)
        if (nullA && nullB) continue
        if (nullA || nullB) return nullA === key.nullsFirst ? -1 : 1
      }
      const order = store.compareColumn(a, b, key.column)
      if (order !== 0) return key.ascending ? order : -order
    }
    if (!this.#sequenced) return 0
    const high = store.extra(a, SEQUENCE_HIGH) - store.extra(b, SEQUENCE_HIGH)
    return high !== 0 ? high : (store.extra(a, SEQUENCE_LOW) >>> 0) - (store.extra(b, SEQUENCE_LOW) >>> 0)
  }

  /** The stored row and one of a batch by the sort keys alone. Negative: the stored one comes before. */
  compareKeys(id: number, columns: readonly Vector[], position: number): number {
    const store = this.#store
    for (let i = 0; i < this.#keys.length; i++) {
      const key = this.#keys[i] as SortKey
      const { nulls } = columns[key.column] as Vector
      const isNull = nulls !== undefined && ((nulls[position >> 3] as number) & (1 << (position & 7))) !== 0
      if (isNull || store.hasNulls(key.column)) {
        const storedNull = store.isNull(id, key.column)
        if (storedNull && isNull) continue
        if (storedNull || isNull) return storedNull === key.nullsFirst ? -1 : 1
      }
      const order = store.compareValue(id, key.column, columns, position)
      if (order !== 0) return key.ascending ? order : -order
    }
    return 0
  }

  /** The tree with the row in it. */
  insert(root: number, id: number): number {
    if (root === 0) return id + 1
    const node = root - 1
    if (priority(id) > priority(node)) {
      this.#split(root, id)
      this.#store.setExtra(id, LEFT, this.#splitLeft)
      this.#store.setExtra(id, RIGHT, this.#splitRight)
      return id + 1
    }
    const side = this.compare(id, node) < 0 ? LEFT : RIGHT
    this.#store.setExtra(node, side, this.insert(this.#store.extra(node, side), id))
    return root
  }

  /** The tree without the row, which must be in it. */
  remove(root: number, id: number): number {
    const store = this.#store
    if (root === id + 1) {
      const rest = this.#merge(store.extra(id, LEFT), store.extra(id, RIGHT))
      store.setExtra(id, LEFT, 0)
      store.setExtra(id, RIGHT, 0)
      return rest
    }
    if (root === 0) throw new Error('row to remove is not in its tree')
    const node = root - 1
    const side = this.compare(id, node) < 0 ? LEFT : RIGHT
    store.setExtra(node, side, this.remove(store.extra(node, side), id))
    return root
  }

  /** The row of the tree that compares equal to the (stored) row, or -1. */
  find(root: number, id: number): number {
    while (root !== 0) {
      const order = this.compare(id, root - 1)
      if (order === 0) return root - 1
      root = this.#store.extra(root - 1, order < 0 ? LEFT : RIGHT)
    }
    return -1
  }

  /** Last row for which `isAfter` does not hold, or -1; it holds for all rows behind one for which it does. */
  lastUntil(root: number, isAfter: (id: number) => boolean): number {
    let found = -1
    while (root !== 0) {
      const node = root - 1
      const after = isAfter(node)
      if (!after) found = node
      root = this.#store.extra(node, after ? LEFT : RIGHT)
    }
    return found
  }

  /** First row, or -1. */
  first(root: number): number {
    return this.#end(root, LEFT)
  }

  /** Last row, or -1. */
  last(root: number): number {
    return this.#end(root, RIGHT)
  }

  /** Up to `limit` rows in order, after the first `skip`. */
  rows(root: number, skip: number, limit: number): Int32Array {
    const result: number[] = []
    const stack: number[] = []
    let node = root
    let rank = 0
    while ((node !== 0 || stack.length > 0) && result.length < limit) {
      for (; node !== 0; node = this.#store.extra(node - 1, LEFT)) stack.push(node)
      const top = stack.pop() as number
      if (rank++ >= skip) result.push(top - 1)
      node = this.#store.extra(top - 1, RIGHT)
    }
    return Int32Array.from(result)
  }

  #splitLeft = 0
  #splitRight = 0

  /** Rows of the tree before and after `id`, into #splitLeft and #splitRight. */
  #split(root: number, id: number): void {
    if (root === 0) {
      this.#splitLeft = 0
      this.#splitRight = 0
      return
    }
    const node = root - 1
    if (this.compare(id, node) < 0) {
      this.#split(this.#store.extra(node, LEFT), id)
      this.#store.setExtra(node, LEFT, this.#splitRight)
      this.#splitRight = root
    } else {
      this.#split(this.#store.extra(node, RIGHT), id)
      this.#store.setExtra(node, RIGHT, this.#splitLeft)
      this.#splitLeft = root
    }
  }

  /** One tree of two, all rows of `left` before those of `right`. */
  #merge(left: number, right: number): number {
    if (left === 0) return right
    if (right === 0) return left
    if (priority(left - 1) > priority(right - 1)) {
      this.#store.setExtra(left - 1, RIGHT, this.#merge(this.#store.extra(left - 1, RIGHT), right))
      return left
    }
    this.#store.setExtra(right - 1, LEFT, this.#merge(left, this.#store.extra(right - 1, LEFT)))
    return right
  }

  #end(root: number, side: number): number {
    if (root === 0) return -1
    for (let next = this.#store.extra(root - 1, side); next !== 0; next = this.#store.extra(root - 1, side)) root = next
    return root - 1
  }
}

/** As good as random, and the same at every call. */
function priority(id: number): number {
  let h = Math.imul(id + 1, 0x9e3779b1)
  h ^= h >>> 15
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  return Math.imul(h, 0xc2b2ae35) >>> 0
}
