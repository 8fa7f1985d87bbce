/** Builds batches row by row, column by column. Buffers grow as needed and are not reused after `finish`. */
import { isBinary, type LogicalType, type Value } from '#core/types/logical-type.js'
import { RowKind } from '#core/types/row-kind.js'
import type { Schema } from '#core/types/schema.js'
import { Batch, BATCH_CAPACITY } from './batch.js'
import { copyBytes, viewOf } from './copy-bytes.js'
import { vectorKind, type Vector, type VectorKind } from './vector.js'

const encoder = new TextEncoder()
const NO_VIEW = new DataView(new ArrayBuffer(0))
const LOW_64 = (1n << 64n) - 1n

/** Values of some rows, one after the other. */
export interface ColumnPart {
  readonly rows: number
  /** By row: 1 where there is NULL (the value is then a zero, or empty); undefined: nowhere. */
  readonly nulls: Uint8Array | undefined
  /** As in the column's vector; of utf8: where the text begins in `bytes`. */
  readonly values: Uint8Array | Int32Array | BigInt64Array | Float64Array
  /** utf8 only. */
  readonly lengths?: Int32Array
  readonly bytes?: Uint8Array
}

/** One column under construction. `append*` fits the column's kind; appendValue takes any column's JavaScript value. */
export class ColumnBuilder {
  readonly type: LogicalType
  readonly kind: VectorKind
  length = 0
  #int32: Int32Array
  #int64: BigInt64Array
  /** The bytes of #int64: low half, high half of each lane. */
  #int64Lanes: Int32Array
  #float64: Float64Array
  #uint8: Uint8Array
  #offsets: Int32Array
  #bytes: Uint8Array
  #view: DataView
  #bytesLength = 0
  #objects: unknown[] = []
  #nulls: Uint8Array | undefined

  /** `bytes`: room for the text of a utf8 column, where it can be foreseen. */
  constructor(type: LogicalType, capacity = BATCH_CAPACITY, bytes = capacity * 16) {
    this.type = type
    this.kind = vectorKind(type)
    const size = (of: VectorKind) => (this.kind === of ? capacity : 0)
    this.#uint8 = new Uint8Array(size('boolean'))
    this.#int32 = new Int32Array(size('int32') + size('utf8')) // utf8: lengths
    this.#offsets = new Int32Array(size('utf8'))
    this.#bytes = new Uint8Array(this.kind === 'utf8' ? bytes : 0)
    this.#view = this.kind === 'utf8' ? viewOf(this.#bytes) : NO_VIEW
    this.#int64 = new BigInt64Array(size('int64') + size('decimal128') * 2)
    this.#int64Lanes = new Int32Array(this.#int64.buffer)
    this.#float64 = new Float64Array(size('float64'))
  }

  /** Bytes of text so far (utf8 columns). */
  get textBytes(): number {
    return this.#bytesLength
  }

