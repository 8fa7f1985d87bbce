/** CREATE, DROP and ALTER of tables and views. */
import type { AlterView } from '../parser/ast-alter.js'
import type { CreateTable, CreateView, Drop } from '../parser/ast-statement.js'
import { validationError } from '../parser/sql-errors.js'
import type { Name } from '../parser/token-stream.js'
import type { Relation } from '../plan/relation.js'
import type { BindContext } from '../validate/binder.js'
import { defineTable, defineView, viewOf } from '../validate/create-table.js'
import { didYouMean } from '../validate/scope.js'
import { existingDatabase, objectPath } from '../validate/table-names.js'
import { fullName, type CatalogTable } from '../catalog/catalog.js'

/** Undefined: IF NOT EXISTS found a table. `query`: the bound one of AS SELECT. */
export function createTable(statement: CreateTable, context: BindContext, query: Relation | null = null): CatalogTable | undefined {
  if (!mayCreate(statement, context)) {
    // Wrong is wrong, also where nothing is made.
    defineTable(statement, context, query)
    return undefined
  }
  const table = defineTable(statement, context, query)
  context.catalog.put(table)
  return table
}

export function createView(statement: CreateView, context: BindContext): void {
  const create = mayCreate(statement, context)
  const view = defineView(statement, context)
  if (create) context.catalog.put(view)
}

/** False: it is there, and that is fine. */
function mayCreate(statement: CreateTable | CreateView, { catalog, source }: BindContext): boolean {
  const path = objectPath(source, statement.name, catalog)
  if (!statement.temporary) existingDatabase(source, statement.name, path, catalog)
  const existing = catalog.findExactly(path, statement.temporary)
  const at = (statement.name.at(-1) as Name).at
  if (statement.kind === 'create-table' && statement.replace !== null) {
    if (existing?.kind === 'view') throw validationError(source, at, `'${fullName(path)}' is a view and cannot be replaced by a table.`)
    if (existing === undefined && statement.replace === 'REPLACE')
      throw validationError(
        source,
        at,
        `The table \`${path.catalog}\`.\`${path.database}\`.\`${path.name}\` to be replaced doesn't exist. You can try to use CREATE TABLE AS statement or CREATE OR REPLACE TABLE AS statement.`,
      )
    return true
  }
  if (existing === undefined) return true
  if (statement.ifNotExists) return false
  const object = `'\`${path.catalog}\`.\`${path.database}\`.\`${path.name}\`'`
  const hint = `Use CREATE ${statement.kind === 'create-view' ? 'VIEW' : 'TABLE'} IF NOT EXISTS, or DROP it first.`
  if (statement.temporary) {
    throw validationError(source, at, `Temporary table ${object} already exists`, hint)
  }
  throw validationError(
    source,
    at,
    `Table (or view) ${fullName(path)} already exists in Catalog ${path.catalog}.`,
    hint,
    'TableAlreadyExistException',
  )
}

export function drop(statement: Drop, { catalog, source }: BindContext): void {
  const path = objectPath(source, statement.name, catalog)
  const at = (statement.name.at(-1) as Name).at
  const kind = statement.object === 'TABLE' ? 'table' : 'view'
  const found = catalog.findExactly(path, statement.temporary)
  if (found?.kind === kind) {
    if (!statement.temporary && catalog.findExactly(path, true) !== undefined) {
      throw validationError(
        source,
        at,
        `Temporary ${kind} with identifier '\`${path.catalog}\`.\`${path.database}\`.\`${path.name}\`' exists. Drop it first before removing the permanent ${kind}.`,
        `Use DROP TEMPORARY ${statement.object}.`,
      )
    }
    return catalog.remove(path, statement.temporary)
  }
  if (statement.ifExists && found === undefined) return
  const other = catalog.find(path)
  const temporary = statement.temporary ? 'Temporary ' : ''
  const hint =
    other === undefined
      ? didYouMean(path.name, catalog.names(kind, path))
      : other.kind !== kind
        ? `It is a ${other.kind}: use DROP ${other.kind.toUpperCase()}.`
        : other.temporary
          ? `It is temporary: use DROP TEMPORARY ${statement.object}.`
          : `It is not temporary: use DROP ${statement.object}.`
  throw validationError(
    source,
    at,
    `${temporary}${statement.object === 'TABLE' ? 'Table' : 'View'} with identifier '${fullName(path)}' does not exist.`,
    hint,
  )
}

export function alterView(statement: AlterView, context: BindContext): void {
  const { catalog, source } = context
  const path = objectPath(source, statement.name, catalog)
  const at = (statement.name.at(-1) as Name).at
  const view = catalog.find(path)
  if (view?.kind !== 'view') {
    if (view === undefined && statement.ifExists) return
    const hint = view === undefined ? didYouMean(path.name, catalog.names('view', path)) : 'It is a table: use ALTER TABLE.'
    throw validationError(source, at, `View ${fullName(path)} doesn't exist or is not a view.`, hint)
  }
  if (statement.change.kind === 'query') {
    const { query, text } = statement.change
    const { temporary, comment } = view
    catalog.put(viewOf({ path, temporary, columns: null, comment, query, text, at: statement.at, nameAt: at }, context))
    return
  }
  const { to } = statement.change
  const target = objectPath(source, to, catalog.within(path))
  if (target.catalog !== path.catalog || target.database !== path.database)
    throw validationError(source, (to[0] as Name).at, 'A view stays in its database when it is renamed.')
  if (catalog.findExactly(target, view.temporary) !== undefined)
    throw validationError(
      source,
      (to.at(-1) as Name).at,
      `Table (or view) ${fullName(target)} already exists in Catalog ${path.catalog}.`,
      null,
      'TableAlreadyExistException',
    )
  catalog.remove(path, view.temporary)
  catalog.put({ ...view, name: target.name })
}
