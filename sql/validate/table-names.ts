/** `t`, `database.t`, `catalog.database.t` to the path of an object, and to the object. */
import type { SourceText } from '../parser/source-text.js'
import { validationError } from '../parser/sql-errors.js'
import type { Name } from '../parser/token-stream.js'
import type { Catalog, CatalogObject, DatabasePath, ObjectPath } from '../catalog/catalog.js'
import { didYouMean } from './scope.js'

/** What a name stands for in the current database. @throws SQL_VALIDATION for more than three parts */
export function objectPath(source: SourceText, path: readonly Name[], catalog: Catalog): ObjectPath {
  if (path.length > 3) throw validationError(source, (path[0] as Name).at, 'A table has at most three parts: catalog.database.table.')
  const [inCatalog, database, name] = [path.at(-3)?.text, path.at(-2)?.text, path.at(-1)?.text as string]
  return { catalog: inCatalog ?? catalog.current.catalog, database: database ?? catalog.current.database, name }
}

/** `database` or `catalog.database`. @throws SQL_VALIDATION for more parts */
export function databasePath(source: SourceText, path: readonly Name[], catalog: Catalog): DatabasePath {
  if (path.length > 2) throw validationError(source, (path[0] as Name).at, 'A database has at most two parts: catalog.database.')
  return { catalog: path.at(-2)?.text ?? catalog.current.catalog, database: path.at(-1)?.text as string }
}

/** The path where something permanent is to be made. @throws SQL_VALIDATION when there is no such catalog or database */
export function existingDatabase(source: SourceText, path: readonly Name[], of: DatabasePath, catalog: Catalog): void {
  const [inCatalog, database] = [path.at(-3), path.at(-2)]
  const at = (inCatalog ?? database ?? (path[0] as Name)).at
  if (catalog.catalog(of.catalog) === undefined)
    throw validationError(source, at, `Catalog ${of.catalog} does not exist.`, didYouMean(of.catalog, catalog.catalogs()))
  if (catalog.database(of) === undefined) {
    const names = catalog.databases(of.catalog)
    const problem = `Database ${of.database} does not exist in Catalog ${of.catalog}.`
    throw validationError(source, (database ?? (path[0] as Name)).at, problem, didYouMean(of.database, names), 'DatabaseNotExistException')
  }
}

/** @throws SQL_VALIDATION `Object 't' not found`, with the nearest name */
export function findObject(source: SourceText, path: readonly Name[], catalog: Catalog, more: readonly string[] = []): CatalogObject {
  const object = objectPath(source, path, catalog)
  const found = catalog.find(object)
  if (found !== undefined) return found
  const at = (path.at(-1) as Name).at
  const [inCatalog, database] = [path.at(-3), path.at(-2)]
  if (inCatalog !== undefined && catalog.catalog(inCatalog.text) === undefined)
    throw validationError(
      source,
      inCatalog.at,
      `Object '${inCatalog.text}' not found.`,
      didYouMean(inCatalog.text, catalog.catalogs()),
      'SqlValidatorException',
    )
  if (database !== undefined && catalog.database(object) === undefined) {
    const names = [...catalog.databases(object.catalog), ...(inCatalog === undefined ? catalog.catalogs() : [])]
    throw validationError(
      source,
      database.at,
      `Object '${database.text}' not found.`,
      didYouMean(database.text, names),
      'SqlValidatorException',
    )
  }
  const names = [...more, ...catalog.names(undefined, object)]
  const hint = names.length === 0 ? 'No table has been created yet.' : didYouMean(object.name, names)
  throw validationError(source, at, `Object '${object.name}' not found.`, hint, 'SqlValidatorException')
}
