/** Values inside arrays, maps and rows as JSON text: numbers and booleans plain, everything else as strings; NULL is null. */
import { INT, notNull, type LogicalType, type Value } from '#core/types/logical-type.js'
import { arrayElements, mapEntries, rowFields } from '../../columnar/nested-value.js'
import { scalarText } from '../scalar-text.js'
import type { TimestampStandard } from '../temporal-text.js'

export interface NestedJsonStyle {
  readonly timestamps: TimestampStandard
  readonly scientificDecimals: boolean
  /** What a map's NULL key becomes; `undefined`: the entry is left out; a function that throws: it is an error. */
  nullKey(): string | undefined
}

type JsonOf = (value: Exclude<Value, null>) => string

/** Jackson writes the digits of an escape in upper case. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(/\\u[0-9a-f]{4}/g, (escape) => `\\u${escape.slice(2).toUpperCase()}`)
}

/** The JSON text of values of that type that are not NULL. */
export function jsonOf(type: LogicalType, style: NestedJsonStyle): JsonOf {
  const part = (inner: LogicalType): ((value: Value) => string) => {
    const text = jsonOf(inner, style)
    return (value) => (value === null ? 'null' : text(value))
  }
  switch (type.kind) {
    case 'ARRAY': {
      const element = part(type.element)
      return (value) =>
        `[${arrayElements(value as string, type.element)
          .map(element)
          .join(',')}]`
    }
    case 'MAP':
    case 'MULTISET': {
      const [key, inner] = type.kind === 'MAP' ? [type.key, type.value] : [type.element, notNull(INT)]
      const text = part(inner)
      const keyText = (k: Value): string | undefined => (k === null ? style.nullKey() : plainText(k, key, style))
      return (value) => {
        const members: string[] = []
        for (const [k, v] of mapEntries(value as string, key, inner)) {
          const name = keyText(k)
          if (name !== undefined) members.push(`${quoted(name)}:${text(v)}`)
        }
        return `{${members.join(',')}}`
      }
    }
    case 'ROW': {
      const fields = type.fields.map((field) => [`${quoted(field.name)}:`, part(field.type)] as const)
      return (value) => {
        const values = rowFields(value as string, type.fields)
        return `{${fields.map(([name, text], i) => name + text(values[i] ?? null)).join(',')}}`
      }
    }
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
      return (value) => (Number.isFinite(value) ? plainText(value, type, style) : quoted(plainText(value, type, style)))
    default:
      return (value) => quoted(plainText(value, type, style))
  }
}

function plainText(value: Exclude<Value, null>, type: LogicalType, style: NestedJsonStyle): string {
  return scalarText(value, type, style.timestamps, style.scientificDecimals)
}
