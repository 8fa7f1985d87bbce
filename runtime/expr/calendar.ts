/**
 * The proleptic Gregorian calendar on plain numbers: days and ms since 1970-01-01. Timestamps of SQL lie within 2^53 ms.
 * Algorithms for civil dates after Howard Hinnant, "chrono-compatible low-level date algorithms".
 */
import { EvaluationFailure } from './evaluation.js'

export const MILLIS_PER_DAY = 86_400_000

export interface CivilDate {
  readonly year: number
  /** 1 .. 12 */
  readonly month: number
  /** 1 .. 31 */
  readonly day: number
}

export function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146097 + dayOfEra - 719468
}

export function civilFromDays(days: number): CivilDate {
  const z = days + 719468
  const era = Math.floor(z / 146097)
  const dayOfEra = z - era * 146097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36524) - Math.floor(dayOfEra / 146096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const mp = Math.floor((5 * dayOfYear + 2) / 153)
  const month = mp < 10 ? mp + 3 : mp - 9
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day: dayOfYear - Math.floor((153 * mp + 2) / 5) + 1 }
}

export function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}

const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

export function daysInMonth(year: number, month: number): number {
  return month === 2 && isLeapYear(year) ? 29 : (MONTH_DAYS[month - 1] ?? 0)
}

export function floorToDays(millis: number): number {
  return Math.floor(millis / MILLIS_PER_DAY)
}

/** Ms since midnight. */
export function timeOfDay(millis: number): number {
  return millis - floorToDays(millis) * MILLIS_PER_DAY
}

/** Adds months; the day is cut to the month's last: January 31 + 1 month is the last of February. */
export function addMonthsToDays(days: number, months: number): number {
  const { year, month, day } = civilFromDays(days)
  const total = year * 12 + (month - 1) + months
  const newYear = Math.floor(total / 12)
  const newMonth = total - newYear * 12 + 1
  return daysFromCivil(newYear, newMonth, Math.min(day, daysInMonth(newYear, newMonth)))
}

export function addMonthsToMillis(millis: number, months: number): number {
  return addMonthsToDays(floorToDays(millis), months) * MILLIS_PER_DAY + timeOfDay(millis)
}

/** Whole months from `from` to `to`, truncated toward zero: the same both ways but for the sign, as Calcite's subtractMonths. */
export function monthsBetween(from: number, to: number): number {
  if (from > to) return -monthsBetween(to, from)
  const a = civilFromDays(floorToDays(from))
  const b = civilFromDays(floorToDays(to))
  const months = (b.year - a.year) * 12 + b.month - a.month
  // The last month is not whole when adding it to `from` passes `to`.
  return months > 0 && addMonthsToMillis(from, months) > to ? months - 1 : months
}

/** ISO 8601 week (1 .. 53) and the year it belongs to. */
export function isoWeek(days: number): { year: number; week: number } {
  const thursday = days - isoDayOfWeek(days) + 4
  const { year } = civilFromDays(thursday)
  return { year, week: Math.floor((thursday - daysFromCivil(year, 1, 1)) / 7) + 1 }
}

/** Monday 1 .. Sunday 7. */
export function isoDayOfWeek(days: number): number {
  const rest = (days + 3) % 7
  return (rest < 0 ? rest + 7 : rest) + 1
}

export const TIME_UNITS = [
  'MILLENNIUM',
  'CENTURY',
  'DECADE',
  'YEAR',
  'QUARTER',
  'MONTH',
  'WEEK',
  'DAY',
  'HOUR',
  'MINUTE',
  'SECOND',
  'MILLISECOND',
  'DOW',
  'ISODOW',
  'DOY',
  'ISOYEAR',
  'EPOCH',
] as const
export type TimeUnit = (typeof TIME_UNITS)[number]

export function isTimeUnit(text: unknown): text is TimeUnit {
  return TIME_UNITS.includes(text as TimeUnit)
}

