/**
 * Dates and timestamps. Units are text literals in the argument list, written in upper case by the planner:
 *
 * | SQL                            | call                                        |
 * | EXTRACT(unit FROM t)           | EXTRACT('unit', t)                          |
 * | FLOOR(t TO unit), CEIL         | FLOOR(t, 'unit'), CEIL(t, 'unit')           |
 * | TIMESTAMPADD(unit, n, t)       | TIMESTAMPADD('unit', n, t)                  |
 * | TIMESTAMPDIFF(unit, a, b)      | TIMESTAMPDIFF('unit', a, b)                 |
 * | t + INTERVAL '1' HOUR (day-second interval) | TIMESTAMP_ADD_MILLIS(t, BIGINT ms), negative for minus |
 * | t + INTERVAL '1' MONTH (year-month interval) | TIMESTAMP_ADD_MONTHS(t, INT months)      |
 *
 * A DATE plus a day-second interval stays a DATE when the interval has whole days (as Flink), else its time is dropped.
 * A TIMESTAMP_LTZ is looked at on the clock of the session zone.
 */
import {
  BIGINT,
  DATE,
  hasNanos,
  INT,
  NANOS_PER_MILLI,
  STRING,
  TIME,
  timestamp,
  timestampLtz,
  withNullable,
  type LogicalType,
  type Value,
} from '#core/types/logical-type.js'
import {
  addMonthsToDays,
  addMonthsToMillis,
  ceilToUnit,
  extractUnit,
  floorToDays,
  floorToUnit,
  isTimeUnit,
  MILLIS_PER_DAY,
  millisOf,
  monthsBetween,
  monthsOf,
  parseDate,
  parseTimestamp,
  timeOfDay,
  type TimeUnit,
} from '../calendar.js'
import { millisOfTimestamp, nanosBelowMilli } from '../cast.js'
import { DateTimePattern } from '../datetime-pattern.js'
import { EvaluationFailure, type EvaluationContext } from '../evaluation.js'
import { localToUtc, timeZone, utcToLocal } from '../time-zone.js'
import { isDateTime, isNumeric } from '../type-rules.js'
import { bindFloor, floorType } from './arithmetic.js'
import {
  alias,
  anyNullable,
  cannotApply,
  matchArguments,
  strict,
  type FunctionDefinition,
  type Literals,
  type Resolution,
  type RowFunction,
} from './definition.js'

/** Local ms of a DATE, TIMESTAMP or TIMESTAMP_LTZ value, and back. */
function clockOf(
  type: LogicalType,
  context: EvaluationContext,
): { toLocal(value: number | bigint): number; fromLocal(millis: number): Value } {
  if (type.kind === 'DATE') return { toLocal: (value) => Number(value) * MILLIS_PER_DAY, fromLocal: floorToDays }
  if (type.kind === 'TIME') return { toLocal: Number, fromLocal: timeOfDay }
  if (hasNanos(type)) {
    const inner = clockOf({ ...type, precision: 3 } as LogicalType, context)
    const millis = millisOfTimestamp(type)
    return { toLocal: (value) => inner.toLocal(millis(value)), fromLocal: (local) => (inner.fromLocal(local) as bigint) * NANOS_PER_MILLI }
  }
  if (type.kind === 'TIMESTAMP') return { toLocal: Number, fromLocal: toTimestamp }
  const zone = timeZone(context.timeZone)
  return { toLocal: (value) => utcToLocal(Number(value), zone), fromLocal: (millis) => toTimestamp(localToUtc(millis, zone)) }
}

/** Results outside what a double counts exactly are no timestamps any more. */
function toTimestamp(millis: number): bigint {
  return BigInt(checkTimestamp(millis))
}

export function checkTimestamp(millis: number): number {
  if (!Number.isSafeInteger(millis)) throw new EvaluationFailure('timestamp out of range')
  return millis
}

function unitOf(literals: Literals, at: number, name: string): TimeUnit | { problem: string } {
  const unit = literals[at]
  return isTimeUnit(unit)
    ? unit
    : { problem: `${name} needs a time unit such as YEAR, MONTH, DAY, HOUR, MINUTE or SECOND, not '${String(unit)}'` }
}

