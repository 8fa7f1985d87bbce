/**
 * Generated code for rows that look like the last one: the same keys in the same order, every value in the plain form of its column. One
 * pass: a value is checked, read and appended to its column as the loop goes over its bytes. Anything else (escapes, exponents, more than 15
 * digits, a number in quotes, a missing key, a row that is not complete) makes it return -1; the caller takes back what was appended and
 * goes the general way, which also knows what to say about a row that is wrong.
 *
 * No byte of a key is in the generated text: keys are constants, as all that comes from outside (expr/generated-code.ts).
 */
import { hasNanos, type LogicalType } from '#core/types/logical-type.js'
import type { ColumnBuilder } from '../../columnar/batch-builder.js'
import { instantiate } from '../../expr/generated-code.js'
import { appendText, fieldReader, type FieldReader, type TextSyntax } from '../field-reader.js'
import { POWERS } from '../number-text.js'
import { parseTimestamp } from '../temporal-text.js'
import type { RowLayout } from './layout.js'
import { CONTAINER, ESCAPED_STRING, NULL_VALUE, plainEnd, PLAIN_STRING, scannedKind, scanScalar } from './scan.js'

/**
 * Reads the row at `start` into the columns; `view` is of `bytes`. Returns the position behind its newline, or -1: some columns may have a
 * value of it. Never reads behind `end`.
 */
export type RowCode = (
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  columns: readonly ColumnBuilder[],
  suspect: boolean,
) => number

/** Larger rows make functions that the engine does not optimise. */
const MAX_KEYS = 64
/** Bytes of `2024-01-02 03:04:05`, and with nine places and a Z and one more. */
const MIN_TIMESTAMP = 19
const MAX_TIMESTAMP = 31
/** Digits of which every number is exact as a double. */
const SAFE_DIGITS = 15

/** By layout, types and syntax: decoders come and go with files, optimised code should not. */
const made = new Map<string, RowCode | undefined>()
const MAX_MADE = 256

/** Code for rows of that layout; undefined: they are read in the general way. */
export function rowCode(layout: RowLayout, types: readonly LogicalType[], syntax: TextSyntax): RowCode | undefined {
  const keys = layout.keys.map((key) => Buffer.from(key).toString('latin1'))
  const name = JSON.stringify([keys, [...layout.columns], types, syntax])
  if (made.has(name)) return made.get(name)
  const code = compileRow(layout, types, syntax)
  if (made.size >= MAX_MADE) made.clear()
  made.set(name, code)
  return code
}

