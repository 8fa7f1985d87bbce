/**
 * Values made of values (ARRAY, MAP, MULTISET, ROW) as bytes: what their columns hold (docs/nested-values.md). Little-endian, without
 * gaps; equal values have equal bytes, but for the order of a MAP's entries.
 *
 *   ARRAY                count u32, then that many cells
 *   MAP                  count u32, then that many pairs of cells: key, value
 *   MULTISET             as MAP<element, INT>: how often each element is there
 *   ROW                  a cell for each field
 *
 *   cell                 0: NULL | 1, then by the type's column (vector.ts):
 *     boolean            one byte        int32    4 bytes        int64, float64    8 bytes        decimal128    16 bytes
 *     utf8               length u32, then the bytes; nested values too, so that a reader steps over them
 *
 * To JavaScript such a value is a binary string; these functions take one layer of it apart, and what is inside stays as it is.
 */
import { INT, isBinary, notNull, type LogicalType, type Value } from '#core/types/logical-type.js'
import { vectorKind } from './vector.js'

export type NestedType = Extract<LogicalType, { kind: 'ARRAY' | 'MAP' | 'MULTISET' | 'ROW' }>

const COUNT: LogicalType = notNull(INT)
const LOW_64 = (1n << 64n) - 1n

class CellWriter {
  #buffer = Buffer.allocUnsafe(1024)
  #length = 0

  begin(): void {
    this.#length = 0
  }

  #reserve(bytes: number): number {
    const at = this.#length
    if (at + bytes > this.#buffer.length) {
      const bigger = Buffer.allocUnsafe(Math.max(at + bytes, this.#buffer.length * 2))
      this.#buffer.copy(bigger, 0, 0, at)
      this.#buffer = bigger
    }
    this.#length = at + bytes
    return at
  }

  count(value: number): void {
    const at = this.#reserve(4)
    this.#buffer.writeUInt32LE(value, at)
  }

  cell(value: Value, type: LogicalType): void {
    const mark = this.#reserve(1)
    this.#buffer[mark] = value === null ? 0 : 1
    if (value === null) return
    const kind = vectorKind(type)
    switch (kind) {
      case 'boolean': {
        const at = this.#reserve(1)
        this.#buffer[at] = value === true ? 1 : 0
        return
      }
      case 'int32': {
        const at = this.#reserve(4)
        this.#buffer.writeInt32LE(value as number, at)
        return
      }
      case 'int64': {
        const at = this.#reserve(8)
        this.#buffer.writeBigInt64LE(value as bigint, at)
        return
      }
      case 'float64': {
        const at = this.#reserve(8)
        // Every NaN alike: they are equal.
        this.#buffer.writeDoubleLE(Number.isNaN(value) ? NaN : (value as number), at)
        return
      }
      case 'decimal128': {
        const at = this.#reserve(16)
        this.#buffer.writeBigUInt64LE((value as bigint) & LOW_64, at)
        this.#buffer.writeBigInt64LE(BigInt.asIntN(64, (value as bigint) >> 64n), at + 8)
        return
      }
      case 'utf8': {
        const encoding = isBinary(type) ? 'latin1' : 'utf8'
        const length = Buffer.byteLength(value as string, encoding)
        const at = this.#reserve(4 + length)
        this.#buffer.writeUInt32LE(length, at)
        this.#buffer.write(value as string, at + 4, encoding)
        return
      }
      case 'object':
        throw new Error(`a ${type.kind} is no part of another value`)
    }
  }

  take(): string {
    return this.#buffer.toString('latin1', 0, this.#length)
  }
}

/** Reads cells one after the other. @throws RangeError where the bytes end too early: they are not of that type. */
class CellReader {
  readonly #buffer: Buffer
  #at = 0

  constructor(value: string) {
    this.#buffer = Buffer.from(value, 'latin1')
  }

  /** A number of cells, each of at least `least` bytes. */
  count(least: number): number {
    const count = this.#buffer.readUInt32LE(this.#move(4))
    if (count * least > this.#buffer.length - this.#at)
      throw new RangeError(`a nested value of ${this.#buffer.length} bytes cannot hold ${count} cells`)
    return count
  }

  #move(bytes: number): number {
    const at = this.#at
    if (at + bytes > this.#buffer.length) throw new RangeError(`a nested value of ${this.#buffer.length} bytes ends too early`)
    this.#at = at + bytes
    return at
  }

  cell(type: LogicalType): Value {
    const buffer = this.#buffer
    if (buffer[this.#move(1)] === 0) return null
    switch (vectorKind(type)) {
      case 'boolean':
        return buffer[this.#move(1)] === 1
      case 'int32':
        return buffer.readInt32LE(this.#move(4))
      case 'int64':
        return buffer.readBigInt64LE(this.#move(8))
      case 'float64':
        return buffer.readDoubleLE(this.#move(8))
      case 'decimal128': {
        const at = this.#move(16)
        return (buffer.readBigInt64LE(at + 8) << 64n) | buffer.readBigUInt64LE(at)
      }
      case 'utf8': {
        const length = buffer.readUInt32LE(this.#move(4))
        const at = this.#move(length)
        return buffer.toString(isBinary(type) ? 'latin1' : 'utf8', at, at + length)
      }
      case 'object':
        throw new Error(`a ${type.kind} is no part of another value`)
    }
  }
}

const writer = new CellWriter()

/** An ARRAY of these elements. */
export function arrayValue(elements: readonly Value[], element: LogicalType): string {
  writer.begin()
  writer.count(elements.length)
  for (const value of elements) writer.cell(value, element)
  return writer.take()
}

export function arrayElements(value: string, element: LogicalType): Value[] {
  const reader = new CellReader(value)
  const elements = new Array<Value>(reader.count(1))
  for (let i = 0; i < elements.length; i++) elements[i] = reader.cell(element)
  return elements
}

/** How many elements, or entries, an ARRAY, MAP or MULTISET has. */
export function nestedCount(value: string): number {
  return (value.charCodeAt(0) | (value.charCodeAt(1) << 8) | (value.charCodeAt(2) << 16) | (value.charCodeAt(3) << 24)) >>> 0
}

/** A MAP of these entries, in their order; of equal keys the last one counts. */
export function mapValue(entries: Iterable<readonly [key: Value, value: Value]>, key: LogicalType, value: LogicalType): string {
  const unique = new Map(entries)
  writer.begin()
  writer.count(unique.size)
  for (const [k, v] of unique) {
    writer.cell(k, key)
    writer.cell(v, value)
  }
  return writer.take()
}

export function mapEntries(of: string, key: LogicalType, value: LogicalType): [key: Value, value: Value][] {
  const reader = new CellReader(of)
  const entries = new Array<[Value, Value]>(reader.count(2))
  for (let i = 0; i < entries.length; i++) entries[i] = [reader.cell(key), reader.cell(value)]
  return entries
}

/** Each element and how often it is there. */
export function multisetValue(counts: Iterable<readonly [element: Value, count: number]>, element: LogicalType): string {
  return mapValue(counts, element, COUNT)
}

export function multisetEntries(of: string, element: LogicalType): [element: Value, count: number][] {
  return mapEntries(of, element, COUNT) as [Value, number][]
}

export function rowValue(values: readonly Value[], fields: readonly { readonly type: LogicalType }[]): string {
  writer.begin()
  for (const [i, { type }] of fields.entries()) writer.cell(values[i] ?? null, type)
  return writer.take()
}

export function rowFields(value: string, fields: readonly { readonly type: LogicalType }[]): Value[] {
  const reader = new CellReader(value)
  return fields.map(({ type }) => reader.cell(type))
}
