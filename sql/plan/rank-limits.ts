/** Conditions on a row's number: how many rows of each partition are needed for them. */
import type { Expression } from '#core/graph/expression.js'

const FLIPPED: Readonly<Record<string, string>> = { '>=': '<=', '>': '<', '=': '=' }

/** The highest number that satisfies the condition, and whether every number up to it does; undefined: it sets no limit. */
export function rankLimit(condition: Expression, column: number): { limit: number; exact: boolean } | undefined {
  if (condition.kind !== 'call') return undefined
  const [first, second, third] = condition.args
  if (condition.name === 'BETWEEN' && isColumn(first, column)) {
    const [low, high] = [numberOf(second), numberOf(third)]
    return low === undefined || high === undefined ? undefined : { limit: high, exact: low <= 1 }
  }
  const left = isColumn(first, column)
  const bound = numberOf(left ? second : first)
  const operator = left ? condition.name : FLIPPED[condition.name]
  if (bound === undefined || (!left && !isColumn(second, column))) return undefined
  switch (operator) {
    case '<=':
      return { limit: bound, exact: true }
    case '<':
      return { limit: bound - 1, exact: true }
    case '=':
      return { limit: bound, exact: bound === 1 }
    default:
      return undefined
  }
}

function isColumn(expression: Expression | undefined, column: number): boolean {
  return expression?.kind === 'input' && expression.index === column
}

function numberOf(expression: Expression | undefined): number | undefined {
  if (expression?.kind !== 'literal' || expression.value === null) return undefined
  const { kind } = expression.type
  if (kind !== 'INT' && kind !== 'BIGINT') return undefined
  const value = Number(expression.value)
  return Number.isSafeInteger(value) ? value : undefined
}
