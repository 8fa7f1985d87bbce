/** SHOW CREATE: statements that make the object anew, in Flink's layout. Expressions and queries stand as they were written. */
import { MAX_VARCHAR_LENGTH, typeToString, type LogicalType } from '#core/types/logical-type.js'
import type { CatalogTable, CatalogView, ObjectPath } from '../catalog/catalog.js'
import type { ShowCreate } from '../parser/ast-statement.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import type { Name } from '../parser/token-stream.js'
import type { BindContext } from '../validate/binder.js'
import { findObject } from '../validate/table-names.js'
import { constraintName } from './alter-table.js'
import { describedCatalog } from './database-statements.js'
import { columnExtras } from './show-statements.js'

export function showCreate({ object, name, at }: ShowCreate, { catalog, source }: BindContext): string {
  if (object === 'MODEL' || object === 'MATERIALIZED TABLE') throw notSupported(source, at, `SHOW CREATE ${object}.`)
  if (object === 'CATALOG') {
    const [first, more] = name as readonly [Name, Name?]
    if (more !== undefined) throw validationError(source, more.at, "A catalog's name has one part.")
    const { comment, options } = describedCatalog(source, first, catalog)
    return `CREATE CATALOG ${quoted(first.text)}\n${commentText(comment)}${optionsText(options)}`
  }
  const found = findObject(source, name, catalog)
  const nameAt = (name.at(-1) as Name).at
  if (object === 'TABLE') {
    if (found.kind === 'table') return createTableText(found)
    throw validationError(
      source,
      nameAt,
      `SHOW CREATE TABLE is only supported for tables, but ${pathText(found)} is a view.`,
      'Please use SHOW CREATE VIEW instead.',
      'TableException',
    )
  }
  if (found.kind === 'view') return createViewText(found)
  throw validationError(
    source,
    nameAt,
    `SHOW CREATE VIEW is only supported for views, but ${pathText(found)} is a table.`,
    'Please use SHOW CREATE TABLE instead.',
    'TableException',
  )
}

const quoted = (name: string): string => `\`${name.replaceAll('`', '``')}\``
const text = (value: string): string => `'${value.replaceAll("'", "''")}'`
const pathText = ({ catalog, database, name }: ObjectPath): string => [catalog, database, name].map(quoted).join('.')
const commentText = (comment: string | null): string => (comment === null || comment === '' ? '' : `COMMENT ${text(comment)}\n`)

function optionsText(options: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1))
  if (sorted.length === 0) return ''
  return `WITH (\n${sorted.map(([key, value]) => `  ${text(key)} = ${text(value)}`).join(',\n')}\n)\n`
}

function typeText(type: LogicalType): string {
  if (type.kind === 'VARCHAR' && type.length === MAX_VARCHAR_LENGTH) return `VARCHAR(${type.length})${type.nullable ? '' : ' NOT NULL'}`
  if (type.kind === 'TIMESTAMP_LTZ') return `TIMESTAMP(${type.precision}) WITH LOCAL TIME ZONE${type.nullable ? '' : ' NOT NULL'}`
  return typeToString(type)
}

function createTableText(table: CatalogTable): string {
  const lines = table.columns.flatMap((column, i) => {
    const comment = column.comment === null || column.comment === '' ? '' : ` COMMENT ${text(column.comment)}`
    const extras = columnExtras(column)
    if (column.kind === 'computed') return [`${quoted(column.name)} ${extras}${comment}`]
    const field = column.kind === 'physical' ? column.field : undefined
    if (field !== undefined) {
      const before = table.columns[i - 1]
      const first = before?.kind !== 'physical' || before.field?.path[0] !== field.path[0]
      return first ? [`${quoted(field.path[0] as string)} ${field.columnType}${comment}`] : []
    }
    return [`${quoted(column.name)} ${typeText(column.type)}${extras === null ? '' : ` ${extras}`}${comment}`]
  })
  const { watermark, primaryKey, distribution, partitionKeys } = table
  if (watermark !== null) lines.push(`WATERMARK FOR ${quoted(table.columns[watermark.column]?.name ?? '')} AS ${watermark.text}`)
  if (primaryKey !== null) {
    const name = table.constraint ?? constraintName(primaryKey.map((column) => ({ text: column })))
    lines.push(`CONSTRAINT ${quoted(name)} PRIMARY KEY (${primaryKey.map(quoted).join(', ')}) NOT ENFORCED`)
  }
  const head = `CREATE ${table.temporary ? 'TEMPORARY ' : ''}TABLE ${pathText(table)} (\n${lines.map((line) => `  ${line}`).join(',\n')}\n)\n`
  const partitioned = partitionKeys.length === 0 ? '' : `PARTITIONED BY (${partitionKeys.map(quoted).join(', ')})\n`
  return head + commentText(table.comment) + distributionText(distribution) + partitioned + optionsText(table.options)
}

function distributionText(distribution: CatalogTable['distribution']): string {
  if (distribution === null) return ''
  const { strategy, columns, buckets } = distribution
  const by = columns.length === 0 ? '' : ` BY ${strategy ?? ''}(${columns.map(quoted).join(', ')})`
  return `DISTRIBUTED${by}${buckets === null ? '' : ` INTO ${buckets} BUCKETS`}\n`
}

function createViewText(view: CatalogView): string {
  const columns = view.columns.map(({ name }) => `  ${quoted(name)}`).join(',\n')
  return `CREATE ${view.temporary ? 'TEMPORARY ' : ''}VIEW ${pathText(view)} (\n${columns}\n)\n${commentText(view.comment)}AS ${view.text}\n`
}
