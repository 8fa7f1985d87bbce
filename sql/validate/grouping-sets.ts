/** GROUPING SETS, ROLLUP and CUBE as sets of keys. */
import type { ExpressionNode } from '../parser/ast-expression.js'
import type { GroupingNode } from '../parser/ast-query.js'
import type { SourceText } from '../parser/source-text.js'
import { notSupported } from '../parser/sql-errors.js'

/** Each set is an aggregation of its own. */
export const MAX_SETS = 64
const MAX_CUBE = 6

/** `keyOf`: the place of the expression among the keys. */
export function keysOfSets(
  { type, sets, at }: GroupingNode & { kind: 'grouping-sets' },
  keyOf: (expression: ExpressionNode) => number,
  source: SourceText,
): number[][] {
  for (const [expression] of sets) {
    const name = expression?.kind === 'call' ? expression.name[0]?.text.toUpperCase() : undefined
    if (expression !== undefined && (name === 'ROLLUP' || name === 'CUBE'))
      throw notSupported(source, expression.at, `${name} within ${type}.`, 'Write its sets out.')
  }
  const keys = sets.map((set) => set.map(keyOf))
  if (type === 'GROUPING SETS') return keys
  if (type === 'ROLLUP') return [...keys.keys(), keys.length].reverse().map((length) => keys.slice(0, length).flat())
  if (keys.length > MAX_CUBE) throw notSupported(source, at, `CUBE of more than ${MAX_CUBE} expressions.`)
  // With the first one, then without it, and so on for the others.
  return keys.reduceRight<number[][]>((smaller, key) => [...smaller.map((set) => [...key, ...set]), ...smaller], [[]])
}

/** Every set of the first part with every one of the others, keys once each. */
export function combinedSets(parts: readonly (readonly (readonly number[])[])[]): number[][] {
  return parts.reduce<number[][]>((sets, part) => sets.flatMap((set) => part.map((more) => [...new Set([...set, ...more])])), [[]])
}
