/**
 * Joins whose conditions bound how far apart in event time two rows may be, so that rows need not be kept for ever: interval joins, by
 * comparisons of the sides' time attributes, and window joins, by equality of the borders of windows on both sides.
 */
import type { Expression } from '#core/graph/expression.js'
import { BOOLEAN } from '#core/types/logical-type.js'
import { changelogOf } from './changelog.js'
import { conjunction, conjuncts, inputColumn } from './expressions.js'
import { inputsOf, joinFields, withInputs, type Join, type JoinTime, type Relation, type RelationField } from './relation.js'

/** The relation with the time of its joins found, of those that have keys by now; comparisons that it stands for go. */
export function planJoinTimes(relation: Relation): Relation {
  const node = withInputs(relation, inputsOf(relation).map(planJoinTimes))
  if (node.kind !== 'join') return node
  const { left, right, leftKeys, rightKeys, condition } = node
  const rest = condition === null ? [] : conjuncts(condition)
  const keys = leftKeys.map((key, i): Expression => {
    const columns = [columnOf(left.fields, key, 0), columnOf(right.fields, rightKeys[i] as number, left.fields.length)]
    return { kind: 'call', name: '=', args: columns, type: BOOLEAN }
  })
  const found = joinTimeOf(node, [...keys, ...rest])
  if (found === undefined) return node.time === undefined ? node : regular(node)
  return { ...node, time: found.time, condition: conjunction(rest.filter((part) => !found.parts.has(part))) ?? null }
}

function regular(join: Join): Join {
  const { time: _, ...kept } = join
  return kept
}

function columnOf(fields: readonly RelationField[], column: number, shift: number): Expression {
  return inputColumn(column + shift, (fields[column] as RelationField).type)
}

/** A join as its text says, with the time that its condition bounds. */
export function withJoinTime(join: Join): Join {
  const found = join.condition === null ? undefined : joinTimeOf(join, conjuncts(join.condition))
  if (found === undefined) return join
  return { ...join, time: found.time, fields: joinFields(join.joinType, join.left.fields, join.right.fields, { time: found.time }) }
}

interface Found {
  readonly time: JoinTime
  /** What the time says as well. */
  readonly parts: ReadonlySet<Expression>
}

/** `parts`: conditions over left ++ right that all must hold. */
function joinTimeOf({ left, right, single, lookup, temporal }: Join, parts: readonly Expression[]): Found | undefined {
  if (single === true || lookup === true || temporal !== undefined) return undefined
  if (changelogOf(left, 'STREAMING') !== 'append' || changelogOf(right, 'STREAMING') !== 'append') return undefined
  return windowOf(left, right, parts) ?? intervalOf(left, right, parts)
}

/** A time attribute moved by ms. */
interface Moment {
  readonly column: number
  readonly plusMs: number
}

const FLIPPED: Readonly<Record<string, string>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=', '=': '=' }

function intervalOf(left: Relation, right: Relation, parts: readonly Expression[]): Found | undefined {
  const width = left.fields.length
  const isTime = (column: number): boolean => (column < width ? left.fields[column] : right.fields[column - width])?.rowtime === true
  /** By pair of time attributes: what lower and upper bounds say of left - right. */
  const bounds = new Map<string, { column: number; other: number; lower: number; upper: number; parts: Set<Expression> }>()
  const note = (part: Expression, operator: string, first: Expression, second: Expression): boolean => {
    const [a, b] = [momentOf(first), momentOf(second)]
    if (a === undefined || b === undefined || !isTime(a.column) || !isTime(b.column)) return false
    if (a.column >= width && b.column < width) return note(part, FLIPPED[operator] as string, second, first)
    if (a.column >= width || b.column < width) return false
    const key = `${a.column} ${b.column}`
    let known = bounds.get(key)
    if (known === undefined) {
      known = { column: a.column, other: b.column, lower: -Infinity, upper: Infinity, parts: new Set() }
      bounds.set(key, known)
    }
    const apart = b.plusMs - a.plusMs
    if (operator === '=' || operator === '>' || operator === '>=') known.lower = Math.max(known.lower, operator === '>' ? apart + 1 : apart)
    if (operator === '=' || operator === '<' || operator === '<=') known.upper = Math.min(known.upper, operator === '<' ? apart - 1 : apart)
    known.parts.add(part)
    return true
  }
  for (const part of parts) {
    if (part.kind !== 'call') continue
    const [a, b, c] = part.args as [Expression, Expression, Expression]
    if (part.name in FLIPPED) note(part, part.name, a, b)
    // Both bounds, or the comparison stays what it is.
    else if (part.name === 'BETWEEN' && momentOf(a) !== undefined && bothTimes(a, b, c, width, isTime)) {
      note(part, '>=', a, b)
      note(part, '<=', a, c)
    }
  }
  const bounded = [...bounds.values()].find(({ lower, upper }) => lower > -Infinity && upper < Infinity)
  if (bounded === undefined) return undefined
  const { column, other, lower, upper } = bounded
  return { time: { kind: 'rowtime', left: column, right: other - width, lowerMs: lower, upperMs: upper }, parts: bounded.parts }
}

