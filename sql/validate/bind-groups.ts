/**
 * The groups of a SELECT. Expressions above them are first bound over the input, with place-holders for aggregate calls; when all
 * are known, `finish` lays out the aggregate and rewrites them over its keys and results.
 */
import type { Expression } from '#core/graph/expression.js'
import type { AggregateCall } from '#core/graph/operator-spec.js'
import { BIGINT, INT, notNull, withNullable } from '#core/types/logical-type.js'
import type { CallNode, ExpressionNode } from '../parser/ast-expression.js'
import type { SelectNode } from '../parser/ast-query.js'
import type { Position } from '../parser/source-text.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import { castTo, inputColumn, rewrite, sameExpression } from '../plan/expressions.js'
import { rowtimeKeys } from '../plan/fuse-window-aggregates.js'
import { projectedField, type Aggregate, type Relation, type RelationField } from '../plan/relation.js'
import { AggregateCollector, isAggregateFunction, PLACEHOLDER } from './aggregate-calls.js'
import { bindCondition, bindExpression, expressionContext, type ExpressionContext } from './bind-expression.js'
import type { BindContext } from './binder.js'
import { combinedSets, keysOfSets, MAX_SETS } from './grouping-sets.js'
import { GroupWindow, groupWindowName } from './group-window.js'
import type { Scope } from './scope.js'
import { SUBQUERY, type ScalarSubqueries } from './subqueries.js'

/** Place-holders of GROUPING and the like begin here, above those of aggregates. */
const GROUPING = PLACEHOLDER + 500_000

