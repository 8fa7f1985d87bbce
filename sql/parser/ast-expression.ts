/** Syntax of expressions: frozen plain objects with a `kind` and the place where they begin. */
import type { Query } from './ast-query.js'
import type { TypeNode } from './ast-type.js'
import type { Position } from './source-text.js'
import type { Name } from './token-stream.js'

export type BinaryOperator = 'OR' | 'AND' | '=' | '<>' | '<' | '<=' | '>' | '>=' | '+' | '-' | '*' | '/' | '%' | '||'
export type Truth = 'NULL' | 'TRUE' | 'FALSE' | 'UNKNOWN'

interface Node<K extends string> {
  readonly kind: K
  readonly at: Position
}

/** `a`, `t.a`, `t.r.f` */
export interface ColumnNode extends Node<'column'> {
  readonly path: readonly Name[]
}
/** `*`, `t.*` */
export interface StarNode extends Node<'star'> {
  readonly qualifier: readonly Name[]
}
/** `text` as written: `12`, `1.50`, `1e3` */
export interface NumberNode extends Node<'number'> {
  readonly text: string
}
export interface StringNode extends Node<'string'> {
  readonly value: string
}
export interface BinaryStringNode extends Node<'binary-string'> {
  readonly hex: string
}
export interface BooleanNode extends Node<'boolean'> {
  readonly value: boolean
}
export type NullNode = Node<'null'>
/** DATE '…', TIME '…', TIMESTAMP '…' */
export interface TemporalNode extends Node<'temporal'> {
  readonly type: 'DATE' | 'TIME' | 'TIMESTAMP'
  readonly text: string
}
/** INTERVAL '5' SECOND, INTERVAL '1 10:00' DAY TO MINUTE */
export interface IntervalNode extends Node<'interval'> {
  readonly negative: boolean
  readonly text: string
  readonly from: string
  readonly to: string | null
}
export interface UnaryNode extends Node<'unary'> {
  readonly operator: '+' | '-' | 'NOT'
  readonly arg: ExpressionNode
}
export interface BinaryNode extends Node<'binary'> {
  readonly operator: BinaryOperator
  readonly left: ExpressionNode
  readonly right: ExpressionNode
}
export interface IsNode extends Node<'is'> {
  readonly arg: ExpressionNode
  readonly truth: Truth
  readonly negated: boolean
}
export interface DistinctFromNode extends Node<'distinct-from'> {
  readonly left: ExpressionNode
  readonly right: ExpressionNode
  readonly negated: boolean
}
export interface BetweenNode extends Node<'between'> {
  readonly arg: ExpressionNode
  readonly low: ExpressionNode
  readonly high: ExpressionNode
  readonly negated: boolean
  readonly symmetric: boolean
}
export interface InListNode extends Node<'in-list'> {
  readonly arg: ExpressionNode
  readonly list: readonly ExpressionNode[]
  readonly negated: boolean
}
export interface InQueryNode extends Node<'in-query'> {
  readonly arg: ExpressionNode
  readonly query: Query
  readonly negated: boolean
}
export interface LikeNode extends Node<'like'> {
  readonly operator: 'LIKE' | 'SIMILAR TO'
  readonly arg: ExpressionNode
  readonly pattern: ExpressionNode
  readonly escape: ExpressionNode | null
  readonly negated: boolean
}
export interface ExistsNode extends Node<'exists'> {
  readonly query: Query
}
export interface ScalarQueryNode extends Node<'scalar-query'> {
  readonly query: Query
}
export interface CaseNode extends Node<'case'> {
  readonly operand: ExpressionNode | null
  readonly branches: readonly { readonly when: ExpressionNode; readonly then: ExpressionNode }[]
  readonly otherwise: ExpressionNode | null
}
export interface CastNode extends Node<'cast'> {
  readonly arg: ExpressionNode
  readonly type: TypeNode
  /** TRY_CAST */
  readonly safe: boolean
}
/**
 * A function call. The special forms of standard SQL become calls too: `SUBSTRING(x FROM a FOR b)` is SUBSTRING(x, a, b),
 * `POSITION(a IN b)` is POSITION(a, b), `TRIM(BOTH c FROM x)` is TRIM with a 'symbol' BOTH, c and x, `EXTRACT(YEAR FROM x)` is
 * EXTRACT with a 'symbol' YEAR and x, `FLOOR(x TO DAY)` is FLOOR with x and a 'symbol' DAY.
 */
export interface CallNode extends Node<'call'> {
  readonly name: readonly Name[]
  readonly args: readonly ExpressionNode[]
  /** `COUNT(*)` */
  readonly star: boolean
  readonly distinct: boolean
  readonly filter: ExpressionNode | null
  readonly over: WindowNode | Name | null
  /** WITHIN GROUP (ORDER BY …); empty: none. */
  readonly withinGroup: readonly SortItemNode[]
  /** IGNORE NULLS, RESPECT NULLS */
  readonly nulls: 'IGNORE' | 'RESPECT' | null
}
/** What a JSON function does `ON EMPTY` or `ON ERROR`. */
export type JsonBehavior =
  | { readonly kind: 'NULL' | 'ERROR' | 'TRUE' | 'FALSE' | 'UNKNOWN' | 'EMPTY ARRAY' | 'EMPTY OBJECT' }
  | { readonly kind: 'DEFAULT'; readonly value: ExpressionNode }
