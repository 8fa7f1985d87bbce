/** CREATE, DROP, SHOW and DESCRIBE over the session's catalog. */
import { typeToString } from '#core/types/logical-type.js'
import { compileLike, matchesLike } from '#runtime/expr/like.js'
import type { Catalog, CatalogObject } from '../catalog/catalog.js'
import type { CreateTable, CreateView, Describe, Drop, Show } from '../parser/ast-statement.js'
import type { SourceText } from '../parser/source-text.js'
import { validationError } from '../parser/sql-errors.js'
import type { Name } from '../parser/token-stream.js'
import type { BindContext } from '../validate/binder.js'
import { defineTable, defineView } from '../validate/create-table.js'
import { didYouMean } from '../validate/scope.js'
import { findObject, objectName } from '../validate/table-names.js'
import { fullName } from '../catalog/catalog.js'
import type { StatementEffect } from './statement-effect.js'

export function applyCatalogStatement(statement: CreateTable | CreateView | Drop, context: BindContext): void {
  if (statement.kind === 'drop') return drop(statement, context)
  const { catalog, source } = context
  const name = objectName(source, statement.name)
  const existing = catalog.findExactly(name, statement.temporary)
  if (existing !== undefined && !statement.ifNotExists) {
    const what = statement.temporary ? 'Temporary table' : 'Table (or view)'
    throw validationError(
      source,
      (statement.name.at(-1) as Name).at,
      `${what} ${fullName(name)} already exists.`,
      `Use CREATE ${statement.kind === 'create-view' ? 'VIEW' : 'TABLE'} IF NOT EXISTS, or DROP it first.`,
    )
  }
  const object = statement.kind === 'create-table' ? defineTable(statement, context) : defineView(statement, context)
  if (existing === undefined) catalog.put(object)
}

function drop(statement: Drop, { catalog, source }: BindContext): void {
  const name = objectName(source, statement.name)
  const at = (statement.name.at(-1) as Name).at
  const kind = statement.object === 'TABLE' ? 'table' : 'view'
  const found = catalog.findExactly(name, statement.temporary)
  if (found?.kind === kind) {
    if (!statement.temporary && catalog.findExactly(name, true) !== undefined) {
      throw validationError(
        source,
        at,
        `Temporary ${kind} with identifier '${fullName(name)}' exists. Drop it first before removing the permanent ${kind}.`,
        `Use DROP TEMPORARY ${statement.object}.`,
      )
    }
    return catalog.remove(name, statement.temporary)
  }
  if (statement.ifExists && found === undefined) return
  const other = catalog.find(name)
  const temporary = statement.temporary ? 'Temporary ' : ''
  const hint =
    other === undefined
      ? didYouMean(name, catalog.names(kind))
      : other.kind !== kind
        ? `It is a ${other.kind}: use DROP ${other.kind.toUpperCase()}.`
        : other.temporary
          ? `It is temporary: use DROP TEMPORARY ${statement.object}.`
          : `It is not temporary: use DROP ${statement.object}.`
  throw validationError(
    source,
    at,
    `${temporary}${statement.object === 'TABLE' ? 'Table' : 'View'} with identifier '${fullName(name)}' does not exist.`,
    hint,
  )
}

export function showObjects({ object, pattern }: Show, catalog: Catalog): StatementEffect {
  const names = object === 'VIEWS' ? catalog.names('view') : catalog.names()
  const fold = (text: string): string => (pattern?.operator === 'ILIKE' ? text.toLowerCase() : text)
  const matcher = pattern === null ? undefined : compileLike(fold(pattern.text))
  const kept = names.filter((name) => matcher === undefined || matchesLike(matcher, fold(name)) !== pattern?.negated)
  return { kind: 'rows', columns: [object === 'VIEWS' ? 'view name' : 'table name'], rows: kept.map((name) => [name]) }
}

/** Flink's columns: name, type, null, key, extras, watermark. */
export function describeObject(statement: Describe, catalog: Catalog, source: SourceText): StatementEffect {
  const object = findObject(source, statement.name, catalog)
  return { kind: 'rows', columns: ['name', 'type', 'null', 'key', 'extras', 'watermark'], rows: describeColumns(object) }
}

function describeColumns(object: CatalogObject): (string | null)[][] {
  const bare = (type: Parameters<typeof typeToString>[0]): string => typeToString(type).replace(/ NOT NULL$/, '')
  const nullable = (type: { nullable: boolean }): string => (type.nullable ? 'TRUE' : 'FALSE')
  if (object.kind === 'view') {
    return object.columns.map(({ name, type, rowtime }) => [
      name,
      bare(type) + (rowtime ? ' *ROWTIME*' : ''),
      nullable(type),
      null,
      null,
      null,
    ])
  }
  const key = object.primaryKey === null ? null : `PRI(${object.primaryKey.join(', ')})`
  return object.columns.map((column, i) => {
    const rowtime = object.watermark?.column === i
    return [
      column.name,
      bare(column.type) + (rowtime ? ' *ROWTIME*' : ''),
      nullable(column.type),
      object.primaryKey?.includes(column.name) === true ? key : null,
      column.kind === 'computed' ? `AS ${column.text}` : null,
      rowtime ? (object.watermark?.text ?? null) : null,
    ]
  })
}
