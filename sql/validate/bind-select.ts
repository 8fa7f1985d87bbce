/**
 * One SELECT. The order of its parts as in the standard: FROM, WHERE, GROUP BY with aggregates, HAVING, the list, DISTINCT,
 * ORDER BY, LIMIT.
 */
import type { Expression } from '#core/graph/expression.js'
import type { SortKey } from '#core/graph/operator-spec.js'
import type { ExpressionNode, SortItemNode } from '../parser/ast-expression.js'
import type { SelectItemNode, SelectNode } from '../parser/ast-query.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import { inputColumn, sameExpression } from '../plan/expressions.js'
import { projectedField, type Relation, type RelationField } from '../plan/relation.js'
import { bindCondition, bindExpression, expressionContext, type ExpressionContext } from './bind-expression.js'
import { GroupedSelect, hasAggregate } from './bind-groups.js'
import { constantRows, ordinalOf, sortKey } from './bind-query.js'
import { bindTable } from './bind-table.js'
import type { BindContext } from './binder.js'
import { attachOver } from './over-calls.js'
import { didYouMean, type Scope } from './scope.js'
import { allOf, joinQueryCondition, ScalarSubqueries, splitCondition } from './subqueries.js'

/** An output column: its expression and name. */
interface Item {
  readonly expression: Expression
  readonly name: string
}

export function bindSelect(
  node: SelectNode,
  orderBy: readonly SortItemNode[],
  limit: number | null,
  offset: number,
  context: BindContext,
): Relation {
  const { source } = context
  refuseClauses(node, context)
  const from = node.from === null ? undefined : bindTable(node.from, context)
  const scope: Scope = from?.scope ?? []
  let relation = from?.relation

  if (node.where !== null) relation = bindWhere(node.where, relation ?? oneRow(), scope, context)

  const subqueries = new ScalarSubqueries(context, scope)
  const plain = (clause: string): ExpressionContext => ({
    ...expressionContext(source, scope, clause, context.catalog),
    subqueries,
    outer: context.outer,
    windows: node.windows,
  })
  const grouped =
    node.groupBy !== null ||
    node.having !== null ||
    node.items.some(({ expression }) => hasAggregate(expression)) ||
    orderBy.some(({ expression }) => hasAggregate(expression))
      ? new GroupedSelect(node, relation ?? oneRow(), scope, context, subqueries)
      : undefined
  // Everything above the groups is bound in the same way with or without them; only what it becomes differs.
  const bind = (expression: ExpressionNode, clause: string): Expression =>
    grouped === undefined ? bindExpression(expression, plain(clause)) : grouped.bind(expression, clause)

  const items = distinctNames(
    node.items
      .flatMap((item) => expandItem(item, scope, bind, context))
      .map(({ expression, name }, i): Item => ({ expression, name: name ?? `EXPR$${i}` })),
  )
  const sort = orderBy.map((item) => ({ item, target: bindSortTarget(item, items, node.items, bind, context) }))
  let having = node.having === null || grouped === undefined ? undefined : grouped.bindHaving(node.having)

  let input = relation
  const resolved = grouped?.finish([
    ...items.map(({ expression }) => expression),
    ...sort.flatMap(({ target }) => (typeof target === 'number' ? [] : [target])),
    ...(having === undefined ? [] : [having]),
  ])
  let expressions = items.map(({ expression }) => expression)
  let hidden = sort.flatMap(({ target }) => (typeof target === 'number' ? [] : [target]))
  if (resolved !== undefined) {
    input = resolved.relation
    expressions = resolved.expressions.slice(0, items.length)
    hidden = resolved.expressions.slice(items.length, items.length + hidden.length)
    if (having !== undefined) having = resolved.expressions.at(-1) as Expression
  }
  if (!subqueries.empty) {
    const attached = subqueries.attach(input ?? oneRow(), grouped !== undefined)
    input = attached.relation
    expressions = expressions.map(attached.resolve)
    hidden = hidden.map(attached.resolve)
    if (having !== undefined) having = attached.resolve(having)
  }
  if (having !== undefined && input !== undefined) input = { kind: 'filter', input, condition: having, fields: input.fields }
  const numbered = attachOver(input ?? oneRow(), expressions)
  if (input !== undefined || numbered.expressions.some((expression, i) => expression !== expressions[i])) input = numbered.relation
  expressions = numbered.expressions

  if (input === undefined && hidden.length === 0) {
    const fields = items.map(({ name, expression }): RelationField => ({ name, type: expression.type, rowtime: false }))
    refuseNull(fields, node, context)
    return ordered(
      constantRows([expressions], fields, context),
      sort.map(({ item, target }) => sortKey(item, target as number)),
      limit,
      offset,
    )
  }
  const below = input ?? oneRow()
  const names = items.map(({ name }) => name)
  const fields = expressions.map((expression, i) => projectedField(names[i] as string, expression, below.fields))
  refuseNull(fields, node, context)

  if (node.distinct) {
    // ORDER BY may then only use what is selected: equal expressions are taken for it.
    const keys = sort.map(({ item, target }) =>
      sortKey(item, typeof target === 'number' ? target : selectedColumn(target, item, items, context)),
    )
    const project: Relation = { kind: 'project', input: below, expressions, fields }
    const distinct: Relation = {
      kind: 'aggregate',
      input: project,
      keys: fields.map((_, i) => i),
      calls: [],
      fields: fields.map((field) => ({ ...field, rowtime: false })),
    }
    return ordered(distinct, keys, limit, offset)
  }

  const extra: Expression[] = []
  const keys = sort.map(({ item, target }): SortKey => {
    if (typeof target === 'number') return sortKey(item, target)
    const expression = hidden.shift() as Expression
    const same = expressions.findIndex((candidate) => sameExpression(candidate, expression))
    return sortKey(item, same >= 0 ? same : expressions.length + extra.push(expression) - 1)
  })
  const wide: Relation = {
    kind: 'project',
    input: below,
    expressions: [...expressions, ...extra],
    fields: [...fields, ...extra.map((expression, i) => projectedField(`ORDER$${i}`, expression, below.fields))],
  }
  const result = ordered(wide, keys, limit, offset)
  if (extra.length === 0) return result
  return { kind: 'project', input: result, expressions: fields.map((field, i) => inputColumn(i, field.type)), fields }
}

