/**
 * SQL's logical types, as Flink names them, and their physical form in columns:
 *
 * | logical type                       | column lane                        | JavaScript value                     |
 * | BOOLEAN                            | Uint8Array, 0 or 1                 | boolean                              |
 * | TINYINT, SMALLINT, INT             | Int32Array                         | number                               |
 * | DATE                               | Int32Array, days since 1970-01-01  | number                               |
 * | TIME(p)                            | Int32Array, ms since midnight      | number                               |
 * | INTERVAL YEAR TO MONTH             | Int32Array, months                 | number                               |
 * | INTERVAL DAY TO SECOND             | BigInt64Array, ms                  | bigint                               |
 * | BIGINT                             | BigInt64Array                      | bigint                               |
 * | TIMESTAMP(p), _LTZ(p), p <= 3      | BigInt64Array, ms since the epoch  | bigint                               |
 * | TIMESTAMP(p), _LTZ(p), p > 3       | as DECIMAL > 18, ns since the epoch| bigint                               |
 * | FLOAT (nearest of 32 bits), DOUBLE | Float64Array                       | number                               |
 * | DECIMAL(p,s), p <= 18              | BigInt64Array, value * 10^s        | bigint (unscaled)                    |
 * | DECIMAL(p,s), p > 18               | BigInt64Array, two lanes lo, hi    | bigint (unscaled)                    |
 * | VARCHAR(n) (STRING: n = 2^31-1), CHAR(n): VARCHAR with `fixed` | offsets, lengths, UTF-8 bytes | string        |
 * | VARBINARY(n) (BYTES: no length), BINARY(n): with `fixed` | offsets, lengths, bytes | binary string       |
 * | ARRAY, MAP, MULTISET, ROW          | offsets, lengths, encoded bytes    | binary string (docs/nested-values.md)|
 * | VARIANT                            | as STRING                          | string, JSON (runtime/expr/variant.ts)|
 * | NULL (type of a bare NULL literal) | none                               | null                                 |
 * | RAW (DataStream elements)          | references; codec bytes on the wire| anything the element codec knows     |
 *
 * A binary string has one character, 0 to 255, for each byte: so that values of these types, too, are primitive values that `===`
 * compares and a Map takes as keys. SQL NULL is `null` in JavaScript. A TIMESTAMP (without zone) counts as if it were UTC.
 */
import * as z from '../zod.js'

export const MAX_VARCHAR_LENGTH = 2_147_483_647
export const MAX_DECIMAL_PRECISION = 38
/** Widest DECIMAL that lives in one int64 lane. */
export const MAX_COMPACT_DECIMAL_PRECISION = 18

/** Widest TIMESTAMP that is counted in milliseconds; wider ones are counted in nanoseconds. */
export const MAX_MILLIS_PRECISION = 3
export const NANOS_PER_MILLI = 1_000_000n

interface Plain<K extends string> {
  readonly kind: K
  readonly nullable: boolean
}
interface Sized<K extends string> extends Plain<K> {
  readonly length: number
  /** CHAR(length), BINARY(length): CAST fills a shorter value up. */
  readonly fixed?: true | undefined
}
export interface RowField {
  readonly name: string
  readonly type: LogicalType
}

export type LogicalType =
  | Plain<'BOOLEAN' | 'TINYINT' | 'SMALLINT' | 'INT' | 'BIGINT' | 'FLOAT' | 'DOUBLE' | 'DATE' | 'RAW'>
  | Plain<'INTERVAL_MONTHS' | 'INTERVAL_MILLIS' | 'VARIANT'>
  | (Plain<'DECIMAL'> & { readonly precision: number; readonly scale: number })
  | Sized<'VARCHAR'>
  | (Plain<'BYTES'> & { readonly length?: number | undefined; readonly fixed?: true | undefined })
  | (Plain<'TIME'> & { readonly precision: number })
  | (Plain<'TIMESTAMP'> & { readonly precision: number })
  | (Plain<'TIMESTAMP_LTZ'> & { readonly precision: number })
  | { readonly kind: 'NULL'; readonly nullable: true }
  | (Plain<'ARRAY'> & { readonly element: LogicalType })
  | (Plain<'MULTISET'> & { readonly element: LogicalType })
  | (Plain<'MAP'> & { readonly key: LogicalType; readonly value: LogicalType })
  | (Plain<'ROW'> & { readonly fields: readonly RowField[] })
export type TypeKind = LogicalType['kind']

const plain = <K extends string>(kind: K) => z.object({ kind: z.literal(kind), nullable: z.boolean() })
const length = z.int().min(1).max(MAX_VARCHAR_LENGTH)
const precision = z.int().min(0).max(9)
const fixed = z.literal(true).optional()
const inner: z.ZodType<LogicalType> = z.lazy(() => LogicalTypeSchema)

