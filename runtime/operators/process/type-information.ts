/**
 * What elements of a stream are, and so how they lie in columns:
 *
 *   row      a plain object with declared fields: one column per field
 *   atomic   a bare value of a declared type: one column, `$value`
 *   generic  any structured value (objects, arrays, Map, Set, Date, bigint, …): a reference in one column `$value` of type RAW; encoded only where it leaves the thread
 *            or is stored
 *
 * Values in user functions, by declared type: BOOLEAN boolean · INT, DOUBLE number · BIGINT bigint · STRING string · DATE days since
 * 1970-01-01, number · TIMESTAMP and TIMESTAMP_LTZ ms since the epoch, number · DECIMAL exact text, '12.30'. NULL is null.
 *
 * Plain data: a program's bundle has its own copy of this module.
 */
import type { LogicalType } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'

declare const element: unique symbol

export type TypeInformation<T = unknown> = (
  { readonly kind: 'row'; readonly schema: Schema } | { readonly kind: 'atomic'; readonly type: LogicalType } | { readonly kind: 'generic' }
) & { /** Never there: carries T. */ readonly [element]?: T }

/** The element type that a TypeInformation declares. */
export type ElementOf<I> = I extends TypeInformation<infer T> ? T : never