/** The rows for which WHERE holds. Their columns stay where they are. */
function bindWhere(where: ExpressionNode, input: Relation, scope: Scope, context: BindContext): Relation {
  const subqueries = new ScalarSubqueries(context, scope)
  const inner = { ...expressionContext(context.source, scope, 'WHERE', context.catalog), outer: context.outer }
  const { plain, queries } = splitCondition(where)
  let relation = input
  if (plain.length > 0) {
    const parts = { ...inner, subqueries }
    const bound = queries.length === 0 ? bindCondition(where, parts) : allOf(plain.map((part) => bindCondition(part, parts)))
    const attached = subqueries.attach(relation)
    relation = { kind: 'filter', input: attached.relation, condition: attached.resolve(bound), fields: attached.relation.fields }
  }
  for (const query of queries) relation = joinQueryCondition(relation, query, inner, context)
  return relation
}

/** As Calcite: of columns with one name the second becomes `id0`, the third `id1`. */
function distinctNames(items: readonly Item[]): Item[] {
  const taken = new Set<string>()
  return items.map(({ expression, name }) => {
    let unique = name
    for (let i = 0; taken.has(unique); i++) unique = `${name}${i}`
    taken.add(unique)
    return { expression, name: unique }
  })
}

function ordered(input: Relation, keys: readonly SortKey[], limit: number | null, offset: number): Relation {
  return keys.length === 0 && limit === null && offset === 0 ? input : { kind: 'sort', input, keys, limit, offset, fields: input.fields }
}

function oneRow(): Relation {
  return { kind: 'values', rows: [[0]], fields: [{ name: 'ZERO', type: { kind: 'INT', nullable: false }, rowtime: false }] }
}

