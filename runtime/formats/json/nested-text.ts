/** Values inside arrays, maps and rows as JSON text: numbers and booleans plain, everything else as strings; NULL is null. */
import type { LogicalType, Value } from '#core/types/logical-type.js'
import { quoteJson } from '../../expr/json-tree.js'
import { nestedJson, type JsonOf } from '../../expr/nested-json.js'
import { scalarText } from '../scalar-text.js'
import type { TimestampStandard } from '../temporal-text.js'

export interface NestedJsonStyle {
  readonly timestamps: TimestampStandard
  readonly scientificDecimals: boolean
  /** What a map's NULL key becomes; `undefined`: the entry is left out; a function that throws: it is an error. */
  nullKey(): string | undefined
}

/** The JSON text of values of that type that are not NULL. */
export function jsonOf(type: LogicalType, style: NestedJsonStyle): JsonOf {
  return nestedJson(type, {
    scalar: (of) => scalarJson(of, style),
    keyText: (value, of) => plainText(value, of, style),
    nullKey: () => style.nullKey(),
  })
}

function scalarJson(type: LogicalType, style: NestedJsonStyle): JsonOf {
  switch (type.kind) {
    case 'BOOLEAN':
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
    case 'BIGINT':
    case 'DECIMAL':
    case 'INTERVAL_MONTHS':
    case 'INTERVAL_MILLIS':
      return (value) => plainText(value, type, style)
    case 'FLOAT':
    case 'DOUBLE':
      return (value) => (Number.isFinite(value) ? plainText(value, type, style) : quoteJson(plainText(value, type, style)))
    default:
      return (value) => quoteJson(plainText(value, type, style))
  }
}

function plainText(value: Exclude<Value, null>, type: LogicalType, style: NestedJsonStyle): string {
  return scalarText(value, type, style.timestamps, style.scientificDecimals)
}
