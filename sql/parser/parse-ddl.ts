/** CREATE TABLE and CREATE VIEW: columns, watermarks, keys, and what follows them. */
import type {
  ColumnDefinition,
  CreateTable,
  CreateView,
  PrimaryKeyDefinition,
  DistributionDefinition,
  LikeClause,
  LikeFeature,
  LikeMerge,
  WatermarkDefinition,
} from './ast-statement.js'
import { parseExpression } from './parse-expression.js'
import { parseOptions } from './parse-property.js'
import { parseQuery } from './parse-query.js'
import { parseType } from './parse-type.js'
import { syntaxError } from './sql-errors.js'
import type { Position } from './source-text.js'
import type { TokenStream } from './token-stream.js'

/** Behind VIEW. */
export function parseCreateView(tokens: TokenStream, at: Position, temporary: boolean): CreateView {
  const ifNotExists = tokens.accept('IF', 'NOT', 'EXISTS')
  const name = tokens.expectCompoundIdentifier("the view's name")
  const columns = tokens.isAt('(')
    ? tokens.parenthesized(() => {
        const column = tokens.expectIdentifier("a column's name")
        if (tokens.accept('COMMENT')) tokens.expectString('a comment')
        return column
      })
    : null
  const comment = tokens.accept('COMMENT') ? tokens.expectString('a comment').text : null
  tokens.expect('AS')
  const start = tokens.at.offset
  const query = parseQuery(tokens)
  return Object.freeze({
    kind: 'create-view',
    at,
    temporary,
    ifNotExists,
    name,
    columns,
    comment,
    query,
    text: tokens.source.text.slice(start, tokens.endOfLast),
  })
}

/** Behind TABLE. */
export function parseCreateTable(tokens: TokenStream, at: Position, temporary: boolean, replace: CreateTable['replace']): CreateTable {
  const ifNotExists = tokens.accept('IF', 'NOT', 'EXISTS')
  const name = tokens.expectCompoundIdentifier("the table's name")
  const columns: ColumnDefinition[] = []
  const watermarks: WatermarkDefinition[] = []
  const keys: PrimaryKeyDefinition[] = []
  if (tokens.accept('(')) {
    if (!tokens.isAt(')')) {
      do {
        if (atWatermark(tokens)) watermarks.push(parseWatermark(tokens))
        else if (atConstraint(tokens)) keys.push(parsePrimaryKey(tokens))
        else if (tokens.atIdentifier() && (tokens.isAt(',', 1) || tokens.isAt(')', 1)))
          columns.push(Object.freeze({ kind: 'named', name: tokens.expectIdentifier("a column's name") }))
        else columns.push(parseColumn(tokens, keys))
      } while (tokens.accept(','))
    }
    tokens.expect(')')
  }
  const primaryKey = onlyKey(tokens, keys)
  const comment = tokens.accept('COMMENT') ? tokens.expectString('a comment').text : null
  const distribution = tokens.isAt('DISTRIBUTED') ? parseDistribution(tokens) : null
  const partitionedBy = parsePartitionedBy(tokens)
  const options = parseOptions(tokens)
  const like = replace === null && tokens.isAt('LIKE') ? parseLike(tokens) : null
  if (replace !== null && !tokens.isAt('AS')) tokens.expect('AS')
  const query = like === null && tokens.accept('AS') ? parseQuery(tokens) : null
  const bare = columns.find(({ kind }) => kind === 'named')
  if (bare !== undefined && query === null)
    throw syntaxError(
      tokens.source,
      bare.name.at,
      `column '${bare.name.text}' has no data type.`,
      `Write \`${bare.name.text}\` STRING, say.`,
    )
  return Object.freeze({
    kind: 'create-table',
    at,
    replace,
    temporary,
    ifNotExists,
    name,
    columns: Object.freeze(columns),
    watermarks: Object.freeze(watermarks),
    primaryKey,
    comment,
    distribution,
    partitionedBy,
    options,
    like,
    query,
  })
}

export function atWatermark(tokens: TokenStream): boolean {
  return tokens.isAt('WATERMARK') && tokens.isAt('FOR', 1)
}

export function atConstraint(tokens: TokenStream): boolean {
  return tokens.isAt('PRIMARY') || tokens.isAt('CONSTRAINT') || (tokens.isAt('UNIQUE') && tokens.isAt('(', 1))
}

/** @throws SQL_SYNTAX when there are two */
export function onlyKey(tokens: TokenStream, keys: readonly PrimaryKeyDefinition[]): PrimaryKeyDefinition | null {
  if (keys.length > 1) throw syntaxError(tokens.source, (keys[1] as PrimaryKeyDefinition).at, 'a table has one primary key.')
  return keys[0] ?? null
}

