/** MATCH_RECOGNIZE in EXPLAIN. */
import { formatDuration } from '#core/config/units.js'
import type { MatchExpression, PatternVariable } from '#core/graph/operator-spec.js'
import { describeExpression } from '#runtime/expr/describe.js'
import { matchInputName } from '#runtime/expr/match-input-name.js'
import type { Match } from './relation.js'

export function matchText(node: Match): (readonly [key: string, value: string])[] {
  const { fields } = node.input
  const name = (column: number): string => fields[column]?.name ?? ''
  const variables = node.pattern.map((one) => one.name)
  const text = ({ expression, inputs }: MatchExpression): string =>
    describeExpression(expression, {
      fields: inputs.map((one) => ({ name: matchInputName(one, variables, name), type: expression.type })),
    })
  const order = [{ column: node.timeColumn, ascending: true }, ...node.order].map(
    ({ column, ascending }) => `${name(column)} ${ascending ? 'ASC' : 'DESC'}`,
  )
  const measures = node.measures.map((one, i) => `${text(one)} AS ${node.fields[node.partition.length + i]?.name}`)
  const define = node.pattern.flatMap((one) => (one.condition === undefined ? [] : [`${one.name}=${text(one.condition)}`]))
  return [
    ...(node.partition.length === 0 ? [] : [['partitionBy', node.partition.map(name).join(', ')] as const]),
    ['orderBy', order.join(', ')],
    ...(measures.length === 0 ? [] : [['measures', measures.join(', ')] as const]),
    ['rowsPerMatch', 'ONE ROW PER MATCH'],
    ['after', skipText(node)],
    ['pattern', `(${node.pattern.map(repeatText).join(', ')})`],
    ...(node.withinMs === undefined ? [] : [['within', formatDuration(node.withinMs)] as const]),
    ['define', `{${define.join(', ')}}`],
  ]
}

function skipText({ skip, pattern }: Match): string {
  if (skip.kind === 'past-last-row') return 'SKIP PAST LAST ROW'
  if (skip.kind === 'to-next-row') return 'SKIP TO NEXT ROW'
  return `SKIP TO ${skip.kind === 'to-first' ? 'FIRST' : 'LAST'} ${pattern[skip.variable]?.name}`
}

function repeatText({ name, least, most, greedy }: PatternVariable): string {
  const times =
    least === 1 && most === 1
      ? ''
      : most === null && least < 2
        ? least === 0
          ? '*'
          : '+'
        : least === 0 && most === 1
          ? '?'
          : `{${least},${most ?? ''}}`
  return `${name}${times}${greedy ? '' : '?'}`
}
