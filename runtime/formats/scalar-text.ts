/** The text of values other than strings and NULL in csv and json files, as Flink's formats write them. */
import type { LogicalType, Value } from '#core/types/logical-type.js'
import { formatValue } from '../expr/cast.js'
import { decimalText } from './decimal-text.js'
import { dateText, timestampText, type TimestampStandard } from './temporal-text.js'

/** Doubles need neither zone nor clock. */
const NO_CONTEXT = { timeZone: 'UTC', now: () => 0 }

export function scalarText(value: Value, type: LogicalType, standard: TimestampStandard, scientificDecimals: boolean): string {
  switch (type.kind) {
    case 'BOOLEAN':
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
    case 'BIGINT':
    case 'VARCHAR':
    case 'NULL':
    case 'RAW':
    case 'BYTES':
      return String(value)
    case 'FLOAT':
    case 'DOUBLE':
      return formatValue(value, type, NO_CONTEXT) ?? ''
    case 'DECIMAL':
      return decimalText(value as bigint, type.scale, scientificDecimals)
    case 'DATE':
      return dateText(value as number)
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return timestampText(Number(value as bigint), standard, type.kind === 'TIMESTAMP_LTZ')
  }
}
