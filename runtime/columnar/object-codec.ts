/**
 * JavaScript values as bytes: elements of DataStream programs on the wire and in state, and their keys.
 *
 *   value   | tag u8 | body |
 *
 *    0 null      1 undefined      2 false      3 true
 *    4 integer   zigzag varint (int32, never -0)          5 number  float64, little-endian
 *    6 string    varint length, UTF-8                      7 bigint  varint 2 * length + sign, magnitude (low byte first)
 *    8 Date      float64, ms                               9 bytes   varint length, bytes (Uint8Array)
 *   10 array     varint count, values                     11 object  varint count, (string body, value)…
 *   12 Map       varint count, (value, value)…            13 Set     varint count, values
 *
 * Everything else (functions, symbols, instances of classes) is refused by name. A value has exactly one form, except that properties keep
 * their order; the canonical form, for keys, sorts them, holds -0 equal to 0 and knows no Map and no Set. Lone surrogates become U+FFFD.
 */
import { defineError } from '#core/errors/define-error.js'
import { decodeUtf8, textBuffer } from './value.js'

export const ObjectNotEncodable = defineError('OBJECT_NOT_ENCODABLE', {
  recovery: 'fail-job',
  message: (d: { path: string; problem: string }) =>
    `${d.path} ${d.problem}; elements, keys and state may hold null, booleans, numbers, bigints, strings, Dates, Uint8Arrays, arrays, plain objects, Maps and Sets`,
})
export const MalformedObject = defineError('MALFORMED_OBJECT', {
  recovery: 'retry-elsewhere',
  message: (d: { problem: string; offset: number }) =>
    `an encoded object cannot be read: ${d.problem} at byte ${d.offset}; it was written by another version, or damaged`,
})

/** Containers within containers. */
export const MAX_OBJECT_DEPTH = 100
export const MAX_OBJECT_BYTES = 64 * 1024 * 1024

const NULL = 0
const UNDEFINED = 1
const FALSE = 2
const TRUE = 3
const INTEGER = 4
const NUMBER = 5
const STRING = 6
const BIGINT = 7
const DATE = 8
const BYTES = 9
const ARRAY = 10
const OBJECT = 11
const MAP = 12
const SET = 13

/** Up to here one character at a time beats the call into the runtime. */
const SHORT_STRING = 40

const float = new Float64Array(1)
const floatBytes = new Uint8Array(float.buffer)

/** Thrown inside; the caller looks for the place again, slowly. */
class Refused extends Error {}

/** Appends values to a growing buffer. */
export class ObjectWriter {
  #buffer: Buffer
  #length = 0
  readonly #canonical: boolean

  constructor(canonical = false, capacity = 1024) {
    this.#canonical = canonical
    this.#buffer = Buffer.allocUnsafeSlow(capacity)
  }

  /** The bytes so far are the first `length` of these; valid until more is written. */
  get bytes(): Uint8Array {
    return this.#buffer
  }

  get length(): number {
    return this.#length
  }

  /** Forgets what was written from there on. */
  truncate(length = 0): void {
    this.#length = length
  }

