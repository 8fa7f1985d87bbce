/**
 * Handles of keyed state: value, list, map, reducing, aggregating. A handle belongs to no key: it works on the key (and window, if it is
 * scoped to windows) that is current. What is read is decoded anew, what is written encoded at once.
 *
 * Time-to-live: an entry's time is when it was last written (or read); items of lists carry theirs. Expired state is removed when it is
 * met, and by `expire` between elements.
 */
import type { ObjectWriter } from '../../columnar/object-codec.js'
import { NEXT, NUMBER, PREVIOUS } from '../../state/entry-table.js'
import { StateIncompatible } from './errors.js'
import type * as F from './functions.js'
import type { KeyedState } from './keyed-state.js'

const NO_BYTES = new Uint8Array(0)
/** A chunk of a list takes no more items when it has so many bytes. */
const CHUNK_BYTES = 4096
const KINDS = ['value', 'list', 'map', 'reducing', 'aggregating'] as const

/** What all handles of a state share. */
class Cell {
  readonly keyed: KeyedState
  readonly name: string
  readonly state: number
  readonly ttl: F.StateTtlConfig | undefined
  readonly #scoped: boolean

  /** `scoped`: state of the current window; else of the key alone. */
  constructor(
    keyed: KeyedState,
    kind: (typeof KINDS)[number],
    descriptor: { readonly name: string; readonly ttl?: F.StateTtlConfig },
    scoped: boolean,
  ) {
    this.keyed = keyed
    this.name = descriptor.name
    this.ttl = descriptor.ttl
    this.#scoped = scoped
    refuseOtherKinds(keyed, kind, descriptor.name)
    this.state = keyed.entries.stateNumber(`${kind}:${descriptor.name}`)
  }

  /** Entries that nobody asks for any more are dropped as well, some after each batch. */
  expireBy(carriesTime: (entry: number) => boolean, drop: (entry: number) => void): void {
    if (this.ttl !== undefined) this.keyed.expiring.set(this.state, { ttl: this.ttl.ttl, carriesTime, drop })
  }

  /** The entry with that sub-key, expired or not; -1: none. */
  find(sub: Uint8Array = NO_BYTES, length = 0): number {
    const { keyed } = this
    return keyed.entries.find(this.#key(), this.state, this.#start(), this.#end(), sub, 0, length)
  }

  assign(sub: Uint8Array = NO_BYTES, length = 0): number {
    const { keyed } = this
    return keyed.entries.assign(this.#key(), this.state, this.#start(), this.#end(), sub, 0, length)
  }

  /** The entry if it may be seen; one that has expired is removed by `drop`. */
  visible(entry: number, drop: (entry: number) => void): number {
    const { ttl, keyed } = this
    if (entry < 0 || ttl === undefined) return entry
    const now = keyed.now()
    if (now - keyed.entries.timeOf(entry) < ttl.ttl) {
      if (ttl.updateType === 'OnReadAndWrite') keyed.entries.setTime(entry, now)
      return entry
    }
    if (ttl.visibility === 'ReturnExpiredIfNotCleanedUp') return entry
    drop(entry)
    return -1
  }

  read(entry: number): unknown {
    const { entries, reader } = this.keyed
    const offset = entries.valueOffset(entry)
    return reader.read(entries.valuePage(entry), offset, offset + entries.valueLength(entry))
  }

  write(entry: number, value: unknown): void {
    const { keyed } = this
    const { writer } = keyed
    writer.truncate()
    writer.write(value, `state '${this.name}'`)
    keyed.entries.write(entry, writer.bytes, 0, writer.length, this.time())
  }

  time(): number {
    return this.ttl === undefined ? 0 : this.keyed.now()
  }

  #key(): number {
    return this.keyed.requireKey(`state '${this.name}'`)
  }

  #start(): number {
    return this.#scoped ? this.keyed.start : 0
  }

  #end(): number {
    return this.#scoped ? this.keyed.end : 0
  }
}

