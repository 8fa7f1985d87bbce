/** Rules between types: casts, common types, DECIMAL arithmetic (Flink's LogicalTypeCasts and LogicalTypeMerging). */
import {
  isNested,
  MAX_DECIMAL_PRECISION,
  MAX_VARCHAR_LENGTH,
  typeToString,
  withNullable,
  type LogicalType,
  type TypeKind,
} from '#core/types/logical-type.js'

/** Kinds that a value of the key kind may become without being asked (INSERT INTO, comparisons, function arguments). */
const IMPLICIT: Record<TypeKind, readonly TypeKind[]> = {
  NULL: [
    ...(['BOOLEAN', 'TINYINT', 'SMALLINT', 'INT', 'BIGINT', 'FLOAT', 'DOUBLE', 'DECIMAL', 'VARCHAR', 'BYTES', 'DATE', 'TIME'] as const),
    ...(['TIMESTAMP', 'TIMESTAMP_LTZ', 'INTERVAL_MONTHS', 'INTERVAL_MILLIS', 'ARRAY', 'MAP', 'MULTISET', 'ROW', 'VARIANT'] as const),
  ],
  BOOLEAN: [],
  TINYINT: ['SMALLINT', 'INT', 'BIGINT', 'DECIMAL', 'FLOAT', 'DOUBLE'],
  SMALLINT: ['INT', 'BIGINT', 'DECIMAL', 'FLOAT', 'DOUBLE'],
  INT: ['BIGINT', 'DECIMAL', 'FLOAT', 'DOUBLE'],
  BIGINT: ['DECIMAL', 'FLOAT', 'DOUBLE'],
  DECIMAL: ['FLOAT', 'DOUBLE'],
  FLOAT: ['DOUBLE', 'DECIMAL'],
  DOUBLE: ['DECIMAL'],
  VARCHAR: [],
  DATE: ['TIMESTAMP'],
  TIME: [],
  TIMESTAMP: ['TIMESTAMP_LTZ', 'DATE'],
  TIMESTAMP_LTZ: ['TIMESTAMP'],
  INTERVAL_MONTHS: [],
  INTERVAL_MILLIS: [],
  ARRAY: [],
  MAP: [],
  MULTISET: [],
  ROW: [],
  RAW: [],
  BYTES: [],
  VARIANT: [],
}

/** Kinds that only CAST reaches. */
const EXPLICIT: Record<TypeKind, readonly TypeKind[]> = {
  NULL: [],
  BOOLEAN: ['TINYINT', 'SMALLINT', 'INT', 'BIGINT', 'FLOAT', 'DOUBLE', 'DECIMAL', 'VARCHAR'],
  TINYINT: ['BOOLEAN', 'VARCHAR'],
  SMALLINT: ['BOOLEAN', 'TINYINT', 'VARCHAR'],
  INT: ['BOOLEAN', 'TINYINT', 'SMALLINT', 'VARCHAR', 'INTERVAL_MONTHS', 'INTERVAL_MILLIS'],
  BIGINT: ['BOOLEAN', 'TINYINT', 'SMALLINT', 'INT', 'VARCHAR', 'INTERVAL_MILLIS'],
  DECIMAL: ['BOOLEAN', 'TINYINT', 'SMALLINT', 'INT', 'BIGINT', 'VARCHAR'],
  FLOAT: ['BOOLEAN', 'TINYINT', 'SMALLINT', 'INT', 'BIGINT', 'VARCHAR'],
  DOUBLE: ['BOOLEAN', 'TINYINT', 'SMALLINT', 'INT', 'BIGINT', 'FLOAT', 'VARCHAR'],
  VARCHAR: [
    ...(['BOOLEAN', 'TINYINT', 'SMALLINT', 'INT', 'BIGINT', 'FLOAT', 'DOUBLE', 'DECIMAL', 'DATE', 'TIME', 'TIMESTAMP'] as const),
    ...(['TIMESTAMP_LTZ', 'BYTES'] as const),
  ],
  DATE: ['VARCHAR', 'TIMESTAMP_LTZ'],
  TIME: ['VARCHAR', 'TIMESTAMP', 'TIMESTAMP_LTZ'],
  TIMESTAMP: ['VARCHAR', 'TIME'],
  TIMESTAMP_LTZ: ['VARCHAR', 'DATE', 'TIME'],
  INTERVAL_MONTHS: ['VARCHAR', 'INT', 'BIGINT'],
  INTERVAL_MILLIS: ['VARCHAR', 'BIGINT'],
  ARRAY: ['VARCHAR'],
  MAP: ['VARCHAR'],
  MULTISET: ['VARCHAR'],
  ROW: ['VARCHAR'],
  RAW: [],
  BYTES: ['VARCHAR'],
  VARIANT: ['BOOLEAN', 'TINYINT', 'SMALLINT', 'INT', 'BIGINT', 'FLOAT', 'DOUBLE', 'DECIMAL', 'VARCHAR'],
}

