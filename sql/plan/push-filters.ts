/**
 * Conditions move towards the sources: through projections, unions, groups' keys and window functions, into the sides of joins.
 * Not below a watermark (it speaks of all rows) nor below LIMIT.
 */
import type { Expression } from '#core/graph/expression.js'
import { columnsOf, conjunction, conjuncts, isDeterministic, renumber, substitute } from './expressions.js'
import { inputsOf, withInputs, type Join, type Relation } from './relation.js'

export function pushFilters(relation: Relation): Relation {
  return push(relation, [])
}

/** The relation with these conditions (over its columns) applied as deep as they may go. */
function push(relation: Relation, conditions: readonly Expression[]): Relation {
  const here = (rest: readonly Expression[], node: Relation): Relation => {
    const condition = conjunction(rest)
    return condition === undefined ? node : { kind: 'filter', input: node, condition, fields: node.fields }
  }
  switch (relation.kind) {
    case 'filter':
      return push(relation.input, [...conjuncts(relation.condition), ...conditions])
    case 'project': {
      const repeatable = (condition: Expression): boolean =>
        [...columnsOf(condition)].every((column) => isDeterministic(relation.expressions[column] as Expression))
      const below = conditions.filter(repeatable).map((condition) => substitute(condition, relation.expressions))
      return here(
        conditions.filter((condition) => !repeatable(condition)),
        { ...relation, input: push(relation.input, below) },
      )
    }
    case 'union':
      return { ...relation, inputs: relation.inputs.map((input) => push(input, conditions)) }
    case 'join':
      return pushIntoJoin(relation, conditions)
    case 'aggregate': {
      // A condition on keys holds for a group or for none of its rows. Without keys there is a row even when no input is left.
      const onKeys = (condition: Expression): boolean =>
        [...columnsOf(condition)].every((column) => column < relation.keys.length) && relation.keys.length > 0
      const below = conditions.filter(onKeys).map((condition) => renumber(condition, (index) => relation.keys[index] as number))
      return here(
        conditions.filter((condition) => !onKeys(condition)),
        { ...relation, input: push(relation.input, below) },
      )
    }
    case 'window-table-function': {
      const width = relation.input.fields.length
      const onInput = (condition: Expression): boolean => [...columnsOf(condition)].every((column) => column < width)
      const below = push(relation.input, conditions.filter(onInput))
      return here(
        conditions.filter((condition) => !onInput(condition)),
        { ...relation, input: below },
      )
    }
    default:
      return here(
        conditions,
        withInputs(
          relation,
          inputsOf(relation).map((input) => push(input, [])),
        ),
      )
  }
}

/** Conditions over one side go to that side; those over both become the join's. */
function pushIntoJoin(join: Join, conditions: readonly Expression[]): Relation {
  const width = join.left.fields.length
  const left: Expression[] = []
  const right: Expression[] = []
  const both: Expression[] = []
  for (const condition of [...(join.condition === null ? [] : conjuncts(join.condition)), ...conditions]) {
    const columns = [...columnsOf(condition)]
    if (columns.length > 0 && columns.every((column) => column < width)) left.push(condition)
    else if (columns.length > 0 && columns.every((column) => column >= width)) right.push(renumber(condition, (index) => index - width))
    else both.push(condition)
  }
  return { ...join, left: push(join.left, left), right: push(join.right, right), condition: conjunction(both) ?? null }
}