const EXTRACT: FunctionDefinition = {
  name: 'EXTRACT',
  nulls: 'strict',
  resolve(argTypes, literals) {
    const matched = matchArguments('EXTRACT', 'UC', argTypes)
    if ('problem' in matched) return matched
    const unit = unitOf(literals, 0, 'EXTRACT')
    return typeof unit === 'string' ? { argTypes: matched.argTypes, type: withNullable(BIGINT, anyNullable(matched.argTypes)) } : unit
  },
  bind: ({ argTypes, constants, context }) => extractor(constants[0] as TimeUnit, argTypes[1] as LogicalType, context, 1),
}

/** `at`: index of the date or timestamp among the arguments. */
function extractor(unit: TimeUnit, type: LogicalType, context: EvaluationContext, at: 0 | 1): RowFunction {
  // Seconds since the epoch do not depend on a zone.
  const { toLocal } = clockOf(unit === 'EPOCH' && type.kind === 'TIMESTAMP_LTZ' ? timestamp() : type, context)
  if (at === 0) return (value: number | bigint) => BigInt(extractUnit(unit, toLocal(value)))
  return (_: string, value: number | bigint) => BigInt(extractUnit(unit, toLocal(value)))
}

function part(name: string, unit: TimeUnit): FunctionDefinition {
  return strict(name, ['HOUR', 'MINUTE', 'SECOND'].includes(unit) ? 'C' : 'T', BIGINT, ({ argTypes, context }) =>
    extractor(unit, argTypes[0] as LogicalType, context, 0),
  )
}

function rounding(name: 'FLOOR' | 'CEIL'): FunctionDefinition {
  return {
    name,
    nulls: 'strict',
    resolve(argTypes, literals): Resolution {
      const [type] = argTypes
      if (argTypes.length === 1 && type !== undefined && isNumeric(type)) return { argTypes: [type], type: floorType(type) }
      if (argTypes.length !== 2 || type === undefined || !isDateTime(type))
        return cannotApply(name, argTypes, ['<NUMERIC>', '<DATETIME> TO <TIME UNIT>'])
      const unit = unitOf(literals, 1, name)
      if (typeof unit !== 'string') return unit
      if (millisOf(unit) === undefined && monthsOf(unit) === undefined) return { problem: `${name} cannot round to ${unit}` }
      return { argTypes, type }
    },
    bind({ argTypes, constants, context }) {
      const [type] = argTypes as [LogicalType]
      if (argTypes.length === 1) return bindFloor(name === 'CEIL', type)
      const { toLocal, fromLocal } = clockOf(type, context)
      const unit = constants[1] as TimeUnit
      const round = name === 'CEIL' ? ceilToUnit : floorToUnit
      // What lies between two ms has to be rounded up, too.
      const up = name === 'CEIL' && hasNanos(type)
      return (value: number | bigint) => fromLocal(round(unit, toLocal(value) + (up && nanosBelowMilli(value as bigint) !== 0n ? 1 : 0)))
    },
    inline: ({ argTypes }) => (argTypes[0]?.kind === 'DOUBLE' ? (a) => `Math.${name.toLowerCase()}(${a})` : undefined),
  }
}

/** A DATE plus a unit below the day becomes a TIMESTAMP; everything else keeps its type. */
const TIMESTAMPADD: FunctionDefinition = {
  name: 'TIMESTAMPADD',
  nulls: 'strict',
  resolve(argTypes, literals) {
    const matched = matchArguments('TIMESTAMPADD', 'ULT', argTypes)
    if ('problem' in matched) return matched
    const unit = unitOf(literals, 0, 'TIMESTAMPADD')
    if (typeof unit !== 'string') return unit
    if (millisOf(unit) === undefined && monthsOf(unit) === undefined) return { problem: `TIMESTAMPADD cannot add ${unit}` }
    const [name, count, type] = matched.argTypes as [LogicalType, LogicalType, LogicalType]
    const belowDay = (millisOf(unit) ?? MILLIS_PER_DAY) < MILLIS_PER_DAY
    const target: LogicalType = type.kind === 'DATE' && belowDay ? { kind: 'TIMESTAMP', precision: 3, nullable: type.nullable } : type
    return { argTypes: [name, count, target], type: withNullable(target, anyNullable(matched.argTypes)) }
  },
  bind({ argTypes, constants, context }) {
    const unit = constants[0] as TimeUnit
    const type = argTypes[2] as LogicalType
    const fixed = millisOf(unit)
    if (fixed !== undefined) {
      const millis = BigInt(fixed)
      if (type.kind === 'DATE') return (_: string, count: bigint, value: number) => toDays(value + Number(count) * (fixed / MILLIS_PER_DAY))
      return (_: string, count: bigint, value: bigint) => BigInt.asIntN(64, value + count * millis)
    }
    const months = monthsOf(unit) ?? 1
    const add = monthAdder(type, context)
    return (_: string, count: bigint, value: Value) => add(value, Number(count) * months)
  },
}

