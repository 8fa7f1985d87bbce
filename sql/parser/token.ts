/** Tokens of SQL text. */
import type { Position } from './source-text.js'

export type TokenKind =
  /** Unquoted identifier or keyword; `text` as written, `upper` for comparison. */
  | 'word'
  /** `quoted identifier`; `text` without the quotes. */
  | 'quoted'
  /** 'string' or U&'…'; `text` is its value. */
  | 'string'
  /** X'0A'; `text` is its digits. */
  | 'binary'
  /** Digits, decimal point, exponent as written. */
  | 'number'
  | 'symbol'
  | 'end'

export interface Token {
  readonly kind: TokenKind
  readonly text: string
  /** Upper case of a word; the symbol itself; else ''. */
  readonly upper: string
  readonly at: Position
  /** Offset behind the token. */
  readonly end: number
}
