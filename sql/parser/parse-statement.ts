/** Statements by their first words. */
import type {
  Analyze,
  Call,
  ClientCommand,
  Drop,
  DropObject,
  Jar,
  PropertyNode,
  ScriptStatement,
  Statement,
  StopJob,
} from './ast-statement.js'
import { parseAlter } from './parse-alter.js'
import { parseCall } from './parse-call.js'
import { parseCreate } from './parse-create.js'
import { parseCreateTable } from './parse-ddl.js'
import { parseCompilePlan, parseDelete, parseInsert, parseStatementSet, parseTruncate, parseUpdate } from './parse-dml.js'
import { parseOptions, parsePartitionSpec } from './parse-property.js'
import { parseQuery, startsQuery } from './parse-query.js'
import { parseDescribe, parseExplain, parseShow } from './parse-show.js'
import { tokenize } from './lexer.js'
import { SourceText, type Position } from './source-text.js'
import { syntaxError } from './sql-errors.js'
import { TokenStream, type Name } from './token-stream.js'

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

/** By the first word, which has been skipped. In the order in which an error names them. */
const BY_FIRST_WORD: Readonly<Record<string, (tokens: TokenStream, at: Position) => Statement>> = {
  CREATE: parseCreate,
  DROP: parseDrop,
  ALTER: parseAlter,
  EXECUTE: parseExecute,
  BEGIN: (tokens, at) => {
    tokens.expect('STATEMENT', 'SET')
    return Object.freeze({ kind: 'begin-statement-set', at })
  },
  END: (_tokens, at) => Object.freeze({ kind: 'end-statement-set', at }),
  SET: (tokens, at) => Object.freeze({ kind: 'set', at, property: parseSetting(tokens) }),
  RESET: (tokens, at) => {
    const quoted = tokens.acceptString('a key between quotes')
    const key = quoted?.text ?? (tokens.token.kind === 'word' ? parseBareKey(tokens) : null)
    return Object.freeze({ kind: 'reset', at, key })
  },
  USE: parseUse,
  SHOW: parseShow,
  DESCRIBE: parseDescribe,
  DESC: parseDescribe,
  EXPLAIN: parseExplain,
  DELETE: parseDelete,
  UPDATE: parseUpdate,
  TRUNCATE: parseTruncate,
  STOP: parseStopJob,
  COMPILE: parseCompilePlan,
  LOAD: (tokens, at) => {
    tokens.expect('MODULE')
    return Object.freeze({ kind: 'load-module', at, name: parseModuleName(tokens), options: parseOptions(tokens) })
  },
  UNLOAD: (tokens, at) => {
    tokens.expect('MODULE')
    return Object.freeze({ kind: 'unload-module', at, name: parseModuleName(tokens) })
  },
  ADD: (tokens, at) => parseJar(tokens, at, 'ADD'),
  REMOVE: (tokens, at) => parseJar(tokens, at, 'REMOVE'),
  CALL: parseCallProcedure,
  ANALYZE: parseAnalyze,
  REPLACE: (tokens, at) => {
    tokens.expect('TABLE')
    return parseCreateTable(tokens, at, false, 'REPLACE')
  },
  QUIT: clientCommand('QUIT'),
  EXIT: clientCommand('EXIT'),
  CLEAR: clientCommand('CLEAR'),
  HELP: clientCommand('HELP'),
  SOURCE: clientCommand('SOURCE'),
}

function parseStatement(tokens: TokenStream): Statement {
  const { at } = tokens
  if (startsQuery(tokens)) return Object.freeze({ kind: 'select-statement', at, query: parseQuery(tokens) })
  if (tokens.isAt('INSERT')) return parseInsert(tokens)
  tokens.wish('SELECT')
  tokens.wish('INSERT')
  for (const [word, parse] of Object.entries(BY_FIRST_WORD)) if (tokens.accept(word)) return parse(tokens, at)
  for (const word of ['WITH', 'VALUES']) tokens.wish(word)
  throw tokens.unexpected()
}

function parseDrop(tokens: TokenStream, at: Position): Drop | DropObject {
  const temporary = tokens.accept('TEMPORARY')
  const simple = (['TABLE', 'VIEW'] as const).find((word) => tokens.accept(word))
  if (simple !== undefined) {
    const ifExists = tokens.accept('IF', 'EXISTS')
    const name = tokens.expectCompoundIdentifier(`the ${simple.toLowerCase()}'s name`)
    return Object.freeze({ kind: 'drop', at, object: simple, temporary, ifExists, name })
  }
  const system = temporary && tokens.accept('SYSTEM')
  const words = temporary ? (['FUNCTION', 'MODEL'] as const) : (['DATABASE', 'CATALOG', 'FUNCTION', 'MODEL'] as const)
  let object = words.find((word) => tokens.accept(word)) as DropObject['object'] | undefined
  if (object === undefined) {
    if (temporary) throw tokens.unexpected()
    tokens.expect('MATERIALIZED')
    tokens.expect('TABLE')
    object = 'MATERIALIZED TABLE'
  }
  const ifExists = tokens.accept('IF', 'EXISTS')
  const what = `the ${object.toLowerCase()}'s name`
  const name = object === 'CATALOG' ? Object.freeze([tokens.expectIdentifier(what)]) : tokens.expectCompoundIdentifier(what)
  const behavior = object !== 'DATABASE' ? null : tokens.accept('RESTRICT') ? 'RESTRICT' : tokens.accept('CASCADE') ? 'CASCADE' : null
  return Object.freeze({ kind: 'drop-object', at, object, temporary, system, ifExists, name, behavior })
}

