/** Keys and values between quotes: WITH, SET and RESET of objects; PARTITION (…). */
import type { KeyNode } from './ast-alter.js'
import type { PartitionSpec, PropertyNode } from './ast-statement.js'
import { parseExpression } from './parse-expression.js'
import type { TokenStream } from './token-stream.js'

/** `'key' = 'value'` */
export function parseProperty(tokens: TokenStream): PropertyNode {
  const key = tokens.expectString("a key between quotes, 'key' = 'value'")
  tokens.expect('=')
  const value = tokens.expectString('a value between quotes')
  return Object.freeze({ key: key.text, value: value.text, at: key.at })
}

/** `[WITH ('key' = 'value', …)]`; the parentheses may be empty. */
export function parseOptions(tokens: TokenStream): readonly PropertyNode[] {
  return tokens.accept('WITH') ? parsePropertyList(tokens) : Object.freeze([])
}

/** `('key' = 'value', …)` or `()` */
export function parsePropertyList(tokens: TokenStream): readonly PropertyNode[] {
  return listOf(tokens, () => parseProperty(tokens))
}

/** `('key', …)` or `()` */
export function parseKeyList(tokens: TokenStream): readonly KeyNode[] {
  return listOf(tokens, () => {
    const { text, at } = tokens.expectString('a key between quotes')
    return Object.freeze({ key: text, at })
  })
}

function listOf<T>(tokens: TokenStream, item: () => T): readonly T[] {
  tokens.expect('(')
  const items = tokens.isAt(')') ? Object.freeze([]) : tokens.commaSeparated(item)
  tokens.expect(')')
  return items
}

/** `(a = 1, b)` */
export function parsePartitionSpec(tokens: TokenStream): PartitionSpec {
  return tokens.parenthesized(() => {
    const column = tokens.expectIdentifier("a partition column's name")
    return Object.freeze({ column, value: tokens.accept('=') ? parseExpression(tokens) : null })
  })
}
