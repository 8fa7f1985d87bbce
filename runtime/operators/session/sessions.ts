/**
 * Sessions that are open: for each key those that do not touch one another, the latest first, each with the chain of its rows; and all by
 * the time at which they fire. Times are local ones (time/tumbling-windows.ts). A session takes 49 bytes beside its rows.
 *
 *   key ──▶ session ──▶ earlier session ──▶ …          heap: [due, session], the least due first
 *              └─▶ first row … last row
 *
 * A session in the heap may have become longer since, or part of another: both are seen when it comes to the top.
 */
import { grown } from '../../state/growable.js'
import { PagedInts } from '../../state/paged-ints.js'
import { stateMemory, type MemoryUser } from '../../state/state-memory.js'

const NONE = -1
const FREE = 0
const OPEN = 1
/** Its rows are another's; its place is free when the heap gives it up. */
const MERGED = 2

export class Sessions implements MemoryUser {
  #start = new Float64Array(0)
  #end = new Float64Array(0)
  #key = new Int32Array(0)
  #earlier = new Int32Array(0)
  #firstRow = new Int32Array(0)
  #lastRow = new Int32Array(0)
  #state = new Uint8Array(0)
  #due = new Float64Array(0)
  #limit = 0
  #free: number[] = []
  #heap = new Int32Array(0)
  #heapSize = 0
  /** Latest session of a key, + 1. */
  readonly #latest = new PagedInts()
  readonly #firesAt: (end: number) => number
  readonly #join: (last: number, first: number) => void

  /** `firesAt`: the watermark that fires a session with that end. `join`: the chain of rows that ends with one goes on with another. */
  constructor(firesAt: (end: number) => number, join: (last: number, first: number) => void) {
    this.#firesAt = firesAt
    this.#join = join
    stateMemory.register(this)
  }

  residentBytes(): number {
    return this.#start.length * 41 + this.#heap.byteLength
  }

  /** A lower bound of when the next one fires; Infinity: there is none. */
  get firstDue(): number {
    return this.#heapSize === 0 ? Infinity : (this.#due[this.#heap[0] as number] as number)
  }

  /** There is room for keys with ids below. */
  reserveKeys(limit: number): void {
    this.#latest.reserve(limit)
  }

  hasOpen(key: number): boolean {
    return this.#latest.get(key) !== 0
  }

  start(session: number): number {
    return this.#start[session] as number
  }

  end(session: number): number {
    return this.#end[session] as number
  }

  key(session: number): number {
    return this.#key[session] as number
  }

  firstRow(session: number): number {
    return this.#firstRow[session] as number
  }

  /**
   * Whether a row of that time has a place: in an open session that [time, time + gap) touches, or in one of its own that has not fired.
   */
  takes(key: number, time: number, gap: number, watermark: number): boolean {
    return this.#firesAt(time + gap) > watermark || this.#touching(key, time, time + gap) !== NONE
  }

