/** SHOW and DESCRIBE over the session's catalogs, in Flink's columns. */
import { BOOLEAN, typeToString, type LogicalType } from '#core/types/logical-type.js'
import { functionNames } from '#runtime/expr/function-table.js'
import { compileLike, matchesLike } from '#runtime/expr/like.js'
import type { CatalogObject } from '../catalog/catalog.js'
import type { Describe, DescribeObject, Pattern, Show, ShowCurrent } from '../parser/ast-statement.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import type { Name } from '../parser/token-stream.js'
import { AGGREGATE_FUNCTIONS } from '../validate/aggregate-calls.js'
import { isPublicFunction } from '../validate/bind-call.js'
import type { BindContext } from '../validate/binder.js'
import { findObject } from '../validate/table-names.js'
import { describedCatalog, knownDatabase } from './database-statements.js'
import type { StatementEffect } from './statement-effect.js'

/** The one module there is. */
export const CORE_MODULE = 'core'

const list = (column: string, names: readonly string[]): StatementEffect => ({
  kind: 'rows',
  columns: [column],
  rows: names.map((name) => [name]),
})

export function show(statement: Show, context: BindContext): StatementEffect {
  const { catalog, source } = context
  const { object, from, pattern } = statement
  const within = () => (from === null ? catalog.current : knownDatabase(source, from, catalog))
  switch (object) {
    case 'CATALOGS':
      return list('catalog name', matching(catalog.catalogs(), pattern))
    case 'DATABASES': {
      if (from !== null && from.length > 1) throw validationError(source, (from[1] as Name).at, 'SHOW DATABASES FROM takes a catalog.')
      if (from !== null) describedCatalog(source, from[0] as Name, catalog)
      return list('database name', matching(catalog.databases(from?.[0]?.text ?? catalog.current.catalog), pattern))
    }
    case 'TABLES':
      return list('table name', matching(catalog.names(undefined, within()), pattern))
    case 'VIEWS':
      return list('view name', matching(catalog.names('view', within()), pattern))
    case 'MATERIALIZED TABLES':
      within()
      return list('materialized table name', [])
    case 'FUNCTIONS': {
      const own = catalog.functionNames(within())
      const builtIn = statement.only === 'USER' ? [] : [...functionNames().filter(isPublicFunction), ...AGGREGATE_FUNCTIONS]
      return list('function name', matching([...new Set([...own, ...builtIn])].sort(), pattern))
    }
    case 'PROCEDURES':
      within()
      return list('procedure name', [])
    case 'MODELS':
      within()
      return list('model name', [])
    case 'MODULES':
      if (statement.only === null) return list('module name', [CORE_MODULE])
      return { kind: 'rows', columns: ['module name', 'used'], types: [TEXT, BOOLEAN], rows: [[CORE_MODULE, 'TRUE']] }
    case 'JARS':
      return list('jar name', [])
    case 'COLUMNS': {
      const described = describeObject(findObject(source, from as readonly Name[], catalog))
      return { ...described, rows: described.rows.filter(([name]) => matches(name ?? '', pattern)) }
    }
    case 'PARTITIONS':
      throw notSupported(source, statement.at, 'SHOW PARTITIONS.')
  }
}

export function showCurrent({ object }: ShowCurrent, { catalog }: BindContext): StatementEffect {
  const { current } = catalog
  return object === 'CATALOG' ? list('current catalog name', [current.catalog]) : list('current database name', [current.database])
}

export function describe({ name }: Describe, { catalog, source }: BindContext): StatementEffect {
  return describeObject(findObject(source, name, catalog))
}

