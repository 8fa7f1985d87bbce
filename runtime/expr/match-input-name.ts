/** What a condition or measure of MATCH_RECOGNIZE reads, in words. */
import type { MatchInput } from '#core/graph/operator-spec.js'
import { describeExpression } from './describe.js'

/** `LAST(A.price, 1)`, as in EXPLAIN. */
export function matchInputName(one: MatchInput, variables: readonly string[], columnName: (column: number) => string): string {
  if (one.kind === 'rowtime') return 'MATCH_ROWTIME()'
  const variable = one.variable === null ? '*' : (variables[one.variable] ?? '')
  if (one.kind === 'row') return `${one.first ? 'FIRST' : 'LAST'}(${variable}.${columnName(one.column)}, ${one.offset})`
  const args = one.args.map((arg) => (arg.kind === 'input' ? `${variable}.${columnName(arg.index)}` : describeExpression(arg)))
  return `${one.call.function}(${args.length === 0 ? `${variable === '*' ? '' : `${variable}.`}*` : args.join(', ')})`
}
