/** The WITH clause of a table, checked by its connector when the table is read or written. */
import type { LogicalType } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import { findConnector, validateTable } from '#runtime/connectors/registry.js'
import { ConnectorCannot } from '#runtime/connectors/errors.js'
import type { CatalogTable } from '../catalog/catalog.js'
import type { Position, SourceText } from '../parser/source-text.js'
import { located, notSupported } from '../parser/sql-errors.js'

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
  const row = table.columns.find((column) => column.kind === 'physical' && column.field !== undefined)
  const connector = findConnector(options['connector'] ?? '')
  if (row?.kind === 'physical' && connector !== undefined && connector.rows !== true)
    throw notSupported(source, at, `ROW columns ('${row.field?.path[0]}') in a table of the connector '${connector.identifier}'.`)
  const variant = schema.fields.find(({ type }) => holdsVariant(type))
  if (variant !== undefined && connector !== undefined && connector.variants !== true)
    throw notSupported(
      source,
      at,
      `VARIANT columns ('${variant.name}') in a table of the connector '${connector.identifier}'.`,
      'Make it STRING, write CAST(v AS STRING) and read it with PARSE_JSON.',
    )
  try {
    validateTable(options, schema, use)
  } catch (error) {
    const ofUse = ConnectorCannot.is(error) || options !== table.options
    throw ofUse ? located(source, at, error) : located(table.source, table.at, error)
  }
}

function holdsVariant(type: LogicalType): boolean {
  switch (type.kind) {
    case 'VARIANT':
      return true
    case 'ARRAY':
    case 'MULTISET':
      return holdsVariant(type.element)
    case 'MAP':
      return holdsVariant(type.key) || holdsVariant(type.value)
    case 'ROW':
      return type.fields.some((field) => holdsVariant(field.type))
    default:
      return false
  }
}

/** Parts of tables that the catalog keeps and no connector knows yet. @throws SQL_NOT_SUPPORTED */
export function refusePartsOf(table: CatalogTable, at: Position, source: SourceText, reading: boolean): void {
  const metadata = table.columns.find((column) => column.kind === 'metadata' && (reading || !column.virtual))
  if (metadata !== undefined) throw notSupported(source, at, `metadata columns ('${metadata.name}' of '${table.name}').`)
  if (table.partitionKeys.length > 0) throw notSupported(source, at, `tables that are PARTITIONED BY columns ('${table.name}').`)
  if (table.distribution !== null && !reading) throw notSupported(source, at, `writing to tables that are DISTRIBUTED ('${table.name}').`)
}