/** x BETWEEN low AND high, x a time of one side and the bounds one of the other. */
function bothTimes(x: Expression, low: Expression, high: Expression, width: number, isTime: (column: number) => boolean): boolean {
  const [value, from, to] = [momentOf(x), momentOf(low), momentOf(high)]
  if (value === undefined || from === undefined || to === undefined || from.column !== to.column) return false
  return isTime(value.column) && isTime(from.column) && value.column < width !== from.column < width
}

function momentOf(expression: Expression): Moment | undefined {
  if (expression.kind === 'input') return { column: expression.index, plusMs: 0 }
  if (expression.kind === 'cast')
    return expression.arg.type.kind === expression.type.kind && !expression.safe ? momentOf(expression.arg) : undefined
  if (expression.kind !== 'call' || expression.name !== 'TIMESTAMP_ADD_MILLIS') return undefined
  const [base, by] = expression.args as [Expression, Expression]
  const moment = momentOf(base)
  return moment === undefined || by.kind !== 'literal' || by.value === null
    ? undefined
    : { ...moment, plusMs: moment.plusMs + Number(by.value) }
}

/** The border of a window that a column is. */
interface Border {
  readonly property: 'window_start' | 'window_end'
  /** On the clock of the session's zone. */
  readonly zoned: boolean
}

function windowOf(left: Relation, right: Relation, parts: readonly Expression[]): Found | undefined {
  const width = left.fields.length
  let start = false
  let end: { left: number; right: number; zoned: boolean } | undefined
  for (const part of parts) {
    if (part.kind !== 'call' || part.name !== '=') continue
    const columns = part.args.flatMap((arg) => (arg.kind === 'input' ? [arg.index] : [])).sort((a, b) => a - b)
    const [a, b] = columns
    if (a === undefined || b === undefined || a >= width || b < width) continue
    const [one, two] = [borderOf(left, a), borderOf(right, b - width)]
    if (one === undefined || two === undefined || one.property !== two.property || one.zoned !== two.zoned) continue
    if (one.property === 'window_start') start = true
    else end = { left: a, right: b - width, zoned: one.zoned }
  }
  if (!start || end === undefined) return undefined
  const kind = end.zoned ? 'zoned-window-end' : 'window-end'
  return { time: { kind, left: end.left, right: end.right, lowerMs: 0, upperMs: 0 }, parts: new Set() }
}

/** Of a column passed on unchanged from a window function or a window aggregate over event time. */
function borderOf(relation: Relation, column: number): Border | undefined {
  switch (relation.kind) {
    case 'filter':
      return borderOf(relation.input, column)
    case 'project': {
      const expression = relation.expressions[column] as Expression
      return expression.kind === 'input' ? borderOf(relation.input, expression.index) : undefined
    }
    case 'window-table-function':
    case 'window-aggregate': {
      const time = relation.input.fields[relation.timeColumn] as RelationField
      const property =
        relation.kind === 'window-table-function'
          ? (['window_start', 'window_end'] as const)[column - relation.input.fields.length]
          : relation.emit[column - relation.keys.length - relation.calls.length]
      if (!time.rowtime || property === undefined || property === 'window_time') return undefined
      return { property, zoned: time.type.kind === 'TIMESTAMP_LTZ' }
    }
    default:
      return undefined
  }
}
