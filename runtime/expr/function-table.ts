/** Every function and operator of SQL, by name: the one place where signatures, row-wise code and generated code meet. */
import type { LiteralValue } from '#core/graph/expression.js'
import { withNullable, type LogicalType } from '#core/types/logical-type.js'
import { ARITHMETIC } from './functions/arithmetic.js'
import { COLLECTIONS } from './functions/collections.js'
import { VARIANTS } from './functions/variants.js'
import { COMPARISON, NEGATED } from './functions/comparison.js'
import type { FunctionDefinition } from './functions/definition.js'
import { JSON_FUNCTIONS } from './functions/json.js'
import { HASHING } from './functions/hashing.js'
import { LOGIC } from './functions/logic.js'
import { MATH } from './functions/math.js'
import { STRINGS } from './functions/strings.js'
import { TEMPORAL } from './functions/temporal.js'
import { findUserFunction } from './user-functions.js'

const DEFINITIONS: ReadonlyMap<string, FunctionDefinition> = new Map(
  [
    ...LOGIC,
    ...COMPARISON,
    ...ARITHMETIC,
    ...MATH,
    ...STRINGS,
    ...TEMPORAL,
    ...HASHING,
    ...COLLECTIONS,
    ...VARIANTS,
    ...JSON_FUNCTIONS,
  ].map((definition) => [definition.name, definition]),
)

export function findFunction(name: string): FunctionDefinition | undefined {
  return DEFINITIONS.get(name) ?? findUserFunction(name)
}

/** All names, sorted: operators such as `+` and `NOT LIKE` too. */
export function functionNames(): string[] {
  return [...DEFINITIONS.keys(), ...NEGATED.keys()].sort()
}

/**
 * Types of a call: what it gives, and what each argument must be cast to first. `name` in upper case; `literals[i]` is the value
 * of argument i where it is a literal (units of EXTRACT, digits of ROUND). A DECIMAL result or a cast text may be narrower than
 * both operands; the rules are Flink's. `problem` is the message for the user, in Calcite's words.
 *
 * CASE takes (when1, then1, when2, then2, …, else); IN takes (value, item1, …); LIKE (text, pattern[, escape]); TRIM(LEADING x
 * FROM s) is LTRIM(s, x); temporal calls: see functions/temporal.ts.
 */
export function resolveFunction(
  name: string,
  argTypes: readonly LogicalType[],
  literals: readonly (LiteralValue | undefined)[] = argTypes.map(() => undefined),
): { type: LogicalType; argTypes: LogicalType[] } | { problem: string } {
  const definition = DEFINITIONS.get(NEGATED.get(name) ?? name)
  if (definition === undefined) return { problem: `No match found for function signature ${name}(${argTypes.map(() => '?').join(', ')})` }
  const resolution = definition.resolve(argTypes, literals)
  if ('problem' in resolution)
    return { problem: name === definition.name ? resolution.problem : resolution.problem.replaceAll(definition.name, name) }
  return {
    type: resolution.type,
    argTypes: resolution.argTypes.map((type, i) => withNullable(type, argTypes[i]?.nullable ?? type.nullable)),
  }
}
