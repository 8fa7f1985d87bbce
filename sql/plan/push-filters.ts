/**
 * Conditions move towards the sources: through projections, unions, groups' keys and window functions, into the sides of joins.
 * Not below a watermark (it speaks of all rows) nor below LIMIT.
 */
import type { Expression } from '#core/graph/expression.js'
import { columnsOf, conjunction, conjuncts, isDeterministic, renumber, substitute } from './expressions.js'
import { rejectsNull } from './null-rejection.js'
import { rankLimit } from './rank-limits.js'
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
    case 'set-operation':
      // Equal rows are equal in the condition, too.
      if (relation.kind === 'set-operation' && !conditions.every(isDeterministic))
        return here(conditions, { ...relation, inputs: relation.inputs.map((input) => push(input, [])) })
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
    case 'rank': {
      // Whole partitions go or stay. What is asked of the number says how many rows are needed.
      const number = relation.input.fields.length
      const onPartition = (condition: Expression): boolean =>
        isDeterministic(condition) && [...columnsOf(condition)].every((column) => relation.partition.includes(column))
      const limits = conditions.flatMap((condition) => rankLimit(condition, number) ?? [])
      const limit = limits.reduce((least, each) => Math.min(least, Math.max(1, each.limit)), relation.limit ?? Infinity)
      return here(
        conditions.filter((condition) => {
          const implied = rankLimit(condition, number)
          return !onPartition(condition) && (implied === undefined || !implied.exact || implied.limit < 1)
        }),
        { ...relation, limit: limit === Infinity ? null : limit, input: push(relation.input, conditions.filter(onPartition)) },
      )
    }
    case 'over': {
      // Whole partitions go or stay.
      const onPartition = (condition: Expression): boolean =>
        isDeterministic(condition) && [...columnsOf(condition)].every((column) => relation.partition.includes(column))
      return here(
        conditions.filter((condition) => !onPartition(condition)),
        { ...relation, input: push(relation.input, conditions.filter(onPartition)) },
      )
    }
    case 'match': {
      // Whole partitions go or stay.
      const onPartition = (condition: Expression): boolean =>
        isDeterministic(condition) && [...columnsOf(condition)].every((column) => column < relation.partition.length)
      const below = conditions.filter(onPartition).map((condition) => renumber(condition, (index) => relation.partition[index] as number))
      return here(
        conditions.filter((condition) => !onPartition(condition)),
        { ...relation, input: push(relation.input, below) },
      )
    }
    case 'window-table-function': {
      const width = relation.input.fields.length
      const { window } = relation
      // A session is made of all of its partition's rows: whole partitions go or stay.
      const passes = (column: number): boolean =>
        column < width && (window.kind !== 'session' || window.partition === null || window.partition.includes(column))
      const onInput = (condition: Expression): boolean =>
        [...columnsOf(condition)].every(passes) && (window.kind !== 'session' || isDeterministic(condition))
      const below = push(relation.input, conditions.filter(onInput))
      return here(
        conditions.filter((condition) => !onInput(condition)),
        { ...relation, input: below },
      )
    }
    case 'unnest': {
      const width = relation.kept.length
      const onRow = (condition: Expression): boolean =>
        isDeterministic(condition) && [...columnsOf(condition)].every((column) => column < width)
      const below = conditions.filter(onRow).map((condition) => renumber(condition, (index) => relation.kept[index] as number))
      return here(
        conditions.filter((condition) => !onRow(condition)),
        { ...relation, input: push(relation.input, below) },
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

/** An outer join whose padded rows no condition above would let pass keeps fewer sides, or none. */
function withoutPadding(join: Join, conditions: readonly Expression[]): Join {
  if (join.single === true) return join
  const width = join.left.fields.length
  const rejected = (isPadded: (column: number) => boolean): boolean => conditions.some((condition) => rejectsNull(condition, isPadded))
  let { joinType } = join
  // Rows of the left padded on the right, and the other way round.
  if ((joinType === 'left' || joinType === 'full') && rejected((column) => column >= width))
    joinType = joinType === 'full' ? 'right' : 'inner'
  if ((joinType === 'right' || joinType === 'full') && rejected((column) => column < width))
    joinType = joinType === 'full' ? 'left' : 'inner'
  return joinType === join.joinType ? join : { ...join, joinType }
}

/**
 * Conditions over one side go to that side, those of an inner join over both become the join's. A condition of ON never makes a side
 * smaller whose rows come out without a match, too; one above the join never the side that is then padded with NULL.
 */
function pushIntoJoin(outer: Join, conditions: readonly Expression[]): Relation {
  const join = withoutPadding(outer, conditions)
  const { joinType } = join
  const width = join.left.fields.length
  // Where a version does not pass the condition the one before it does not hold again.
  const passesRight = join.temporal === undefined
  const left: Expression[] = []
  const right: Expression[] = []
  const on: Expression[] = []
  const above: Expression[] = []
  const side = (condition: Expression): 'left' | 'right' | 'both' => {
    const columns = [...columnsOf(condition)]
    if (columns.length === 0) return 'both'
    return columns.every((column) => column < width) ? 'left' : columns.every((column) => column >= width) ? 'right' : 'both'
  }
  const ofRight = (condition: Expression): Expression => renumber(condition, (index) => index - width)
  for (const condition of join.condition === null ? [] : conjuncts(join.condition)) {
    const of = side(condition)
    if (of === 'left' && (joinType === 'inner' || joinType === 'semi' || joinType === 'right')) left.push(condition)
    else if (of === 'right' && passesRight && joinType !== 'right' && joinType !== 'full') right.push(ofRight(condition))
    else on.push(condition)
  }
  for (const condition of conditions) {
    const of = side(condition)
    if (of === 'left' && joinType !== 'right' && joinType !== 'full') left.push(condition)
    else if (of === 'right' && passesRight && (joinType === 'inner' || joinType === 'right')) right.push(ofRight(condition))
    else if (joinType === 'inner') on.push(condition)
    else above.push(condition)
  }
  const pushed: Join = { ...join, left: push(join.left, left), right: push(join.right, right), condition: conjunction(on) ?? null }
  const rest = conjunction(above)
  return rest === undefined ? pushed : { kind: 'filter', input: pushed, condition: rest, fields: pushed.fields }
}
