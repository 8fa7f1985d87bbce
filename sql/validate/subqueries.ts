/**
 * Sub-queries in expressions become joins: IN and EXISTS among the conditions of WHERE and HAVING semi and anti joins, a sub-query as a
 * value a left join with what it yields. Columns of the query around them are taken out of them first (plan/decorrelate.ts).
 */
import type { Expression } from '#core/graph/expression.js'
import type { AggregateCall } from '#core/graph/operator-spec.js'
import { BIGINT, BOOLEAN, INT, notNull, withNullable, type LogicalType } from '#core/types/logical-type.js'
import type { ExistsNode, ExpressionNode, InQueryNode, ScalarQueryNode } from '../parser/ast-expression.js'
import type { Query } from '../parser/ast-query.js'
import type { Position } from '../parser/source-text.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import { decorrelate, isCorrelated, OUTER } from '../plan/decorrelate.js'
import { columnsOf, conjunction, inputColumn, renumber, rewrite, substitute } from '../plan/expressions.js'
import { joinFields, type Aggregate, type Join, type Project, type Relation, type RelationField } from '../plan/relation.js'
import { PLACEHOLDER } from './aggregate-calls.js'
import { bindExpression, call, type ExpressionContext } from './bind-expression.js'
import { bindQuery } from './bind-query.js'
import type { BindContext } from './binder.js'
import type { Scope } from './scope.js'

/** Place-holder columns of sub-queries begin here. */
export const SUBQUERY = 2_000_000

/** A part of a condition that is a semi or anti join. */
export interface QueryCondition {
  readonly node: InQueryNode | ExistsNode
  readonly negated: boolean
}

/** The parts of a condition that all must hold: those that are sub-queries, and the others. */
export function splitCondition(condition: ExpressionNode): { plain: ExpressionNode[]; queries: QueryCondition[] } {
  const plain: ExpressionNode[] = []
  const queries: QueryCondition[] = []
  const open = [condition]
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.kind === 'binary' && node.operator === 'AND') {
      open.push(node.right, node.left)
      continue
    }
    const query = queryCondition(node)
    if (query === undefined) plain.push(node)
    else queries.push(query)
  }
  return { plain, queries }
}

function queryCondition(node: ExpressionNode): QueryCondition | undefined {
  if (node.kind === 'exists') return { node, negated: false }
  if (node.kind === 'in-query') return { node, negated: node.negated }
  const inner = node.kind === 'unary' && node.operator === 'NOT' ? queryCondition(node.arg) : undefined
  return inner === undefined ? undefined : { ...inner, negated: !inner.negated }
}

/** The rows of the relation for which the condition holds. Its columns stay where they are. */
export function joinQueryCondition(
  relation: Relation,
  { node, negated }: QueryCondition,
  around: ExpressionContext,
  context: BindContext,
): Relation {
  const bound = bindQuery(node.query, { ...context, outer: around.scope })
  const wanted = node.kind === 'in-query' ? columnsIn(node, bound, around) : []
  const { relation: right, conditions } = decorrelate(node.kind === 'exists' ? withoutList(bound) : bound, refusal(node.at, context))
  const width = relation.fields.length
  const parts = conditions.map((condition) => aroundToLeft(condition, width))
  if (node.kind === 'in-query') {
    const equal = wanted.map((arg, i) => call(around, node.at, '=', [arg, inputColumn(width + i, (right.fields[i] as RelationField).type)]))
    const all = conjunction(equal) as Expression
    // NOT IN: a comparison that is unknown keeps the row out, too.
    parts.push(negated && all.type.nullable ? call(around, node.at, 'IS NOT FALSE', [all]) : all)
  }
  // Whether there is a row at all needs no more than one.
  const some: Relation = parts.length === 0 ? { kind: 'sort', input: right, keys: [], limit: 1, offset: 0, fields: right.fields } : right
  return joined(negated ? 'anti' : 'semi', relation, some, parts)
}

/** What stands left of IN, as many as the sub-query has columns. */
function columnsIn(node: InQueryNode, bound: Relation, around: ExpressionContext): Expression[] {
  const items = node.arg.kind === 'row' ? node.arg.items : [node.arg]
  if (items.length !== bound.fields.length) {
    const count = bound.fields.length
    throw validationError(
      around.source,
      node.query.at,
      `IN compares ${items.length} value${items.length === 1 ? '' : 's'} with a sub-query of ${count} column${count === 1 ? '' : 's'}.`,
    )
  }
  return items.map((item) => bindExpression(item, around))
}

/** EXISTS does not care for the SELECT list, except where there are groups. */
function withoutList(relation: Relation): Relation {
  return relation.kind === 'project' ? withoutList(relation.input) : relation
}

