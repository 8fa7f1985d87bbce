/**
 * Expressions, by operator precedence (Pratt). From loose to tight:
 *
 *   OR · AND · NOT · IS · comparisons, BETWEEN, IN, LIKE, SIMILAR TO · + - · * / % || · unary + - · [] . AT TIME ZONE
 *
 * Comparisons are left-associative, as in Calcite.
 */
import type { BinaryOperator, ExpressionNode, QuantifiedNode, Truth } from './ast-expression.js'
import { parsePrimary } from './parse-primary.js'
import { parseQuery, startsQuery } from './parse-query.js'
import { syntaxError } from './sql-errors.js'
import type { TokenStream } from './token-stream.js'

const LEVELS = ['OR', 'AND', 'NOT', 'IS', 'COMPARE', 'ADD', 'MULTIPLY', 'UNARY', 'POSTFIX'] as const
/** Binding power by name: higher binds tighter. */
const POWER = Object.fromEntries(LEVELS.map((name, i) => [name, (i + 1) * 10])) as Record<(typeof LEVELS)[number], number>

const BINARY: Readonly<Record<string, readonly [operator: BinaryOperator, power: number]>> = {
  OR: ['OR', POWER.OR],
  AND: ['AND', POWER.AND],
  '=': ['=', POWER.COMPARE],
  '<>': ['<>', POWER.COMPARE],
  '<': ['<', POWER.COMPARE],
  '<=': ['<=', POWER.COMPARE],
  '>': ['>', POWER.COMPARE],
  '>=': ['>=', POWER.COMPARE],
  '+': ['+', POWER.ADD],
  '-': ['-', POWER.ADD],
  '*': ['*', POWER.MULTIPLY],
  '/': ['/', POWER.MULTIPLY],
  '%': ['%', POWER.MULTIPLY],
  '||': ['||', POWER.MULTIPLY],
}

/** Longest chain of operators of one strength, and of AND or OR. */
const MAX_CHAIN = 400
const MAX_CONNECTED = 5000

export function parseExpression(tokens: TokenStream): ExpressionNode {
  return climb(tokens, 0)
}

/** What may stand on one side of a comparison: `IN` and `AND` end it. */
export function parseOperand(tokens: TokenStream): ExpressionNode {
  return climb(tokens, POWER.COMPARE)
}

function climb(tokens: TokenStream, power: number): ExpressionNode {
  return tokens.nested(() => {
    let left = prefix(tokens)
    for (let links = 0; ; links++) {
      const next = infix(tokens, left, power)
      if (next === undefined) return left
      // AND and OR become one call of many arguments; a chain of anything else is as deep as it is long.
      const limit = next.kind === 'binary' && (next.operator === 'AND' || next.operator === 'OR') ? MAX_CONNECTED : MAX_CHAIN
      if (links >= limit) throw syntaxError(tokens.source, left.at, `more than ${limit} operators in a row.`)
      left = next
    }
  })
}

function prefix(tokens: TokenStream): ExpressionNode {
  const { at } = tokens
  if (tokens.isAt('NOT')) {
    tokens.advance()
    return Object.freeze({ kind: 'unary', at, operator: 'NOT', arg: climb(tokens, POWER.NOT) })
  }
  if (tokens.isAt('-') || tokens.isAt('+')) {
    const operator = tokens.advance().upper as '-' | '+'
    return Object.freeze({ kind: 'unary', at, operator, arg: climb(tokens, POWER.UNARY) })
  }
  return parsePrimary(tokens)
}

/** The expression that `left` becomes part of, if an operator stronger than `power` follows. */
function infix(tokens: TokenStream, left: ExpressionNode, power: number): ExpressionNode | undefined {
  const { token } = tokens
  const { at } = left
  if (token.kind !== 'symbol' && token.kind !== 'word') return undefined

  const binary = Object.hasOwn(BINARY, token.upper) ? BINARY[token.upper] : undefined
  if (binary !== undefined) {
    const [operator, strength] = binary
    if (strength <= power) return undefined
    tokens.advance()
    if (strength === POWER.COMPARE && isQuantifier(tokens)) return parseQuantified(tokens, left, operator as QuantifiedNode['operator'])
    return Object.freeze({ kind: 'binary', at, operator, left, right: climb(tokens, strength) })
  }
  if (token.upper === 'IS') return POWER.IS <= power ? undefined : parseIs(tokens, left)
  if (token.upper === '[' && power < POWER.POSTFIX) {
    tokens.advance()
    const index = parseExpression(tokens)
    tokens.expect(']')
    return Object.freeze({ kind: 'element', at, arg: left, index })
  }
  if (token.upper === '.' && power < POWER.POSTFIX && left.kind !== 'number') {
    tokens.advance()
    return Object.freeze({ kind: 'field', at, arg: left, name: tokens.expectIdentifier("a field's name") })
  }
  if (tokens.isAtAll('AT', 'TIME', 'ZONE') && power < POWER.POSTFIX) {
    tokens.accept('AT', 'TIME', 'ZONE')
    return Object.freeze({ kind: 'at-time-zone', at, arg: left, zone: climb(tokens, POWER.POSTFIX) })
  }
  if (power < POWER.COMPARE) return parsePredicate(tokens, left)
  return undefined
}

