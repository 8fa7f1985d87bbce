/** Statements by their first words. What the dialect has and Weft does not execute is refused by name, at its place. */
import type { Explain, Insert, ScriptStatement, Show, Statement, StatementSet } from './ast-statement.js'
import { parseCreate, parseProperty } from './parse-ddl.js'
import { parseQuery, startsQuery } from './parse-query.js'
import { tokenize } from './lexer.js'
import { SourceText } from './source-text.js'
import { TokenStream } from './token-stream.js'

/** First words of statements that are known and refused. */
const REFUSED = new Set([
  'ALTER',
  'ANALYZE',
  'ADD',
  'CALL',
  'CLEAR',
  'COMPILE',
  'DELETE',
  'EXIT',
  'HELP',
  'LOAD',
  'QUIT',
  'REMOVE',
  'REPLACE',
  'SOURCE',
  'STOP',
  'TRUNCATE',
  'UNLOAD',
  'UPDATE',
  'USE',
])
const REFUSED_SHOW = new Set([
  'CATALOGS',
  'CATALOG',
  'DATABASES',
  'DATABASE',
  'COLUMNS',
  'CREATE',
  'CURRENT',
  'FUNCTIONS',
  'FULL',
  'JARS',
  'JOBS',
  'MODELS',
  'MODULES',
  'PARTITIONS',
  'PROCEDURES',
  'USER',
  'MATERIALIZED',
])

/** All statements of a script. @throws SQL_SYNTAX, SQL_NOT_SUPPORTED at the first that cannot be read */
export function parseScript(source: SourceText): readonly ScriptStatement[] {
  const tokens = new TokenStream(source, tokenize(source))
  const statements: ScriptStatement[] = []
  for (;;) {
    while (tokens.isAt(';')) tokens.advance()
    if (tokens.peek(0).kind === 'end') return Object.freeze(statements)
    const start = tokens.at
    const statement = parseStatement(tokens)
    statements.push(Object.freeze({ statement, start, end: tokens.endOfLast }))
    if (tokens.isAt(';') || tokens.token.kind === 'end') continue
    tokens.wish(';')
    throw tokens.unexpected()
  }
}

/** One statement, with or without a `;` behind it. */
export function parseSingleStatement(text: string, name = ''): Statement {
  const source = new SourceText(name, text)
  const [first, second] = parseScript(source)
  if (first === undefined) throw new TokenStream(source, tokenize(source)).unexpected()
  if (second !== undefined) throw new TokenStream(source, tokenize(source)).refuse('more than one statement here.', second.start)
  return first.statement
}

function parseStatement(tokens: TokenStream): Statement {
  const { at, token } = tokens
  if (startsQuery(tokens)) return Object.freeze({ kind: 'select-statement', at, query: parseQuery(tokens) })
  if (tokens.accept('CREATE')) return parseCreate(tokens, at)
  if (tokens.accept('DROP')) return parseDrop(tokens, at)
  if (tokens.isAt('INSERT')) return parseInsert(tokens)
  if (tokens.accept('EXECUTE')) {
    if (tokens.accept('STATEMENT', 'SET')) return parseStatementSet(tokens, at)
    if (tokens.isAt('PLAN')) throw tokens.refuse('EXECUTE PLAN.', at)
    if (tokens.isAt('INSERT')) return parseInsert(tokens)
    if (startsQuery(tokens)) return Object.freeze({ kind: 'select-statement', at, query: parseQuery(tokens) })
    throw tokens.unexpected()
  }
  if (tokens.accept('BEGIN')) {
    tokens.expect('STATEMENT', 'SET')
    return Object.freeze({ kind: 'begin-statement-set', at })
  }
  if (tokens.accept('END')) return Object.freeze({ kind: 'end-statement-set', at })
  if (tokens.accept('SET')) {
    const property = tokens.token.kind === 'string' ? parseProperty(tokens) : null
    if (property === null && !tokens.isAt(';') && tokens.token.kind !== 'end')
      tokens.expectString("a key between quotes, as in SET 'key' = 'value'")
    return Object.freeze({ kind: 'set', at, property })
  }
  if (tokens.accept('RESET')) return Object.freeze({ kind: 'reset', at, key: tokens.acceptString('a key between quotes')?.text ?? null })
  if (tokens.accept('SHOW')) return parseShow(tokens, at)
  if (tokens.accept('DESCRIBE') || tokens.accept('DESC')) {
    if (
      ['CATALOG', 'DATABASE', 'JOB', 'FUNCTION', 'MODEL'].some(
        (word) => tokens.isAt(word) && tokens.peek(1).kind !== 'end' && !tokens.isAt(';', 1),
      )
    ) {
      throw tokens.refuse(`DESCRIBE ${tokens.token.upper}.`, at)
    }
    if (tokens.isAt('EXTENDED') && tokens.atIdentifier(1)) throw tokens.refuse('DESCRIBE EXTENDED.', at)
    return Object.freeze({ kind: 'describe', at, name: tokens.expectCompoundIdentifier("a table's name") })
  }
  if (tokens.accept('EXPLAIN')) return parseExplain(tokens, at)
  if (token.kind === 'word' && REFUSED.has(token.upper)) {
    const second = tokens.peek(1)
    throw tokens.refuse(`the statement ${token.upper}${second.kind === 'word' && second.upper.length > 1 ? ` ${second.upper}` : ''}.`)
  }
  for (const word of ['SELECT', 'WITH', 'VALUES']) tokens.wish(word)
  throw tokens.unexpected()
}

