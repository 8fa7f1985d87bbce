/**
 * Pages of one size, in memory or (state-memory.ts) on disk. A page keeps its place; the array that shows it is good until the end of
 * the batch. One that was only read since it came from disk leaves without being written again. A page may be smaller (a first one that
 * grows), or larger when the next numbers are of empty ones (a run for one long string).
 */
import { grown } from './growable.js'
import type { SpillFiles, SpillPart } from './spill-file.js'
import { stateMemory, type MemoryUser } from './state-memory.js'

const USED = 1
const CHANGED = 2

type PageArray = Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>

export class Pages<A extends PageArray> implements MemoryUser {
  readonly #make: (buffer: ArrayBuffer) => A
  readonly #pageBytes: number
  /** Bytes of the pages that are of another size. */
  readonly #odd = new Map<number, number>()
  #pages: (A | undefined)[] = []
  /** USED: since the last round. CHANGED: not on disk as it is. */
  #marks = new Uint8Array(16)
  #resident = 0
  #file: SpillPart | undefined
  /** Where the next round goes on. */
  #hand = 0

  constructor(make: (buffer: ArrayBuffer) => A, pageBytes: number) {
    this.#make = make
    this.#pageBytes = pageBytes
    stateMemory.register(this)
  }

  get count(): number {
    return this.#pages.length
  }

  /** The page, to be changed; fetched back where it is on disk. It must exist. @throws STATE_SPILL_FAILED */
  at(number: number): A {
    const page = this.#pages[number] ?? this.#fetch(number)
    this.#marks[number] = USED | CHANGED
    return page
  }

  /** The page, to be read only. It must exist. @throws STATE_SPILL_FAILED */
  peek(number: number): A {
    const page = this.#pages[number] ?? this.#fetch(number)
    this.#marks[number] = (this.#marks[number] as number) | USED
    return page
  }

  /** Adds a page of zeros behind the last one, or puts one of another size there or in its place. */
  set(number: number, page?: A): A {
    if (this.#marks.length <= number) this.#marks = grown(this.#marks, number + 1)
    const before = this.#pages[number]
    const next = page ?? this.#make(stateMemory.takeBuffer(this.#pageBytes, true))
    if (next.byteLength !== this.#pageBytes) this.#odd.set(number, next.byteLength)
    else if (this.#odd.size > 0) this.#odd.delete(number)
    this.#resident += next.byteLength - (before?.byteLength ?? 0)
    stateMemory.taken(next.byteLength)
    this.#pages[number] = next
    this.#marks[number] = USED | CHANGED
    return next
  }

  clear(): void {
    this.#pages = []
    this.#odd.clear()
    this.#resident = 0
    this.#hand = 0
    this.#file?.close()
    this.#file = undefined
  }

  residentBytes(): number {
    return this.#resident
  }

  release(wanted: number, spill: SpillFiles): number {
    let released = 0
    const pages = this.#pages
    for (let looked = 0; looked < pages.length && released < wanted; looked++) {
      this.#hand = this.#hand + 1 < pages.length ? this.#hand + 1 : 0
      const page = pages[this.#hand]
      if (page === undefined || page.byteLength === 0) continue
      const marks = this.#marks[this.#hand] as number
      if ((marks & USED) !== 0) {
        this.#marks[this.#hand] = marks & ~USED
        continue
      }
      if ((marks & CHANGED) !== 0) {
        this.#file ??= spill.create()
        this.#file.write(new Uint8Array(page.buffer), this.#hand * this.#pageBytes)
        stateMemory.wrote(page.byteLength)
      }
      pages[this.#hand] = undefined
      if (page.byteLength === this.#pageBytes) stateMemory.giveBuffer(page.buffer)
      this.#resident -= page.byteLength
      released += page.byteLength
    }
    return released
  }

  #fetch(number: number): A {
    const file = this.#file
    if (file === undefined || number >= this.#pages.length) throw new Error(`there is no page ${number}`)
    const bytes = this.#odd.get(number) ?? this.#pageBytes
    const buffer = bytes === this.#pageBytes ? stateMemory.takeBuffer(bytes, false) : new ArrayBuffer(bytes)
    file.read(new Uint8Array(buffer), number * this.#pageBytes)
    const page = this.#make(buffer)
    this.#pages[number] = page
    this.#marks[number] = 0
    this.#resident += bytes
    stateMemory.taken(bytes)
    return page
  }
}
