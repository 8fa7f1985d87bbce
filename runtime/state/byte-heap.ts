/**
 * Byte strings of keyed state in pages, addressed by an int32. No JavaScript object per string, so the collector never sees them.
 *
 *   ref (uint32): | page (21 bits) | cell in the page (11 bits) |     cell = 8 bytes, page = 16 KiB
 *
 * A freed string goes to the free list of its size (whole cells up to 512 bytes, eight sizes to a doubling above) and is used again by
 * the next string of that size. A string longer than a page gets a page run of its own. The first page starts small and doubles, so
 * that little states (a window's) cost little. Ref 0 is the empty string.
 */
import { defineError } from '#core/errors/define-error.js'
import { Pages } from './pages.js'

export const StateTooLarge = defineError('STATE_TOO_LARGE', {
  recovery: 'fail-job',
  message: (d: { what: string; limit: string }) =>
    `The state of this subtask has outgrown its limit: ${d.what} (limit: ${d.limit}). ` +
    'Run the operator with a higher parallelism, or keep less state.',
})

const CELL_BITS = 11
const CELLS_PER_PAGE = 1 << CELL_BITS
const CELL_MASK = CELLS_PER_PAGE - 1
const PAGE_BYTES = CELLS_PER_PAGE << 3
const FIRST_PAGE_BYTES = 4096
const MAX_PAGES = 1 << 21
/** Up to this many cells a size class is exact. */
const EXACT_CELLS = 64
const EXACT_BITS = 6
/** Above, so many sizes to each doubling: an eighth of a string's place at most is left over. */
const STEP_BITS = 3
const CLASSES = EXACT_CELLS + 1 + ((CELL_BITS - EXACT_BITS) << STEP_BITS)
/** Below this a byte loop beats `set(subarray)`. */
const SHORT = 48

export class ByteHeap {
  readonly #pages = new Pages((buffer) => new Uint8Array(buffer), PAGE_BYTES)
  #top = 1
  readonly #free = new Int32Array(CLASSES)
  #liveBytes = 0

  /** Bytes of the strings held, without rounding. */
  get liveBytes(): number {
    return this.#liveBytes
  }

  /** Stores source[start, start + length). @throws STATE_TOO_LARGE */
  store(source: Uint8Array, start: number, length: number): number {
    if (length === 0) return 0
    const ref = this.#allocate(length)
    const page = this.#pages.at(ref >>> CELL_BITS)
    const at = (ref & CELL_MASK) << 3
    if (length < SHORT) for (let i = 0; i < length; i++) page[at + i] = source[start + i] as number
    else page.set(source.subarray(start, start + length), at)
    return ref
  }

  free(ref: number, length: number): void {
    if (length === 0) return
    this.#liveBytes -= length
    const cells = cellsOf(length)
    if (cells > CELLS_PER_PAGE) {
      this.#pages.set(ref >>> CELL_BITS, EMPTY) // page numbers are not used again; the memory is
      return
    }
    const page = this.#pages.at(ref >>> CELL_BITS)
    const at = (ref & CELL_MASK) << 3
    const size = classOf(cells)
    const next = this.#free[size] as number
    page[at] = next
    page[at + 1] = next >>> 8
    page[at + 2] = next >>> 16
    page[at + 3] = next >>> 24
    this.#free[size] = ref
  }

  equals(ref: number, length: number, source: Uint8Array, start: number): boolean {
    if (length === 0) return true
    const page = this.#pages.peek(ref >>> CELL_BITS)
    const at = (ref & CELL_MASK) << 3
    for (let i = 0; i < length; i++) if (page[at + i] !== source[start + i]) return false
    return true
  }

  /** Order of bytes (which is the order of code points): negative, 0, positive. */
  compare(ref: number, length: number, source: Uint8Array, start: number, sourceLength: number): number {
    const shorter = Math.min(length, sourceLength)
    if (shorter > 0) {
      const page = this.#pages.peek(ref >>> CELL_BITS)
      const at = (ref & CELL_MASK) << 3
      for (let i = 0; i < shorter; i++) {
        const difference = (page[at + i] as number) - (source[start + i] as number)
        if (difference !== 0) return difference
      }
    }
    return length - sourceLength
  }

