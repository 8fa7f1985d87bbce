/** Integers and doubles from bytes, as Java's parseInt, parseLong and parseDouble take them. */
import type { ColumnBuilder } from '../columnar/batch-builder.js'

/** 10^0 … 10^22: exact as doubles. */
export const POWERS: readonly number[] = Array.from({ length: 23 }, (_, exponent) => 10 ** exponent)
const MAX_LONG = 9_223_372_036_854_775_807n
const JAVA_DOUBLE = /^[+-]?(?:NaN|Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fFdD]?)$/

export type NumberOutcome = 'appended' | 'no number' | 'out of range'

/** bytes[start, end) as text, for bytes known to be few. */
export function asciiText(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at] as number)
  return text
}

/** `[+-]digits` into an INT or a BIGINT column; nothing is appended unless the outcome says so. */
export function appendInteger(column: ColumnBuilder, long: boolean, bytes: Uint8Array, start: number, end: number): NumberOutcome {
  let at = start
  const negative = bytes[at] === 45
  if (negative || bytes[at] === 43) at++
  if (at >= end) return 'no number'
  while (at < end - 1 && bytes[at] === 48) at++
  const from = at
  let value = 0
  const safeEnd = Math.min(end, from + 15)
  for (; at < safeEnd; at++) {
    const digit = (bytes[at] as number) - 48
    if (digit < 0 || digit > 9) return 'no number'
    value = value * 10 + digit
  }
  if (at === end) {
    if (long) column.appendSafeInteger(negative ? -value : value)
    else if (value > 2_147_483_647 && !(negative && value === 2_147_483_648)) return 'out of range'
    else column.appendInt32(negative ? -value : value)
    return 'appended'
  }
  let low = 0
  for (; at < end; at++) {
    const digit = (bytes[at] as number) - 48
    if (digit < 0 || digit > 9) return 'no number'
    if (at - from < 19) low = low * 10 + digit
  }
  const digits = end - from
  if (!long || digits > 19) return 'out of range'
  const magnitude = BigInt(value) * BigInt(POWERS[digits - 15] as number) + BigInt(low)
  if (magnitude > (negative ? MAX_LONG + 1n : MAX_LONG)) return 'out of range'
  column.appendInt64(negative ? -magnitude : magnitude)
  return 'appended'
}

/** The double in bytes[start, end), or undefined. Correctly rounded. */
export function parseDouble(bytes: Uint8Array, start: number, end: number): number | undefined {
  let at = start
  const negative = bytes[at] === 45
  if (negative || bytes[at] === 43) at++
  let value = 0
  let fraction = 0
  let point = false
  const from = at
  for (; at < end; at++) {
    const byte = bytes[at] as number
    if (byte >= 48 && byte <= 57) {
      value = value * 10 + byte - 48
      if (point) fraction++
    } else if (byte === 46 && !point) point = true
    else break
  }
  // Up to 15 digits and 10^22 are exact as doubles, so one division is correctly rounded (Clinger).
  if (at === end && at - from <= 16 && value <= 999_999_999_999_999 && at > from + (point ? 1 : 0)) {
    const magnitude = fraction === 0 ? value : value / (POWERS[fraction] as number)
    return negative ? -magnitude : magnitude
  }
  if (end - start > 10_000) return undefined
  const text = asciiText(bytes, start, end)
  return JAVA_DOUBLE.test(text) ? Number(text.replace(/[fFdD]$/, '')) : undefined
}
