/**
 * GROUP BY window_start, window_end [, keys] over a window table function becomes one window aggregate: what lies between the two
 * moves below the window, except conditions on the window's borders, which hold for whole groups and move above, and conditions on rows of
 * a session, whose borders all rows make.
 */
import type { Expression } from '#core/graph/expression.js'
import { BOOLEAN, notNull } from '#core/types/logical-type.js'
import { columnsOf, conjunction, conjuncts, inputColumn, rewrite, sameExpression, substitute } from './expressions.js'
import {
  inputsOf,
  projectedField,
  withInputs,
  type Aggregate,
  type Relation,
  type RelationField,
  type Window,
  type WindowAggregate,
  type WindowProperty,
  type WindowTableFunction,
} from './relation.js'

const TRUE: Expression = { kind: 'literal', value: true, type: notNull(BOOLEAN) }
const PROPERTIES: readonly WindowProperty[] = ['window_start', 'window_end', 'window_time']

/** `problem` is called with what keeps a windowed GROUP BY from being fused. */
export function fuseWindowAggregates(relation: Relation, problem: (text: string) => never): Relation {
  const node = withInputs(
    relation,
    inputsOf(relation).map((input) => fuseWindowAggregates(input, problem)),
  )
  if (node.kind !== 'aggregate') return node
  const chain = collapse(node.input)
  return chain === undefined ? node : (fuse(node, chain, problem) ?? node)
}

/** Projections and filters above a window function, as expressions over its columns. */
interface Chain {
  readonly window: WindowTableFunction
  readonly columns: readonly Expression[]
  readonly conditions: readonly Expression[]
}

function collapse(relation: Relation): Chain | undefined {
  if (relation.kind === 'window-table-function') {
    return { window: relation, columns: relation.fields.map((field, i) => inputColumn(i, field.type)), conditions: [] }
  }
  if (relation.kind !== 'project' && relation.kind !== 'filter') return undefined
  const below = collapse(relation.input)
  if (below === undefined) return undefined
  return relation.kind === 'project'
    ? { ...below, columns: relation.expressions.map((expression) => substitute(expression, below.columns)) }
    : { ...below, conditions: [...below.conditions, ...conjuncts(substitute(relation.condition, below.columns))] }
}

/** Which border of the window, if any, each key of an aggregate is. */
function bordersOf(aggregate: Aggregate, { window, columns }: Chain): (WindowProperty | undefined)[] {
  const width = window.input.fields.length
  return aggregate.keys.map((key) => {
    const expression = columns[key] as Expression
    return expression.kind === 'input' ? PROPERTIES[expression.index - width] : undefined
  })
}

function isWindowed(borders: readonly (WindowProperty | undefined)[]): boolean {
  return borders.includes('window_start') && borders.includes('window_end')
}

/** Keys of an aggregate that stay event time: window_time where the groups are windows. */
export function rowtimeKeys(aggregate: Aggregate): ReadonlySet<number> {
  const chain = collapse(aggregate.input)
  const borders = chain === undefined ? [] : bordersOf(aggregate, chain)
  return new Set(isWindowed(borders) ? borders.flatMap((border, i) => (border === 'window_time' ? [i] : [])) : [])
}

