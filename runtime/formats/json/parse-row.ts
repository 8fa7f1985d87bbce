/**
 * One line of JSON to the offsets of its fields. The fast path follows the layout of the row before; the general path takes
 * any JSON object and says what is wrong with a line that is none.
 *
 *   row.kinds[c], row.starts[c], row.ends[c]   value of column c: its kind (scan.ts) and its text, strings without quotes
 */
import { layoutOf, type RowLayout } from './layout.js'
import { ESCAPED_STRING, markContainer, MISSING, PLAIN_STRING, QUOTE, scannedKind, scanScalar, scanString, skipBlanks } from './scan.js'
import { Unescaper } from './strings.js'

/** Objects and arrays inside one another. */
const MAX_DEPTH = 1000
const MAX_LAYOUT_KEYS = 4096
const OPEN_BRACE = 123
const CLOSE_BRACE = 125
const OPEN_BRACKET = 91
const COMMA = 44
const COLON = 58
const NEWLINE = 10

export class SyntaxProblem extends Error {
  /** Position in the bytes. */
  readonly at: number
  constructor(problem: string, at: number) {
    super(problem)
    this.at = at
  }
}

export class RowParser {
  readonly kinds: Uint8Array
  readonly starts: Int32Array
  readonly ends: Int32Array
  readonly #columns = new Map<string, number>()
  readonly #unescaper = new Unescaper()
  #layout: RowLayout

  constructor(names: readonly string[]) {
    this.kinds = new Uint8Array(names.length)
    this.starts = new Int32Array(names.length)
    this.ends = new Int32Array(names.length)
    names.forEach((name, column) => this.#columns.set(name, column))
    this.#layout = layoutOf(
      names.map((name) => new TextEncoder().encode(JSON.stringify(name))),
      names.map((_, column) => column),
    )
  }

  /** Keys of the last row that was read in the general way; at first the columns of the table. */
  get layout(): RowLayout {
    return this.#layout
  }

