/** The WITH clause of a table, checked by its connector when the table is read or written. */
import type { Schema } from '#core/types/schema.js'
import { validateTable } from '#runtime/connectors/registry.js'
import { ConnectorCannot } from '#runtime/connectors/errors.js'
import type { CatalogTable } from '../catalog/catalog.js'
import type { Position, SourceText } from '../parser/source-text.js'
import { located } from '../parser/sql-errors.js'

/**
 * `options`: the table's own, or those with hints on top.
 * @throws the connector's own error, with the place in the script: where the table is used when it cannot be used so, or when
 *   hints are given, else where it was created
 */
export function checkConnector(
  table: CatalogTable,
  options: Readonly<Record<string, string>>,
  schema: Schema,
  use: 'source' | 'sink',
  at: Position,
  source: SourceText,
): void {
  try {
    validateTable(options, schema, use)
  } catch (error) {
    const ofUse = ConnectorCannot.is(error) || options !== table.options
    throw ofUse ? located(source, at, error) : located(table.source, table.at, error)
  }
}
