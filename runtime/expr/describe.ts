/** Expressions and rows as a reader writes them, for messages. */
import type { Expression } from '#core/graph/expression.js'
import { userFunctionOf } from '#core/graph/function-module.js'
import { hasNanos, isBinary, typeToString, withNullable, type LogicalType, type Value } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import { formatDate, formatTime, formatTimestamp } from './calendar.js'
import { formatterOf } from './cast.js'
import { decimalToString } from './decimal.js'

const NO_CONTEXT = { timeZone: 'UTC', now: () => 0 }
const MAX_TEXT = 60
const MAX_EXPRESSION = 400
const MAX_COLUMNS = 20

/** SQL-like text; columns by name when the schema is given, else `$3`. Shortened to a few hundred characters. */
export function describeExpression(expression: Expression, schema?: Schema): string {
  const text = describe(expression, schema, 0)
  return text.length > MAX_EXPRESSION ? `${text.slice(0, MAX_EXPRESSION)}…` : text
}

const POSTFIX = /^IS /
const MAX_DEPTH = 30

function describe(expression: Expression, schema: Schema | undefined, depth: number): string {
  if (depth > MAX_DEPTH) return '…'
  const show = (inner: Expression) => describe(inner, schema, depth + 1)
  switch (expression.kind) {
    case 'input':
      return schema?.fields[expression.index]?.name ?? `$${expression.index}`
    case 'literal':
      return describeLiteral(expression.value, expression.type)
    case 'cast':
      return `${expression.safe ? 'TRY_CAST' : 'CAST'}(${show(expression.arg)} AS ${typeToString(withNullable(expression.type, true))})`
    case 'call': {
      const { args } = expression
      const user = userFunctionOf(expression.name)
      if (user !== undefined) return `${user.called}(${args.map(show).join(', ')})`
      const { name } = expression
      const [first, second] = args
      if (first !== undefined && second === undefined && POSTFIX.test(name)) return `(${show(first)} ${name})`
      if (first !== undefined && second === undefined && (name === 'NOT' || name === '-')) return `(${name} ${show(first)})`
      if (name === 'CASE') return describeCase(args.map(show))
      if (first !== undefined && (name === 'IN' || name === 'NOT IN'))
        return `(${show(first)} ${name} (${args.slice(1).map(show).join(', ')}))`
      if (first !== undefined && (name === 'BETWEEN' || name === 'NOT BETWEEN'))
        return `(${show(first)} ${name} ${args.slice(1).map(show).join(' AND ')})`
      const infix = !/^[A-Z][A-Z_0-9]*$/.test(name) || name === 'AND' || name === 'OR' || name === 'LIKE'
      return infix && args.length > 1 ? `(${args.map(show).join(` ${name} `)})` : `${name}(${args.map(show).join(', ')})`
    }
  }
}

function describeCase(args: readonly string[]): string {
  let text = 'CASE'
  for (let i = 0; i + 1 < args.length; i += 2) text += ` WHEN ${args[i]} THEN ${args[i + 1]}`
  if (args.length % 2 === 1) text += ` ELSE ${args[args.length - 1]}`
  return `${text} END`
}

function describeLiteral(value: string | number | boolean | null, type: LogicalType): string {
  if (value === null) return 'NULL'
  if (isBinary(type)) return describeBinary(String(value), type)
  switch (type.kind) {
    case 'VARCHAR':
      return quote(String(value))
    case 'BOOLEAN':
      return value === true ? 'TRUE' : 'FALSE'
    case 'DECIMAL':
      return /^-?\d+$/.test(String(value)) ? decimalToString(BigInt(value), type.scale) : String(value)
    case 'DATE':
      return `DATE '${formatDate(Number(value))}'`
    case 'TIME':
      return `TIME '${formatTime(Number(value), type.precision)}'`
    case 'TIMESTAMP':
      if (hasNanos(type)) return `TIMESTAMP '${formatterOf(type, NO_CONTEXT)(BigInt(value))}'`
      return `TIMESTAMP '${formatTimestamp(Number(value), type.precision)}'`
    default:
      return String(value)
  }
}

/** Bytes as X'…', values of values as CAST AS STRING writes them. */
function describeBinary(value: string, type: LogicalType): string {
  if (type.kind === 'BYTES') {
    const hex = Buffer.from(value.slice(0, MAX_TEXT), 'latin1').toString('hex')
    return `X'${hex}${value.length > MAX_TEXT ? '…' : ''}'`
  }
  const text = formatterOf(type, NO_CONTEXT)(value)
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text
}

function quote(text: string): string {
  const shown = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text
  return `'${shown.replaceAll("'", "''").replaceAll('\n', '\\n')}'`
}

/** `(a = 1, b = 'text', c = NULL)`; long texts and many columns are cut. */
export function describeRow(row: readonly Value[], schema: Schema): string {
  const shown = schema.fields.slice(0, MAX_COLUMNS).map(({ name, type }, i) => `${name} = ${describeValue(row[i] ?? null, type)}`)
  if (schema.fields.length > MAX_COLUMNS) shown.push('…')
  return `(${shown.join(', ')})`
}

function describeValue(value: Value, type: LogicalType): string {
  if (value === null) return 'NULL'
  if (type.kind === 'TIMESTAMP_LTZ') return `${formatterOf(type, NO_CONTEXT)(value)} UTC`
  return describeLiteral(typeof value === 'bigint' ? value.toString() : value, type)
}
