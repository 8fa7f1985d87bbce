/**
 * Constant folding, by the evaluator that runs. What cannot be computed is left as it is: it fails when a row needs it, and a
 * CASE may see to it that none does.
 */
import type { Expression } from '#core/graph/expression.js'
import type { MatchExpression } from '#core/graph/operator-spec.js'
import type { EvaluationContext } from '#runtime/expr/evaluation.js'
import { evaluate, foldConstant } from '#runtime/expr/interpreter.js'
import { columnsOf, conjunction, conjuncts, rewrite } from './expressions.js'
import { inputsOf, literalValue, withInputs, type Relation } from './relation.js'

/** The clock's functions: one time for a whole batch job, as in Flink; in streaming each row has its own. */
const CLOCK = new Set(['CURRENT_TIMESTAMP', 'NOW', 'LOCALTIMESTAMP', 'CURRENT_DATE'])

export interface FoldContext extends EvaluationContext {
  /** True for BATCH: the clock is read once, now. */
  readonly clockStands: boolean
}

export function foldRelation(relation: Relation, context: FoldContext): Relation {
  const node = withInputs(
    relation,
    inputsOf(relation).map((input) => foldRelation(input, context)),
  )
  const fold = (expression: Expression): Expression => foldExpression(expression, context)
  switch (node.kind) {
    case 'project':
      return { ...node, expressions: node.expressions.map(fold) }
    case 'filter': {
      const condition = foldCondition(node.condition, context)
      return condition === undefined ? node.input : { ...node, condition }
    }
    case 'join':
      return { ...node, condition: node.condition === null ? null : (foldCondition(node.condition, context) ?? null) }
    case 'watermark':
      return { ...node, expression: fold(node.expression) }
    case 'match': {
      const folded = (one: MatchExpression): MatchExpression => ({ ...one, expression: fold(one.expression) })
      const pattern = node.pattern.map((one) => (one.condition === undefined ? one : { ...one, condition: folded(one.condition) }))
      return { ...node, pattern, measures: node.measures.map(folded) }
    }
    default:
      return node
  }
}

/** The condition without parts that are always TRUE; undefined when nothing is left. */
function foldCondition(condition: Expression, context: FoldContext): Expression | undefined {
  const parts = conjuncts(condition).map((part) => foldExpression(part, context))
  return conjunction(parts.filter((part) => !(part.kind === 'literal' && part.value === true)))
}

export function foldExpression(expression: Expression, context: FoldContext): Expression {
  return rewrite(expression, (node) => {
    if (node.kind === 'input' || node.kind === 'literal') return node
    if (columnsOf(node).size > 0) return undefined
    try {
      if (context.clockStands && node.kind === 'call' && node.args.length === 0 && CLOCK.has(node.name)) {
        return { kind: 'literal', value: literalValue(evaluate(node, [], context)), type: node.type }
      }
      return foldConstant(node, context)
    } catch {
      return node
    }
  })
}
