/** The text of values other than strings and NULL in csv and json files, as Flink's formats write them. */
import { hasNanos, type LogicalType, type Value } from '#core/types/logical-type.js'
import { formatTime } from '../expr/calendar.js'
import { formatValue, millisOfTimestamp } from '../expr/cast.js'
import { decimalText } from './decimal-text.js'
import { dateText, nanosText, timestampText, type TimestampStandard } from './temporal-text.js'

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
    case 'VARIANT':
    case 'INTERVAL_MONTHS':
    case 'INTERVAL_MILLIS':
    case 'NULL':
    case 'RAW':
      return String(value)
    case 'BYTES':
      return Buffer.from(value as string, 'latin1').toString('base64')
    case 'TIME':
      return formatTime(value as number, 3).replace(/\.?0+$/, (zeros) => (zeros.startsWith('.') ? '' : zeros))
    case 'ARRAY':
    case 'MAP':
    case 'MULTISET':
    case 'ROW':
      throw new Error(`a ${type.kind} is written by its format`)
    case 'FLOAT':
    case 'DOUBLE':
      return formatValue(value, type, NO_CONTEXT) ?? ''
    case 'DECIMAL':
      return decimalText(value as bigint, type.scale, scientificDecimals)
    case 'DATE':
      return dateText(value as number)
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return hasNanos(type)
        ? nanosText(value as bigint, millisOfTimestamp(type)(value), standard, type.kind === 'TIMESTAMP_LTZ')
        : timestampText(Number(value as bigint), standard, type.kind === 'TIMESTAMP_LTZ')
  }
}
