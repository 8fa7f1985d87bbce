/** Widths of the columns of a result whose rows are not there yet: by their types, as Flink's client has them. */
import type { TableLayout } from '../cli/result-table.js'
import { displayWidth } from '../cli/result-table.js'
import type { ClientColumn } from './gateway-client.js'

export function layoutByTypes(columns: readonly ClientColumn[], maxWidth: number): TableLayout {
  return {
    columns: columns.map(({ name }) => name),
    widths: columns.map((column) => Math.max(displayWidth(column.name), Math.min(typeWidth(column, maxWidth), maxWidth))),
    showKind: true,
  }
}

function typeWidth({ logicalType: { type, length, precision } }: ClientColumn, otherwise: number): number {
  switch (type) {
    case 'BOOLEAN':
      return 5
    case 'TINYINT':
      return 4
    case 'SMALLINT':
      return 6
    case 'INTEGER':
      return 11
    case 'BIGINT':
      return 20
    case 'DECIMAL':
      return (precision ?? 38) + 3
    case 'DATE':
      return 10
    case 'TIME_WITHOUT_TIME_ZONE':
      return fractionWidth(8, precision)
    case 'TIMESTAMP_WITHOUT_TIME_ZONE':
    case 'TIMESTAMP_WITH_LOCAL_TIME_ZONE':
      return fractionWidth(19, precision)
    case 'CHAR':
    case 'VARCHAR':
      return length ?? otherwise
    default:
      return otherwise
  }
}

function fractionWidth(whole: number, precision: number | null | undefined): number {
  return precision === null || precision === undefined || precision === 0 ? whole : whole + 1 + precision
}
