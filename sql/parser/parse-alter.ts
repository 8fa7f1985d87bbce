/** ALTER of everything that can be altered. */
import type {
  AlterCatalog,
  AlterDatabase,
  AlterFunction,
  AlterMaterializedTable,
  AlterModel,
  AlterStatement,
  AlterTable,
  AlterView,
  ColumnPlace,
  SchemaChange,
  TableChange,
} from './ast-alter.js'
import type { PrimaryKeyDefinition, PropertyNode, WatermarkDefinition } from './ast-statement.js'
import { parseLanguage } from './parse-create.js'
import { atConstraint, atWatermark, onlyKey, parseColumn, parseDistribution, parsePrimaryKey, parseWatermark } from './parse-ddl.js'
import { parseExpression } from './parse-expression.js'
import { parseKeyList, parseOptions, parsePartitionSpec, parsePropertyList } from './parse-property.js'
import { parseQuery } from './parse-query.js'
import { syntaxError } from './sql-errors.js'
import type { Position } from './source-text.js'
import type { TokenStream } from './token-stream.js'

/** Behind ALTER. */
export function parseAlter(tokens: TokenStream, at: Position): AlterStatement {
  if (tokens.accept('TABLE')) return parseAlterTable(tokens, at)
  if (tokens.accept('VIEW')) return parseAlterView(tokens, at)
  if (tokens.accept('DATABASE')) return parseAlterDatabase(tokens, at)
  if (tokens.accept('CATALOG')) return parseAlterCatalog(tokens, at)
  if (tokens.accept('MODEL')) return parseAlterModel(tokens, at)
  if (tokens.accept('MATERIALIZED')) {
    tokens.expect('TABLE')
    return parseAlterMaterializedTable(tokens, at)
  }
  const temporary = tokens.accept('TEMPORARY')
  const system = temporary && tokens.accept('SYSTEM')
  tokens.expect('FUNCTION')
  return parseAlterFunction(tokens, at, temporary, system)
}

function parseAlterTable(tokens: TokenStream, at: Position): AlterTable {
  const ifExists = tokens.accept('IF', 'EXISTS')
  const name = tokens.expectCompoundIdentifier("the table's name")
  return Object.freeze({ kind: 'alter-table', at, ifExists, name, change: Object.freeze(parseTableChange(tokens)) })
}

function parseTableChange(tokens: TokenStream): TableChange {
  if (tokens.accept('RENAME')) {
    if (tokens.accept('TO')) return { kind: 'rename', to: tokens.expectCompoundIdentifier("the table's new name") }
    const column = tokens.expectCompoundIdentifier("a column's name")
    tokens.expect('TO')
    return { kind: 'rename-column', column, to: tokens.expectIdentifier("the column's new name") }
  }
  if (tokens.accept('SET')) return { kind: 'set-options', options: parsePropertyList(tokens) }
  if (tokens.accept('RESET')) return { kind: 'reset-options', keys: parseKeyList(tokens) }
  if (tokens.accept('ADD')) {
    if (tokens.isAt('PARTITION') || tokens.isAtAll('IF', 'NOT', 'EXISTS')) {
      const lenient = tokens.accept('IF', 'NOT', 'EXISTS')
      return { kind: 'add-partitions', lenient, partitions: parsePartitions(tokens, true) }
    }
    return { kind: 'add', change: parseSchemaChange(tokens) }
  }
  if (tokens.accept('MODIFY')) return { kind: 'modify', change: parseSchemaChange(tokens) }
  tokens.expect('DROP')
  if (tokens.accept('PRIMARY', 'KEY')) return { kind: 'drop-primary-key' }
  if (tokens.accept('CONSTRAINT')) return { kind: 'drop-constraint', name: tokens.expectIdentifier("the constraint's name") }
  if (tokens.accept('WATERMARK')) return { kind: 'drop-watermark' }
  if (tokens.accept('DISTRIBUTION')) return { kind: 'drop-distribution' }
  if (tokens.isAt('PARTITION') || tokens.isAtAll('IF', 'EXISTS')) {
    const lenient = tokens.accept('IF', 'EXISTS')
    return { kind: 'drop-partitions', lenient, partitions: parsePartitions(tokens, false) }
  }
  const column = () => tokens.expectIdentifier("a column's name")
  return { kind: 'drop-columns', columns: tokens.isAt('(') ? tokens.parenthesized(column) : Object.freeze([column()]) }
}

/** `(column …, WATERMARK …)`, or one of them without parentheses. */
function parseSchemaChange(tokens: TokenStream): SchemaChange {
  const columns: SchemaChange['columns'][number][] = []
  const watermarks: WatermarkDefinition[] = []
  const keys: PrimaryKeyDefinition[] = []
  const distributions: SchemaChange['distribution'][] = []
  const item = (): void => {
    if (atWatermark(tokens)) watermarks.push(parseWatermark(tokens))
    else if (atConstraint(tokens)) keys.push(parsePrimaryKey(tokens))
    else if (tokens.isAt('DISTRIBUTION')) distributions.push(parseDistribution(tokens))
    else {
      const column = parseColumn(tokens, keys)
      columns.push(Object.freeze({ column, place: parsePlace(tokens) }))
    }
  }
  if (tokens.isAt('(')) tokens.parenthesized(item)
  else item()
  return Object.freeze({
    columns: Object.freeze(columns),
    watermarks: Object.freeze(watermarks),
    primaryKey: onlyKey(tokens, keys),
    distribution: distributions[0] ?? null,
  })
}

