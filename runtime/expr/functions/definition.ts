/** How a SQL function is declared: once, with its types, its treatment of NULL, its row-wise code and, where it pays, generated code. */
import type { LiteralValue } from '#core/graph/expression.js'
import { hasNanos, MAX_MILLIS_PRECISION, withNullable, type LogicalType, type Value } from '#core/types/logical-type.js'
import type { EvaluationContext } from '../evaluation.js'
import { isDateTime, isNumeric, typeInMessage } from '../type-rules.js'

/** Types the arguments must be cast to, and the type of the result. */
export interface Signature {
  readonly argTypes: readonly LogicalType[]
  readonly type: LogicalType
}
export type Resolution = Signature | { readonly problem: string }

/** Literal value of an argument, as in the expression tree; undefined: not a literal. */
export type Literals = readonly (LiteralValue | undefined)[]

/** A call whose types are known and whose constant arguments have values (undefined: varies from row to row). */
export interface BoundCall extends Signature {
  readonly constants: readonly (Value | undefined)[]
  readonly context: EvaluationContext
}

/** Arguments as JavaScript values (core/types/logical-type.ts); each implementation names the types its signature promises. */
export type RowFunction = (...args: any[]) => Value

export interface FunctionDefinition {
  readonly name: string
  resolve(argTypes: readonly LogicalType[], literals: Literals): Resolution
  /**
   * strict: NULL when an argument is NULL, and the row function never sees one. custom: the row function gets NULLs.
   * lazy: arguments are evaluated as needed (AND, OR, CASE, COALESCE); the evaluators know these by name.
   */
  readonly nulls: 'strict' | 'custom' | 'lazy'
  /** The row-wise code for these types and constants. Called once for each call in an expression. */
  bind(call: BoundCall): RowFunction
  /**
   * Generated form: gives the source of one JavaScript expression from the names of the arguments' variables, or undefined when
   * there is none for these types. It must not throw, whatever the arguments hold (they are garbage where a row is NULL), and it
   * refers to nothing but the names given. BIGINT variables hold int64 bigints, INT int32 numbers, BOOLEAN true and false.
   */
  readonly inline?: (signature: Signature) => ((...args: string[]) => string) | undefined
  /** False: the result changes between calls with equal arguments (the clock); never folded to a constant. */
  readonly deterministic?: false
}

/**
 * One letter for each parameter: S text, I INT, L BIGINT, D DOUBLE, N any number, B BOOLEAN, T DATE or timestamp, X anything
 * (kept as it is), U a literal time unit, C T or TIME, K the same with all its digits. `?` before the first optional one, `*` at the end: the last repeats.
 */
export function matchArguments(
  name: string,
  pattern: string,
  argTypes: readonly LogicalType[],
): { argTypes: LogicalType[] } | { problem: string } {
  const repeats = pattern.endsWith('*')
  const plain = repeats ? pattern.slice(0, -1) : pattern
  const optionalAt = plain.indexOf('?')
  const letters = plain.replace('?', '')
  const least = optionalAt < 0 ? letters.length : optionalAt
  if (argTypes.length < least || (!repeats && argTypes.length > letters.length)) {
    const expected = repeats ? `at least ${least}` : least === letters.length ? `${least}` : `${least} to ${letters.length}`
    return { problem: `Invalid number of arguments to function '${name}'. Was expecting ${expected} arguments` }
  }
  const cast: LogicalType[] = []
  for (const [i, type] of argTypes.entries()) {
    const target = parameterType(letters[Math.min(i, letters.length - 1)] as string, type)
    if (target === undefined) return cannotApply(name, argTypes, [formOf(letters, optionalAt, argTypes.length)])
    cast.push(target)
  }
  return { argTypes: cast }
}

