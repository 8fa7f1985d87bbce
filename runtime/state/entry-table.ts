/**
 * Keyed state of functions as entries of bytes: one entry for a value, a chunk of a list, an entry of a map, a timer. No JavaScript object
 * per entry.
 *
 *   identity   key id · state number · window [start, end) (0, 0: none) · sub-key bytes      found by open addressing [hash, id + 1]
 *   content    value bytes · time                                                             what snapshots have besides the identity
 *   links      next · previous · number                                                       the owner's; made anew by a restore
 *
 * Entries lie in pages, some of them on disk; so does the index once it has outgrown its array (paged-index.ts).
 * Ids are dense and used again. A key counts its entries (`referencesOf`); one without any may be forgotten by its table.
 */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import { BYTES, DOUBLE, notNull, STRING, type LogicalType } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import type { Utf8Vector, Vector } from '../columnar/vector.js'
import { bitsWithout, type Bits } from './bits.js'
import { ByteHeap, StateTooLarge } from './byte-heap.js'
import { grown } from './growable.js'
import type { KeyTable } from './key-table.js'
import { PagedIndex } from './paged-index.js'
import { PagedInts } from './paged-ints.js'
import { stateMemory, type MemoryUser } from './state-memory.js'
import type { RowChanges, StoredTable } from './stored-table.js'

const MIN_SLOTS = 64
const MAX_SLOTS = 1 << 28

/** Words of an entry. */
const KEY = 0
const STATE = 1
const SUB = 2
const SUB_LENGTH = 3
const VALUE = 4
const VALUE_LENGTH = 5
const HASH = 6
export const NEXT = 7
export const PREVIOUS = 8
export const NUMBER = 9
/** The key of an id that has no entry. */
const GONE = -1
/** Bytes that the value's place has. */
const CAPACITY = 10
/** Doubles: of the window, and the owner's. */
const START = 11
const END = 13
const TIME = 15
const STRIDE = 17
const MIN_CAPACITY = 64
type Link = typeof NEXT | typeof PREVIOUS | typeof NUMBER

const float = new Float64Array(2)
const floatWords = new Int32Array(float.buffer)
const encoder = new TextEncoder()

/** Columns of a snapshot behind those of the key. */
export const ENTRY_COLUMNS = ['$state', '$start', '$end', '$sub', '$value', '$time'] as const

export function entryTableSchema(keyTypes: readonly LogicalType[]): Schema {
  return {
    fields: [
      ...keyTypes.map((type, i) => ({ name: `$key${i}`, type })),
      { name: '$state', type: notNull(STRING) },
      { name: '$start', type: notNull(DOUBLE) },
      { name: '$end', type: notNull(DOUBLE) },
      { name: '$sub', type: notNull(BYTES) },
      { name: '$value', type: notNull(BYTES) },
      { name: '$time', type: notNull(DOUBLE) },
    ],
  }
}

export class EntryTable implements StoredTable, MemoryUser {
  readonly descriptor: StateTableDescriptor
  /** Reported before every change. */
  changes: RowChanges & { touchOne(id: number): void; removeOne(id: number): void } = UNTRACKED
  readonly #keys: KeyTable
  readonly #states: string[] = []
  readonly #stateBytes: Uint8Array[] = []
  readonly #heap = new ByteHeap()
  readonly #words = new PagedInts(STRIDE, true)
  readonly #references = new PagedInts()
  #index = new Int32Array(2 * MIN_SLOTS)
  /** Once there: the entries of the index, which is empty. */
  #paged: PagedIndex | undefined
  #slots = MIN_SLOTS
  #size = 0
  #idLimit = 0
  #free = new Int32Array(0)
  #freeCount = 0
  #scratch = new Uint8Array(0)

  constructor(name: string, version: number, keyTypes: readonly LogicalType[], keys: KeyTable) {
    this.descriptor = { name, version, schema: entryTableSchema(keyTypes) }
    this.#keys = keys
    stateMemory.register(this)
  }

  /** Of the index while it is an array, and the list of free ids; the rest counts itself. */
  residentBytes(): number {
    return this.#index.byteLength + this.#free.byteLength
  }

  get size(): number {
    return this.#size
  }

  /** The number of that state; the same for the same name. */
  stateNumber(name: string): number {
    const known = this.#states.indexOf(name)
    if (known >= 0) return known
    this.#stateBytes.push(encoder.encode(name))
    return this.#states.push(name) - 1
  }

  /** Names of all states that were asked for or restored. */
  get states(): readonly string[] {
    return this.#states
  }

  /** -1: there is no such entry. */
  find(key: number, state: number, start: number, end: number, sub: Uint8Array, from: number, length: number): number {
    return this.#lookup(hashOf(key, state, start, end, sub, from, length), key, state, start, end, sub, from, length)
  }

