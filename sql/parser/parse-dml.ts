/** What changes tables: INSERT, statement sets, DELETE, UPDATE, TRUNCATE, compiled plans. */
import type { CompilePlan, Delete, Insert, PartitionSpec, StatementSet, TruncateTable, Update } from './ast-statement.js'
import { parseExpression } from './parse-expression.js'
import { parsePartitionSpec } from './parse-property.js'
import { parseQuery, startsQuery } from './parse-query.js'
import type { Position } from './source-text.js'
import type { TokenStream } from './token-stream.js'

/** `INSERT INTO | OVERWRITE t [PARTITION (…)] [(columns)] query [ON CONFLICT DO …]` */
export function parseInsert(tokens: TokenStream): Insert {
  const at = tokens.expect('INSERT').at
  const overwrite = tokens.accept('OVERWRITE')
  if (!overwrite) tokens.expect('INTO')
  const table = tokens.expectCompoundIdentifier("the table's name")
  const partition: PartitionSpec = tokens.accept('PARTITION') ? parsePartitionSpec(tokens) : Object.freeze([])
  const columns = tokens.isAt('(') && !startsQuery(tokens) ? tokens.parenthesized(() => tokens.expectIdentifier("a column's name")) : null
  if (!startsQuery(tokens)) {
    for (const word of ['SELECT', 'VALUES', 'WITH', '(']) tokens.wish(word)
    throw tokens.unexpected()
  }
  const query = parseQuery(tokens)
  return Object.freeze({ kind: 'insert', at, overwrite, table, partition, columns, query, onConflict: parseOnConflict(tokens) })
}

function parseOnConflict(tokens: TokenStream): Insert['onConflict'] {
  const { at } = tokens
  if (!tokens.accept('ON', 'CONFLICT')) return null
  tokens.expect('DO')
  const action = (['ERROR', 'NOTHING', 'DEDUPLICATE'] as const).find((word) => tokens.accept(word))
  if (action === undefined) throw tokens.unexpected()
  return Object.freeze({ at, action })
}

/** Behind STATEMENT SET: `BEGIN insert; insert; END` */
export function parseStatementSet(tokens: TokenStream, at: Position): StatementSet {
  tokens.expect('BEGIN')
  const inserts: Insert[] = []
  while (!tokens.isAt('END')) {
    if (tokens.isAt('INSERT')) inserts.push(parseInsert(tokens))
    else tokens.expect('INSERT')
    tokens.expect(';')
  }
  tokens.wish('INSERT')
  if (inserts.length === 0) throw tokens.unexpected()
  tokens.expect('END')
  return Object.freeze({ kind: 'statement-set', at, inserts: Object.freeze(inserts) })
}

/** Behind DELETE. */
export function parseDelete(tokens: TokenStream, at: Position): Delete {
  tokens.expect('FROM')
  const table = tokens.expectCompoundIdentifier("the table's name")
  return Object.freeze({ kind: 'delete', at, table, where: tokens.accept('WHERE') ? parseExpression(tokens) : null })
}

/** Behind UPDATE. */
export function parseUpdate(tokens: TokenStream, at: Position): Update {
  const table = tokens.expectCompoundIdentifier("the table's name")
  tokens.expect('SET')
  const assignments = tokens.commaSeparated(() => {
    const column = tokens.expectIdentifier("a column's name")
    tokens.expect('=')
    return Object.freeze({ column, value: parseExpression(tokens) })
  })
  return Object.freeze({ kind: 'update', at, table, assignments, where: tokens.accept('WHERE') ? parseExpression(tokens) : null })
}

/** Behind TRUNCATE. */
export function parseTruncate(tokens: TokenStream, at: Position): TruncateTable {
  tokens.expect('TABLE')
  return Object.freeze({ kind: 'truncate', at, table: tokens.expectCompoundIdentifier("the table's name") })
}

/** Behind COMPILE: `[AND EXECUTE] PLAN 'path' [IF NOT EXISTS] FOR insert | STATEMENT SET …` */
export function parseCompilePlan(tokens: TokenStream, at: Position): CompilePlan {
  const execute = tokens.accept('AND', 'EXECUTE')
  tokens.expect('PLAN')
  const path = tokens.expectString("the plan's path between quotes").text
  const ifNotExists = tokens.accept('IF', 'NOT', 'EXISTS')
  tokens.expect('FOR')
  const inner = tokens.at
  const statement = tokens.accept('STATEMENT', 'SET') ? parseStatementSet(tokens, inner) : parseInsert(tokens)
  return Object.freeze({ kind: 'compile-plan', at, execute, path, ifNotExists, statement })
}
