/** What has to be looked at when a time comes, the earliest first. An entry may be put anew with another time; the old place is passed over. */
export interface Due {
  /** Infinity: at no time. Set by the queue. */
  due: number
}

interface Entry<T extends Due> {
  readonly at: number
  readonly item: T
}

export class DueQueue<T extends Due> {
  readonly #heap: Entry<T>[] = []

  /** Time of the earliest; Infinity: there is none. */
  get first(): number {
    this.#dropStale()
    return this.#heap[0]?.at ?? Infinity
  }

  put(item: T, due: number): void {
    if (item.due === due) return
    item.due = due
    if (due === Infinity) return
    const heap = this.#heap
    let at = heap.length
    heap.push({ at: due, item })
    while (at > 0) {
      const parent = (at - 1) >> 1
      if ((heap[parent] as Entry<T>).at <= due) break
      heap[at] = heap[parent] as Entry<T>
      at = parent
    }
    heap[at] = { at: due, item }
  }

  /** The earliest that is due at this time, which has no time then; undefined: there is none. */
  take(time: number): T | undefined {
    if (this.first > time || this.#heap.length === 0) return undefined
    const { item } = this.#pop()
    item.due = Infinity
    return item
  }

  #dropStale(): void {
    for (let top = this.#heap[0]; top !== undefined && top.item.due !== top.at; top = this.#heap[0]) this.#pop()
  }

  #pop(): Entry<T> {
    const heap = this.#heap
    const top = heap[0] as Entry<T>
    const last = heap.pop() as Entry<T>
    if (heap.length === 0) return top
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && (heap[child + 1] as Entry<T>).at < (heap[child] as Entry<T>).at) child++
      if ((heap[child] as Entry<T>).at >= last.at) break
      heap[at] = heap[child] as Entry<T>
      at = child
    }
    heap[at] = last
    return top
  }
}