/** Whether CAST (explicit) or a silent conversion (implicit) exists; nullability is not looked at. */
export function canCast(from: LogicalType, to: LogicalType, explicit: boolean): boolean {
  if (from.kind === to.kind) return !isNested(from.kind) || canCastParts(from, to, explicit)
  return IMPLICIT[from.kind].includes(to.kind) || (explicit && EXPLICIT[from.kind].includes(to.kind))
}

/** Nested types are cast part by part. */
function canCastParts(from: LogicalType, to: LogicalType, explicit: boolean): boolean {
  if (from.kind === 'ROW' && to.kind === 'ROW') {
    const { fields } = to
    return (
      from.fields.length === fields.length &&
      from.fields.every(({ type }, i) => canCast(type, (fields[i] as { type: LogicalType }).type, explicit))
    )
  }
  if (from.kind === 'MAP' && to.kind === 'MAP') return canCast(from.key, to.key, explicit) && canCast(from.value, to.value, explicit)
  if (from.kind === 'ARRAY' && to.kind === 'ARRAY') return canCast(from.element, to.element, explicit)
  return from.kind === 'MULTISET' && to.kind === 'MULTISET' && canCast(from.element, to.element, explicit)
}

export function isNumeric(type: LogicalType): boolean {
  return type.kind === 'DECIMAL' || NUMBERS.includes(type.kind)
}

/** Numbers other than DECIMAL, the narrow ones first. */
const NUMBERS: readonly TypeKind[] = ['TINYINT', 'SMALLINT', 'INT', 'BIGINT', 'FLOAT', 'DOUBLE']

/** The type that functions compute values of a narrow type in; any other type is itself. */
export function widened(type: LogicalType): LogicalType {
  if (type.kind === 'TINYINT' || type.kind === 'SMALLINT') return { kind: 'INT', nullable: type.nullable }
  return type.kind === 'FLOAT' ? { kind: 'DOUBLE', nullable: type.nullable } : type
}

export function isDateTime(type: LogicalType): boolean {
  return type.kind === 'DATE' || type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ'
}

/** Digits and scale of an exact number: TINYINT counts as DECIMAL(3, 0), SMALLINT as DECIMAL(5, 0), INT as DECIMAL(10, 0), BIGINT as DECIMAL(19, 0). */
export function decimalShape(type: LogicalType): { precision: number; scale: number } {
  if (type.kind === 'DECIMAL') return type
  return { precision: { TINYINT: 3, SMALLINT: 5, INT: 10 }[type.kind as string] ?? 19, scale: 0 }
}

/** DECIMAL of these digits; above 38 fractional digits go first, down to 6 (Flink's adjustPrecisionScale). */
export function adjustedDecimal(precision: number, scale: number, nullable: boolean): LogicalType {
  if (precision <= MAX_DECIMAL_PRECISION) return { kind: 'DECIMAL', precision, scale, nullable }
  const digits = precision - scale
  return {
    kind: 'DECIMAL',
    precision: MAX_DECIMAL_PRECISION,
    scale: Math.max(MAX_DECIMAL_PRECISION - digits, Math.min(scale, 6)),
    nullable,
  }
}