function compileRow(layout: RowLayout, types: readonly LogicalType[], syntax: TextSyntax): RowCode | undefined {
  const { keys, columns } = layout
  const wanted = [...columns].filter((column) => column >= 0)
  if (keys.length === 0 || keys.length > MAX_KEYS || new Set(wanted).size < wanted.length) return undefined
  const constants: unknown[] = []
  const constant = (value: unknown): string => `k${constants.push(value) - 1}`
  const plain = constant(plainEnd)
  const powers = constant(POWERS)
  const scan = constant(scanScalar)
  const text = constant(appendText)
  const appendNull = constant(nullAt)
  const lines: string[] = [
    'if (bytes[start] !== 123) return -1',
    'let at = start + 1, from = 0, digit = 0, value = 0, point = 0, negative = false',
  ]
  const line = (...more: string[]): void => void lines.push(...more)
  const digits = (): void =>
    line('for (; at < end; at++) {', 'digit = bytes[at] - 48', 'if (digit < 0 || digit > 9) break', 'value = value * 10 + digit', '}')
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as Uint8Array
    // Comma, blank, key, colon, blank and the first byte of the value.
    line(`if (at + ${key.length + 5} > end) return -1`)
    if (i > 0) line('if (bytes[at] !== 44) return -1', 'at++', 'if (bytes[at] === 32) at++')
    line(...keyComparison(key, constant))
    line(`at += ${key.length}`, 'if (bytes[at] !== 58) return -1', 'at++', 'if (bytes[at] === 32) at++')
    const column = columns[i] as number
    if (column < 0) {
      line(`at = ${scan}(bytes, at, end)`, 'if (at < 0) return -1')
      continue
    }
    const target = `columns[${column}]`
    const type = types[column] as LogicalType
    line(`if (bytes[at] === 110) {`, `at = ${appendNull}(${target}, bytes, at, end)`, 'if (at < 0) return -1', '} else {')
    switch (hasNanos(type) ? undefined : type.kind) {
      case 'INT':
      case 'BIGINT':
        line('negative = bytes[at] === 45', 'if (negative) at++', 'from = at', 'value = 0')
        digits()
        line(`if (at === from || at - from > ${SAFE_DIGITS} || (at - from > 1 && bytes[from] === 48)) return -1`)
        if (type.kind === 'INT') line('if (value > 2147483647) return -1', `${target}.appendInt32(negative ? -value : value)`)
        else line(`${target}.appendSafeInteger(negative ? -value : value)`)
        break
      case 'DOUBLE':
        line('negative = bytes[at] === 45', 'if (negative) at++', 'from = at', 'value = 0')
        digits()
        line('if (at === from || (at - from > 1 && bytes[from] === 48)) return -1', 'point = at')
        line('if (at < end && bytes[at] === 46) {', 'at++')
        digits()
        line('if (at === point + 1) return -1', '}')
        // The point is counted too.
        line(`if (at - from > ${SAFE_DIGITS + 1}) return -1`, `if (at > point) value = value / ${powers}[at - point - 1]`)
        line(`${target}.appendFloat64(negative ? -value : value)`)
        break
      case 'VARCHAR':
        line('if (bytes[at] !== 34) return -1', 'at++', 'from = at')
        line(`at = ${plain}(bytes, view, at, end)`, 'if (at >= end || bytes[at] !== 34) return -1')
        line(`if (suspect) ${text}(${target}, bytes, from, at, true)`, `else ${target}.appendUtf8(bytes, from, at)`, 'at++')
        break
      case 'TIMESTAMP':
      case 'TIMESTAMP_LTZ':
        line('if (bytes[at] !== 34) return -1', 'at++')
        line(`value = ${constant(timestampReader(syntax, type.kind === 'TIMESTAMP_LTZ'))}(bytes, view, at, end)`)
        line('if (value !== value) return -1', `${target}.appendSafeInteger(value)`)
        line(`at = ${plain}(bytes, view, at + 19, end)`, 'if (at >= end || bytes[at] !== 34) return -1', 'at++')
        break
      default:
        line(`at = ${constant(scalarReader(fieldReader(type, syntax)))}(${target}, bytes, at, end, suspect)`, 'if (at < 0) return -1')
    }
    line('}')
  }
  line('if (at + 1 >= end || bytes[at] !== 125) return -1', 'at++', 'if (bytes[at] === 13 && at + 1 < end) at++')
  line('if (bytes[at] !== 10) return -1')
  types.forEach((_, column) => {
    if (!columns.includes(column)) line(`columns[${column}].appendNull()`)
  })
  line('return at + 1')
  return instantiate<RowCode>(['bytes', 'view', 'start', 'end', 'columns', 'suspect'], lines.join('\n'), constants)
}

/** Four bytes at a time, the last four perhaps overlapping the ones before. */
function keyComparison(key: Uint8Array, constant: (value: unknown) => string): string[] {
  if (key.length < 4) return [...key].map((byte, k) => `if (bytes[at + ${k}] !== ${constant(byte)}) return -1`)
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength)
  const starts = Array.from({ length: Math.ceil(key.length / 4) }, (_, word) => Math.min(4 * word, key.length - 4))
  return starts.map((k) => `if (view.getInt32(at + ${k}, true) !== ${constant(view.getInt32(k, true))}) return -1`)
}

/** Reads the timestamp in quotes whose first byte is at `at`; NaN: it is not one of the usual length, or none at all. */
function timestampReader(syntax: TextSyntax, zoned: boolean): (bytes: Uint8Array, view: DataView, at: number, end: number) => number {
  const how = { standard: syntax.timestamps, leastDigits: syntax.leastDigits, zoned }
  return (bytes, view, at, end) => {
    if (at + MAX_TIMESTAMP >= end) return NaN
    const behind = plainEnd(bytes, view, at + MIN_TIMESTAMP, at + MAX_TIMESTAMP)
    return parseTimestamp(bytes, at, behind, how)
  }
}

function nullAt(column: ColumnBuilder, bytes: Uint8Array, at: number, end: number): number {
  const behind = scanScalar(bytes, at, end)
  if (behind >= 0) column.appendNull()
  return behind
}

/** Position behind a string without escapes, a number, true or false that the reader takes, or -1. */
function scalarReader(read: FieldReader): (column: ColumnBuilder, bytes: Uint8Array, at: number, end: number, suspect: boolean) => number {
  return (column, bytes, at, end, suspect) => {
    const behind = scanScalar(bytes, at, end)
    if (behind < 0 || scannedKind === NULL_VALUE || scannedKind === ESCAPED_STRING || scannedKind === CONTAINER) return -1
    const quote = scannedKind === PLAIN_STRING ? 1 : 0
    return read(column, bytes, at + quote, behind - quote, suspect) === undefined ? behind : -1
  }
}
