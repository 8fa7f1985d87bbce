/** A table being made or changed: its parts with their places, and the check of the whole that gives the catalog's table. */
import { findConnector } from '#runtime/connectors/registry.js'
import { notNull, typeToString, type LogicalType } from '#core/types/logical-type.js'
import type { CatalogColumn, CatalogTable, ObjectPath, PhysicalColumn } from '../catalog/catalog.js'
import type { ExpressionNode } from '../parser/ast-expression.js'
import type { ColumnDefinition, DistributionDefinition, PropertyNode } from '../parser/ast-statement.js'
import type { Position, SourceText } from '../parser/source-text.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import type { Name } from '../parser/token-stream.js'
import { bindExpression, expressionContext } from './bind-expression.js'
import type { BindContext } from './binder.js'
import { logicalType } from './data-type.js'
import { rowFields, rowTypeText } from './row-columns.js'
import { didYouMean, resolveColumn, type Scope } from './scope.js'

interface Named {
  readonly name: Name
}

export type DraftColumn =
  /** `parts`: the column, or the fields of a ROW. */
  | (Named & { readonly kind: 'physical'; readonly parts: readonly PhysicalColumn[] })
  | (Named & {
      readonly kind: 'computed'
      readonly expression: ExpressionNode
      readonly text: string
      readonly comment: string | null
      readonly source: SourceText
    })
  | (Named & {
      readonly kind: 'metadata'
      readonly type: LogicalType
      readonly from: string | null
      readonly virtual: boolean
      readonly comment: string | null
    })

export interface DraftWatermark {
  readonly at: Position
  readonly column: readonly Name[]
  readonly expression: ExpressionNode
  readonly text: string
  readonly source: SourceText
}

export interface TableDraft extends ObjectPath {
  readonly temporary: boolean
  readonly columns: readonly DraftColumn[]
  readonly watermark: DraftWatermark | null
  readonly primaryKey: { readonly at: Position; readonly columns: readonly Name[]; readonly constraint: string | null } | null
  readonly partitionKeys: readonly Name[]
  readonly distribution: DistributionDefinition | null
  readonly options: Readonly<Record<string, string>>
  readonly comment: string | null
  readonly at: Position
}

/** A column as a statement defines it. `flattened`: the table's connector keeps the fields of a ROW in columns of their own. */
export function draftColumn(definition: ColumnDefinition, { source }: BindContext, flattened: boolean): DraftColumn {
  const { name } = definition
  switch (definition.kind) {
    case 'named':
      throw validationError(source, name.at, `Column '${name.text}' has no data type.`)
    case 'computed':
      return { kind: 'computed', name, expression: definition.expression, text: definition.text, comment: definition.comment, source }
    case 'metadata': {
      const { from, virtual, comment } = definition
      return { kind: 'metadata', name, type: logicalType(source, definition.type), from, virtual, comment }
    }
    case 'physical': {
      const { comment, type } = definition
      if (type.name !== 'ROW' || !flattened)
        return { kind: 'physical', name, parts: [{ kind: 'physical', name: name.text, type: logicalType(source, type), comment }] }
      const columnType = rowTypeText(type, source)
      const parts = rowFields(name.text, type, source).map((field): PhysicalColumn => ({
        kind: 'physical',
        name: field.path.join('.'),
        type: field.type,
        comment,
        field: { path: field.path, columnType },
      }))
      return { kind: 'physical', name, parts }
    }
  }
}

