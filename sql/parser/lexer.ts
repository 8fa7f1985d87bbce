/** SQL text to tokens. Comments vanish; the borders of a hint stay as symbols of their own. */
import { syntaxError } from './sql-errors.js'
import type { SourceText } from './source-text.js'
import type { Token, TokenKind } from './token.js'

/** Longest script that is read. */
export const MAX_SCRIPT_LENGTH = 16 * 1024 * 1024

/** Longest name of a column or table, as in core/types/schema. */
const MAX_IDENTIFIER_LENGTH = 1000

const WORD_START = /[\p{L}_]/u
/** `$` begins a word when more of it follows: alone it ends a pattern. */
const DOLLAR_WORD = /\$[\p{L}\p{N}_$]/uy
const WORD = /[\p{L}\p{N}_$]+/uy
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y
const SPACE = /\s+/y
const SYMBOLS = ['<>', '!=', '<=', '>=', '=>', '||', '->', '{-', '-}'] as const
const SINGLE = '(),;.=<>+-*/%[]{}?:^$|@&'

/**
 * All tokens of the text, the last of kind 'end'.
 * @throws SQL_SYNTAX for an unterminated string, identifier or comment, and for characters that begin nothing
 */
export function tokenize(source: SourceText): Token[] {
  const { text } = source
  if (text.length > MAX_SCRIPT_LENGTH) {
    throw syntaxError(source, source.position(0), `the script has ${text.length} characters; at most ${MAX_SCRIPT_LENGTH} are read.`)
  }
  const tokens: Token[] = []
  let inHint = false
  let i = 0

  const push = (kind: TokenKind, start: number, end: number, value: string, upper = ''): void => {
    if ((kind === 'word' || kind === 'quoted') && value.length > MAX_IDENTIFIER_LENGTH) {
      throw syntaxError(
        source,
        source.position(start),
        `an identifier has at most ${MAX_IDENTIFIER_LENGTH} characters; this one has ${value.length}.`,
      )
    }
    tokens.push({ kind, text: value, upper, at: source.position(start), end })
    i = end
  }
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = i
    return pattern.exec(text)?.[0]
  }

  while (i < text.length) {
    const space = match(SPACE)
    if (space !== undefined) {
      i += space.length
      continue
    }
    const c = text.charAt(i)
    if (text.startsWith('--', i) || text.startsWith('//', i)) {
      const newline = text.indexOf('\n', i)
      i = newline < 0 ? text.length : newline + 1
    } else if (text.startsWith('/*+', i)) {
      push('symbol', i, i + 3, '/*+', '/*+')
      inHint = true
    } else if (inHint && text.startsWith('*/', i)) {
      push('symbol', i, i + 2, '*/', '*/')
      inHint = false
    } else if (text.startsWith('/*', i)) {
      const end = text.indexOf('*/', i + 2)
      if (end < 0) throw syntaxError(source, source.position(i), 'the comment that begins here has no end (*/).')
      i = end + 2
    } else if (c === "'") {
      const [value, end] = quoted(source, i, "'", 'string')
      push('string', i, end, value)
    } else if ((c === 'X' || c === 'x') && text.charAt(i + 1) === "'") {
      const [value, end] = quoted(source, i + 1, "'", 'binary string')
      if (!/^(?:[0-9a-fA-F]{2})*$/.test(value))
        throw syntaxError(source, source.position(i), "a binary string X'…' takes pairs of hexadecimal digits.")
      push('binary', i, end, value)
    } else if ((c === 'U' || c === 'u') && text.startsWith("&'", i + 1)) {
      const [value, end] = quoted(source, i + 2, "'", 'string')
      push('string', i, end, unicodeEscapes(source, i, value))
    } else if (c === '`') {
      const [value, end] = quoted(source, i, '`', 'quoted identifier')
      if (value === '') throw syntaxError(source, source.position(i), 'an identifier must not be empty.')
      push('quoted', i, end, value)
    } else if (c === '"') {
      throw syntaxError(
        source,
        source.position(i),
        'double quotes have no meaning here.',
        "Strings take 'single quotes', identifiers `backticks`.",
      )
    } else if (match(DOLLAR_WORD) !== undefined || WORD_START.test(String.fromCodePoint(text.codePointAt(i) ?? 0))) {
      const word = match(WORD) ?? c
      push('word', i, i + word.length, word, word.toUpperCase())
    } else if (/\d/.test(c) || (c === '.' && /\d/.test(text.charAt(i + 1)))) {
      const number = match(NUMBER) ?? c
      const end = i + number.length
      if (/[\p{L}_]/u.test(text.charAt(end))) {
        throw syntaxError(
          source,
          source.position(i),
          `'${number}${/^[\p{L}\p{N}_]+/u.exec(text.slice(end))?.[0] ?? ''}' is neither a number nor an identifier.`,
          'An identifier that begins with a digit needs backticks.',
        )
      }
      push('number', i, end, number)
    } else {
      const symbol = SYMBOLS.find((candidate) => text.startsWith(candidate, i)) ?? (SINGLE.includes(c) ? c : undefined)
      if (symbol === undefined) throw syntaxError(source, source.position(i), `the character '${c}' begins nothing in SQL.`)
      push('symbol', i, i + symbol.length, symbol, symbol === '!=' ? '<>' : symbol)
    }
  }
  push('end', text.length, text.length, '')
  return tokens
}

/** The value of a quoted text that begins at `start` with its quote, and the offset behind it. A doubled quote is one. */
function quoted(source: SourceText, start: number, quote: string, what: string): [value: string, end: number] {
  let value = ''
  let from = start + 1
  for (;;) {
    const close = source.text.indexOf(quote, from)
    if (close < 0) throw syntaxError(source, source.position(start), `the ${what} that begins here has no closing ${quote}.`)
    value += source.text.slice(from, close)
    if (source.text.charAt(close + 1) !== quote) return [value, close + 1]
    value += quote
    from = close + 2
  }
}

/** `\0041` and `\+01F600` of U&'…'; `\\` is a backslash. */
function unicodeEscapes(source: SourceText, start: number, value: string): string {
  return value.replace(/\\(?:(\\)|([0-9a-fA-F]{4})|\+([0-9a-fA-F]{6})|)/g, (_all, slash?: string, four?: string, six?: string) => {
    if (slash !== undefined) return '\\'
    const code = Number.parseInt(four ?? six ?? 'x', 16)
    if (!(code <= 0x10ffff))
      throw syntaxError(source, source.position(start), "in U&'…' a backslash takes four hexadecimal digits, or + and six.")
    return String.fromCodePoint(code)
  })
}
