/** CAST between all supported types, with Flink's results and texts; and the text form of values. */
import {
  BOOLEAN,
  decimal,
  DOUBLE,
  hasNanos,
  isNested,
  MAX_DECIMAL_PRECISION,
  MAX_VARCHAR_LENGTH,
  sameType,
  STRING,
  typeToString,
  withNullable,
  type LogicalType,
  type Value,
} from '#core/types/logical-type.js'
import {
  floorToDays,
  formatDate,
  formatTime,
  formatTimestamp,
  MILLIS_PER_DAY,
  parseDate,
  parseTime,
  parseTimestamp,
  timeOfDay,
} from './calendar.js'
import { decimalToNumber, decimalToString, fit, parseDecimal, rescale, truncateScale } from './decimal.js'
import { EvaluationFailure, type EvaluationContext } from './evaluation.js'
import {
  doubleToInt32,
  doubleToInt64,
  doubleToString,
  floatToString,
  parseDouble,
  parseInt32,
  parseInt64,
  parseNarrow,
  trimBlanks,
} from './number-text.js'
import type { NestedType } from '../columnar/nested-value.js'
import { castNested, formatNested } from './nested-cast.js'
import { formatMillis, formatMonths } from './interval-text.js'
import { localToUtc, timeZone, utcToLocal } from './time-zone.js'
import { canCast, widened } from './type-rules.js'

/** A cast with its types fixed. Takes a value that is not NULL; may give NULL (a DECIMAL that does not fit). */
export type CastFunction = (value: Exclude<Value, null>) => Value

/**
 * CAST(value AS to) as Flink 2 does it: integers wrap, DOUBLE saturates to INT and BIGINT, DECIMAL rounds half up and is NULL when it does not
 * fit, texts that do not parse fail.
 * @throws EvaluationFailure with Flink's text.
 */
export function castValue(value: Value, from: LogicalType, to: LogicalType, context: EvaluationContext): Value {
  return value === null ? null : prepareCast(from, to, context)(value)
}

/** The cast as a function, so that types are looked at once and not for every row. */
export function prepareCast(from: LogicalType, to: LogicalType, context: EvaluationContext): CastFunction {
  if (from.kind !== to.kind && !canCast(from, to, true)) {
    return () => {
      throw new EvaluationFailure(`cannot cast ${typeToString(from)} to ${typeToString(to)}`)
    }
  }
  if (from.kind === 'VARIANT' && to.kind !== 'VARIANT') return fromVariant(to, context)
  // A value of a narrow type is one of the wide type; only its text may differ.
  const wide = widened(from)
  switch (to.kind) {
    case 'NULL':
      return () => null
    case 'BOOLEAN':
      return toBoolean(wide)
    case 'TINYINT':
    case 'SMALLINT':
      return toNarrow(wide, to.kind === 'TINYINT' ? 8 : 16)
    case 'INT':
      return toInt(wide)
    case 'BIGINT':
      return toBigint(wide)
    case 'FLOAT': {
      const double = toDouble(wide)
      return (value) => Math.fround(double(value) as number)
    }
    case 'DOUBLE':
      return toDouble(wide)
    case 'DECIMAL':
      return toDecimal(wide, to.precision, to.scale)
    case 'VARCHAR':
      return toVarchar(from, to, context)
    case 'DATE':
      return toDate(from, context)
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return toTimestamp(from, to, context)
    case 'TIME':
      return toTime(from, to.precision, context)
    case 'INTERVAL_MONTHS':
      return toInt(wide)
    case 'INTERVAL_MILLIS':
      return toBigint(wide)
    case 'RAW':
    case 'VARIANT':
      return same
    case 'BYTES':
      return toBytes(from, to)
    case 'ARRAY':
    case 'MAP':
    case 'MULTISET':
    case 'ROW':
      return sameType(from, to) ? same : castNested(from, to, (inner, target) => prepareCast(inner, target, context))
  }
}

const same: CastFunction = (value) => value

/** What a variant holds is cast as a value of its own type is; objects and arrays have their JSON as text. */
function fromVariant(to: LogicalType, context: EvaluationContext): CastFunction {
  const ofText = prepareCast(STRING, to, context)
  const ofBoolean = prepareCast(BOOLEAN, to, context)
  const ofDouble = prepareCast(DOUBLE, to, context)
  return (value) => {
    const variant = value as string
    switch (variant[0]) {
      case '"':
        return ofText(JSON.parse(variant) as string)
      case 't':
      case 'f':
        return ofBoolean(variant === 'true')
      case 'n':
        return null
      case '{':
      case '[':
        if (to.kind === 'VARCHAR') return ofText(variant)
        throw new EvaluationFailure(
          `Cannot cast a VARIANT ${variant.startsWith('{') ? 'OBJECT' : 'ARRAY'} to ${typeToString(withNullable(to, true))}.`,
        )
      default: {
        if (to.kind === 'VARCHAR') return ofText(variant)
        const [whole = '', fraction = ''] = variant.split('.')
        if (variant.includes('E')) return ofDouble(Number(variant))
        const exact = decimal(MAX_DECIMAL_PRECISION, fraction.length)
        return prepareCast(exact, to, context)(BigInt(whole + fraction))
      }
    }
  }
}