  /**
   * Follows the layout. Returns the position behind the row's newline, or -1: look closer (nothing is said about the row).
   * Never reads behind `end`: reads outside of an array would make every read of this function slower.
   */
  fast(bytes: Uint8Array, start: number, end: number): number {
    const { kinds, starts, ends } = this
    const { keys, columns } = this.#layout
    if (bytes[start] !== OPEN_BRACE) return -1
    kinds.fill(MISSING)
    let at = start + 1
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as Uint8Array
      const length = key.length
      // Comma, blank, key, colon, blank and the first byte of the value.
      if (at + length + 5 > end) return -1
      if (i > 0) {
        if (bytes[at] !== COMMA) return -1
        at++
        if (bytes[at] === 32) at++
      }
      for (let k = 0; k < length; k++) if (bytes[at + k] !== key[k]) return -1
      at += length
      if (bytes[at] !== COLON) return -1
      at++
      if (bytes[at] === 32) at++
      const from = at
      const first = bytes[at]
      at = first === OPEN_BRACE || first === OPEN_BRACKET ? this.#tryContainer(bytes, at, end) : scanScalar(bytes, at, end)
      if (at < 0) return -1
      const column = columns[i] as number
      if (column >= 0) {
        const kind = scannedKind
        const quoted = kind === PLAIN_STRING || kind === ESCAPED_STRING ? 1 : 0
        kinds[column] = kind
        starts[column] = from + quoted
        ends[column] = at - quoted
      }
    }
    if (at + 1 >= end || bytes[at] !== CLOSE_BRACE) return -1
    at++
    if (bytes[at] === 13 && at + 1 < end) at++
    return bytes[at] === NEWLINE ? at + 1 : -1
  }

  /** Any JSON object in bytes[start, end), which is one line without its newline. Learns its layout. @throws SyntaxProblem */
  general(bytes: Uint8Array, start: number, end: number): void {
    this.kinds.fill(MISSING)
    const keys: Uint8Array[] = []
    const columns: number[] = []
    let at = skipBlanks(bytes, start, end)
    if (bytes[at] !== OPEN_BRACE) {
      const hint = bytes[at] === OPEN_BRACKET ? 'a JSON array, but every line must be one JSON object' : 'not a JSON object'
      throw new SyntaxProblem(`the line is ${hint}`, at)
    }
    at = skipBlanks(bytes, at + 1, end)
    if (at < end && bytes[at] === CLOSE_BRACE) at++
    else {
      for (;;) {
        const keyAt = at
        at = this.#key(bytes, at, end)
        const key = bytes.slice(keyAt, at)
        const plain = scannedKind === PLAIN_STRING
        const column = this.#columns.get(this.#name(bytes, keyAt + 1, at - 1, plain)) ?? -1
        at = this.#expect(bytes, skipBlanks(bytes, at, end), end, COLON, "':'")
        at = skipBlanks(bytes, at, end)
        const from = at
        at = this.#value(bytes, at, end)
        if (column >= 0) {
          const kind = scannedKind
          const quoted = kind === PLAIN_STRING || kind === ESCAPED_STRING ? 1 : 0
          this.kinds[column] = kind
          this.starts[column] = from + quoted
          this.ends[column] = at - quoted
        }
        keys.push(key)
        columns.push(column)
        at = skipBlanks(bytes, at, end)
        if (at < end && bytes[at] === COMMA) {
          at = skipBlanks(bytes, at + 1, end)
          continue
        }
        at = this.#expect(bytes, at, end, CLOSE_BRACE, "',' or '}'")
        break
      }
    }
    at = skipBlanks(bytes, at, end)
    if (at < end) throw new SyntaxProblem('there is text behind the end of the object', at)
    if (keys.length <= MAX_LAYOUT_KEYS) this.#layout = layoutOf(keys, columns)
  }

  #tryContainer(bytes: Uint8Array, start: number, end: number): number {
    try {
      return this.#value(bytes, start, end)
    } catch (error) {
      if (error instanceof SyntaxProblem) return -1
      throw error
    }
  }

  /** Checks the value at `at` and sets scannedKind; a container is checked without recursion. */
  #value(bytes: Uint8Array, start: number, end: number): number {
    const first = bytes[start]
    if (start >= end) throw new SyntaxProblem('the line ends where a value is expected', start)
    if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return this.#scalar(bytes, start, end)
    const closers: number[] = []
    let at = start
    for (;;) {
      // At a value.
      const byte = at < end ? bytes[at] : -1
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        if (closers.length >= MAX_DEPTH) throw new SyntaxProblem(`objects and arrays are nested deeper than ${MAX_DEPTH}`, at)
        const closer = byte + 2
        at = skipBlanks(bytes, at + 1, end)
        if (bytes[at] !== closer || at >= end) {
          closers.push(closer)
          if (closer === CLOSE_BRACE) at = this.#memberValue(bytes, at, end)
          continue
        }
        at++
      } else if (byte === -1) throw new SyntaxProblem('the line ends where a value is expected', at)
      else at = this.#scalar(bytes, at, end)
      // Behind a value.
      for (;;) {
        const closer = closers[closers.length - 1]
        if (closer === undefined) {
          markContainer()
          return at
        }
        at = skipBlanks(bytes, at, end)
        if (at < end && bytes[at] === closer) {
          closers.pop()
          at++
          continue
        }
        at = this.#expect(bytes, at, end, COMMA, closer === CLOSE_BRACE ? "',' or '}'" : "',' or ']'")
        at = skipBlanks(bytes, at, end)
        if (closer === CLOSE_BRACE) at = this.#memberValue(bytes, at, end)
        break
      }
    }
  }

  #memberValue(bytes: Uint8Array, start: number, end: number): number {
    const at = this.#expect(bytes, skipBlanks(bytes, this.#key(bytes, start, end), end), end, COLON, "':'")
    return skipBlanks(bytes, at, end)
  }

  #key(bytes: Uint8Array, at: number, end: number): number {
    if (at >= end) throw new SyntaxProblem('the line ends inside the object', at)
    if (bytes[at] !== QUOTE) throw new SyntaxProblem('a field name in double quotes is expected here', at)
    const behind = scanString(bytes, at, end)
    if (behind < 0) throw new SyntaxProblem('the field name is not closed or has a bad escape', at)
    return behind
  }

  #scalar(bytes: Uint8Array, at: number, end: number): number {
    const behind = scanScalar(bytes, at, end)
    if (behind >= 0) return behind
    throw new SyntaxProblem(bytes[at] === QUOTE ? 'the string is not closed or has a bad escape' : 'this is no JSON value', at)
  }

  #expect(bytes: Uint8Array, at: number, end: number, byte: number, what: string): number {
    if (at >= end) throw new SyntaxProblem(`the line ends where ${what} is expected`, at)
    if (bytes[at] !== byte) throw new SyntaxProblem(`${what} is expected here`, at)
    return at + 1
  }

  #name(bytes: Uint8Array, start: number, end: number, plain: boolean): string {
    if (plain) return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8')
    this.#unescaper.resolve(bytes, start, end)
    return Buffer.from(this.#unescaper.bytes.subarray(0, this.#unescaper.length)).toString('utf8')
  }
}
