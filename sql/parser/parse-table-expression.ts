/** The FROM clause: tables, sub-queries, table functions and their joins. */
import type { AliasNode, JoinNode, TableNode } from './ast-query.js'
import type { CallNode } from './ast-expression.js'
import { parseCall } from './parse-call.js'
import { parseExpression } from './parse-expression.js'
import { parseMatch } from './parse-match.js'
import { parseHints, parseQuery, startsQuery } from './parse-query.js'
import type { Name, TokenStream } from './token-stream.js'

/** Words that would otherwise be taken for an alias. */
const NO_ALIAS = new Set(['MATCH_RECOGNIZE', 'LEFT', 'RIGHT', 'FULL', 'CROSS', 'INNER', 'JOIN', 'NATURAL', 'TABLESAMPLE'])

/** Tables joined by commas and JOINs, all to the left. */
export function parseTableExpression(tokens: TokenStream): TableNode {
  const { at } = tokens
  let left = parseJoins(tokens)
  while (tokens.accept(',')) {
    const right = parseJoins(tokens)
    left = Object.freeze({ kind: 'join', at, type: 'CROSS', natural: false, left, right, on: null, using: null })
  }
  return left
}

function parseJoins(tokens: TokenStream): TableNode {
  const { at } = tokens
  let left = parseTablePrimary(tokens)
  for (;;) {
    const natural = tokens.accept('NATURAL')
    const type = parseJoinType(tokens)
    if (type === undefined) {
      if (natural) throw tokens.unexpected()
      return left
    }
    const right = parseTablePrimary(tokens)
    let on: JoinNode['on'] = null
    let using: JoinNode['using'] = null
    if (type !== 'CROSS' && !natural) {
      if (tokens.accept('USING')) using = tokens.parenthesized(() => tokens.expectIdentifier("a column's name"))
      else {
        tokens.expect('ON')
        on = parseExpression(tokens)
      }
    }
    left = Object.freeze({ kind: 'join', at, type, natural, left, right, on, using })
  }
}

function parseJoinType(tokens: TokenStream): JoinNode['type'] | undefined {
  if (tokens.accept('JOIN')) return 'INNER'
  if (tokens.accept('INNER')) {
    tokens.expect('JOIN')
    return 'INNER'
  }
  if (tokens.accept('CROSS')) {
    tokens.expect('JOIN')
    return 'CROSS'
  }
  for (const type of ['LEFT', 'RIGHT', 'FULL'] as const) {
    if (tokens.accept(type)) {
      tokens.accept('OUTER')
      if (tokens.isAt('SEMI') || tokens.isAt('ANTI'))
        throw tokens.refuse(`${type} ${tokens.token.upper} JOIN.`, tokens.at, 'Use EXISTS or NOT EXISTS.')
      tokens.expect('JOIN')
      return type
    }
  }
  return undefined
}

function parseTablePrimary(tokens: TokenStream): TableNode {
  return tokens.nested(() => {
    const { at } = tokens
    const lateral = tokens.accept('LATERAL')
    if (tokens.isAt('TABLE') && tokens.isAt('(', 1)) {
      tokens.advance()
      tokens.expect('(')
      const call = parseTableCall(tokens)
      tokens.expect(')')
      return withMatch(tokens, Object.freeze({ kind: 'function-table', at, call, lateral, alias: parseAlias(tokens) }))
    }
    if (tokens.isAt('UNNEST')) {
      tokens.advance()
      tokens.expect('(')
      const arg = parseExpression(tokens)
      tokens.expect(')')
      const ordinality = tokens.accept('WITH', 'ORDINALITY')
      return Object.freeze({ kind: 'unnest', at, arg, ordinality, alias: parseAlias(tokens) })
    }
    if (tokens.isAt('(')) {
      if (startsQuery(tokens)) {
        tokens.advance()
        const query = parseQuery(tokens)
        tokens.expect(')')
        return withMatch(tokens, Object.freeze({ kind: 'derived-table', at, query, lateral, alias: parseAlias(tokens) }))
      }
      tokens.advance()
      const inner = parseTableExpression(tokens)
      tokens.expect(')')
      return inner
    }
    tokens.wish('a table')
    if (tokens.atIdentifier() && tokens.isAt('(', 1)) {
      const call = parseTableCall(tokens)
      return Object.freeze({ kind: 'function-table', at, call, lateral, alias: parseAlias(tokens) })
    }
    const name = tokens.expectCompoundIdentifier('a table')
    const hints = parseHints(tokens)
    let asOf = null
    if (tokens.accept('FOR')) {
      tokens.expect('SYSTEM_TIME', 'AS', 'OF')
      asOf = parseExpression(tokens)
    }
    let sampled = false
    if (tokens.accept('TABLESAMPLE')) {
      if (!tokens.accept('BERNOULLI')) tokens.expect('SYSTEM')
      tokens.parenthesized(() => parseExpression(tokens))
      sampled = true
    }
    const alias = parseAlias(tokens)
    const moreHints = parseHints(tokens)
    return withMatch(
      tokens,
      Object.freeze({ kind: 'named-table', at, name, hints: Object.freeze([...hints, ...moreHints]), asOf, sampled, alias }),
    )
  })
}

function parseTableCall(tokens: TokenStream): CallNode {
  if (tokens.token.kind === 'word' && tokens.isAt('(', 1)) {
    const { text, at } = tokens.advance()
    return parseCall(tokens, [Object.freeze({ text, at })])
  }
  const name = tokens.expectCompoundIdentifier("a table function's name")
  return parseCall(tokens, name)
}

/** `[AS] name [(columns)]` */
function parseAlias(tokens: TokenStream): AliasNode | null {
  let name: Name | undefined
  if (tokens.accept('AS')) name = tokens.expectIdentifier('a name for the table')
  else if (!NO_ALIAS.has(tokens.token.upper)) name = tokens.acceptIdentifier('a name for the table')
  if (name === undefined) return null
  const columns = tokens.isAt('(') ? tokens.parenthesized(() => tokens.expectIdentifier("a column's name")) : null
  return Object.freeze({ name, columns })
}

/** `[MATCH_RECOGNIZE (…)]` behind a table. */
function withMatch(tokens: TokenStream, table: TableNode): TableNode {
  return tokens.isAt('MATCH_RECOGNIZE') ? parseMatch(tokens, table, () => parseAlias(tokens)) : table
}