function toDays(days: number): number {
  if (Math.abs(days) > 2147483647) throw new EvaluationFailure('date out of range')
  return days
}

function monthAdder(type: LogicalType, context: EvaluationContext): (value: Value, months: number) => Value {
  if (type.kind === 'DATE') return (value, months) => toDays(addMonthsToDays(value as number, months))
  const { toLocal, fromLocal } = clockOf(type, context)
  const add = (value: Value, months: number): Value => fromLocal(addMonthsToMillis(toLocal(value as bigint), months))
  if (!hasNanos(type)) return add
  return (value, months) => (add(value, months) as bigint) + nanosBelowMilli(value as bigint)
}

/** Whole units from the first to the second, truncated toward zero. */
const TIMESTAMPDIFF: FunctionDefinition = {
  name: 'TIMESTAMPDIFF',
  nulls: 'strict',
  resolve(argTypes, literals) {
    const matched = matchArguments('TIMESTAMPDIFF', 'UTT', argTypes)
    if ('problem' in matched) return matched
    const unit = unitOf(literals, 0, 'TIMESTAMPDIFF')
    if (typeof unit !== 'string') return unit
    if (millisOf(unit) === undefined && monthsOf(unit) === undefined) return { problem: `TIMESTAMPDIFF cannot count ${unit}` }
    return { argTypes: matched.argTypes, type: withNullable(INT, anyNullable(matched.argTypes)) }
  },
  bind({ argTypes, constants, context }) {
    const unit = constants[0] as TimeUnit
    const from = clockOf(argTypes[1] as LogicalType, context)
    const to = clockOf(argTypes[2] as LogicalType, context)
    const fixed = millisOf(unit)
    const months = monthsOf(unit) ?? 1
    return (_: string, a: number | bigint, b: number | bigint) => {
      const [start, end] = [from.toLocal(a), to.toLocal(b)]
      return fixed === undefined ? Math.trunc(monthsBetween(start, end) / months) | 0 : Math.trunc((end - start) / fixed) | 0
    }
  },
}

const ADD_MILLIS: FunctionDefinition = strict(
  'TIMESTAMP_ADD_MILLIS',
  'KL',
  ([type]) => type as LogicalType,
  ({ argTypes }) => {
    const [type] = argTypes as [LogicalType]
    if (type.kind === 'DATE') return (value: number, millis: bigint) => toDays(floorToDays(value * MILLIS_PER_DAY + Number(millis)))
    if (type.kind === 'TIME') return (value: number, millis: bigint) => timeOfDay(value + Number(millis % BigInt(MILLIS_PER_DAY)))
    if (hasNanos(type)) return (value: bigint, millis: bigint) => value + millis * NANOS_PER_MILLI
    return (value: bigint, millis: bigint) => BigInt.asIntN(64, value + millis)
  },
  {
    inline: ({ argTypes: [type] }) =>
      type === undefined || type.kind === 'DATE' || type.kind === 'TIME' || hasNanos(type)
        ? undefined
        : (value, millis) => `BigInt.asIntN(64, ${value} + ${millis})`,
  },
)

const ADD_MONTHS: FunctionDefinition = strict(
  'TIMESTAMP_ADD_MONTHS',
  'KI',
  ([type]) => type as LogicalType,
  ({ argTypes, context }) => monthAdder(argTypes[0] as LogicalType, context),
)

/** Patterns compiled once each; a constant one is found without a look at the map. */
function patternsOf(constant: unknown): (pattern: string) => DateTimePattern {
  const patterns = new Map<string, DateTimePattern>()
  let lastText: string | undefined
  let last: DateTimePattern | undefined
  const find = (pattern: string): DateTimePattern => {
    if (pattern === lastText && last !== undefined) return last
    let compiled = patterns.get(pattern)
    if (compiled === undefined) {
      compiled = new DateTimePattern(pattern)
      if (patterns.size >= 1000) patterns.clear()
      patterns.set(pattern, compiled)
    }
    lastText = pattern
    last = compiled
    return compiled
  }
  if (typeof constant === 'string') {
    try {
      find(constant)
    } catch {
      // Fails again, with its text, on the first row.
    }
  }
  return find
}

