/** Building, comparing and rewriting expression trees. */
import type { Expression } from '#core/graph/expression.js'
import { findFunction } from '#runtime/expr/function-table.js'
import { BOOLEAN, hasNanos, notNull, sameType, withNullable, type LogicalType } from '#core/types/logical-type.js'

export const TRUE: Expression = { kind: 'literal', value: true, type: notNull(BOOLEAN) }

export function inputColumn(index: number, type: LogicalType): Expression {
  return { kind: 'input', index, type }
}

/** `expression` as a value of `type`; nothing is done where every value of its type already is one of `type`. */
export function castTo(expression: Expression, type: LogicalType, safe = false): Expression {
  if (isSubtype(expression.type, type)) return expression
  if (expression.kind === 'literal' && expression.value === null) return { ...expression, type: withNullable(type, true) }
  return { kind: 'cast', arg: expression, safe, type: withNullable(type, expression.type.nullable || safe) }
}

function isSubtype(from: LogicalType, to: LogicalType): boolean {
  if (from.kind === 'VARCHAR' && to.kind === 'VARCHAR') return from.length <= to.length && (to.fixed !== true || sameType(from, to))
  if ((from.kind === 'TIMESTAMP' || from.kind === 'TIMESTAMP_LTZ') && from.kind === to.kind)
    return from.precision <= to.precision && hasNanos(from) === hasNanos(to)
  return sameType(from, to)
}

/** The tree with every node replaced by what `change` returns for it; undefined: look below. */
export function rewrite(expression: Expression, change: (node: Expression) => Expression | undefined): Expression {
  const changed = change(expression)
  if (changed !== undefined) return changed
  if (expression.kind === 'call') {
    const args = expression.args.map((arg) => rewrite(arg, change))
    return args.every((arg, i) => arg === expression.args[i]) ? expression : { ...expression, args }
  }
  if (expression.kind === 'cast') {
    const arg = rewrite(expression.arg, change)
    return arg === expression.arg ? expression : { ...expression, arg }
  }
  return expression
}

/** The tree with its input columns replaced by the expressions that compute them. */
export function substitute(expression: Expression, columns: readonly Expression[]): Expression {
  return rewrite(expression, (node) => (node.kind === 'input' ? columns[node.index] : undefined))
}

/** The tree with its input columns renumbered. */
export function renumber(expression: Expression, indexOf: (index: number) => number): Expression {
  return rewrite(expression, (node) => (node.kind === 'input' ? { ...node, index: indexOf(node.index) } : undefined))
}

export function columnsOf(expression: Expression, into = new Set<number>()): Set<number> {
  if (expression.kind === 'input') into.add(expression.index)
  else if (expression.kind === 'call') for (const arg of expression.args) columnsOf(arg, into)
  else if (expression.kind === 'cast') columnsOf(expression.arg, into)
  return into
}

export function sameExpression(a: Expression, b: Expression): boolean {
  return a === b || digest(a) === digest(b)
}

/** Equal for equal trees; nullability of inner types aside. */
export function digest(expression: Expression): string {
  switch (expression.kind) {
    case 'input':
      return `$${expression.index}`
    case 'literal':
      return `${JSON.stringify(expression.value)}:${JSON.stringify(withNullable(expression.type, true))}`
    case 'call':
      return `${expression.name}(${expression.args.map(digest).join(',')})`
    case 'cast':
      return `${expression.safe ? 'TRY_' : ''}CAST(${digest(expression.arg)} AS ${JSON.stringify(withNullable(expression.type, true))})`
  }
}

/** The parts of a condition that all must hold. */
export function conjuncts(condition: Expression): Expression[] {
  return condition.kind === 'call' && condition.name === 'AND' ? condition.args.flatMap(conjuncts) : [condition]
}

/** One condition of many; undefined for none. */
export function conjunction(conditions: readonly Expression[]): Expression | undefined {
  if (conditions.length < 2) return conditions[0]
  const nullable = conditions.some((condition) => condition.type.nullable)
  return { kind: 'call', name: 'AND', args: [...conditions], type: { kind: 'BOOLEAN', nullable } }
}

/** False when two evaluations over one row may differ: RAND, the clock. */
export function isDeterministic(expression: Expression): boolean {
  if (expression.kind === 'call') return findFunction(expression.name)?.deterministic !== false && expression.args.every(isDeterministic)
  return expression.kind !== 'cast' || isDeterministic(expression.arg)
}
