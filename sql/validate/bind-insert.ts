/** INSERT INTO: the query's columns mapped to the table's by position, with implicit casts, NULL for columns left out. */
import { typeToString, type LogicalType } from '#core/types/logical-type.js'
import { sinkChangelog } from '#runtime/connectors/registry.js'
import { canCast } from '#runtime/expr/type-rules.js'
import type { Insert } from '../parser/ast-statement.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import type { Name } from '../parser/token-stream.js'
import { castTo, inputColumn } from '../plan/expressions.js'
import { projectedField, type Relation, type Sink } from '../plan/relation.js'
import { bindQuery } from './bind-query.js'
import type { BindContext } from './binder.js'
import { checkConnector, refusePartsOf } from './connector-options.js'
import { didYouMean } from './scope.js'
import { findObject } from './table-names.js'
import { fullName } from '../catalog/catalog.js'

interface Column {
  readonly name: string
  readonly type: LogicalType
}

export function bindInsert(statement: Insert, context: BindContext): Sink {
  const { source } = context
  const at = (statement.table.at(-1) as Name).at
  if (statement.overwrite) throw notSupported(source, statement.at, 'INSERT OVERWRITE.', 'Use INSERT INTO.')
  const [partition] = statement.partition
  if (partition !== undefined) throw notSupported(source, partition.column.at, 'INSERT … PARTITION (…).')
  const table = findObject(source, statement.table, context.catalog)
  if (table.kind === 'view') throw validationError(source, at, `'${table.name}' is a view; only tables can be written.`)
  if (statement.onConflict !== null) {
    if (sinkChangelog(table.options) === 'append')
      throw validationError(
        source,
        statement.onConflict.at,
        `ON CONFLICT clause is only allowed for upsert sinks. The sink '${fullName(table)}' is not an upsert sink because it only accepts INSERT (append-only) changes.`,
      )
    throw notSupported(source, statement.onConflict.at, 'INSERT … ON CONFLICT.')
  }
  refusePartsOf(table, at, source, false)
  const columns: Column[] = table.columns.flatMap((column) =>
    column.kind === 'physical' ? [{ name: column.name, type: column.type }] : [],
  )
  checkConnector(table, table.options, { fields: columns }, 'sink', at, source)
  const query = bindQuery(statement.query, context)
  const targets =
    statement.columns === null
      ? columns
      : statement.columns.map((name) => namedColumn(name, statement.columns as readonly Name[], columns, context))
  checkTypes(fullName(table), query, targets, statement, context)

  const expressions = columns.map((column) => {
    const position = targets.indexOf(column)
    if (position >= 0) {
      const value = inputColumn(position, (query.fields[position] as Relation['fields'][number]).type)
      // How long texts and bytes may be is the sink's affair (table.exec.sink.type-length-enforcer).
      const { kind } = value.type
      return kind === column.type.kind && (kind === 'VARCHAR' || kind === 'BYTES') ? value : castTo(value, column.type)
    }
    if (!column.type.nullable)
      throw validationError(
        source,
        at,
        `Column '${column.name}' has no default value and does not allow NULLs.`,
        'Name it in INSERT INTO t (…).',
      )
    return { kind: 'literal' as const, value: null, type: column.type }
  })
  const same =
    expressions.length === query.fields.length &&
    expressions.every((expression, i) => expression.kind === 'input' && expression.index === i)
  const input: Relation = same
    ? query
    : {
        kind: 'project',
        input: query,
        expressions,
        fields: expressions.map((expression, i) => projectedField((columns[i] as Column).name, expression, query.fields)),
      }
  return { kind: 'sink', input, table, options: table.options }
}

function namedColumn(name: Name, all: readonly Name[], columns: readonly Column[], { source }: BindContext): Column {
  const column = columns.find((candidate) => candidate.name === name.text)
  if (column === undefined)
    throw validationError(
      source,
      name.at,
      `Unknown target column '${name.text}'.`,
      didYouMean(
        name.text,
        columns.map((candidate) => candidate.name),
      ),
    )
  if (all.some((other) => other.text === name.text && other !== name))
    throw validationError(source, name.at, `Target column '${name.text}' is assigned more than once.`)
  return column
}

/** In Flink's words. */
function checkTypes(table: string, query: Relation, targets: readonly Column[], statement: Insert, { source }: BindContext): void {
  const describe = (columns: readonly Column[]) => `[${columns.map(({ name, type }) => `${name}: ${typeToString(type)}`).join(', ')}]`
  const mismatch = (cause: string) =>
    validationError(
      source,
      statement.query.at,
      `Column types of query result and sink for '${table}' do not match.\nCause: ${cause}\n\nQuery schema: ${describe(query.fields)}\nSink schema:  ${describe(targets)}`,
    )
  if (query.fields.length !== targets.length) throw mismatch('Different number of columns.')
  for (const [i, target] of targets.entries()) {
    const { type } = query.fields[i] as Relation['fields'][number]
    if (!canCast(type, target.type, false)) throw mismatch(`Incompatible types for sink column '${target.name}' at position ${i}.`)
  }
}