function parsePlace(tokens: TokenStream): ColumnPlace {
  if (tokens.accept('FIRST')) return Object.freeze({ kind: 'first' })
  if (tokens.accept('AFTER')) return Object.freeze({ kind: 'after', column: tokens.expectIdentifier("a column's name") })
  return null
}

type Partition = Extract<TableChange, { kind: 'add-partitions' | 'drop-partitions' }>['partitions'][number]

function parsePartitions(tokens: TokenStream, withOptions: boolean): readonly Partition[] {
  const partitions: Partition[] = []
  do {
    tokens.expect('PARTITION')
    const spec = parsePartitionSpec(tokens)
    partitions.push(Object.freeze({ spec, options: withOptions ? parseOptions(tokens) : Object.freeze<PropertyNode[]>([]) }))
  } while (withOptions ? tokens.isAt('PARTITION') : tokens.accept(','))
  return Object.freeze(partitions)
}

function parseAlterView(tokens: TokenStream, at: Position): AlterView {
  const ifExists = tokens.accept('IF', 'EXISTS')
  const name = tokens.expectCompoundIdentifier("the view's name")
  if (tokens.accept('RENAME')) {
    tokens.expect('TO')
    const to = tokens.expectCompoundIdentifier("the view's new name")
    return Object.freeze({ kind: 'alter-view', at, ifExists, name, change: Object.freeze({ kind: 'rename', to }) })
  }
  return Object.freeze({ kind: 'alter-view', at, ifExists, name, change: parseNewQuery(tokens) })
}

function parseNewQuery(tokens: TokenStream) {
  tokens.expect('AS')
  const start = tokens.at.offset
  const query = parseQuery(tokens)
  return Object.freeze({ kind: 'query' as const, query, text: tokens.source.text.slice(start, tokens.endOfLast) })
}

function parseAlterDatabase(tokens: TokenStream, at: Position): AlterDatabase {
  const name = tokens.expectCompoundIdentifier("the database's name")
  return Object.freeze({ kind: 'alter-database', at, name, change: parseOptionsChange(tokens) })
}

/** `SET (…)` or `RESET (…)` */
function parseOptionsChange(tokens: TokenStream): AlterDatabase['change'] {
  if (tokens.accept('RESET')) return Object.freeze({ kind: 'reset-options', keys: parseKeyList(tokens) })
  tokens.expect('SET')
  return Object.freeze({ kind: 'set-options', options: parsePropertyList(tokens) })
}

function parseAlterCatalog(tokens: TokenStream, at: Position): AlterCatalog {
  const name = tokens.expectIdentifier("the catalog's name")
  const change: AlterCatalog['change'] = tokens.accept('COMMENT')
    ? Object.freeze({ kind: 'comment', comment: tokens.expectString('a comment').text })
    : parseOptionsChange(tokens)
  return Object.freeze({ kind: 'alter-catalog', at, name, change })
}

function parseAlterModel(tokens: TokenStream, at: Position): AlterModel {
  const ifExists = tokens.accept('IF', 'EXISTS')
  const name = tokens.expectCompoundIdentifier("the model's name")
  const rename = tokens.accept('RENAME')
  if (rename) tokens.expect('TO')
  const change: AlterModel['change'] = rename
    ? Object.freeze({ kind: 'rename', to: tokens.expectCompoundIdentifier("the model's new name") })
    : parseOptionsChange(tokens)
  return Object.freeze({ kind: 'alter-model', at, ifExists, name, change })
}

function parseAlterMaterializedTable(tokens: TokenStream, at: Position): AlterMaterializedTable {
  const name = tokens.expectCompoundIdentifier("the materialized table's name")
  for (const [word, kind] of [
    ['SUSPEND', 'suspend'],
    ['RESUME', 'resume'],
    ['REFRESH', 'refresh'],
  ] as const) {
    if (!tokens.accept(word)) continue
    if (kind === 'resume') parseOptions(tokens)
    if (kind === 'refresh' && tokens.accept('PARTITION')) parsePartitionSpec(tokens)
    return Object.freeze({ kind: 'alter-materialized-table', at, name, change: Object.freeze({ kind }) })
  }
  if (tokens.accept('SET')) {
    tokens.expect('FRESHNESS')
    tokens.expect('=')
    const freshness = parseExpression(tokens)
    if (freshness.kind !== 'interval') throw syntaxError(tokens.source, freshness.at, 'FRESHNESS is an interval.')
    return Object.freeze({ kind: 'alter-materialized-table', at, name, change: Object.freeze({ kind: 'freshness', freshness }) })
  }
  return Object.freeze({ kind: 'alter-materialized-table', at, name, change: parseNewQuery(tokens) })
}

function parseAlterFunction(tokens: TokenStream, at: Position, temporary: boolean, system: boolean): AlterFunction {
  const ifExists = tokens.accept('IF', 'EXISTS')
  const name = tokens.expectCompoundIdentifier("the function's name")
  tokens.expect('AS')
  const { text, at: textAt } = tokens.expectString("'module#export' or a class between quotes")
  const language = tokens.accept('LANGUAGE') ? parseLanguage(tokens) : null
  const implementation = Object.freeze({ text, at: textAt })
  return Object.freeze({ kind: 'alter-function', at, temporary, system, ifExists, name, implementation, language })
}