function joined(joinType: Join['joinType'], left: Relation, right: Relation, parts: readonly Expression[], single = false): Join {
  return {
    kind: 'join',
    joinType,
    left,
    right,
    leftKeys: [],
    rightKeys: [],
    condition: conjunction(parts) ?? null,
    ...(single ? { single } : {}),
    fields: joinFields(joinType, left.fields, right.fields),
  }
}

/** Over left ++ right: columns of the query around are the left's. */
function aroundToLeft(condition: Expression, width: number): Expression {
  return renumber(condition, (column) => (column >= OUTER ? column - OUTER : column + width))
}

function refusal(at: Position, { source }: BindContext): (what: string) => never {
  return (what) => {
    throw notSupported(source, at, `a sub-query that reads columns of the query around it in ${what}.`, 'Write it as a join.')
  }
}

interface Value {
  readonly relation: Relation
  readonly conditions: readonly Expression[]
  /** Over the relation's columns as they are behind the join: NULL where the sub-query has no row. */
  readonly value: Expression
  /** More than one row is an error, to be found when it happens. */
  readonly single: boolean
  readonly at: Position
}

/** The sub-queries that stand as values in one clause of a query. */
export class ScalarSubqueries {
  readonly #context: BindContext
  readonly #scope: Scope
  readonly #values: Value[] = []

  /** `scope`: of the query in which they stand. */
  constructor(context: BindContext, scope: Scope) {
    this.#context = context
    this.#scope = scope
  }

  get empty(): boolean {
    return this.#values.length === 0
  }