function fuse(aggregate: Aggregate, { window, columns, conditions }: Chain, problem: (text: string) => never): Relation | undefined {
  const width = window.input.fields.length
  const keys = aggregate.keys.map((key) => columns[key] as Expression)
  const borders = bordersOf(aggregate, { window, columns, conditions })
  if (!isWindowed(borders)) return undefined
  const ofInput = (expression: Expression): boolean => [...columnsOf(expression)].every((column) => column < width)
  const ofWindow = (expression: Expression): boolean => [...columnsOf(expression)].every((column) => column >= width)

  // Columns of the aggregate's input: plain keys first, then what the calls read.
  const needed: Expression[] = []
  const place = (column: number, what: string): number => {
    const expression = columns[column] as Expression
    if (!ofInput(expression))
      problem(`${what} computed from window_start, window_end or window_time beside GROUP BY window_start, window_end.`)
    needed.push(expression)
    return needed.length - 1
  }
  const plain = aggregate.keys.flatMap((key, i) => (borders[i] === undefined ? [place(key, 'a GROUP BY key')] : []))
  const calls = aggregate.calls.map((call) => ({
    ...call,
    args: call.args.map((arg) => place(arg, 'an aggregate')),
    ...(call.filter === undefined ? {} : { filter: place(call.filter, 'a FILTER') }),
  }))
  const time = window.input.fields[window.timeColumn] as RelationField
  const timeColumn = needed.push(inputColumn(window.timeColumn, time.type)) - 1
  const isSession = window.window.kind === 'session'
  const ofRows = conjunction(conditions.filter(ofInput))
  const condition = isSession && ofRows !== undefined ? needed.push(ofRows) - 1 : undefined
  const input = window.input
  const moved: Window =
    window.window.kind !== 'session'
      ? window.window
      : {
          ...window.window,
          partition:
            window.window.partition?.map((column) => needed.push(inputColumn(column, (input.fields[column] as RelationField).type)) - 1) ??
            plain,
        }

  // What holds for whole groups: conditions on borders and keys.
  const plainKeys = keys.filter((_, i) => borders[i] === undefined)
  const above = conditions.filter((condition) => !ofInput(condition))
  const withoutKeys = (expression: Expression): Expression =>
    rewrite(expression, (node) => (plainKeys.some((key) => sameExpression(key, node)) ? TRUE : undefined))
  if (!above.every((condition) => ofWindow(withoutKeys(condition))))
    problem('a condition over both the borders of a window and columns that are no keys below GROUP BY window_start, window_end.')
  const used = new Set([
    ...borders.flatMap((border) => border ?? []),
    ...above.flatMap((condition) => [...columnsOf(withoutKeys(condition))].map((column) => PROPERTIES[column - width] as WindowProperty)),
  ])
  const emit = PROPERTIES.filter((name) => used.has(name))

  const filtered: Relation = ofRows === undefined || isSession ? input : { kind: 'filter', input, condition: ofRows, fields: input.fields }
  const narrowed: Relation = {
    kind: 'project',
    input: filtered,
    expressions: needed,
    fields: needed.map((expression, i) =>
      projectedField(expression.kind === 'input' ? (filtered.fields[expression.index]?.name ?? '') : `$f${i}`, expression, filtered.fields),
    ),
  }
  const emitted = emit.map((name): RelationField => ({
    ...(window.fields[width + PROPERTIES.indexOf(name)] as RelationField),
    rowtime: name === 'window_time' && !window.processingTime,
  }))
  const plainFields = aggregate.fields.filter((_, i) => i < borders.length && borders[i] === undefined)
  const fused: WindowAggregate = {
    kind: 'window-aggregate',
    input: narrowed,
    window: moved,
    timeColumn,
    processingTime: window.processingTime,
    ...(condition === undefined ? {} : { condition }),
    keys: plain,
    calls,
    emit,
    fields: [...plainFields, ...aggregate.fields.slice(borders.length), ...emitted],
  }

  const borderColumn = (name: WindowProperty): Expression => {
    const at = plain.length + calls.length + emit.indexOf(name)
    return inputColumn(at, (fused.fields[at] as RelationField).type)
  }
  const overBorders = (expression: Expression): Expression =>
    rewrite(expression, (node) => {
      const key = plainKeys.findIndex((candidate) => sameExpression(candidate, node))
      if (key >= 0) return inputColumn(key, (fused.fields[key] as RelationField).type)
      return node.kind === 'input' ? borderColumn(PROPERTIES[node.index - width] as WindowProperty) : undefined
    })
  const kept = conjunction(above.map(overBorders))
  const groups: Relation = kept === undefined ? fused : { kind: 'filter', input: fused, condition: kept, fields: fused.fields }
  let next = 0
  const expressions = [
    ...keys.map((key, i) =>
      borders[i] === undefined ? inputColumn(next, (fused.fields[next++] as RelationField).type) : overBorders(key),
    ),
    ...calls.map((call, i) => inputColumn(plain.length + i, call.type)),
  ]
  return {
    kind: 'project',
    input: groups,
    expressions,
    fields: expressions.map((expression, i) => projectedField((aggregate.fields[i] as RelationField).name, expression, groups.fields)),
  }
}
