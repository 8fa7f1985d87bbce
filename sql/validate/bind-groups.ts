/**
 * The groups of a SELECT. Expressions above them are first bound over the input, with place-holders for aggregate calls; when all
 * are known, `finish` lays out the aggregate and rewrites them over its keys and results.
 */
import type { Expression } from '#core/graph/expression.js'
import type { AggregateCall } from '#core/graph/operator-spec.js'
import { INT, notNull } from '#core/types/logical-type.js'
import type { CallNode, ExpressionNode } from '../parser/ast-expression.js'
import type { SelectNode } from '../parser/ast-query.js'
import type { Position } from '../parser/source-text.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import { inputColumn, rewrite, sameExpression } from '../plan/expressions.js'
import { rowtimeKeys } from '../plan/fuse-window-aggregates.js'
import { projectedField, type Aggregate, type Relation, type RelationField } from '../plan/relation.js'
import { AggregateCollector, isAggregateFunction, PLACEHOLDER } from './aggregate-calls.js'
import { bindCondition, bindExpression, expressionContext, type ExpressionContext } from './bind-expression.js'
import type { BindContext } from './binder.js'
import { GroupWindow, groupWindowName } from './group-window.js'
import type { Scope } from './scope.js'
import { SUBQUERY, type ScalarSubqueries } from './subqueries.js'

export class GroupedSelect {
  #input: Relation
  #window: GroupWindow | undefined
  readonly #scope: Scope
  readonly #context: BindContext
  readonly #keys: readonly Expression[]
  readonly #keyNames: readonly string[]
  readonly #collector: AggregateCollector
  readonly #subqueries: ScalarSubqueries
  readonly #origins: ExpressionContext['origins']
  readonly #windows: SelectNode['windows']

  constructor(node: SelectNode, input: Relation, scope: Scope, context: BindContext, subqueries: ScalarSubqueries) {
    this.#subqueries = subqueries
    this.#input = input
    this.#scope = scope
    this.#context = context
    this.#windows = node.windows
    const keyContext = { ...expressionContext(context.source, scope, 'GROUP BY', context.catalog), outer: context.outer }
    this.#origins = keyContext.origins
    const keys: Expression[] = []
    const names: string[] = []
    for (const grouping of node.groupBy ?? []) {
      if (grouping.kind === 'grouping-sets') throw notSupported(context.source, grouping.at, `${grouping.type}.`)
      const { expression } = grouping
      const windowName = groupWindowName(expression)
      if (windowName !== undefined) {
        if (this.#window !== undefined) throw notSupported(context.source, expression.at, 'a second window in GROUP BY.')
        this.#window = new GroupWindow(expression as CallNode, windowName, input, { source: context.source, scope })
        this.#window.keys.forEach((key, i) => {
          keys.push(key)
          names.push(['window_start', 'window_end', 'window_time'][i] as string)
        })
        continue
      }
      const key = bindGroupKey(expression, node, keyContext)
      if (keys.some((other) => sameExpression(other, key))) continue
      keys.push(key)
      names.push(expression.kind === 'column' ? (expression.path.at(-1)?.text as string) : `KEY$${keys.length - 1}`)
    }
    if (this.#window !== undefined) this.#input = this.#window.relation
    this.#keys = keys
    this.#keyNames = names
    this.#collector = new AggregateCollector(keys.length > 0)
  }

