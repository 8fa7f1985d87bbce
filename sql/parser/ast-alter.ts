/** Syntax of ALTER: frozen plain objects with a `kind` and the place where they begin. */
import type { ExpressionNode } from './ast-expression.js'
import type { Query } from './ast-query.js'
import type {
  ColumnDefinition,
  DistributionDefinition,
  PartitionSpec,
  PrimaryKeyDefinition,
  PropertyNode,
  WatermarkDefinition,
} from './ast-statement.js'
import type { Position } from './source-text.js'
import type { Name } from './token-stream.js'

interface Node<K extends string> {
  readonly kind: K
  readonly at: Position
}

/** `FIRST`, `AFTER b`; null: at the end, or where the column is. */
export type ColumnPlace = { readonly kind: 'first' } | { readonly kind: 'after'; readonly column: Name } | null

/** What ADD and MODIFY hold. */
export interface SchemaChange {
  readonly columns: readonly { readonly column: ColumnDefinition; readonly place: ColumnPlace }[]
  readonly watermarks: readonly WatermarkDefinition[]
  readonly primaryKey: PrimaryKeyDefinition | null
  readonly distribution: DistributionDefinition | null
}

/** A key between quotes. */
export interface KeyNode {
  readonly key: string
  readonly at: Position
}

export type TableChange =
  | { readonly kind: 'rename'; readonly to: readonly Name[] }
  | { readonly kind: 'set-options'; readonly options: readonly PropertyNode[] }
  | { readonly kind: 'reset-options'; readonly keys: readonly KeyNode[] }
  | { readonly kind: 'add'; readonly change: SchemaChange }
  | { readonly kind: 'modify'; readonly change: SchemaChange }
  | { readonly kind: 'rename-column'; readonly column: readonly Name[]; readonly to: Name }
  | { readonly kind: 'drop-columns'; readonly columns: readonly Name[] }
  | { readonly kind: 'drop-primary-key' }
  | { readonly kind: 'drop-constraint'; readonly name: Name }
  | { readonly kind: 'drop-watermark' }
  | { readonly kind: 'drop-distribution' }
  | {
      readonly kind: 'add-partitions' | 'drop-partitions'
      /** IF NOT EXISTS of ADD, IF EXISTS of DROP. */
      readonly lenient: boolean
      readonly partitions: readonly { readonly spec: PartitionSpec; readonly options: readonly PropertyNode[] }[]
    }

export interface AlterTable extends Node<'alter-table'> {
  readonly ifExists: boolean
  readonly name: readonly Name[]
  readonly change: TableChange
}
export interface AlterView extends Node<'alter-view'> {
  readonly ifExists: boolean
  readonly name: readonly Name[]
  readonly change:
    { readonly kind: 'rename'; readonly to: readonly Name[] } | { readonly kind: 'query'; readonly query: Query; readonly text: string }
}
export interface AlterDatabase extends Node<'alter-database'> {
  readonly name: readonly Name[]
  readonly change:
    | { readonly kind: 'set-options'; readonly options: readonly PropertyNode[] }
    | { readonly kind: 'reset-options'; readonly keys: readonly KeyNode[] }
}
export interface AlterCatalog extends Node<'alter-catalog'> {
  readonly name: Name
  readonly change:
    | { readonly kind: 'set-options'; readonly options: readonly PropertyNode[] }
    | { readonly kind: 'reset-options'; readonly keys: readonly KeyNode[] }
    | { readonly kind: 'comment'; readonly comment: string }
}
export interface AlterFunction extends Node<'alter-function'> {
  readonly temporary: boolean
  readonly system: boolean
  readonly ifExists: boolean
  readonly name: readonly Name[]
  readonly implementation: { readonly text: string; readonly at: Position }
  readonly language: Name | null
}
export interface AlterModel extends Node<'alter-model'> {
  readonly ifExists: boolean
  readonly name: readonly Name[]
  readonly change:
    | { readonly kind: 'rename'; readonly to: readonly Name[] }
    | { readonly kind: 'set-options'; readonly options: readonly PropertyNode[] }
    | { readonly kind: 'reset-options'; readonly keys: readonly KeyNode[] }
}
export interface AlterMaterializedTable extends Node<'alter-materialized-table'> {
  readonly name: readonly Name[]
  readonly change:
    | { readonly kind: 'suspend' | 'resume' | 'refresh' }
    | { readonly kind: 'query'; readonly query: Query; readonly text: string }
    | { readonly kind: 'freshness'; readonly freshness: ExpressionNode }
}

export type AlterStatement = AlterTable | AlterView | AlterDatabase | AlterCatalog | AlterFunction | AlterModel | AlterMaterializedTable
