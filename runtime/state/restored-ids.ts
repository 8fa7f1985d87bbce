/** New ids of restored rows by their ids in the snapshot, which are unique within one handle. */
import { PagedInts } from './paged-ints.js'

export class RestoredIds {
  /** By handle: new id + 1 by old id. */
  readonly #handles: PagedInts[] = []

  put(handle: number, oldIds: Int32Array, newIds: Int32Array): void {
    let highest = -1
    for (const id of oldIds) highest = Math.max(highest, id)
    const ids = (this.#handles[handle] ??= new PagedInts())
    ids.reserve(highest + 1)
    for (let i = 0; i < oldIds.length; i++) ids.set(oldIds[i] as number, (newIds[i] as number) + 1)
  }

  /** -1: not restored here. */
  get(handle: number, oldId: number): number {
    const ids = this.#handles[handle]
    return ids === undefined || oldId < 0 || oldId >= ids.length ? -1 : ids.get(oldId) - 1
  }

  /** All new ids, in the order of handles and old ids: rows that were only ever added come in the order of their arrival. */
  *inOrder(): Iterable<number> {
    for (const ids of this.#handles) {
      if (ids === undefined) continue
      for (let id = 0; id < ids.length; id++) {
        const entry = ids.get(id)
        if (entry !== 0) yield entry - 1
      }
    }
  }

  /** Gives memory and disk back. */
  clear(): void {
    for (const ids of this.#handles) ids?.clear()
    this.#handles.length = 0
  }
}