  /** A copy of the bytes from `start` on. */
  slice(start = 0): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#buffer.subarray(start, this.#length))
  }

  /** @throws OBJECT_NOT_ENCODABLE; then nothing was written. `what`: how the value is called in the error. */
  write(value: unknown, what = 'the value'): void {
    const start = this.#length
    try {
      this.#value(value, 0)
    } catch (error) {
      this.#length = start
      if (!(error instanceof Refused)) throw error
      const found = findProblem(value, this.#canonical, what, 0)
      throw new ObjectNotEncodable(found ?? { path: what, problem: error.message })
    }
    if (this.#length - start > MAX_OBJECT_BYTES) {
      const size = this.#length - start
      this.#length = start
      throw new ObjectNotEncodable({ path: what, problem: `has ${size} bytes, the most is ${MAX_OBJECT_BYTES}` })
    }
  }

  #value(value: unknown, depth: number): void {
    switch (typeof value) {
      case 'string':
        this.#byte(STRING)
        return this.#string(value)
      case 'number':
        return this.#number(value)
      case 'boolean':
        return this.#byte(value ? TRUE : FALSE)
      case 'undefined':
        return this.#byte(UNDEFINED)
      case 'bigint':
        return this.#bigint(value)
      case 'object':
        if (value === null) return this.#byte(NULL)
        return this.#object(value, depth + 1)
      default:
        throw new Refused(`is a ${typeof value}`)
    }
  }

  #object(value: object, depth: number): void {
    if (depth > MAX_OBJECT_DEPTH) throw new Refused('is nested too deeply')
    if (Array.isArray(value)) {
      this.#byte(ARRAY)
      this.#varint(value.length)
      for (let i = 0; i < value.length; i++) this.#value(value[i], depth)
      return
    }
    if (isPlain(value)) {
      const record = value as Record<string, unknown>
      const names = Object.keys(record)
      if (this.#canonical && names.length > 1) names.sort()
      this.#byte(OBJECT)
      this.#varint(names.length)
      for (let i = 0; i < names.length; i++) {
        const name = names[i] as string
        this.#string(name)
        this.#value(record[name], depth)
      }
      return
    }
    if (value instanceof Date) {
      this.#byte(DATE)
      return this.#float64(value.getTime())
    }
    if (value instanceof Uint8Array) {
      this.#byte(BYTES)
      this.#varint(value.length)
      this.#reserve(value.length)
      this.#buffer.set(value, this.#length)
      this.#length += value.length
      return
    }
    if (value instanceof Map && !this.#canonical) {
      this.#byte(MAP)
      this.#varint(value.size)
      for (const [key, item] of value) {
        this.#value(key, depth)
        this.#value(item, depth)
      }
      return
    }
    if (value instanceof Set && !this.#canonical) {
      this.#byte(SET)
      this.#varint(value.size)
      for (const item of value) this.#value(item, depth)
      return
    }
    throw new Refused('is of another class')
  }

  #number(value: number): void {
    if ((value | 0) === value && (value !== 0 || this.#canonical || !Object.is(value, -0))) {
      this.#byte(INTEGER)
      return this.#varint(((value << 1) ^ (value >> 31)) >>> 0)
    }
    this.#byte(NUMBER)
    this.#float64(value)
  }

  #bigint(value: bigint): void {
    const negative = value < 0n
    let digits = (negative ? -value : value).toString(16)
    if (digits.length % 2 === 1) digits = `0${digits}`
    const magnitude = value === 0n ? EMPTY : Buffer.from(digits, 'hex').reverse()
    this.#byte(BIGINT)
    this.#varint(magnitude.length * 2 + (negative ? 1 : 0))
    this.#reserve(magnitude.length)
    this.#buffer.set(magnitude, this.#length)
    this.#length += magnitude.length
  }

  #string(value: string): void {
    const characters = value.length
    this.#reserve(characters * 3 + 5)
    const buffer = this.#buffer
    if (characters <= SHORT_STRING) {
      const start = this.#length + 1
      let i = 0
      for (; i < characters; i++) {
        const code = value.charCodeAt(i)
        if (code > 127) break
        buffer[start + i] = code
      }
      if (i === characters) {
        buffer[this.#length] = characters
        this.#length = start + characters
        return
      }
    }
    const length = Buffer.byteLength(value, 'utf8')
    this.#varint(length)
    buffer.write(value, this.#length, 'utf8')
    this.#length += length
  }

  #byte(value: number): void {
    if (this.#length >= this.#buffer.length) this.#reserve(1)
    this.#buffer[this.#length++] = value
  }

  /** Up to 2^32 - 1. */
  #varint(value: number): void {
    this.#reserve(5)
    while (value > 127) {
      this.#buffer[this.#length++] = (value & 127) | 128
      value >>>= 7
    }
    this.#buffer[this.#length++] = value
  }

  #float64(value: number): void {
    this.#reserve(8)
    float[0] = value !== value ? NaN : this.#canonical && value === 0 ? 0 : value
    const buffer = this.#buffer
    const at = this.#length
    for (let i = 0; i < 8; i++) buffer[at + i] = floatBytes[i] as number
    this.#length += 8
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#buffer.length) return
    if (needed > MAX_OBJECT_BYTES * 4) throw new Refused(`has more than ${MAX_OBJECT_BYTES} bytes`)
    const bigger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2))
    bigger.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = bigger
  }
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null
  return prototype === Object.prototype || prototype === null || isForeignRoot(prototype)
}