  bind(node: ExpressionNode, clause: string): Expression {
    return bindExpression(node, this.#expressions(clause))
  }

  bindHaving(node: ExpressionNode): Expression {
    return bindCondition(node, this.#expressions('HAVING'))
  }

  /** The aggregate, and the expressions over its output. @throws SQL_VALIDATION for a column that is not grouped */
  finish(expressions: readonly Expression[]): { relation: Relation; expressions: Expression[] } {
    const columns: Expression[] = [...this.#keys]
    const column = (expression: Expression): number => {
      const same = columns.findIndex((other) => sameExpression(other, expression))
      return same >= 0 ? same : columns.push(expression) - 1
    }
    const calls = this.#collector.calls.map((call): AggregateCall => ({
      function: call.function,
      args: call.args.map(column),
      distinct: call.distinct,
      ...(call.filter === null ? {} : { filter: column(call.filter) }),
      type: call.type,
    }))
    // Rows to be counted need a column to travel in.
    if (columns.length === 0) columns.push({ kind: 'literal', value: 0, type: notNull(INT) })
    const below = this.#input
    const names = columns.map(
      (expression, i) => this.#keyNames[i] ?? (expression.kind === 'input' ? (below.fields[expression.index]?.name ?? `$f${i}`) : `$f${i}`),
    )
    const project: Relation = {
      kind: 'project',
      input: below,
      expressions: columns,
      fields: columns.map((expression, i) => projectedField(names[i] as string, expression, below.fields)),
    }
    const keys = this.#keys.map((_, i) => i)
    const aggregate: Aggregate = {
      kind: 'aggregate',
      input: project,
      keys,
      calls,
      fields: [
        ...keys.map((i): RelationField => ({ ...(project.fields[i] as RelationField), rowtime: false })),
        ...calls.map((call, i): RelationField => ({ name: `AGG$${i}`, type: call.type, rowtime: false })),
      ],
    }
    const rowtimes = rowtimeKeys(aggregate)
    const relation: Relation = { ...aggregate, fields: aggregate.fields.map((field, i) => ({ ...field, rowtime: rowtimes.has(i) })) }
    return { relation, expressions: expressions.map((expression) => this.#aboveGroups(expression, relation)) }
  }

  #aboveGroups(expression: Expression, relation: Relation): Expression {
    return rewrite(expression, (node) => {
      const key = this.#keys.findIndex((candidate) => sameExpression(candidate, node))
      if (key >= 0) return inputColumn(key, (relation.fields[key] as RelationField).type)
      if (node.kind !== 'input') return undefined
      // Columns of sub-queries, and of the query around.
      if (node.index >= SUBQUERY) return node
      if (node.index >= PLACEHOLDER) return inputColumn(this.#keys.length + node.index - PLACEHOLDER, node.type)
      const at = this.#origins.get(node) as Position
      throw validationError(
        this.#context.source,
        at,
        `Expression '${this.#scope[node.index]?.name}' is not being grouped.`,
        'Put it into GROUP BY or into an aggregate such as MAX.',
      )
    })
  }

  #expressions(clause: string): ExpressionContext {
    return {
      source: this.#context.source,
      scope: this.#scope,
      aggregates: this.#collector,
      subqueries: this.#subqueries,
      outer: this.#context.outer,
      groupWindow: this.#window,
      windows: this.#windows,
      clause,
      origins: this.#origins,
      catalog: this.#context.catalog,
    }
  }
}

/** A key over the input columns. An alias of the list is no key in Flink either; the message says what to write. */
function bindGroupKey(expression: ExpressionNode, node: SelectNode, context: ExpressionContext): Expression {
  if (expression.kind === 'column' && expression.path.length === 1) {
    const name = expression.path[0]?.text as string
    const alias = node.items.find((item) => item.alias?.text === name)
    if (alias !== undefined && !context.scope.some((column) => column.name === name)) {
      throw validationError(
        context.source,
        expression.at,
        `Column '${name}' not found in any table.`,
        'It is a name given in SELECT; GROUP BY takes the expression itself.',
      )
    }
  }
  return bindExpression(expression, context)
}

/** True when an aggregate call stands in the expression, sub-queries aside. */
export function hasAggregate(root: ExpressionNode): boolean {
  const open = [root]
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.kind === 'call' && node.over === null && isAggregateFunction((node.name[0]?.text ?? '').toUpperCase())) return true
    open.push(...childrenOf(node))
  }
  return false
}

function childrenOf(node: ExpressionNode): readonly ExpressionNode[] {
  switch (node.kind) {
    case 'unary':
    case 'is':
    case 'cast':
    case 'field':
      return [node.arg]
    case 'binary':
    case 'distinct-from':
      return [node.left, node.right]
    case 'between':
      return [node.arg, node.low, node.high]
    case 'in-list':
      return [node.arg, ...node.list]
    case 'in-query':
      return [node.arg]
    case 'like':
      return [node.arg, node.pattern, ...(node.escape === null ? [] : [node.escape])]
    case 'case':
      return [
        ...(node.operand === null ? [] : [node.operand]),
        ...node.branches.flatMap(({ when, then }) => [when, then]),
        ...(node.otherwise === null ? [] : [node.otherwise]),
      ]
    case 'call':
      return node.args
    case 'row':
    case 'collection':
      return node.items
    case 'element':
      return [node.arg, node.index]
    case 'at-time-zone':
      return [node.arg, node.zone]
    case 'named-argument':
      return [node.value]
    default:
      return []
  }
}