/** JSON_VALUE, JSON_QUERY, JSON_EXISTS, JSON_OBJECT, JSON_ARRAY, JSON_OBJECTAGG, JSON_ARRAYAGG: calls with clauses between their arguments. */
export interface JsonCallNode extends Node<'json-call'> {
  readonly name: string
  /** Values; of JSON_OBJECT and JSON_OBJECTAGG key, value, key, value, … */
  readonly args: readonly ExpressionNode[]
  readonly returning: TypeNode | null
  /** Of JSON_QUERY. */
  readonly wrapper: 'WITHOUT' | 'UNCONDITIONAL' | 'CONDITIONAL' | null
  readonly onEmpty: JsonBehavior | null
  readonly onError: JsonBehavior | null
  /** Of the constructors; null: as the function has it. */
  readonly onNull: 'NULL' | 'ABSENT' | null
  readonly filter: ExpressionNode | null
}
/** `x IS [NOT] JSON [VALUE | OBJECT | ARRAY | SCALAR]` */
export interface IsJsonNode extends Node<'is-json'> {
  readonly arg: ExpressionNode
  readonly type: 'VALUE' | 'OBJECT' | 'ARRAY' | 'SCALAR'
  readonly negated: boolean
}
/** `x = ANY (…)`, `x > ALL (…)`; SOME is ANY. */
export interface QuantifiedNode extends Node<'quantified'> {
  readonly operator: '=' | '<>' | '<' | '<=' | '>' | '>='
  readonly quantifier: 'ANY' | 'ALL'
  readonly arg: ExpressionNode
  readonly of: Query | readonly ExpressionNode[]
}
/** `MODEL m` as an argument. */
export interface ModelArgumentNode extends Node<'model-argument'> {
  readonly model: readonly Name[]
}
/** `(a, b) OVERLAPS (c, d)` */
export interface OverlapsNode extends Node<'overlaps'> {
  readonly left: ExpressionNode
  readonly right: ExpressionNode
}
/** A keyword as an argument: a time unit, BOTH, LEADING, TRAILING. */
export interface SymbolNode extends Node<'symbol'> {
  readonly name: string
}
/** `name => value` */
export interface NamedArgumentNode extends Node<'named-argument'> {
  readonly name: Name
  readonly value: ExpressionNode
}
/** `ROW(a, b)` and `(a, b)` */
export interface RowNode extends Node<'row'> {
  readonly items: readonly ExpressionNode[]
}
/** `ARRAY[a, b]`, `MAP['k', v]` */
export interface CollectionNode extends Node<'collection'> {
  readonly type: 'ARRAY' | 'MAP' | 'MULTISET'
  readonly items: readonly ExpressionNode[]
}
/** `a[i]` */
export interface ElementNode extends Node<'element'> {
  readonly arg: ExpressionNode
  readonly index: ExpressionNode
}
/** `(r).f` */
export interface FieldNode extends Node<'field'> {
  readonly arg: ExpressionNode
  readonly name: Name
}
export interface AtTimeZoneNode extends Node<'at-time-zone'> {
  readonly arg: ExpressionNode
  readonly zone: ExpressionNode
}
/** `DESCRIPTOR(a, b)`: columns, not values. */
export interface DescriptorNode extends Node<'descriptor'> {
  readonly columns: readonly Name[]
}
/** `TABLE t [PARTITION BY a] [ORDER BY b]` as an argument. */
export interface TableArgumentNode extends Node<'table-argument'> {
  readonly table: readonly Name[]
  readonly partitionBy: readonly ExpressionNode[]
  readonly orderBy: readonly SortItemNode[]
}

/** `[PARTITION BY …] [ORDER BY …] [ROWS|RANGE BETWEEN … AND …]` */
export interface WindowNode extends Node<'window'> {
  readonly partitionBy: readonly ExpressionNode[]
  readonly orderBy: readonly SortItemNode[]
  readonly frame: { readonly unit: 'ROWS' | 'RANGE'; readonly start: FrameBound; readonly end: FrameBound | null } | null
}
export interface FrameBound {
  readonly kind: 'PRECEDING' | 'FOLLOWING' | 'CURRENT ROW'
  /** null: UNBOUNDED */
  readonly distance: ExpressionNode | null
}

/** An item of ORDER BY. `nullsFirst` null: as the database has it. */
export interface SortItemNode extends Node<'sort-item'> {
  readonly expression: ExpressionNode
  readonly ascending: boolean
  readonly nullsFirst: boolean | null
}

export type ExpressionNode =
  | ColumnNode
  | StarNode
  | NumberNode
  | StringNode
  | BinaryStringNode
  | BooleanNode
  | NullNode
  | TemporalNode
  | IntervalNode
  | UnaryNode
  | BinaryNode
  | IsNode
  | DistinctFromNode
  | BetweenNode
  | InListNode
  | InQueryNode
  | LikeNode
  | ExistsNode
  | ScalarQueryNode
  | CaseNode
  | CastNode
  | CallNode
  | SymbolNode
  | NamedArgumentNode
  | RowNode
  | CollectionNode
  | ElementNode
  | FieldNode
  | AtTimeZoneNode
  | DescriptorNode
  | TableArgumentNode
  | ModelArgumentNode
  | JsonCallNode
  | IsJsonNode
  | QuantifiedNode
  | OverlapsNode
