/** Catalogs and databases: CREATE, ALTER, DROP and USE. In Flink's words where it has some. */
import type { AlterCatalog, AlterDatabase } from '../parser/ast-alter.js'
import type { CreateCatalog, CreateDatabase, DropObject, UseCatalog, UseDatabase } from '../parser/ast-statement.js'
import type { Position, SourceText } from '../parser/source-text.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import type { Name } from '../parser/token-stream.js'
import type { Catalog, CatalogDescription, DatabasePath } from '../catalog/catalog.js'
import type { BindContext } from '../validate/binder.js'
import { didYouMean } from '../validate/scope.js'
import { optionsOf } from '../validate/table-draft.js'
import { databasePath } from '../validate/table-names.js'

const IN_MEMORY = 'generic_in_memory'

/** @throws SQL_VALIDATION when there is no such catalog */
export function describedCatalog(source: SourceText, name: Name, catalog: Catalog): CatalogDescription {
  const found = catalog.catalog(name.text)
  if (found !== undefined) return found
  const hint = didYouMean(name.text, catalog.catalogs())
  throw validationError(source, name.at, `A catalog with name [${name.text}] does not exist.`, hint, 'CatalogException')
}

/** @throws SQL_VALIDATION when there is no such catalog or database */
export function knownDatabase(source: SourceText, name: readonly Name[], catalog: Catalog): DatabasePath {
  const path = databasePath(source, name, catalog)
  const at = (name.at(-1) as Name).at
  if (name.length > 1) describedCatalog(source, name[0] as Name, catalog)
  if (catalog.database(path) === undefined) {
    const problem = `A database with name [${path.database}] does not exist in the catalog: [${path.catalog}].`
    throw validationError(source, at, problem, didYouMean(path.database, catalog.databases(path.catalog)), 'CatalogException')
  }
  return path
}

export function createCatalog(statement: CreateCatalog, context: BindContext): void {
  const { catalog, source } = context
  const { name, comment, ifNotExists } = statement
  const options = optionsOf(statement.options, context)
  const { type } = options
  if (type === undefined)
    throw validationError(
      source,
      name.at,
      "Unable to create catalog: its option 'type' is missing.",
      `Write WITH ('type' = '${IN_MEMORY}').`,
    )
  if (type !== IN_MEMORY)
    throw notSupported(
      source,
      (statement.options.find(({ key }) => key === 'type') as { at: Position }).at,
      `catalogs of the type '${type}'.`,
      `There is '${IN_MEMORY}'.`,
    )
  const unknown = statement.options.find(({ key }) => key !== 'type' && key !== 'default-database')
  if (unknown !== undefined)
    throw validationError(
      source,
      unknown.at,
      `A catalog of the type '${IN_MEMORY}' has no option '${unknown.key}'.`,
      "It has 'default-database'.",
    )
  if (options['default-database'] === '') throw validationError(source, name.at, "The option 'default-database' is empty.")
  if (catalog.catalog(name.text) !== undefined) {
    if (ifNotExists) return
    throw validationError(
      source,
      name.at,
      `Catalog ${name.text} already exists.`,
      'Use CREATE CATALOG IF NOT EXISTS, or DROP it first.',
      'CatalogException',
    )
  }
  catalog.createCatalog(name.text, { comment, options })
}

export function alterCatalog({ name, change, at }: AlterCatalog, context: BindContext): void {
  const { catalog, source } = context
  const found = catalog.catalog(name.text)
  if (found === undefined)
    throw validationError(
      source,
      name.at,
      `Catalog ${name.text} does not exist.`,
      didYouMean(name.text, catalog.catalogs()),
      'CatalogException',
    )
  if (change.kind === 'comment')
    return catalog.changeCatalog(name.text, { ...found, comment: change.comment === '' ? null : change.comment })
  if (change.kind === 'set-options') {
    const type = change.options.find(({ key }) => key === 'type')
    if (type !== undefined) throw validationError(source, type.at, "ALTER CATALOG SET does not support changing 'type'")
    return catalog.changeCatalog(name.text, { ...found, options: { ...found.options, ...optionsOf(change.options, context) } })
  }
  if (change.keys.length === 0) throw validationError(source, at, 'ALTER CATALOG RESET does not support empty key')
  const type = change.keys.find(({ key }) => key === 'type')
  if (type !== undefined) throw validationError(source, type.at, "ALTER CATALOG RESET does not support changing 'type'")
  const gone = new Set(change.keys.map(({ key }) => key))
  const options = Object.fromEntries(Object.entries(found.options).filter(([key]) => !gone.has(key)))
  catalog.changeCatalog(name.text, { ...found, options })
}

