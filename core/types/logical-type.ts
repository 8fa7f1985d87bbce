/**
 * SQL's logical types, as Flink names them, and their physical form in columns:
 *
 * | logical type                       | column lane                        | JavaScript value                     |
 * | BOOLEAN                            | Uint8Array, 0 or 1                 | boolean                              |
 * | TINYINT, SMALLINT, INT             | Int32Array                         | number                               |
 * | DATE                               | Int32Array, days since 1970-01-01  | number                               |
 * | BIGINT                             | BigInt64Array                      | bigint                               |
 * | TIMESTAMP(p), TIMESTAMP_LTZ(p)     | BigInt64Array, ms since the epoch  | bigint                               |
 * | FLOAT (nearest of 32 bits), DOUBLE | Float64Array                       | number                               |
 * | DECIMAL(p,s), p <= 18              | BigInt64Array, value * 10^s        | bigint (unscaled)                    |
 * | DECIMAL(p,s), p > 18               | BigInt64Array, two lanes lo, hi    | bigint (unscaled)                    |
 * | VARCHAR(n) (STRING: n = 2^31-1)    | offsets, lengths, UTF-8 bytes      | string                               |
 * | NULL (type of a bare NULL literal) | none                               | null                                 |
 * | RAW (DataStream elements)          | references; codec bytes on the wire| anything the element codec knows     |
 * | BYTES (internal: keys, state)      | offsets, lengths, bytes            | none: read from the column           |
 *
 * SQL NULL is `null` in JavaScript. A TIMESTAMP (without zone) counts as if it were UTC.
 */
import * as z from '../zod.js'

export const MAX_VARCHAR_LENGTH = 2_147_483_647
export const MAX_DECIMAL_PRECISION = 38
/** Widest DECIMAL that lives in one int64 lane. */
export const MAX_COMPACT_DECIMAL_PRECISION = 18

export const LogicalTypeSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('BOOLEAN'), nullable: z.boolean() }),
  z.object({ kind: z.literal('TINYINT'), nullable: z.boolean() }),
  z.object({ kind: z.literal('SMALLINT'), nullable: z.boolean() }),
  z.object({ kind: z.literal('INT'), nullable: z.boolean() }),
  z.object({ kind: z.literal('BIGINT'), nullable: z.boolean() }),
  z.object({ kind: z.literal('FLOAT'), nullable: z.boolean() }),
  z.object({ kind: z.literal('DOUBLE'), nullable: z.boolean() }),
  z.object({ kind: z.literal('DECIMAL'), precision: z.int().min(1).max(38), scale: z.int().min(0).max(38), nullable: z.boolean() }),
  z.object({ kind: z.literal('VARCHAR'), length: z.int().min(1), nullable: z.boolean() }),
  z.object({ kind: z.literal('DATE'), nullable: z.boolean() }),
  z.object({ kind: z.literal('TIMESTAMP'), precision: z.int().min(0).max(9), nullable: z.boolean() }),
  z.object({ kind: z.literal('TIMESTAMP_LTZ'), precision: z.int().min(0).max(9), nullable: z.boolean() }),
  z.object({ kind: z.literal('NULL'), nullable: z.literal(true) }),
  z.object({ kind: z.literal('RAW'), nullable: z.boolean() }),
  z.object({ kind: z.literal('BYTES'), nullable: z.boolean() }),
])

export type LogicalType = z.infer<typeof LogicalTypeSchema>
export type TypeKind = LogicalType['kind']
/** A value of any logical type as JavaScript sees it (table above), RAW and BYTES aside. */
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
export const timestamp = (precision = 3): LogicalType => ({ kind: 'TIMESTAMP', precision, nullable: true })
export const timestampLtz = (precision = 3): LogicalType => ({ kind: 'TIMESTAMP_LTZ', precision, nullable: true })
export const decimal = (precision: number, scale: number): LogicalType => ({ kind: 'DECIMAL', precision, scale, nullable: true })

export function withNullable(type: LogicalType, nullable: boolean): LogicalType {
  return type.kind === 'NULL' || type.nullable === nullable ? type : { ...type, nullable }
}

export function notNull(type: LogicalType): LogicalType {
  return withNullable(type, false)
}

/** The type as Flink's DESCRIBE prints it: `DECIMAL(10, 2) NOT NULL`, `STRING`. */
export function typeToString(type: LogicalType): string {
  const suffix = type.nullable ? '' : ' NOT NULL'
  switch (type.kind) {
    case 'DECIMAL':
      return `DECIMAL(${type.precision}, ${type.scale})${suffix}`
    case 'VARCHAR':
      return (type.length === MAX_VARCHAR_LENGTH ? 'STRING' : `VARCHAR(${type.length})`) + suffix
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return `${type.kind}(${type.precision})${suffix}`
    default:
      return type.kind + suffix
  }
}

/** Same type, nullability aside. */
export function sameType(a: LogicalType, b: LogicalType): boolean {
  return typeToString(withNullable(a, true)) === typeToString(withNullable(b, true))
}