export class GroupedSelect {
  #input: Relation
  #window: GroupWindow | undefined
  readonly #scope: Scope
  readonly #context: BindContext
  readonly #keys: readonly Expression[]
  readonly #keyNames: readonly string[]
  /** Places of keys: by which the rows are grouped, once for each. */
  readonly #sets: readonly (readonly number[])[]
  /** GROUPING and the like: what each says of a set. */
  readonly #groupings: ((set: number) => number)[] = []
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
    /** Of each part of GROUP BY its sets, as places of keys. */
    const sets: (readonly (readonly number[])[])[] = []
    const keyOf = (expression: ExpressionNode): number => {
      const key = bindGroupKey(expression, node, keyContext)
      const same = keys.findIndex((other) => sameExpression(other, key))
      if (same >= 0) return same
      names.push(expression.kind === 'column' ? (expression.path.at(-1)?.text as string) : `KEY$${keys.length}`)
      return keys.push(key) - 1
    }
    for (const grouping of node.groupBy ?? []) {
      if (grouping.kind === 'grouping-sets') {
        sets.push(keysOfSets(grouping, (expression) => keyOf(expression), context.source))
        continue
      }
      const { expression } = grouping
      const windowName = groupWindowName(expression)
      if (windowName !== undefined) {
        if (this.#window !== undefined) throw notSupported(context.source, expression.at, 'a second window in GROUP BY.')
        this.#window = new GroupWindow(expression as CallNode, windowName, input, { source: context.source, scope })
        this.#window.keys.forEach((key, i) => {
          keys.push(key)
          names.push(['window_start', 'window_end', 'window_time'][i] as string)
          sets.push([[keys.length - 1]])
        })
        continue
      }
      sets.push([[keyOf(expression)]])
    }
    const several = node.groupBy?.find((grouping) => grouping.kind === 'grouping-sets')
    if (several?.kind === 'grouping-sets' && this.#window !== undefined)
      throw notSupported(context.source, several.at, `${several.type} beside a window in GROUP BY.`, 'Use a window table function.')
    const count = sets.reduce((product, part) => product * part.length, 1)
    if (count > MAX_SETS && several?.kind === 'grouping-sets')
      throw notSupported(context.source, several.at, `GROUP BY with ${count} grouping sets; ${MAX_SETS} are possible.`)
    this.#sets = combinedSets(sets)
    if (this.#window !== undefined) this.#input = this.#window.relation
    this.#keys = keys
    this.#keyNames = names
    this.#collector = new AggregateCollector(this.#sets.every((set) => set.length > 0))
  }

  bind(node: ExpressionNode, clause: string): Expression {
    return bindExpression(node, this.#expressions(clause))
  }

  bindHaving(node: ExpressionNode): Expression {
    return bindCondition(node, this.#expressions('HAVING'))
  }

  /** The aggregate, and the expressions over its output. @throws SQL_VALIDATION for a column that is not grouped */
  finish(expressions: readonly Expression[]): { relation: Relation; expressions: Expression[] } {
    const [set] = this.#sets
    const simple = this.#sets.length === 1 && set?.length === this.#keys.length && this.#groupings.length === 0
    const relation = simple ? this.#aggregate(set) : this.#unionOfSets()
    return { relation, expressions: expressions.map((expression) => this.#aboveGroups(expression, relation)) }
  }

  /** Each set has groups of its own; keys that are not in it are NULL. Fields: keys, calls, what is asked of the sets. */
  #unionOfSets(): Relation {
    const inputs = this.#sets.map((set, number): Relation => {
      const input = this.#aggregate(set)
      const keys = this.#keys.map((key, i): Expression => {
        const place = set.indexOf(i)
        const type = withNullable(key.type, this.#sets.some((each) => !each.includes(i)) || key.type.nullable)
        return place < 0
          ? { kind: 'literal', value: null, type }
          : castTo(inputColumn(place, (input.fields[place] as RelationField).type), type)
      })
      const calls = this.#collector.calls.map((_, i) => {
        const field = input.fields[set.length + i] as RelationField
        return inputColumn(set.length + i, field.type)
      })
      const asked = this.#groupings.map((ask): Expression => ({ kind: 'literal', value: String(ask(number)), type: notNull(BIGINT) }))
      const projected = [...keys, ...calls, ...asked]
      const names = [...this.#keyNames, ...calls.map((_, i) => `AGG$${i}`), ...asked.map((_, i) => `GROUPING$${i}`)]
      const fields = projected.map((expression, i) => projectedField(names[i] as string, expression, input.fields))
      return { kind: 'project', input, expressions: projected, fields }
    })
    const [first] = inputs as [Relation]
    if (inputs.length === 1) return first
    const fields = first.fields.map((field, i) => ({ ...field, rowtime: inputs.every((input) => input.fields[i]?.rowtime === true) }))
    return { kind: 'union', inputs, fields }
  }

  /** Fields: the set's keys, then the calls. */
  #aggregate(set: readonly number[]): Relation {
    const columns: Expression[] = set.map((key) => this.#keys[key] as Expression)
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
      (expression, i) =>
        this.#keyNames[set[i] ?? -1] ?? (expression.kind === 'input' ? (below.fields[expression.index]?.name ?? `$f${i}`) : `$f${i}`),
    )
    const project: Relation = {
      kind: 'project',
      input: below,
      expressions: columns,
      fields: columns.map((expression, i) => projectedField(names[i] as string, expression, below.fields)),
    }
    const keys = set.map((_, i) => i)
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
    return { ...aggregate, fields: aggregate.fields.map((field, i) => ({ ...field, rowtime: rowtimes.has(i) })) }
  }

  #aboveGroups(expression: Expression, relation: Relation): Expression {
    return rewrite(expression, (node) => {
      const key = this.#keys.findIndex((candidate) => sameExpression(candidate, node))
      if (key >= 0) return inputColumn(key, (relation.fields[key] as RelationField).type)
      if (node.kind !== 'input') return undefined
      // Columns of sub-queries, and of the query around.
      if (node.index >= SUBQUERY) return node
      if (node.index >= GROUPING) return inputColumn(this.#keys.length + this.#collector.calls.length + node.index - GROUPING, node.type)
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

  /** GROUPING(a, b): of which of them the set is not made, as bits, the first one highest. GROUP_ID(): which set it is of several equal ones. */
  #bindGrouping(node: CallNode, name: string): Expression {
    const { source } = this.#context
    if (node.star || node.distinct || node.filter !== null || (node.args.length === 0) !== (name === 'GROUP_ID'))
      throw validationError(
        source,
        node.at,
        name === 'GROUP_ID' ? 'GROUP_ID takes no arguments.' : `${name} takes expressions of GROUP BY.`,
      )
    const context = {
      ...expressionContext(source, this.#scope, `the arguments of ${name}`, this.#context.catalog),
      outer: this.#context.outer,
    }
    const places = node.args.map((arg) => {
      const bound = bindExpression(arg, context)
      const place = this.#keys.findIndex((key) => sameExpression(key, bound))
      if (place < 0) throw validationError(source, arg.at, `Argument to operator '${name}' must be a grouped expression.`)
      return place
    })
    const same = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((key) => b.includes(key))
    const ask = (number: number): number => {
      const set = this.#sets[number] as readonly number[]
      if (name === 'GROUP_ID') return this.#sets.slice(0, number).filter((other) => same(other, set)).length
      return places.reduce((bits, place) => 2 * bits + (set.includes(place) ? 0 : 1), 0)
    }
    return inputColumn(GROUPING + this.#groupings.push(ask) - 1, notNull(BIGINT))
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
      grouping: (call, name) => this.#bindGrouping(call, name),
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
