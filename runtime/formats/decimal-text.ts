/** DECIMAL from and to digits, exactly: never through a double. */
import { MAX_COMPACT_DECIMAL_PRECISION } from '#core/types/logical-type.js'
import type { ColumnBuilder } from '../columnar/batch-builder.js'

const POWERS: readonly bigint[] = Array.from({ length: 78 }, (_, exponent) => 10n ** BigInt(exponent))
const SMALL_POWERS: readonly number[] = Array.from({ length: 16 }, (_, exponent) => 10 ** exponent)
/** Digits that surely fit a safe integer. */
const SAFE_DIGITS = 15
/** More digits than this say nothing for DECIMAL(38, s), but cost time that grows with their square. */
const MAX_DIGITS = 10_000

/**
 * Appends the number in bytes[start, end) as DECIMAL(precision, scale), rounded half up; NULL when it has too many digits (as
 * Flink's DecimalData.fromBigDecimal). False, with nothing appended: it is no number.
 */
export function appendDecimal(
  column: ColumnBuilder,
  precision: number,
  scale: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  let at = start
  const negative = bytes[at] === 45
  if (negative || bytes[at] === 43) at++
  let value = 0
  let digits = 0
  let fraction = -1
  const from = at
  for (; at < end; at++) {
    const byte = bytes[at] as number
    if (byte >= 48 && byte <= 57) {
      if (value !== 0 || byte !== 48) digits++
      if (digits <= SAFE_DIGITS) value = value * 10 + byte - 48
      if (fraction >= 0) fraction++
    } else if (byte === 46 && fraction < 0) fraction = 0
    else break
  }
  const mantissaEnd = at
  if (mantissaEnd - from - (fraction < 0 ? 0 : 1) === 0) return false
  let exponent = 0
  if (at < end) {
    const parsed = readExponent(bytes, at, end)
    if (parsed === undefined) return false
    exponent = parsed
  }
  const shift = scale + exponent - Math.max(fraction, 0)
  if (digits <= SAFE_DIGITS && shift >= 0 && digits + shift <= Math.min(precision, SAFE_DIGITS)) {
    const scaled = value * (SMALL_POWERS[shift] as number)
    if (precision <= MAX_COMPACT_DECIMAL_PRECISION) column.appendSafeInteger(negative ? -scaled : scaled)
    else column.appendDecimal128(BigInt(negative ? -scaled : scaled))
    return true
  }
  if (mantissaEnd - from > MAX_DIGITS) return false
  const unscaled = rescale(digits <= SAFE_DIGITS ? BigInt(value) : mantissa(bytes, from, mantissaEnd), shift)
  if (unscaled === undefined || unscaled >= (POWERS[precision] as bigint)) column.appendNull()
  else if (precision <= MAX_COMPACT_DECIMAL_PRECISION) column.appendInt64(negative ? -unscaled : unscaled)
  else column.appendDecimal128(negative ? -unscaled : unscaled)
  return true
}

function readExponent(bytes: Uint8Array, start: number, end: number): number | undefined {
  let at = start
  if (bytes[at] !== 69 && bytes[at] !== 101) return undefined
  at++
  const negative = bytes[at] === 45
  if (negative || bytes[at] === 43) at++
  if (at >= end) return undefined
  let value = 0
  for (; at < end; at++) {
    const digit = (bytes[at] as number) - 48
    if (digit < 0 || digit > 9) return undefined
    value = Math.min(value * 10 + digit, 1_000_000)
  }
  return negative ? -value : value
}

function mantissa(bytes: Uint8Array, start: number, end: number): bigint {
  let text = ''
  for (let at = start; at < end; at++) if (bytes[at] !== 46) text += String.fromCharCode(bytes[at] as number)
  return BigInt(text)
}

/** value * 10^shift, half up. Undefined: larger than any DECIMAL. */
function rescale(value: bigint, shift: number): bigint | undefined {
  if (value === 0n) return 0n
  if (shift >= 0) return shift >= POWERS.length ? undefined : value * (POWERS[shift] as bigint)
  if (-shift > MAX_DIGITS) return 0n
  const divisor = POWERS[-shift] ?? 10n ** BigInt(-shift)
  return (value + divisor / 2n) / divisor
}

/** `-12.30`; with `scientific` as Java's BigDecimal.toString, which writes `1E-7` where more than six zeros would lead. */
export function decimalText(unscaled: bigint, scale: number, scientific: boolean): string {
  const negative = unscaled < 0n
  const digits = (negative ? -unscaled : unscaled).toString()
  const sign = negative ? '-' : ''
  const adjusted = digits.length - 1 - scale
  if (scientific && scale > 0 && adjusted < -6) {
    return `${sign}${digits.slice(0, 1)}${digits.length > 1 ? `.${digits.slice(1)}` : ''}E${adjusted}`
  }
  if (scale === 0) return sign + digits
  const padded = digits.padStart(scale + 1, '0')
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
}
