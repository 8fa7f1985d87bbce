/** Columns of a result as Flink's REST API describes them. */
import { MAX_VARCHAR_LENGTH, type LogicalType } from '#core/types/logical-type.js'

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
    case 'BYTES':
      return { type: type.fixed === true ? 'BINARY' : 'VARBINARY', nullable, length: type.length ?? MAX_VARCHAR_LENGTH }
    case 'TIME':
      return { type: 'TIME_WITHOUT_TIME_ZONE', nullable, precision: type.precision }
    case 'INTERVAL_MONTHS':
      return { type: 'INTERVAL_YEAR_MONTH', nullable, precision: 2, resolution: 'YEAR_TO_MONTH' }
    case 'INTERVAL_MILLIS':
      return { type: 'INTERVAL_DAY_TIME', nullable, precision: 2, fractionalPrecision: 3, resolution: 'DAY_TO_SECOND' }
    case 'ARRAY':
    case 'MULTISET':
      return { type: kind, nullable, elementType: logicalTypeBody(type.element) }
    case 'MAP':
      return { type: 'MAP', nullable, keyType: logicalTypeBody(type.key), valueType: logicalTypeBody(type.value) }
    case 'ROW':
      return { type: 'ROW', nullable, fields: type.fields.map((field) => ({ name: field.name, fieldType: logicalTypeBody(field.type) })) }
    case 'VARCHAR':
      if (type.fixed === true) return { type: 'CHAR', nullable, length: type.length }
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
