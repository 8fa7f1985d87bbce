/**
 * Dates and timestamps in the text forms of Flink's csv and json formats (SQL: `2024-01-02 03:04:05.6`, ISO-8601:
 * `2024-01-02T03:04:05.6`), read from and made to text without Date objects. The calendar is the proleptic Gregorian one.
 */
import { civilFromDays, daysFromCivil, daysInMonth, MILLIS_PER_DAY } from '../expr/calendar.js'

/** How a format writes the two halves of a timestamp: Flink's `timestamp-format.standard`. */
export type TimestampStandard = 'SQL' | 'ISO-8601'

const DASH = 45
const COLON = 58
const DOT = 46
const SPACE = 32
const T = 84
const Z = 90

/** Where the last successful read of a part ended. Readers run one at a time. */
let cursor = 0

/** Between `least` and `most` digits from `cursor` on, or -1. */
function digits(bytes: Uint8Array, end: number, least: number, most: number): number {
  let value = 0
  let at = cursor
  const stop = Math.min(end, cursor + most)
  while (at < stop) {
    const digit = (bytes[at] as number) - 48
    if (digit < 0 || digit > 9) break
    value = value * 10 + digit
    at++
  }
  if (at - cursor < least) return -1
  cursor = at
  return value
}

function skip(bytes: Uint8Array, end: number, byte: number): boolean {
  if (cursor >= end || bytes[cursor] !== byte) return false
  cursor++
  return true
}

function readDate(bytes: Uint8Array, end: number, leastDigits: 1 | 2): number {
  const year = digits(bytes, end, 4, 4)
  if (year < 0 || !skip(bytes, end, DASH)) return NaN
  const month = digits(bytes, end, leastDigits, 2)
  if (month < 1 || month > 12 || !skip(bytes, end, DASH)) return NaN
  const day = digits(bytes, end, leastDigits, 2)
  if (day < 1 || day > daysInMonth(year, month)) return NaN
  return daysFromCivil(year, month, day)
}

/** `HH:mm[:ss[.fffffffff]]` in ms; digits behind the third are cut off. */
function readTime(bytes: Uint8Array, end: number, leastDigits: 1 | 2, secondsNeeded: boolean): number {
  const hour = digits(bytes, end, leastDigits, 2)
  if (hour < 0 || hour > 23 || !skip(bytes, end, COLON)) return NaN
  const minute = digits(bytes, end, leastDigits, 2)
  if (minute < 0 || minute > 59) return NaN
  if (!skip(bytes, end, COLON)) return secondsNeeded ? NaN : (hour * 60 + minute) * 60_000
  const second = digits(bytes, end, leastDigits, 2)
  if (second < 0 || second > 59) return NaN
  let millis = 0
  if (skip(bytes, end, DOT)) {
    const from = cursor
    let factor = 100
    for (; cursor < end && cursor - from < 9; cursor++) {
      const digit = (bytes[cursor] as number) - 48
      if (digit < 0 || digit > 9) break
      millis += digit * factor
      factor = factor > 1 ? factor / 10 : 0
    }
    if (cursor === from) return NaN
  }
  return ((hour * 60 + minute) * 60 + second) * 1000 + millis
}

/** `2024-01-02`; with `leastDigits` 1 also `2024-1-2` (java.sql.Date). Days since 1970-01-01, or NaN. */
export function parseDate(bytes: Uint8Array, start: number, end: number, leastDigits: 1 | 2): number {
  cursor = start
  const days = readDate(bytes, end, leastDigits)
  return cursor === end ? days : NaN
}

export interface TimestampSyntax {
  readonly standard: TimestampStandard
  /** 1: `2024-1-2 3:04:05` is allowed (java.sql.Timestamp). */
  readonly leastDigits: 1 | 2
  /** True: TIMESTAMP_LTZ, the text ends with `Z` and is in UTC. */
  readonly zoned: boolean
}

