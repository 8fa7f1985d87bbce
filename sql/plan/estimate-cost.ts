/**
 * EXPLAIN ESTIMATED_COST: how many rows a node gives and what it and all below it cost, by rules of thumb as Flink's where it has no
 * statistics: a table has 1e8 rows. Nothing is planned by them here.
 */
import { inputsOf, type Relation, type Root } from './relation.js'

interface Cost {
  readonly rows: number
  readonly cpu: number
  /** Bytes read by sources. */
  readonly io: number
  /** Bytes of state. */
  readonly memory: number
}

const TABLE_ROWS = 1e8
const COLUMN_BYTES = 8
const FILTERED = 0.25
const GROUPED = 0.1
const MATCHED = 0.3

export function rowCount(node: Relation | Root): number {
  if (node.kind === 'sink' || node.kind === 'collect') return rowCount(node.input)
  const inputs = inputsOf(node).map(rowCount)
  const [first = 1, second = 1] = inputs
  switch (node.kind) {
    case 'scan': {
      const declared = Number(node.options['number-of-rows'] ?? node.options['events.num'])
      return Number.isFinite(declared) && declared > 0 ? declared : TABLE_ROWS
    }
    case 'values':
      return node.rows.length
    case 'filter':
      return first * FILTERED
    case 'calc':
      return node.condition === null ? first : first * FILTERED
    case 'aggregate':
    case 'window-aggregate':
      return node.keys.length === 0 && node.kind === 'aggregate' ? 1 : Math.max(1, first * GROUPED)
    case 'join':
      if (node.joinType === 'semi' || node.joinType === 'anti') return first * MATCHED
      return node.leftKeys.length === 0 ? first * second : Math.max(first, second) * MATCHED
    case 'rank':
    case 'sort':
      return node.limit === null ? first : Math.min(first, node.kind === 'rank' && node.partition.length > 0 ? first * GROUPED : node.limit)
    case 'union':
      return inputs.reduce((sum, rows) => sum + rows, 0)
    case 'set-operation':
      return node.operator === 'intersect' ? Math.min(first, second) : first
    default:
      return first
  }
}

/** `: rowcount = 1.0E8, cumulative cost = {1.0E8 rows, 1.0E8 cpu, 2.4E9 io, 0.0 network, 0.0 memory}` */
export function costText(node: Relation | Root): string {
  const { rows, cpu, io, memory } = cumulative(node)
  const cost = `{${number(rows)} rows, ${number(cpu)} cpu, ${number(io)} io, 0.0 network, ${number(memory)} memory}`
  return `: rowcount = ${number(rowCount(node))}, cumulative cost = ${cost}`
}

function cumulative(node: Relation | Root): Cost {
  const inputs = node.kind === 'sink' || node.kind === 'collect' ? [node.input] : inputsOf(node)
  const below = inputs.map(cumulative)
  const sum = (part: keyof Cost): number => below.reduce((total, cost) => total + cost[part], 0)
  const rows = rowCount(node)
  const taken = inputs.reduce((total, input) => total + rowCount(input), 0)
  const bytes = ('fields' in node ? node.fields.length : 0) * COLUMN_BYTES
  const keeps = node.kind === 'aggregate' || node.kind === 'window-aggregate' || node.kind === 'rank'
  const joined = node.kind === 'join' ? inputs.reduce((total, input) => total + rowCount(input) * widthOf(input), 0) : 0
  return {
    rows: sum('rows') + rows,
    cpu: sum('cpu') + Math.max(rows, taken),
    io: sum('io') + (node.kind === 'scan' ? rows * bytes : 0),
    memory: sum('memory') + (keeps ? rows * bytes : joined),
  }
}

function widthOf({ fields }: Relation): number {
  return fields.length * COLUMN_BYTES
}

/** As Java prints a double: `1.0`, `2.5E7`. */
function number(value: number): string {
  if (value !== 0 && (Math.abs(value) >= 1e7 || Math.abs(value) < 1e-3)) {
    const [digits = '', exponent = ''] = value.toExponential().split('e')
    return `${digits.includes('.') ? digits : `${digits}.0`}E${exponent.replace('+', '')}`
  }
  return Number.isInteger(value) ? `${value}.0` : String(value)
}