const TRUE_TEXTS = ['t', 'true', 'y', 'yes', '1']
const FALSE_TEXTS = ['f', 'false', 'n', 'no', '0']

function toBoolean(from: LogicalType): CastFunction {
  switch (from.kind) {
    case 'INT':
    case 'DOUBLE':
      return (value) => value !== 0
    case 'BIGINT':
    case 'DECIMAL':
      return (value) => value !== 0n
    case 'VARCHAR':
      return (value) => {
        const text = trimBlanks(value as string).toLowerCase()
        if (TRUE_TEXTS.includes(text)) return true
        if (FALSE_TEXTS.includes(text)) return false
        throw new EvaluationFailure(`Cannot parse '${shorten(value as string)}' as BOOLEAN.`)
      }
    default:
      return same
  }
}

function toInt(from: LogicalType): CastFunction {
  switch (from.kind) {
    case 'BOOLEAN':
      return (value) => (value === true ? 1 : 0)
    case 'BIGINT':
      return (value) => Number(BigInt.asIntN(32, value as bigint))
    case 'DOUBLE':
      return (value) => doubleToInt32(value as number)
    case 'DECIMAL':
      return (value) => Number(BigInt.asIntN(32, truncateScale(value as bigint, from.scale, 0)))
    case 'VARCHAR':
      return (value) => parseInt32(value as string)
    default:
      return same
  }
}

/** A number of so many bits: wraps, but a text that is out of the range fails. */
function toNarrow(from: LogicalType, bits: 8 | 16): CastFunction {
  if (from.kind === 'VARCHAR') return (value) => parseNarrow(value as string, bits)
  const int = toInt(from)
  const shift = 32 - bits
  return (value) => ((int(value) as number) << shift) >> shift
}

function toBigint(from: LogicalType): CastFunction {
  switch (from.kind) {
    case 'BOOLEAN':
      return (value) => (value === true ? 1n : 0n)
    case 'INT':
    case 'INTERVAL_MONTHS':
      return (value) => BigInt(value as number)
    case 'DOUBLE':
      return (value) => doubleToInt64(value as number)
    case 'DECIMAL':
      return (value) => BigInt.asIntN(64, truncateScale(value as bigint, from.scale, 0))
    case 'VARCHAR':
      return (value) => parseInt64(value as string)
    default:
      return same
  }
}

function toDouble(from: LogicalType): CastFunction {
  switch (from.kind) {
    case 'BOOLEAN':
      return (value) => (value === true ? 1 : 0)
    case 'BIGINT':
      return (value) => Number(value)
    case 'DECIMAL':
      return (value) => decimalToNumber(value as bigint, from.scale)
    case 'VARCHAR':
      return (value) => parseDouble(value as string)
    default:
      return same
  }
}

function toDecimal(from: LogicalType, precision: number, scale: number): CastFunction {
  switch (from.kind) {
    case 'BOOLEAN':
      return (value) => fit(rescale(value === true ? 1n : 0n, 0, scale), precision)
    case 'INT':
    case 'BIGINT':
      return (value) => fit(rescale(BigInt(value as number | bigint), 0, scale), precision)
    case 'DOUBLE':
      return (value) => {
        if (!Number.isFinite(value)) throw new EvaluationFailure('Infinite or NaN')
        return fit(parseDecimal(String(value), scale) as bigint, precision)
      }
    case 'DECIMAL':
      if (from.scale === scale && from.precision <= precision) return same
      return (value) => fit(rescale(value as bigint, from.scale, scale), precision)
    case 'VARCHAR':
      return (value) => {
        const text = trimBlanks(value as string)
        const unscaled = parseDecimal(text, scale)
        if (unscaled === undefined) {
          throw new EvaluationFailure(
            `For input string: '${shorten(text)}'. ${text === '' ? 'Input is empty.' : 'Invalid character found.'}`,
          )
        }
        return fit(unscaled, precision)
      }
    default:
      return same
  }
}

