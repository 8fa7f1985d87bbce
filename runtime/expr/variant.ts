/**
 * Values of VARIANT: JSON as text without blanks, objects with their keys in order, numbers as Flink's variants print them, so that equal
 * variants are equal texts. Integers stay exact, decimals of up to 38 digits too; other numbers are doubles.
 */
import { doubleToString } from './number-text.js'

/** Deeper values are refused: nobody writes them by hand, and readers are recursive. */
const MOST_DEPTH = 500
const MOST_DIGITS = 38

/** Undefined: not JSON, or an object has a key twice that may not (`duplicates`: the last one counts). */
export function parseVariant(json: string, duplicates = false): string | undefined {
  const reader = new VariantReader(json, duplicates)
  try {
    return reader.whole()
  } catch (error) {
    if (error instanceof NotJson) return undefined
    throw error
  }
}

class NotJson extends Error {}

class VariantReader {
  readonly #text: string
  readonly #duplicates: boolean
  #at = 0
  #depth = 0

  constructor(text: string, duplicates: boolean) {
    this.#text = text
    this.#duplicates = duplicates
  }

  whole(): string {
    const value = this.#value()
    this.#blanks()
    if (this.#at < this.#text.length) throw new NotJson()
    return value
  }

  #value(): string {
    this.#blanks()
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object()
      case '[':
        return this.#array()
      case '"':
        return this.#string()
      case 't':
        return this.#word('true')
      case 'f':
        return this.#word('false')
      case 'n':
        return this.#word('null')
      default:
        return this.#number()
    }
  }

  #object(): string {
    const members = new Map<string, string>()
    this.#each('}', () => {
      this.#blanks()
      const key = this.#string()
      this.#expect(':')
      if (members.has(key) && !this.#duplicates) throw new NotJson()
      members.set(key, this.#value())
    })
    const keys = [...members.keys()].sort((a, b) => (a < b ? -1 : 1))
    return `{${keys.map((key) => `${key}:${members.get(key)}`).join(',')}}`
  }

  #array(): string {
    const elements: string[] = []
    this.#each(']', () => elements.push(this.#value()))
    return `[${elements.join(',')}]`
  }

  #each(end: string, item: () => void): void {
    if (++this.#depth > MOST_DEPTH) throw new NotJson()
    this.#at++
    this.#blanks()
    if (this.#text[this.#at] === end) this.#at++
    else {
      for (;;) {
        item()
        this.#blanks()
        const mark = this.#text[this.#at++]
        if (mark === end) break
        if (mark !== ',') throw new NotJson()
      }
    }
    this.#depth--
  }

  #string(): string {
    if (this.#text[this.#at] !== '"') throw new NotJson()
    const start = this.#at
    let end = start + 1
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === '\\' ? 2 : 1
    this.#at = end + 1
    try {
      return JSON.stringify(JSON.parse(this.#text.slice(start, this.#at)))
    } catch {
      throw new NotJson()
    }
  }

  #number(): string {
    NUMBER.lastIndex = this.#at
    const found = NUMBER.exec(this.#text)
    if (found === null) throw new NotJson()
    this.#at = NUMBER.lastIndex
    const [text, whole = '', fraction, exponent] = found
    if (exponent === undefined && whole.replace('-', '').length + (fraction?.length ?? 0) <= MOST_DIGITS) {
      const digits = (fraction ?? '').replace(/0+$/, '')
      const plain = digits === '' ? whole : `${whole}.${digits}`
      return /^-0(\.0*)?$/.test(plain) ? '0' : plain
    }
    const value = Number(text)
    if (!Number.isFinite(value)) throw new NotJson()
    return doubleToString(value).replace(/\.0$/, '')
  }

  #word(word: string): string {
    if (!this.#text.startsWith(word, this.#at)) throw new NotJson()
    this.#at += word.length
    return word
  }

  #expect(mark: string): void {
    this.#blanks()
    if (this.#text[this.#at++] !== mark) throw new NotJson()
  }

  #blanks(): void {
    while (/[ \t\n\r]/.test(this.#text[this.#at] ?? '')) this.#at++
  }
}

const NUMBER = /(-?(?:0|[1-9]\d*))(?:\.(\d+))?([eE][+-]?\d+)?/y

/** Of a variant that is no array: undefined. Beyond its ends: null. `index` from 0. */
export function variantElement(variant: string, index: number): string | null | undefined {
  return variant.startsWith('[') ? (membersOf(variant)[index] ?? null) : undefined
}

/** Of a variant that is no object: undefined. Without that key: null. */
export function variantField(variant: string, key: string): string | null | undefined {
  if (!variant.startsWith('{')) return undefined
  const start = `${JSON.stringify(key)}:`
  return (
    membersOf(variant)
      .find((member) => member.startsWith(start))
      ?.slice(start.length) ?? null
  )
}

/** Elements, or `"key":value`. */
function membersOf(variant: string): string[] {
  const members: string[] = []
  let depth = 0
  let start = 1
  for (let at = 1; at < variant.length; at++) {
    const mark = variant[at]
    if (mark === '"') {
      for (at++; variant[at] !== '"'; at++) if (variant[at] === '\\') at++
    } else if (mark === '[' || mark === '{') depth++
    else if (depth > 0 && (mark === ']' || mark === '}')) depth--
    else if (depth === 0 && (mark === ',' || mark === ']' || mark === '}')) {
      if (at > start) members.push(variant.slice(start, at))
      start = at + 1
    }
  }
  return members
}