  /** The place-holder of a sub-query's value. */
  bind({ query, at }: ScalarQueryNode): Expression {
    const value = this.#valueOf(query, at)
    return inputColumn(SUBQUERY + this.#values.push(value) - 1, value.value.type)
  }

  /** EXISTS among other things than conditions of WHERE: are there rows? */
  bindExists({ query, at }: ExistsNode): Expression {
    const bound = bindQuery(query, { ...this.#context, outer: this.#scope })
    return this.#counted(withoutList(bound), [COUNT_ROWS], ([rows]) => isPositive(rows as Expression), at)
  }

  /** IN among other things than conditions of WHERE: TRUE, FALSE, or unknown where a NULL could be the value. */
  bindIn(node: InQueryNode, around: ExpressionContext): Expression {
    const { query, at } = node
    const bound = bindQuery(query, { ...this.#context, outer: this.#scope })
    const [arg, ...more] = columnsIn(node, bound, around) as [Expression, ...Expression[]]
    if (more.length > 0 || [...columnsOf(arg)].some((column) => column >= PLACEHOLDER))
      throw notSupported(this.#context.source, at, 'IN of several values, aggregates or sub-queries, other than as a condition of WHERE.')
    const [{ type }] = bound.fields as [RelationField]
    const condition = call(around, at, '=', [inputColumn(0, type), renumber(arg, (column) => column + OUTER)])
    const equal: Relation = { kind: 'filter', input: bound, condition, fields: bound.fields }
    const isIn = this.#counted(equal, [COUNT_ROWS], ([rows]) => isPositive(rows as Expression), at)
    if (!type.nullable && !arg.type.nullable) return node.negated ? call(around, at, 'NOT', [isIn]) : isIn
    const kind = this.#counted(bound, [COUNT_ROWS, { ...COUNT_ROWS, args: [0] }], (counts) => kindOf(around, at, counts), at)
    const is = (number: number): Expression => call(around, at, '=', [kind, integer(number)])
    const isUnknown = call(around, at, 'OR', [
      is(WITH_NULL),
      call(around, at, 'AND', [is(WITHOUT_NULL), call(around, at, 'IS NULL', [arg])]),
    ])
    const value = call(around, at, 'CASE', [isIn, truth(true), isUnknown, truth(null), truth(false)])
    return node.negated ? call(around, at, 'NOT', [value]) : value
  }

  /**
   * The relation with the sub-queries' columns behind its own, and what gives the place-holders in expressions over it their values.
   * `grouped`: the relation is no longer what the sub-queries stood over, so they may not read its columns.
   */
  attach(relation: Relation, grouped = false): { relation: Relation; resolve: (expression: Expression) => Expression } {
    let whole = relation
    const columns = this.#values.map(({ relation: right, conditions, value, single, at }) => {
      if (grouped && conditions.length > 0)
        throw notSupported(
          this.#context.source,
          at,
          'a sub-query beside groups that reads columns of the query around it.',
          'Group in a sub-query of FROM.',
        )
      const width = whole.fields.length
      whole = joined(
        'left',
        whole,
        right,
        conditions.map((condition) => aroundToLeft(condition, width)),
        single,
      )
      return renumber(value, (column) => column + width)
    })
    const resolve = (expression: Expression): Expression =>
      rewrite(expression, (node) =>
        node.kind === 'input' && node.index >= SUBQUERY && node.index < OUTER ? columns[node.index - SUBQUERY] : undefined,
      )
    return { relation: whole, resolve }
  }

  /** The place-holder of what `value` makes of counts over the sub-query's rows. */
  #counted(
    input: Relation,
    calls: readonly AggregateCall[],
    value: (counts: readonly Expression[]) => Expression,
    at: Position,
  ): Expression {
    const fields = calls.map((each, i): RelationField => ({ name: `AGG$${i}`, type: each.type, rowtime: false }))
    const total: Aggregate = { kind: 'aggregate', input, keys: [], calls, fields }
    const { relation, conditions } = decorrelate(total, refusal(at, this.#context))
    const found = { relation, conditions, value: value(columnsOfTotal(total)), single: false, at }
    return inputColumn(SUBQUERY + this.#values.push(found) - 1, found.value.type)
  }

  #valueOf(query: Query, at: Position): Value {
    const bound = bindQuery(query, { ...this.#context, outer: this.#scope })
    if (bound.fields.length !== 1)
      throw validationError(this.#context.source, at, `A sub-query as a value has one column, this one has ${bound.fields.length}.`)
    const refuse = refusal(at, this.#context)
    const total = totalOf(bound)
    if (total !== undefined) {
      const { relation, conditions } = decorrelate(total.input, refuse)
      return { relation, conditions, value: valueOfTotal(total, total.input), single: false, at }
    }
    const limited = bound.kind === 'sort' && bound.limit !== null && bound.limit <= 1
    const { relation, conditions } = decorrelate(bound, refuse)
    const { type } = bound.fields[0] as RelationField
    return { relation, conditions, value: inputColumn(0, withNullable(type, true)), single: !limited, at }
  }
}

/** A projection over an aggregate without GROUP BY: it has exactly one row. */
function totalOf(relation: Relation): (Project & { readonly input: Aggregate }) | undefined {
  if (relation.kind !== 'project' || relation.input.kind !== 'aggregate' || relation.input.keys.length > 0) return undefined
  return isCorrelated({ ...relation, input: { kind: 'values', rows: [], fields: relation.input.fields } })
    ? undefined
    : (relation as Project & { readonly input: Aggregate })
}

/** Where the join finds no row there was nothing to aggregate: COUNT is 0 then, all else NULL. */
function valueOfTotal({ expressions }: Project, aggregate: Aggregate): Expression {
  return substitute(expressions[0] as Expression, columnsOfTotal(aggregate))
}

function columnsOfTotal({ calls }: Aggregate): Expression[] {
  return calls.map((aggregateCall, i): Expression => {
    const column = inputColumn(i, withNullable(aggregateCall.type, true))
    if (aggregateCall.function !== 'COUNT') return column
    const type: LogicalType = notNull(aggregateCall.type)
    return { kind: 'call', name: 'COALESCE', args: [column, { kind: 'literal', value: '0', type }], type }
  })
}

/** What the rows of IN's sub-query are, apart from the equal ones. */
const NO_ROWS = 0
const WITHOUT_NULL = 1
const WITH_NULL = 2

function kindOf(context: ExpressionContext, at: Position, [rows, notNulls]: readonly Expression[]): Expression {
  const hasNull = call(context, at, '<', [notNulls as Expression, rows as Expression])
  return call(context, at, 'CASE', [
    isPositive(rows as Expression),
    call(context, at, 'CASE', [hasNull, integer(WITH_NULL), integer(WITHOUT_NULL)]),
    integer(NO_ROWS),
  ])
}

const COUNT_ROWS: AggregateCall = { function: 'COUNT', args: [], distinct: false, type: notNull(BIGINT) }

function isPositive(count: Expression): Expression {
  const zero: Expression = { kind: 'literal', value: '0', type: notNull(BIGINT) }
  return { kind: 'call', name: '>', args: [count, zero], type: notNull(BOOLEAN) }
}

function integer(value: number): Expression {
  return { kind: 'literal', value, type: notNull(INT) }
}

function truth(value: boolean | null): Expression {
  return { kind: 'literal', value, type: value === null ? BOOLEAN : notNull(BOOLEAN) }
}

/** All parts as one condition. */
export function allOf(parts: readonly Expression[]): Expression {
  return conjunction(parts) ?? { kind: 'literal', value: true, type: notNull(BOOLEAN) }
}