const MILLIS_OF: Partial<Record<TimeUnit, number>> = {
  MILLISECOND: 1,
  SECOND: 1_000,
  MINUTE: 60_000,
  HOUR: 3_600_000,
  DAY: MILLIS_PER_DAY,
  WEEK: 7 * MILLIS_PER_DAY,
}
const MONTHS_OF: Partial<Record<TimeUnit, number>> = { MONTH: 1, QUARTER: 3, YEAR: 12, DECADE: 120, CENTURY: 1200, MILLENNIUM: 12000 }

/** Ms of units of fixed length. */
export const millisOf = (unit: TimeUnit): number | undefined => MILLIS_OF[unit]
/** Months of calendar units. */
export const monthsOf = (unit: TimeUnit): number | undefined => MONTHS_OF[unit]

/** EXTRACT(unit FROM timestamp) of local ms. DOW: Sunday 1 .. Saturday 7. */
export function extractUnit(unit: TimeUnit, millis: number): number {
  switch (unit) {
    case 'HOUR':
      return Math.floor(timeOfDay(millis) / 3_600_000)
    case 'MINUTE':
      return Math.floor(timeOfDay(millis) / 60_000) % 60
    case 'SECOND':
      return Math.floor(timeOfDay(millis) / 1_000) % 60
    case 'MILLISECOND':
      return timeOfDay(millis) % 1_000
    case 'EPOCH':
      return Math.floor(millis / 1_000)
    case 'DOW':
      return (isoDayOfWeek(floorToDays(millis)) % 7) + 1
    case 'ISODOW':
      return isoDayOfWeek(floorToDays(millis))
    case 'WEEK':
      return isoWeek(floorToDays(millis)).week
    case 'ISOYEAR':
      return isoWeek(floorToDays(millis)).year
  }
  const days = floorToDays(millis)
  const { year, month, day } = civilFromDays(days)
  switch (unit) {
    case 'YEAR':
      return year
    case 'QUARTER':
      return Math.floor((month - 1) / 3) + 1
    case 'MONTH':
      return month
    case 'DAY':
      return day
    case 'DOY':
      return days - daysFromCivil(year, 1, 1) + 1
    case 'DECADE':
      return Math.floor(year / 10)
    case 'CENTURY':
      return year > 0 ? Math.floor((year + 99) / 100) : -Math.floor((-year + 100) / 100)
    case 'MILLENNIUM':
      return year > 0 ? Math.floor((year + 999) / 1000) : -Math.floor((-year + 1000) / 1000)
  }
}

/** FLOOR(timestamp TO unit) of local ms. Weeks begin on Monday. */
export function floorToUnit(unit: TimeUnit, millis: number): number {
  if (unit === 'WEEK') {
    const days = floorToDays(millis)
    return (days - isoDayOfWeek(days) + 1) * MILLIS_PER_DAY
  }
  const fixed = MILLIS_OF[unit]
  if (fixed !== undefined) return Math.floor(millis / fixed) * fixed
  const { year, month } = civilFromDays(floorToDays(millis))
  return startOfMonths(unit, year, month) * MILLIS_PER_DAY
}

function startOfMonths(unit: TimeUnit, year: number, month: number): number {
  switch (unit) {
    case 'MONTH':
      return daysFromCivil(year, month, 1)
    case 'QUARTER':
      return daysFromCivil(year, month - ((month - 1) % 3), 1)
    case 'YEAR':
      return daysFromCivil(year, 1, 1)
    case 'DECADE':
      return daysFromCivil(Math.floor(year / 10) * 10, 1, 1)
    case 'CENTURY':
      return daysFromCivil(Math.floor((year - 1) / 100) * 100 + 1, 1, 1)
    case 'MILLENNIUM':
      return daysFromCivil(Math.floor((year - 1) / 1000) * 1000 + 1, 1, 1)
    default:
      throw new EvaluationFailure(`${unit} is no unit to round to`)
  }
}

/** CEIL(timestamp TO unit) of local ms. */
export function ceilToUnit(unit: TimeUnit, millis: number): number {
  const floor = floorToUnit(unit, millis)
  if (floor === millis) return millis
  const fixed = MILLIS_OF[unit]
  return fixed === undefined ? addMonthsToMillis(floor, MONTHS_OF[unit] ?? 1) : floor + fixed
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0')
}

