/**
 * Hashes to entries in pages of 8 KiB, for tables that have outgrown one array: it grows page by page (extendible hashing), and pages
 * may lie on disk. An entry is any int32 but 0; equal hashes are told apart by the owner.
 *
 *   directory  page by the upper bits of the mixed hash; doubles alone, 4 bytes per page
 *   page       [hash, entry] per slot, linear probing within the page, backward shift on removal; at 3/4 it is split in two
 *   overflow   a page that no split can relieve (one hash over and over) leads to a further one
 */
import { Pages } from './pages.js'
import { stateMemory } from './state-memory.js'

const SLOT_BITS = 10
const SLOTS = 1 << SLOT_BITS
const SLOT_MASK = SLOTS - 1
const PAGE_WORDS = 2 * SLOTS
const PAGE_BYTES = PAGE_WORDS * 4
const MAX_ENTRIES = (SLOTS * 3) >> 2
const MAX_DEPTH = 22
/** Fibonacci hashing: the upper bits depend on all bits of the hash. */
const MIX = 0x9e3779b1 | 0

export class PagedIndex {
  readonly #pages = new Pages((buffer) => new Int32Array(buffer), PAGE_BYTES)
  #directory = new Int32Array(1)
  /** Upper bits that the directory looks at. */
  #bits = 0
  /** By page: bits that its entries have in common, entries, and the overflow page (0: none). */
  #depth = new Uint8Array(16)
  #counts = new Int32Array(16)
  #overflow = new Int32Array(16)
  readonly #scratch = new Int32Array(PAGE_WORDS)
  #size = 0

  constructor() {
    this.#addPage(0)
    stateMemory.register(this)
  }

  /** Entries held. */
  get size(): number {
    return this.#size
  }

  /** Of what is not in pages. */
  residentBytes(): number {
    return this.#directory.byteLength + this.#depth.byteLength + this.#counts.byteLength + this.#overflow.byteLength + PAGE_BYTES
  }

  /** Number of the first page that may have entries of that hash. */
  pageOf(hash: number): number {
    return this.#bits === 0 ? 0 : (this.#directory[Math.imul(hash, MIX) >>> (32 - this.#bits)] as number)
  }

  /** The page, to be read only; good until the next `add`. */
  page(number: number): Int32Array {
    return this.#pages.peek(number)
  }

  /** Number of the page behind a page that has nothing; 0: there is none. */
  next(number: number): number {
    return this.#overflow[number] as number
  }

  /** The first entry of that hash for which `isEqual` holds, or 0. */
  find(hash: number, isEqual: (entry: number) => boolean): number {
    let number = this.pageOf(hash)
    do {
      const page = this.#pages.peek(number)
      for (let slot = hash & SLOT_MASK; page[2 * slot + 1] !== 0; slot = (slot + 1) & SLOT_MASK) {
        const entry = page[2 * slot + 1] as number
        if (page[2 * slot] === hash && isEqual(entry)) return entry
      }
      number = this.#overflow[number] as number
    } while (number !== 0)
    return 0
  }

