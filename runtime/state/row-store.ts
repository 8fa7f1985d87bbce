/**
 * Whole rows as keyed state: row-major pages of int32 words, addressed by a dense row id that is used again after removal.
 *
 *   row   | null bits | column words … | extra words |      boolean, int32: 1 word; int64, double: 2; decimal128: 4;
 *                                                           string: ref and length, its bytes in a ByteHeap
 *
 * Growing adds a page, nothing is copied. The extra words are the owner's: links of lists and trees, counts, sequence numbers.
 */
import type { LogicalType } from '#core/types/logical-type.js'
import { vectorKind, type Vector, type VectorKind } from '../columnar/vector.js'
import { bitsWithout, type Bits } from './bits.js'
import { ByteHeap, StateTooLarge } from './byte-heap.js'
import { grown } from './growable.js'
import { Pages } from './pages.js'
import { stateMemory } from './state-memory.js'
import { compareDoubles, compareNumbers, compareWords } from './value-order.js'

const MAX_ROWS = 2 ** 30
/** Rows looked at before memory is trimmed. */
const TRIM_ROWS = 1024
const WORDS = { boolean: 1, int32: 1, int64: 2, float64: 2, decimal128: 4, utf8: 2, object: 0 } as const

const float = new Float64Array(2)
const floatWords = new Int32Array(float.buffer)

export class RowStore {
  readonly types: readonly LogicalType[]
  readonly #kinds: readonly VectorKind[]
  readonly #offsets: number[] = []
  readonly #extra: number
  readonly #stride: number
  /** Bits of an id that are the row's place in its page, how many and which. */
  readonly #pageBits: number
  readonly #rowMask: number
  readonly #pages: Pages<Int32Array<ArrayBuffer>>
  readonly #heap = new ByteHeap()
  #free = new Int32Array(0)
  #freeCount = 0
  #idLimit = 0
  #size = 0
  /** 1 for columns in which a NULL has been stored. */
  readonly #nullable: Uint8Array
  #viewed: readonly Vector[] = []
  #views: readonly Int32Array[] = []

  constructor(types: readonly LogicalType[], extraWords = 0) {
    this.types = types
    this.#kinds = types.map(vectorKind)
    this.#nullable = new Uint8Array(types.length)
    let word = (types.length + 31) >> 5
    for (const kind of this.#kinds) {
      this.#offsets.push(word)
      word += WORDS[kind]
    }
    this.#extra = word
    this.#stride = Math.max(1, word + extraWords)
    this.#pageBits = stateMemory.pageBits(this.#stride * 4)
    this.#rowMask = (1 << this.#pageBits) - 1
    this.#pages = new Pages((buffer) => new Int32Array(buffer), this.#stride << (this.#pageBits + 2))
    stateMemory.register(this)
  }

  /** Bytes of the list of free ids; pages and strings count themselves. */
  residentBytes(): number {
    return this.#free.byteLength
  }

  /** Rows held. */
  get size(): number {
    return this.#size
  }

  /** All ids are below. */
  get idLimit(): number {
    return this.#idLimit
  }

  /** Stores one row; the extra words of a new row are 0. @throws STATE_TOO_LARGE */
  add(columns: readonly Vector[], position: number): number {
    ONE_POSITION[0] = position
    this.addRows(columns, ONE_POSITION, 1, ONE_ID)
    return ONE_ID[0] as number
  }

