/** Literals as written to typed constants. */
import type { Expression } from '#core/graph/expression.js'
import { hasNanos, MAX_DECIMAL_PRECISION, NANOS_PER_MILLI, type LogicalType } from '#core/types/logical-type.js'
import { parseDate, parseTime, parseTimestamp } from '#runtime/expr/calendar.js'
import { nanosOfText } from '#runtime/expr/cast.js'
import type { BinaryStringNode, IntervalNode, NumberNode, TemporalNode } from '../parser/ast-expression.js'
import type { SourceText } from '../parser/source-text.js'
import { validationError } from '../parser/sql-errors.js'

/** `12` INT (BIGINT, DECIMAL when it is larger), `1.50` DECIMAL(3, 2), `1e3` DOUBLE; as Calcite counts digits. */
export function numberLiteral(source: SourceText, node: NumberNode, negative: boolean): Expression {
  const text = node.text
  const sign = negative ? '-' : ''
  if (/[eE]/.test(text)) {
    const value = Number(sign + text)
    if (!Number.isFinite(value)) throw validationError(source, node.at, `The number ${text} is out of range for DOUBLE.`)
    return { kind: 'literal', value, type: { kind: 'DOUBLE', nullable: false } }
  }
  const [whole = '', fraction = ''] = text.split('.')
  if (fraction === '') {
    const value = BigInt(sign + (whole === '' ? '0' : whole))
    if (value === BigInt.asIntN(32, value)) return { kind: 'literal', value: Number(value), type: { kind: 'INT', nullable: false } }
    if (value === BigInt.asIntN(64, value)) return { kind: 'literal', value: value.toString(), type: { kind: 'BIGINT', nullable: false } }
  }
  const precision = Math.max(1, whole.length + fraction.length)
  if (precision > MAX_DECIMAL_PRECISION)
    throw validationError(source, node.at, `The number ${text} has more than ${MAX_DECIMAL_PRECISION} digits.`)
  const type: LogicalType = { kind: 'DECIMAL', precision, scale: fraction.length, nullable: false }
  return { kind: 'literal', value: BigInt(sign + whole + fraction).toString(), type }
}

export function stringLiteral(value: string): Expression {
  return { kind: 'literal', value, type: { kind: 'VARCHAR', length: Math.max(1, [...value].length), nullable: false } }
}

/** X'0aff' is BINARY(2). */
export function binaryLiteral(source: SourceText, node: BinaryStringNode): Expression {
  if (node.hex.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(node.hex))
    throw validationError(source, node.at, 'A binary literal has two hexadecimal digits for each byte.')
  const value = Buffer.from(node.hex, 'hex').toString('latin1')
  return { kind: 'literal', value, type: { kind: 'BYTES', length: Math.max(1, value.length), fixed: true, nullable: false } }
}

export const NULL_LITERAL: Expression = { kind: 'literal', value: null, type: { kind: 'NULL', nullable: true } }

export function temporalLiteral(source: SourceText, node: TemporalNode): Expression {
  const bad = (form: string) => validationError(source, node.at, `Illegal ${node.type} literal '${node.text}': not in format '${form}'.`)
  if (node.type === 'DATE') {
    const days = /^\d{4}-\d{1,2}-\d{1,2}$/.test(node.text) ? parseDate(node.text) : undefined
    if (days === undefined) throw bad('yyyy-MM-dd')
    return { kind: 'literal', value: days, type: { kind: 'DATE', nullable: false } }
  }
  if (node.type === 'TIME') {
    const match = /^\d{1,2}:\d{2}:\d{2}(?:\.(\d{1,9}))?$/.exec(node.text)
    const millis = match === null ? undefined : parseTime(node.text)
    if (match === null || millis === undefined) throw bad('HH:mm:ss')
    return { kind: 'literal', value: millis, type: { kind: 'TIME', precision: match[1]?.length ?? 0, nullable: false } }
  }
  const match = /^\d{4}-\d{1,2}-\d{1,2} \d{1,2}:\d{2}:\d{2}(?:\.(\d{1,9}))?$/.exec(node.text)
  const millis = match === null ? undefined : parseTimestamp(node.text)
  if (match === null || millis === undefined) throw bad('yyyy-MM-dd HH:mm:ss')
  const fraction = match[1] ?? ''
  const type: LogicalType = { kind: 'TIMESTAMP', precision: fraction.length, nullable: false }
  const value = hasNanos(type) ? BigInt(millis) * NANOS_PER_MILLI + nanosOfText(node.text) : millis
  return { kind: 'literal', value: String(value), type }
}