  add(hash: number, entry: number): void {
    let number = this.pageOf(hash)
    while ((this.#counts[number] as number) >= MAX_ENTRIES) {
      if (this.#canSplit(number)) {
        this.#split(number)
        number = this.pageOf(hash)
      } else number = (this.#overflow[number] as number) || this.#addOverflow(number)
    }
    this.#place(number, hash, entry)
    this.#size++
  }

  /** Takes the entry out. @throws when it is not there */
  remove(hash: number, entry: number): void {
    let number = this.pageOf(hash)
    do {
      const page = this.#pages.at(number)
      for (let slot = hash & SLOT_MASK; page[2 * slot + 1] !== 0; slot = (slot + 1) & SLOT_MASK) {
        if (page[2 * slot + 1] !== entry) continue
        removeSlot(page, slot)
        this.#counts[number] = (this.#counts[number] as number) - 1
        this.#size--
        return
      }
      number = this.#overflow[number] as number
    } while (number !== 0)
    throw new Error(`there is no entry ${entry} to remove`)
  }

  clear(): void {
    this.#pages.clear()
    this.#directory = new Int32Array(1)
    this.#bits = 0
    this.#size = 0
    this.#overflow.fill(0)
    this.#addPage(0)
  }

  /** The directory does not grow for a page whose entries would mostly stay together. */
  #canSplit(number: number): boolean {
    const depth = this.#depth[number] as number
    if (depth >= MAX_DEPTH || this.#overflow[number] !== 0) return false
    return depth < this.#bits || !isMostlyOneHash(this.#pages.at(number))
  }

  #split(number: number): void {
    const old = this.#pages.at(number)
    const depth = this.#depth[number] as number
    if (depth === this.#bits) this.#doubleDirectory()
    const sibling = this.#addPage(depth + 1)
    this.#depth[number] = depth + 1
    // The page's run in the directory: its second half is now the sibling's.
    const run = 1 << (this.#bits - depth)
    const first = this.#directory.indexOf(number)
    this.#directory.fill(sibling, first + (run >> 1), first + run)
    const scratch = this.#scratch
    scratch.set(old)
    old.fill(0)
    this.#counts[number] = 0
    const shift = 31 - depth
    for (let i = 0; i < PAGE_WORDS; i += 2) {
      if (scratch[i + 1] === 0) continue
      const hash = scratch[i] as number
      this.#place(((Math.imul(hash, MIX) >>> shift) & 1) === 0 ? number : sibling, hash, scratch[i + 1] as number)
    }
  }

  #doubleDirectory(): void {
    const old = this.#directory
    const bigger = new Int32Array(old.length * 2)
    for (let i = 0; i < old.length; i++) bigger[2 * i] = bigger[2 * i + 1] = old[i] as number
    this.#directory = bigger
    this.#bits++
  }

  #place(number: number, hash: number, entry: number): void {
    const page = this.#pages.at(number)
    let slot = hash & SLOT_MASK
    while (page[2 * slot + 1] !== 0) slot = (slot + 1) & SLOT_MASK
    page[2 * slot] = hash
    page[2 * slot + 1] = entry
    this.#counts[number] = (this.#counts[number] as number) + 1
  }

  #addOverflow(number: number): number {
    const overflow = this.#addPage(this.#depth[number] as number)
    this.#overflow[number] = overflow
    return overflow
  }

  #addPage(depth: number): number {
    const number = this.#pages.count
    this.#pages.set(number)
    if (this.#depth.length <= number) {
      this.#depth = doubled(this.#depth)
      this.#counts = doubled(this.#counts)
      this.#overflow = doubled(this.#overflow)
    }
    this.#depth[number] = depth
    this.#counts[number] = 0
    return number
  }
}

/** Majority vote over the hashes of a full page. */
function isMostlyOneHash(page: Int32Array): boolean {
  let candidate = 0
  let votes = 0
  for (let i = 0; i < PAGE_WORDS; i += 2) {
    if (page[i + 1] === 0) continue
    if (votes === 0) candidate = page[i] as number
    votes += page[i] === candidate ? 1 : -1
  }
  let count = 0
  for (let i = 0; i < PAGE_WORDS; i += 2) if (page[i + 1] !== 0 && page[i] === candidate) count++
  return count > MAX_ENTRIES >> 1
}

function removeSlot(page: Int32Array, at: number): void {
  let hole = at
  for (let slot = (hole + 1) & SLOT_MASK; page[2 * slot + 1] !== 0; slot = (slot + 1) & SLOT_MASK) {
    const home = (page[2 * slot] as number) & SLOT_MASK
    if (((slot - home) & SLOT_MASK) < ((slot - hole) & SLOT_MASK)) continue
    page[2 * hole] = page[2 * slot] as number
    page[2 * hole + 1] = page[2 * slot + 1] as number
    hole = slot
  }
  page[2 * hole] = 0
  page[2 * hole + 1] = 0
}

function doubled<A extends Uint8Array | Int32Array>(array: A): A {
  const bigger = new (array.constructor as new (length: number) => A)(array.length * 2)
  bigger.set(array)
  return bigger
}
