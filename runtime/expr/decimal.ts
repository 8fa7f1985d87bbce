/** DECIMAL on unscaled bigints. Rounding is half up (away from zero on a tie), as in java.math.RoundingMode.HALF_UP. */
import { EvaluationFailure } from './evaluation.js'

const POWERS: bigint[] = Array.from({ length: 120 }, (_, i) => 10n ** BigInt(i))

export function powerOfTen(exponent: number): bigint {
  return POWERS[exponent] ?? 10n ** BigInt(exponent)
}

/** The value at another scale; half up when digits are dropped. */
export function rescale(unscaled: bigint, from: number, to: number): bigint {
  if (to >= from) return to === from ? unscaled : unscaled * powerOfTen(to - from)
  return divideHalfUp(unscaled, powerOfTen(from - to))
}

/** The value at another scale, dropped digits cut off. */
export function truncateScale(unscaled: bigint, from: number, to: number): bigint {
  return to >= from ? unscaled * powerOfTen(to - from) : unscaled / powerOfTen(from - to)
}

export function divideHalfUp(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor
  const rest = dividend % divisor
  const doubled = (rest < 0n ? -rest : rest) * 2n
  if (doubled < (divisor < 0n ? -divisor : divisor)) return quotient
  return dividend < 0n === divisor < 0n ? quotient + 1n : quotient - 1n
}

/** NULL when the value has more than `precision` digits, as Flink's DecimalData.fromBigDecimal. */
export function fit(unscaled: bigint, precision: number): bigint | null {
  const limit = powerOfTen(precision)
  return unscaled < limit && unscaled > -limit ? unscaled : null
}

/** a / b at `scale`; the operands have the scales given. */
export function divide(a: bigint, aScale: number, b: bigint, bScale: number, scale: number): bigint {
  if (b === 0n) throw new EvaluationFailure(a === 0n ? 'Division undefined' : 'Division by zero')
  const shift = scale - aScale + bScale
  return shift >= 0 ? divideHalfUp(a * powerOfTen(shift), b) : divideHalfUp(a, b * powerOfTen(-shift))
}

/** Plain digits with exactly `scale` of them after the point (BigDecimal.toPlainString). */
export function decimalToString(unscaled: bigint, scale: number): string {
  if (scale === 0) return unscaled.toString()
  const negative = unscaled < 0n
  const digits = (negative ? -unscaled : unscaled).toString().padStart(scale + 1, '0')
  const point = digits.length - scale
  return `${negative ? '-' : ''}${digits.slice(0, point)}.${digits.slice(point)}`
}

/** Nearest double. */
export function decimalToNumber(unscaled: bigint, scale: number): number {
  // Up to 2^53 and 10^22 both are exact doubles, and so their quotient is rounded once.
  if (scale <= 22 && unscaled <= 9007199254740992n && unscaled >= -9007199254740992n) return Number(unscaled) / Number(powerOfTen(scale))
  return Number(decimalToString(unscaled, scale))
}

const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,9}))?$/
/** Digits beyond this exponent overflow, or vanish in, every DECIMAL. */
const MAX_EXPONENT = 1_000

/** Reads digits with optional point and exponent to unscaled digits at `scale`, half up. undefined: not a number. */
export function parseDecimal(text: string, scale: number): bigint | undefined {
  const match = NUMBER.exec(text)
  if (match === null) return undefined
  const [, sign, whole = '', fraction = '', exponentText = '0'] = match
  if (whole === '' && fraction === '') return undefined
  const digits = BigInt(whole + fraction)
  if (digits === 0n) return 0n
  const exponent = Number(exponentText)
  const magnitude = whole.length + exponent
  if (magnitude > MAX_EXPONENT) return powerOfTen(MAX_EXPONENT) * (sign === '-' ? -1n : 1n)
  if (magnitude < -MAX_EXPONENT) return 0n
  const shift = scale + exponent - fraction.length
  const unscaled = shift >= 0 ? digits * powerOfTen(shift) : divideHalfUp(digits, powerOfTen(-shift))
  return sign === '-' ? -unscaled : unscaled
}
