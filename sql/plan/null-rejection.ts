/** Conditions that no row meets which an outer join has padded with NULL: above it, that join is none for that side. */
import type { Expression } from '#core/graph/expression.js'

const COMPARISONS = new Set(['=', '<>', '<', '<=', '>', '>=', 'LIKE', 'NOT LIKE', 'BETWEEN', 'IS TRUE', 'IS FALSE', 'IS NOT NULL'])
const STRICT = new Set(['+', '-', '*', '/', '%', 'UPPER', 'LOWER', 'CHAR_LENGTH', 'ABS', 'NOT', 'TIMESTAMP_ADD_MILLIS'])

/** True when the condition is not TRUE wherever all those columns are NULL. False: not known. */
export function rejectsNull(condition: Expression, isPadded: (column: number) => boolean): boolean {
  if (condition.kind === 'input') return isPadded(condition.index)
  if (condition.kind === 'literal') return condition.value !== true
  if (condition.kind !== 'call') return false
  if (condition.name === 'AND') return condition.args.some((arg) => rejectsNull(arg, isPadded))
  if (condition.name === 'OR') return condition.args.every((arg) => rejectsNull(arg, isPadded))
  if (condition.name === 'IN') return isNullWith(condition.args[0] as Expression, isPadded)
  // Of BETWEEN the bounds alone do not decide: one that is NULL may leave it FALSE, which is no TRUE either.
  return COMPARISONS.has(condition.name) && condition.args.some((arg) => isNullWith(arg, isPadded))
}

/** True when the value is NULL wherever those columns are. */
function isNullWith(value: Expression, isPadded: (column: number) => boolean): boolean {
  if (value.kind === 'input') return isPadded(value.index)
  if (value.kind === 'cast') return isNullWith(value.arg, isPadded)
  return (
    value.kind === 'call' &&
    (STRICT.has(value.name) || (COMPARISONS.has(value.name) && !value.name.startsWith('IS'))) &&
    value.name !== 'BETWEEN' &&
    value.args.some((arg) => isNullWith(arg, isPadded))
  )
}