function refuseOtherKinds(keyed: KeyedState, kind: string, name: string): void {
  for (const other of KINDS) {
    if (other === kind || !keyed.entries.states.includes(`${other}:${name}`)) continue
    throw new StateIncompatible({
      operator: keyed.context.operatorName,
      state: name,
      problem: `it is ${other} state and is asked for as ${kind} state`,
    })
  }
}

export class ValueHandle implements F.ValueState<unknown> {
  readonly #cell: Cell
  readonly #default: unknown

  constructor(
    keyed: KeyedState,
    descriptor: F.ValueStateDescriptor<unknown>,
    scoped: boolean,
    kind: 'value' | 'reducing' | 'aggregating' = 'value',
  ) {
    this.#cell = new Cell(keyed, kind, descriptor, scoped)
    this.#default = descriptor.defaultValue
    this.#cell.expireBy(() => true, this.#drop)
  }

  value(): unknown {
    const cell = this.#cell
    const entry = cell.visible(cell.find(), this.#drop)
    return entry < 0 ? this.#default : cell.read(entry)
  }

  update(value: unknown): void {
    const cell = this.#cell
    // Null and undefined take the value away, as in Flink.
    if (value === undefined || value === null) return this.clear()
    cell.write(cell.assign(), value)
  }

  clear(): void {
    const entry = this.#cell.find()
    if (entry >= 0) this.#drop(entry)
  }

  readonly #drop = (entry: number): void => this.#cell.keyed.entries.remove(entry)
}

export class ReducingHandle implements F.ReducingState<unknown> {
  readonly #value: ValueHandle
  readonly #reduce: (a: unknown, b: unknown) => unknown

  constructor(keyed: KeyedState, descriptor: F.ReducingStateDescriptor<unknown>, scoped: boolean) {
    this.#value = new ValueHandle(keyed, { name: descriptor.name, ...(descriptor.ttl && { ttl: descriptor.ttl }) }, scoped, 'reducing')
    this.#reduce = descriptor.reduce
  }

  get(): unknown {
    return this.#value.value()
  }

  add(value: unknown): void {
    const before = this.#value.value()
    this.#value.update(before === undefined ? value : this.#reduce(before, value))
  }

  clear(): void {
    this.#value.clear()
  }
}

export class AggregatingHandle implements F.AggregatingState<unknown, unknown> {
  readonly #value: ValueHandle
  readonly #aggregate: F.AggregateFunction<unknown, unknown, unknown>

  constructor(keyed: KeyedState, descriptor: F.AggregatingStateDescriptor<unknown, unknown, unknown>, scoped: boolean) {
    this.#value = new ValueHandle(keyed, { name: descriptor.name, ...(descriptor.ttl && { ttl: descriptor.ttl }) }, scoped, 'aggregating')
    this.#aggregate = descriptor.aggregate
  }

  get(): unknown {
    const accumulator = this.#value.value()
    return accumulator === undefined ? undefined : this.#aggregate.getResult(accumulator)
  }

  add(value: unknown): void {
    const accumulator = this.#value.value() ?? this.#aggregate.createAccumulator()
    this.#value.update(this.#aggregate.add(value, accumulator))
  }

  /** The accumulator itself, for merging windows. */
  accumulator(): unknown {
    return this.#value.value()
  }

  setAccumulator(accumulator: unknown): void {
    this.#value.update(accumulator)
  }

  clear(): void {
    this.#value.clear()
  }
}

/** Numbers of a list's first entry: its last chunk. */
export class ListHandle implements F.ListState<unknown> {
  readonly #cell: Cell
  readonly #chunk = new Uint8Array(4)

  constructor(keyed: KeyedState, descriptor: F.ListStateDescriptor<unknown>, scoped: boolean) {
    this.#cell = new Cell(keyed, 'list', descriptor, scoped)
    // Its first chunk has the time of the last write: the list goes when all its items have expired.
    this.#cell.expireBy(
      (entry) => chunkNumber(keyed, entry) === 0,
      () => this.clear(),
    )
  }

