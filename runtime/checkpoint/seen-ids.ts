/** A set of ids of one table: a bit each, in pages that exist only where an id was added. */
const PAGE_BITS = 15
const PAGE_BYTES = 1 << (PAGE_BITS - 3)

export class SeenIds {
  readonly #pages = new Map<number, Uint8Array>()
  #lastNumber = -1
  #last: Uint8Array = new Uint8Array(0)

  /** True when the id was not there before. */
  add(id: number): boolean {
    const number = id >>> PAGE_BITS
    if (number !== this.#lastNumber) {
      let page = this.#pages.get(number)
      if (page === undefined) this.#pages.set(number, (page = new Uint8Array(PAGE_BYTES)))
      this.#last = page
      this.#lastNumber = number
    }
    const at = (id >>> 3) & (PAGE_BYTES - 1)
    const bit = 1 << (id & 7)
    const byte = this.#last[at] as number
    if ((byte & bit) !== 0) return false
    this.#last[at] = byte | bit
    return true
  }
}
