/** Operands of expressions: literals, columns, calls, CASE, CAST, constructors, parentheses. */
import type { CaseNode, ExpressionNode, IntervalNode } from './ast-expression.js'
import { isFunctionWord, isReserved, TIME_UNITS } from './keywords.js'
import { parseCall, parseSortItem } from './parse-call.js'
import { parseExpression } from './parse-expression.js'
import { isJsonFunction, parseJsonCall } from './parse-json-call.js'
import { parseQuery, startsQuery } from './parse-query.js'
import { parseType } from './parse-type.js'
import { syntaxError } from './sql-errors.js'
import type { Name, TokenStream } from './token-stream.js'

/** Functions that are called without parentheses. */
const NILADIC = new Set(['CURRENT_DATE', 'CURRENT_TIME', 'CURRENT_TIMESTAMP', 'LOCALTIME', 'LOCALTIMESTAMP'])

const NAMES_OF_USERS = new Set(['USER', 'CURRENT_USER', 'SESSION_USER', 'SYSTEM_USER'])

export function parsePrimary(tokens: TokenStream): ExpressionNode {
  const { token, at } = tokens
  tokens.wish('an expression')
  switch (token.kind) {
    case 'number':
      tokens.advance()
      return Object.freeze({ kind: 'number', at, text: token.text })
    case 'string':
      tokens.advance()
      return Object.freeze({ kind: 'string', at, value: token.text })
    case 'binary':
      tokens.advance()
      return Object.freeze({ kind: 'binary-string', at, hex: token.text })
    case 'quoted':
      return tokens.isAt('=>', 1) ? parseNamedArgument(tokens) : parseNamed(tokens)
    case 'word':
      return parseWord(tokens)
    case 'symbol':
      if (token.text === '(') return parseParenthesis(tokens)
      if (token.text === '*') {
        tokens.advance()
        return Object.freeze({ kind: 'star', at, qualifier: Object.freeze([]) })
      }
      throw tokens.unexpected()
    case 'end':
      throw tokens.unexpected()
  }
}

/** Names of parameters may be reserved words: OFFSET => … */
function parseNamedArgument(tokens: TokenStream): ExpressionNode {
  const { at } = tokens
  const name: Name = Object.freeze({ text: tokens.advance().text, at })
  tokens.expect('=>')
  return Object.freeze({ kind: 'named-argument', at, name, value: parseExpression(tokens) })
}

function parseWord(tokens: TokenStream): ExpressionNode {
  const { token, at } = tokens
  if (tokens.isAt('=>', 1)) return parseNamedArgument(tokens)
  switch (token.upper) {
    case 'TRUE':
    case 'FALSE':
      tokens.advance()
      return Object.freeze({ kind: 'boolean', at, value: token.upper === 'TRUE' })
    case 'NULL':
    case 'UNKNOWN':
      tokens.advance()
      return Object.freeze({ kind: 'null', at })
    case 'CASE':
      return parseCase(tokens)
    case 'CAST':
    case 'TRY_CAST': {
      if (!tokens.isAt('(', 1)) break
      tokens.advance()
      tokens.expect('(')
      const arg = parseExpression(tokens)
      tokens.expect('AS')
      const type = parseType(tokens)
      tokens.expect(')')
      return Object.freeze({ kind: 'cast', at, arg, type, safe: token.upper === 'TRY_CAST' })
    }
    case 'DATE':
    case 'TIME':
    case 'TIMESTAMP':
      if (tokens.peek(1).kind !== 'string') break
      tokens.advance()
      return Object.freeze({ kind: 'temporal', at, type: token.upper, text: tokens.advance().text })
    case 'INTERVAL':
      return parseInterval(tokens)
    case 'EXISTS': {
      tokens.advance()
      tokens.expect('(')
      const query = parseQuery(tokens)
      tokens.expect(')')
      return Object.freeze({ kind: 'exists', at, query })
    }
    case 'ROW':
      if (!tokens.isAt('(', 1)) break
      tokens.advance()
      return Object.freeze({ kind: 'row', at, items: tokens.parenthesized(() => parseExpression(tokens)) })
    case 'ARRAY':
    case 'MULTISET':
    case 'MAP': {
      if (!tokens.isAt('[', 1)) break
      tokens.advance()
      tokens.advance()
      const items = tokens.isAt(']') ? [] : tokens.commaSeparated(() => parseExpression(tokens))
      tokens.expect(']')
      return Object.freeze({ kind: 'collection', at, type: token.upper, items: Object.freeze(items) })
    }
    case 'TABLE': {
      tokens.advance()
      const table = tokens.expectCompoundIdentifier("a table's name")
      const inParentheses = tokens.isAtAll('PARTITION', 'BY', '(')
      const partitionBy = !tokens.accept('PARTITION', 'BY')
        ? []
        : inParentheses
          ? tokens.parenthesized(() => parseExpression(tokens))
          : // A comma ends it: another argument follows.
            [parseExpression(tokens)]
      const orderBy = !tokens.accept('ORDER', 'BY')
        ? []
        : tokens.isAt('(')
          ? tokens.parenthesized(() => parseSortItem(tokens))
          : [parseSortItem(tokens)]
      return Object.freeze({ kind: 'table-argument', at, table, partitionBy: Object.freeze(partitionBy), orderBy: Object.freeze(orderBy) })
    }
    case 'MODEL':
      if (!tokens.atIdentifier(1)) break
      tokens.advance()
      return Object.freeze({ kind: 'model-argument', at, model: tokens.expectCompoundIdentifier("a model's name") })
    case 'DESCRIPTOR':
      if (!tokens.isAt('(', 1)) break
      tokens.advance()
      return Object.freeze({ kind: 'descriptor', at, columns: tokens.parenthesized(() => tokens.expectIdentifier("a column's name")) })
    default:
  }
  if (NILADIC.has(token.upper) && !tokens.isAt('(', 1)) {
    tokens.advance()
    const name: Name = Object.freeze({ text: token.upper, at })
    return Object.freeze({
      kind: 'call',
      at,
      name: Object.freeze([name]),
      args: Object.freeze([]),
      star: false,
      distinct: false,
      filter: null,
      over: null,
      withinGroup: Object.freeze([]),
      nulls: null,
    })
  }
  return parseNamed(tokens)
}