/** They say by which operator a join is to be done, never what it gives; here there is one for each kind of join. */
const HOW_TO_JOIN: ReadonlySet<string> = new Set(['MULTI_JOIN', 'BROADCAST', 'SHUFFLE_HASH', 'SHUFFLE_MERGE', 'NEST_LOOP'])

function refuseClauses(node: SelectNode, { source }: BindContext): void {
  const hint = node.hints.find(({ name }) => !HOW_TO_JOIN.has(name))
  if (hint !== undefined) throw notSupported(source, hint.at, `the hint ${hint.name}.`)
  if (node.qualify !== null) throw notSupported(source, node.qualify.at, 'QUALIFY.')
}

/** The columns of an item: one, or all that `*` and `t.*` stand for. `name` undefined: EXPR$n. */
function expandItem(
  item: SelectItemNode,
  scope: Scope,
  bind: (expression: ExpressionNode, clause: string) => Expression,
  { source }: BindContext,
): { expression: Expression; name: string | undefined }[] {
  const { expression, alias } = item
  if (expression.kind !== 'star') {
    const name = alias?.text ?? (expression.kind === 'column' ? expression.path.at(-1)?.text : undefined)
    return [{ expression: bind(expression, 'SELECT'), name }]
  }
  if (alias !== null) throw validationError(source, alias.at, "'*' takes no name.")
  const qualifier = expression.qualifier.at(-1)
  const columns = scope.flatMap((column, index) =>
    (qualifier === undefined ? column.hidden !== true : column.qualifier === qualifier.text) ? [{ column, index }] : [],
  )
  if (columns.length === 0) {
    if (qualifier === undefined) throw validationError(source, expression.at, "'*' needs a FROM clause.")
    throw validationError(
      source,
      qualifier.at,
      `Table '${qualifier.text}' not found.`,
      didYouMean(qualifier.text, [...new Set(scope.flatMap((column) => column.qualifier ?? []))]),
    )
  }
  return columns.map(({ column }) => {
    if (column.path !== undefined)
      throw notSupported(
        source,
        expression.at,
        `'*' over a table with the ROW '${column.path[0]}'.`,
        `Name its fields: ${column.path.join('.')}, …`,
      )
    const path = [
      ...(column.qualifier === null ? [] : [{ text: column.qualifier, at: expression.at }]),
      { text: column.name, at: expression.at },
    ]
    return { expression: bind({ kind: 'column', at: expression.at, path }, 'SELECT'), name: column.name }
  })
}

/** An output column by its name, alias or number, or an expression over the input. */
function bindSortTarget(
  item: SortItemNode,
  items: readonly Item[],
  nodes: readonly SelectItemNode[],
  bind: (expression: ExpressionNode, clause: string) => Expression,
  context: BindContext,
): number | Expression {
  const { expression } = item
  const ordinal = ordinalOf(expression, items.length, context)
  if (ordinal !== undefined) return ordinal
  if (expression.kind === 'column' && expression.path.length === 1) {
    const name = expression.path[0]?.text as string
    if (nodes.filter(({ alias }) => alias?.text === name).length > 1)
      throw validationError(context.source, expression.at, `Column '${name}' is ambiguous: SELECT gives that name twice.`)
    const found = items.findIndex((candidate) => candidate.name === name)
    if (found >= 0) return found
  }
  return bind(expression, 'ORDER BY')
}

function selectedColumn(target: Expression, item: SortItemNode, items: readonly Item[], { source }: BindContext): number {
  const index = items.findIndex(({ expression }) => sameExpression(expression, target))
  if (index < 0) throw validationError(source, item.at, 'With SELECT DISTINCT, ORDER BY can only use what is selected.')
  return index
}

function refuseNull(fields: readonly RelationField[], node: SelectNode, { source }: BindContext): void {
  const index = fields.findIndex((field) => field.type.kind === 'NULL')
  const place = node.items[index]?.expression.at ?? node.at
  if (index >= 0) throw validationError(source, place, "Illegal use of 'NULL'.", 'Cast it to a type: CAST(NULL AS INT).')
}