/** Result of an arithmetic operator on numbers. At least one DECIMAL and no DOUBLE: Flink's rules; else the wider of the two. */
export function arithmeticType(operator: '+' | '-' | '*' | '/' | '%', left: LogicalType, right: LogicalType): LogicalType {
  const nullable = left.nullable || right.nullable
  if (left.kind === 'DOUBLE' || right.kind === 'DOUBLE') return { kind: 'DOUBLE', nullable }
  if (left.kind !== 'DECIMAL' && right.kind !== 'DECIMAL') {
    // The remainder has the divisor's type, as in Calcite; its magnitude fits.
    if (operator === '%') return { kind: right.kind as 'INT' | 'BIGINT', nullable }
    return { kind: left.kind === 'BIGINT' || right.kind === 'BIGINT' ? 'BIGINT' : 'INT', nullable }
  }
  const a = decimalShape(left)
  const b = decimalShape(right)
  switch (operator) {
    case '+':
    case '-': {
      const scale = Math.max(a.scale, b.scale)
      return adjustedDecimal(Math.max(a.precision - a.scale, b.precision - b.scale) + scale + 1, scale, nullable)
    }
    case '*':
      return adjustedDecimal(a.precision + b.precision + 1, a.scale + b.scale, nullable)
    case '/': {
      const scale = Math.max(6, a.scale + b.precision + 1)
      return adjustedDecimal(a.precision - a.scale + b.scale + scale, scale, nullable)
    }
    case '%': {
      const scale = Math.max(a.scale, b.scale)
      return adjustedDecimal(Math.max(1, Math.min(a.precision - a.scale, b.precision - b.scale) + scale), scale, nullable)
    }
  }
}

/** Result of ROUND and TRUNCATE to `digits` fractional digits. */
export function roundType(type: LogicalType, digits: number): LogicalType {
  if (type.kind !== 'DECIMAL' || digits >= type.scale) return type
  const whole = type.precision - type.scale
  if (digits < 0) return { ...type, precision: Math.min(MAX_DECIMAL_PRECISION, 1 + whole), scale: 0 }
  return { ...type, precision: Math.min(MAX_DECIMAL_PRECISION, 1 + whole + digits), scale: digits }
}

/**
 * The type that values of all these types can share without loss where Flink finds one (CASE, COALESCE, UNION, VALUES); nullable
 * when one of them is. undefined: there is none.
 */
export function commonType(types: readonly LogicalType[]): LogicalType | undefined {
  let common: LogicalType | undefined
  for (const type of types) {
    const next = common === undefined ? type : commonOfTwo(common, type)
    if (next === undefined) return undefined
    common = next
  }
  return common
}

function commonOfTwo(a: LogicalType, b: LogicalType): LogicalType | undefined {
  if (a.kind === 'NULL') return withNullable(b, true)
  if (b.kind === 'NULL') return withNullable(a, true)
  const nullable = a.nullable || b.nullable
  if (a.kind === 'VARCHAR' && b.kind === 'VARCHAR') {
    const fixed = a.fixed === true && b.fixed === true && a.length === b.length ? ({ fixed: true } as const) : {}
    return { kind: 'VARCHAR', length: Math.max(a.length, b.length), nullable, ...fixed }
  }
  if (a.kind === 'BYTES' && b.kind === 'BYTES') {
    const length = Math.max(a.length ?? MAX_VARCHAR_LENGTH, b.length ?? MAX_VARCHAR_LENGTH)
    const fixed = a.fixed === true && b.fixed === true && a.length === b.length ? ({ fixed: true } as const) : {}
    return { kind: 'BYTES', length, nullable, ...fixed }
  }
  if (a.kind === 'TIME' && b.kind === 'TIME') return { kind: 'TIME', precision: Math.max(a.precision, b.precision), nullable }
  if (isNested(a.kind)) return commonOfNested(a, b, nullable)
  if (isNumeric(a) && isNumeric(b)) {
    if (a.kind === 'DOUBLE' || b.kind === 'DOUBLE') return { kind: 'DOUBLE', nullable }
    if (a.kind === 'FLOAT' || b.kind === 'FLOAT')
      return { kind: a.kind === 'DECIMAL' || b.kind === 'DECIMAL' ? 'DOUBLE' : 'FLOAT', nullable }
    if (a.kind === 'DECIMAL' || b.kind === 'DECIMAL') {
      const [x, y] = [decimalShape(a), decimalShape(b)]
      const whole = Math.min(MAX_DECIMAL_PRECISION, Math.max(x.precision - x.scale, y.precision - y.scale))
      const scale = Math.min(Math.max(x.scale, y.scale), MAX_DECIMAL_PRECISION - whole)
      return { kind: 'DECIMAL', precision: Math.max(1, whole + scale), scale, nullable }
    }
    const wider = NUMBERS.indexOf(a.kind) > NUMBERS.indexOf(b.kind) ? a : b
    return withNullable(wider, nullable)
  }
  if (isDateTime(a) && isDateTime(b)) {
    const precision = Math.max(timePrecision(a), timePrecision(b))
    if (a.kind === 'TIMESTAMP_LTZ' || b.kind === 'TIMESTAMP_LTZ') return { kind: 'TIMESTAMP_LTZ', precision, nullable }
    if (a.kind === 'TIMESTAMP' || b.kind === 'TIMESTAMP') return { kind: 'TIMESTAMP', precision, nullable }
    return { kind: 'DATE', nullable }
  }
  return a.kind === b.kind ? withNullable(a, nullable) : undefined
}

