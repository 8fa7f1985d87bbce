/**
 * Objects and arrays of a row to nested values. The text has been checked by the row's parser: here only the types may not fit. Members of a
 * ROW may stand in any order; those it does not have are passed over, those that are missing are NULL.
 */
import { INT, isNested, notNull, type LogicalType, type Value } from '#core/types/logical-type.js'
import { ColumnBuilder } from '../../columnar/batch-builder.js'
import { arrayValue, mapValue, rowValue, type NestedType } from '../../columnar/nested-value.js'
import { readValue } from '../../columnar/value.js'
import { fieldReader, notA, type FieldReader, type TextSyntax } from '../field-reader.js'
import { BACKSLASH, markContainer, NULL_VALUE, QUOTE, scannedKind, scanScalar, scanString, skipBlanks } from './scan.js'
import { Unescaper } from './strings.js'

const OPEN_BRACE = 123
const OPEN_BRACKET = 91
const COMMA = 44

/** Appends a value that is no array or object of this type; returns what is wrong with it. */
export type LeafReader = (
  kind: number,
  type: LogicalType,
  reader: FieldReader,
  column: ColumnBuilder,
  bytes: Uint8Array,
  start: number,
  end: number,
) => string | undefined

type ReadPart = (bytes: Uint8Array, at: number, end: number) => Value

class Misfit extends Error {}

export class NestedReader {
  readonly #read: ReadPart
  readonly #leaf: LeafReader
  readonly #syntax: TextSyntax
  readonly #unescaper = new Unescaper()
  /** Behind the part that was read last. */
  #behind = 0

  constructor(type: NestedType, syntax: TextSyntax, leaf: LeafReader) {
    this.#leaf = leaf
    this.#syntax = syntax
    this.#read = this.#part(type)
  }

  /** The object or array in bytes[start, end); returns what is wrong with it. */
  append(column: ColumnBuilder, bytes: Uint8Array, start: number, end: number): string | undefined {
    try {
      column.appendValue(this.#read(bytes, start, end))
      return undefined
    } catch (error) {
      if (error instanceof Misfit) return error.message
      throw error
    }
  }

  #part(type: LogicalType): ReadPart {
    switch (type.kind) {
      case 'ARRAY': {
        const element = this.#part(type.element)
        return this.#container(type, OPEN_BRACKET, (bytes, at, end) => {
          const elements: Value[] = []
          this.#each(bytes, at, end, (from) => elements.push(element(bytes, from, end)))
          return arrayValue(elements, type.element)
        })
      }
      case 'MAP':
      case 'MULTISET': {
        const [key, value] = type.kind === 'MAP' ? [type.key, type.value] : [type.element, notNull(INT)]
        const [readKey, readPart] = [this.#key(key), this.#part(value)]
        return this.#container(type, OPEN_BRACE, (bytes, at, end) => {
          const entries: [Value, Value][] = []
          this.#members(bytes, at, end, (name, from) => entries.push([readKey(name), readPart(bytes, from, end)]))
          return mapValue(entries, key, value)
        })
      }
      case 'ROW': {
        const positions = new Map(type.fields.map(({ name }, i) => [name, i]))
        const parts = type.fields.map((field) => this.#part(field.type))
        return this.#container(type, OPEN_BRACE, (bytes, at, end) => {
          const values = new Array<Value>(parts.length).fill(null)
          this.#members(bytes, at, end, (name, from) => {
            const i = positions.get(name)
            if (i === undefined) this.#skip(bytes, from, end)
            else values[i] = (parts[i] as ReadPart)(bytes, from, end)
          })
          return rowValue(values, type.fields)
        })
      }
      default:
        return this.#scalar(type)
    }
  }

  #container(type: LogicalType, opening: number, read: ReadPart): ReadPart {
    return (bytes, at, end) => {
      if (bytes[at] === opening) return read(bytes, at, end)
      this.#skip(bytes, at, end)
      if (scannedKind === NULL_VALUE) return null
      throw new Misfit(notA(type, this.#syntax, bytes, at, this.#behind))
    }
  }

  #scalar(type: LogicalType): ReadPart {
    const column = new ColumnBuilder(type, 1, 16)
    const reader = fieldReader(type, this.#syntax)
    return (bytes, at, end) => {
      this.#skip(bytes, at, end)
      const kind = scannedKind
      if (kind === NULL_VALUE) return null
      const quote = bytes[at] === QUOTE ? 1 : 0
      column.truncate(0)
      const problem = this.#leaf(kind, type, reader, column, bytes, at + quote, this.#behind - quote)
      if (problem !== undefined) throw new Misfit(problem)
      return readValue(column.finish(), 0)
    }
  }

  /** A map's key from a member's name. */
  #key(type: LogicalType): (name: string) => Value {
    if (isNested(type.kind)) throw new Error('the keys of a JSON object are no nested values')
    const column = new ColumnBuilder(type, 1, 16)
    const reader = fieldReader(type, this.#syntax)
    return (name) => {
      const bytes = Buffer.from(name, 'utf8')
      column.truncate(0)
      const problem = reader(column, bytes, 0, bytes.length, false)
      if (problem !== undefined) throw new Misfit(problem)
      return readValue(column.finish(), 0)
    }
  }

  /** Calls with the start of each element; that call moves #behind. */
  #each(bytes: Uint8Array, start: number, end: number, element: (at: number) => void): void {
    let at = skipBlanks(bytes, start + 1, end)
    const closing = (bytes[start] as number) + 2
    while (bytes[at] !== closing) {
      element(at)
      at = skipBlanks(bytes, this.#behind, end)
      if (bytes[at] === COMMA) at = skipBlanks(bytes, at + 1, end)
    }
    this.#behind = at + 1
  }

  #members(bytes: Uint8Array, start: number, end: number, member: (name: string, at: number) => void): void {
    this.#each(bytes, start, end, (from) => {
      const behind = scanString(bytes, from, end)
      this.#unescaper.resolve(bytes, from + 1, behind - 1)
      const name = Buffer.from(this.#unescaper.bytes.subarray(0, this.#unescaper.length)).toString('utf8')
      // Behind the colon.
      member(name, skipBlanks(bytes, skipBlanks(bytes, behind, end) + 1, end))
    })
  }

  /** Sets #behind, and scannedKind to what is there. */
  #skip(bytes: Uint8Array, at: number, end: number): void {
    if (bytes[at] !== OPEN_BRACE && bytes[at] !== OPEN_BRACKET) {
      this.#behind = scanScalar(bytes, at, end)
      return
    }
    let depth = 0
    let inString = false
    for (; at < end; at++) {
      const byte = bytes[at] as number
      if (inString) {
        if (byte === BACKSLASH) at++
        else if (byte === QUOTE) inString = false
      } else if (byte === QUOTE) inString = true
      else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++
      else if ((byte === OPEN_BRACE + 2 || byte === OPEN_BRACKET + 2) && --depth === 0) break
    }
    this.#behind = at + 1
    markContainer()
  }
}
