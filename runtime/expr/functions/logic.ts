/** Three-valued logic and the functions that choose between their arguments. */
import { withNullable, type LogicalType, type Value } from '#core/types/logical-type.js'
import { commonType } from '../type-rules.js'
import { anyNullable, cannotApply, matchArguments, type FunctionDefinition, type Resolution, type RowFunction } from './definition.js'

const neverCalled = (): RowFunction => () => {
  throw new Error('a lazy function is evaluated by name')
}

function connective(name: 'AND' | 'OR'): FunctionDefinition {
  return {
    name,
    nulls: 'lazy',
    bind: neverCalled,
    resolve(argTypes) {
      const matched = matchArguments(name, 'BB*', argTypes)
      return 'problem' in matched
        ? matched
        : { argTypes: matched.argTypes, type: { kind: 'BOOLEAN', nullable: anyNullable(matched.argTypes) } }
    },
  }
}

function truthTest(name: string, test: (value: Value) => boolean): FunctionDefinition {
  return {
    name,
    nulls: 'custom',
    bind: () => test,
    resolve(argTypes) {
      const matched = matchArguments(name, 'B', argTypes)
      return 'problem' in matched ? matched : { argTypes: matched.argTypes, type: { kind: 'BOOLEAN', nullable: false } }
    },
  }
}

function nullTest(name: string, test: (value: Value) => boolean): FunctionDefinition {
  return {
    name,
    nulls: 'custom',
    bind: () => test,
    resolve(argTypes) {
      const matched = matchArguments(name, 'X', argTypes)
      return 'problem' in matched ? matched : { argTypes: matched.argTypes, type: { kind: 'BOOLEAN', nullable: false } }
    },
  }
}

/** All values cast to what they have in common. */
function unify(name: string, types: readonly LogicalType[], all: readonly LogicalType[]): LogicalType | { problem: string } {
  const common = commonType(types)
  return common ?? cannotApply(name, all)
}

/** Each value keeps its own nullability when cast to the common type. */
function castTo(common: LogicalType, type: LogicalType): LogicalType {
  return withNullable(common, type.nullable)
}

/** CASE WHEN a THEN x WHEN b THEN y ELSE z END has arguments a, x, b, y, z; without ELSE the last is missing and means NULL. */
function resolveCase(name: string, argTypes: readonly LogicalType[]): Resolution {
  if (argTypes.length < 2) return { problem: `Invalid number of arguments to function '${name}'. Was expecting at least 2 arguments` }
  const isValue = (i: number) => i % 2 === 1 || (argTypes.length % 2 === 1 && i === argTypes.length - 1)
  const values = argTypes.filter((_, i) => isValue(i))
  const common = unify(name, values, argTypes)
  if ('problem' in common) return common
  const cast: LogicalType[] = []
  for (const [i, type] of argTypes.entries()) {
    if (isValue(i)) cast.push(castTo(common, type))
    else if (type.kind === 'BOOLEAN' || type.kind === 'NULL') cast.push({ kind: 'BOOLEAN', nullable: type.nullable })
    else return { problem: `Expected a boolean type in WHEN, found ${type.kind}` }
  }
  return { argTypes: cast, type: withNullable(common, anyNullable(values) || argTypes.length % 2 === 0) }
}

export const LOGIC: readonly FunctionDefinition[] = [
  connective('AND'),
  connective('OR'),
  {
    name: 'NOT',
    nulls: 'strict',
    bind: () => (value: boolean) => !value,
    inline: () => (value) => `!${value}`,
    resolve(argTypes) {
      const matched = matchArguments('NOT', 'B', argTypes)
      return 'problem' in matched
        ? matched
        : { argTypes: matched.argTypes, type: { kind: 'BOOLEAN', nullable: anyNullable(matched.argTypes) } }
    },
  },
  nullTest('IS NULL', (value) => value === null),
  nullTest('IS NOT NULL', (value) => value !== null),
  truthTest('IS TRUE', (value) => value === true),
  truthTest('IS NOT TRUE', (value) => value !== true),
  truthTest('IS FALSE', (value) => value === false),
  truthTest('IS NOT FALSE', (value) => value !== false),
  truthTest('IS UNKNOWN', (value) => value === null),
  truthTest('IS NOT UNKNOWN', (value) => value !== null),
  { name: 'CASE', nulls: 'lazy', bind: neverCalled, resolve: (argTypes) => resolveCase('CASE', argTypes) },
  {
    name: 'IF',
    nulls: 'lazy',
    bind: neverCalled,
    resolve(argTypes) {
      const matched = matchArguments('IF', 'BXX', argTypes)
      return 'problem' in matched ? matched : resolveCase('IF', matched.argTypes)
    },
  },
  {
    name: 'COALESCE',
    nulls: 'lazy',
    bind: neverCalled,
    resolve(argTypes) {
      const matched = matchArguments('COALESCE', 'X*', argTypes)
      if ('problem' in matched) return matched
      const common = unify('COALESCE', argTypes, argTypes)
      if ('problem' in common) return common
      return {
        argTypes: argTypes.map((type) => castTo(common, type)),
        type: withNullable(
          common,
          argTypes.every((type) => type.nullable),
        ),
      }
    },
  },
  {
    name: 'IFNULL',
    nulls: 'lazy',
    bind: neverCalled,
    resolve(argTypes) {
      const matched = matchArguments('IFNULL', 'XX', argTypes)
      if ('problem' in matched) return matched
      const common = unify('IFNULL', argTypes, argTypes)
      if ('problem' in common) return common
      return {
        argTypes: argTypes.map((type) => castTo(common, type)),
        type: withNullable(
          common,
          argTypes.every((type) => type.nullable),
        ),
      }
    },
  },
]