/** Local ms by the pattern, else in SQL's own form (java.sql.Timestamp.valueOf, Date.valueOf), as Flink falls back; NaN: neither. */
export function parseWithFallback(pattern: DateTimePattern, text: string): number {
  const millis = pattern.parse(text)
  return millis === millis ? millis : (parseTimestamp(text.trim()) ?? NaN)
}

const TO_TIMESTAMP: FunctionDefinition = strict(
  'TO_TIMESTAMP',
  'S?S',
  timestamp(3),
  ({ argTypes, constants }) => {
    if (argTypes.length === 1) {
      return (text: string) => {
        const millis = parseTimestamp(text)
        return millis === undefined ? null : BigInt(millis)
      }
    }
    const patternOf = patternsOf(constants[1])
    return (text: string, pattern: string) => {
      const millis = parseWithFallback(patternOf(pattern), text)
      return millis === millis ? BigInt(millis) : null
    }
  },
  { mayBeNull: true },
)

const TO_DATE: FunctionDefinition = strict(
  'TO_DATE',
  'S?S',
  DATE,
  ({ argTypes, constants }) => {
    if (argTypes.length === 1) return (text: string) => parseDate(text) ?? null
    const patternOf = patternsOf(constants[1])
    return (text: string, pattern: string) => {
      const millis = patternOf(pattern).parse(text)
      return millis === millis ? floorToDays(millis) : null
    }
  },
  { mayBeNull: true },
)

/** TO_TIMESTAMP_LTZ(n, 0): seconds, (n, 3) or (n): ms since the epoch; (text[, pattern[, zone]]): a clock in UTC or that zone. */
const TO_TIMESTAMP_LTZ: FunctionDefinition = {
  name: 'TO_TIMESTAMP_LTZ',
  nulls: 'strict',
  resolve(argTypes, literals) {
    const type = timestampLtz(3)
    if (argTypes[0]?.kind === 'VARCHAR') {
      const matched = matchArguments('TO_TIMESTAMP_LTZ', 'S?SS', argTypes)
      return 'problem' in matched ? matched : { argTypes: matched.argTypes, type }
    }
    const matched = matchArguments('TO_TIMESTAMP_LTZ', 'N?I', argTypes)
    if ('problem' in matched) return matched
    const precision = literals[1]
    if (precision !== undefined && precision !== 0 && precision !== 3) {
      return {
        problem: `The precision value '${String(precision)}' for function TO_TIMESTAMP_LTZ(numeric, precision) is unsupported, the supported value is '0' for second or '3' for millisecond.`,
      }
    }
    const number = matched.argTypes[0] as LogicalType
    return {
      argTypes: [number.kind === 'INT' ? { kind: 'BIGINT', nullable: number.nullable } : { ...number }, ...matched.argTypes.slice(1)],
      type,
    }
  },
  bind({ argTypes, constants }) {
    const [type] = argTypes as [LogicalType]
    if (type.kind === 'VARCHAR') {
      const patternOf = patternsOf(constants[1])
      return (text: string, pattern?: string, zone = 'UTC') => {
        const millis = pattern === undefined ? (parseTimestamp(text) ?? NaN) : parseWithFallback(patternOf(pattern), text)
        return millis === millis ? BigInt(localToUtc(millis, timeZone(zone))) : null
      }
    }
    const scale = type.kind === 'DECIMAL' ? 10n ** BigInt(type.scale) : 1n
    return (value: number | bigint, precision = 3) => {
      if (typeof value === 'number') {
        const millis = Math.trunc(precision === 0 ? value * 1000 : value)
        return Number.isSafeInteger(millis) ? BigInt(millis) : null
      }
      const millis = (precision === 0 ? value * 1000n : value) / scale
      return millis >= -(2n ** 53n) && millis <= 2n ** 53n ? millis : null
    }
  },
}

const DEFAULT_PATTERN = 'yyyy-MM-dd HH:mm:ss'