function formatYear(year: number): string {
  return year < 0 ? `-${pad(-year, 4)}` : pad(year, 4)
}

export function formatDate(days: number): string {
  const { year, month, day } = civilFromDays(days)
  return `${formatYear(year)}-${pad(month, 2)}-${pad(day, 2)}`
}

/** `2024-01-02 03:04:05.123` with `precision` digits of the second's fraction (values are kept to the ms). */
export function formatTimestamp(millis: number, precision: number): string {
  const rest = timeOfDay(millis)
  const seconds = Math.floor(rest / 1000)
  const fraction =
    precision === 0
      ? ''
      : `.${pad(rest - seconds * 1000, 3)
          .padEnd(9, '0')
          .slice(0, precision)}`
  return `${formatDate(floorToDays(millis))} ${pad(Math.floor(seconds / 3600), 2)}:${pad(Math.floor(seconds / 60) % 60, 2)}:${pad(seconds % 60, 2)}${fraction}`
}

/** `03:04:05.123` with `precision` digits of the second's fraction (values are kept to the ms). */
export function formatTime(millis: number, precision: number): string {
  const seconds = Math.floor(millis / 1000)
  const fraction =
    precision === 0
      ? ''
      : `.${pad(millis % 1000, 3)
          .padEnd(9, '0')
          .slice(0, precision)}`
  return `${pad(Math.floor(seconds / 3600), 2)}:${pad(Math.floor(seconds / 60) % 60, 2)}:${pad(seconds % 60, 2)}${fraction}`
}

const TIME_TEXT = /^(\d{1,2})(?::(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?)?$/

/** `03:04:05[.123]`, `03:04`, `3`: ms since midnight, cut to ms. undefined: no time of day. */
export function parseTime(text: string): number | undefined {
  const match = TIME_TEXT.exec(text)
  if (match === null) return undefined
  const [hour, minute, second] = [Number(match[1]), Number(match[2] ?? 0), Number(match[3] ?? 0)]
  if (hour > 23 || minute > 59 || second > 59) return undefined
  return (hour * 3600 + minute * 60 + second) * 1000 + Number((match[4] ?? '').padEnd(3, '0').slice(0, 3))
}

/** Flink's DateTimeUtils.parseDate: `2024-1-2`, `2024-1`, `2024`; a time after a blank is passed over. undefined: no such day. */
export function parseDate(text: string): number | undefined {
  const blank = text.indexOf(' ')
  const match = /^\s*(\d{1,9})(?:-\s*(\d{1,9})(?:-\s*(\d{1,9}))?)?\s*$/.exec(blank > 0 ? text.slice(0, blank) : text)
  if (match === null) return undefined
  const [year, month, day] = [Number(match[1]), Number(match[2] ?? 1), Number(match[3] ?? 1)]
  if (year > 9999 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined
  return daysFromCivil(year, month, day)
}

const TIMESTAMP_TEXT = /^(\d{4})-(\d{1,2})-(\d{1,2})(?: (\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,9}))?)?$/

/** Flink's DateTimeUtils.parseTimestampData: `2024-01-02 03:04:05[.123456789]` or a date alone; cut to ms. undefined: not one. */
export function parseTimestamp(text: string): number | undefined {
  const match = TIMESTAMP_TEXT.exec(text)
  if (match === null) return undefined
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])]
  const [hour, minute, second] = [Number(match[4] ?? 0), Number(match[5] ?? 0), Number(match[6] ?? 0)]
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59) return undefined
  // Java's SMART resolver: February 30 is its last day.
  const days = daysFromCivil(year, month, Math.min(day, daysInMonth(year, month)))
  const fraction = match[7] === undefined ? 0 : Number(match[7].padEnd(3, '0').slice(0, 3))
  return days * MILLIS_PER_DAY + (hour * 3600 + minute * 60 + second) * 1000 + fraction
}
