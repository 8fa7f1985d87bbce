/**
 * The memory that keyed state of one slot may take, and what happens beyond: pages that were not used lately go to a file on the local
 * disk and come back when they are asked for. One per slot's thread; without a limit (the embedded default) nothing ever leaves.
 *
 *   within a batch  pages are only added and fetched back, so a loop may hold on to a page
 *   after a batch   trim(): while there is too much, pages without a use since the last round are written out (second chance)
 */
import { SpillFiles } from './spill-file.js'

/** What holds state in memory. */
export interface MemoryUser {
  /** Bytes that it holds in memory now. */
  residentBytes(): number
  /**
   * Moves pages without a use since the last call out of memory until `wanted` bytes are free; pages with one lose their mark.
   * Answers with the bytes freed.
   */
  release?(wanted: number, spill: SpillFiles): number
}

/** Trimmed a little further than needed, so that not every batch trims. */
const TRIM_TO = 0.95
/** What state may take of its budget while the process is short of memory. */
const TIGHT_SHARE = 3 / 4
/** So many bytes come in before the sum is made again, or this part of the budget. */
const TRIM_STEP_BYTES = 1024 * 1024
const TRIM_STEP_SHARE = 1 / 32
const ROUNDS = 2
/** One table's arrays may take this part of the budget before it goes into pages, those of all tables together that one. */
const ARRAYS_SHARE = 1 / 16
const ALL_ARRAYS_SHARE = 1 / 2
/** A table this small is not worth pages, nor one of this part of the budget. */
const SMALL_TABLE_BYTES = 8 * 1024
const SMALL_TABLE_SHARE = 1 / 1024
/** A page of rows: the smaller, the less is moved for one row; the larger, the fewer of them for the collector to find. */
const MIN_PAGE_BYTES = 4 * 1024
const MAX_PAGE_BYTES = 64 * 1024
const PAGES_IN_BUDGET = 1 << 16

export class StateMemory {
  #budget = Infinity
  #files: SpillFiles | undefined
  #users: WeakRef<MemoryUser>[] = []
  #sinceTrim = 0
  #trimStep = TRIM_STEP_BYTES
  /** Of the budget that may be used now. */
  #share = 1
  #spilledBytes = 0
  /** Buffers of pages that left, by size: the next pages are made of them, so that the collector has nothing to find. */
  readonly #spare = new Map<number, ArrayBuffer[]>()
  #spareBytes = 0

  /** `budget` in bytes; files are made in `directory`. Infinity: whoever has registered until now will not be asked for memory any more. */
  limit(budget: number, directory: string): void {
    if (budget === Infinity) this.#users = []
    this.#budget = budget
    this.#trimStep = Math.min(TRIM_STEP_BYTES, budget * TRIM_STEP_SHARE)
    this.#files = new SpillFiles(directory)
  }

