/** MATCH_RECOGNIZE: what a table is searched for. */
import type { ExpressionNode, SortItemNode } from './ast-expression.js'
import type { AliasNode, MatchNode, MatchSkip, PatternNode, TableNode } from './ast-query.js'
import { parseSortItem } from './parse-call.js'
import { parseExpression } from './parse-expression.js'
import { syntaxError } from './sql-errors.js'
import type { Name, TokenStream } from './token-stream.js'

/** At MATCH_RECOGNIZE, behind the table. */
export function parseMatch(tokens: TokenStream, input: TableNode, parseAlias: () => AliasNode | null): MatchNode {
  const { at } = tokens.expect('MATCH_RECOGNIZE')
  tokens.expect('(')
  const partitionBy: readonly ExpressionNode[] = tokens.accept('PARTITION', 'BY')
    ? tokens.commaSeparated(() => parseExpression(tokens))
    : Object.freeze([])
  const orderBy: readonly SortItemNode[] = tokens.accept('ORDER', 'BY')
    ? tokens.commaSeparated(() => parseSortItem(tokens))
    : Object.freeze([])
  const measures = tokens.accept('MEASURES') ? tokens.commaSeparated(() => parseMeasure(tokens)) : Object.freeze([])
  let rows: MatchNode['rows'] = 'ONE'
  if (tokens.accept('ALL', 'ROWS', 'PER', 'MATCH')) rows = 'ALL'
  else tokens.accept('ONE', 'ROW', 'PER', 'MATCH')
  const skip = tokens.accept('AFTER', 'MATCH') ? parseSkip(tokens) : Object.freeze({ kind: 'TO NEXT ROW' as const })
  tokens.expect('PATTERN')
  tokens.expect('(')
  const start = tokens.accept('^')
  const pattern = parseAlternatives(tokens)
  const end = tokens.accept('$')
  tokens.expect(')')
  const within = tokens.accept('WITHIN') ? parseExpression(tokens) : null
  const subsets = tokens.accept('SUBSET') ? tokens.commaSeparated(() => parseSubset(tokens)) : Object.freeze([])
  tokens.expect('DEFINE')
  const define = tokens.commaSeparated(() => {
    const name = variable(tokens)
    tokens.expect('AS')
    return Object.freeze({ name, condition: parseExpression(tokens) })
  })
  tokens.expect(')')
  return Object.freeze({
    kind: 'match',
    at,
    input,
    partitionBy,
    orderBy,
    measures,
    rows,
    skip,
    pattern,
    anchored: Object.freeze({ start, end }),
    within,
    subsets,
    define,
    alias: parseAlias(),
  })
}

function variable(tokens: TokenStream): Name {
  return tokens.expectIdentifier("a pattern variable's name")
}

function parseMeasure(tokens: TokenStream): MatchNode['measures'][number] {
  const final = tokens.isAt('FINAL') && tokens.peek(1).kind === 'word'
  if (final || (tokens.isAt('RUNNING') && tokens.peek(1).kind === 'word')) tokens.advance()
  const expression = parseExpression(tokens)
  tokens.expect('AS')
  return Object.freeze({ expression, alias: tokens.expectIdentifier("the measure's name"), final })
}

function parseSkip(tokens: TokenStream): MatchSkip {
  tokens.expect('SKIP')
  if (tokens.accept('PAST', 'LAST', 'ROW')) return Object.freeze({ kind: 'PAST LAST ROW' })
  if (!tokens.isAt('TO')) throw tokens.unexpected()
  tokens.expect('TO')
  if (tokens.accept('NEXT', 'ROW')) return Object.freeze({ kind: 'TO NEXT ROW' })
  if (tokens.accept('FIRST')) return Object.freeze({ kind: 'TO FIRST', variable: variable(tokens) })
  tokens.accept('LAST')
  return Object.freeze({ kind: 'TO LAST', variable: variable(tokens) })
}

function parseSubset(tokens: TokenStream): MatchNode['subsets'][number] {
  const name = variable(tokens)
  tokens.expect('=')
  return Object.freeze({ name, of: tokens.parenthesized(() => variable(tokens)) })
}

/** `A B | C` */
function parseAlternatives(tokens: TokenStream): PatternNode {
  const parts = [parseSequence(tokens)]
  while (tokens.accept('|')) parts.push(parseSequence(tokens))
  return parts.length === 1 ? (parts[0] as PatternNode) : Object.freeze({ kind: 'alternatives', parts: Object.freeze(parts) })
}

function parseSequence(tokens: TokenStream): PatternNode {
  const parts = [parseRepeat(tokens)]
  while (tokens.atIdentifier() || tokens.isAt('(') || tokens.isAt('{-') || (tokens.isAt('PERMUTE') && tokens.isAt('(', 1)))
    parts.push(parseRepeat(tokens))
  return parts.length === 1 ? (parts[0] as PatternNode) : Object.freeze({ kind: 'sequence', parts: Object.freeze(parts) })
}

/** `A`, `A*`, `A+?`, `A{2,4}` */
function parseRepeat(tokens: TokenStream): PatternNode {
  const part = parsePart(tokens)
  let least: number
  let most: number | null
  if (tokens.accept('*')) [least, most] = [0, null]
  else if (tokens.accept('+')) [least, most] = [1, null]
  else if (tokens.accept('?')) [least, most] = [0, 1]
  else if (tokens.isAt('{')) [least, most] = parseBraces(tokens)
  else return part
  const greedy = !tokens.accept('?')
  return Object.freeze({ kind: 'repeat', part, least, most, greedy })
}

/** `{n}`, `{n,}`, `{n,m}`, `{,m}` */
function parseBraces(tokens: TokenStream): [number, number | null] {
  const { at } = tokens.expect('{')
  const count = (): number | undefined => {
    tokens.wish('a number')
    const { token } = tokens
    return token.kind === 'number' && /^\d{1,9}$/.test(token.text) ? Number(tokens.advance().text) : undefined
  }
  const first = count()
  if (first !== undefined && tokens.accept('}')) return [first, first]
  tokens.expect(',')
  const second = count()
  if (first === undefined && second === undefined) throw tokens.unexpected()
  tokens.expect('}')
  if (second !== undefined && second < (first ?? 0))
    throw syntaxError(tokens.source, at, `between ${first} and ${second} there is nothing.`)
  return [first ?? 0, second ?? null]
}

function parsePart(tokens: TokenStream): PatternNode {
  return tokens.nested(() => {
    if (tokens.accept('(')) {
      const inner = parseAlternatives(tokens)
      tokens.expect(')')
      return inner
    }
    if (tokens.accept('{-')) {
      const part = parseAlternatives(tokens)
      tokens.expect('-}')
      return Object.freeze({ kind: 'exclusion', part })
    }
    if (tokens.isAt('PERMUTE') && tokens.isAt('(', 1)) {
      tokens.advance()
      return Object.freeze({ kind: 'permutation', parts: tokens.parenthesized(() => parseAlternatives(tokens)) })
    }
    return Object.freeze({ kind: 'variable', name: variable(tokens) })
  })
}