/** A column, a call, or `t.*`. */
function parseNamed(tokens: TokenStream): ExpressionNode {
  const { token, at } = tokens
  if (token.kind === 'word' && tokens.isAt('(', 1) && isFunctionWord(token.upper)) {
    if (isJsonFunction(token.upper)) return parseJsonCall(tokens)
    tokens.advance()
    return parseCall(tokens, [Object.freeze({ text: token.text, at })])
  }
  // Niladic functions of standard SQL that Flink does not have: a column of that name is meant.
  if (token.kind === 'word' && NAMES_OF_USERS.has(token.upper)) {
    tokens.advance()
    return Object.freeze({ kind: 'column', at, path: Object.freeze([Object.freeze({ text: token.text, at })]) })
  }
  if (token.kind === 'word' && isReserved(token.upper)) {
    // After a clause's keyword (`SELECT FROM t`) the missing expression is the problem, not the quoting.
    if (
      [
        'FROM',
        'WHERE',
        'GROUP',
        'ORDER',
        'HAVING',
        'SELECT',
        'AND',
        'OR',
        'AS',
        'THEN',
        'WHEN',
        'ELSE',
        'END',
        'LIMIT',
        'UNION',
        'ON',
      ].includes(token.upper)
    ) {
      throw tokens.unexpected()
    }
    tokens.expectIdentifier('an expression')
  }
  const path = [tokens.expectIdentifier('an expression')]
  while (tokens.isAt('.')) {
    tokens.advance()
    if (tokens.isAt('*')) {
      tokens.advance()
      return Object.freeze({ kind: 'star', at, qualifier: Object.freeze(path) })
    }
    path.push(tokens.expectIdentifier("a column's name"))
  }
  if (tokens.isAt('(')) return parseCall(tokens, path)
  return Object.freeze({ kind: 'column', at, path: Object.freeze(path) })
}

function parseCase(tokens: TokenStream): CaseNode {
  const at = tokens.expect('CASE').at
  const operand = tokens.isAt('WHEN') ? null : parseExpression(tokens)
  const branches: CaseNode['branches'][number][] = []
  while (branches.length === 0 || tokens.isAt('WHEN')) {
    tokens.expect('WHEN')
    const when = parseExpression(tokens)
    tokens.expect('THEN')
    branches.push(Object.freeze({ when, then: parseExpression(tokens) }))
  }
  tokens.wish('WHEN')
  const otherwise = tokens.accept('ELSE') ? parseExpression(tokens) : null
  tokens.expect('END')
  return Object.freeze({ kind: 'case', at, operand, branches: Object.freeze(branches), otherwise })
}

function parseInterval(tokens: TokenStream): IntervalNode {
  const at = tokens.expect('INTERVAL').at
  const negative = tokens.accept('-')
  if (!negative) tokens.accept('+')
  if (tokens.token.kind === 'number') {
    throw syntaxError(
      tokens.source,
      tokens.at,
      `the amount of an INTERVAL is a string.`,
      `Write INTERVAL '${tokens.token.text}' ${tokens.peek(1).upper || 'SECOND'}.`,
    )
  }
  const { text } = tokens.expectString("the amount as a string, such as '5'")
  const from = parseTimeUnit(tokens)
  const to = tokens.accept('TO') ? parseTimeUnit(tokens) : null
  return Object.freeze({ kind: 'interval', at, negative, text, from, to })
}

/** A unit of INTERVAL, singular or plural, with an optional precision in parentheses (which changes nothing below ms). */
function parseTimeUnit(tokens: TokenStream): string {
  const { token } = tokens
  for (const unit of ['SECOND', 'MINUTE', 'HOUR', 'DAY', 'WEEK', 'MONTH', 'QUARTER', 'YEAR'] satisfies (typeof TIME_UNITS)[number][]) {
    if (token.kind === 'word' && (token.upper === unit || token.upper === `${unit}S`)) {
      tokens.advance()
      if (tokens.accept('(')) {
        do {
          tokens.wish('a number')
          if (tokens.token.kind !== 'number') throw tokens.unexpected()
          tokens.advance()
        } while (tokens.accept(','))
        tokens.expect(')')
      }
      return unit
    }
    tokens.wish(unit)
  }
  throw tokens.unexpected()
}

/** `(query)`, `(a)`, `(a, b)` */
function parseParenthesis(tokens: TokenStream): ExpressionNode {
  const at = tokens.expect('(').at
  if (startsQuery(tokens)) {
    const query = parseQuery(tokens)
    tokens.expect(')')
    return Object.freeze({ kind: 'scalar-query', at, query })
  }
  const items = tokens.commaSeparated(() => parseExpression(tokens))
  tokens.expect(')')
  return items.length === 1 ? (items[0] as ExpressionNode) : Object.freeze({ kind: 'row', at, items })
}
