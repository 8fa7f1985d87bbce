/** EXPLAIN PLAN_ADVICE: what of a plan is likely to be regretted. */
import type { Expression } from '#core/graph/expression.js'
import { isBounded } from './changelog.js'
import { inputsOf, type Relation, type Root } from './relation.js'

export interface Advice {
  readonly node: Relation
  readonly text: string
}

const NOT_REPEATABLE: ReadonlySet<string> = new Set([
  'RAND',
  'RAND_INTEGER',
  'UUID',
  'NOW',
  'CURRENT_TIMESTAMP',
  'PROCTIME',
  'UNIX_TIMESTAMP',
])

/** Of a plan in streaming mode. `changes`: may the node's rows be updated or taken back? */
export function planAdvice(root: Root, changes: (relation: Relation) => boolean): Advice[] {
  const advice: Advice[] = []
  const visit = (node: Relation): void => {
    const inputs = inputsOf(node)
    if (growsForever(node)) {
      const what = node.kind === 'join' ? 'all rows of both inputs' : node.kind === 'aggregate' ? 'each group' : 'each partition'
      advice.push({
        node,
        text: `[ADVICE] This node keeps ${what} for as long as the job runs: windows or intervals of time bound it.`,
      })
    }
    const names = expressionsOf(node).flatMap(callNames)
    const random = [...new Set(names.filter((name) => NOT_REPEATABLE.has(name)))]
    if (random.length > 0 && inputs.some(changes))
      advice.push({
        node,
        text: `[WARNING] ${random.join(', ')} may give another value when a row is taken back than when it came: such a row is not found again.`,
      })
    for (const input of inputs) visit(input)
  }
  visit(root.input)
  return advice
}

function growsForever(node: Relation): boolean {
  const unbounded = inputsOf(node).some((input) => !isBounded(input))
  if (!unbounded) return false
  switch (node.kind) {
    case 'aggregate':
      return node.keys.length > 0
    case 'rank':
      return node.partition.length > 0
    case 'join':
      return node.time === undefined && node.temporal === undefined && node.lookup !== true
    case 'set-operation':
      return true
    default:
      return false
  }
}

function expressionsOf(node: Relation): readonly Expression[] {
  switch (node.kind) {
    case 'calc':
      return node.condition === null ? node.projection : [...node.projection, node.condition]
    case 'join':
      return node.condition === null ? [] : [node.condition]
    default:
      return []
  }
}

function callNames(expression: Expression): string[] {
  switch (expression.kind) {
    case 'call':
      return [expression.name, ...expression.args.flatMap(callNames)]
    case 'cast':
      return callNames(expression.arg)
    default:
      return []
  }
}
