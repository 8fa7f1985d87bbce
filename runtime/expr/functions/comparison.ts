/** Comparisons. Both sides are cast to one type; NULL compares to NULL. Texts compare by code point, without padding. */
import type { LogicalType, Value } from '#core/types/logical-type.js'
import { isBinary, withNullable } from '#core/types/logical-type.js'
import { compareText } from '../text-order.js'
import { commonType, comparisonType } from '../type-rules.js'
import { anyNullable, cannotApply, matchArguments, type FunctionDefinition, type Resolution, type RowFunction } from './definition.js'

type Present = Exclude<Value, null>

/**
 * Order of two values of one type that are not NULL: negative, 0 or positive; NaN when a DOUBLE is NaN (every comparison but <>
 * is then FALSE, as in Java).
 */
export function comparatorOf(type: LogicalType): (a: Present, b: Present) => number {
  if (isBinary(type)) return (a, b) => compareText(a as string, b as string)
  switch (type.kind) {
    case 'VARCHAR':
    case 'VARIANT':
      return (a, b) => compareText(a as string, b as string)
    case 'BIGINT':
    case 'DECIMAL':
    case 'INTERVAL_MILLIS':
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return (a, b) => (a < b ? -1 : a > b ? 1 : 0)
    case 'DOUBLE':
      return (a, b) => (a < b ? -1 : a > b ? 1 : a === b ? 0 : NaN)
    default:
      return (a, b) => (a as number) - (b as number)
  }
}

function resolveTwo(name: string, argTypes: readonly LogicalType[], nullable: boolean | undefined): Resolution {
  const matched = matchArguments(name, 'XX', argTypes)
  if ('problem' in matched) return matched
  return resolveAll(name, argTypes, nullable)
}

/** The first argument against each of the others, all cast to one type. */
function resolveAll(name: string, argTypes: readonly LogicalType[], nullable: boolean | undefined): Resolution {
  let target: LogicalType | undefined = argTypes[0]
  for (const type of argTypes.slice(1)) target = target && comparisonType(target, type)
  if (target === undefined) return cannotApply(name, argTypes)
  const common = target
  return {
    argTypes: argTypes.map((type) => withNullable(common, type.nullable)),
    type: { kind: 'BOOLEAN', nullable: nullable ?? anyNullable(argTypes) },
  }
}

function comparison(name: string, holds: (order: number) => boolean): FunctionDefinition {
  return {
    name,
    nulls: 'strict',
    resolve: (argTypes) => resolveTwo(name, argTypes, undefined),
    bind: ({ argTypes }) => {
      const compare = comparatorOf(argTypes[0] as LogicalType)
      return (a: Present, b: Present) => holds(compare(a, b))
    },
  }
}

function distinction(name: string, distinct: boolean): FunctionDefinition {
  return {
    name,
    nulls: 'custom',
    resolve: (argTypes) => resolveTwo(name, argTypes, false),
    bind: ({ argTypes }) => {
      const compare = comparatorOf(argTypes[0] as LogicalType)
      return (a: Value, b: Value) => (a === null || b === null ? a !== b : compare(a, b) !== 0) === distinct
    },
  }
}

/** value IN (a, b, …): TRUE when one equals, NULL when none does but one is NULL, else FALSE. */
const IN: FunctionDefinition = {
  name: 'IN',
  nulls: 'custom',
  resolve(argTypes) {
    const matched = matchArguments('IN', 'XX*', argTypes)
    return 'problem' in matched ? matched : resolveAll('IN', argTypes, undefined)
  },
  bind: ({ argTypes, constants }) => {
    const type = argTypes[0] as LogicalType
    const items = constants.slice(1)
    if (type.kind !== 'DOUBLE' && items.every((item) => item !== undefined)) {
      const set = new Set(items)
      const missing = set.has(null) ? null : false
      return (value: Value) => (value === null ? null : set.has(value) ? true : missing)
    }
    return inRowWise(comparatorOf(type))
  },
}

function inRowWise(compare: (a: Present, b: Present) => number): RowFunction {
  return (value: Value, ...others: Value[]) => {
    if (value === null) return null
    let result: boolean | null = false
    for (const other of others) {
      if (other === null) result = null
      else if (compare(value, other) === 0) return true
    }
    return result
  }
}

/** value BETWEEN low AND high, which is value >= low AND value <= high. */
const BETWEEN: FunctionDefinition = {
  name: 'BETWEEN',
  nulls: 'custom',
  resolve(argTypes) {
    const matched = matchArguments('BETWEEN', 'XXX', argTypes)
    return 'problem' in matched ? matched : resolveAll('BETWEEN', argTypes, undefined)
  },
  bind: ({ argTypes }) => {
    const compare = comparatorOf(argTypes[0] as LogicalType)
    return (value: Value, low: Value, high: Value) => {
      const above = value === null || low === null ? null : compare(value, low) >= 0
      const below = value === null || high === null ? null : compare(value, high) <= 0
      return above === false || below === false ? false : above === null || below === null ? null : true
    }
  },
}

/** NULLIF(a, b): NULL when they are equal, else a. */
const NULLIF: FunctionDefinition = {
  name: 'NULLIF',
  nulls: 'custom',
  resolve(argTypes) {
    const resolution = resolveTwo('NULLIF', argTypes, true)
    return 'problem' in resolution
      ? resolution
      : { argTypes: resolution.argTypes, type: withNullable(resolution.argTypes[0] as LogicalType, true) }
  },
  bind: ({ argTypes }) => {
    const compare = comparatorOf(argTypes[0] as LogicalType)
    return (a: Value, b: Value) => (a !== null && b !== null && compare(a, b) === 0 ? null : a)
  },
}

/** The greatest or least value; NULL when one is NULL. */
function extreme(name: 'GREATEST' | 'LEAST', better: (order: number) => boolean): FunctionDefinition {
  return {
    name,
    nulls: 'strict',
    resolve(argTypes) {
      const matched = matchArguments(name, 'X*', argTypes)
      if ('problem' in matched) return matched
      const common = commonType(argTypes)
      if (common === undefined) return cannotApply(name, argTypes)
      return { argTypes: argTypes.map((type) => withNullable(common, type.nullable)), type: common }
    },
    bind: ({ type }) => {
      const compare = comparatorOf(type)
      return (first: Present, ...others: Present[]) => {
        let best = first
        for (const other of others) if (better(compare(other, best))) best = other
        return best
      }
    },
  }
}

/** `name` is NOT (`positive`); evaluated as such. */
export const NEGATED: ReadonlyMap<string, string> = new Map([
  ['NOT IN', 'IN'],
  ['NOT BETWEEN', 'BETWEEN'],
  ['NOT LIKE', 'LIKE'],
])

export const COMPARISON: readonly FunctionDefinition[] = [
  comparison('=', (order) => order === 0),
  comparison('<>', (order) => order !== 0),
  comparison('<', (order) => order < 0),
  comparison('<=', (order) => order <= 0),
  comparison('>', (order) => order > 0),
  comparison('>=', (order) => order >= 0),
  distinction('IS DISTINCT FROM', true),
  distinction('IS NOT DISTINCT FROM', false),
  IN,
  BETWEEN,
  NULLIF,
  extreme('GREATEST', (order) => order > 0),
  extreme('LEAST', (order) => order < 0),
]
