/**
 * Constant folding, by the evaluator that runs. What cannot be computed is left as it is: it fails when a row needs it, and a
 * CASE may see to it that none does.
 */
import type { Expression } from '#core/graph/expression.js'
import type { EvaluationContext } from '#runtime/expr/evaluation.js'
import { foldConstant } from '#runtime/expr/interpreter.js'
import { columnsOf, conjunction, conjuncts, rewrite } from './expressions.js'
import { inputsOf, withInputs, type Relation } from './relation.js'

export function foldRelation(relation: Relation, context: EvaluationContext): Relation {
  const node = withInputs(relation, inputsOf(relation).map((input) => foldRelation(input, context)))
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
    default:
      return node
  }
}

/** The condition without parts that are always TRUE; undefined when nothing is left. */
function foldCondition(condition: Expression, context: EvaluationContext): Expression | undefined {
  const parts = conjuncts(condition).map((part) => foldExpression(part, context))
  return conjunction(parts.filter((part) => !(part.kind === 'literal' && part.value === true)))
}

export function foldExpression(expression: Expression, context: EvaluationContext): Expression {
  return rewrite(expression, (node) => {
    if (node.kind === 'input' || node.kind === 'literal') return node
    if (columnsOf(node).size > 0) return undefined
    try {
      const folded = foldConstant(node, context)
      return folded ?? undefined
    } catch {
      return node
    }
  })
}

