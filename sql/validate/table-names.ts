/** `t`, `default_database.t`, `default_catalog.default_database.t` to the name of an object of the catalog. */
import type { SourceText } from '../parser/source-text.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import type { Name } from '../parser/token-stream.js'
import { DEFAULT_CATALOG, DEFAULT_DATABASE, type Catalog, type CatalogObject } from '../catalog/catalog.js'
import { didYouMean } from './scope.js'

/** @throws SQL_NOT_SUPPORTED for another catalog or database */
export function objectName(source: SourceText, path: readonly Name[]): string {
  const [catalog, database] = [path.at(-3), path.at(-2)]
  if (path.length > 3) throw validationError(source, (path[0] as Name).at, 'A table has at most three parts: catalog.database.table.')
  if (database !== undefined && database.text !== DEFAULT_DATABASE)
    throw notSupported(source, database.at, `databases other than ${DEFAULT_DATABASE} (found '${database.text}').`)
  if (catalog !== undefined && catalog.text !== DEFAULT_CATALOG)
    throw notSupported(source, catalog.at, `catalogs other than ${DEFAULT_CATALOG} (found '${catalog.text}').`)
  return (path.at(-1) as Name).text
}

/** @throws SQL_VALIDATION `Object 't' not found`, with the nearest name */
export function findObject(source: SourceText, path: readonly Name[], catalog: Catalog, more: readonly string[] = []): CatalogObject {
  const name = objectName(source, path)
  const found = catalog.find(name)
  if (found !== undefined) return found
  const names = [...more, ...catalog.names()]
  throw validationError(
    source,
    (path.at(-1) as Name).at,
    `Object '${name}' not found.`,
    names.length === 0 ? 'No table has been created yet.' : didYouMean(name, names),
  )
}
