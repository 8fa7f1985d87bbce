/**
 * Columns. Every kind holds its values in typed arrays over any ArrayBuffer (later: a slot's arena); row i of a column is
 * position i in them. NULL: bit i of `nulls` is set (least significant bit first); `nulls` is absent when no row is NULL, and
 * the value at a NULL position means nothing.
 */
import { hasNanos, MAX_COMPACT_DECIMAL_PRECISION, type LogicalType } from '#core/types/logical-type.js'

interface VectorBase {
  readonly type: LogicalType
  readonly nulls: Uint8Array | undefined
}
/** BOOLEAN: 0 or 1. */
export interface BooleanVector extends VectorBase {
  readonly kind: 'boolean'
  readonly values: Uint8Array
}
/** TINYINT, SMALLINT, INT, DATE (days since 1970-01-01), TIME (ms since midnight), INTERVAL YEAR TO MONTH (months). */
export interface Int32Vector extends VectorBase {
  readonly kind: 'int32'
  readonly values: Int32Array
}
/** BIGINT, TIMESTAMP and TIMESTAMP_LTZ (ms), INTERVAL DAY TO SECOND (ms), DECIMAL of at most 18 digits (unscaled). */
export interface Int64Vector extends VectorBase {
  readonly kind: 'int64'
  readonly values: BigInt64Array
}
export interface Float64Vector extends VectorBase {
  readonly kind: 'float64'
  readonly values: Float64Array
}
/** DECIMAL of more than 18 digits (unscaled), TIMESTAMP and TIMESTAMP_LTZ finer than a ms (ns): lanes 2i (low 64 bits) and 2i+1 (high 64 bits, signed). */
export interface Decimal128Vector extends VectorBase {
  readonly kind: 'decimal128'
  readonly lanes: BigInt64Array
}
/** VARCHAR (UTF-8), BYTES (any), ARRAY, MAP, MULTISET and ROW (nested-value.ts): row i is bytes[offsets[i], offsets[i] + lengths[i]). Rows may share and skip bytes. */
export interface Utf8Vector extends VectorBase {
  readonly kind: 'utf8'
  readonly offsets: Int32Array
  readonly lengths: Int32Array
  readonly bytes: Uint8Array
}

/** RAW: any JavaScript values, shared with whoever made them; null and undefined are values, `nulls` is absent. As bytes: object-codec.ts. */
export interface ObjectVector extends VectorBase {
  readonly kind: 'object'
  readonly values: readonly unknown[]
}

export type Vector = BooleanVector | Int32Vector | Int64Vector | Float64Vector | Decimal128Vector | Utf8Vector | ObjectVector
export type VectorKind = Vector['kind']

/** A NULL-typed column (a bare NULL literal) is a boolean vector whose rows are all NULL. */
export function vectorKind(type: LogicalType): VectorKind {
  switch (type.kind) {
    case 'NULL':
    case 'BOOLEAN':
      return 'boolean'
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
    case 'DATE':
    case 'TIME':
    case 'INTERVAL_MONTHS':
      return 'int32'
    case 'BIGINT':
    case 'INTERVAL_MILLIS':
      return 'int64'
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return hasNanos(type) ? 'decimal128' : 'int64'
    case 'FLOAT':
    case 'DOUBLE':
      return 'float64'
    case 'DECIMAL':
      return type.precision <= MAX_COMPACT_DECIMAL_PRECISION ? 'int64' : 'decimal128'
    case 'VARCHAR':
    case 'VARIANT':
    case 'BYTES':
    case 'ARRAY':
    case 'MAP':
    case 'MULTISET':
    case 'ROW':
      return 'utf8'
    case 'RAW':
      return 'object'
  }
}

export function isNull(vector: Vector, row: number): boolean {
  return vector.nulls !== undefined && ((vector.nulls[row >> 3] ?? 0) & (1 << (row & 7))) !== 0
}
