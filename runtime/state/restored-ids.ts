/** New ids of restored rows by their ids in the snapshot, which are unique within one handle. */
import { grown } from './growable.js'

export class RestoredIds {
  /** By handle: new id + 1 by old id. */
  readonly #handles: Int32Array[] = []

  put(handle: number, oldIds: Int32Array, newIds: Int32Array): void {
    let highest = -1
    for (const id of oldIds) highest = Math.max(highest, id)
    const ids = (this.#handles[handle] = grown(this.#handles[handle] ?? new Int32Array(0), highest + 1))
    for (let i = 0; i < oldIds.length; i++) ids[oldIds[i] as number] = (newIds[i] as number) + 1
  }

  /** -1: not restored here. */
  get(handle: number, oldId: number): number {
    return (this.#handles[handle]?.[oldId] ?? 0) - 1
  }

  /** All new ids, in the order of handles and old ids: rows that were only ever added come in the order of their arrival. */
  *inOrder(): Iterable<number> {
    for (const ids of this.#handles) for (const entry of ids ?? []) if (entry !== 0) yield entry - 1
  }
}
