/** Equalities between the sides of a join become its keys; a key that is an expression gets a column of its own below. */
import type { Expression } from '#core/graph/expression.js'
import { columnsOf, conjunction, conjuncts, inputColumn, renumber, sameExpression } from './expressions.js'
import { hasRightColumns, inputsOf, joinFields, projectedField, withInputs, type Join, type Relation } from './relation.js'

export function extractJoinKeys(relation: Relation): Relation {
  const node = withInputs(relation, inputsOf(relation).map(extractJoinKeys))
  return node.kind === 'join' && node.leftKeys.length === 0 && node.condition !== null ? withKeys(node, node.condition) : node
}

interface KeyPair {
  readonly left: Expression
  readonly right: Expression
}

function withKeys(join: Join, condition: Expression): Relation {
  const width = join.left.fields.length
  const pairs: KeyPair[] = []
  const rest: Expression[] = []
  for (const part of conjuncts(condition)) {
    const pair = keyPair(part, width)
    if (pair === undefined) rest.push(part)
    else pairs.push(pair)
  }
  if (pairs.length === 0) return join
  const left = addColumns(
    join.left,
    pairs.map((pair) => pair.left),
  )
  const right = addColumns(
    join.right,
    pairs.map((pair) => pair.right),
  )
  const shift = left.relation.fields.length - width
  const remaining = conjunction(rest)
  const joined: Join = {
    ...join,
    left: left.relation,
    right: right.relation,
    leftKeys: left.columns,
    rightKeys: right.columns,
    condition: remaining === undefined ? null : renumber(remaining, (index) => (index < width ? index : index + shift)),
    fields: joinFields(join.joinType, left.relation.fields, right.relation.fields, join),
  }
  if (joined.fields.length === join.fields.length) return joined
  const expressions = join.fields.map((field, i) => inputColumn(i < width || !hasRightColumns(join) ? i : i + shift, field.type))
  return { kind: 'project', input: joined, expressions, fields: join.fields }
}

/** `a.x = b.y`, either way round; undefined for anything else. */
function keyPair(part: Expression, width: number): KeyPair | undefined {
  if (part.kind !== 'call' || part.name !== '=') return undefined
  const [first, second] = part.args as [Expression, Expression]
  const side = (expression: Expression): 'left' | 'right' | undefined => {
    const columns = [...columnsOf(expression)]
    if (columns.length === 0) return undefined
    return columns.every((column) => column < width) ? 'left' : columns.every((column) => column >= width) ? 'right' : undefined
  }
  const [a, b] = [side(first), side(second)]
  const ofRight = (expression: Expression): Expression => renumber(expression, (index) => index - width)
  if (a === 'left' && b === 'right') return { left: first, right: ofRight(second) }
  if (a === 'right' && b === 'left') return { left: second, right: ofRight(first) }
  return undefined
}

/** The relation with a column for each expression: its own where there is one, else one behind the others. */
function addColumns(input: Relation, keys: readonly Expression[]): { relation: Relation; columns: number[] } {
  const expressions: Expression[] = input.fields.map((field, i) => inputColumn(i, field.type))
  const columns = keys.map((key) => {
    const same = expressions.findIndex((expression) => sameExpression(expression, key))
    return same >= 0 ? same : expressions.push(key) - 1
  })
  if (expressions.length === input.fields.length) return { relation: input, columns }
  const fields = expressions.map((expression, i) =>
    projectedField(input.fields[i]?.name ?? `$key${i - input.fields.length}`, expression, input.fields),
  )
  return { relation: { kind: 'project', input, expressions, fields }, columns }
}
