/** Neighbouring projections and filters become one calc; a calc that changes nothing goes. */
import type { Expression } from '#core/graph/expression.js'
import { conjunction, conjuncts, inputColumn, substitute } from './expressions.js'
import { inputsOf, withInputs, type Calc, type Relation, type RelationField } from './relation.js'

/** Size at which expressions are no longer written into each other: below a common part it would be computed twice. */
const MAX_MERGED_NODES = 500

/** Nodes whose columns have no other name than the one given here. */
const RENAMED_IN_PLACE: ReadonlySet<Relation['kind']> = new Set<Relation['kind']>([
  'aggregate',
  'window-aggregate',
  'join',
  'unnest',
  'set-operation',
  'values',
  'calc',
])

export function mergeCalcs(relation: Relation): Relation {
  const node = withInputs(relation, inputsOf(relation).map(mergeCalcs))
  switch (node.kind) {
    case 'project':
      return merged({ kind: 'calc', input: node.input, condition: null, projection: node.expressions, fields: node.fields })
    case 'filter':
      return merged({
        kind: 'calc',
        input: node.input,
        condition: node.condition,
        projection: node.input.fields.map((field, i) => inputColumn(i, field.type)),
        fields: node.fields,
      })
    default:
      return node
  }
}

function merged(calc: Calc): Relation {
  const { input } = calc
  if (input.kind === 'calc' && worthMerging(calc, input)) {
    const projection = calc.projection.map((expression) => substitute(expression, input.projection))
    const upper = calc.condition === null ? [] : conjuncts(substitute(calc.condition, input.projection))
    const condition = conjunction([...(input.condition === null ? [] : conjuncts(input.condition)), ...upper]) ?? null
    return merged({ ...calc, input: input.input, condition, projection })
  }
  const trivial =
    calc.condition === null &&
    calc.projection.length === input.fields.length &&
    calc.projection.every((expression, i) => expression.kind === 'input' && expression.index === i)
  if (!trivial) return calc
  if (calc.fields.every((field, i) => field.name === input.fields[i]?.name)) return input
  return RENAMED_IN_PLACE.has(input.kind)
    ? ({ ...input, fields: calc.fields.map((field, i) => ({ ...(input.fields[i] as RelationField), name: field.name })) } as Relation)
    : calc
}

/** A computed column that is used twice above is computed once below: the two calcs then stay apart. */
function worthMerging(upper: Calc, lower: Calc): boolean {
  const uses = new Array<number>(lower.projection.length).fill(0)
  const count = (expression: Expression): void => {
    if (expression.kind === 'input') uses[expression.index] = (uses[expression.index] ?? 0) + 1
    else if (expression.kind === 'call') expression.args.forEach(count)
    else if (expression.kind === 'cast') count(expression.arg)
  }
  upper.projection.forEach(count)
  if (upper.condition !== null) count(upper.condition)
  let nodes = 0
  for (const [i, expression] of lower.projection.entries()) {
    const computed = expression.kind !== 'input' && expression.kind !== 'literal'
    if (computed && (uses[i] ?? 0) > 1) return false
    nodes += sizeOf(expression) * (uses[i] ?? 0)
  }
  return nodes <= MAX_MERGED_NODES
}

function sizeOf(expression: Expression): number {
  if (expression.kind === 'call') return expression.args.reduce((sum, arg) => sum + sizeOf(arg), 1)
  return expression.kind === 'cast' ? 1 + sizeOf(expression.arg) : 1
}