function toVarchar(from: LogicalType, to: LogicalType & { kind: 'VARCHAR' }, context: EvaluationContext): CastFunction {
  const { length } = to
  if (to.fixed === true) {
    const text = from.kind === 'VARCHAR' ? (value: Exclude<Value, null>) => value as string : formatterOf(from, context)
    return (value) => padText(truncateText(text(value), length), length)
  }
  if (from.kind === 'VARCHAR') {
    if (length >= from.length || length === MAX_VARCHAR_LENGTH) return same
    return (value) => truncateText(value as string, length)
  }
  const format = formatterOf(from, context)
  return length === MAX_VARCHAR_LENGTH ? format : (value) => truncateText(format(value), length)
}

/** The first `length` characters (code points). */
function truncateText(text: string, length: number): string {
  if (text.length <= length) return text
  const end = text.slice(0, length)
  return /[\ud800-\udfff]/.test(end) ? [...text].slice(0, length).join('') : end
}

/** With blanks behind it, up to `length` characters. */
function padText(text: string, length: number): string {
  const characters = /[\ud800-\udfff]/.test(text) ? [...text].length : text.length
  return characters < length ? text + ' '.repeat(length - characters) : text
}

/** A text becomes its UTF-8 bytes; BINARY(n) is filled up with zeros, and what is too long loses its end. */
function toBytes(from: LogicalType, to: LogicalType & { kind: 'BYTES' }): CastFunction {
  const bytes = (value: Exclude<Value, null>): string =>
    from.kind === 'VARCHAR' ? Buffer.from(value as string, 'utf8').toString('latin1') : (value as string)
  const length = to.length ?? MAX_VARCHAR_LENGTH
  return (value) => {
    const all = bytes(value)
    if (all.length > length) return all.slice(0, length)
    return to.fixed === true ? all.padEnd(length, '\0') : all
  }
}

function toTime(from: LogicalType, precision: number, context: EvaluationContext): CastFunction {
  const unit = 10 ** Math.max(0, 3 - precision)
  const cut = (millis: number): number => (unit === 1 ? millis : Math.floor(millis / unit) * unit)
  switch (from.kind) {
    case 'VARCHAR':
      return (value) => {
        const millis = parseTime(trimBlanks(value as string))
        if (millis === undefined)
          throw new EvaluationFailure(`For input string: '${shorten(value as string)}'. A TIME is written like 12:30:00[.123].`)
        return cut(millis)
      }
    case 'TIMESTAMP': {
      const millis = millisOfTimestamp(from)
      return (value) => cut(timeOfDay(millis(value)))
    }
    case 'TIMESTAMP_LTZ': {
      const zone = timeZone(context.timeZone)
      const millis = millisOfTimestamp(from)
      return (value) => cut(timeOfDay(utcToLocal(millis(value), zone)))
    }
    case 'TIME':
      return from.precision <= precision ? same : (value) => cut(value as number)
    default:
      return same
  }
}

/** The value of a TIMESTAMP type (bigint, or its number where it counts ms) as ms. */
export function millisOfTimestamp(type: LogicalType): (value: Value) => number {
  return hasNanos(type) ? (value) => Math.floor(Number(floorDivide(value as bigint, 1_000_000n))) : (value) => Number(value)
}

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by
  return value % by < 0n ? quotient - 1n : quotient
}

/** Nanoseconds below the ms. */
export function nanosBelowMilli(value: bigint): bigint {
  const rest = value % 1_000_000n
  return rest < 0n ? rest + 1_000_000n : rest
}

function toDate(from: LogicalType, context: EvaluationContext): CastFunction {
  switch (from.kind) {
    case 'TIMESTAMP': {
      const millis = millisOfTimestamp(from)
      return (value) => floorToDays(millis(value))
    }
    case 'TIMESTAMP_LTZ': {
      const zone = timeZone(context.timeZone)
      const millis = millisOfTimestamp(from)
      return (value) => floorToDays(utcToLocal(millis(value), zone))
    }
    case 'VARCHAR':
      return (value) => {
        const days = parseDate(value as string)
        if (days === undefined)
          throw new EvaluationFailure(`For input string: '${shorten(value as string)}'. A DATE is written like 2024-01-31.`)
        return days
      }
    default:
      return same
  }
}

