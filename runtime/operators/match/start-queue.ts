/**
 * Partial and complete matches by the row with which they begin, the earliest first. Of equal ones any may be first, but the same one as in
 * Flink, where it decides which of two matches is found: this is the binary heap of java.util.PriorityQueue, step by step.
 */
export interface Started {
  /** Number of its first row; Infinity: it has none yet. */
  readonly start: number
}

export class StartQueue<T extends Started> {
  #items: T[] = []

  /** As they lie in the heap; the first is the earliest. */
  get items(): readonly T[] {
    return this.#items
  }

  get size(): number {
    return this.#items.length
  }

  peek(): T | undefined {
    return this.#items[0]
  }

  add(item: T): void {
    this.#items.push(item)
    this.#up(this.#items.length - 1, item)
  }

  poll(): T | undefined {
    const first = this.#items[0]
    const last = this.#items.pop()
    if (last !== undefined && this.#items.length > 0) this.#down(0, last)
    return first
  }

  /** Takes out those that `goes` says; returns them. */
  removeIf(goes: (item: T) => boolean): T[] {
    const gone = this.#items.filter(goes)
    if (gone.length === 0) return gone
    this.#items = this.#items.filter((item) => !goes(item))
    for (let at = (this.#items.length >>> 1) - 1; at >= 0; at--) this.#down(at, this.#items[at] as T)
    return gone
  }

  #up(at: number, item: T): void {
    while (at > 0) {
      const parent = (at - 1) >>> 1
      const above = this.#items[parent] as T
      if (item.start >= above.start) break
      this.#items[at] = above
      at = parent
    }
    this.#items[at] = item
  }

  #down(at: number, item: T): void {
    const half = this.#items.length >>> 1
    while (at < half) {
      let child = 2 * at + 1
      const right = this.#items[child + 1]
      if (right !== undefined && (this.#items[child] as T).start > right.start) child++
      const below = this.#items[child] as T
      if (item.start <= below.start) break
      this.#items[at] = below
      at = child
    }
    this.#items[at] = item
  }
}
