/** The rows that a changelog stands for: inserts minus retractions. */
import { isRetraction, type RowKind } from '#core/types/row-kind.js'
import type { ResultSortKey } from '#core/rest/responses.js'
import type { CollectedRow } from '#core/rpc/operator-events.js'
import { compareRows } from './row-order.js'

export class MaterializedRows {
  /** Row text → its occurrences' numbers, newest last. */
  readonly #places = new Map<string, number[]>()
  readonly #rows = new Map<number, CollectedRow>()
  #next = 0
  #sawChange = false

  /** True once something other than +I came. */
  get hasChanges(): boolean {
    return this.#sawChange
  }

  get size(): number {
    return this.#rows.size
  }

  apply(row: CollectedRow): void {
    if (row.kind !== 0) this.#sawChange = true
    const key = JSON.stringify(row.cells)
    const places = this.#places.get(key)
    if (isRetraction(row.kind as RowKind)) {
      const place = places?.pop()
      if (place !== undefined) this.#rows.delete(place)
      if (places?.length === 0) this.#places.delete(key)
      return
    }
    const place = this.#next++
    this.#rows.set(place, { kind: 0, cells: row.cells })
    if (places === undefined) this.#places.set(key, [place])
    else places.push(place)
  }

  /** The oldest go until there are so many. */
  keepNewest(limit: number): void {
    for (const [place, row] of this.#rows) {
      if (this.#rows.size <= limit) return
      const key = JSON.stringify(row.cells)
      const places = this.#places.get(key)
      if (places !== undefined && places.length > 1) places.shift()
      else this.#places.delete(key)
      this.#rows.delete(place)
    }
  }

  /** In that order; rows that it leaves open stay in the order they came. */
  rows(order: readonly ResultSortKey[] = []): CollectedRow[] {
    return [...this.#rows.values()].sort((a, b) => compareRows(a, b, order))
  }
}