function toTimestamp(from: LogicalType, to: LogicalType & { precision: number }, context: EvaluationContext): CastFunction {
  const local = to.kind === 'TIMESTAMP_LTZ'
  const zone = timeZone(context.timeZone)
  const fine = hasNanos(to)
  const cutMillis = 10 ** Math.max(0, 3 - to.precision)
  const cutNanos = 10n ** BigInt(9 - to.precision)
  /** Of ms and the ns below them. */
  const made = (millis: number, nanos: bigint): bigint => {
    if (!fine) return BigInt(cutMillis === 1 ? millis : Math.floor(millis / cutMillis) * cutMillis)
    const all = BigInt(millis) * 1_000_000n + nanos
    return cutNanos === 1n ? all : floorDivide(all, cutNanos) * cutNanos
  }
  switch (from.kind) {
    case 'DATE':
      return (value) => made(local ? localToUtc((value as number) * MILLIS_PER_DAY, zone) : (value as number) * MILLIS_PER_DAY, 0n)
    case 'TIME':
      // On the day that the epoch begins with, as Flink.
      return (value) => made(local ? localToUtc(value as number, zone) : (value as number), 0n)
    case 'VARCHAR':
      return (value) => {
        const text = trimBlanks(value as string)
        const millis = parseTimestamp(text)
        if (millis === undefined) {
          throw new EvaluationFailure(
            `Text '${shorten(value as string)}' could not be parsed as ${to.kind}: it is written like 2024-01-31 12:30:00[.123].`,
          )
        }
        return made(local ? localToUtc(millis, zone) : millis, fine ? nanosOfText(text) : 0n)
      }
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ': {
      const millis = millisOfTimestamp(from)
      const nanos = hasNanos(from) ? (value: Value) => nanosBelowMilli(value as bigint) : () => 0n
      if (from.kind !== to.kind)
        return (value) => made(local ? localToUtc(millis(value), zone) : utcToLocal(millis(value), zone), nanos(value))
      if (hasNanos(from) === fine && from.precision <= to.precision) return same
      return (value) => made(millis(value), nanos(value))
    }
    default:
      return same
  }
}

/** Nanoseconds below the ms of `2024-01-02 03:04:05.123456789`. */
export function nanosOfText(text: string): bigint {
  const fraction = /\.(\d{1,9})$/.exec(text)?.[1] ?? ''
  return BigInt(fraction.padEnd(9, '0').slice(3))
}

/** `2024-01-02 03:04:05.123456789` of ns since the epoch, whose ms on the clock to be shown are `millis`. */
function formatNanos(value: bigint, precision: number, millis: number): string {
  return (
    formatTimestamp(millis, 3) +
    String(nanosBelowMilli(value))
      .padStart(6, '0')
      .slice(0, precision - 3)
  )
}

/**
 * CAST(value AS STRING): `TRUE`, `1.0E8`, `12.50`, `2024-01-02 03:04:05.123` (as many fractional digits as the type has; a
 * TIMESTAMP_LTZ in the session zone). NULL gives null.
 */
export function formatValue(value: Value, type: LogicalType, context: EvaluationContext): string | null {
  return value === null ? null : formatterOf(type, context)(value)
}

/** The text of a value as results show it: CAST AS STRING, but bytes as x'0a'. */
export function printedForm(type: LogicalType, context: EvaluationContext): (value: Exclude<Value, null>) => string {
  if (type.kind === 'BYTES') return (value) => `x'${Buffer.from(value as string, 'latin1').toString('hex')}'`
  return isNested(type.kind) ? formatNested(type as NestedType, (inner) => printedForm(inner, context)) : formatterOf(type, context)
}

/** formatValue with the type fixed, for values that are not NULL. */
export function formatterOf(type: LogicalType, context: EvaluationContext): (value: Exclude<Value, null>) => string {
  switch (type.kind) {
    case 'BOOLEAN':
      return (value) => (value === true ? 'TRUE' : 'FALSE')
    case 'FLOAT':
      return (value) => floatToString(value as number)
    case 'DOUBLE':
      return (value) => doubleToString(value as number)
    case 'DECIMAL':
      return (value) => decimalToString(value as bigint, type.scale)
    case 'DATE':
      return (value) => formatDate(value as number)
    case 'TIME':
      return (value) => formatTime(value as number, type.precision)
    case 'INTERVAL_MONTHS':
      return (value) => formatMonths(value as number)
    case 'INTERVAL_MILLIS':
      return (value) => formatMillis(value as bigint)
    case 'ARRAY':
    case 'MAP':
    case 'MULTISET':
    case 'ROW':
      return formatNested(type, (inner) => formatterOf(inner, context))
    case 'BYTES':
      return (value) => Buffer.from(value as string, 'latin1').toString('utf8')
    case 'TIMESTAMP':
      if (hasNanos(type)) {
        const millis = millisOfTimestamp(type)
        return (value) => formatNanos(value as bigint, type.precision, millis(value))
      }
      return (value) => formatTimestamp(Number(value), type.precision)
    case 'TIMESTAMP_LTZ': {
      const zone = timeZone(context.timeZone)
      if (hasNanos(type)) {
        const millis = millisOfTimestamp(type)
        return (value) => formatNanos(value as bigint, type.precision, utcToLocal(millis(value), zone))
      }
      return (value) => formatTimestamp(utcToLocal(Number(value), zone), type.precision)
    }
    case 'NULL':
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
    case 'BIGINT':
    case 'VARCHAR':
    case 'VARIANT':
    case 'RAW':
      return (value) => String(value)
  }
}

function shorten(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}