function parseIs(tokens: TokenStream, left: ExpressionNode): ExpressionNode {
  const { at } = left
  tokens.expect('IS')
  const negated = tokens.accept('NOT')
  if (tokens.accept('DISTINCT')) {
    tokens.expect('FROM')
    return Object.freeze({ kind: 'distinct-from', at, left, right: climb(tokens, POWER.IS), negated })
  }
  for (const truth of ['NULL', 'TRUE', 'FALSE', 'UNKNOWN'] satisfies Truth[]) {
    if (tokens.accept(truth)) return Object.freeze({ kind: 'is', at, arg: left, truth, negated })
  }
  if (tokens.accept('JSON')) {
    const type = (['VALUE', 'OBJECT', 'ARRAY', 'SCALAR'] as const).find((word) => tokens.accept(word)) ?? 'VALUE'
    return Object.freeze({ kind: 'is-json', at, arg: left, type, negated })
  }
  throw tokens.unexpected()
}

function isQuantifier(tokens: TokenStream): boolean {
  return ['ANY', 'SOME', 'ALL'].some((word) => tokens.isAt(word)) && tokens.isAt('(', 1)
}

/** `ANY (query)`, `ALL (a, b)` behind a comparison. */
function parseQuantified(tokens: TokenStream, arg: ExpressionNode, operator: QuantifiedNode['operator']): QuantifiedNode {
  const quantifier = tokens.advance().upper === 'ALL' ? 'ALL' : 'ANY'
  tokens.expect('(')
  const of = startsQuery(tokens) ? parseQuery(tokens) : tokens.commaSeparated(() => parseExpression(tokens))
  tokens.expect(')')
  return Object.freeze({ kind: 'quantified', at: arg.at, operator, quantifier, arg, of })
}

/** [NOT] BETWEEN, IN, LIKE, SIMILAR TO; OVERLAPS. */
function parsePredicate(tokens: TokenStream, left: ExpressionNode): ExpressionNode | undefined {
  const { at } = left
  if (tokens.isAt('OVERLAPS')) {
    tokens.advance()
    return Object.freeze({ kind: 'overlaps', at, left, right: climb(tokens, POWER.COMPARE) })
  }
  const ahead = tokens.isAt('NOT') ? 1 : 0
  if (!['BETWEEN', 'IN', 'LIKE', 'SIMILAR'].some((word) => tokens.isAt(word, ahead))) {
    for (const word of ['IS', 'BETWEEN', 'IN', 'LIKE', 'AND', 'OR']) if (ahead === 1 && word !== 'IS') tokens.wish(`NOT ${word}`)
    return undefined
  }
  const negated = tokens.accept('NOT')
  if (tokens.accept('BETWEEN')) {
    const symmetric = tokens.accept('SYMMETRIC')
    if (!symmetric) tokens.accept('ASYMMETRIC')
    const low = climb(tokens, POWER.COMPARE)
    tokens.expect('AND')
    return Object.freeze({ kind: 'between', at, arg: left, low, high: climb(tokens, POWER.COMPARE), negated, symmetric })
  }
  if (tokens.accept('IN')) {
    tokens.expect('(')
    if (startsQuery(tokens)) {
      const query = parseQuery(tokens)
      tokens.expect(')')
      return Object.freeze({ kind: 'in-query', at, arg: left, query, negated })
    }
    const list = tokens.commaSeparated(() => parseExpression(tokens))
    tokens.expect(')')
    return Object.freeze({ kind: 'in-list', at, arg: left, list, negated })
  }
  const operator = tokens.accept('LIKE') ? 'LIKE' : (tokens.expect('SIMILAR', 'TO'), 'SIMILAR TO' as const)
  const pattern = climb(tokens, POWER.COMPARE)
  const escape = tokens.accept('ESCAPE') ? climb(tokens, POWER.COMPARE) : null
  return Object.freeze({ kind: 'like', at, operator, arg: left, pattern, escape, negated })
}
