/** Columns that are processing time: PROCTIME(), passed on unchanged. Their value is the moment in which a row is looked at. */
import type { Relation } from './relation.js'

export function isProcessingTime(relation: Relation, column: number): boolean {
  switch (relation.kind) {
    case 'project': {
      const expression = relation.expressions[column]
      if (expression?.kind === 'call') return expression.name === 'PROCTIME'
      return expression?.kind === 'input' && isProcessingTime(relation.input, expression.index)
    }
    case 'filter':
    case 'watermark':
      return isProcessingTime(relation.input, column)
    case 'join':
      return column < relation.left.fields.length && isProcessingTime(relation.left, column)
    case 'match': {
      const expression = relation.measures[column - relation.partition.length]?.expression
      return expression?.kind === 'call' && expression.name === 'PROCTIME'
    }
    default:
      return false
  }
}

/** Rows come in the order of processing time: a stream need not be sorted by it. */
export function withoutProcessingTimeOrder(relation: Relation): Relation {
  if (relation.kind === 'project') return { ...relation, input: withoutProcessingTimeOrder(relation.input) }
  if (relation.kind !== 'sort') return relation
  const { input, keys, limit, offset } = relation
  const [first] = keys
  const inOrder = keys.length === 1 && first?.ascending === true && isProcessingTime(input, first.column)
  if (!inOrder) return relation
  return limit === null && offset === 0 ? input : { ...relation, keys: [] }
}
