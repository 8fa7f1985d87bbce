/**
 * The parser's view of the tokens. It remembers what it was asked for at the current token and the one before, so that an
 * error can say what would have been right there, and which keyword a misspelt word was probably meant to be.
 */
import { nearest } from '#core/config/nearest.js'
import type { WeftError } from '#core/errors/define-error.js'
import { isReserved } from './keywords.js'
import { notSupported, syntaxError } from './sql-errors.js'
import type { Position, SourceText } from './source-text.js'
import type { Token } from './token.js'

/** A name as written, with its place. */
export interface Name {
  readonly text: string
  readonly at: Position
}

const MAX_EXPECTATIONS = 12
/** Deepest nesting of parentheses and operators: the parser is recursive, and so is all that walks its trees. */
const MAX_DEPTH = 400

export class TokenStream {
  readonly source: SourceText
  readonly #tokens: readonly Token[]
  #index = 0
  #expected = new Set<string>()
  #expectedBefore = new Set<string>()
  #depth = 0

  constructor(source: SourceText, tokens: readonly Token[]) {
    this.source = source
    this.#tokens = tokens
  }

  get token(): Token {
    return this.peek(0)
  }

  get at(): Position {
    return this.token.at
  }

  /** Offset behind the token before this one. */
  get endOfLast(): number {
    return this.#index === 0 ? 0 : (this.#tokens[this.#index - 1] as Token).end
  }

  peek(ahead: number): Token {
    return this.#tokens[Math.min(this.#index + ahead, this.#tokens.length - 1)] as Token
  }

  advance(): Token {
    const token = this.token
    if (token.kind !== 'end') this.#index++
    this.#expectedBefore = this.#expected
    this.#expected = new Set()
    return token
  }

  /** True at that keyword or symbol. Does not count as an expectation: for decisions by look-ahead. */
  isAt(text: string, ahead = 0): boolean {
    const token = this.peek(ahead)
    return (token.kind === 'word' || token.kind === 'symbol') && token.upper === text
  }

  /** True at these keywords or symbols in a row. */
  isAtAll(...texts: readonly string[]): boolean {
    return texts.every((text, i) => this.isAt(text, i))
  }

  /** Skips the keyword or symbol (or several in a row, all or none) when they are next. */
  accept(...texts: readonly string[]): boolean {
    if (texts.length > 0) this.#expected.add(texts.join(' '))
    if (!this.isAtAll(...texts)) return false
    for (const _ of texts) this.advance()
    return true
  }

  /** @throws SQL_SYNTAX when it is not next */
  expect(...texts: readonly string[]): Token {
    const token = this.token
    for (const text of texts) if (!this.accept(text)) throw this.unexpected()
    return token
  }

  /** Notes something that could stand here, in words for a person. */
  wish(what: string): void {
    this.#expected.add(what)
  }

  acceptString(what = 'a string'): Token | undefined {
    this.#expected.add(what)
    return this.token.kind === 'string' ? this.advance() : undefined
  }

  expectString(what = 'a string'): Token {
    const token = this.acceptString(what)
    if (token === undefined) throw this.unexpected()
    return token
  }

  /** True when an identifier is next: quoted, or a word that is not reserved. */
  atIdentifier(ahead = 0): boolean {
    const token = this.peek(ahead)
    return token.kind === 'quoted' || (token.kind === 'word' && !isReserved(token.upper))
  }

  acceptIdentifier(what = 'an identifier'): Name | undefined {
    this.#expected.add(what)
    if (!this.atIdentifier()) return undefined
    const token = this.advance()
    return Object.freeze({ text: token.text, at: token.at })
  }

  /** @throws SQL_SYNTAX; for a reserved word it says how to quote it */
  expectIdentifier(what = 'an identifier'): Name {
    const name = this.acceptIdentifier(what)
    if (name !== undefined) return name
    const { token } = this
    if (token.kind === 'word') {
      throw syntaxError(
        this.source,
        token.at,
        `'${token.text}' is a reserved word and cannot stand for ${what}.`,
        `Put it between backticks: \`${token.text}\`.`,
      )
    }
    throw this.unexpected()
  }

  /** `a.b.c` */
  expectCompoundIdentifier(what = 'an identifier'): readonly Name[] {
    const names = [this.expectIdentifier(what)]
    while (this.accept('.')) names.push(this.expectIdentifier())
    return Object.freeze(names)
  }

  /** Items between `(` and `)`, at least one. */
  parenthesized<T>(item: () => T): readonly T[] {
    this.expect('(')
    const items = this.commaSeparated(item)
    this.expect(')')
    return items
  }

  commaSeparated<T>(item: () => T): readonly T[] {
    const items = [item()]
    while (this.accept(',')) items.push(item())
    return Object.freeze(items)
  }

  /** Runs a recursive rule, and refuses text nested too deep. */
  nested<T>(rule: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw syntaxError(this.source, this.at, `the statement is nested more than ${MAX_DEPTH} levels deep.`)
    try {
      return rule()
    } finally {
      this.#depth--
    }
  }

  /** The error for the current token: what was found, what was expected, what was probably meant. */
  unexpected(): WeftError {
    const { token } = this
    const found =
      token.kind === 'end'
        ? 'the end of the text'
        : token.kind === 'string'
          ? `the string '${shorten(token.text)}'`
          : `'${shorten(token.text)}'`
    const expected = [...this.#expected].map((text) => (/^[^\w\s]{1,2}$/.test(text) ? `'${text}'` : text))
    const shown = expected.slice(0, MAX_EXPECTATIONS)
    const list = shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} or ${shown.at(-1)}`
    const more = expected.length > shown.length ? ', …' : ''
    return syntaxError(
      this.source,
      token.at,
      `found ${found}, expected ${list}${more}.`,
      this.meant(),
      token.kind === 'end' ? '<EOF>' : token.text,
    )
  }

  /** The error for a construct that is part of the dialect but not executed. */
  refuse(what: string, at: Position = this.at, hint: string | null = null): WeftError {
    return notSupported(this.source, at, what, hint)
  }

  private meant(): string | null {
    const { token } = this
    if (token.kind === 'word') {
      const keyword = nearest(token.upper, keywordsOf(this.#expected))
      if (keyword !== undefined && keyword !== token.upper) return `Did you mean ${keyword}?`
    }
    // A misspelt keyword is often taken for an alias, and the error then shows one token later.
    const before = this.#tokens[this.#index - 1]
    if (before?.kind === 'word' && !isReserved(before.upper)) {
      const keyword = nearest(before.upper, keywordsOf(new Set([...this.#expectedBefore, ...this.#expected])))
      if (keyword !== undefined && keyword !== before.upper) return `Did you mean ${keyword} instead of '${before.text}'?`
    }
    return null
  }
}

function keywordsOf(expected: ReadonlySet<string>): string[] {
  return [...expected].map((text) => text.split(' ')[0] ?? '').filter((word) => /^[A-Z_]{2,}$/.test(word))
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}