function parseDrop(tokens: TokenStream, at: Statement['at']): Statement {
  const temporary = tokens.accept('TEMPORARY')
  for (const word of ['CATALOG', 'DATABASE', 'FUNCTION', 'MODEL', 'MATERIALIZED', 'SYSTEM', 'CONNECTION']) {
    if (tokens.isAt(word)) throw tokens.refuse(`the statement DROP ${word}.`, at)
  }
  const object = tokens.accept('TABLE') ? 'TABLE' : (tokens.expect('VIEW'), 'VIEW' as const)
  const ifExists = tokens.accept('IF', 'EXISTS')
  return Object.freeze({
    kind: 'drop',
    at,
    object,
    temporary,
    ifExists,
    name: tokens.expectCompoundIdentifier(`the ${object.toLowerCase()}'s name`),
  })
}

function parseInsert(tokens: TokenStream): Insert {
  const at = tokens.expect('INSERT').at
  const overwrite = tokens.accept('OVERWRITE')
  if (!overwrite) tokens.expect('INTO')
  const table = tokens.expectCompoundIdentifier("the table's name")
  if (tokens.isAt('PARTITION')) throw tokens.refuse('INSERT … PARTITION (…).')
  const columns = tokens.isAt('(') && !startsQuery(tokens) ? tokens.parenthesized(() => tokens.expectIdentifier("a column's name")) : null
  if (!startsQuery(tokens)) {
    for (const word of ['SELECT', 'VALUES', 'WITH', '(']) tokens.wish(word)
    throw tokens.unexpected()
  }
  const query = parseQuery(tokens)
  if (tokens.isAtAll('ON', 'CONFLICT')) throw tokens.refuse('INSERT … ON CONFLICT.')
  return Object.freeze({ kind: 'insert', at, overwrite, table, columns, query })
}

/** Behind STATEMENT SET: `BEGIN insert; insert; END` */
function parseStatementSet(tokens: TokenStream, at: Statement['at']): StatementSet {
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

function parseShow(tokens: TokenStream, at: Statement['at']): Show {
  const { token } = tokens
  if (token.kind === 'word' && REFUSED_SHOW.has(token.upper)) throw tokens.refuse(`the statement SHOW ${token.upper}.`, at)
  const object = tokens.accept('TABLES') ? 'TABLES' : (tokens.expect('VIEWS'), 'VIEWS' as const)
  if (tokens.isAt('FROM') || tokens.isAt('IN')) throw tokens.refuse(`SHOW ${object} ${tokens.token.upper}.`)
  const negated = tokens.accept('NOT')
  const operator = tokens.accept('LIKE') ? 'LIKE' : tokens.accept('ILIKE') ? 'ILIKE' : undefined
  if (negated && operator === undefined) throw tokens.unexpected()
  const pattern = operator === undefined ? null : Object.freeze({ text: tokens.expectString('a pattern').text, operator, negated })
  return Object.freeze({ kind: 'show', at, object, pattern })
}

function parseExplain(tokens: TokenStream, at: Statement['at']): Explain {
  const details: string[] = []
  if (!tokens.accept('PLAN', 'FOR')) {
    for (const detail of ['ESTIMATED_COST', 'CHANGELOG_MODE', 'JSON_EXECUTION_PLAN', 'PLAN_ADVICE']) tokens.wish(detail)
    while (['ESTIMATED_COST', 'CHANGELOG_MODE', 'JSON_EXECUTION_PLAN', 'PLAN_ADVICE'].includes(tokens.token.upper)) {
      const detailAt = tokens.at
      const detail = tokens.advance().upper
      if (detail !== 'CHANGELOG_MODE')
        throw tokens.refuse(`EXPLAIN ${detail}.`, detailAt, 'EXPLAIN CHANGELOG_MODE and plain EXPLAIN are there.')
      details.push(detail)
      if (!tokens.accept(',')) break
    }
  }
  const inner = tokens.at
  const statement = startsQuery(tokens)
    ? Object.freeze({ kind: 'select-statement' as const, at: inner, query: parseQuery(tokens) })
    : tokens.accept('STATEMENT', 'SET') || tokens.accept('EXECUTE', 'STATEMENT', 'SET')
      ? parseStatementSet(tokens, inner)
      : parseInsert(tokens)
  return Object.freeze({ kind: 'explain', at, details: Object.freeze(details), statement })
}