  appendNull(): void {
    if (this.kind === 'object') return this.appendObject(null)
    this.#setNull(this.length)
    switch (this.kind) {
      case 'boolean':
        return this.appendBoolean(false)
      case 'int32':
        return this.appendInt32(0)
      case 'int64':
        return this.appendInt64(0n)
      case 'float64':
        return this.appendFloat64(0)
      case 'decimal128':
        return this.appendDecimal128(0n)
      case 'utf8':
        return this.appendUtf8(this.#bytes, 0, 0)
    }
  }

  #setNull(row: number): void {
    const bytes = (row >> 3) + 1
    if (this.#nulls === undefined) this.#nulls = new Uint8Array(Math.max(bytes, BATCH_CAPACITY >> 3))
    else if (this.#nulls.length < bytes) this.#nulls = grow(this.#nulls, bytes)
    this.#nulls[row >> 3] = (this.#nulls[row >> 3] ?? 0) | (1 << (row & 7))
  }

  appendBoolean(value: boolean): void {
    if (this.length >= this.#uint8.length) this.#uint8 = grow(this.#uint8, this.length + 1)
    this.#uint8[this.length++] = value ? 1 : 0
  }

  appendInt32(value: number): void {
    if (this.length >= this.#int32.length) this.#int32 = grow(this.#int32, this.length + 1)
    this.#int32[this.length++] = value
  }

  /** BIGINT, timestamps (ms), compact decimals (unscaled); wraps to 64 bits. */
  appendInt64(value: bigint): void {
    if (this.length >= this.#int64.length) this.#int64 = grow(this.#int64, this.length + 1)
    this.#int64[this.length++] = value
  }

  /** appendInt64 for a safe integer: no bigint is made. */
  appendSafeInteger(value: number): void {
    if (this.length >= this.#int64.length) this.#int64 = grow(this.#int64, this.length + 1)
    if (this.#int64Lanes.length !== this.#int64.length * 2) this.#int64Lanes = new Int32Array(this.#int64.buffer)
    const lane = this.length++ * 2
    this.#int64Lanes[lane] = value | 0
    this.#int64Lanes[lane + 1] = Math.floor(value / 4_294_967_296)
  }

  appendFloat64(value: number): void {
    if (this.length >= this.#float64.length) this.#float64 = grow(this.#float64, this.length + 1)
    this.#float64[this.length++] = value
  }

  appendDecimal128(unscaled: bigint): void {
    const lane = this.length * 2
    if (lane + 2 > this.#int64.length) this.#int64 = grow(this.#int64, lane + 2)
    this.#int64[lane] = BigInt.asIntN(64, unscaled & LOW_64)
    this.#int64[lane + 1] = BigInt.asIntN(64, unscaled >> 64n)
    this.length++
  }

  /** UTF-8 bytes [start, end) of `source`, copied. */
  appendUtf8(source: Uint8Array, start: number, end: number): void {
    const row = this.length
    const length = end - start
    if (row >= this.#int32.length) {
      this.#int32 = grow(this.#int32, row + 1)
      this.#offsets = grow(this.#offsets, row + 1)
    }
    if (this.#bytesLength + length > this.#bytes.length) this.#growBytes(this.#bytesLength + length)
    copyBytes(source, start, end, this.#bytes, this.#view, this.#bytesLength)
    this.#offsets[row] = this.#bytesLength
    this.#int32[row] = length
    this.#bytesLength += length
    this.length++
  }

  #growBytes(atLeast: number): void {
    this.#bytes = grow(this.#bytes, atLeast)
    this.#view = viewOf(this.#bytes)
  }

  appendString(value: string): void {
    const row = this.length
    if (row >= this.#int32.length) {
      this.#int32 = grow(this.#int32, row + 1)
      this.#offsets = grow(this.#offsets, row + 1)
    }
    const most = this.#bytesLength + value.length * 3
    if (most > this.#bytes.length) this.#growBytes(most)
    const { written } = encoder.encodeInto(value, this.#bytes.subarray(this.#bytesLength))
    this.#offsets[row] = this.#bytesLength
    this.#int32[row] = written
    this.#bytesLength += written
    this.length++
  }

  /** BYTES and nested types: the binary string's bytes. */
  appendBinary(value: string): void {
    const bytes = Buffer.from(value, 'latin1')
    this.appendUtf8(bytes, 0, bytes.length)
  }

  /** Many values at once; not for DECIMAL beyond 64 bits and RAW. */
  appendPart({ rows, nulls, values, lengths, bytes }: ColumnPart): void {
    const start = this.length
    const end = start + rows
    switch (this.kind) {
      case 'boolean':
        if (end > this.#uint8.length) this.#uint8 = grow(this.#uint8, end)
        this.#uint8.set(values as Uint8Array, start)
        break
      case 'int32':
        if (end > this.#int32.length) this.#int32 = grow(this.#int32, end)
        this.#int32.set(values as Int32Array, start)
        break
      case 'int64':
        if (end > this.#int64.length) this.#int64 = grow(this.#int64, end)
        this.#int64.set(values as BigInt64Array, start)
        break
      case 'float64':
        if (end > this.#float64.length) this.#float64 = grow(this.#float64, end)
        this.#float64.set(values as Float64Array, start)
        break
      case 'utf8':
        this.#appendTexts(rows, values as Int32Array, lengths as Int32Array, bytes as Uint8Array)
        break
      default:
        throw new Error(`a column of ${this.kind} takes values one by one`)
    }
    this.length = end
    if (nulls !== undefined) for (let row = 0; row < rows; row++) if (nulls[row] === 1) this.#setNull(start + row)
  }

  #appendTexts(rows: number, offsets: Int32Array, lengths: Int32Array, bytes: Uint8Array): void {
    const start = this.length
    const end = start + rows
    if (end > this.#int32.length) {
      this.#int32 = grow(this.#int32, end)
      this.#offsets = grow(this.#offsets, end)
    }
    const used = this.#bytesLength
    if (used + bytes.length > this.#bytes.length) this.#growBytes(used + bytes.length)
    this.#bytes.set(bytes, used)
    this.#int32.set(lengths, start)
    const to = this.#offsets
    for (let row = 0; row < rows; row++) to[start + row] = used + (offsets[row] as number)
    this.#bytesLength = used + bytes.length
  }

  /** RAW: any value, by reference. */
  appendObject(value: unknown): void {
    this.#objects.push(value)
    this.length++
  }

  /** The column's JavaScript value (core/types/logical-type.ts); null is NULL. */
  appendValue(value: Value): void {
    if (value === null) return this.appendNull()
    switch (this.kind) {
      case 'boolean':
        return this.appendBoolean(value as boolean)
      case 'int32':
        return this.appendInt32(value as number)
      case 'int64':
        return this.appendInt64(value as bigint)
      case 'float64':
        return this.appendFloat64(value as number)
      case 'decimal128':
        return this.appendDecimal128(value as bigint)
      case 'utf8':
        return isBinary(this.type) ? this.appendBinary(value as string) : this.appendString(value as string)
      case 'object':
        return this.appendObject(value)
    }
  }

  /** Takes back what was appended behind the first `length` values. */
  truncate(length: number): void {
    if (this.length <= length) return
    if (this.kind === 'utf8') this.#bytesLength = this.#offsets[length] as number
    else if (this.kind === 'object') this.#objects.length = length
    if (this.#nulls !== undefined)
      for (let row = length; row < this.length; row++) this.#nulls[row >> 3] = (this.#nulls[row >> 3] ?? 0) & ~(1 << (row & 7))
    this.length = length
  }

  finish(): Vector {
    const { type, length } = this
    const nulls =
      this.#nulls?.length !== undefined && this.#nulls.length < (length + 7) >> 3 ? grow(this.#nulls, (length + 7) >> 3) : this.#nulls
    switch (this.kind) {
      case 'boolean':
        return { kind: 'boolean', type, nulls, values: this.#uint8.subarray(0, length) }
      case 'int32':
        return { kind: 'int32', type, nulls, values: this.#int32.subarray(0, length) }
      case 'int64':
        return { kind: 'int64', type, nulls, values: this.#int64.subarray(0, length) }
      case 'float64':
        return { kind: 'float64', type, nulls, values: this.#float64.subarray(0, length) }
      case 'decimal128':
        return { kind: 'decimal128', type, nulls, lanes: this.#int64.subarray(0, length * 2) }
      case 'utf8':
        return {
          kind: 'utf8',
          type,
          nulls,
          offsets: this.#offsets.subarray(0, length),
          lengths: this.#int32.subarray(0, length),
          bytes: this.#bytes.subarray(0, this.#bytesLength),
        }
      case 'object':
        return { kind: 'object', type, nulls: undefined, values: this.#objects }
    }
  }
}

/** A whole batch under construction. Append one value to each of `columns`, then call endRow. */
export class BatchBuilder {
  readonly schema: Schema
  readonly columns: readonly ColumnBuilder[]
  #length = 0
  #rowKinds: Uint8Array | undefined

  /** `like`: a builder of the same schema whose batch was about as large, so that text needs no growing. */
  constructor(schema: Schema, capacity = BATCH_CAPACITY, like?: BatchBuilder) {
    this.schema = schema
    this.columns = schema.fields.map((field, i) => {
      const text = like?.columns[i]?.textBytes
      return text === undefined ? new ColumnBuilder(field.type, capacity) : new ColumnBuilder(field.type, capacity, text + (text >> 3) + 64)
    })
  }

  get length(): number {
    return this.#length
  }

  endRow(kind: RowKind = RowKind.INSERT): void {
    if (kind !== RowKind.INSERT && this.#rowKinds === undefined) this.#rowKinds = new Uint8Array(Math.max(BATCH_CAPACITY, this.#length + 1))
    if (this.#rowKinds !== undefined) {
      if (this.#length >= this.#rowKinds.length) this.#rowKinds = grow(this.#rowKinds, this.#length + 1)
      this.#rowKinds[this.#length] = kind
    }
    this.#length++
  }

  /** Rows whose values are in all columns by appendPart; inserts. */
  endRows(count: number): void {
    if (this.#rowKinds !== undefined) {
      if (this.#length + count > this.#rowKinds.length) this.#rowKinds = grow(this.#rowKinds, this.#length + count)
      this.#rowKinds.fill(RowKind.INSERT, this.#length, this.#length + count)
    }
    this.#length += count
  }

  /** Of a row that has ended. */
  setKind(row: number, kind: RowKind): void {
    if (kind !== RowKind.INSERT && this.#rowKinds === undefined) this.#rowKinds = new Uint8Array(Math.max(BATCH_CAPACITY, this.#length + 1))
    if (this.#rowKinds === undefined) return
    if (this.#length > this.#rowKinds.length) this.#rowKinds = grow(this.#rowKinds, this.#length)
    this.#rowKinds[row] = kind
  }

  /** Takes back rows, those that have ended too, until there are `length`. */
  backTo(length: number): void {
    this.#length = length
    for (const column of this.columns) column.truncate(length)
  }

  /** Takes back the values of a row that has not ended. */
  takeBack(): void {
    for (const column of this.columns) column.truncate(this.#length)
  }

  appendRow(values: readonly Value[], kind: RowKind = RowKind.INSERT): void {
    for (let i = 0; i < this.columns.length; i++) this.columns[i]?.appendValue(values[i] ?? null)
    this.endRow(kind)
  }

  finish(): Batch {
    return new Batch(
      this.schema,
      this.columns.map((column) => column.finish()),
      this.#length,
      undefined,
      this.#rowKinds?.subarray(0, this.#length),
    )
  }
}

function grow<A extends Uint8Array | Int32Array | BigInt64Array | Float64Array>(array: A, atLeast: number): A {
  const bigger = new (array.constructor as new (length: number) => A)(Math.max(atLeast, array.length * 2, 16))
  ;(bigger as Uint8Array).set(array as Uint8Array)
  return bigger
}
