/** CREATE TABLE and CREATE VIEW: a statement to the catalog's object, everything in it checked. */
import { notNull, typeToString, type LogicalType } from '#core/types/logical-type.js'
import type { CreateTable, CreateView } from '../parser/ast-statement.js'
import type { Position } from '../parser/source-text.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import type { Name } from '../parser/token-stream.js'
import type { CatalogColumn, CatalogTable, CatalogView } from '../catalog/catalog.js'
import { bindExpression, expressionContext } from './bind-expression.js'
import { bindQuery, renamed } from './bind-query.js'
import type { BindContext } from './binder.js'
import { logicalType } from './data-type.js'
import { didYouMean, resolveColumn, type Scope } from './scope.js'
import { objectName } from './table-names.js'

export function defineTable(statement: CreateTable, context: BindContext): CatalogTable {
  const { source } = context
  const name = objectName(source, statement.name)
  if (statement.partitionedBy.length > 0) throw notSupported(source, (statement.partitionedBy[0] as Name).at, 'PARTITIONED BY.')
  if (statement.columns.length === 0) throw validationError(source, statement.at, 'A table needs at least one column.')
  const seen = new Set<string>()
  for (const { kind, name: column } of statement.columns) {
    if (kind === 'metadata') throw notSupported(source, column.at, `metadata columns ('${column.text}').`)
    if (seen.has(column.text)) throw validationError(source, column.at, `A column named '${column.text}' already exists in the table.`)
    seen.add(column.text)
  }
  const keys = primaryKey(statement, context)
  const physical: Scope = statement.columns.flatMap((column) => {
    if (column.kind !== 'physical') return []
    const type = logicalType(source, column.type)
    return [
      { qualifier: name, name: column.name.text, type: keys?.includes(column.name.text) === true ? notNull(type) : type, rowtime: false },
    ]
  })
  if (physical.length === 0) throw validationError(source, statement.at, 'A table needs at least one physical column.')

  const columns = statement.columns.flatMap((column): CatalogColumn[] => {
    const text = column.name.text
    switch (column.kind) {
      case 'metadata':
        return []
      case 'physical':
        return [
          {
            kind: 'physical',
            name: text,
            type: (physical.find((other) => other.name === text) as Scope[number]).type,
            comment: column.comment,
          },
        ]
      case 'computed': {
        const { type } = bindExpression(column.expression, expressionContext(source, physical, 'a computed column'))
        if (type.kind === 'NULL')
          throw validationError(source, column.expression.at, "Illegal use of 'NULL'.", 'Cast it to a type: CAST(NULL AS INT).')
        return [{ kind: 'computed', name: text, type, expression: column.expression, text: column.text, comment: column.comment }]
      }
    }
  })
  return {
    kind: 'table',
    name,
    temporary: statement.temporary,
    columns,
    watermark: watermark(statement, columns, context),
    primaryKey: keys,
    options: options(statement, context),
    comment: statement.comment,
    source,
    at: statement.name.at(-1)?.at as Position,
  }
}

function primaryKey(statement: CreateTable, { source }: BindContext): readonly string[] | null {
  const key = statement.primaryKey
  if (key === null) return null
  if (key.enforced) {
    throw validationError(
      source,
      key.at,
      'ENFORCED mode for a PRIMARY KEY is not supported: the data is stored outside, nobody here can check it.',
      'Write PRIMARY KEY (…) NOT ENFORCED.',
    )
  }
  for (const column of key.columns) {
    const definition = statement.columns.find(({ name }) => name.text === column.text)
    if (definition === undefined)
      throw validationError(
        source,
        column.at,
        `Primary key column '${column.text}' is not defined in the schema.`,
        didYouMean(
          column.text,
          statement.columns.map(({ name }) => name.text),
        ),
      )
    if (definition.kind !== 'physical')
      throw validationError(source, column.at, `Could not create a PRIMARY KEY with column '${column.text}': it is not a physical column.`)
  }
  return key.columns.map(({ text }) => text)
}

function watermark(statement: CreateTable, columns: readonly CatalogColumn[], { source }: BindContext): CatalogTable['watermark'] {
  const [definition, second] = statement.watermarks
  if (second !== undefined) throw validationError(source, second.at, 'Multiple WATERMARK statements are not supported: a table has one.')
  if (definition === undefined) return null
  const scope: Scope = columns.map(({ name, type }) => ({ qualifier: null, name, type, rowtime: false }))
  if (definition.column.length > 1) throw notSupported(source, definition.at, 'a watermark on a field of a column.')
  const column = resolveColumn(source, scope, definition.column)
  const isTime = (type: LogicalType): boolean => type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ'
  const { name, type } = columns[column] as CatalogColumn
  if (!isTime(type)) {
    throw validationError(
      source,
      (definition.column[0] as Name).at,
      `Invalid data type of time field '${name}' for a watermark: it is ${typeToString(type)}, and must be TIMESTAMP(p) or TIMESTAMP_LTZ(p), p from 0 to 3.`,
    )
  }
  const expression = bindExpression(definition.expression, expressionContext(source, scope, 'WATERMARK FOR'))
  if (!isTime(expression.type)) {
    throw validationError(
      source,
      definition.expression.at,
      `Invalid data type of the watermark's expression: it is ${typeToString(expression.type)}, and must be TIMESTAMP(p) or TIMESTAMP_LTZ(p).`,
    )
  }
  if (expression.type.kind !== type.kind) {
    throw validationError(
      source,
      definition.expression.at,
      `The watermark of '${name}' must be a ${type.kind} like the column, and is ${typeToString(expression.type)}.`,
    )
  }
  return { column, expression: definition.expression, text: definition.text }
}

function options(statement: CreateTable, { source }: BindContext): Record<string, string> {
  const result: Record<string, string> = Object.create(null) as Record<string, string>
  for (const { key, value, at } of statement.options) {
    if (key in result) throw validationError(source, at, `The option '${key}' is given twice.`)
    if (key === '') throw validationError(source, at, 'An option needs a name.')
    result[key] = value
  }
  return { ...result }
}

export function defineView(statement: CreateView, context: BindContext): CatalogView {
  const { source } = context
  const name = objectName(source, statement.name)
  const relation = renamed(bindQuery(statement.query, context), statement.columns, statement.at, context)
  const seen = new Set<string>()
  for (const field of relation.fields) {
    if (seen.has(field.name))
      throw validationError(source, statement.at, `The view has two columns named '${field.name}'.`, 'Name them with AS.')
    seen.add(field.name)
  }
  return {
    kind: 'view',
    name,
    temporary: statement.temporary,
    query: statement.query,
    text: statement.text,
    comment: statement.comment,
    source,
    at: statement.name.at(-1)?.at as Position,
    columns: relation.fields.map(({ name: column, type, rowtime }) => ({ name: column, type, rowtime })),
  }
}
