/**
 * One field's text to one column. A reader is made once per column and called once per row: it appends a value and returns
 * undefined, or appends nothing and returns what is wrong with the text.
 */
import { isUtf8 } from 'node:buffer'
import { hasNanos, typeToString, withNullable, type LogicalType } from '#core/types/logical-type.js'
import type { ColumnBuilder } from '../columnar/batch-builder.js'
import { appendDecimal } from './decimal-text.js'
import { excerpt } from './format.js'
import { asciiText, appendInteger, parseDouble } from './number-text.js'
import { nanosBelowMilli, parseDate, parseTimeOfDay, parseTimestamp, type TimestampStandard } from './temporal-text.js'

export type FieldReader = (column: ColumnBuilder, bytes: Uint8Array, start: number, end: number, suspect: boolean) => string | undefined

export interface TextSyntax {
  readonly timestamps: TimestampStandard
  /** 1: months, days and hours of one digit are allowed (csv reads as java.sql.Timestamp does). */
  readonly leastDigits: 1 | 2
}

/** How `type` is written, for an error: `yyyy-MM-dd`. */
function form(type: LogicalType, syntax: TextSyntax): string {
  const separator = syntax.timestamps === 'SQL' ? ' ' : 'T'
  switch (type.kind) {
    case 'DATE':
      return ' (yyyy-MM-dd)'
    case 'TIME':
      return ' (HH:mm:ss)'
    case 'BYTES':
      return ' in base64'
    case 'TIMESTAMP':
      return ` (yyyy-MM-dd${separator}HH:mm:ss.SSS)`
    case 'TIMESTAMP_LTZ':
      return ` (yyyy-MM-dd${separator}HH:mm:ss.SSSZ, in UTC)`
    default:
      return ''
  }
}

/** `'abc' is no INT`. */
export function notA(type: LogicalType, syntax: TextSyntax, bytes: Uint8Array, start: number, end: number): string {
  return `'${excerpt(bytes, start, end)}' is no ${typeToString(withNullable(type, true))}${form(type, syntax)}`
}

function outOfRange(type: LogicalType, bytes: Uint8Array, start: number, end: number): string {
  return `${excerpt(bytes, start, end)} is out of the range of ${typeToString(withNullable(type, true))}`
}

/** Appends bytes as a string; bytes that are not UTF-8 become U+FFFD, as in Java. */
export function appendText(column: ColumnBuilder, bytes: Uint8Array, start: number, end: number, suspect: boolean): void {
  if (suspect) {
    const field = bytes.subarray(start, end)
    if (!isUtf8(field)) return column.appendString(Buffer.from(field.buffer, field.byteOffset, field.length).toString('utf8'))
  }
  column.appendUtf8(bytes, start, end)
}

/** Java's String.trim: everything up to the blank counts as white. */
export function trimmedStart(bytes: Uint8Array, start: number, end: number): number {
  let from = start
  while (from < end && (bytes[from] as number) <= 32) from++
  return from
}
export function trimmedEnd(bytes: Uint8Array, start: number, end: number): number {
  let to = end
  while (to > start && (bytes[to - 1] as number) <= 32) to--
  return to
}

