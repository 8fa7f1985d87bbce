/**
 * Keys of rows to dense ids: the index of all keyed state. Open addressing over typed arrays, no object per key.
 *
 *   index   [hash, id + 1] per slot, power of two, linear probing, backward shift on removal; the key too where it is a single
 *           integer or time (probe.ts)
 *   lanes   per id: | null bits | prefix? | fixed-width key columns as int32 lanes | string lengths | string refs |
 *   hashes  per id: the key's hash (columnar/hash.ts), from which its key group follows
 *
 * A table that outgrows what arrays may take goes on in pages, some of them on disk (paged-keys.ts), with the same ids.
 *
 * NULL keys equal each other (GROUP BY); -0.0 equals 0.0, NaN equals NaN. Ids are dense and used again after removal, so other
 * state of a key lives in columns by id. A prefix is one more int32 key part given from outside (DISTINCT: the group's number).
 */
import type { LogicalType } from '#core/types/logical-type.js'
import type { Batch } from '../columnar/batch.js'
import { vectorKind, type Int32Vector, type Utf8Vector, type Vector, type VectorKind } from '../columnar/vector.js'
import { bitsWithout, type Bits } from './bits.js'
import { ByteHeap, StateTooLarge } from './byte-heap.js'
import { grown, identityPositions } from './growable.js'
import { encodeColumn, LANES, mixed } from './key-lanes.js'
import { PagedKeys } from './paged-keys.js'
import { probeInt, probeLong, readSlotsAhead, WIDE_SLOT } from './probe.js'
import { stateMemory } from './state-memory.js'

const MIN_SLOTS = 64
/** From here on a table is larger than the processor's near caches. */
const LARGE_SLOTS = 1 << 15
const MAX_SLOTS = 1 << 28

export class KeyTable {
  readonly #kinds: readonly VectorKind[]
  readonly #types: readonly LogicalType[]
  readonly #maskLanes: number
  readonly #hasPrefix: boolean
  /** Lane of each key column: its value, or for a string its length; its ref is at #refLanes. */
  readonly #columnLanes: number[] = []
  readonly #refLanes: number[] = []
  readonly #strings: number
  /** Lanes that must be equal: all but the refs. */
  readonly #compared: number
  readonly #stride: number
  /** The key is one column of one or two words, and lies in the index. */
  readonly #wide: boolean
  /** Words per slot. */
  readonly #slotWords: number
  /** Kept beside each key in pages, for the owner. */
  readonly #ownerWords: number
  readonly #heap = new ByteHeap()
  #index: Int32Array
  #slots = MIN_SLOTS
  #lanes = new Int32Array(0)
  #hashes = new Int32Array(0)
  #free = new Int32Array(0)
  #freeCount = 0
  #idLimit = 0
  #size = 0
  #scratch = new Int32Array(0)
  /** Without key columns: the one key is there. */
  #onlyKey = false
  /** Once there: holds all but the strings, and the arrays are empty. */
  #paged: PagedKeys | undefined
  /** Where the strings of the rows being looked up lie, by key column. */
  #sources: readonly Uint8Array[] = NO_BYTES

