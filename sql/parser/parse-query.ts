/** Queries: WITH, set operations, SELECT with its clauses, VALUES. */
import type { ExpressionNode, WindowNode } from './ast-expression.js'
import type { GroupingNode, HintNode, Query, QueryBody, SelectItemNode, SelectNode, ValuesNode } from './ast-query.js'
import { parseSortItem, parseWindow } from './parse-call.js'
import { parseExpression } from './parse-expression.js'
import { parseTableExpression } from './parse-table-expression.js'
import type { Name, TokenStream } from './token-stream.js'

/** True when a query begins here, also behind parentheses: tells `IN (SELECT …)` from `IN (1, 2)`. */
export function startsQuery(tokens: TokenStream): boolean {
  let ahead = 0
  while (tokens.isAt('(', ahead)) ahead++
  return ['SELECT', 'VALUES', 'WITH'].some((word) => tokens.isAt(word, ahead))
}

export function parseQuery(tokens: TokenStream): Query {
  return tokens.nested(() => {
    const { at } = tokens
    const ctes: Query['with'][number][] = []
    if (tokens.accept('WITH')) {
      if (tokens.isAt('RECURSIVE')) throw tokens.refuse('WITH RECURSIVE.')
      ctes.push(
        ...tokens.commaSeparated(() => {
          const name = tokens.expectIdentifier('a name for the query')
          const columns = tokens.isAt('(') ? tokens.parenthesized(() => tokens.expectIdentifier("a column's name")) : null
          tokens.expect('AS')
          tokens.expect('(')
          const query = parseQuery(tokens)
          tokens.expect(')')
          return Object.freeze({ name, columns, query })
        }),
      )
    }
    const body = parseSetOperation(tokens, 0)
    const orderBy = tokens.accept('ORDER', 'BY') ? tokens.commaSeparated(() => parseSortItem(tokens)) : []
    const { limit, offset } = parseLimit(tokens)
    return Object.freeze({
      kind: 'query',
      at,
      end: tokens.endOfLast,
      with: Object.freeze(ctes),
      body,
      orderBy: Object.freeze(orderBy),
      limit,
      offset,
    })
  })
}

/** `[LIMIT n | ALL] [OFFSET m ROWS] [FETCH FIRST n ROWS ONLY]`, in any order. */
function parseLimit(tokens: TokenStream): { limit: ExpressionNode | null; offset: ExpressionNode | null } {
  let limit: ExpressionNode | null = null
  let offset: ExpressionNode | null = null
  for (;;) {
    if (limit === null && tokens.accept('LIMIT')) {
      if (!tokens.accept('ALL')) limit = parseExpression(tokens)
    } else if (offset === null && tokens.accept('OFFSET')) {
      offset = parseExpression(tokens)
      if (!tokens.accept('ROWS')) tokens.accept('ROW')
    } else if (limit === null && tokens.accept('FETCH')) {
      if (!tokens.accept('FIRST')) tokens.expect('NEXT')
      limit = parseExpression(tokens)
      if (!tokens.accept('ROWS')) tokens.expect('ROW')
      tokens.expect('ONLY')
    } else {
      return { limit, offset }
    }
  }
}

/** UNION and EXCEPT bind alike, INTERSECT tighter; all to the left. */
function parseSetOperation(tokens: TokenStream, level: 0 | 1): QueryBody {
  const operand = (): QueryBody => (level === 0 ? parseSetOperation(tokens, 1) : parseQueryPrimary(tokens))
  const { at } = tokens
  let left = operand()
  for (;;) {
    const operators = level === 0 ? (['UNION', 'EXCEPT', 'MINUS'] as const) : (['INTERSECT'] as const)
    const operator = operators.find((word) => tokens.accept(word))
    if (operator === undefined) return left
    const all = tokens.accept('ALL')
    if (!all) tokens.accept('DISTINCT')
    left = Object.freeze({ kind: 'set-operation', at, operator: operator === 'MINUS' ? 'EXCEPT' : operator, all, left, right: operand() })
  }
}

