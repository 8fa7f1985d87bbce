/** Arrays, maps and rows as JSON text without blanks; NULL is null. What scalars are is the caller's. */
import { INT, notNull, type LogicalType, type Value } from '#core/types/logical-type.js'
import { arrayElements, mapEntries, rowFields } from '../columnar/nested-value.js'
import { quoteJson } from './json-tree.js'

export type JsonOf = (value: Exclude<Value, null>) => string

export interface JsonParts {
  /** JSON text of values of a type that is neither array nor map nor row. */
  scalar(type: LogicalType): JsonOf
  /** A map's key as the text of a member's name, unquoted. */
  keyText(value: Exclude<Value, null>, type: LogicalType): string
  /** What a map's NULL key becomes; `undefined`: the entry is left out; a function that throws: it is an error. */
  nullKey(): string | undefined
}

/** The JSON text of values of that type that are not NULL. */
export function nestedJson(type: LogicalType, parts: JsonParts): JsonOf {
  const part = (inner: LogicalType): ((value: Value) => string) => {
    const text = nestedJson(inner, parts)
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
      return (value) => {
        const members: string[] = []
        for (const [k, v] of mapEntries(value as string, key, inner)) {
          const name = k === null ? parts.nullKey() : parts.keyText(k, key)
          if (name !== undefined) members.push(`${quoteJson(name)}:${text(v)}`)
        }
        return `{${members.join(',')}}`
      }
    }
    case 'ROW': {
      const fields = type.fields.map((field) => [`${quoteJson(field.name)}:`, part(field.type)] as const)
      return (value) => {
        const values = rowFields(value as string, type.fields)
        return `{${fields.map(([name, text], i) => name + text(values[i] ?? null)).join(',')}}`
      }
    }
    default:
      return parts.scalar(type)
  }
}