/** Reader for one column. All but strings are trimmed. */
export function fieldReader(type: LogicalType, syntax: TextSyntax): FieldReader {
  // Blanks are rare: only what does not begin and end with other characters is looked at again.
  const trimmed =
    (read: FieldReader): FieldReader =>
    (column, bytes, start, end, suspect) => {
      if (start < end && (bytes[start] as number) > 32 && (bytes[end - 1] as number) > 32) return read(column, bytes, start, end, suspect)
      const from = trimmedStart(bytes, start, end)
      return read(column, bytes, from, trimmedEnd(bytes, from, end), suspect)
    }
  switch (type.kind) {
    case 'VARCHAR':
      return (column, bytes, start, end, suspect) => {
        appendText(column, bytes, start, end, suspect)
        return undefined
      }
    case 'TINYINT':
    case 'SMALLINT': {
      const shift = type.kind === 'TINYINT' ? 24 : 16
      return trimmed((column, bytes, start, end) => {
        const text = asciiText(bytes, start, end)
        if (!/^[+-]?\d+$/.test(text)) return notA(type, syntax, bytes, start, end)
        const value = Number(text)
        if ((value << shift) >> shift !== value) return outOfRange(type, bytes, start, end)
        column.appendInt32(value)
        return undefined
      })
    }
    case 'INT':
    case 'BIGINT': {
      const long = type.kind === 'BIGINT'
      return trimmed((column, bytes, start, end) => {
        const outcome = appendInteger(column, long, bytes, start, end)
        if (outcome === 'appended') return undefined
        return outcome === 'out of range' ? outOfRange(type, bytes, start, end) : notA(type, syntax, bytes, start, end)
      })
    }
    case 'FLOAT':
    case 'DOUBLE':
      return trimmed((column, bytes, start, end) => {
        const value = parseDouble(bytes, start, end)
        if (value === undefined) return notA(type, syntax, bytes, start, end)
        column.appendFloat64(type.kind === 'FLOAT' ? Math.fround(value) : value)
        return undefined
      })
    case 'DECIMAL':
      return trimmed((column, bytes, start, end) =>
        appendDecimal(column, type.precision, type.scale, bytes, start, end) ? undefined : notA(type, syntax, bytes, start, end),
      )
    case 'BOOLEAN':
      // Java's parseBoolean: whatever is not `true` is false.
      return trimmed((column, bytes, start, end) => {
        column.appendBoolean(isTrue(bytes, start, end))
        return undefined
      })
    case 'DATE':
      return trimmed((column, bytes, start, end) => {
        const days = parseDate(bytes, start, end, syntax.leastDigits)
        if (days !== days) return notA(type, syntax, bytes, start, end)
        column.appendInt32(days)
        return undefined
      })
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ': {
      const how = { standard: syntax.timestamps, leastDigits: syntax.leastDigits, zoned: type.kind === 'TIMESTAMP_LTZ' }
      const fine = hasNanos(type)
      const cut = 10n ** BigInt(9 - type.precision)
      return trimmed((column, bytes, start, end) => {
        const millis = parseTimestamp(bytes, start, end, how)
        if (millis !== millis) return notA(type, syntax, bytes, start, end)
        if (fine) column.appendDecimal128(BigInt(millis) * 1_000_000n + (nanosBelowMilli(bytes, start, end) / cut) * cut)
        else column.appendSafeInteger(millis)
        return undefined
      })
    }
    case 'NULL':
      return (column) => {
        column.appendNull()
        return undefined
      }
    case 'TIME':
      return trimmed((column, bytes, start, end) => {
        const millis = parseTimeOfDay(bytes, start, end, syntax.leastDigits)
        if (millis !== millis) return notA(type, syntax, bytes, start, end)
        column.appendInt32(millis)
        return undefined
      })
    case 'BYTES':
      return (column, bytes, start, end) => {
        const text = asciiText(bytes, start, end)
        if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/.test(text))
          return notA(type, syntax, bytes, start, end)
        const decoded = Buffer.from(text, 'base64')
        column.appendUtf8(decoded, 0, decoded.length)
        return undefined
      }
    case 'ARRAY':
    case 'MAP':
    case 'MULTISET':
    case 'ROW':
      return (_, bytes, start, end) => notA(type, syntax, bytes, start, end)
    case 'INTERVAL_MONTHS':
    case 'INTERVAL_MILLIS':
    case 'VARIANT':
    case 'RAW':
      throw new Error(`no format reads ${type.kind}`)
  }
}

function isTrue(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== 4) return false
  for (let i = 0; i < 4; i++) if (((bytes[start + i] as number) | 32) !== 'true'.charCodeAt(i)) return false
  return true
}