export const LogicalTypeSchema: z.ZodType<LogicalType> = z.discriminatedUnion('kind', [
  plain('BOOLEAN'),
  plain('TINYINT'),
  plain('SMALLINT'),
  plain('INT'),
  plain('BIGINT'),
  plain('FLOAT'),
  plain('DOUBLE'),
  plain('DATE'),
  plain('RAW'),
  plain('INTERVAL_MONTHS'),
  plain('INTERVAL_MILLIS'),
  plain('VARIANT'),
  plain('DECIMAL').extend({ precision: z.int().min(1).max(38), scale: z.int().min(0).max(38) }),
  plain('VARCHAR').extend({ length, fixed }),
  plain('BYTES').extend({ length: length.optional(), fixed }),
  plain('TIME').extend({ precision }),
  plain('TIMESTAMP').extend({ precision }),
  plain('TIMESTAMP_LTZ').extend({ precision }),
  z.object({ kind: z.literal('NULL'), nullable: z.literal(true) }),
  plain('ARRAY').extend({ element: inner }),
  plain('MULTISET').extend({ element: inner }),
  plain('MAP').extend({ key: inner, value: inner }),
  plain('ROW').extend({ fields: z.array(z.object({ name: z.string().min(1).max(1000), type: inner })).max(10_000) }),
])

/** A value of any logical type as JavaScript sees it (table above), RAW aside. */
export type Value = boolean | number | bigint | string | null

export const BOOLEAN: LogicalType = { kind: 'BOOLEAN', nullable: true }
export const INT: LogicalType = { kind: 'INT', nullable: true }
export const TINYINT: LogicalType = { kind: 'TINYINT', nullable: true }
export const SMALLINT: LogicalType = { kind: 'SMALLINT', nullable: true }
export const FLOAT: LogicalType = { kind: 'FLOAT', nullable: true }
export const BIGINT: LogicalType = { kind: 'BIGINT', nullable: true }
export const DOUBLE: LogicalType = { kind: 'DOUBLE', nullable: true }
export const STRING: LogicalType = { kind: 'VARCHAR', length: MAX_VARCHAR_LENGTH, nullable: true }
export const DATE: LogicalType = { kind: 'DATE', nullable: true }
export const NULL: LogicalType = { kind: 'NULL', nullable: true }
export const RAW: LogicalType = { kind: 'RAW', nullable: true }
export const BYTES: LogicalType = { kind: 'BYTES', nullable: true }
export const VARIANT: LogicalType = { kind: 'VARIANT', nullable: true }
export const TIME: LogicalType = { kind: 'TIME', precision: 0, nullable: true }
export const array = (element: LogicalType): LogicalType & { kind: 'ARRAY' } => ({ kind: 'ARRAY', element, nullable: true })
export const map = (key: LogicalType, value: LogicalType): LogicalType & { kind: 'MAP' } => ({ kind: 'MAP', key, value, nullable: true })
export const timestamp = (precision = 3): LogicalType => ({ kind: 'TIMESTAMP', precision, nullable: true })
export const timestampLtz = (precision = 3): LogicalType => ({ kind: 'TIMESTAMP_LTZ', precision, nullable: true })
export const decimal = (precision: number, scale: number): LogicalType => ({ kind: 'DECIMAL', precision, scale, nullable: true })

export function withNullable(type: LogicalType, nullable: boolean): LogicalType {
  return type.kind === 'NULL' || type.nullable === nullable ? type : { ...type, nullable }
}

export function notNull(type: LogicalType): LogicalType {
  return withNullable(type, false)
}

/** Types whose values are binary strings: bytes, and values made of values. */
export function isBinary({ kind }: LogicalType): boolean {
  return kind === 'BYTES' || isNested(kind)
}

/** Types whose values hold values. */
export function isNested(kind: TypeKind): boolean {
  return kind === 'ARRAY' || kind === 'MAP' || kind === 'MULTISET' || kind === 'ROW'
}

/** True for a TIMESTAMP or TIMESTAMP_LTZ that is counted in nanoseconds. */
export function hasNanos(type: LogicalType): boolean {
  return (type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ') && type.precision > MAX_MILLIS_PRECISION
}

/** The type as Flink's DESCRIBE prints it: `DECIMAL(10, 2) NOT NULL`, `STRING`, ``ROW<`a` INT>``. */
export function typeToString(type: LogicalType): string {
  const suffix = type.nullable ? '' : ' NOT NULL'
  switch (type.kind) {
    case 'DECIMAL':
      return `DECIMAL(${type.precision}, ${type.scale})${suffix}`
    case 'VARCHAR':
      if (type.fixed === true) return `CHAR(${type.length})${suffix}`
      return (type.length === MAX_VARCHAR_LENGTH ? 'STRING' : `VARCHAR(${type.length})`) + suffix
    case 'BYTES':
      if (type.fixed === true) return `BINARY(${type.length ?? 1})${suffix}`
      return (type.length === undefined || type.length === MAX_VARCHAR_LENGTH ? 'BYTES' : `VARBINARY(${type.length})`) + suffix
    case 'TIME':
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return `${type.kind}(${type.precision})${suffix}`
    case 'INTERVAL_MONTHS':
      return `INTERVAL YEAR TO MONTH${suffix}`
    case 'INTERVAL_MILLIS':
      return `INTERVAL DAY TO SECOND(3)${suffix}`
    case 'ARRAY':
    case 'MULTISET':
      return `${type.kind}<${typeToString(type.element)}>${suffix}`
    case 'MAP':
      return `MAP<${typeToString(type.key)}, ${typeToString(type.value)}>${suffix}`
    case 'ROW':
      return `ROW<${type.fields.map(({ name, type: of }) => `\`${name.replaceAll('`', '``')}\` ${typeToString(of)}`).join(', ')}>${suffix}`
    default:
      return type.kind + suffix
  }
}

/** Same type, nullability aside. */
export function sameType(a: LogicalType, b: LogicalType): boolean {
  return a === b || typeToString(withNullable(a, true)) === typeToString(withNullable(b, true))
}
