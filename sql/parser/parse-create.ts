/** CREATE of everything but tables and views: catalogs, databases, functions, models, materialized tables. */
import type { CreateCatalog, CreateDatabase, CreateFunction, CreateMaterializedTable, CreateModel, Statement } from './ast-statement.js'
import { parseExpression } from './parse-expression.js'
import { parseColumn, parseCreateTable, parseCreateView, parsePartitionedBy } from './parse-ddl.js'
import { parseOptions } from './parse-property.js'
import { parseQuery } from './parse-query.js'
import { syntaxError } from './sql-errors.js'
import type { Position } from './source-text.js'
import type { TokenStream } from './token-stream.js'

/** Behind CREATE. */
export function parseCreate(tokens: TokenStream, at: Position): Statement {
  if (tokens.accept('OR')) {
    tokens.expect('REPLACE')
    tokens.expect('TABLE')
    return parseCreateTable(tokens, at, false, 'CREATE OR REPLACE')
  }
  if (tokens.accept('CATALOG')) return parseCatalog(tokens, at)
  if (tokens.accept('DATABASE')) return parseDatabase(tokens, at)
  if (tokens.accept('MATERIALIZED')) {
    tokens.expect('TABLE')
    return parseMaterializedTable(tokens, at)
  }
  const temporary = tokens.accept('TEMPORARY')
  if (temporary && tokens.accept('SYSTEM')) {
    tokens.expect('FUNCTION')
    return parseFunction(tokens, at, true, true)
  }
  if (tokens.accept('FUNCTION')) return parseFunction(tokens, at, temporary, false)
  if (tokens.accept('MODEL')) return parseModel(tokens, at, temporary)
  if (tokens.accept('VIEW')) return parseCreateView(tokens, at, temporary)
  tokens.expect('TABLE')
  return parseCreateTable(tokens, at, temporary, null)
}

export function parseIfNotExists(tokens: TokenStream): boolean {
  return tokens.accept('IF', 'NOT', 'EXISTS')
}

export function parseComment(tokens: TokenStream): string | null {
  return tokens.accept('COMMENT') ? tokens.expectString('a comment').text : null
}

function parseCatalog(tokens: TokenStream, at: Position): CreateCatalog {
  const ifNotExists = parseIfNotExists(tokens)
  const name = tokens.expectIdentifier("the catalog's name")
  const comment = parseComment(tokens)
  return Object.freeze({ kind: 'create-catalog', at, ifNotExists, name, comment, options: parseOptions(tokens) })
}

function parseDatabase(tokens: TokenStream, at: Position): CreateDatabase {
  const ifNotExists = parseIfNotExists(tokens)
  const name = tokens.expectCompoundIdentifier("the database's name")
  const comment = parseComment(tokens)
  return Object.freeze({ kind: 'create-database', at, ifNotExists, name, comment, options: parseOptions(tokens) })
}

/** `AS 'class' [LANGUAGE word] [USING JAR 'path', …] [WITH (…)]` */
function parseFunction(tokens: TokenStream, at: Position, temporary: boolean, system: boolean): CreateFunction {
  const ifNotExists = parseIfNotExists(tokens)
  const name = tokens.expectCompoundIdentifier("the function's name")
  tokens.expect('AS')
  const { text, at: textAt } = tokens.expectString("'module#export' or a class between quotes")
  const language = tokens.accept('LANGUAGE') ? parseLanguage(tokens) : null
  const resources: CreateFunction['resources'][number][] = []
  if (tokens.accept('USING')) {
    do {
      const kind = ['JAR', 'FILE', 'ARCHIVE'].find((word) => tokens.accept(word))
      if (kind === undefined) throw tokens.unexpected()
      const path = tokens.expectString('a path between quotes')
      resources.push(Object.freeze({ kind, path: path.text, at: path.at }))
    } while (tokens.accept(','))
  }
  return Object.freeze({
    kind: 'create-function',
    at,
    temporary,
    system,
    ifNotExists,
    name,
    implementation: Object.freeze({ text, at: textAt }),
    language,
    resources: Object.freeze(resources),
    options: parseOptions(tokens),
  })
}

/** @throws SQL_SYNTAX for a language that there is not */
export function parseLanguage(tokens: TokenStream): CreateFunction['language'] {
  for (const language of ['TYPESCRIPT', 'JAVASCRIPT', 'JAVA', 'SCALA', 'PYTHON', 'SQL']) {
    const { at } = tokens
    if (tokens.accept(language)) return Object.freeze({ text: language, at })
  }
  throw tokens.unexpected()
}

function parseModel(tokens: TokenStream, at: Position, temporary: boolean): CreateModel {
  const ifNotExists = parseIfNotExists(tokens)
  const name = tokens.expectCompoundIdentifier("the model's name")
  const columns = (word: string) => (tokens.accept(word) ? tokens.parenthesized(() => parseColumn(tokens, [])) : Object.freeze([]))
  const input = columns('INPUT')
  const output = columns('OUTPUT')
  const comment = parseComment(tokens)
  return Object.freeze({ kind: 'create-model', at, temporary, ifNotExists, name, input, output, comment, options: parseOptions(tokens) })
}

function parseMaterializedTable(tokens: TokenStream, at: Position): CreateMaterializedTable {
  const name = tokens.expectCompoundIdentifier("the materialized table's name")
  if (tokens.isAt('(')) throw tokens.refuse('a schema of a materialized table.', tokens.at, 'Leave it out: it follows from the query.')
  const comment = parseComment(tokens)
  const partitionedBy = parsePartitionedBy(tokens)
  const options = parseOptions(tokens)
  const freshness = tokens.accept('FRESHNESS') ? (tokens.expect('='), parseExpression(tokens)) : null
  let refreshMode: CreateMaterializedTable['refreshMode'] = null
  if (tokens.accept('REFRESH_MODE')) {
    tokens.expect('=')
    refreshMode = tokens.accept('FULL') ? 'FULL' : (tokens.expect('CONTINUOUS'), 'CONTINUOUS')
  }
  tokens.expect('AS')
  const query = parseQuery(tokens)
  if (freshness !== null && freshness.kind !== 'interval')
    throw syntaxError(tokens.source, freshness.at, 'FRESHNESS is an interval.', "Write FRESHNESS = INTERVAL '1' MINUTE.")
  return Object.freeze({ kind: 'create-materialized-table', at, name, partitionedBy, comment, options, freshness, refreshMode, query })
}