/** Length of an interval: a count of months, or of milliseconds. */
export interface Interval {
  readonly unit: 'MONTHS' | 'MILLIS'
  readonly amount: number
}

const MILLIS: Readonly<Record<string, number>> = { WEEK: 604_800_000, DAY: 86_400_000, HOUR: 3_600_000, MINUTE: 60_000, SECOND: 1000 }
const MONTHS: Readonly<Record<string, number>> = { YEAR: 12, QUARTER: 3, MONTH: 1 }

/** @throws SQL_VALIDATION when the text does not fit its units */
export function intervalLiteral(source: SourceText, node: IntervalNode): Interval {
  const bad = () =>
    validationError(
      source,
      node.at,
      `Illegal interval literal format '${node.text}' for INTERVAL ${node.from}${node.to === null ? '' : ` TO ${node.to}`}.`,
    )
  const match = /^\s*([+-]?)(.*?)\s*$/.exec(node.text)
  const [, sign = '', text = ''] = match ?? []
  const factor = (sign === '-') !== node.negative ? -1 : 1
  let amount: number | undefined
  let unit: Interval['unit'] = 'MILLIS'
  if (node.to === null) {
    const months = MONTHS[node.from]
    const millis = MILLIS[node.from]
    if (months !== undefined) {
      unit = 'MONTHS'
      amount = /^\d{1,9}$/.test(text) ? Number(text) * months : undefined
    } else if (millis !== undefined) {
      const pattern = node.from === 'SECOND' ? /^\d{1,12}(?:\.\d{1,9})?$/ : /^\d{1,9}$/
      amount = pattern.test(text) ? Math.trunc(Math.round(Number(text) * millis * 1e6) / 1e6) : undefined
    }
  } else if (node.from === 'YEAR' && node.to === 'MONTH') {
    unit = 'MONTHS'
    const parts = /^(\d{1,9})-(\d{1,2})$/.exec(text)
    amount = parts === null || Number(parts[2]) > 11 ? undefined : Number(parts[1]) * 12 + Number(parts[2])
  } else {
    amount = dayTime(text, node.from, node.to)
  }
  if (amount === undefined || !Number.isSafeInteger(amount)) throw bad()
  return { unit, amount: factor * amount || 0 }
}

const DAY_TIME = ['DAY', 'HOUR', 'MINUTE', 'SECOND']

/** `1 10:00:00.5` DAY TO SECOND and what lies between. */
function dayTime(text: string, from: string, to: string): number | undefined {
  const first = DAY_TIME.indexOf(from)
  const last = DAY_TIME.indexOf(to)
  if (first < 0 || last <= first) return undefined
  const units = DAY_TIME.slice(first, last + 1)
  const pattern = units
    .map((unit, i) => (unit === 'SECOND' ? '(\\d{1,2}(?:\\.\\d{1,9})?)' : i === 0 ? '(\\d{1,9})' : '(\\d{1,2})'))
    .join('§')
  const match = new RegExp(`^${pattern.replaceAll('§', ':').replace(first === 0 ? ':' : '§', ' ')}$`).exec(text)
  if (match === null) return undefined
  let millis = 0
  for (const [i, unit] of units.entries()) {
    const value = Number(match[i + 1])
    if (i > 0 && value >= (unit === 'HOUR' ? 24 : 60)) return undefined
    millis += value * (MILLIS[unit] as number)
  }
  return Math.trunc(Math.round(millis * 1e6) / 1e6)
}