  /** Stores the rows at `count` positions, column by column; their ids go to `ids`. @throws STATE_TOO_LARGE */
  addRows(columns: readonly Vector[], positions: Int32Array, count: number, ids: Int32Array): void {
    const stride = this.#stride
    for (let row = 0; row < count; row++) {
      const id = this.#allocate()
      ids[row] = id
      const page = this.#pages.at(id >> this.#pageBits)
      const at = (id & this.#rowMask) * stride
      for (let word = 0; word < stride; word++) page[at + word] = 0
    }
    const views = this.#wordViews(columns)
    for (let column = 0; column < this.#kinds.length; column++) {
      this.#addColumn(columns[column] as Vector, views[column] as Int32Array, column, positions, count, ids)
    }
  }

  /** Views of the columns' words; rows of one batch come one after the other, so the last ones are kept. */
  #wordViews(columns: readonly Vector[]): readonly Int32Array[] {
    if (this.#viewed !== columns) {
      this.#viewed = columns
      this.#views = columns.map(wordsOf)
    }
    return this.#views
  }

  #addColumn(vector: Vector, words: Int32Array, column: number, positions: Int32Array, count: number, ids: Int32Array): void {
    const stride = this.#stride
    const offset = this.#offsets[column] as number
    const pages = this.#pages
    const { nulls } = vector
    const width = WORDS[vector.kind]
    for (let row = 0; row < count; row++) {
      const id = ids[row] as number
      const position = positions[row] as number
      const page = pages.at(id >> this.#pageBits)
      const at = (id & this.#rowMask) * stride
      if (nulls !== undefined && ((nulls[position >> 3] as number) & (1 << (position & 7))) !== 0) {
        page[at + (column >> 5)] = (page[at + (column >> 5)] as number) | (1 << (column & 31))
        this.#nullable[column] = 1
        continue
      }
      const to = at + offset
      switch (vector.kind) {
        case 'boolean':
        case 'int32':
          page[to] = vector.values[position] as number
          break
        case 'utf8': {
          const length = vector.lengths[position] as number
          page[to] = this.#heap.store(vector.bytes, vector.offsets[position] as number, length)
          page[to + 1] = length
          break
        }
        default:
          for (let w = 0; w < width; w++) page[to + w] = words[position * width + w] as number
      }
    }
  }

  #allocate(): number {
    const id = this.#freeCount > 0 ? (this.#free[--this.#freeCount] as number) : this.#idLimit++
    if (id >= MAX_ROWS) throw new StateTooLarge({ what: `${this.#size} rows`, limit: `${MAX_ROWS} rows` })
    this.#size++
    if (id >> this.#pageBits >= this.#pages.count) this.#pages.set(id >> this.#pageBits)
    return id
  }

  remove(id: number): void {
    const page = this.#pages.peek(id >> this.#pageBits)
    const at = (id & this.#rowMask) * this.#stride
    for (let column = 0; column < this.#kinds.length; column++) {
      if (this.#kinds[column] !== 'utf8') continue
      const from = at + (this.#offsets[column] as number)
      this.#heap.free(page[from] as number, page[from + 1] as number)
    }
    this.#free = grown(this.#free, this.#freeCount + 1)
    this.#free[this.#freeCount++] = id
    this.#size--
  }

  clear(): void {
    this.#pages.clear()
    this.#heap.clear()
    this.#freeCount = 0
    this.#idLimit = 0
    this.#size = 0
  }

  /** Ids of the rows held. */
  liveBits(): Bits {
    return bitsWithout(this.#idLimit, this.#free, this.#freeCount)
  }

  /** Ids of the rows held, rising. */
  liveIds(): Int32Array {
    const dead = new Uint8Array(this.#idLimit)
    for (let i = 0; i < this.#freeCount; i++) dead[this.#free[i] as number] = 1
    const ids = new Int32Array(this.#size)
    for (let id = 0, count = 0; id < this.#idLimit; id++) if (dead[id] === 0) ids[count++] = id
    return ids
  }

  extra(id: number, word: number): number {
    return this.#pages.peek(id >> this.#pageBits)[(id & this.#rowMask) * this.#stride + this.#extra + word] as number
  }

  /** One extra word of `count` rows. */
  extras(ids: Int32Array, count: number, word: number): Int32Array {
    const values = new Int32Array(count)
    for (let i = 0; i < count; i++) values[i] = this.extra(ids[i] as number, word)
    return values
  }

  setExtra(id: number, word: number, value: number): void {
    this.#pages.at(id >> this.#pageBits)[(id & this.#rowMask) * this.#stride + this.#extra + word] = value
  }

  /** False: no row held has NULL in that column. */
  hasNulls(column: number): boolean {
    return this.#nullable[column] === 1
  }

  isNull(id: number, column: number): boolean {
    const mask = this.#pages.peek(id >> this.#pageBits)[(id & this.#rowMask) * this.#stride + (column >> 5)] as number
    return (mask & (1 << (column & 31))) !== 0
  }

  /** True when the stored row equals the given one in every column; NULL equals NULL, NaN equals NaN, -0.0 is not 0.0: a row is what can be told apart. */
  equals(id: number, columns: readonly Vector[], position: number): boolean {
    const page = this.#pages.peek(id >> this.#pageBits)
    const at = (id & this.#rowMask) * this.#stride
    for (let column = 0; column < this.#kinds.length; column++) {
      const vector = columns[column] as Vector
      const isNull = vector.nulls !== undefined && ((vector.nulls[position >> 3] as number) & (1 << (position & 7))) !== 0
      if (isNull !== (((page[at + (column >> 5)] as number) & (1 << (column & 31))) !== 0)) return false
      if (isNull) continue
      const from = at + (this.#offsets[column] as number)
      switch (vector.kind) {
        case 'boolean':
        case 'int32':
          if (page[from] !== vector.values[position]) return false
          break
        case 'utf8': {
          const length = vector.lengths[position] as number
          if (page[from + 1] !== length) return false
          if (!this.#heap.equals(page[from] as number, length, vector.bytes, vector.offsets[position] as number)) return false
          break
        }
        case 'float64': {
          floatWords[0] = page[from] as number
          floatWords[1] = page[from + 1] as number
          const stored = float[0] as number
          const value = vector.values[position] as number
          if (!Object.is(stored, value)) return false
          break
        }
        default: {
          const words = this.#wordViews(columns)[column] as Int32Array
          const width = WORDS[vector.kind]
          for (let w = 0; w < width; w++) if (page[from + w] !== words[position * width + w]) return false
        }
      }
    }
    return true
  }

  /**
   * Order of two stored rows by one column, neither NULL: negative, 0, positive. Strings by bytes (code points), FALSE before
   * TRUE, NaN above all doubles.
   */
  compareColumn(a: number, b: number, column: number): number {
    const pageA = this.#pages.peek(a >> this.#pageBits)
    const pageB = this.#pages.peek(b >> this.#pageBits)
    const offset = this.#offsets[column] as number
    const atA = (a & this.#rowMask) * this.#stride + offset
    const atB = (b & this.#rowMask) * this.#stride + offset
    switch (this.#kinds[column] as VectorKind) {
      case 'boolean':
      case 'int32':
        return compareNumbers(pageA[atA] as number, pageB[atB] as number)
      case 'int64':
        return compareWords(pageA, atA, pageB, atB, 2)
      case 'decimal128':
        return compareWords(pageA, atA, pageB, atB, 4)
      case 'float64':
        floatWords[0] = pageA[atA] as number
        floatWords[1] = pageA[atA + 1] as number
        floatWords[2] = pageB[atB] as number
        floatWords[3] = pageB[atB + 1] as number
        return compareDoubles(float[0] as number, float[1] as number)
      case 'utf8': {
        const ref = pageB[atB] as number
        const length = pageB[atB + 1] as number
        return this.#heap.compare(pageA[atA] as number, pageA[atA + 1] as number, this.#heap.page(ref), this.#heap.offset(ref), length)
      }
      case 'object':
        throw noObjects()
    }
  }

  /** Order of a stored row and one of a batch by one column, neither NULL, as `compareColumn` has it. */
  compareValue(id: number, column: number, columns: readonly Vector[], position: number): number {
    const page = this.#pages.peek(id >> this.#pageBits)
    const at = (id & this.#rowMask) * this.#stride + (this.#offsets[column] as number)
    const vector = columns[column] as Vector
    switch (vector.kind) {
      case 'boolean':
      case 'int32':
        return compareNumbers(page[at] as number, vector.values[position] as number)
      case 'int64':
        return compareWords(page, at, this.#wordViews(columns)[column] as Int32Array, position * 2, 2)
      case 'decimal128':
        return compareWords(page, at, this.#wordViews(columns)[column] as Int32Array, position * 4, 4)
      case 'float64':
        floatWords[0] = page[at] as number
        floatWords[1] = page[at + 1] as number
        return compareDoubles(float[0] as number, vector.values[position] as number)
      case 'utf8': {
        const length = vector.lengths[position] as number
        return this.#heap.compare(page[at] as number, page[at + 1] as number, vector.bytes, vector.offsets[position] as number, length)
      }
      case 'object':
        throw noObjects()
    }
  }

  /**
   * The column's value as a double that orders like it, ties aside (strings: 6 bytes after the first `skip`, which all rows to
   * be compared have in common). The row's value is not NULL.
   */
  orderPrefix(id: number, column: number, skip: number): number {
    const page = this.#pages.peek(id >> this.#pageBits)
    const at = (id & this.#rowMask) * this.#stride + (this.#offsets[column] as number)
    switch (this.#kinds[column] as VectorKind) {
      case 'boolean':
      case 'int32':
        return page[at] as number
      case 'int64':
        return (page[at + 1] as number) * 4294967296 + ((page[at] as number) >>> 0)
      case 'decimal128':
        return (page[at + 3] as number) * 4294967296 + ((page[at + 2] as number) >>> 0)
      case 'float64':
        floatWords[0] = page[at] as number
        floatWords[1] = page[at + 1] as number
        return (float[0] as number) !== (float[0] as number) ? Infinity : (float[0] as number)
      case 'utf8': {
        const length = page[at + 1] as number
        const bytes = this.#heap.page(page[at] as number)
        const start = this.#heap.offset(page[at] as number)
        let prefix = 0
        for (let i = skip; i < skip + 6; i++) prefix = prefix * 256 + (i < length ? (bytes[start + i] as number) : 0)
        return prefix
      }
      case 'object':
        throw noObjects()
    }
  }

  /** Bytes with which all these rows' strings in that column begin, NULLs aside; 0 for a column of another type. Pages may leave meanwhile. */
  commonPrefix(ids: Int32Array, column: number): number {
    if (this.#kinds[column] !== 'utf8') return 0
    const offset = this.#offsets[column] as number
    let model: Uint8Array = EMPTY
    let common = -1
    for (let i = 0; i < ids.length && common !== 0; i++) {
      const id = ids[i] as number
      if (i % TRIM_ROWS === 0) stateMemory.trim()
      if (this.isNull(id, column)) continue
      const page = this.#pages.peek(id >> this.#pageBits)
      const at = (id & this.#rowMask) * this.#stride + offset
      const start = this.#heap.offset(page[at] as number)
      const bytes = this.#heap.page(page[at] as number).subarray(start, start + (page[at + 1] as number))
      if (common < 0) {
        model = bytes.slice()
        common = bytes.length
      }
      common = Math.min(common, bytes.length)
      let equal = 0
      while (equal < common && bytes[equal] === model[equal]) equal++
      common = equal
    }
    return Math.max(0, common)
  }

  /** All columns of `count` rows, in the order of the ids. */
  columns(ids: Int32Array, count: number): Vector[] {
    return this.types.map((_, column) => this.column(column, ids, count))
  }

  /** One column of `count` rows. */
  column(column: number, ids: Int32Array, count: number): Vector {
    const type = this.types[column] as LogicalType
    const kind = this.#kinds[column] as VectorKind
    const offset = this.#offsets[column] as number
    const stride = this.#stride
    const pages = this.#pages
    const nulls = this.#nulls(column, ids, count)
    switch (kind) {
      case 'boolean':
      case 'int32': {
        const values = kind === 'boolean' ? new Uint8Array(count) : new Int32Array(count)
        for (let i = 0; i < count; i++) {
          const id = ids[i] as number
          values[i] = pages.peek(id >> this.#pageBits)[(id & this.#rowMask) * stride + offset] as number
        }
        return { kind, type, nulls, values } as Vector
      }
      case 'int64':
      case 'float64':
      case 'decimal128': {
        const width = WORDS[kind]
        const words = new Int32Array(count * width)
        for (let i = 0; i < count; i++) {
          const id = ids[i] as number
          const page = pages.peek(id >> this.#pageBits)
          const from = (id & this.#rowMask) * stride + offset
          words[i * width] = page[from] as number
          words[i * width + 1] = page[from + 1] as number
          if (width === 4) {
            words[i * width + 2] = page[from + 2] as number
            words[i * width + 3] = page[from + 3] as number
          }
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
          const id = ids[i] as number
          // What a join pairs with many rows is copied once: what an entry of the table says is checked, so that it is never cleared.
          const twin = LAST_AT[id & LAST_MASK] as number
          if (twin < i && ids[twin] === id) {
            offsets[i] = offsets[twin] as number
            lengths[i] = lengths[twin] as number
            continue
          }
          LAST_AT[id & LAST_MASK] = i
          offsets[i] = total
          lengths[i] = pages.peek(id >> this.#pageBits)[(id & this.#rowMask) * stride + offset + 1] as number
          total += lengths[i] as number
        }
        const bytes = new Uint8Array(total)
        for (let i = 0, end = 0; i < count; i++) {
          if (offsets[i] !== end) continue // a twin
          const id = ids[i] as number
          const ref = pages.peek(id >> this.#pageBits)[(id & this.#rowMask) * stride + offset] as number
          this.#heap.copyTo(ref, lengths[i] as number, bytes, end)
          end += lengths[i] as number
        }
        return { kind, type, nulls, offsets, lengths, bytes }
      }
      case 'object':
        throw noObjects()
    }
  }

  #nulls(column: number, ids: Int32Array, count: number): Uint8Array | undefined {
    if (this.#nullable[column] === 0) return undefined
    const bit = 1 << (column & 31)
    const word = column >> 5
    let nulls: Uint8Array | undefined
    for (let i = 0; i < count; i++) {
      const id = ids[i] as number
      if (((this.#pages.peek(id >> this.#pageBits)[(id & this.#rowMask) * this.#stride + word] as number) & bit) === 0) continue
      nulls ??= new Uint8Array((count + 7) >> 3)
      nulls[i >> 3] = (nulls[i >> 3] as number) | (1 << (i & 7))
    }
    return nulls
  }
}

const NO_WORDS = new Int32Array(0)
const EMPTY = new Uint8Array(0)
const ONE_POSITION = new Int32Array(1)
const ONE_ID = new Int32Array(1)
/** Where in the ids at hand an id was last, by its low bits. */
const LAST_AT = new Int32Array(256)
const LAST_MASK = LAST_AT.length - 1

/** The words of a column of 64-bit lanes; of others none. */
function wordsOf(vector: Vector): Int32Array {
  if (vector.kind === 'object') throw noObjects()
  if (vector.kind === 'boolean' || vector.kind === 'int32' || vector.kind === 'utf8') return NO_WORDS
  const lanes = vector.kind === 'decimal128' ? vector.lanes : vector.values
  return new Int32Array(lanes.buffer, lanes.byteOffset, lanes.length * 2)
}

function noObjects(): Error {
  return new Error('rows of state hold bytes, not objects')
}
