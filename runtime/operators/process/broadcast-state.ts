/**
 * Broadcast state: maps that every subtask has alike, small, held as objects. In checkpoints as a BROADCAST list of entries in base64, of which
 * one subtask's copy counts.
 */
import { ObjectReader, ObjectWriter } from '../../columnar/object-codec.js'
import type { ListState } from '#core/checkpoint/state-handles.js'
import type { BroadcastState, MapStateDescriptor } from './functions.js'

type Entries = Map<string, [key: unknown, value: unknown]>

export class BroadcastStates {
  readonly #maps = new Map<string, Entries>()
  readonly #writer = new ObjectWriter()
  readonly #keyWriter = new ObjectWriter(true)
  readonly #reader = new ObjectReader()

  constructor(descriptors: readonly MapStateDescriptor<unknown, unknown>[]) {
    for (const { name } of descriptors) this.#maps.set(name, new Map())
  }

  /** `writable`: only while a broadcast element is processed, so that all subtasks agree. */
  get(descriptor: { readonly name: string }, writable: boolean): BroadcastState<unknown, unknown> {
    const map = this.#maps.get(descriptor.name)
    if (map === undefined) {
      const known = [...this.#maps.keys()].map((name) => `'${name}'`).join(', ')
      throw new TypeError(
        `'${descriptor.name}' is no broadcast state of this operator; broadcast(…) was given ${known === '' ? 'none' : known}`,
      )
    }
    const refuse = (): never => {
      throw new TypeError(`broadcast state '${descriptor.name}' may be changed in processBroadcastElement only`)
    }
    return {
      get: (key) => map.get(this.#form(key))?.[1],
      contains: (key) => map.has(this.#form(key)),
      entries: () => [...map.values()],
      put: writable ? (key, value) => void map.set(this.#form(key), [key, value]) : refuse,
      remove: writable ? (key) => void map.delete(this.#form(key)) : refuse,
      clear: writable ? () => map.clear() : refuse,
    }
  }

  /** @throws OBJECT_NOT_ENCODABLE */
  snapshot(): Record<string, ListState> {
    const lists: Record<string, ListState> = {}
    for (const [name, map] of this.#maps) {
      const items = [...map.values()].map((entry) => {
        this.#writer.truncate()
        this.#writer.write(entry, `an entry of broadcast state '${name}'`)
        return Buffer.from(this.#writer.slice()).toString('base64')
      })
      lists[`broadcast:${name}`] = { mode: 'BROADCAST', items }
    }
    return lists
  }

  restore(lists: Readonly<Record<string, readonly unknown[]>>): void {
    for (const [name, map] of this.#maps) {
      map.clear()
      for (const item of lists[`broadcast:${name}`] ?? []) {
        const [key, value] = this.#reader.read(Buffer.from(item as string, 'base64')) as [unknown, unknown]
        map.set(this.#form(key), [key, value])
      }
    }
  }

  #form(key: unknown): string {
    if (typeof key === 'string') return `s${key}`
    this.#keyWriter.truncate()
    this.#keyWriter.write(key, 'a key of broadcast state')
    return `o${Buffer.from(this.#keyWriter.slice()).toString('latin1')}`
  }
}