function parseExecute(tokens: TokenStream, at: Position): Statement {
  if (tokens.accept('STATEMENT', 'SET')) return parseStatementSet(tokens, at)
  if (tokens.accept('PLAN'))
    return Object.freeze({ kind: 'execute-plan', at, path: tokens.expectString("the plan's path between quotes").text })
  if (startsQuery(tokens)) return Object.freeze({ kind: 'select-statement', at, query: parseQuery(tokens) })
  tokens.wish('SELECT')
  return parseInsert(tokens)
}

/** `'key' = 'value'`; nothing: all are shown. */
function parseSetting(tokens: TokenStream): PropertyNode | null {
  const { at } = tokens
  if (tokens.isAt(';') || tokens.token.kind === 'end') return null
  const key = tokens.expectString("a key between quotes, as in SET 'key' = 'value'")
  tokens.expect('=')
  return Object.freeze({ key: key.text, value: tokens.expectString('a value between quotes').text, at })
}

/** `a.b-c` without quotes, as Flink's RESET takes it. */
function parseBareKey(tokens: TokenStream): string {
  const start = tokens.at.offset
  let end = start
  while (tokens.token.kind !== 'end' && !tokens.isAt(';') && tokens.at.offset === end) end = tokens.advance().end
  const key = tokens.source.text.slice(start, end)
  if (!/^[\w$]+(?:[.-][\w$]+)*$/.test(key))
    throw syntaxError(tokens.source, tokens.source.position(start), `'${key}' is no key.`, "Put it between quotes: RESET 'key'.")
  return key
}

function parseUse(tokens: TokenStream, at: Position): Statement {
  if (tokens.isAt('CATALOG') && tokens.atIdentifier(1)) {
    tokens.advance()
    return Object.freeze({ kind: 'use-catalog', at, name: tokens.expectIdentifier("a catalog's name") })
  }
  if (tokens.isAt('MODULES') && tokens.atIdentifier(1)) {
    tokens.advance()
    return Object.freeze({ kind: 'use-modules', at, names: tokens.commaSeparated(() => parseModuleName(tokens)) })
  }
  for (const word of ['CATALOG', 'MODULES']) tokens.wish(word)
  return Object.freeze({ kind: 'use-database', at, name: tokens.expectCompoundIdentifier("a database's name") })
}

function parseModuleName(tokens: TokenStream): Name {
  return tokens.expectIdentifier("a module's name")
}

function parseStopJob(tokens: TokenStream, at: Position): StopJob {
  tokens.expect('JOB')
  const { text, at: textAt } = tokens.expectString('a job id between quotes')
  const withSavepoint = tokens.accept('WITH', 'SAVEPOINT')
  const withDrain = tokens.accept('WITH', 'DRAIN')
  if (withDrain && !withSavepoint)
    throw syntaxError(tokens.source, at, 'WITH DRAIN belongs to WITH SAVEPOINT.', "Write STOP JOB '…' WITH SAVEPOINT WITH DRAIN.")
  return Object.freeze({ kind: 'stop-job', at, job: Object.freeze({ text, at: textAt }), withSavepoint, withDrain })
}

function parseJar(tokens: TokenStream, at: Position, action: Jar['action']): Jar {
  tokens.expect('JAR')
  return Object.freeze({ kind: 'jar', at, action, path: tokens.expectString('a path between quotes').text })
}

function parseCallProcedure(tokens: TokenStream, at: Position): Call {
  const name = tokens.expectCompoundIdentifier("a procedure's name")
  tokens.wish('(')
  if (!tokens.isAt('(')) throw tokens.unexpected()
  return Object.freeze({ kind: 'call-procedure', at, call: parseCall(tokens, name) })
}

/** Behind ANALYZE: `TABLE t [PARTITION (…)] COMPUTE STATISTICS [FOR COLUMNS a, b | FOR ALL COLUMNS]` */
function parseAnalyze(tokens: TokenStream, at: Position): Analyze {
  tokens.expect('TABLE')
  const table = tokens.expectCompoundIdentifier("the table's name")
  const partition = tokens.accept('PARTITION') ? parsePartitionSpec(tokens) : Object.freeze([])
  tokens.expect('COMPUTE')
  tokens.expect('STATISTICS')
  let columns: Analyze['columns'] = null
  if (tokens.accept('FOR', 'ALL', 'COLUMNS')) columns = Object.freeze([])
  else if (tokens.accept('FOR', 'COLUMNS')) columns = tokens.commaSeparated(() => tokens.expectIdentifier("a column's name"))
  return Object.freeze({ kind: 'analyze', at, table, partition, columns })
}

function clientCommand(command: string) {
  return (tokens: TokenStream, at: Position): ClientCommand => {
    tokens.acceptString('a file')
    return Object.freeze({ kind: 'client-command', at, command })
  }
}
