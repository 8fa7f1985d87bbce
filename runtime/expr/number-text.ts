/** Numbers from text and back in Flink's (Java's) way. */
import { EvaluationFailure } from './evaluation.js'

function numberFormat(text: string, reason: string): EvaluationFailure {
  const shown = text.length > 100 ? `${text.slice(0, 100)}…` : text
  return new EvaluationFailure(`For input string: '${shown}'. ${reason}`)
}

/** Flink's BinaryStringDataUtil.toInt and toLong: optional sign, digits; a fraction is checked and cut off. Blanks around are trimmed. */
function parseIntegral(input: string, min: bigint, max: bigint): bigint {
  const text = trimBlanks(input)
  if (text === '') throw numberFormat(text, 'Input is empty.')
  const signed = text[0] === '-' || text[0] === '+'
  if (signed && text.length === 1) throw numberFormat(text, 'Input has only positive or negative symbol.')
  const point = text.indexOf('.')
  const end = point < 0 ? text.length : point
  for (let i = signed ? 1 : 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (i !== point && (code < 48 || code > 57)) throw numberFormat(text, 'Invalid character found.')
  }
  // 20 digits exceed every BIGINT unless they lead with zeros; stripped first so that no endless text becomes a bigint.
  const digits = text.slice(signed ? 1 : 0, end).replace(/^0+/, '')
  if (digits.length > 19) throw numberFormat(text, 'Overflow.')
  const value = (text[0] === '-' ? -1n : 1n) * BigInt(digits)
  if (value < min || value > max) throw numberFormat(text, 'Overflow.')
  return value
}

export function parseInt32(text: string): number {
  return Number(parseIntegral(text, -2147483648n, 2147483647n))
}

/** TINYINT (8 bits) and SMALLINT (16). */
export function parseNarrow(text: string, bits: 8 | 16): number {
  const limit = 1n << BigInt(bits - 1)
  return Number(parseIntegral(text, -limit, limit - 1n))
}

export function parseInt64(text: string): bigint {
  return parseIntegral(text, -9223372036854775808n, 9223372036854775807n)
}

const DOUBLE_TEXT = /^[+-]?(?:(NaN|Infinity)|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fFdD]?)$/

/** java.lang.Double.parseDouble without hexadecimal forms. */
export function parseDouble(input: string): number {
  const text = trimBlanks(input)
  const match = DOUBLE_TEXT.exec(text)
  if (match === null) throw numberFormat(text, text === '' ? 'Input is empty.' : 'Invalid character found.')
  return Number(match[1] === undefined ? text.replace(/[fFdD]$/, '') : text)
}

/** Java's String.trim: everything up to the blank, from both ends. */
export function trimBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && text.charCodeAt(start) <= 32) start++
  while (end > start && text.charCodeAt(end - 1) <= 32) end--
  return start === 0 && end === text.length ? text : text.slice(start, end)
}

/** java.lang.Double.toString: `1.0`, `1.0E8`, `1.0E-4`, `Infinity`, with the shortest digits that read back the same. */
export function doubleToString(value: number): string {
  return javaText(value)
}

/** java.lang.Float.toString of a number of 32 bits: as a DOUBLE's text, with the shortest digits that read back as the same FLOAT. */
export function floatToString(value: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const shorter = Number(value.toPrecision(digits))
    if (Math.fround(shorter) === value) return javaText(shorter)
  }
  return javaText(Number.isFinite(value) ? Number(value.toPrecision(9)) : value)
}

function javaText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const magnitude = Math.abs(value)
  if (magnitude >= 1e-3 && magnitude < 1e7) {
    const text = String(value)
    return text.includes('.') ? text : `${text}.0`
  }
  const [mantissa = '', exponent = ''] = value.toExponential().split('e')
  return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}E${exponent.startsWith('+') ? exponent.slice(1) : exponent}`
}

/** Java's (int) of a double: NaN is 0, beyond the range the nearest end. */
export function doubleToInt32(value: number): number {
  if (value >= 2147483647) return 2147483647
  if (value <= -2147483648) return -2147483648
  return value | 0
}

/** Java's (long) of a double. */
export function doubleToInt64(value: number): bigint {
  if (Number.isNaN(value)) return 0n
  if (value >= 2 ** 63) return 9223372036854775807n
  if (value <= -(2 ** 63)) return -9223372036854775808n
  return BigInt(Math.trunc(value))
}