  get(): unknown[] {
    const { keyed, ttl } = this.#cell
    const first = this.#find(0)
    if (first < 0) return []
    const { entries, reader } = keyed
    const last = entries.link(first, NUMBER)
    const items: unknown[] = []
    for (let number = 0; number <= last; number++) {
      const entry = number === 0 ? first : this.#find(number)
      const offset = entries.valueOffset(entry)
      for (const item of reader.readAll(entries.valuePage(entry), offset, offset + entries.valueLength(entry))) items.push(item)
    }
    return ttl === undefined ? items : this.#unexpired(items, ttl)
  }

  add(value: unknown): void {
    const { writer } = this.#cell.keyed
    writer.truncate()
    this.#encode(writer, value, this.#cell.time())
    this.#append(writer.bytes, writer.length)
  }

  addAll(values: Iterable<unknown>): void {
    for (const value of values) this.add(value)
  }

  update(values: Iterable<unknown>): void {
    const all = [...values]
    this.clear()
    this.addAll(all)
  }

  clear(): void {
    const { entries } = this.#cell.keyed
    const first = this.#find(0)
    if (first < 0) return
    for (let number = entries.link(first, NUMBER); number > 0; number--) entries.remove(this.#find(number))
    entries.remove(first)
  }

  /** With a time-to-live items come in pairs: when, what. */
  #encode(writer: ObjectWriter, value: unknown, time: number): void {
    if (this.#cell.ttl !== undefined) writer.write(time)
    writer.write(value, `an item of state '${this.#cell.name}'`)
  }

  #append(bytes: Uint8Array, length: number): void {
    const cell = this.#cell
    const { entries } = cell.keyed
    let first = this.#find(0)
    if (first >= 0 && this.#isOver(first)) {
      this.clear()
      first = -1
    }
    if (first < 0) return entries.write(this.#assign(0), bytes, 0, length, cell.time())
    if (cell.ttl !== undefined) entries.setTime(first, cell.time())
    const number = entries.link(first, NUMBER)
    const last = number === 0 ? first : this.#find(number)
    if (entries.valueLength(last) + length > CHUNK_BYTES) {
      entries.write(this.#assign(number + 1), bytes, 0, length, 0)
      entries.setLink(first, NUMBER, number + 1)
      return
    }
    entries.append(last, bytes, 0, length)
  }

  #unexpired(items: readonly unknown[], ttl: F.StateTtlConfig): unknown[] {
    const now = this.#cell.keyed.now()
    const times: number[] = []
    const kept: unknown[] = []
    for (let i = 0; i < items.length; i += 2) {
      if (ttl.visibility !== 'ReturnExpiredIfNotCleanedUp' && now - (items[i] as number) >= ttl.ttl) continue
      times.push(items[i] as number)
      kept.push(items[i + 1])
    }
    const touch = ttl.updateType === 'OnReadAndWrite'
    if (kept.length * 2 < items.length || (touch && kept.length > 0)) {
      this.clear()
      const { writer } = this.#cell.keyed
      for (let i = 0; i < kept.length; i++) {
        writer.truncate()
        this.#encode(writer, kept[i], touch ? now : (times[i] as number))
        this.#append(writer.bytes, writer.length)
      }
    }
    return kept
  }

  /** All items have expired. */
  #isOver(first: number): boolean {
    const { ttl, keyed } = this.#cell
    return ttl !== undefined && ttl.visibility !== 'ReturnExpiredIfNotCleanedUp' && keyed.now() - keyed.entries.timeOf(first) >= ttl.ttl
  }

  #find(number: number): number {
    this.#number(number)
    return this.#cell.find(this.#chunk, 4)
  }

  #assign(number: number): number {
    this.#number(number)
    return this.#cell.assign(this.#chunk, 4)
  }

  #number(number: number): void {
    for (let i = 0; i < 4; i++) this.#chunk[i] = number >>> (24 - 8 * i)
  }
}