/** Object.prototype of another realm (a program may run in a context of its own). */
function isForeignRoot(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}

/** First part of the value that has no form. */
function findProblem(value: unknown, canonical: boolean, path: string, depth: number): { path: string; problem: string } | undefined {
  if (typeof value === 'function') return { path, problem: `is a function${value.name === '' ? '' : ` ('${value.name}')`}` }
  if (typeof value === 'symbol') return { path, problem: 'is a symbol' }
  if (typeof value !== 'object' || value === null) return undefined
  if (depth >= MAX_OBJECT_DEPTH) {
    return { path: shortened(path), problem: `is nested deeper than ${MAX_OBJECT_DEPTH} levels, or refers to itself` }
  }
  const parts: [string, unknown][] = []
  if (Array.isArray(value)) value.forEach((item, i) => parts.push([`${path}[${i}]`, item]))
  else if (isPlain(value)) for (const [name, item] of Object.entries(value)) parts.push([`${path}.${name}`, item])
  else if (value instanceof Date || value instanceof Uint8Array) return undefined
  else if (value instanceof Map && !canonical) {
    for (const [key, item] of value) parts.push([`a key of ${path}`, key], [`an entry of ${path}`, item])
  } else if (value instanceof Set && !canonical) for (const item of value) parts.push([`an item of ${path}`, item])
  else if (value instanceof Map || value instanceof Set) return { path, problem: `is a ${value.constructor.name}, which a key cannot hold` }
  else if (value instanceof Promise) return { path, problem: 'is a Promise: it was not awaited' }
  else {
    const name = (value as { constructor?: { name?: string } }).constructor?.name
    return { path, problem: `is an instance of class ${name === undefined || name === '' ? '(without a name)' : name}` }
  }
  for (const [at, part] of parts) {
    const found = findProblem(part, canonical, at, depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}

function shortened(path: string): string {
  return path.length > 200 ? `${path.slice(0, 200)}…` : path
}

/** Property names repeat: the last one of each hash is kept, so that most cost no new string. */
const KNOWN_NAMES = 1024
const knownNames = new Array<string>(KNOWN_NAMES).fill('')
const EMPTY = Buffer.alloc(0)

/** Reads values from bytes that may be anything. One instance for one thread; `read` is not reentrant. */
export class ObjectReader {
  #buffer: Buffer = EMPTY
  #at = 0
  #end = 0

  /** The value at [start, end) of the bytes, all of them. @throws MALFORMED_OBJECT */
  read(bytes: Uint8Array, start = 0, end = bytes.length): unknown {
    this.#begin(bytes, start, end)
    const value = this.#value(0)
    if (this.#at !== end) this.#fail(`${end - this.#at} bytes are left over`)
    return value
  }

  /** All values in [start, end), one after the other. @throws MALFORMED_OBJECT */
  readAll(bytes: Uint8Array, start: number, end: number): unknown[] {
    this.#begin(bytes, start, end)
    const values: unknown[] = []
    while (this.#at < end) values.push(this.#value(0))
    return values
  }

  #begin(bytes: Uint8Array, start: number, end: number): void {
    this.#buffer = textBuffer(bytes)
    this.#at = start
    this.#end = end
  }

  #fail(problem: string): never {
    throw new MalformedObject({ problem, offset: this.#at })
  }

  #value(depth: number): unknown {
    if (this.#at >= this.#end) this.#fail('it ends too early')
    const tag = this.#buffer[this.#at++] as number
    switch (tag) {
      case NULL:
        return null
      case UNDEFINED:
        return undefined
      case FALSE:
        return false
      case TRUE:
        return true
      case INTEGER: {
        const zigzag = this.#varint()
        return (zigzag >>> 1) ^ -(zigzag & 1)
      }
      case NUMBER:
        return this.#float64()
      case STRING:
        return this.#string()
      case BIGINT:
        return this.#bigint()
      case DATE:
        return new Date(this.#float64())
      case BYTES: {
        const start = this.#bytes(this.#varint())
        return new Uint8Array(this.#buffer.subarray(start, this.#at))
      }
      default:
        return this.#container(tag, depth + 1)
    }
  }

  #container(tag: number, depth: number): unknown {
    if (tag > SET) this.#fail(`tag ${tag} is unknown`)
    if (depth > MAX_OBJECT_DEPTH) this.#fail(`it is nested deeper than ${MAX_OBJECT_DEPTH} levels`)
    const count = this.#varint()
    if (count > this.#end - this.#at) this.#fail(`${count} values do not fit into what is left`)
    switch (tag) {
      case ARRAY: {
        const values = new Array<unknown>(count)
        for (let i = 0; i < count; i++) values[i] = this.#value(depth)
        return values
      }
      case OBJECT: {
        const record: Record<string, unknown> = {}
        for (let i = 0; i < count; i++) {
          const name = this.#name()
          const value = this.#value(depth)
          if (name === '__proto__') Object.defineProperty(record, name, { value, writable: true, enumerable: true, configurable: true })
          else record[name] = value
        }
        return record
      }
      case MAP: {
        const map = new Map<unknown, unknown>()
        for (let i = 0; i < count; i++) {
          const key = this.#value(depth)
          map.set(key, this.#value(depth))
        }
        return map
      }
      default: {
        const set = new Set<unknown>()
        for (let i = 0; i < count; i++) set.add(this.#value(depth))
        return set
      }
    }
  }

  #name(): string {
    const length = this.#varint()
    const start = this.#bytes(length)
    if (length > 32) return decodeUtf8(this.#buffer, start, this.#at)
    const buffer = this.#buffer
    let hash = length
    for (let i = start; i < this.#at; i++) hash = (Math.imul(hash, 31) + (buffer[i] as number)) | 0
    const slot = hash & (KNOWN_NAMES - 1)
    const known = knownNames[slot] as string
    if (known.length === length) {
      let i = 0
      while (i < length && known.charCodeAt(i) === buffer[start + i]) i++
      if (i === length) return known
    }
    const name = decodeUtf8(buffer, start, this.#at)
    knownNames[slot] = name
    return name
  }

  #string(): string {
    const start = this.#bytes(this.#varint())
    return decodeUtf8(this.#buffer, start, this.#at)
  }

  #bigint(): bigint {
    const header = this.#varint()
    const start = this.#bytes(header >>> 1)
    if (start === this.#at) return 0n
    const magnitude = BigInt(`0x${Buffer.from(this.#buffer.subarray(start, this.#at)).reverse().toString('hex')}`)
    return (header & 1) === 1 ? -magnitude : magnitude
  }

  /** Passes that many bytes; where they begin. */
  #bytes(length: number): number {
    const start = this.#at
    if (length > this.#end - start) this.#fail(`${length} bytes do not fit into what is left`)
    this.#at = start + length
    return start
  }

  #varint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.#at >= this.#end) this.#fail('it ends too early')
      const byte = this.#buffer[this.#at++] as number
      value |= (byte & 127) << shift
      if (byte < 128) return value >>> 0
    }
    return this.#fail('a number has too many digits')
  }

  #float64(): number {
    const start = this.#bytes(8)
    for (let i = 0; i < 8; i++) floatBytes[i] = this.#buffer[start + i] as number
    return float[0] as number
  }
}