/** The parts of a table that is there; `at`: of the statement that changes it. */
export function draftOf(table: CatalogTable, at: Position): TableDraft {
  const named = (text: string): Name => ({ text, at })
  const columns: DraftColumn[] = []
  for (const column of table.columns) {
    if (column.kind === 'computed') {
      const { expression, text, comment, source } = column
      columns.push({ kind: 'computed', name: named(column.name), expression, text, comment, source })
    } else if (column.kind === 'metadata') {
      const { type, from, virtual, comment } = column
      columns.push({ kind: 'metadata', name: named(column.name), type, from, virtual, comment })
    } else {
      const name = column.field?.path[0] ?? column.name
      const last = columns.at(-1)
      if (column.field !== undefined && last?.kind === 'physical' && last.name.text === name)
        columns[columns.length - 1] = { ...last, parts: [...last.parts, column] }
      else columns.push({ kind: 'physical', name: named(name), parts: [column] })
    }
  }
  const { watermark, primaryKey, distribution } = table
  return {
    catalog: table.catalog,
    database: table.database,
    name: table.name,
    temporary: table.temporary,
    columns,
    watermark:
      watermark === null
        ? null
        : {
            at,
            column: [named((table.columns[watermark.column] as CatalogColumn).name)],
            expression: watermark.expression,
            text: watermark.text,
            source: watermark.source,
          },
    primaryKey: primaryKey === null ? null : { at, columns: primaryKey.map(named), constraint: table.constraint },
    partitionKeys: table.partitionKeys.map(named),
    distribution:
      distribution === null
        ? null
        : { at, strategy: distribution.strategy, columns: distribution.columns.map(named), buckets: distribution.buckets },
    options: table.options,
    comment: table.comment,
    at,
  }
}

/** @throws SQL_VALIDATION, SQL_NOT_SUPPORTED for what is wrong with the table as a whole */
export function resolveTable(draft: TableDraft, context: BindContext): CatalogTable {
  const { source } = context
  if (draft.columns.length === 0) throw validationError(source, draft.at, 'A table needs at least one column.')
  const seen = new Set<string>()
  for (const { name, ...column } of draft.columns) {
    const names =
      column.kind === 'physical'
        ? [name.text, ...column.parts.flatMap((part) => (part.name === name.text ? [] : [part.name]))]
        : [name.text]
    for (const text of names) {
      if (seen.has(text)) throw validationError(source, name.at, `A column named '${text}' already exists in the table.`)
      seen.add(text)
    }
  }
  const keys = primaryKeyOf(draft, context)
  const columns = columnsOf(draft, keys, context)
  if (!draft.columns.some(({ kind }) => kind === 'physical'))
    throw validationError(source, draft.at, 'A table needs at least one physical column.')
  const physicalNames = (names: readonly Name[], what: string): string[] =>
    names.map((name) => {
      const column = draft.columns.find((other) => other.name.text === name.text)
      if (column === undefined) {
        const hint = didYouMean(
          name.text,
          draft.columns.map((other) => other.name.text),
        )
        throw validationError(source, name.at, `${what} column '${name.text}' not defined in the table schema.`, hint)
      }
      if (column.kind !== 'physical') throw validationError(source, name.at, `${what} column '${name.text}' is not a physical column.`)
      return name.text
    })
  const { distribution } = draft
  return {
    kind: 'table',
    catalog: draft.catalog,
    database: draft.database,
    name: draft.name,
    temporary: draft.temporary,
    columns,
    watermark: draft.watermark === null ? null : watermarkOf(draft.watermark, columns, context),
    primaryKey: keys,
    constraint: draft.primaryKey?.constraint ?? null,
    partitionKeys: physicalNames(draft.partitionKeys, 'Partition'),
    distribution:
      distribution === null
        ? null
        : { strategy: distribution.strategy, columns: physicalNames(distribution.columns, 'Bucket'), buckets: distribution.buckets },
    options: draft.options,
    comment: draft.comment,
    source,
    at: draft.at,
  }
}

function columnsOf(draft: TableDraft, keys: readonly string[] | null, { source, catalog }: BindContext): CatalogColumn[] {
  const stored = draft.columns.map((column) => {
    if (column.kind !== 'physical' || keys?.includes(column.name.text) !== true) return column
    return { ...column, parts: column.parts.map((part) => ({ ...part, type: notNull(part.type) })) }
  })
  // Computed columns see those that are stored, and metadata.
  const scope: Scope = stored.flatMap((column) => {
    if (column.kind === 'computed') return []
    if (column.kind === 'metadata') return [{ qualifier: draft.name, name: column.name.text, type: column.type, rowtime: false }]
    return column.parts.map(({ name, type, field }) => ({
      qualifier: draft.name,
      name,
      type,
      rowtime: false,
      ...(field === undefined ? {} : { path: field.path }),
    }))
  })
  return stored.flatMap((column): CatalogColumn[] => {
    const name = column.name.text
    if (column.kind === 'physical') return [...column.parts]
    if (column.kind === 'metadata') {
      const { type, comment, from, virtual } = column
      return [{ kind: 'metadata', name, type, comment, from, virtual }]
    }
    const { expression, text, comment } = column
    const { type } = bindExpression(expression, expressionContext(column.source, scope, 'a computed column', catalog))
    if (type.kind === 'NULL')
      throw validationError(source, expression.at, "Illegal use of 'NULL'.", 'Cast it to a type: CAST(NULL AS INT).')
    return [{ kind: 'computed', name, type, expression, text, comment, source: column.source }]
  })
}

