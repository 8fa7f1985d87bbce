/** SHOW, DESCRIBE and EXPLAIN. */
import type {
  Describe,
  DescribeJob,
  DescribeObject,
  Explain,
  ExplainDetail,
  PartitionSpec,
  Pattern,
  Show,
  ShowCreate,
  ShownObject,
  Statement,
} from './ast-statement.js'
import { parsePartitionSpec } from './parse-property.js'
import { parseInsert, parseStatementSet } from './parse-dml.js'
import { parseQuery, startsQuery } from './parse-query.js'
import type { Position } from './source-text.js'
import type { Name, TokenStream } from './token-stream.js'

const SHOWN: readonly ShownObject[] = [
  'TABLES',
  'VIEWS',
  'DATABASES',
  'CATALOGS',
  'FUNCTIONS',
  'COLUMNS',
  'PARTITIONS',
  'MODULES',
  'PROCEDURES',
  'MODELS',
  'JARS',
]
/** Those that stand in something. */
const WITHIN: ReadonlySet<ShownObject> = new Set([
  'TABLES',
  'VIEWS',
  'MATERIALIZED TABLES',
  'DATABASES',
  'FUNCTIONS',
  'PROCEDURES',
  'MODELS',
  'COLUMNS',
])

/** Behind SHOW. */
export function parseShow(tokens: TokenStream, at: Position): Statement {
  if (tokens.accept('CURRENT')) {
    const object = tokens.accept('CATALOG') ? 'CATALOG' : (tokens.expect('DATABASE'), 'DATABASE' as const)
    return Object.freeze({ kind: 'show-current', at, object })
  }
  if (tokens.accept('CREATE')) return parseShowCreate(tokens, at)
  if (tokens.accept('JOBS')) return Object.freeze({ kind: 'show-jobs', at })
  if (tokens.accept('USER')) {
    tokens.expect('FUNCTIONS')
    return parseShown(tokens, at, 'FUNCTIONS', 'USER')
  }
  if (tokens.accept('FULL')) {
    tokens.expect('MODULES')
    return parseShown(tokens, at, 'MODULES', 'FULL')
  }
  if (tokens.accept('MATERIALIZED')) {
    tokens.expect('TABLES')
    return parseShown(tokens, at, 'MATERIALIZED TABLES', null)
  }
  const object = SHOWN.find((word) => tokens.accept(word))
  if (object === undefined) throw tokens.unexpected()
  return parseShown(tokens, at, object, null)
}

function parseShown(tokens: TokenStream, at: Position, object: ShownObject, only: Show['only']): Show {
  let from: Show['from'] = null
  let partition: PartitionSpec = Object.freeze([])
  if (object === 'PARTITIONS') {
    from = tokens.expectCompoundIdentifier("a table's name")
    if (tokens.accept('PARTITION')) partition = parsePartitionSpec(tokens)
    return Object.freeze({ kind: 'show', at, object, only, from, partition, pattern: null })
  }
  if (WITHIN.has(object)) {
    const named = tokens.accept('FROM') || tokens.accept('IN')
    if (named) from = tokens.expectCompoundIdentifier(object === 'COLUMNS' ? "a table's name" : 'a name')
    else if (object === 'COLUMNS') throw tokens.unexpected()
  }
  const pattern = object === 'MODULES' || object === 'JARS' ? null : parsePattern(tokens)
  return Object.freeze({ kind: 'show', at, object, only, from, partition, pattern })
}

/** `[[NOT] LIKE | ILIKE 'pattern']` */
function parsePattern(tokens: TokenStream): Pattern | null {
  const negated = tokens.accept('NOT')
  const operator = tokens.accept('LIKE') ? 'LIKE' : tokens.accept('ILIKE') ? 'ILIKE' : undefined
  if (negated && operator === undefined) throw tokens.unexpected()
  return operator === undefined ? null : Object.freeze({ text: tokens.expectString('a pattern').text, operator, negated })
}

function parseShowCreate(tokens: TokenStream, at: Position): ShowCreate {
  let object = (['TABLE', 'VIEW', 'CATALOG', 'MODEL'] as const).find((word) => tokens.accept(word)) as ShowCreate['object'] | undefined
  if (object === undefined) {
    tokens.expect('MATERIALIZED')
    tokens.expect('TABLE')
    object = 'MATERIALIZED TABLE'
  }
  return Object.freeze({ kind: 'show-create', at, object, name: tokens.expectCompoundIdentifier('a name') })
}

/** Behind DESCRIBE or DESC. A table may have the name of one of the words. */
export function parseDescribe(tokens: TokenStream, at: Position): Describe | DescribeObject | DescribeJob {
  const followed = () => tokens.atIdentifier(1) || tokens.isAt('EXTENDED', 1)
  if (tokens.isAt('JOB') && tokens.peek(1).kind === 'string') {
    tokens.advance()
    const { text, at: textAt } = tokens.expectString('a job id between quotes')
    return Object.freeze({ kind: 'describe-job', at, job: Object.freeze({ text, at: textAt }) })
  }
  const object = (['CATALOG', 'DATABASE', 'FUNCTION', 'MODEL'] as const).find(
    (word) => tokens.isAt(word) && followed() && tokens.accept(word),
  )
  if (object !== undefined) {
    const extended = tokens.isAt('EXTENDED') && tokens.atIdentifier(1) && tokens.accept('EXTENDED')
    const name: readonly Name[] = tokens.expectCompoundIdentifier(`the ${object.toLowerCase()}'s name`)
    return Object.freeze({ kind: 'describe-object', at, object, extended, name })
  }
  const extended = tokens.isAt('EXTENDED') && tokens.atIdentifier(1) && tokens.accept('EXTENDED')
  return Object.freeze({ kind: 'describe', at, extended, name: tokens.expectCompoundIdentifier("a table's name") })
}

const DETAILS: readonly ExplainDetail[] = ['ESTIMATED_COST', 'CHANGELOG_MODE', 'JSON_EXECUTION_PLAN', 'PLAN_ADVICE']

/** Behind EXPLAIN. */
export function parseExplain(tokens: TokenStream, at: Position): Explain {
  const details: ExplainDetail[] = []
  if (!tokens.accept('PLAN', 'FOR')) {
    do {
      const detail = DETAILS.find((word) => tokens.accept(word))
      if (detail === undefined && details.length > 0) throw tokens.unexpected()
      if (detail === undefined) break
      details.push(detail)
    } while (tokens.accept(','))
  }
  const inner = tokens.at
  tokens.accept('EXECUTE')
  const statement = startsQuery(tokens)
    ? Object.freeze({ kind: 'select-statement' as const, at: inner, query: parseQuery(tokens) })
    : tokens.accept('STATEMENT', 'SET')
      ? parseStatementSet(tokens, inner)
      : (tokens.wish('SELECT'), parseInsert(tokens))
  return Object.freeze({ kind: 'explain', at, details: Object.freeze(details), statement })
}