  copyTo(ref: number, length: number, target: Uint8Array, at: number): void {
    if (length === 0) return
    const page = this.#pages.peek(ref >>> CELL_BITS)
    const from = (ref & CELL_MASK) << 3
    if (length < SHORT) for (let i = 0; i < length; i++) target[at + i] = page[from + i] as number
    else target.set(page.subarray(from, from + length), at)
  }

  /** The page that holds the string, and where in it: for comparing two stored strings. */
  page(ref: number): Uint8Array {
    return ref === 0 ? EMPTY : this.#pages.peek(ref >>> CELL_BITS)
  }

  /** The same, to be written to within the string's cells. */
  pageToChange(ref: number): Uint8Array {
    return this.#pages.at(ref >>> CELL_BITS)
  }

  offset(ref: number): number {
    return (ref & CELL_MASK) << 3
  }

  clear(): void {
    this.#pages.clear()
    this.#top = 1
    this.#free.fill(0)
    this.#liveBytes = 0
  }

  #allocate(length: number): number {
    this.#liveBytes += length
    const exact = cellsOf(length)
    if (exact > CELLS_PER_PAGE) return this.#allocateRun(exact)
    const size = classOf(exact)
    const free = this.#free[size] as number
    if (free !== 0) {
      const page = this.#pages.at(free >>> CELL_BITS)
      const at = (free & CELL_MASK) << 3
      this.#free[size] =
        (page[at] as number) | ((page[at + 1] as number) << 8) | ((page[at + 2] as number) << 16) | ((page[at + 3] as number) << 24)
      return free
    }
    const cells = cellsOfClass(size)
    if ((this.#top & CELL_MASK) + cells > CELLS_PER_PAGE) this.#top = ((this.#top | CELL_MASK) >>> 0) + 1
    const ref = this.#top
    const pageNumber = ref >>> CELL_BITS
    if (pageNumber >= MAX_PAGES) throw tooLarge()
    const end = ((ref & CELL_MASK) + cells) << 3
    if (pageNumber >= this.#pages.count) {
      this.#pages.set(pageNumber, pageNumber === 0 ? new Uint8Array(Math.max(FIRST_PAGE_BYTES, powerOfTwo(end))) : undefined)
    } else if (pageNumber === 0 && this.#pages.at(0).length < end) {
      const bigger = new Uint8Array(powerOfTwo(end))
      bigger.set(this.#pages.at(0))
      this.#pages.set(0, bigger)
    }
    this.#top += cells
    return ref | 0
  }

  #allocateRun(cells: number): number {
    const first = (this.#top + CELL_MASK) >>> CELL_BITS
    const pages = Math.ceil(cells / CELLS_PER_PAGE)
    if (first + pages >= MAX_PAGES) throw tooLarge()
    while (this.#pages.count < first) this.#pages.set(this.#pages.count)
    this.#pages.set(first, new Uint8Array(cells * 8))
    for (let i = 1; i < pages; i++) this.#pages.set(first + i, EMPTY)
    this.#top = (first + pages) * CELLS_PER_PAGE
    return (first << CELL_BITS) | 0
  }
}

const EMPTY = new Uint8Array(0)

function tooLarge() {
  return new StateTooLarge({ what: 'strings in keyed state', limit: `${(MAX_PAGES * PAGE_BYTES) / 2 ** 30} GiB` })
}

function cellsOf(length: number): number {
  return (length + 7) >>> 3
}

/** 1..64: that many cells; above: the lowest whose `cellsOfClass` is enough. */
function classOf(cells: number): number {
  if (cells <= EXACT_CELLS) return cells
  const doubling = 31 - Math.clz32(cells - 1) // 2^doubling < cells <= 2^(doubling + 1)
  const step = (cells - 1 - (1 << doubling)) >> (doubling - STEP_BITS)
  return EXACT_CELLS + 1 + ((doubling - EXACT_BITS) << STEP_BITS) + step
}

function cellsOfClass(size: number): number {
  if (size <= EXACT_CELLS) return size
  const above = size - EXACT_CELLS - 1
  const doubling = (above >> STEP_BITS) + EXACT_BITS
  return (1 << doubling) + (((above & ((1 << STEP_BITS) - 1)) + 1) << (doubling - STEP_BITS))
}

function powerOfTwo(atLeast: number): number {
  return 1 << (32 - Math.clz32(atLeast - 1))
}