function parseQueryPrimary(tokens: TokenStream): QueryBody {
  if (tokens.isAt('SELECT')) return parseSelect(tokens)
  if (tokens.isAt('VALUES')) return parseValues(tokens)
  for (const word of ['SELECT', 'VALUES', 'WITH']) tokens.wish(word)
  tokens.expect('(')
  const query = parseQuery(tokens)
  tokens.expect(')')
  return query
}

function parseValues(tokens: TokenStream): ValuesNode {
  const at = tokens.expect('VALUES').at
  const rows = tokens.commaSeparated(() => {
    if (tokens.isAt('ROW') && tokens.isAt('(', 1)) tokens.advance()
    return tokens.isAt('(') ? tokens.parenthesized(() => parseExpression(tokens)) : Object.freeze([parseExpression(tokens)])
  })
  return Object.freeze({ kind: 'values', at, rows })
}

function parseSelect(tokens: TokenStream): SelectNode {
  const at = tokens.expect('SELECT').at
  const hints = parseHints(tokens)
  const distinct = tokens.accept('DISTINCT')
  if (!distinct) tokens.accept('ALL')
  const items = tokens.commaSeparated(() => parseSelectItem(tokens))
  const from = tokens.accept('FROM') ? parseTableExpression(tokens) : null
  const where = tokens.accept('WHERE') ? parseExpression(tokens) : null
  const groupBy = tokens.accept('GROUP', 'BY') ? tokens.commaSeparated(() => parseGrouping(tokens)) : null
  const having = tokens.accept('HAVING') ? parseExpression(tokens) : null
  const windows: { name: Name; window: WindowNode }[] = []
  if (tokens.accept('WINDOW')) {
    windows.push(
      ...tokens.commaSeparated(() => {
        const name = tokens.expectIdentifier("a window's name")
        tokens.expect('AS')
        return Object.freeze({ name, window: parseWindow(tokens) })
      }),
    )
  }
  const qualify = tokens.accept('QUALIFY') ? parseExpression(tokens) : null
  return Object.freeze({
    kind: 'select',
    at,
    hints,
    distinct,
    items,
    from,
    where,
    groupBy,
    having,
    windows: Object.freeze(windows),
    qualify,
  })
}

function parseSelectItem(tokens: TokenStream): SelectItemNode {
  const expression = parseExpression(tokens)
  const alias = tokens.accept('AS')
    ? tokens.expectIdentifier("a column's name")
    : (tokens.acceptIdentifier('a name for the column') ?? null)
  return Object.freeze({ expression, alias })
}

function parseGrouping(tokens: TokenStream): GroupingNode {
  const { at } = tokens
  const type = tokens.accept('GROUPING', 'SETS')
    ? 'GROUPING SETS'
    : (['ROLLUP', 'CUBE'] as const).find((word) => tokens.isAt('(', 1) && tokens.accept(word))
  if (type === undefined) {
    const expression = parseExpression(tokens)
    return Object.freeze({ kind: 'expression', expression })
  }
  const sets = tokens.parenthesized(() => {
    if (tokens.isAt('(') && tokens.isAt(')', 1)) {
      tokens.advance()
      tokens.advance()
      return Object.freeze([])
    }
    const expression = parseExpression(tokens)
    return expression.kind === 'row' ? expression.items : Object.freeze([expression])
  })
  return Object.freeze({ kind: 'grouping-sets', at, type, sets })
}

/** Hints between `/*+` and its end; a table's name and SELECT may have them. */
export function parseHints(tokens: TokenStream): readonly HintNode[] {
  if (!tokens.isAt('/*+')) return Object.freeze([])
  tokens.advance()
  const hints = tokens.commaSeparated((): HintNode => {
    const { at } = tokens
    const name = tokens.expectIdentifier("a hint's name").text.toUpperCase()
    const options = tokens.isAt('(')
      ? tokens.parenthesized(() => {
          const key = tokens.acceptString()?.text ?? tokens.expectIdentifier('a table').text
          return Object.freeze({ key, value: tokens.accept('=') ? tokens.expectString().text : null })
        })
      : []
    return Object.freeze({ kind: 'hint', at, name, options: Object.freeze(options) })
  })
  tokens.expect('*/')
  return hints
}