function parameterType(letter: string, type: LogicalType): LogicalType | undefined {
  const { nullable, kind } = type
  const isNull = kind === 'NULL'
  switch (letter) {
    case 'S':
    case 'U':
      return kind === 'VARCHAR' ? type : isNull ? { kind: 'VARCHAR', length: 1, nullable } : undefined
    case 'I':
      return kind === 'INT' || kind === 'BIGINT' || isNull ? { kind: 'INT', nullable } : undefined
    case 'L':
      return kind === 'INT' || kind === 'BIGINT' || isNull ? { kind: 'BIGINT', nullable } : undefined
    case 'D':
      return isNumeric(type) || isNull ? { kind: 'DOUBLE', nullable } : undefined
    case 'N':
      return isNumeric(type) ? type : isNull ? { kind: 'INT', nullable } : undefined
    case 'B':
      return kind === 'BOOLEAN' || isNull ? { kind: 'BOOLEAN', nullable } : undefined
    case 'K':
      return isDateTime(type) || kind === 'TIME' ? type : isNull ? { kind: 'TIMESTAMP', precision: 3, nullable } : undefined
    case 'C':
      if (kind === 'TIME') return type
      return parameterType('T', type)
    case 'T':
      if (hasNanos(type)) return { kind: type.kind as 'TIMESTAMP', precision: MAX_MILLIS_PRECISION, nullable }
      return isDateTime(type) ? type : isNull ? { kind: 'TIMESTAMP', precision: 3, nullable } : undefined
    default:
      return type
  }
}

const LETTER_NAMES: Record<string, string> = {
  S: 'CHARACTER',
  U: 'TIME UNIT',
  I: 'INTEGER',
  L: 'BIGINT',
  D: 'NUMERIC',
  N: 'NUMERIC',
  B: 'BOOLEAN',
  T: 'DATETIME',
  C: 'DATETIME',
  K: 'DATETIME',
  X: 'ANY',
}

function formOf(letters: string, optionalAt: number, given: number): string {
  const shown = optionalAt < 0 ? letters : letters.slice(0, Math.max(optionalAt, Math.min(given, letters.length)))
  return [...shown].map((letter) => `<${LETTER_NAMES[letter]}>`).join(', ')
}

/** Calcite's message; binary operators are shown between their operands. */
export function cannotApply(name: string, argTypes: readonly LogicalType[], forms: readonly string[] = []): { problem: string } {
  const types = argTypes.map((type) => `<${typeInMessage(type)}>`)
  const between = /^[A-Z_0-9]+$/.test(name)
    ? undefined
    : types.length === 2
      ? types.join(` ${name} `)
      : types.length === 1
        ? `${name}${types[0]}`
        : undefined
  const supported =
    forms.length === 0
      ? ''
      : `. Supported form(s): ${forms.map((form) => (between === undefined ? `'${name}(${form})'` : `'${form}'`)).join(', ')}`
  return { problem: `Cannot apply '${name}' to arguments of type '${between ?? `${name}(${types.join(', ')})`}'${supported}` }
}

export function anyNullable(types: readonly LogicalType[]): boolean {
  return types.some((type) => type.nullable)
}

/** Result type of a strict function: nullable when an argument is, or when the function itself may give NULL. */
export type ResultRule = LogicalType | ((argTypes: readonly LogicalType[], literals: Literals) => LogicalType)

/**
 * A strict function over a fixed parameter list. `mayBeNull`: gives NULL for some arguments that are not.
 */
export function strict(
  name: string,
  pattern: string,
  result: ResultRule,
  bind: (call: BoundCall) => RowFunction,
  more: { mayBeNull?: boolean; inline?: FunctionDefinition['inline'] } = {},
): FunctionDefinition {
  return {
    name,
    nulls: 'strict',
    bind,
    ...(more.inline === undefined ? {} : { inline: more.inline }),
    resolve(argTypes, literals) {
      const matched = matchArguments(name, pattern, argTypes)
      if ('problem' in matched) return matched
      const type = typeof result === 'function' ? result(matched.argTypes, literals) : result
      return { argTypes: matched.argTypes, type: withNullable(type, more.mayBeNull === true || anyNullable(matched.argTypes)) }
    },
  }
}

/** The same function under another name. */
export function alias(name: string, definition: FunctionDefinition): FunctionDefinition {
  return {
    ...definition,
    name,
    resolve(argTypes, literals) {
      const resolution = definition.resolve(argTypes, literals)
      return 'problem' in resolution ? { problem: resolution.problem.replaceAll(`'${definition.name}`, `'${name}`) } : resolution
    },
  }
}
