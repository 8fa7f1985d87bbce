/**
 * Sub-queries that read columns of the query around them. Such a column is an input from OUTER on; the conditions that have one move up to
 * the top of the sub-query, where they become the condition of the join that the sub-query is turned into.
 */
import type { Expression } from '#core/graph/expression.js'
import { columnsOf, conjunction, conjuncts, inputColumn, renumber, sameExpression } from './expressions.js'
import {
  inputsOf,
  joinFields,
  projectedField,
  type Aggregate,
  type Filter,
  type Join,
  type Project,
  type Relation,
  type RelationField,
} from './relation.js'

/** Columns of the query around a sub-query begin here. */
export const OUTER = 3_000_000

export interface Decorrelated {
  /** The sub-query's columns in their places, perhaps with more behind them. */
  readonly relation: Relation
  /** Over the relation's columns and those of the query around; each has at least one of the latter. */
  readonly conditions: readonly Expression[]
}

/** `refuse` is called with what cannot be taken out of the sub-query. */
export function decorrelate(relation: Relation, refuse: (what: string) => never): Decorrelated {
  if (!isCorrelated(relation)) return { relation, conditions: [] }
  switch (relation.kind) {
    case 'filter':
      return ofFilter(relation, refuse)
    case 'project':
      return ofProject(relation, refuse)
    case 'aggregate':
      return ofAggregate(relation, refuse)
    case 'join':
      return ofJoin(relation, refuse)
    case 'sort':
      if (relation.limit === null && relation.offset === 0) return decorrelate(relation.input, refuse)
      return refuse('LIMIT')
    case 'union':
    case 'set-operation':
      return refuse('a set operation')
    default:
      return refuse('a window or another table function')
  }
}

export function isCorrelated(relation: Relation): boolean {
  return expressionsOf(relation).some(isOuter) || inputsOf(relation).some(isCorrelated)
}

/** True when the expression reads a column of the query around. */
function isOuter(expression: Expression): boolean {
  return [...columnsOf(expression)].some((column) => column >= OUTER)
}

function expressionsOf(relation: Relation): readonly Expression[] {
  switch (relation.kind) {
    case 'project':
      return relation.expressions
    case 'filter':
      return [relation.condition]
    case 'join':
      return relation.condition === null ? [] : [relation.condition]
    default:
      return []
  }
}

/** Columns of the sub-query in the condition; those of the query around stay as they are. */
function ownColumns(expression: Expression): number[] {
  return [...columnsOf(expression)].filter((column) => column < OUTER)
}

function moveOwn(expression: Expression, to: (column: number) => number): Expression {
  return renumber(expression, (column) => (column < OUTER ? to(column) : column))
}

function ofFilter(filter: Filter, refuse: (what: string) => never): Decorrelated {
  const below = decorrelate(filter.input, refuse)
  const parts = conjuncts(filter.condition)
  const stays = conjunction(parts.filter((part) => !isOuter(part)))
  const { relation } = below
  return {
    relation: stays === undefined ? relation : { kind: 'filter', input: relation, condition: stays, fields: relation.fields },
    conditions: [...below.conditions, ...parts.filter(isOuter)],
  }
}

function ofProject(project: Project, refuse: (what: string) => never): Decorrelated {
  if (project.expressions.some(isOuter)) return refuse('its SELECT list')
  const below = decorrelate(project.input, refuse)
  return withColumns(below, project.expressions, project.fields)
}

/** These columns, and behind them what the conditions need. */
function withColumns({ relation, conditions }: Decorrelated, first: readonly Expression[], names: readonly RelationField[]): Decorrelated {
  const expressions = [...first]
  const place = (column: number): number => {
    const wanted = inputColumn(column, (relation.fields[column] as RelationField).type)
    const same = expressions.findIndex((expression) => sameExpression(expression, wanted))
    return same >= 0 ? same : expressions.push(wanted) - 1
  }
  const moved = conditions.map((condition) => moveOwn(condition, place))
  const fields = expressions.map((expression, i) => names[i] ?? projectedField(`$outer${i}`, expression, relation.fields))
  return { relation: { kind: 'project', input: relation, expressions, fields }, conditions: moved }
}