  /**
   * `types`: the key columns; none: one key for all rows. `ownerWords`: int32 words that the owner has by id in arrays as large as these,
   * and beside each key once the table lies in pages (lifted-columns.ts).
   */
  constructor(types: readonly LogicalType[], prefix = false, ownerWords = 0) {
    this.#ownerWords = ownerWords
    this.#types = types
    this.#kinds = types.map(vectorKind)
    this.#hasPrefix = prefix
    this.#maskLanes = (types.length + 31) >> 5
    let lane = this.#maskLanes + (prefix ? 1 : 0)
    for (const kind of this.#kinds) {
      this.#columnLanes.push(kind === 'utf8' ? -1 : lane)
      lane += LANES[kind]
    }
    this.#strings = this.#kinds.filter((kind) => kind === 'utf8').length
    this.#kinds.forEach((kind, i) => {
      if (kind === 'utf8') this.#columnLanes[i] = lane++
    })
    this.#compared = lane
    for (const kind of this.#kinds) this.#refLanes.push(kind === 'utf8' ? lane++ : -1)
    this.#stride = Math.max(1, lane)
    this.#wide = !prefix && this.#kinds.length === 1 && (this.#kinds[0] === 'int64' || this.#kinds[0] === 'int32')
    this.#slotWords = this.#wide ? WIDE_SLOT : 2
    this.#index = new Int32Array(this.#slotWords * MIN_SLOTS)
    stateMemory.register(this)
  }

  /** Bytes of the arrays. */
  residentBytes(): number {
    return this.#index.byteLength + this.#lanes.byteLength + this.#hashes.byteLength + this.#free.byteLength + this.#scratch.byteLength
  }

  /** Keys held. */
  get size(): number {
    return this.#paged?.size ?? this.#size
  }

  /** All ids are below. */
  get idLimit(): number {
    return this.#paged?.idLimit ?? this.#idLimit
  }

  /** Keys lie in pages from now until `clear`, with the owner's words beside them. Never so without key columns. */
  get inPages(): boolean {
    return this.#paged !== undefined
  }

  /** In pages: where the owner's words of a key lie, from `wordsOffset(id)` on; good until the end of the batch. */
  wordsPage(id: number, toRead: boolean): Int32Array {
    return (this.#paged as PagedKeys).wordsPage(id, toRead)
  }

  wordsOffset(id: number): number {
    return (this.#paged as PagedKeys).wordsOffset(id)
  }

  /** Hash of that key as hashRows made it (with a prefix: mixed with it). */
  hashOf(id: number): number {
    if (this.#paged !== undefined) return this.#paged.hashOf(id)
    return this.#hashes[id] as number
  }

  /**
   * Finds the ids of `count` rows: row r has its key at column position positions[r] and the hash hashes[r] (made from the key
   * columns alone). An unknown key gets a new id when `insert`, else -1.
   * @throws STATE_TOO_LARGE
   */
  assign(
    batch: Batch,
    columns: readonly number[],
    positions: Int32Array,
    count: number,
    hashes: Int32Array,
    ids: Int32Array,
    insert = true,
    prefix?: Int32Array,
  ): void {
    if (this.#stride === 1 && this.#compared === 0) return this.#assignOnlyKey(count, hashes, ids, insert)
    if (insert && this.#paged === undefined) this.#reserve(count)
    if (this.#paged !== undefined) return this.#assignPaged(this.#paged, batch, columns, positions, count, hashes, ids, insert, prefix)
    if (this.#wide) return this.#assignWide(batch.columns[columns[0] as number] as Vector, positions, count, hashes, ids, insert)
    const scratch = this.#encode(batch, columns, positions, count, prefix)
    if (prefix !== undefined) hashes = mixed(hashes, prefix, count)
    const sources = this.#strings === 0 ? NO_BYTES : columns.map((column) => (batch.columns[column] as Utf8Vector).bytes)
    const index = this.#index
    const lanes = this.#lanes
    const mask = this.#slots - 1
    const stride = this.#stride
    const compared = this.#compared
    const strings = this.#strings
    if (this.#slots >= LARGE_SLOTS && count > 1) readAhead(index, lanes, mask, stride, hashes, count, ids)
    for (let row = 0; row < count; row++) {
      const hash = hashes[row] as number
      const at = row * stride
      let slot = hash & mask
      for (;;) {
        const entry = index[2 * slot + 1] as number
        if (entry === 0) {
          ids[row] = insert ? this.#insert(slot, hash, scratch, at, sources) : -1
          break
        }
        if (index[2 * slot] === hash) {
          const base = (entry - 1) * stride
          let lane = 0
          while (lane < compared && lanes[base + lane] === scratch[at + lane]) lane++
          if (lane === compared && (strings === 0 || this.#sameStrings(lanes, base, scratch, at, sources))) {
            ids[row] = entry - 1
            break
          }
        }
        slot = (slot + 1) & mask
      }
    }
  }

  /** Forgets the key; its id will be given to another. */
  remove(id: number): void {
    if (this.#paged !== undefined) return this.#removePaged(this.#paged, id)
    this.#size--
    if (this.#free.length <= this.#freeCount) this.#free = grown(this.#free, this.#freeCount + 1)
    this.#free[this.#freeCount++] = id
    if (this.#compared === 0) {
      this.#onlyKey = false
      return
    }
    const base = id * this.#stride
    for (let i = 0; i < this.#kinds.length; i++) {
      const refLane = this.#refLanes[i] as number
      if (refLane >= 0)
        this.#heap.free(this.#lanes[base + refLane] as number, this.#lanes[base + (this.#columnLanes[i] as number)] as number)
    }
    const index = this.#index
    const words = this.#slotWords
    const mask = this.#slots - 1
    let hole = (this.#hashes[id] as number) & mask
    while (index[words * hole + 1] !== id + 1) hole = (hole + 1) & mask
    for (let slot = (hole + 1) & mask; index[words * slot + 1] !== 0; slot = (slot + 1) & mask) {
      const home = (index[words * slot] as number) & mask
      if (((slot - home) & mask) >= ((slot - hole) & mask)) {
        for (let word = 0; word < words; word++) index[words * hole + word] = index[words * slot + word] as number
        hole = slot
      }
    }
    index.fill(0, words * hole, words * (hole + 1))
  }

  /** Forgets all keys but keeps the memory: the next fill needs none. */
  clear(): void {
    this.#paged?.close()
    this.#paged = undefined
    this.#index.fill(0)
    this.#heap.clear()
    this.#freeCount = 0
    this.#idLimit = 0
    this.#size = 0
    this.#onlyKey = false
  }

  /** Ids of the keys held. */
  liveBits(): Bits {
    if (this.#paged !== undefined) return this.#paged.liveBits()
    return bitsWithout(this.#idLimit, this.#free, this.#freeCount)
  }

  /** The keys of `count` ids as columns, one per key column. */
  keyColumns(ids: Int32Array, count: number): Vector[] {
    if (this.#paged === undefined) return this.#kinds.map((_, column) => this.#keyColumn(column, this.#lanes, ids, count))
    const lanes = this.#paged.lanes(ids, count)
    return this.#kinds.map((_, column) => this.#keyColumn(column, lanes, identityPositions(count), count))
  }

  /** Their hashes. */
  hashesOf(ids: Int32Array, count: number): Int32Array {
    const hashes = new Int32Array(count)
    for (let i = 0; i < count; i++) hashes[i] = this.hashOf(ids[i] as number)
    return hashes
  }

  /** The number given as prefix. */
  prefixOf(id: number): number {
    if (this.#paged !== undefined) return this.#paged.lane(id, this.#maskLanes)
    return this.#lanes[id * this.#stride + this.#maskLanes] as number
  }

  #assignOnlyKey(count: number, hashes: Int32Array, ids: Int32Array, insert: boolean): void {
    if (count === 0) return
    if (!this.#onlyKey && insert) {
      this.#onlyKey = true
      this.#size = 1
      this.#idLimit = 1
      this.#freeCount = 0
      this.#hashes = grown(this.#hashes, 1)
      this.#hashes[0] = hashes[0] as number
    }
    ids.fill(this.#onlyKey ? 0 : -1, 0, count)
  }

  #assignWide(vector: Vector, positions: Int32Array, count: number, hashes: Int32Array, ids: Int32Array, insert: boolean): void {
    const long = vector.kind === 'int64'
    let words = long
      ? new Int32Array(vector.values.buffer, vector.values.byteOffset, vector.values.length * 2)
      : (vector as Int32Vector).values
    const { nulls } = vector
    if (nulls !== undefined) words = withoutNulls(words, long ? 2 : 1, nulls)
    const probe = long ? probeLong : probeInt
    const index = this.#index
    const mask = this.#slots - 1
    if (this.#slots >= LARGE_SLOTS && count > 1) readSlotsAhead(index, mask, count, hashes, ids)
    for (let row = 0; row < count;) {
      row = probe(index, mask, words, positions, row, count, hashes, ids)
      const last = ids[row - 1] as number
      if (last >= 0) continue
      const position = positions[row - 1] as number
      const isNull = nulls !== undefined && ((nulls[position >> 3] as number) & (1 << (position & 7))) !== 0
      ids[row - 1] = insert
        ? this.#insertWide(
            -1 - last,
            hashes[row - 1] as number,
            words[long ? 2 * position : position] as number,
            long ? (words[2 * position + 1] as number) : 0,
            isNull,
          )
        : -1
    }
  }

  /** `at`: word offset of the slot. */
  #insertWide(at: number, hash: number, low: number, high: number, isNull: boolean): number {
    const id = this.#freeCount > 0 ? (this.#free[--this.#freeCount] as number) : this.#idLimit++
    this.#size++
    const base = id * this.#stride
    this.#lanes[base] = isNull ? 1 : 0
    this.#lanes[base + 1] = low
    if (this.#stride > 2) this.#lanes[base + 2] = high
    this.#hashes[id] = hash
    const index = this.#index
    index[at] = hash
    index[at + 1] = id + 1
    index[at + 2] = low
    index[at + 3] = high
    return id
  }

  #assignPaged(
    paged: PagedKeys,
    batch: Batch,
    columns: readonly number[],
    positions: Int32Array,
    count: number,
    hashes: Int32Array,
    ids: Int32Array,
    insert: boolean,
    prefix: Int32Array | undefined,
  ): void {
    if (insert && paged.idLimit + count > MAX_SLOTS / 1.6) throw tooManyKeys(paged.size)
    const scratch = this.#encode(batch, columns, positions, count, prefix)
    if (prefix !== undefined) hashes = mixed(hashes, prefix, count)
    if (this.#strings > 0) this.#sources = columns.map((column) => (batch.columns[column] as Utf8Vector).bytes)
    paged.assign(scratch, count, hashes, ids, insert)
    this.#sources = NO_BYTES
  }

  #removePaged(paged: PagedKeys, id: number): void {
    for (let i = 0; i < this.#kinds.length; i++) {
      const refLane = this.#refLanes[i] as number
      if (refLane >= 0) this.#heap.free(paged.lane(id, refLane), paged.lane(id, this.#columnLanes[i] as number))
    }
    paged.remove(id)
  }

  #goIntoPages(): void {
    const paged = new PagedKeys({
      stride: this.#stride,
      compared: this.#compared,
      words: this.#ownerWords,
      sameStrings: (lanes, at, scratch, from) => this.#strings === 0 || this.#sameStrings(lanes, at, scratch, from, this.#sources),
      storeStrings: (lanes, at, scratch, from) => this.#storeStrings(lanes, at, scratch, from, this.#sources),
    })
    paged.fill(this.#lanes, this.#hashes, this.#idLimit, this.liveBits())
    this.#paged = paged
    this.#index = new Int32Array(this.#slotWords * MIN_SLOTS)
    this.#slots = MIN_SLOTS
    this.#lanes = new Int32Array(0)
    this.#hashes = new Int32Array(0)
    this.#free = new Int32Array(0)
    this.#freeCount = 0
    this.#idLimit = 0
    this.#size = 0
  }

  #insert(slot: number, hash: number, scratch: Int32Array, at: number, sources: readonly Uint8Array[]): number {
    const id = this.#freeCount > 0 ? (this.#free[--this.#freeCount] as number) : this.#idLimit++
    this.#size++
    const lanes = this.#lanes
    const base = id * this.#stride
    for (let lane = 0; lane < this.#compared; lane++) lanes[base + lane] = scratch[at + lane] as number
    if (this.#strings > 0) this.#storeStrings(lanes, base, scratch, at, sources)
    this.#hashes[id] = hash
    this.#index[2 * slot] = hash
    this.#index[2 * slot + 1] = id + 1
    return id
  }

  #storeStrings(lanes: Int32Array, base: number, scratch: Int32Array, at: number, sources: readonly Uint8Array[]): void {
    for (let i = 0; i < this.#kinds.length; i++) {
      const refLane = this.#refLanes[i] as number
      if (refLane < 0) continue
      const length = scratch[at + (this.#columnLanes[i] as number)] as number
      lanes[base + refLane] = this.#heap.store(sources[i] as Uint8Array, scratch[at + refLane] as number, length)
    }
  }

  #sameStrings(lanes: Int32Array, base: number, scratch: Int32Array, at: number, sources: readonly Uint8Array[]): boolean {
    for (let i = 0; i < this.#kinds.length; i++) {
      const refLane = this.#refLanes[i] as number
      if (refLane < 0) continue
      const length = scratch[at + (this.#columnLanes[i] as number)] as number
      if (!this.#heap.equals(lanes[base + refLane] as number, length, sources[i] as Uint8Array, scratch[at + refLane] as number))
        return false
    }
    return true
  }

  /** Room for `more` new keys, so that no array is replaced while rows are looked up. Larger arrays than allowed: goes into pages. */
  #reserve(more: number): void {
    const ids = this.#idLimit + more
    const needed = (this.#size + more) * 1.6
    let slots = this.#slots
    while (slots < needed) slots *= 2
    if (this.#hashes.length >= ids && this.#slots === slots) return
    if (slots > MAX_SLOTS) throw tooManyKeys(this.#size)
    const room = this.#hashes.length >= ids ? this.#hashes.length : Math.max(ids, 2 * this.#hashes.length)
    const bytes = 4 * (this.#slotWords * slots + (this.#stride + 1 + this.#ownerWords) * room)
    const held = this.residentBytes() + 4 * this.#ownerWords * this.#hashes.length
    if (!stateMemory.allowsArrays(bytes, held)) return this.#goIntoPages()
    if (this.#hashes.length < ids) {
      this.#hashes = grown(this.#hashes, ids)
      this.#lanes = grown(this.#lanes, this.#hashes.length * this.#stride)
    }
    if (this.#slots === slots) return
    this.#index = rehashed(this.#index, this.#slotWords, slots)
    this.#slots = slots
  }

  /** The rows' keys in the form of the table, refs being offsets in the rows' own bytes. */
  #encode(batch: Batch, columns: readonly number[], positions: Int32Array, count: number, prefix: Int32Array | undefined): Int32Array {
    const stride = this.#stride
    if (this.#scratch.length < count * stride) this.#scratch = grown(this.#scratch, count * stride)
    const scratch = this.#scratch
    const maskLanes = this.#maskLanes
    for (let mask = 0; mask < maskLanes; mask++) for (let row = 0; row < count; row++) scratch[row * stride + mask] = 0
    if (this.#hasPrefix && prefix !== undefined)
      for (let row = 0; row < count; row++) scratch[row * stride + maskLanes] = prefix[row] as number
    for (let i = 0; i < columns.length; i++) {
      const vector = batch.columns[columns[i] as number] as Vector
      encodeColumn(vector, positions, count, scratch, stride, this.#columnLanes[i] as number, this.#refLanes[i] as number)
      if (vector.nulls !== undefined) this.#encodeNulls(i, vector.nulls, positions, count, scratch)
    }
    return scratch
  }

  #encodeNulls(column: number, nulls: Uint8Array, positions: Int32Array, count: number, scratch: Int32Array): void {
    const bit = 1 << (column & 31)
    const lane = this.#columnLanes[column] as number
    const lanes = Math.max(1, LANES[this.#kinds[column] as VectorKind])
    for (let row = 0; row < count; row++) {
      const position = positions[row] as number
      if (((nulls[position >> 3] as number) & (1 << (position & 7))) === 0) continue
      const at = row * this.#stride
      scratch[at + (column >> 5)] = (scratch[at + (column >> 5)] as number) | bit
      for (let i = 0; i < lanes; i++) scratch[at + lane + i] = 0
    }
  }

  /** Of the keys whose lanes begin at ids[i] * stride. */
  #keyColumn(column: number, lanes: Int32Array, ids: Int32Array, count: number): Vector {
    const type = this.#types[column] as LogicalType
    const stride = this.#stride
    const lane = this.#columnLanes[column] as number
    const nulls = this.#keyNulls(column, lanes, ids, count)
    const kind = this.#kinds[column] as VectorKind
    switch (kind) {
      case 'boolean': {
        const values = new Uint8Array(count)
        for (let i = 0; i < count; i++) values[i] = lanes[(ids[i] as number) * stride + lane] as number
        return { kind, type, nulls, values }
      }
      case 'int32': {
        const values = new Int32Array(count)
        for (let i = 0; i < count; i++) values[i] = lanes[(ids[i] as number) * stride + lane] as number
        return { kind, type, nulls, values }
      }
      case 'int64':
      case 'float64':
      case 'decimal128': {
        const width = LANES[kind]
        const words = new Int32Array(count * width)
        for (let i = 0; i < count; i++) {
          const base = (ids[i] as number) * stride + lane
          for (let w = 0; w < width; w++) words[i * width + w] = lanes[base + w] as number
        }
        if (kind === 'int64') return { kind, type, nulls, values: new BigInt64Array(words.buffer) }
        if (kind === 'float64') return { kind, type, nulls, values: new Float64Array(words.buffer) }
        return { kind, type, nulls, lanes: new BigInt64Array(words.buffer) }
      }
      case 'utf8': {
        const offsets = new Int32Array(count)
        const lengths = new Int32Array(count)
        let total = 0
        for (let i = 0; i < count; i++) {
          offsets[i] = total
          total += lengths[i] = lanes[(ids[i] as number) * stride + lane] as number
        }
        const bytes = new Uint8Array(total)
        const refLane = this.#refLanes[column] as number
        for (let i = 0; i < count; i++) {
          const ref = lanes[(ids[i] as number) * stride + refLane] as number
          this.#heap.copyTo(ref, lengths[i] as number, bytes, offsets[i] as number)
        }
        return { kind, type, nulls, offsets, lengths, bytes }
      }
      case 'object':
        throw new Error('keys are never objects')
    }
  }

  #keyNulls(column: number, lanes: Int32Array, ids: Int32Array, count: number): Uint8Array | undefined {
    const maskLane = column >> 5
    const bit = 1 << (column & 31)
    let nulls: Uint8Array | undefined
    for (let i = 0; i < count; i++) {
      if (((lanes[(ids[i] as number) * this.#stride + maskLane] as number) & bit) === 0) continue
      nulls ??= new Uint8Array((count + 7) >> 3)
      nulls[i >> 3] = (nulls[i >> 3] as number) | (1 << (i & 7))
    }
    return nulls
  }
}

const NO_BYTES: readonly Uint8Array[] = []

function tooManyKeys(keys: number): Error {
  return new StateTooLarge({ what: `${keys} keys`, limit: `${Math.floor(MAX_SLOTS / 1.6)} keys` })
}

/** The entries of an index in a larger one. */
function rehashed(old: Int32Array, words: number, slots: number): Int32Array {
  const index = new Int32Array(words * slots)
  const mask = slots - 1
  for (let i = 0; i < old.length; i += words) {
    if (old[i + 1] === 0) continue
    let at = ((old[i] as number) & mask) * words
    while (index[at + 1] !== 0) at = (at + words) & (index.length - 1)
    index[at] = old[i] as number
    index[at + 1] = old[i + 1] as number
    if (words === WIDE_SLOT) {
      index[at + 2] = old[i + 2] as number
      index[at + 3] = old[i + 3] as number
    }
  }
  return index
}

/** The column's words with 0 where it is NULL. */
function withoutNulls(words: Int32Array, width: 1 | 2, nulls: Uint8Array): Int32Array {
  const clean = words.slice()
  for (let position = 0, end = Math.min(words.length / width, nulls.length * 8); position < end; position++) {
    if (((nulls[position >> 3] as number) & (1 << (position & 7))) === 0) continue
    for (let w = 0; w < width; w++) clean[position * width + w] = 0
  }
  return clean
}

/**
 * Reads what the lookups will read, in loops so short that the processor fetches many rows' cache lines at once. What it leaves in
 * `ids` means nothing: written so that the reads are not optimised away.
 */
function readAhead(
  index: Int32Array,
  lanes: Int32Array,
  mask: number,
  stride: number,
  hashes: Int32Array,
  count: number,
  ids: Int32Array,
): void {
  for (let row = 0; row < count; row++) ids[row] = index[2 * ((hashes[row] as number) & mask) + 1] as number
  for (let row = 0; row < count; row++) {
    const entry = ids[row] as number
    ids[row] = lanes[(entry === 0 ? 0 : entry - 1) * stride] as number
  }
}
