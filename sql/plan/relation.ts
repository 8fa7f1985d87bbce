/**
 * Relational algebra: a query between its text and its operators. Nodes are plain data; expressions are core/graph's, their
 * inputs count the columns of the node's input (a join: left's, then right's).
 */
import type { Expression } from '#core/graph/expression.js'
import type {
  AggregateCall,
  Frame,
  JoinType,
  MatchExpression,
  MatchSkip,
  OverCall,
  PatternVariable,
  SortKey,
  WindowSpec,
} from '#core/graph/operator-spec.js'
import { withNullable, type LogicalType, type Value } from '#core/types/logical-type.js'
import type { LiteralValue } from '#core/graph/expression.js'
import type { CatalogTable } from '../catalog/catalog.js'

export interface RelationField {
  readonly name: string
  readonly type: LogicalType
  /** True for an event-time attribute: watermarks of the stream speak of this column. */
  readonly rowtime: boolean
  /** Of a table's column that is a field of a ROW: the column and the fields on the way to it. */
  readonly path?: readonly string[]
}

interface Node<K extends string> {
  readonly kind: K
  readonly fields: readonly RelationField[]
}

/** Reads physical columns of a table; `columns` index into the table's physical columns. */
export interface Scan extends Node<'scan'> {
  readonly table: CatalogTable
  readonly options: Readonly<Record<string, string>>
  readonly columns: readonly number[]
  readonly bounded: boolean
}
export interface Values extends Node<'values'> {
  readonly rows: readonly (readonly LiteralValue[])[]
}
export interface Project extends Node<'project'> {
  readonly input: Relation
  readonly expressions: readonly Expression[]
}
export interface Filter extends Node<'filter'> {
  readonly input: Relation
  readonly condition: Expression
}
/** A filter and a projection in one, made at the end of planning. */
export interface Calc extends Node<'calc'> {
  readonly input: Relation
  readonly condition: Expression | null
  readonly projection: readonly Expression[]
}
export interface Watermark extends Node<'watermark'> {
  readonly input: Relation
  readonly column: number
  readonly expression: Expression
}
/** Fields: keys, then calls. */
export interface Aggregate extends Node<'aggregate'> {
  readonly input: Relation
  readonly keys: readonly number[]
  readonly calls: readonly AggregateCall[]
}
/** Rows of the same partition until for `gapMs` none has come. `partition`: columns of the input; null: the keys of the groups above. */
export interface SessionWindow {
  readonly kind: 'session'
  readonly gapMs: number
  readonly partition: readonly number[] | null
}
export type Window = WindowSpec | SessionWindow
/** Fields: the input's, window_start, window_end, window_time. */
export interface WindowTableFunction extends Node<'window-table-function'> {
  readonly input: Relation
  readonly window: Window
  readonly timeColumn: number
  readonly processingTime: boolean
}
/**
 * Each row once for every element of one of its columns, an array, map or multiset; `outer`: once also without elements. Fields: the input's columns
 * `kept`, the element (the fields of a ROW, key and value of a map), with `ordinality` its number from 1.
 */
export interface Unnest extends Node<'unnest'> {
  readonly input: Relation
  readonly column: number
  readonly kept: readonly number[]
  readonly outer: boolean
  readonly ordinality: boolean
}
export type WindowProperty = 'window_start' | 'window_end' | 'window_time'
/** Fields: keys, calls, then `emit`. */
export interface WindowAggregate extends Node<'window-aggregate'> {
  readonly input: Relation
  readonly window: Window
  readonly timeColumn: number
  readonly processingTime: boolean
  /** Sessions: a BOOLEAN of rows that count; the others keep their session going only. */
  readonly condition?: number
  readonly keys: readonly number[]
  readonly calls: readonly AggregateCall[]
  readonly emit: readonly WindowProperty[]
}
/** left.time between right.time + lowerMs and right.time + upperMs; of windows: both have the same end. */
export interface JoinTime {
  readonly kind: 'rowtime' | 'window-end' | 'zoned-window-end'
  /** Columns of the sides. */
  readonly left: number
  readonly right: number
  readonly lowerMs: number
  readonly upperMs: number
}
/**
 * `condition` holds all of it before planning; then what the keys do not say. It counts left ++ right columns, also that of a semi or anti
 * join, whose fields are the left's.
 */
export interface Join extends Node<'join'> {
  readonly joinType: JoinType
  readonly left: Relation
  readonly right: Relation
  readonly leftKeys: readonly number[]
  readonly rightKeys: readonly number[]
  readonly condition: Expression | null
  /** A left join whose left rows may have at most one match: a sub-query as a value. Another is an error when it happens. */
  readonly single?: boolean
  /** An interval or window join: rows go with the watermark. Absent: both sides are kept. */
  readonly time?: JoinTime
  /** A lookup join: the right side is a scan, perhaps below a calc, whose rows are there when a left row comes. */
  readonly lookup?: boolean
  /** An event-time temporal join: columns of the sides with the left rows' times and with those from which versions of right rows hold. */
  readonly temporal?: { readonly left: number; readonly right: number }
}
/**
 * Rows numbered within their partition by an order. `limit`: how many are needed; null until a condition says so. Fields: the input's, then with
 * `numbered` the number.
 */
