/**
 * Relational algebra: a query between its text and its operators. Nodes are plain data; expressions are core/graph's, their
 * inputs count the columns of the node's input (a join: left's, then right's).
 */
import type { Expression } from '#core/graph/expression.js'
import type { AggregateCall, SortKey } from '#core/graph/operator-spec.js'
import type { LogicalType, Value } from '#core/types/logical-type.js'
import type { LiteralValue } from '#core/graph/expression.js'
import type { CatalogTable } from '../catalog/catalog.js'

export interface RelationField {
  readonly name: string
  readonly type: LogicalType
  /** True for an event-time attribute: watermarks of the stream speak of this column. */
  readonly rowtime: boolean
}

export interface TumbleWindow {
  readonly kind: 'tumble'
  readonly sizeMs: number
  readonly offsetMs: number
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
/** Fields: the input's, window_start, window_end, window_time. */
export interface WindowTableFunction extends Node<'window-table-function'> {
  readonly input: Relation
  readonly window: TumbleWindow
  readonly timeColumn: number
}
export type WindowProperty = 'window_start' | 'window_end' | 'window_time'
/** Fields: keys, calls, then `emit`. */
export interface WindowAggregate extends Node<'window-aggregate'> {
  readonly input: Relation
  readonly window: TumbleWindow
  readonly timeColumn: number
  readonly keys: readonly number[]
  readonly calls: readonly AggregateCall[]
  readonly emit: readonly WindowProperty[]
}
/** Inner join. `condition` holds all of it before planning; then what the keys do not say. */
export interface Join extends Node<'join'> {
  readonly left: Relation
  readonly right: Relation
  readonly leftKeys: readonly number[]
  readonly rightKeys: readonly number[]
  readonly condition: Expression | null
}
export interface Sort extends Node<'sort'> {
  readonly input: Relation
  readonly keys: readonly SortKey[]
  readonly limit: number | null
  readonly offset: number
}
export interface Union extends Node<'union'> {
  readonly inputs: readonly Relation[]
}

export type Relation =
  Scan | Values | Project | Filter | Calc | Watermark | Aggregate | WindowTableFunction | WindowAggregate | Join | Sort | Union

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
      return { ...relation, inputs }
    default:
      return { ...relation, input: inputs[0] as Relation }
  }
}

/** A value as it stands in an expression tree or a `values` operator. */
export function literalValue(value: Value): LiteralValue {
  return typeof value === 'bigint' ? value.toString() : value
}

/** Field of a projection: a column passed on keeps its time attribute. */
export function projectedField(name: string, expression: Expression, input: readonly RelationField[]): RelationField {
  return { name, type: expression.type, rowtime: expression.kind === 'input' && input[expression.index]?.rowtime === true }
}