export function createDatabase(statement: CreateDatabase, context: BindContext): void {
  const { catalog, source } = context
  const path = databasePath(source, statement.name, catalog)
  const options = optionsOf(statement.options, context)
  if (catalog.catalog(path.catalog) === undefined)
    throw validationError(
      source,
      (statement.name[0] as Name).at,
      `Catalog ${path.catalog} does not exist`,
      didYouMean(path.catalog, catalog.catalogs()),
    )
  if (catalog.database(path) !== undefined) {
    if (statement.ifNotExists) return
    const problem = `Database ${path.database} already exists in Catalog ${path.catalog}.`
    const hint = 'Use CREATE DATABASE IF NOT EXISTS, or DROP it first.'
    throw validationError(source, (statement.name.at(-1) as Name).at, problem, hint, 'DatabaseAlreadyExistException')
  }
  catalog.createDatabase(path, { comment: statement.comment, options })
}

export function alterDatabase({ name, change }: AlterDatabase, context: BindContext): void {
  const { catalog, source } = context
  const path = databasePath(source, name, catalog)
  const found = catalog.database(path)
  if (found === undefined) throw missingDatabase(source, name, path, catalog)
  if (change.kind === 'set-options')
    return catalog.changeDatabase(path, { ...found, options: { ...found.options, ...optionsOf(change.options, context) } })
  const gone = new Set(change.keys.map(({ key }) => key))
  catalog.changeDatabase(path, { ...found, options: Object.fromEntries(Object.entries(found.options).filter(([key]) => !gone.has(key))) })
}

function missingDatabase(source: SourceText, name: readonly Name[], path: DatabasePath, catalog: Catalog) {
  const problem = `Database ${path.database} does not exist in Catalog ${path.catalog}.`
  return validationError(
    source,
    (name.at(-1) as Name).at,
    problem,
    didYouMean(path.database, catalog.databases(path.catalog)),
    'DatabaseNotExistException',
  )
}

export function dropCatalog({ name: [name], ifExists }: DropObject, { catalog, source }: BindContext): void {
  const { text, at } = name as Name
  if (catalog.catalog(text) === undefined) {
    if (ifExists) return
    throw validationError(source, at, `Catalog ${text} does not exist.`, didYouMean(text, catalog.catalogs()), 'CatalogException')
  }
  if (catalog.current.catalog === text)
    throw validationError(
      source,
      at,
      'Cannot drop a catalog which is currently in use.',
      'USE CATALOG another one first.',
      'CatalogException',
    )
  catalog.dropCatalog(text)
}

export function dropDatabase({ name, ifExists, behavior }: DropObject, { catalog, source }: BindContext): void {
  const path = databasePath(source, name, catalog)
  const { at } = name.at(-1) as Name
  if (name.length > 1 && catalog.catalog(path.catalog) === undefined)
    throw validationError(
      source,
      (name[0] as Name).at,
      `Catalog ${path.catalog} does not exist`,
      didYouMean(path.catalog, catalog.catalogs()),
    )
  if (catalog.database(path) === undefined) {
    if (ifExists) return
    throw missingDatabase(source, name, path, catalog)
  }
  if (catalog.current.catalog === path.catalog && catalog.current.database === path.database)
    throw validationError(source, at, 'Cannot drop a database which is currently in use.', 'USE another one first.')
  if (behavior !== 'CASCADE' && catalog.holdsObjects(path))
    throw validationError(
      source,
      at,
      `Database ${path.database} in catalog ${path.catalog} is not empty.`,
      'DROP DATABASE … CASCADE drops what is in it, too.',
      'DatabaseNotEmptyException',
    )
  catalog.dropDatabase(path)
}

export function useCatalog({ name }: UseCatalog, { catalog, source }: BindContext): void {
  describedCatalog(source, name, catalog)
  if (catalog.current.catalog !== name.text) catalog.current = { catalog: name.text, database: catalog.defaultDatabase(name.text) }
}

export function useDatabase({ name }: UseDatabase, { catalog, source }: BindContext): void {
  catalog.current = knownDatabase(source, name, catalog)
}
