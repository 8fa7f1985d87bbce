/** What a sink's column asks of its values beyond the NULL of the column itself, as Flink's ConstraintEnforcer: pure, value by value. */
import type { SpecOf } from '#core/graph/operator-spec.js'
import { INT, MAX_VARCHAR_LENGTH, notNull, typeToString, withNullable, type LogicalType, type Value } from '#core/types/logical-type.js'
import { arrayElements, arrayValue, mapEntries, mapValue, rowFields, rowValue } from '../columnar/nested-value.js'
import { prepareCast } from '../expr/cast.js'
import { NotNullViolated, ValueLengthWrong } from './errors.js'

/** The row goes. */
export const DROPPED = Symbol('dropped')

/** The value to be written, cut and filled up where that is asked for. `path`: of the value, for errors: `a.ab[0].c`. */
export type Constraint = (value: Exclude<Value, null>, path: string) => Value | typeof DROPPED

type Settings = Pick<SpecOf<'sink'>, 'lengthEnforcer' | 'nestedEnforcer' | 'notNullEnforcer' | 'tableName'>

/** undefined: any value that is not NULL may be written. */
export function constraintOf(type: LogicalType, path: string, settings: Settings): Constraint | undefined {
  const inCollections = settings.nestedEnforcer === 'ROWS_AND_COLLECTIONS'
  switch (type.kind) {
    case 'VARCHAR':
    case 'BYTES':
      return settings.lengthEnforcer === undefined ? undefined : lengthConstraint(type, settings.lengthEnforcer)
    case 'ROW': {
      if (settings.nestedEnforcer === undefined) return undefined
      const fields = type.fields.map((field) => partOf(field.type, `${path}.${field.name}`, settings))
      if (!fields.some((part) => part !== undefined)) return undefined
      return (value, at) => {
        const values = rowFields(value as string, type.fields)
        for (const [i, part] of fields.entries()) {
          if (part === undefined) continue
          const checked = part(values[i] ?? null, `${at}.${type.fields[i]?.name}`)
          if (checked === DROPPED) return DROPPED
          values[i] = checked
        }
        return rowValue(values, type.fields)
      }
    }
    case 'ARRAY': {
      const part = inCollections ? partOf(type.element, path, settings) : undefined
      if (part === undefined) return undefined
      return (value, at) => {
        const checked = arrayElements(value as string, type.element).map((element, i) => part(element, `${at}[${i}]`))
        return checked.includes(DROPPED) ? DROPPED : arrayValue(checked as Value[], type.element)
      }
    }
    case 'MAP':
    case 'MULTISET': {
      const [keyType, valueType] = type.kind === 'MAP' ? [type.key, type.value] : [type.element, notNull(INT)]
      const [key, inner] = [keyType, valueType].map((of) => (inCollections ? partOf(of, path, settings) : undefined))
      if (key === undefined && inner === undefined) return undefined
      return (value, at) => {
        const entries: [Value, Value][] = []
        for (const [k, v] of mapEntries(value as string, keyType, valueType)) {
          const checked = [key?.(k, `${at}[key]`) ?? k, inner?.(v, `${at}[value]`) ?? v] as const
          if (checked[0] === DROPPED || checked[1] === DROPPED) return DROPPED
          entries.push([checked[0], checked[1]])
        }
        return mapValue(entries, keyType, valueType)
      }
    }
    default:
      return undefined
  }
}

/** Of a value inside another, which may be NULL. */
function partOf(type: LogicalType, path: string, settings: Settings): ((value: Value, path: string) => Value | typeof DROPPED) | undefined {
  const inner = constraintOf(type, path, settings)
  if (inner === undefined && type.nullable) return undefined
  return (value, at) => {
    if (value !== null) return inner === undefined ? value : inner(value, at)
    if (type.nullable) return null
    if (settings.notNullEnforcer === 'DROP') return DROPPED
    throw new NotNullViolated({ column: at, table: settings.tableName })
  }
}

const NO_CONTEXT = { timeZone: 'UTC', now: () => 0 }

function lengthConstraint(
  type: Extract<LogicalType, { kind: 'VARCHAR' | 'BYTES' }>,
  enforcer: 'TRIM_PAD' | 'ERROR',
): Constraint | undefined {
  const length = type.length ?? MAX_VARCHAR_LENGTH
  if (length === MAX_VARCHAR_LENGTH && type.fixed !== true) return undefined
  if (enforcer === 'TRIM_PAD') {
    const any: LogicalType =
      type.kind === 'VARCHAR' ? { kind: 'VARCHAR', length: MAX_VARCHAR_LENGTH, nullable: true } : { kind: 'BYTES', nullable: true }
    return prepareCast(any, type, NO_CONTEXT)
  }
  return (value, path) => {
    const actual = type.kind === 'VARCHAR' ? [...(value as string)].length : (value as string).length
    if (type.fixed === true ? actual !== length : actual > length)
      throw new ValueLengthWrong({ column: path, type: typeToString(withNullable(type, true)), length: actual })
    return value
  }
}
