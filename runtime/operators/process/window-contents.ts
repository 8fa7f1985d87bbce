/** What a window keeps of its elements until it fires: all of them, or one combined value. Of the current key; windows by their bounds. */
import { CombinedState } from './combined-state.js'
import type * as F from './functions.js'
import type { KeyedState } from './keyed-state.js'
import { ListHandle } from './state-handles.js'

export interface WindowContents {
  /** `input`: which input of a join the element came by. */
  add(window: F.Window, value: unknown, timestamp: number, input: number): void
  clear(window: F.Window): void
  /** The contents of `from` go to `to`. */
  merge(to: F.Window, from: readonly F.Window[]): void
}

export interface Stamped {
  readonly value: unknown
  readonly timestamp: number | undefined
}

/** All elements, by input, in the order they came. `stamped`: with their timestamps. */
export class ListContents implements WindowContents {
  readonly #keyed: KeyedState
  readonly #lists: readonly ListHandle[]
  readonly #stamped: boolean

  constructor(keyed: KeyedState, inputs: number, stamped: boolean) {
    this.#keyed = keyed
    this.#stamped = stamped
    this.#lists = Array.from({ length: inputs }, (_, input) => new ListHandle(keyed, { name: `$window${input}` }, true))
  }

  add(window: F.Window, value: unknown, timestamp: number, input: number): void {
    this.#at(window, () => {
      if (this.#stamped) this.#list(input).add(timestamp)
      this.#list(input).add(value)
    })
  }

  values(window: F.Window, input: number): unknown[] {
    return this.#at(window, () => this.#list(input).get())
  }

  stampedValues(window: F.Window): Stamped[] {
    const items = this.values(window, 0)
    const stamped: Stamped[] = []
    for (let i = 0; i < items.length; i += 2) {
      const timestamp = items[i] as number
      stamped.push({ value: items[i + 1], timestamp: timestamp !== timestamp ? undefined : timestamp })
    }
    return stamped
  }

  replace(window: F.Window, elements: readonly Stamped[]): void {
    this.#at(window, () => this.#list(0).update(elements.flatMap(({ value, timestamp }) => [timestamp ?? NaN, value])))
  }

  clear(window: F.Window): void {
    this.#at(window, () => this.#lists.forEach((list) => list.clear()))
  }

  merge(to: F.Window, from: readonly F.Window[]): void {
    for (let input = 0; input < this.#lists.length; input++) {
      for (const window of from) {
        const items = this.values(window, input)
        if (items.length > 0) this.#at(to, () => this.#list(input).addAll(items))
      }
    }
    for (const window of from) this.clear(window)
  }

  #list(input: number): ListHandle {
    return this.#lists[input] as ListHandle
  }

  #at<T>(window: F.Window, run: () => T): T {
    const { start, end } = this.#keyed
    this.#keyed.useWindow(window.start, window.end)
    const result = run()
    this.#keyed.useWindow(start, end)
    return result
  }
}

/** One value: the reduced elements, or the accumulator. */
export class CombinedContents implements WindowContents {
  readonly #state: CombinedState
  /** Undefined: it begins with the element itself. */
  readonly #create: (() => unknown) | undefined
  readonly #add: (combined: unknown, value: unknown) => unknown
  readonly #merge: ((a: unknown, b: unknown) => unknown) | undefined

  constructor(
    state: CombinedState,
    create: (() => unknown) | undefined,
    add: (combined: unknown, value: unknown) => unknown,
    merge?: (a: unknown, b: unknown) => unknown,
  ) {
    this.#state = state
    this.#create = create
    this.#add = add
    this.#merge = merge
  }

  add(window: F.Window, value: unknown): void {
    const { start, end } = window
    const entry = this.#state.find(start, end)
    if (entry < 0 && this.#create === undefined) return this.#state.put(start, end, value, false)
    const combined = this.#add(entry < 0 ? this.#create?.() : this.#state.get(entry), value)
    this.#state.put(start, end, combined, combined !== value)
  }

  /** The value, in an object of its own; undefined: the window has no elements. */
  value(window: F.Window): { readonly value: unknown } | undefined {
    const entry = this.#state.find(window.start, window.end)
    return entry < 0 ? undefined : { value: this.#state.take(entry) }
  }

  clear(window: F.Window): void {
    const entry = this.#state.find(window.start, window.end)
    if (entry >= 0) this.#state.remove(entry)
  }

  merge(to: F.Window, from: readonly F.Window[]): void {
    for (const window of from) {
      const other = this.value(window)
      if (other === undefined) continue
      this.clear(window)
      const own = this.value(to)
      const merged = own === undefined ? other.value : (this.#merge as (a: unknown, b: unknown) => unknown)(own.value, other.value)
      this.#state.put(to.start, to.end, merged, false)
    }
  }
}