const DATE_FORMAT: FunctionDefinition = {
  name: 'DATE_FORMAT',
  nulls: 'strict',
  resolve(argTypes) {
    // A text is read as a timestamp first.
    const types =
      argTypes[0]?.kind === 'VARCHAR'
        ? [{ ...timestamp(3), nullable: argTypes[0].nullable } as LogicalType, ...argTypes.slice(1)]
        : argTypes
    const matched = matchArguments('DATE_FORMAT', 'TS', types)
    return 'problem' in matched ? matched : { argTypes: matched.argTypes, type: withNullable(STRING, anyNullable(matched.argTypes)) }
  },
  bind({ argTypes, constants, context }) {
    const { toLocal } = clockOf(argTypes[0] as LogicalType, context)
    const patternOf = patternsOf(constants[1])
    return (value: number | bigint, pattern: string) => patternOf(pattern).format(toLocal(value))
  },
}

/** Seconds since the epoch as a text on the session zone's clock. */
const FROM_UNIXTIME: FunctionDefinition = strict('FROM_UNIXTIME', 'L?S', STRING, ({ constants, context }) => {
  const zone = timeZone(context.timeZone)
  const patternOf = patternsOf(constants[1] ?? DEFAULT_PATTERN)
  return (seconds: bigint, pattern = DEFAULT_PATTERN) => {
    const millis = Number(seconds) * 1000
    if (Math.abs(millis) > 8.64e15) throw new EvaluationFailure('timestamp out of range')
    return patternOf(pattern).format(utcToLocal(millis, zone))
  }
})

/** UNIX_TIMESTAMP(): now; (text[, pattern]): that clock in the session zone, in seconds; least BIGINT when it does not parse, as Flink. */
const UNIX_TIMESTAMP: FunctionDefinition = {
  ...strict('UNIX_TIMESTAMP', '?SS', BIGINT, ({ argTypes, constants, context }) => {
    if (argTypes.length === 0) return () => BigInt(Math.floor(context.now() / 1000))
    const zone = timeZone(context.timeZone)
    const patternOf = patternsOf(constants[1] ?? DEFAULT_PATTERN)
    return (text: string, pattern = DEFAULT_PATTERN) => {
      const millis = patternOf(pattern).parse(text)
      return millis === millis ? BigInt(Math.floor(localToUtc(millis, zone) / 1000)) : -9223372036854775808n
    }
  }),
  deterministic: false,
}

function clock(name: string, type: LogicalType, read: (context: EvaluationContext) => Value): FunctionDefinition {
  return {
    ...strict(
      name,
      '',
      type,
      ({ context }) =>
        () =>
          read(context),
    ),
    deterministic: false,
  }
}

const localNow = (context: EvaluationContext): number => utcToLocal(Math.floor(context.now()), timeZone(context.timeZone))
const CEIL = rounding('CEIL')
const now = (context: EvaluationContext): bigint => BigInt(Math.floor(context.now()))

export const TEMPORAL: readonly FunctionDefinition[] = [
  EXTRACT,
  part('YEAR', 'YEAR'),
  part('QUARTER', 'QUARTER'),
  part('MONTH', 'MONTH'),
  part('WEEK', 'WEEK'),
  part('DAYOFYEAR', 'DOY'),
  part('DAYOFMONTH', 'DAY'),
  part('DAYOFWEEK', 'DOW'),
  part('HOUR', 'HOUR'),
  part('MINUTE', 'MINUTE'),
  part('SECOND', 'SECOND'),
  rounding('FLOOR'),
  CEIL,
  alias('CEILING', { ...CEIL, inline: (signature) => CEIL.inline?.(signature) }),
  TIMESTAMPADD,
  TIMESTAMPDIFF,
  ADD_MILLIS,
  ADD_MONTHS,
  TO_TIMESTAMP,
  TO_DATE,
  TO_TIMESTAMP_LTZ,
  DATE_FORMAT,
  FROM_UNIXTIME,
  UNIX_TIMESTAMP,
  clock('CURRENT_TIMESTAMP', timestampLtz(3), now),
  clock('PROCTIME', timestampLtz(3), now),
  clock('NOW', timestampLtz(3), now),
  clock('CURRENT_ROW_TIMESTAMP', timestampLtz(3), now),
  clock('LOCALTIMESTAMP', timestamp(3), (context) => BigInt(localNow(context))),
  clock('CURRENT_TIME', TIME, (context) => timeOfDay(Math.floor(localNow(context) / 1000) * 1000)),
  clock('LOCALTIME', TIME, (context) => timeOfDay(Math.floor(localNow(context) / 1000) * 1000)),
  clock('CURRENT_DATE', DATE, (context) => floorToDays(localNow(context))),
]