  /** The entry, made if it is not there: with an empty value, links -1, number 0. @throws STATE_TOO_LARGE */
  assign(key: number, state: number, start: number, end: number, sub: Uint8Array, from: number, length: number): number {
    const hash = hashOf(key, state, start, end, sub, from, length)
    const found = this.#lookup(hash, key, state, start, end, sub, from, length)
    if (found >= 0) return found
    this.#reserve()
    const id = this.#freeCount > 0 ? (this.#free[--this.#freeCount] as number) : this.#idLimit++
    this.#words.reserve(this.#idLimit)
    const subRef = this.#heap.store(sub, from, length)
    this.changes.touchOne(id)
    const words = this.#words.page(id)
    const at = this.#words.offset(id)
    words[at + KEY] = key
    words[at + STATE] = state
    words[at + SUB] = subRef
    words[at + SUB_LENGTH] = length
    words[at + VALUE] = 0
    words[at + VALUE_LENGTH] = 0
    words[at + CAPACITY] = 0
    words[at + HASH] = hash
    words[at + NEXT] = -1
    words[at + PREVIOUS] = -1
    words[at + NUMBER] = 0
    putDouble(words, at + START, start)
    putDouble(words, at + END, end)
    putDouble(words, at + TIME, 0)
    if (this.#paged !== undefined) this.#paged.add(hash, id + 1)
    else {
      let slot = hash & (this.#slots - 1)
      while (this.#index[2 * slot + 1] !== 0) slot = (slot + 1) & (this.#slots - 1)
      this.#index[2 * slot] = hash
      this.#index[2 * slot + 1] = id + 1
    }
    this.#size++
    this.#references.reserve(key + 1)
    this.#references.set(key, this.#references.get(key) + 1)
    return id
  }

  remove(id: number): void {
    this.changes.removeOne(id)
    const words = this.#words.page(id)
    const at = this.#words.offset(id)
    this.#heap.free(words[at + SUB] as number, words[at + SUB_LENGTH] as number)
    this.#heap.free(words[at + VALUE] as number, words[at + CAPACITY] as number)
    const key = words[at + KEY] as number
    this.#references.set(key, this.#references.get(key) - 1)
    if (this.#paged !== undefined) this.#paged.remove(words[at + HASH] as number, id + 1)
    else this.#unindex(words[at + HASH] as number, id)
    words[at + KEY] = GONE
    this.#size--
    this.#free = grown(this.#free, this.#freeCount + 1)
    this.#free[this.#freeCount++] = id
  }

  /** Replaces value and time. @throws STATE_TOO_LARGE */
  write(id: number, value: Uint8Array, from: number, length: number, time: number): void {
    this.changes.touchOne(id)
    const words = this.#words.page(id)
    const at = this.#words.offset(id)
    this.#heap.free(words[at + VALUE] as number, words[at + CAPACITY] as number)
    words[at + VALUE] = this.#heap.store(value, from, length)
    words[at + VALUE_LENGTH] = length
    words[at + CAPACITY] = length
    putDouble(words, at + TIME, time)
  }

  /** Adds to the end of the value, whose place grows by doubling. @throws STATE_TOO_LARGE */
  append(id: number, bytes: Uint8Array, from: number, length: number): void {
    this.changes.touchOne(id)
    const words = this.#words.page(id)
    const at = this.#words.offset(id)
    const before = words[at + VALUE_LENGTH] as number
    const needed = before + length
    if (needed > (words[at + CAPACITY] as number)) {
      const capacity = Math.max(MIN_CAPACITY, 1 << (32 - Math.clz32(needed - 1)))
      if (this.#scratch.length < capacity) this.#scratch = new Uint8Array(capacity)
      this.#heap.copyTo(words[at + VALUE] as number, before, this.#scratch, 0)
      this.#heap.free(words[at + VALUE] as number, words[at + CAPACITY] as number)
      words[at + VALUE] = this.#heap.store(this.#scratch, 0, capacity)
      words[at + CAPACITY] = capacity
    }
    const page = this.#heap.pageToChange(words[at + VALUE] as number)
    const to = this.#heap.offset(words[at + VALUE] as number) + before
    for (let i = 0; i < length; i++) page[to + i] = bytes[from + i] as number
    words[at + VALUE_LENGTH] = needed
  }

  setTime(id: number, time: number): void {
    this.changes.touchOne(id)
    putDouble(this.#words.page(id), this.#words.offset(id) + TIME, time)
  }

  /** The value's bytes: [offset, offset + length) of the page; valid until the next change of the table. */
  valuePage(id: number): Uint8Array {
    return this.#heap.page(this.#word(id, VALUE))
  }

  valueOffset(id: number): number {
    return this.#heap.offset(this.#word(id, VALUE))
  }

  valueLength(id: number): number {
    return this.#word(id, VALUE_LENGTH)
  }

  subPage(id: number): Uint8Array {
    return this.#heap.page(this.#word(id, SUB))
  }

  subOffset(id: number): number {
    return this.#heap.offset(this.#word(id, SUB))
  }

  subLength(id: number): number {
    return this.#word(id, SUB_LENGTH)
  }

  /** All ids are below. */
  get idLimit(): number {
    return this.#idLimit
  }

  /** False: no entry has that id (which is below idLimit). */
  has(id: number): boolean {
    return this.#word(id, KEY) !== GONE
  }

  keyOf(id: number): number {
    return this.#word(id, KEY)
  }

  stateOf(id: number): number {
    return this.#word(id, STATE)
  }

  startOf(id: number): number {
    return this.#double(id, START)
  }

  endOf(id: number): number {
    return this.#double(id, END)
  }

  timeOf(id: number): number {
    return this.#double(id, TIME)
  }

  link(id: number, link: Link): number {
    return this.#word(id, link)
  }

  setLink(id: number, link: Link, value: number): void {
    this.#words.set(id, value, link)
  }

  /** Entries of that key. */
  referencesOf(key: number): number {
    return key < this.#references.length ? this.#references.get(key) : 0
  }

  /** Ids of all entries, or of those of one state. */
  ids(state?: number): number[] {
    const live = this.liveBits()
    const ids: number[] = []
    for (let id = 0; id < this.#idLimit; id++) {
      if (((live[id >> 5] as number) >>> (id & 31)) & 1 && (state === undefined || this.stateOf(id) === state)) ids.push(id)
    }
    return ids
  }

  liveBits(): Bits {
    return bitsWithout(this.#idLimit, this.#free, this.#freeCount)
  }

  read(ids: Int32Array, count: number): readonly Vector[] {
    const { fields } = this.descriptor.schema
    const type = (column: number) => (fields[fields.length - ENTRY_COLUMNS.length + column] as { type: LogicalType }).type
    const keyIds = new Int32Array(count)
    const numbers = [new Float64Array(count), new Float64Array(count), new Float64Array(count)]
    for (let i = 0; i < count; i++) {
      const id = ids[i] as number
      keyIds[i] = this.keyOf(id)
      for (let k = 0; k < 3; k++) (numbers[k] as Float64Array)[i] = this.#double(id, START + 2 * k)
    }
    const float64 = (k: number, column: number): Vector => ({
      kind: 'float64',
      type: type(column),
      nulls: undefined,
      values: numbers[k] as Float64Array,
    })
    return [
      ...this.#keys.keyColumns(keyIds, count),
      this.#stateColumn(ids, count, type(0)),
      float64(0, 1),
      float64(1, 2),
      this.#bytesColumn(ids, count, type(3), SUB, SUB_LENGTH),
      this.#bytesColumn(ids, count, type(4), VALUE, VALUE_LENGTH),
      float64(2, 5),
    ]
  }

  hashes(ids: Int32Array, count: number): Int32Array {
    const hashes = new Int32Array(count)
    for (let i = 0; i < count; i++) hashes[i] = this.#keys.hashOf(this.keyOf(ids[i] as number))
    return hashes
  }

  #stateColumn(ids: Int32Array, count: number, type: LogicalType): Utf8Vector {
    const offsets = new Int32Array(count)
    const lengths = new Int32Array(count)
    const starts: number[] = []
    let total = 0
    for (const bytes of this.#stateBytes) {
      starts.push(total)
      total += bytes.length
    }
    const all = new Uint8Array(total)
    this.#stateBytes.forEach((bytes, state) => all.set(bytes, starts[state]))
    for (let i = 0; i < count; i++) {
      const state = this.stateOf(ids[i] as number)
      offsets[i] = starts[state] as number
      lengths[i] = (this.#stateBytes[state] as Uint8Array).length
    }
    return { kind: 'utf8', type, nulls: undefined, offsets, lengths, bytes: all }
  }

  #bytesColumn(ids: Int32Array, count: number, type: LogicalType, ref: number, length: number): Utf8Vector {
    const offsets = new Int32Array(count)
    const lengths = new Int32Array(count)
    let total = 0
    for (let i = 0; i < count; i++) {
      offsets[i] = total
      total += lengths[i] = this.#word(ids[i] as number, length)
    }
    const bytes = new Uint8Array(total)
    for (let i = 0; i < count; i++) this.#heap.copyTo(this.#word(ids[i] as number, ref), lengths[i] as number, bytes, offsets[i] as number)
    return { kind: 'utf8', type, nulls: undefined, offsets, lengths, bytes }
  }

  #word(id: number, word: number): number {
    return this.#words.get(id, word)
  }

  #double(id: number, word: number): number {
    const words = this.#words.peek(id)
    const at = this.#words.offset(id) + word
    floatWords[0] = words[at] as number
    floatWords[1] = words[at + 1] as number
    return float[0] as number
  }

  #lookup(hash: number, key: number, state: number, start: number, end: number, sub: Uint8Array, from: number, length: number): number {
    if (this.#paged !== undefined)
      return this.#paged.find(hash, (entry) => this.#isEntry(entry - 1, key, state, start, end, sub, from, length)) - 1
    const index = this.#index
    const mask = this.#slots - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = index[2 * slot + 1] as number
      if (entry === 0) return -1
      if (index[2 * slot] === hash && this.#isEntry(entry - 1, key, state, start, end, sub, from, length)) return entry - 1
    }
  }

  #isEntry(id: number, key: number, state: number, start: number, end: number, sub: Uint8Array, from: number, length: number): boolean {
    const words = this.#words.peek(id)
    const at = this.#words.offset(id)
    if (words[at + KEY] !== key || words[at + STATE] !== state || words[at + SUB_LENGTH] !== length) return false
    if (this.startOf(id) !== start || this.endOf(id) !== end) return false
    return this.#heap.equals(words[at + SUB] as number, length, sub, from)
  }

  #unindex(hash: number, id: number): void {
    const index = this.#index
    const mask = this.#slots - 1
    let hole = hash & mask
    while (index[2 * hole + 1] !== id + 1) hole = (hole + 1) & mask
    for (let slot = (hole + 1) & mask; index[2 * slot + 1] !== 0; slot = (slot + 1) & mask) {
      const home = (index[2 * slot] as number) & mask
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue
      index[2 * hole] = index[2 * slot] as number
      index[2 * hole + 1] = index[2 * slot + 1] as number
      hole = slot
    }
    index[2 * hole] = 0
    index[2 * hole + 1] = 0
  }

  #goIntoPages(): void {
    const paged = new PagedIndex()
    const index = this.#index
    for (let i = 0; i < index.length; i += 2) if (index[i + 1] !== 0) paged.add(index[i] as number, index[i + 1] as number)
    this.#paged = paged
    this.#index = new Int32Array(0)
  }

  /** Room for one more entry in the index. */
  #reserve(): void {
    if ((this.#size + 1) * 1.6 > MAX_SLOTS)
      throw new StateTooLarge({ what: `${this.#size} entries of keyed state`, limit: `${Math.floor(MAX_SLOTS / 1.6)} entries` })
    if (this.#paged !== undefined || this.#slots >= (this.#size + 1) * 1.6) return
    const slots = this.#slots * 2
    if (!stateMemory.allowsArrays(8 * slots, this.#index.byteLength)) return this.#goIntoPages()
    const old = this.#index
    const index = new Int32Array(2 * slots)
    const mask = slots - 1
    for (let i = 0; i < old.length; i += 2) {
      if (old[i + 1] === 0) continue
      let slot = (old[i] as number) & mask
      while (index[2 * slot + 1] !== 0) slot = (slot + 1) & mask
      index[2 * slot] = old[i] as number
      index[2 * slot + 1] = old[i + 1] as number
    }
    this.#index = index
    this.#slots = slots
  }
}

/** A double as two words. */
function putDouble(words: Int32Array, at: number, value: number): void {
  float[0] = value
  words[at] = floatWords[0] as number
  words[at + 1] = floatWords[1] as number
}

const UNTRACKED = {
  touch: () => undefined,
  touchOne: () => undefined,
  remove: () => undefined,
  removeOne: () => undefined,
  removeAll: () => undefined,
  snapshotIds: (ids: Int32Array) => ids,
}

function hashOf(key: number, state: number, start: number, end: number, sub: Uint8Array, from: number, length: number): number {
  let hash = mix(mix(0x9747b28c, key), state)
  if (start !== 0 || end !== 0) {
    float[0] = start + 0 // -0 is 0
    float[1] = end
    for (let i = 0; i < 4; i++) hash = mix(hash, floatWords[i] as number)
  }
  for (let i = from; i < from + length; i++) hash = mix(hash, sub[i] as number)
  hash ^= hash >>> 16
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) | 0
}

function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51)
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593)
  hash ^= k
  hash = (hash << 13) | (hash >>> 19)
  return (Math.imul(hash, 5) + 0xe6546b64) | 0
}
