/**
 * One value per key and window that only the operator sees: a reduced element, an accumulator. The values worked on last are kept decoded
 * and written back when there are too many, before a snapshot, and when a value leaves the operator: what was emitted never changes.
 */
import type { KeyedState } from './keyed-state.js'

const NO_BYTES = new Uint8Array(0)
/** A snapshot begins with writing back so many at most: a ms or two. */
const MAX_DECODED = 2048

export class CombinedState {
  readonly #keyed: KeyedState
  readonly #name: string
  readonly #state: number
  readonly #decoded = new Map<number, unknown>()

  constructor(keyed: KeyedState, name: string) {
    this.#keyed = keyed
    this.#name = name
    this.#state = keyed.entries.stateNumber(`combined:${name}`)
    keyed.beforeSnapshot.push(() => this.#writeBack())
  }

  /** Entry of the current key and that window; -1: none. */
  find(start: number, end: number): number {
    const { entries, key } = this.#keyed
    return entries.find(key, this.#state, start, end, NO_BYTES, 0, 0)
  }

  get(entry: number): unknown {
    const decoded = this.#decoded.get(entry)
    if (decoded !== undefined) return decoded
    const { entries, reader } = this.#keyed
    const offset = entries.valueOffset(entry)
    return reader.read(entries.valuePage(entry), offset, offset + entries.valueLength(entry))
  }

  /** `own`: nobody else holds the value. Else it is written at once, so that no change of it is seen here. */
  put(start: number, end: number, value: unknown, own: boolean): void {
    const { entries, key } = this.#keyed
    const entry = entries.assign(key, this.#state, start, end, NO_BYTES, 0, 0)
    if (own && value !== undefined) {
      if (this.#decoded.size >= MAX_DECODED && !this.#decoded.has(entry)) this.#writeBack()
      this.#decoded.set(entry, value)
    } else {
      this.#decoded.delete(entry)
      this.#write(entry, value)
    }
  }

  /** The value, to be handed out. */
  take(entry: number): unknown {
    const decoded = this.#decoded.get(entry)
    if (decoded === undefined) return this.get(entry)
    this.#write(entry, decoded)
    this.#decoded.delete(entry)
    return decoded
  }

  remove(entry: number): void {
    this.#decoded.delete(entry)
    this.#keyed.entries.remove(entry)
  }

  #writeBack(): void {
    for (const [entry, value] of this.#decoded) this.#write(entry, value)
    this.#decoded.clear()
  }

  #write(entry: number, value: unknown): void {
    const { writer, entries } = this.#keyed
    writer.truncate()
    writer.write(value, `the ${this.#name}`)
    entries.write(entry, writer.bytes, 0, writer.length, 0)
  }
}