function commonOfNested(a: LogicalType, b: LogicalType, nullable: boolean): LogicalType | undefined {
  if ((a.kind === 'ARRAY' && b.kind === 'ARRAY') || (a.kind === 'MULTISET' && b.kind === 'MULTISET')) {
    const element = commonOfTwo(a.element, b.element)
    return element && { kind: a.kind, element, nullable }
  }
  if (a.kind === 'MAP' && b.kind === 'MAP') {
    const key = commonOfTwo(a.key, b.key)
    const value = commonOfTwo(a.value, b.value)
    return key && value && { kind: 'MAP', key, value, nullable }
  }
  if (a.kind !== 'ROW' || b.kind !== 'ROW' || a.fields.length !== b.fields.length) return undefined
  const fields: { name: string; type: LogicalType }[] = []
  for (const [i, { name, type }] of a.fields.entries()) {
    const common = commonOfTwo(type, (b.fields[i] as { type: LogicalType }).type)
    if (common === undefined) return undefined
    fields.push({ name, type: common })
  }
  return { kind: 'ROW', fields, nullable }
}

function timePrecision(type: LogicalType): number {
  return type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ' ? type.precision : 0
}

/** The type both sides of a comparison are cast to: as commonType, and a text becomes the type of the other side. */
export function comparisonType(a: LogicalType, b: LogicalType): LogicalType | undefined {
  if (a.kind === 'VARCHAR' && b.kind !== 'VARCHAR' && b.kind !== 'NULL' && canCast(a, b, true))
    return withNullable(b, a.nullable || b.nullable)
  if (b.kind === 'VARCHAR' && a.kind !== 'VARCHAR' && a.kind !== 'NULL' && canCast(b, a, true))
    return withNullable(a, a.nullable || b.nullable)
  return commonType([a, b])
}

/** Types in messages, in Calcite's words: `INTEGER`, `VARCHAR(2147483647)`, `DECIMAL(10, 2)`. */
export function typeInMessage(type: LogicalType): string {
  if (type.kind === 'INT') return 'INTEGER'
  if (type.kind === 'VARCHAR' && type.fixed !== true) return `VARCHAR(${type.length})`
  if (type.kind === 'BYTES' && type.fixed !== true) return `VARBINARY(${type.length ?? MAX_VARCHAR_LENGTH})`
  if (type.kind === 'TIMESTAMP_LTZ') return `TIMESTAMP_WITH_LOCAL_TIME_ZONE(${type.precision})`
  return typeToString(withNullable(type, true))
}

/** Result type of an aggregate function over one argument (undefined for COUNT(*)). */
export function aggregateType(
  name: 'COUNT' | 'SUM' | 'AVG' | 'MIN' | 'MAX' | 'FIRST_VALUE' | 'LAST_VALUE',
  argType?: LogicalType,
): { type: LogicalType } | { problem: string } {
  if (name === 'COUNT') return { type: { kind: 'BIGINT', nullable: false } }
  if (argType === undefined) return { problem: `Invalid number of arguments to function '${name}'. Was expecting 1 arguments` }
  if (name !== 'SUM' && name !== 'AVG') {
    return argType.kind === 'NULL' ? { problem: `Illegal use of 'NULL': cast it to a type` } : { type: argType }
  }
  if (!isNumeric(argType)) {
    return {
      problem: `Cannot apply '${name}' to arguments of type '${name}(<${typeInMessage(argType)}>)'. Supported form(s): '${name}(<NUMERIC>)'`,
    }
  }
  if (argType.kind !== 'DECIMAL') return { type: argType }
  const scale = name === 'SUM' ? argType.scale : Math.max(6, argType.scale)
  return { type: { kind: 'DECIMAL', precision: MAX_DECIMAL_PRECISION, scale, nullable: argType.nullable } }
}