  /** Puts the row into the session that [time, time + gap) touches, which may join several of them, or into a new one. */
  add(key: number, time: number, gap: number, row: number): void {
    const end = time + gap
    const session = this.#touching(key, time, end)
    if (session === NONE) return this.#open(key, time, end, row)
    this.#join(this.#lastRow[session] as number, row)
    this.#lastRow[session] = row
    if (end > (this.#end[session] as number)) this.#end[session] = end
    if (time >= (this.#start[session] as number)) return
    this.#start[session] = time
    for (let earlier = this.#earlier[session] as number; earlier !== NONE && (this.#end[earlier] as number) >= time;) {
      earlier = this.#merge(session, earlier)
    }
  }

  /** Those that the watermark fires, in order of their ends; they are closed, their first rows stay known until the next `add`. */
  *due(watermark: number): Generator<number, void> {
    while (this.#heapSize > 0 && this.firstDue <= watermark) {
      const session = this.#heap[0] as number
      if (this.#state[session] === MERGED) {
        this.#popTop()
        this.#release(session)
        continue
      }
      const firesAt = this.#firesAt(this.#end[session] as number)
      if (firesAt > (this.#due[session] as number)) {
        this.#due[session] = firesAt
        this.#sink(0)
        continue
      }
      this.#popTop()
      this.#unlink(session)
      yield session
      this.#release(session)
    }
  }

  /** The latest session that [start, end) touches; windows that only meet are one, as in Flink. */
  #touching(key: number, start: number, end: number): number {
    for (let session = this.#latest.get(key) - 1; session !== NONE; session = this.#earlier[session] as number) {
      if ((this.#end[session] as number) < start) return NONE
      if ((this.#start[session] as number) <= end) return session
    }
    return NONE
  }

  #open(key: number, start: number, end: number, row: number): void {
    const session = this.#free.pop() ?? this.#grow()
    this.#start[session] = start
    this.#end[session] = end
    this.#key[session] = key
    this.#firstRow[session] = row
    this.#lastRow[session] = row
    this.#state[session] = OPEN
    this.#due[session] = this.#firesAt(end)
    let later = NONE
    let earlier = this.#latest.get(key) - 1
    while (earlier !== NONE && (this.#start[earlier] as number) > start) {
      later = earlier
      earlier = this.#earlier[earlier] as number
    }
    this.#earlier[session] = earlier
    if (later === NONE) this.#latest.set(key, session + 1)
    else this.#earlier[later] = session
    this.#heap = grown(this.#heap, this.#heapSize + 1)
    this.#heap[this.#heapSize++] = session
    this.#rise(this.#heapSize - 1)
  }

  /** The session takes the rows of the one before it; returns the one before that. */
  #merge(session: number, earlier: number): number {
    this.#join(this.#lastRow[session] as number, this.#firstRow[earlier] as number)
    this.#lastRow[session] = this.#lastRow[earlier] as number
    this.#start[session] = Math.min(this.#start[session] as number, this.#start[earlier] as number)
    this.#state[earlier] = MERGED
    return (this.#earlier[session] = this.#earlier[earlier] as number)
  }

  #unlink(session: number): void {
    const key = this.#key[session] as number
    const earlier = this.#earlier[session] as number
    let later = this.#latest.get(key) - 1
    if (later === session) return this.#latest.set(key, earlier + 1)
    while (this.#earlier[later] !== session) later = this.#earlier[later] as number
    this.#earlier[later] = earlier
  }

  #release(session: number): void {
    this.#state[session] = FREE
    this.#free.push(session)
  }

  #grow(): number {
    const session = this.#limit++
    this.#start = grown(this.#start, this.#limit)
    this.#end = grown(this.#end, this.#limit)
    this.#due = grown(this.#due, this.#limit)
    this.#key = grown(this.#key, this.#limit)
    this.#earlier = grown(this.#earlier, this.#limit)
    this.#firstRow = grown(this.#firstRow, this.#limit)
    this.#lastRow = grown(this.#lastRow, this.#limit)
    this.#state = grown(this.#state, this.#limit)
    return session
  }

  #popTop(): void {
    this.#heapSize--
    this.#heap[0] = this.#heap[this.#heapSize] as number
    if (this.#heapSize > 0) this.#sink(0)
  }

  #rise(at: number): void {
    const heap = this.#heap
    const session = heap[at] as number
    const due = this.#due[session] as number
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent] as number
      if ((this.#due[above] as number) <= due) break
      heap[at] = above
      at = parent
    }
    heap[at] = session
  }

  #sink(at: number): void {
    const heap = this.#heap
    const session = heap[at] as number
    const due = this.#due[session] as number
    for (let child = 2 * at + 1; child < this.#heapSize; child = 2 * at + 1) {
      if (child + 1 < this.#heapSize && this.#dueAt(child + 1) < this.#dueAt(child)) child++
      if (this.#dueAt(child) >= due) break
      heap[at] = heap[child] as number
      at = child
    }
    heap[at] = session
  }

  #dueAt(place: number): number {
    return this.#due[this.#heap[place] as number] as number
  }
}