export interface Rank extends Node<'rank'> {
  readonly input: Relation
  readonly partition: readonly number[]
  readonly order: readonly SortKey[]
  readonly limit: number | null
  readonly numbered: boolean
  /** For a temporal join: all rows of the input, each of which was the last of its partition once (read-versions.ts). */
  readonly versions?: true
}
/**
 * Functions over a frame of each row's partition. `time`: what the order is by. `continues`: another window of the same SELECT than its input.
 * Fields: the input's, then one per call.
 */
export interface Over extends Node<'over'> {
  readonly input: Relation
  readonly partition: readonly number[]
  readonly order: readonly SortKey[]
  readonly frame: Frame
  readonly calls: readonly OverCall[]
  readonly time: 'rowtime' | 'processing-time' | null
  readonly continues: boolean
}
/** MATCH_RECOGNIZE. Fields: the partition's columns, then the measures; columns of all expressions are their `inputs`. */
export interface Match extends Node<'match'> {
  readonly input: Relation
  readonly partition: readonly number[]
  readonly timeColumn: number
  readonly processingTime: boolean
  /** Behind time. */
  readonly order: readonly SortKey[]
  readonly pattern: readonly PatternVariable[]
  readonly skip: MatchSkip
  readonly withinMs?: number
  readonly measures: readonly MatchExpression[]
}
/** What each row is to its stream, as a column in front of the input's. `codes`: by RowKind; null: such rows are left out. */
export interface ToChangelog extends Node<'to-changelog'> {
  readonly input: Relation
  readonly codes: readonly (string | null)[]
}
/** Rows that are to their stream what `column` says, which is not among the fields. */
export interface FromChangelog extends Node<'from-changelog'> {
  readonly input: Relation
  readonly column: number
  readonly kinds: readonly { readonly code: string; readonly kind: number }[]
}
export interface Sort extends Node<'sort'> {
  readonly input: Relation
  readonly keys: readonly SortKey[]
  readonly limit: number | null
  readonly offset: number
}
/** Rows that both inputs have, or only the first. */
export interface SetOperation extends Node<'set-operation'> {
  readonly operator: 'intersect' | 'except'
  readonly all: boolean
  readonly inputs: readonly Relation[]
}
export interface Union extends Node<'union'> {
  readonly inputs: readonly Relation[]
}

export type Relation =
  | Scan
  | Values
  | Project
  | Filter
  | Calc
  | Watermark
  | Aggregate
  | WindowTableFunction
  | Unnest
  | WindowAggregate
  | Join
  | Rank
  | Match
  | Over
  | ToChangelog
  | FromChangelog
  | Sort
  | Union
  | SetOperation

/** A query with a place to go: a table, or the client. */
export interface Sink {
  readonly kind: 'sink'
  readonly input: Relation
  readonly table: CatalogTable
  readonly options: Readonly<Record<string, string>>
}
export interface Collect {
  readonly kind: 'collect'
  readonly input: Relation
}
export type Root = Sink | Collect

export function inputsOf(relation: Relation): readonly Relation[] {
  switch (relation.kind) {
    case 'scan':
    case 'values':
      return []
    case 'join':
      return [relation.left, relation.right]
    case 'union':
    case 'set-operation':
      return relation.inputs
    default:
      return [relation.input]
  }
}

/** The same node over other inputs; the node itself when they are the same. */
export function withInputs(relation: Relation, inputs: readonly Relation[]): Relation {
  if (inputsOf(relation).every((input, i) => input === inputs[i])) return relation
  switch (relation.kind) {
    case 'scan':
    case 'values':
      return relation
    case 'join':
      return { ...relation, left: inputs[0] as Relation, right: inputs[1] as Relation }
    case 'union':
    case 'set-operation':
      return { ...relation, inputs }
    default:
      return { ...relation, input: inputs[0] as Relation }
  }
}

/**
 * Fields of a join. A regular join keeps rows for as long as it likes, so event time ends there (Flink materialises the attribute, too). It
 * goes on where `time` bounds how long rows are kept and where none are (`lookup`), except in a side that may be missing, and with the left
 * rows of a temporal join, which come out in its order.
 */
export function joinFields(
  joinType: JoinType,
  left: readonly RelationField[],
  right: readonly RelationField[],
  { time, lookup, temporal }: Pick<Join, 'time' | 'lookup' | 'temporal'> = {},
): RelationField[] {
  const regular = (fields: readonly RelationField[], padded: boolean): RelationField[] =>
    fields.map((field) => ({
      ...field,
      type: padded ? withNullable(field.type, true) : field.type,
      rowtime: field.rowtime && (time !== undefined || lookup === true) && !padded,
    }))
  if (joinType === 'semi' || joinType === 'anti') return regular(left, false)
  if (temporal !== undefined) return [...left, ...regular(right, joinType === 'left')]
  return [...regular(left, joinType === 'right' || joinType === 'full'), ...regular(right, joinType === 'left' || joinType === 'full')]
}

/** True where the right side's columns come out, too. */
export function hasRightColumns({ joinType }: Join): boolean {
  return joinType !== 'semi' && joinType !== 'anti'
}

/** A value as it stands in an expression tree or a `values` operator. */
export function literalValue(value: Value): LiteralValue {
  return typeof value === 'bigint' ? value.toString() : value
}

/** Field of a projection: a column passed on keeps its time attribute. */
export function projectedField(name: string, expression: Expression, input: readonly RelationField[]): RelationField {
  return { name, type: expression.type, rowtime: expression.kind === 'input' && input[expression.index]?.rowtime === true }
}
