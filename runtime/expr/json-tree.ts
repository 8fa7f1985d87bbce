/** JSON texts as trees that keep numbers as they were written, and trees as texts the way Jackson writes them for Flink: keys in order, no blanks. */

/** Deeper values are refused: nobody writes them by hand, and readers are recursive. */
const MOST_DEPTH = 500

/** A number, in the digits of its text. */
export class JsonNumber {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

export type JsonTree = null | boolean | string | JsonNumber | readonly JsonTree[] | ReadonlyMap<string, JsonTree>

export class NotJson extends Error {
  constructor(what: string, at: number) {
    super(`${what} at character ${at + 1}`)
  }
}

/** `duplicates` false: an object has each key once; else the last one counts. @throws NotJson */
export function readJson(text: string, duplicates = true): JsonTree {
  return new Reader(text, duplicates).whole()
}

class Reader {
  readonly #text: string
  readonly #duplicates: boolean
  #at = 0
  #depth = 0

  constructor(text: string, duplicates: boolean) {
    this.#text = text
    this.#duplicates = duplicates
  }

  whole(): JsonTree {
    const value = this.#value()
    this.#blanks()
    if (this.#at < this.#text.length) throw this.#unexpected()
    return value
  }

  #value(): JsonTree {
    this.#blanks()
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object()
      case '[':
        return this.#array()
      case '"':
        return this.#string()
      case 't':
        return this.#word('true', true)
      case 'f':
        return this.#word('false', false)
      case 'n':
        return this.#word('null', null)
      default:
        return this.#number()
    }
  }

  #object(): JsonTree {
    const members = new Map<string, JsonTree>()
    this.#each('}', () => {
      this.#blanks()
      const key = this.#string()
      this.#blanks()
      if (this.#text[this.#at] !== ':') throw this.#unexpected()
      this.#at++
      if (!this.#duplicates && members.has(key)) throw new NotJson(`the key '${key}' a second time`, this.#at)
      members.set(key, this.#value())
    })
    return members
  }

  #array(): JsonTree {
    const elements: JsonTree[] = []
    this.#each(']', () => elements.push(this.#value()))
    return elements
  }

  #each(end: string, item: () => void): void {
    if (++this.#depth > MOST_DEPTH) throw new NotJson(`more than ${MOST_DEPTH} levels`, this.#at)
    this.#at++
    this.#blanks()
    if (this.#text[this.#at] === end) this.#at++
    else {
      for (;;) {
        item()
        this.#blanks()
        const mark = this.#text[this.#at]
        if (mark !== end && mark !== ',') throw this.#unexpected()
        this.#at++
        if (mark === end) break
      }
    }
    this.#depth--
  }

  #string(): string {
    const text = this.#text
    if (text[this.#at] !== '"') throw this.#unexpected()
    const start = this.#at
    let end = start + 1
    let plain = true
    for (let unit = text.charCodeAt(end); unit !== QUOTE; unit = text.charCodeAt(++end)) {
      if (end >= text.length) throw this.#unexpected(text.length)
      if (unit === BACKSLASH) end++
      if (unit === BACKSLASH || unit < BLANK) plain = false
    }
    this.#at = end + 1
    if (plain) return text.slice(start + 1, end)
    try {
      return JSON.parse(text.slice(start, this.#at)) as string
    } catch {
      throw new NotJson('a text that is not well-formed', start)
    }
  }

  #number(): JsonNumber {
    NUMBER.lastIndex = this.#at
    const found = NUMBER.exec(this.#text)
    if (found === null) throw this.#unexpected()
    this.#at = NUMBER.lastIndex
    return new JsonNumber(found[0])
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#unexpected()
    this.#at += word.length
    return value
  }

  #blanks(): void {
    for (let unit = this.#text.charCodeAt(this.#at); unit <= BLANK; unit = this.#text.charCodeAt(++this.#at))
      if (unit !== BLANK && unit !== 9 && unit !== 10 && unit !== 13) return
  }

  #unexpected(at = this.#at): NotJson {
    return new NotJson(at < this.#text.length ? `unexpected '${this.#text[at]}'` : 'unexpected end', at)
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const BLANK = 0x20
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y

export function isJsonObject(tree: JsonTree): tree is ReadonlyMap<string, JsonTree> {
  return tree instanceof Map
}

export function isJsonArray(tree: JsonTree): tree is readonly JsonTree[] {
  return Array.isArray(tree)
}

/** Texts and numbers as `string` and `number` write them. */
export function writeTree(tree: JsonTree, string: (text: string) => string, number: (text: string) => string): string {
  if (tree === null || typeof tree === 'boolean') return String(tree)
  if (typeof tree === 'string') return string(tree)
  if (tree instanceof JsonNumber) return number(tree.text)
  if (isJsonArray(tree)) return `[${tree.map((element) => writeTree(element, string, number)).join(',')}]`
  const keys = [...tree.keys()].sort((a, b) => (a < b ? -1 : 1))
  return `{${keys.map((key) => `${string(key)}:${writeTree(tree.get(key) as JsonTree, string, number)}`).join(',')}}`
}

export function writeJson(tree: JsonTree): string {
  return writeTree(tree, quoteJson, bigDecimalText)
}

/** The text in quotes, escaped as Jackson does: it writes the digits of an escape in upper case. */
export function quoteJson(text: string): string {
  // Escapes one after the other: the u of `\\\\u` belongs to none.
  return JSON.stringify(text).replace(/\\(?:u[0-9a-f]{4}|.)/g, (escape) =>
    escape[1] === 'u' ? `\\u${escape.slice(2).toUpperCase()}` : escape,
  )
}

/** Digits kept of a number with an exponent. */
const MOST_EXPONENT = 1_000_000

/** A JSON number as Java prints it: integers in their digits, others as BigDecimal.toString (its scientific notation below 1E-6). */
export function bigDecimalText(json: string): string {
  const [, sign = '', whole = '', fraction = '', exponent] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(json) ?? []
  if (fraction === '' && exponent === undefined) return json === '-0' ? '0' : json
  const power = Number(exponent ?? 0)
  if (Math.abs(power) > MOST_EXPONENT) return json
  const digits = (whole + fraction).replace(/^0+(?=\d)/, '')
  const scale = fraction.length - power
  const adjusted = digits.length - 1 - scale
  const minus = digits === '0'.repeat(digits.length) ? '' : sign
  if (scale >= 0 && adjusted >= -6) {
    if (scale === 0) return minus + digits
    const padded = digits.padStart(scale + 1, '0')
    return `${minus}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
  }
  const mantissa = digits.length === 1 ? digits : `${digits[0]}.${digits.slice(1)}`
  return `${minus}${mantissa}E${adjusted >= 0 ? '+' : ''}${adjusted}`
}
