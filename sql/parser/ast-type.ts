/** Syntax of data types, as written: `VARCHAR(10) NOT NULL`, `ROW<a INT, b ARRAY<STRING>>`. */
import type { Position } from './source-text.js'
import type { Name } from './token-stream.js'

export interface TypeNode {
  readonly kind: 'type'
  readonly at: Position
  /** Upper case, one name for all its spellings: INT for INTEGER, TIMESTAMP_LTZ for TIMESTAMP WITH LOCAL TIME ZONE. */
  readonly name: string
  /** Length, or precision and scale. */
  readonly parameters: readonly number[]
  /** ARRAY, MULTISET: one; MAP: key and value. */
  readonly elements: readonly TypeNode[]
  /** Of ROW. */
  readonly fields: readonly { readonly name: Name; readonly type: TypeNode }[]
  readonly nullable: boolean
}