  /** There is another budget from now on. A larger one fills as pages are asked for. Without effect where there is no limit. */
  rebudget(budget: number): void {
    if (this.#files === undefined) return
    this.#budget = budget
    this.#trimStep = Math.min(TRIM_STEP_BYTES, budget * TRIM_STEP_SHARE)
  }

  /** The process is short of memory, or no more: until then state takes less than its budget. */
  tighten(tight: boolean): void {
    this.#share = tight ? TIGHT_SHARE : 1
    this.#sinceTrim = Infinity // the next trim looks, whatever came in
  }

  /** Bytes that one table may hold in arrays, which cannot leave memory. */
  get arrayBytes(): number {
    return this.#budget * ARRAYS_SHARE
  }

  /** May a table whose arrays have `held` bytes replace them by ones of `bytes`? Otherwise it goes into pages. */
  allowsArrays(bytes: number, held: number): boolean {
    if (bytes <= Math.min(SMALL_TABLE_BYTES, this.#budget * SMALL_TABLE_SHARE) || this.#budget === Infinity) return true
    if (bytes > this.arrayBytes) return false
    let others = -held
    for (const user of this.#live()) if (user.release === undefined) others += user.residentBytes()
    return others + bytes <= this.#budget * ALL_ARRAYS_SHARE
  }

  /** Of rows of that many bytes, how many bits of a row's id are its place in a page. */
  pageBits(rowBytes: number): number {
    const share = this.#budget === Infinity ? MAX_PAGE_BYTES : this.#budget / PAGES_IN_BUDGET
    const bytes = Math.min(MAX_PAGE_BYTES, Math.max(MIN_PAGE_BYTES, share))
    return Math.max(2, Math.min(10, Math.floor(Math.log2(bytes / rowBytes))))
  }

  /** For a page. `zeroed`: else it has what another left in it. */
  takeBuffer(bytes: number, zeroed: boolean): ArrayBuffer {
    const buffer = this.#spare.get(bytes)?.pop()
    if (buffer === undefined) return new ArrayBuffer(bytes)
    this.#spareBytes -= bytes
    if (zeroed) new Uint8Array(buffer).fill(0)
    return buffer
  }

  /** A page left it, and nobody else has it. */
  giveBuffer(buffer: ArrayBuffer): void {
    const { byteLength } = buffer
    const spare = this.#spare.get(byteLength)
    if (spare === undefined) this.#spare.set(byteLength, [buffer])
    else spare.push(buffer)
    this.#spareBytes += byteLength
  }

  /** Written out so far, in bytes. */
  get spilledBytes(): number {
    return this.#spilledBytes
  }

  /** Held by all users now, in bytes. */
  residentBytes(): number {
    let sum = 0
    for (const user of this.#live()) sum += user.residentBytes()
    return sum
  }

  register(user: MemoryUser): void {
    this.#users.push(new WeakRef(user))
  }

  /** So many bytes went to disk. */
  wrote(bytes: number): void {
    this.#spilledBytes += bytes
  }

  /** A user has taken that much more. */
  taken(bytes: number): void {
    this.#sinceTrim += bytes
  }

  /** Between two batches, when nobody holds on to a page. @throws STATE_SPILL_FAILED */
  trim(): void {
    if (this.#files === undefined || this.#sinceTrim < this.#trimStep) return
    this.#sinceTrim = 0
    const users = this.#live()
    const held = users.map((user) => user.residentBytes())
    const total = held.reduce((sum, bytes) => sum + bytes, 0)
    const room = this.#budget * this.#share
    const left = total > room ? this.#release(users, held, total, room) : total
    // What is spare is memory, too: more of it than there is room for was of a size that is not asked for now.
    if (this.#spareBytes > 0 && left + this.#spareBytes > room) this.#dropSpare()
  }

  /** First each user its part, then whoever has what was not used lately, until `room` is enough. Answers with what is still held. */
  #release(users: readonly MemoryUser[], held: readonly number[], total: number, room: number): number {
    const files = this.#files as SpillFiles
    let excess = total - room * TRIM_TO
    const part = excess / total
    for (let round = 0; round < ROUNDS + 1 && excess > 0; round++) {
      for (let i = 0; i < users.length && excess > 0; i++) {
        const wanted = round === 0 ? (held[i] as number) * part : excess
        excess -= users[i]?.release?.(wanted, files) ?? 0
      }
    }
    return room * TRIM_TO + excess
  }

  #dropSpare(): void {
    for (const [bytes, buffers] of this.#spare) {
      const keep = Math.min(buffers.length, Math.ceil((this.#budget * (1 - TRIM_TO)) / bytes))
      this.#spareBytes -= (buffers.length - keep) * bytes
      buffers.length = keep
    }
  }

  #live(): MemoryUser[] {
    const live: MemoryUser[] = []
    this.#users = this.#users.filter((reference) => {
      const user = reference.deref()
      if (user !== undefined) live.push(user)
      return user !== undefined
    })
    return live
  }
}

/** Of this thread. */
export const stateMemory = new StateMemory()
