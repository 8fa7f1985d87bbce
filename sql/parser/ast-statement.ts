/** Syntax of statements: frozen plain objects with a `kind` and the place where they begin. */
import type { ExpressionNode } from './ast-expression.js'
import type { Query } from './ast-query.js'
import type { TypeNode } from './ast-type.js'
import type { Position } from './source-text.js'
import type { Name } from './token-stream.js'

interface Node<K extends string> {
  readonly kind: K
  readonly at: Position
}

/** A key or value of WITH, SET: its text and place. */
export interface PropertyNode {
  readonly key: string
  readonly value: string
  readonly at: Position
}

export type ColumnDefinition =
  | {
      readonly kind: 'physical'
      readonly name: Name
      readonly type: TypeNode
      readonly primaryKey: boolean
      readonly comment: string | null
    }
  | {
      readonly kind: 'computed'
      readonly name: Name
      readonly expression: ExpressionNode
      readonly text: string
      readonly comment: string | null
    }
  | {
      readonly kind: 'metadata'
      readonly name: Name
      readonly type: TypeNode
      readonly from: string | null
      readonly virtual: boolean
      readonly comment: string | null
    }

export interface WatermarkDefinition {
  readonly at: Position
  readonly column: readonly Name[]
  readonly expression: ExpressionNode
  readonly text: string
}

export interface PrimaryKeyDefinition {
  readonly at: Position
  readonly columns: readonly Name[]
  readonly enforced: boolean
}

export interface CreateTable extends Node<'create-table'> {
  readonly temporary: boolean
  readonly ifNotExists: boolean
  readonly name: readonly Name[]
  readonly columns: readonly ColumnDefinition[]
  readonly watermarks: readonly WatermarkDefinition[]
  readonly primaryKey: PrimaryKeyDefinition | null
  readonly comment: string | null
  readonly partitionedBy: readonly Name[]
  readonly options: readonly PropertyNode[]
}
export interface CreateView extends Node<'create-view'> {
  readonly temporary: boolean
  readonly ifNotExists: boolean
  readonly name: readonly Name[]
  readonly columns: readonly Name[] | null
  readonly comment: string | null
  readonly query: Query
  /** The query as written. */
  readonly text: string
}
export interface Drop extends Node<'drop'> {
  readonly object: 'TABLE' | 'VIEW'
  readonly temporary: boolean
  readonly ifExists: boolean
  readonly name: readonly Name[]
}
export interface Insert extends Node<'insert'> {
  readonly overwrite: boolean
  readonly table: readonly Name[]
  readonly columns: readonly Name[] | null
  readonly query: Query
}
/** EXECUTE STATEMENT SET BEGIN … END */
export interface StatementSet extends Node<'statement-set'> {
  readonly inserts: readonly Insert[]
}
/** BEGIN STATEMENT SET; the INSERTs are statements of their own until END. */
export type BeginStatementSet = Node<'begin-statement-set'>
export type EndStatementSet = Node<'end-statement-set'>
export interface Select extends Node<'select-statement'> {
  readonly query: Query
}
/** `key` null: all of them. */
export interface SetStatement extends Node<'set'> {
  readonly property: PropertyNode | null
}
export interface Reset extends Node<'reset'> {
  readonly key: string | null
}
export interface Show extends Node<'show'> {
  readonly object: 'TABLES' | 'VIEWS'
  readonly pattern: { readonly text: string; readonly operator: 'LIKE' | 'ILIKE'; readonly negated: boolean } | null
}
export interface Describe extends Node<'describe'> {
  readonly name: readonly Name[]
}
export interface Explain extends Node<'explain'> {
  readonly details: readonly string[]
  readonly statement: Insert | Select | StatementSet
}

export type Statement =
  | CreateTable
  | CreateView
  | Drop
  | Insert
  | StatementSet
  | BeginStatementSet
  | EndStatementSet
  | Select
  | SetStatement
  | Reset
  | Show
  | Describe
  | Explain

/** A statement and its extent in the source, without the `;`. */
export interface ScriptStatement {
  readonly statement: Statement
  readonly start: Position
  readonly end: number
}