/** A condition that compares something of the groups' rows with something of the query around makes it a key. */
function ofAggregate(aggregate: Aggregate, refuse: (what: string) => never): Decorrelated {
  const below = decorrelate(aggregate.input, refuse)
  const width = below.relation.fields.length
  const expressions: Expression[] = below.relation.fields.map((field, i) => inputColumn(i, field.type))
  const sides = below.conditions.map((condition) => {
    const [a, b] = condition.kind === 'call' && condition.name === '=' ? condition.args : []
    const own = [a, b].find((side) => side !== undefined && !isOuter(side))
    const outer = [a, b].find((side) => side !== undefined && ownColumns(side).length === 0)
    if (own === undefined || outer === undefined || own === outer)
      return refuse('a condition other than = between it and the query around, below an aggregate,')
    const same = expressions.findIndex((expression) => sameExpression(expression, own))
    return { key: same >= 0 ? same : expressions.push(own) - 1, outer }
  })
  const input: Relation =
    expressions.length === width
      ? below.relation
      : {
          kind: 'project',
          input: below.relation,
          expressions,
          fields: expressions.map((expression, i) =>
            projectedField(below.relation.fields[i]?.name ?? `$outer${i}`, expression, below.relation.fields),
          ),
        }
  const added = [...new Set(sides.map(({ key }) => key))].filter((key) => !aggregate.keys.includes(key))
  const keys = [...aggregate.keys, ...added]
  const oldKeys = aggregate.keys.length
  const keyFields = added.map((key): RelationField => ({ ...(input.fields[key] as RelationField), rowtime: false }))
  const grouped: Aggregate = {
    ...aggregate,
    input,
    keys,
    fields: [...aggregate.fields.slice(0, oldKeys), ...keyFields, ...aggregate.fields.slice(oldKeys)],
  }
  // Back to the old places, with the new keys behind.
  const order = [...aggregate.fields.map((_, i) => (i < oldKeys ? i : i + added.length)), ...added.map((_, i) => oldKeys + i)]
  const columns = order.map((column) => inputColumn(column, (grouped.fields[column] as RelationField).type))
  const relation: Relation = {
    kind: 'project',
    input: grouped,
    expressions: columns,
    fields: columns.map((column, i) => projectedField((grouped.fields[order[i] as number] as RelationField).name, column, grouped.fields)),
  }
  const conditions = sides.map(({ key, outer }): Expression => {
    const at = order.indexOf(keys.indexOf(key))
    const column = inputColumn(at, (relation.fields[at] as RelationField).type)
    return { kind: 'call', name: '=', args: [column, outer], type: { kind: 'BOOLEAN', nullable: true } }
  })
  return { relation, conditions }
}

function ofJoin(join: Join, refuse: (what: string) => never): Decorrelated {
  const { joinType } = join
  if (isCorrelated(join.left) && joinType !== 'inner' && joinType !== 'left' && joinType !== 'semi' && joinType !== 'anti')
    return refuse(`the left side of a ${joinType.toUpperCase()} JOIN`)
  if (isCorrelated(join.right) && joinType !== 'inner') return refuse('the right side of an outer join or a sub-query in it')
  const left = decorrelate(join.left, refuse)
  const right = decorrelate(join.right, refuse)
  const [oldWidth, width] = [join.left.fields.length, left.relation.fields.length]
  const shift = (column: number): number => (column < oldWidth ? column : column - oldWidth + width)
  const parts = (join.condition === null ? [] : conjuncts(join.condition)).map((part) => moveOwn(part, shift))
  if (joinType !== 'inner' && parts.some(isOuter)) return refuse('the ON of an outer join or a sub-query in it')
  const joined: Join = {
    ...join,
    left: left.relation,
    right: right.relation,
    condition: conjunction(parts.filter((part) => !isOuter(part))) ?? null,
    fields: joinFields(joinType, left.relation.fields, right.relation.fields, join),
  }
  const conditions = [
    ...left.conditions,
    ...right.conditions.map((condition) => moveOwn(condition, (column) => column + width)),
    ...parts.filter(isOuter),
  ]
  const rightOut = joinType !== 'semi' && joinType !== 'anti'
  const columns = join.fields.map((_, i) =>
    inputColumn(rightOut ? shift(i) : i, (joined.fields[rightOut ? shift(i) : i] as RelationField).type),
  )
  return withColumns({ relation: joined, conditions }, columns, join.fields)
}
