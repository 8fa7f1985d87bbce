/** Values other than strings straight from columns into bytes: what scalar-text.ts says, without a string or a bigint where that is possible. */
import { hasNanos, type LogicalType } from '#core/types/logical-type.js'
import { readValue } from '../columnar/value.js'
import type { Float64Vector, Int32Vector, Int64Vector, Vector } from '../columnar/vector.js'
import { civilFromDays, MILLIS_PER_DAY } from '../expr/calendar.js'
import type { ByteWriter } from './byte-writer.js'
import { scalarText } from './scalar-text.js'
import type { TimestampStandard } from './temporal-text.js'

/** Writes the value at a position, which is not NULL. */
export type ScalarWriter = (out: ByteWriter, vector: Vector, position: number) => void

const DOT = 46
const DASH = 45
const COLON = 58
const ZERO = 48
/** Days of 0000-01-01 and of 10000-01-01: years of four digits. */
const FIRST_DAY = -719_528
const END_DAY = 2_932_897

export function scalarWriter(type: LogicalType, standard: TimestampStandard, scientificDecimals: boolean): ScalarWriter {
  const asText: ScalarWriter = (out, vector, position) =>
    out.text(scalarText(readValue(vector, position), type, standard, scientificDecimals))
  switch (type.kind) {
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
      return (out, vector, position) => writeInteger(out, (vector as Int32Vector).values[position] as number)
    case 'BIGINT':
      return (out, vector, position) => {
        const value = Number((vector as Int64Vector).values[position])
        if (Number.isSafeInteger(value)) writeInteger(out, value)
        else asText(out, vector, position)
      }
    case 'DOUBLE':
      return (out, vector, position) => {
        if (!writeShortDouble(out, (vector as Float64Vector).values[position] as number)) asText(out, vector, position)
      }
    case 'DATE':
      return (out, vector, position) => {
        const days = (vector as Int32Vector).values[position] as number
        if (days >= FIRST_DAY && days < END_DAY) writeDate(out, days)
        else asText(out, vector, position)
      }
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ': {
      if (hasNanos(type)) return asText
      const between = standard === 'SQL' ? 32 : 84
      const zoned = type.kind === 'TIMESTAMP_LTZ'
      return (out, vector, position) => {
        const millis = Number((vector as Int64Vector).values[position])
        const days = Math.floor(millis / MILLIS_PER_DAY)
        if (days < FIRST_DAY || days >= END_DAY) return asText(out, vector, position)
        writeDate(out, days)
        out.byte(between)
        writeTime(out, millis - days * MILLIS_PER_DAY)
        if (zoned) out.byte(90)
      }
    }
    default:
      return asText
  }
}

/** A safe integer. */
function writeInteger(out: ByteWriter, value: number): void {
  out.reserve(17)
  const { bytes } = out
  let at = out.length
  let rest = value
  if (rest < 0) {
    bytes[at++] = DASH
    rest = -rest
  }
  let digits = 1
  for (let bound = 10; digits < 16 && rest >= bound; bound *= 10) digits++
  const end = at + digits
  let i = end
  while (rest > 0x7fffffff) {
    const tens = Math.floor(rest / 10)
    bytes[--i] = ZERO + (rest - tens * 10)
    rest = tens
  }
  for (let small = rest | 0; i > at;) {
    const tens = (small / 10) | 0
    bytes[--i] = ZERO + small - tens * 10
    small = tens
  }
  out.length = end
}

const PLACES = 4
const SCALE = 10 ** PLACES

/**
 * A double from 10^-3 below 10^7 with at most four places, as Java writes it; false, with nothing written: it is another. A decimal of at most
 * 15 digits that rounds to the double is the shortest one, as no two of them round to the same.
 */
function writeShortDouble(out: ByteWriter, value: number): boolean {
  const magnitude = Math.abs(value)
  if (!(magnitude >= 1e-3 && magnitude < 1e7)) return false
  const scaled = Math.round(magnitude * SCALE)
  if (scaled / SCALE !== magnitude) return false
  out.reserve(16)
  if (value < 0) out.byte(DASH)
  const whole = Math.floor(scaled / SCALE)
  writeInteger(out, whole)
  out.byte(DOT)
  let fraction = scaled - whole * SCALE
  let places = PLACES
  while (places > 1 && fraction % 10 === 0) {
    fraction /= 10
    places--
  }
  writePadded(out, fraction, places)
  return true
}

/** `value` with leading zeros. */
function writePadded(out: ByteWriter, value: number, width: number): void {
  out.reserve(width)
  const { bytes, length } = out
  let rest = value
  for (let i = width - 1; i >= 0; i--) {
    const tens = (rest / 10) | 0
    bytes[length + i] = ZERO + rest - tens * 10
    rest = tens
  }
  out.length = length + width
}

/** `2024-01-02`, of a year from 0 to 9999. The rows of a batch mostly lie on one day. */
function writeDate(out: ByteWriter, days: number): void {
  if (days !== lastDay) {
    lastDay = days
    lastDate = civilFromDays(days)
  }
  writePadded(out, lastDate.year, 4)
  out.byte(DASH)
  writePadded(out, lastDate.month, 2)
  out.byte(DASH)
  writePadded(out, lastDate.day, 2)
}

/** The day written last. */
let lastDay = 0
let lastDate = civilFromDays(lastDay)

/** `03:04:05`, a fraction without trailing zeros behind it. */
function writeTime(out: ByteWriter, ofDay: number): void {
  const seconds = Math.floor(ofDay / 1000)
  const minutes = (seconds / 60) | 0
  writePadded(out, (minutes / 60) | 0, 2)
  out.byte(COLON)
  writePadded(out, minutes % 60, 2)
  out.byte(COLON)
  writePadded(out, seconds % 60, 2)
  let fraction = ofDay - seconds * 1000
  if (fraction === 0) return
  let places = 3
  while (fraction % 10 === 0) {
    fraction /= 10
    places--
  }
  out.byte(DOT)
  writePadded(out, fraction, places)
}