/** Milliseconds since the epoch (of a TIMESTAMP: as if it were UTC), or NaN. */
export function parseTimestamp(bytes: Uint8Array, start: number, end: number, syntax: TimestampSyntax): number {
  cursor = start
  const days = readDate(bytes, end, syntax.leastDigits)
  if (days !== days || !skip(bytes, end, syntax.standard === 'SQL' ? SPACE : T)) return NaN
  const time = readTime(bytes, end, syntax.leastDigits, syntax.standard === 'SQL')
  if (syntax.zoned && !skip(bytes, end, Z)) return NaN
  return cursor === end ? days * MILLIS_PER_DAY + time : NaN
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0')
}

/** `2024-01-02`. */
export function dateText(days: number): string {
  const { year, month, day } = civilFromDays(days)
  const yearText = year >= 0 && year <= 9999 ? pad(year, 4) : (year < 0 ? '-' : '+') + pad(Math.abs(year), 4)
  return `${yearText}-${pad(month, 2)}-${pad(day, 2)}`
}

/** Date, hours and minutes, seconds, milliseconds of a timestamp. */
export function timestampParts(millis: number): { date: string; hourMinute: string; second: number; millisecond: number } {
  const days = Math.floor(millis / MILLIS_PER_DAY)
  const ofDay = millis - days * MILLIS_PER_DAY
  const minutes = Math.floor(ofDay / 60_000)
  return {
    date: dateText(days),
    hourMinute: `${pad(Math.floor(minutes / 60), 2)}:${pad(minutes % 60, 2)}`,
    second: Math.floor(ofDay / 1000) % 60,
    millisecond: ofDay % 1000,
  }
}

/** timestampText of ns since the epoch, and the whole ms in them. */
export function nanosText(nanos: bigint, millis: number, standard: TimestampStandard, zoned: boolean): string {
  const { date, hourMinute, second } = timestampParts(millis)
  const fraction = fractionText(nanos)
  return `${date}${standard === 'SQL' ? ' ' : 'T'}${hourMinute}:${pad(second, 2)}${fraction}${zoned ? 'Z' : ''}`
}

/** The fraction of the second, without trailing zeros: `.000001`, or nothing. */
export function fractionText(nanos: bigint): string {
  const rest = nanos % 1_000_000_000n
  const fraction = rest < 0n ? rest + 1_000_000_000n : rest
  return fraction === 0n ? '' : `.${String(fraction).padStart(9, '0').replace(/0+$/, '')}`
}

/** Nanoseconds below the ms of the timestamp that parseTimestamp has just read from these bytes. */
export function nanosBelowMilli(bytes: Uint8Array, start: number, end: number): bigint {
  let at = end
  while (at > start && bytes[at - 1] !== DOT && bytes[at - 1] !== COLON) at--
  if (at === start || bytes[at - 1] !== DOT) return 0n
  let nanos = 0
  let factor = 100_000
  for (let i = at + 3; i < end && factor >= 1; i++, factor /= 10) {
    const digit = (bytes[i] as number) - 48
    if (digit < 0 || digit > 9) break
    nanos += digit * factor
  }
  return BigInt(nanos)
}

/** `03:04:05[.123456789]`, cut to ms. Ms since midnight, or NaN. */
export function parseTimeOfDay(bytes: Uint8Array, start: number, end: number, leastDigits: 1 | 2): number {
  cursor = start
  const time = readTime(bytes, end, leastDigits, true)
  return cursor === end ? time : NaN
}

/** As Flink's formats write it: seconds always, fraction without trailing zeros, `Z` at the end of a zoned one. */
export function timestampText(millis: number, standard: TimestampStandard, zoned: boolean): string {
  const { date, hourMinute, second, millisecond } = timestampParts(millis)
  const fraction = millisecond === 0 ? '' : `.${pad(millisecond, 3).replace(/0+$/, '')}`
  return `${date}${standard === 'SQL' ? ' ' : 'T'}${hourMinute}:${pad(second, 2)}${fraction}${zoned ? 'Z' : ''}`
}