/** The head's NEXT is the first entry, its PREVIOUS the last one, its NUMBER how many there are. */
export class MapHandle implements F.MapState<unknown, unknown> {
  readonly #cell: Cell

  constructor(keyed: KeyedState, descriptor: F.MapStateDescriptor<unknown, unknown>, scoped: boolean) {
    this.#cell = new Cell(keyed, 'map', descriptor, scoped)
    this.#cell.expireBy((entry) => keyed.entries.subLength(entry) > 0, this.#drop)
  }

  get(key: unknown): unknown {
    const entry = this.#visible(this.#find(key))
    return entry < 0 ? undefined : this.#cell.read(entry)
  }

  contains(key: unknown): boolean {
    return this.#visible(this.#find(key)) >= 0
  }

  put(key: unknown, value: unknown): void {
    const cell = this.#cell
    const { entries } = cell.keyed
    let entry = this.#find(key)
    if (entry < 0) {
      const { keyWriter } = cell.keyed
      let head = cell.find()
      if (head < 0) head = cell.assign()
      entry = cell.assign(keyWriter.bytes, keyWriter.length)
      linkMapEntry(entries, head, entry)
    }
    cell.write(entry, value)
  }

  putAll(all: Iterable<readonly [unknown, unknown]>): void {
    for (const [key, value] of all) this.put(key, value)
  }

  remove(key: unknown): void {
    const entry = this.#find(key)
    if (entry >= 0) this.#drop(entry)
  }

  isEmpty(): boolean {
    return this.#all().length === 0
  }

  entries(): [unknown, unknown][] {
    return this.#all().map((entry) => [this.#key(entry), this.#cell.read(entry)])
  }

  keys(): unknown[] {
    return this.#all().map((entry) => this.#key(entry))
  }

  values(): unknown[] {
    return this.#all().map((entry) => this.#cell.read(entry))
  }

  clear(): void {
    const { entries } = this.#cell.keyed
    const head = this.#cell.find()
    if (head < 0) return
    for (let entry = entries.link(head, NEXT); entry >= 0;) {
      const next = entries.link(entry, NEXT)
      entries.remove(entry)
      entry = next
    }
    entries.remove(head)
  }

  /** Entries that may be seen, in the order they were put. */
  #all(): number[] {
    const { entries } = this.#cell.keyed
    const head = this.#cell.find()
    if (head < 0) return []
    const all: number[] = []
    for (let entry = entries.link(head, NEXT); entry >= 0;) {
      const next = entries.link(entry, NEXT)
      if (this.#visible(entry) >= 0) all.push(entry)
      entry = next
    }
    return all
  }

  #key(entry: number): unknown {
    const { entries, reader } = this.#cell.keyed
    const offset = entries.subOffset(entry)
    return reader.read(entries.subPage(entry), offset, offset + entries.subLength(entry))
  }

  /** Leaves the key's form in keyWriter. */
  #find(key: unknown): number {
    const { keyWriter } = this.#cell.keyed
    keyWriter.truncate()
    keyWriter.write(key, `a key of state '${this.#cell.name}'`)
    return this.#cell.find(keyWriter.bytes, keyWriter.length)
  }

  #visible(entry: number): number {
    return this.#cell.visible(entry, this.#drop)
  }

  readonly #drop = (entry: number): void => {
    const { entries } = this.#cell.keyed
    const head = this.#cell.find()
    const next = entries.link(entry, NEXT)
    const previous = entries.link(entry, PREVIOUS)
    if (previous >= 0) entries.setLink(previous, NEXT, next)
    else entries.setLink(head, NEXT, next)
    if (next >= 0) entries.setLink(next, PREVIOUS, previous)
    else entries.setLink(head, PREVIOUS, previous)
    entries.remove(entry)
    if (entries.link(head, NEXT) < 0) entries.remove(head)
  }
}