/** `DISTRIBUTED [BY [HASH | RANGE] (a, …)] [INTO n BUCKETS]`; ALTER TABLE says DISTRIBUTION. */
export function parseDistribution(tokens: TokenStream): DistributionDefinition {
  const { at } = tokens
  tokens.advance()
  let strategy: DistributionDefinition['strategy'] = null
  let columns: DistributionDefinition['columns'] = Object.freeze([])
  if (tokens.accept('BY')) {
    strategy = tokens.accept('HASH') ? 'HASH' : tokens.accept('RANGE') ? 'RANGE' : null
    columns = tokens.parenthesized(() => tokens.expectIdentifier("a column's name"))
  }
  let buckets: number | null = null
  if (columns.length === 0 || tokens.isAt('INTO')) {
    tokens.expect('INTO')
    const { token } = tokens
    tokens.wish('a number')
    if (token.kind !== 'number' || !/^\d{1,9}$/.test(token.text)) throw tokens.unexpected()
    tokens.advance()
    buckets = Number(token.text)
    if (buckets === 0) throw syntaxError(tokens.source, token.at, 'a distribution has at least one bucket.')
    tokens.expect('BUCKETS')
  }
  return Object.freeze({ at, strategy, columns, buckets })
}

export function parsePartitionedBy(tokens: TokenStream): CreateTable['partitionedBy'] {
  return tokens.accept('PARTITIONED', 'BY') ? tokens.parenthesized(() => tokens.expectIdentifier("a column's name")) : Object.freeze([])
}

const FEATURES: readonly LikeFeature[] = [
  'ALL',
  'CONSTRAINTS',
  'DISTRIBUTION',
  'GENERATED',
  'METADATA',
  'OPTIONS',
  'PARTITIONS',
  'WATERMARKS',
]

/** `LIKE t [(INCLUDING ALL EXCLUDING OPTIONS …)]` */
function parseLike(tokens: TokenStream): LikeClause {
  const { at } = tokens.expect('LIKE')
  const table = tokens.expectCompoundIdentifier("a table's name")
  const options: LikeClause['options'][number][] = []
  if (tokens.accept('(')) {
    while (!tokens.isAt(')')) {
      const optionAt = tokens.at
      const merge = (['INCLUDING', 'EXCLUDING', 'OVERWRITING'] satisfies LikeMerge[]).find((word) => tokens.accept(word))
      if (merge === undefined) throw tokens.unexpected()
      const feature = FEATURES.find((word) => tokens.accept(word))
      if (feature === undefined) throw tokens.unexpected()
      if (options.some((other) => other.feature === feature))
        throw syntaxError(tokens.source, optionAt, `LIKE says twice what becomes of ${feature}.`)
      if (merge === 'OVERWRITING' && ['ALL', 'CONSTRAINTS', 'DISTRIBUTION', 'PARTITIONS'].includes(feature))
        throw syntaxError(tokens.source, optionAt, `OVERWRITING ${feature} is not possible.`, 'INCLUDING or EXCLUDING it is.')
      options.push(Object.freeze({ at: optionAt, merge, feature }))
    }
    tokens.expect(')')
  }
  return Object.freeze({ at, table, options: Object.freeze(options) })
}

export function parseColumn(tokens: TokenStream, keys: PrimaryKeyDefinition[]): ColumnDefinition {
  const name = tokens.expectIdentifier("a column's name")
  const comment = (): string | null => (tokens.accept('COMMENT') ? tokens.expectString('a comment').text : null)
  if (tokens.accept('AS')) {
    const start = tokens.at.offset
    const expression = parseExpression(tokens)
    const text = tokens.source.text.slice(start, tokens.endOfLast)
    return Object.freeze({ kind: 'computed', name, expression, text, comment: comment() })
  }
  const type = parseType(tokens)
  if (tokens.accept('METADATA')) {
    const from = tokens.accept('FROM') ? tokens.expectString('a metadata key').text : null
    const virtual = tokens.accept('VIRTUAL')
    return Object.freeze({ kind: 'metadata', name, type, from, virtual, comment: comment() })
  }
  const keyAt = tokens.at
  const primaryKey = tokens.accept('PRIMARY', 'KEY')
  if (primaryKey) keys.push(Object.freeze({ at: keyAt, constraint: null, columns: Object.freeze([name]), enforced: parseEnforced(tokens) }))
  return Object.freeze({ kind: 'physical', name, type, primaryKey, comment: comment() })
}

export function parseWatermark(tokens: TokenStream): WatermarkDefinition {
  const { at } = tokens
  tokens.expect('WATERMARK', 'FOR')
  const column = tokens.expectCompoundIdentifier("the time column's name")
  tokens.expect('AS')
  const start = tokens.at.offset
  const expression = parseExpression(tokens)
  return Object.freeze({ at, column, expression, text: tokens.source.text.slice(start, tokens.endOfLast) })
}

export function parsePrimaryKey(tokens: TokenStream): PrimaryKeyDefinition {
  const { at } = tokens
  const constraint = tokens.accept('CONSTRAINT') ? tokens.expectIdentifier("the constraint's name").text : null
  if (tokens.isAt('UNIQUE')) throw tokens.refuse('UNIQUE constraints.')
  tokens.expect('PRIMARY', 'KEY')
  const columns = tokens.parenthesized(() => tokens.expectIdentifier("a column's name"))
  return Object.freeze({ at, constraint, columns, enforced: parseEnforced(tokens) })
}

/** A key is ENFORCED unless it says otherwise; that is refused when the table is created. */
function parseEnforced(tokens: TokenStream): boolean {
  if (tokens.accept('NOT', 'ENFORCED')) return false
  tokens.accept('ENFORCED')
  return true
}