/** DESCRIBE CATALOG. @throws SQL_NOT_SUPPORTED for what else has a word of its own */
export function describeNamed(statement: DescribeObject, { catalog, source }: BindContext): StatementEffect {
  if (statement.object !== 'CATALOG') throw notSupported(source, statement.at, `DESCRIBE ${statement.object}.`)
  const [name, more] = statement.name as readonly [Name, Name?]
  if (more !== undefined) throw validationError(source, more.at, "A catalog's name has one part.")
  const { comment, options } = describedCatalog(source, name, catalog)
  const { type, ...others } = options
  const sorted = Object.entries(others).sort(([a], [b]) => (a < b ? -1 : 1))
  const more_ = statement.extended ? sorted.map(([key, value]) => [`option:${key}`, value]) : []
  const rows = [['name', name.text], ['type', type ?? ''], ['comment', comment ?? ''], ...more_]
  return { kind: 'rows', columns: ['info name', 'info value'], rows }
}

function matching(names: readonly string[], pattern: Pattern | null): string[] {
  return names.filter((name) => matches(name, pattern))
}

function matches(name: string, pattern: Pattern | null): boolean {
  if (pattern === null) return true
  const fold = (text: string): string => (pattern.operator === 'ILIKE' ? text.toLowerCase() : text)
  return matchesLike(compileLike(fold(pattern.text)), fold(name)) !== pattern.negated
}

type Rows = Extract<StatementEffect, { kind: 'rows' }>
const TEXT: LogicalType = { kind: 'VARCHAR', length: 2_147_483_647, nullable: true }

/** Flink's columns: name, type, null, key, extras, watermark; and comment, when there is any. */
function describeObject(object: CatalogObject): Rows {
  const rows = describeColumns(object)
  const columns = ['name', 'type', 'null', 'key', 'extras', 'watermark']
  const types = [TEXT, TEXT, BOOLEAN, TEXT, TEXT, TEXT]
  if (rows.every((row) => row[6] === null)) return { kind: 'rows', columns, types, rows: rows.map((row) => row.slice(0, 6)) }
  return { kind: 'rows', columns: [...columns, 'comment'], types: [...types, TEXT], rows }
}

function describeColumns(object: CatalogObject): (string | null)[][] {
  const bare = (type: LogicalType): string => typeToString(type).replace(/ NOT NULL$/, '')
  const nullable = (type: { nullable: boolean }): string => (type.nullable ? 'TRUE' : 'FALSE')
  if (object.kind === 'view') {
    return object.columns.map(({ name, type, rowtime }) => [
      name,
      bare(type) + (rowtime ? ' *ROWTIME*' : ''),
      nullable(type),
      null,
      null,
      null,
      null,
    ])
  }
  const key = object.primaryKey === null ? null : `PRI(${object.primaryKey.join(', ')})`
  return object.columns.flatMap((column, i) => {
    const row = column.kind === 'physical' ? column.field : undefined
    if (row !== undefined) {
      const before = object.columns[i - 1]
      const first = before?.kind !== 'physical' || before.field?.path[0] !== row.path[0]
      const shown = /^(.*?)( NOT NULL)?$/s.exec(row.columnType) as RegExpExecArray
      if (!first) return []
      return [[row.path[0] as string, shown[1] as string, shown[2] === undefined ? 'TRUE' : 'FALSE', null, null, null, column.comment]]
    }
    const rowtime = object.watermark?.column === i
    return [
      [
        column.name,
        bare(column.type) + (rowtime ? ' *ROWTIME*' : ''),
        nullable(column.type),
        object.primaryKey?.includes(column.name) === true ? key : null,
        columnExtras(column),
        rowtime ? (object.watermark?.text ?? null) : null,
        column.comment,
      ],
    ]
  })
}

/** `AS a + 1`, `METADATA FROM 'k' VIRTUAL` */
export function columnExtras(column: Extract<CatalogObject, { kind: 'table' }>['columns'][number]): string | null {
  if (column.kind === 'computed') return `AS ${column.text}`
  if (column.kind !== 'metadata') return null
  const from = column.from === null ? '' : ` FROM '${column.from.replaceAll("'", "''")}'`
  return `METADATA${from}${column.virtual ? ' VIRTUAL' : ''}`
}