/** Puts an entry behind the others of its map. */
export function linkMapEntry(entries: KeyedState['entries'], head: number, entry: number): void {
  const last = entries.link(head, PREVIOUS)
  if (last >= 0) entries.setLink(last, NEXT, entry)
  else entries.setLink(head, NEXT, entry)
  entries.setLink(entry, PREVIOUS, last)
  entries.setLink(entry, NEXT, -1)
  entries.setLink(head, PREVIOUS, entry)
}

/** Links of an entry that came back from a checkpoint. Entries of a list or map come in any order. */
export function relink(keyed: KeyedState, entry: number): void {
  const { entries } = keyed
  const name = entries.states[entries.stateOf(entry)] as string
  const length = entries.subLength(entry)
  const sibling = (sub: Uint8Array) =>
    entries.assign(entries.keyOf(entry), entries.stateOf(entry), entries.startOf(entry), entries.endOf(entry), sub, 0, sub.length)
  if (name.startsWith('map:') && length > 0) linkMapEntry(entries, sibling(NO_BYTES), entry)
  else if (name.startsWith('list:')) {
    const number = chunkNumber(keyed, entry)
    const first = sibling(FIRST_CHUNK)
    entries.setLink(first, NUMBER, Math.max(entries.link(first, NUMBER), number))
  }
}

const FIRST_CHUNK = new Uint8Array(4)

function chunkNumber({ entries }: KeyedState, entry: number): number {
  const page = entries.subPage(entry)
  const offset = entries.subOffset(entry)
  let number = 0
  for (let i = 0; i < 4; i++) number = number * 256 + (page[offset + i] as number)
  return number
}

/** Handles by descriptor, made once for each name. */
export class StateHandles implements F.KeyedStateStore {
  readonly #keyed: KeyedState
  readonly #scoped: boolean
  readonly #known = new Map<string, unknown>()

  constructor(keyed: KeyedState, scoped: boolean) {
    this.#keyed = keyed
    this.#scoped = scoped
  }

  getState<T>(descriptor: F.ValueStateDescriptor<T>): F.ValueState<T> {
    return this.#get(`value:${descriptor.name}`, () => new ValueHandle(this.#keyed, descriptor, this.#scoped)) as F.ValueState<T>
  }

  getListState<T>(descriptor: F.ListStateDescriptor<T>): F.ListState<T> {
    return this.#get(`list:${descriptor.name}`, () => new ListHandle(this.#keyed, descriptor, this.#scoped)) as F.ListState<T>
  }

  getMapState<K, V>(descriptor: F.MapStateDescriptor<K, V>): F.MapState<K, V> {
    return this.#get(`map:${descriptor.name}`, () => new MapHandle(this.#keyed, descriptor, this.#scoped)) as F.MapState<K, V>
  }

  getReducingState<T>(descriptor: F.ReducingStateDescriptor<T>): F.ReducingState<T> {
    const make = () => new ReducingHandle(this.#keyed, descriptor as F.ReducingStateDescriptor<unknown>, this.#scoped)
    return this.#get(`reducing:${descriptor.name}`, make) as F.ReducingState<T>
  }

  getAggregatingState<IN, ACC, OUT>(descriptor: F.AggregatingStateDescriptor<IN, ACC, OUT>): F.AggregatingState<IN, OUT> {
    const make = () =>
      new AggregatingHandle(this.#keyed, descriptor as F.AggregatingStateDescriptor<unknown, unknown, unknown>, this.#scoped)
    return this.#get(`aggregating:${descriptor.name}`, make) as F.AggregatingState<IN, OUT>
  }

  #get(name: string, make: () => unknown): unknown {
    let handle = this.#known.get(name)
    if (handle === undefined) {
      handle = make()
      this.#known.set(name, handle)
    }
    return handle
  }
}