function primaryKeyOf({ primaryKey, columns }: TableDraft, { source }: BindContext): readonly string[] | null {
  if (primaryKey === null) return null
  const seen = new Set<string>()
  for (const name of primaryKey.columns) {
    if (seen.has(name.text)) throw validationError(source, name.at, `The primary key names column '${name.text}' twice.`)
    seen.add(name.text)
    const column = columns.find((other) => other.name.text === name.text)
    if (column === undefined) {
      const hint = didYouMean(
        name.text,
        columns.map((other) => other.name.text),
      )
      throw validationError(source, name.at, `Primary key column '${name.text}' is not defined in the schema.`, hint)
    }
    if (column.kind !== 'physical')
      throw validationError(source, name.at, `Could not create a PRIMARY KEY with column '${name.text}': it is not a physical column.`)
    if (column.parts.some(({ field }) => field !== undefined))
      throw validationError(source, name.at, `A PRIMARY KEY cannot have the ROW column '${name.text}'.`)
  }
  return primaryKey.columns.map(({ text }) => text)
}

function watermarkOf(
  definition: DraftWatermark,
  columns: readonly CatalogColumn[],
  { source, catalog }: BindContext,
): CatalogTable['watermark'] {
  const scope: Scope = columns.map((column) => ({
    qualifier: null,
    name: column.name,
    type: column.type,
    rowtime: false,
    ...(column.kind === 'physical' && column.field !== undefined ? { path: column.field.path } : {}),
  }))
  if (definition.column.length > 1) throw notSupported(source, definition.at, 'a watermark on a field of a column.')
  const column = resolveColumn(source, scope, definition.column)
  const isTime = (type: LogicalType): boolean => (type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ') && type.precision <= 3
  const { name, type } = columns[column] as CatalogColumn
  if (!isTime(type)) {
    throw validationError(
      source,
      (definition.column[0] as Name).at,
      `Invalid data type of time field '${name}' for a watermark: it is ${typeToString(type)}, and must be TIMESTAMP(p) or TIMESTAMP_LTZ(p), p from 0 to 3.`,
    )
  }
  const expression = bindExpression(definition.expression, expressionContext(definition.source, scope, 'WATERMARK FOR', catalog))
  if (!isTime(expression.type)) {
    throw validationError(
      definition.source,
      definition.expression.at,
      `Invalid data type of the watermark's expression: it is ${typeToString(expression.type)}, and must be TIMESTAMP(p) or TIMESTAMP_LTZ(p).`,
    )
  }
  if (expression.type.kind !== type.kind) {
    throw validationError(
      definition.source,
      definition.expression.at,
      `The watermark of '${name}' must be a ${type.kind} like the column, and is ${typeToString(expression.type)}.`,
    )
  }
  return { column, expression: definition.expression, text: definition.text, source: definition.source }
}

/** Of a WITH clause or SET (…). @throws SQL_VALIDATION for a key that stands there twice or is empty */
/** True where the connector keeps each field of a ROW as a column: what a query does not name is then not even made. */
export function keepsRowsFlat(options: Readonly<Record<string, string>>): boolean {
  return findConnector(options['connector'] ?? '')?.rows === true
}

export function optionsOf(properties: readonly PropertyNode[], { source }: BindContext): Record<string, string> {
  const result = new Map<string, string>()
  for (const { key, value, at } of properties) {
    if (result.has(key)) throw validationError(source, at, `The option '${key}' is given twice.`)
    if (key === '') throw validationError(source, at, 'An option needs a name.')
    result.set(key, value)
  }
  return Object.fromEntries(result)
}
