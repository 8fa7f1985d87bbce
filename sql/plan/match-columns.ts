/** Which columns MATCH_RECOGNIZE reads of its input. */
import type { MatchExpression, MatchInput } from '#core/graph/operator-spec.js'
import { columnsOf, renumber } from './expressions.js'

/** True for an expression that is nothing but MATCH_ROWTIME(). */
export function isMatchRowtime({ expression, inputs }: MatchExpression): boolean {
  return expression.kind === 'input' && inputs[expression.index]?.kind === 'rowtime'
}

/** Columns of the input that are read. */
export function matchColumns({ inputs }: MatchExpression): number[] {
  return inputs.flatMap((input) =>
    input.kind === 'row' ? [input.column] : input.kind === 'aggregate' ? input.args.flatMap((arg) => [...columnsOf(arg)]) : [],
  )
}

/** The same with the input's columns elsewhere. */
export function moveMatchColumns({ expression, inputs }: MatchExpression, to: (column: number) => number): MatchExpression {
  const moved = inputs.map((input): MatchInput => {
    if (input.kind === 'row') return { ...input, column: to(input.column) }
    return input.kind === 'aggregate' ? { ...input, args: input.args.map((arg) => renumber(arg, to)) } : input
  })
  return { expression, inputs: moved }
}
