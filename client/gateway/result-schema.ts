/** Columns of a result as Flink's REST API describes them. */
import type { LogicalType } from '#core/types/logical-type.js'

export interface ResultColumn {
  readonly name: string
  readonly type: LogicalType
}

export interface ColumnBody {
  name: string
  logicalType: Record<string, unknown>
  comment: null
}

export function columnBody({ name, type }: ResultColumn): ColumnBody {
  return { name, logicalType: logicalTypeBody(type), comment: null }
}

function logicalTypeBody(type: LogicalType): Record<string, unknown> {
  const { kind, nullable } = type
  switch (kind) {
    case 'INT':
      return { type: 'INTEGER', nullable }
    case 'VARCHAR':
      return { type: 'VARCHAR', nullable, length: type.length }
    case 'DECIMAL':
      return { type: 'DECIMAL', nullable, precision: type.precision, scale: type.scale }
    case 'TIMESTAMP':
      return { type: 'TIMESTAMP_WITHOUT_TIME_ZONE', nullable, precision: type.precision }
    case 'TIMESTAMP_LTZ':
      return { type: 'TIMESTAMP_WITH_LOCAL_TIME_ZONE', nullable, precision: type.precision }
    default:
      return { type: kind, nullable }
  }
}
