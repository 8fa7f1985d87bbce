/** CREATE TABLE and CREATE VIEW. */
import type {
  ColumnDefinition,
  CreateTable,
  CreateView,
  PrimaryKeyDefinition,
  PropertyNode,
  Statement,
  WatermarkDefinition,
} from './ast-statement.js'
import { parseExpression } from './parse-expression.js'
import { parseQuery } from './parse-query.js'
import { parseType } from './parse-type.js'
import { syntaxError } from './sql-errors.js'
import type { Position } from './source-text.js'
import type { TokenStream } from './token-stream.js'

const REFUSED = ['CATALOG', 'DATABASE', 'FUNCTION', 'MODEL', 'MATERIALIZED', 'OR', 'CONNECTION']

/** Behind CREATE. */
export function parseCreate(tokens: TokenStream, at: Position): Statement {
  for (const word of REFUSED) if (tokens.isAt(word)) throw tokens.refuse(`the statement CREATE ${word === 'OR' ? 'OR REPLACE' : word}.`, at)
  const temporary = tokens.accept('TEMPORARY')
  for (const word of ['FUNCTION', 'SYSTEM', 'MODEL'])
    if (tokens.isAt(word)) throw tokens.refuse(`the statement CREATE TEMPORARY ${word}.`, at)
  if (tokens.accept('VIEW')) return parseCreateView(tokens, at, temporary)
  tokens.expect('TABLE')
  return parseCreateTable(tokens, at, temporary)
}

function parseCreateView(tokens: TokenStream, at: Position, temporary: boolean): CreateView {
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

function parseCreateTable(tokens: TokenStream, at: Position, temporary: boolean): CreateTable {
  const ifNotExists = tokens.accept('IF', 'NOT', 'EXISTS')
  const name = tokens.expectCompoundIdentifier("the table's name")
  const columns: ColumnDefinition[] = []
  const watermarks: WatermarkDefinition[] = []
  const keys: PrimaryKeyDefinition[] = []
  if (tokens.accept('(')) {
    if (!tokens.isAt(')')) {
      do {
        if (tokens.isAt('WATERMARK') && tokens.isAt('FOR', 1)) watermarks.push(parseWatermark(tokens))
        else if (tokens.isAt('PRIMARY') || tokens.isAt('CONSTRAINT')) keys.push(parsePrimaryKey(tokens))
        else if (tokens.isAt('UNIQUE') && tokens.isAt('(', 1)) throw tokens.refuse('UNIQUE constraints.')
        else columns.push(parseColumn(tokens, keys))
      } while (tokens.accept(','))
    }
    tokens.expect(')')
  }
  if (keys.length > 1) throw syntaxError(tokens.source, (keys[1] as PrimaryKeyDefinition).at, 'a table has one primary key.')
  const comment = tokens.accept('COMMENT') ? tokens.expectString('a comment').text : null
  if (tokens.isAt('DISTRIBUTED')) throw tokens.refuse('DISTRIBUTED BY.')
  const partitionedBy = tokens.accept('PARTITIONED', 'BY') ? tokens.parenthesized(() => tokens.expectIdentifier("a column's name")) : []
  const options = tokens.accept('WITH') ? tokens.parenthesized(() => parseProperty(tokens)) : []
  if (tokens.isAt('LIKE')) throw tokens.refuse('CREATE TABLE … LIKE.')
  if (tokens.isAt('AS')) throw tokens.refuse('CREATE TABLE … AS SELECT.', tokens.at, 'Use CREATE TABLE with its columns, then INSERT INTO.')
  return Object.freeze({
    kind: 'create-table',
    at,
    temporary,
    ifNotExists,
    name,
    columns: Object.freeze(columns),
    watermarks: Object.freeze(watermarks),
    primaryKey: keys[0] ?? null,
    comment,
    partitionedBy: Object.freeze(partitionedBy),
    options: Object.freeze(options),
  })
}

function parseColumn(tokens: TokenStream, keys: PrimaryKeyDefinition[]): ColumnDefinition {
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
  if (primaryKey) keys.push(Object.freeze({ at: keyAt, columns: Object.freeze([name]), enforced: parseEnforced(tokens) }))
  return Object.freeze({ kind: 'physical', name, type, primaryKey, comment: comment() })
}

function parseWatermark(tokens: TokenStream): WatermarkDefinition {
  const { at } = tokens
  tokens.expect('WATERMARK', 'FOR')
  const column = tokens.expectCompoundIdentifier("the time column's name")
  tokens.expect('AS')
  const start = tokens.at.offset
  const expression = parseExpression(tokens)
  return Object.freeze({ at, column, expression, text: tokens.source.text.slice(start, tokens.endOfLast) })
}

function parsePrimaryKey(tokens: TokenStream): PrimaryKeyDefinition {
  const { at } = tokens
  if (tokens.accept('CONSTRAINT')) tokens.expectIdentifier("the constraint's name")
  if (tokens.isAt('UNIQUE')) throw tokens.refuse('UNIQUE constraints.')
  tokens.expect('PRIMARY', 'KEY')
  const columns = tokens.parenthesized(() => tokens.expectIdentifier("a column's name"))
  return Object.freeze({ at, columns, enforced: parseEnforced(tokens) })
}

/** A key is ENFORCED unless it says otherwise; that is refused when the table is created. */
function parseEnforced(tokens: TokenStream): boolean {
  if (tokens.accept('NOT', 'ENFORCED')) return false
  tokens.accept('ENFORCED')
  return true
}

/** `'key' = 'value'` */
export function parseProperty(tokens: TokenStream): PropertyNode {
  const key = tokens.expectString("a key between quotes, 'key' = 'value'")
  tokens.expect('=')
  const value = tokens.expectString('a value between quotes')
  return Object.freeze({ key: key.text, value: value.text, at: key.at })
}
