/**
 * Timers of keys (and windows) in one time domain, in the order of their times: a binary heap of entry ids over the entries of keyed state,
 * so that timers are in snapshots like all state. One timer per key, window and time.
 */
import { NUMBER, type EntryTable } from '../../state/entry-table.js'
import type { TimeDomain } from './functions.js'

const float = new Float64Array(1)
const floatBytes = new Uint8Array(float.buffer)

export class TimerQueue {
  readonly #entries: EntryTable
  readonly state: number
  #heap = new Int32Array(64)
  #size = 0

  constructor(entries: EntryTable, domain: TimeDomain) {
    this.#entries = entries
    this.state = entries.stateNumber(`timer:${domain}`)
  }

  get size(): number {
    return this.#size
  }

  /** Time of the next timer; Infinity: there is none. */
  next(): number {
    return this.#size === 0 ? Infinity : this.#entries.timeOf(this.#heap[0] as number)
  }

  register(key: number, start: number, end: number, time: number): void {
    float[0] = time + 0
    if (this.#entries.find(key, this.state, start, end, floatBytes, 0, 8) >= 0) return
    const entry = this.#entries.assign(key, this.state, start, end, floatBytes, 0, 8)
    this.#entries.setTime(entry, time)
    this.add(entry)
  }

  delete(key: number, start: number, end: number, time: number): void {
    float[0] = time + 0
    const entry = this.#entries.find(key, this.state, start, end, floatBytes, 0, 8)
    if (entry < 0) return
    this.#takeOut(this.#entries.link(entry, NUMBER))
    this.#entries.remove(entry)
  }

  /** Takes the first timer out of the queue; its entry is still there: the caller removes it. */
  pop(): number {
    const entry = this.#heap[0] as number
    this.#takeOut(0)
    return entry
  }

  /** An entry that is a timer of this queue already (one that came back). */
  add(entry: number): void {
    if (this.#size === this.#heap.length) {
      const bigger = new Int32Array(this.#size * 2)
      bigger.set(this.#heap)
      this.#heap = bigger
    }
    this.#up(this.#size++, entry)
  }

  #takeOut(at: number): void {
    const last = this.#heap[--this.#size] as number
    if (at === this.#size) return
    const parent = (at - 1) >> 1
    if (at > 0 && this.#before(last, this.#heap[parent] as number)) this.#up(at, last)
    else this.#down(at, last)
  }

  #up(at: number, entry: number): void {
    while (at > 0) {
      const parent = (at - 1) >> 1
      const other = this.#heap[parent] as number
      if (!this.#before(entry, other)) break
      this.#put(at, other)
      at = parent
    }
    this.#put(at, entry)
  }

  #down(at: number, entry: number): void {
    for (;;) {
      let child = 2 * at + 1
      if (child >= this.#size) break
      if (child + 1 < this.#size && this.#before(this.#heap[child + 1] as number, this.#heap[child] as number)) child++
      const other = this.#heap[child] as number
      if (!this.#before(other, entry)) break
      this.#put(at, other)
      at = child
    }
    this.#put(at, entry)
  }

  #put(at: number, entry: number): void {
    this.#heap[at] = entry
    this.#entries.setLink(entry, NUMBER, at)
  }

  #before(a: number, b: number): boolean {
    const difference = this.#entries.timeOf(a) - this.#entries.timeOf(b)
    return difference < 0 || (difference === 0 && a < b)
  }
}
