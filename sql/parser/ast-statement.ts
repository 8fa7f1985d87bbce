/** Syntax of statements: frozen plain objects with a `kind` and the place where they begin. */
import type { Query } from './ast-query.js'
import type { TypeNode } from './ast-type.js'
import type { AlterStatement } from './ast-alter.js'
import type { CallNode, ExpressionNode } from './ast-expression.js'
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
  /** A bare name, in CREATE TABLE … AS SELECT only: says where a column of the query stands. */
  | { readonly kind: 'named'; readonly name: Name }

export interface WatermarkDefinition {
  readonly at: Position
  readonly column: readonly Name[]
  readonly expression: ExpressionNode
  readonly text: string
}

export interface PrimaryKeyDefinition {
  readonly at: Position
  /** CONSTRAINT name; null: none was given. */
  readonly constraint: string | null
  readonly columns: readonly Name[]
  readonly enforced: boolean
}

/** DISTRIBUTED BY HASH (a) INTO 4 BUCKETS */
export interface DistributionDefinition {
  readonly at: Position
  /** null: the connector decides. */
  readonly strategy: 'HASH' | 'RANGE' | null
  readonly columns: readonly Name[]
  readonly buckets: number | null
}

/** LIKE t (INCLUDING ALL …) */
export interface LikeClause {
  readonly at: Position
  readonly table: readonly Name[]
  readonly options: readonly { readonly at: Position; readonly merge: LikeMerge; readonly feature: LikeFeature }[]
}
export type LikeMerge = 'INCLUDING' | 'EXCLUDING' | 'OVERWRITING'
export type LikeFeature = 'ALL' | 'CONSTRAINTS' | 'DISTRIBUTION' | 'GENERATED' | 'METADATA' | 'OPTIONS' | 'PARTITIONS' | 'WATERMARKS'

export interface CreateTable extends Node<'create-table'> {
  /** The words that replace a table that is there already. */
  readonly replace: 'REPLACE' | 'CREATE OR REPLACE' | null
  readonly temporary: boolean
  readonly ifNotExists: boolean
  readonly name: readonly Name[]
  readonly columns: readonly ColumnDefinition[]
  readonly watermarks: readonly WatermarkDefinition[]
  readonly primaryKey: PrimaryKeyDefinition | null
  readonly comment: string | null
  readonly distribution: DistributionDefinition | null
  readonly partitionedBy: readonly Name[]
  readonly options: readonly PropertyNode[]
  readonly like: LikeClause | null
  /** AS SELECT */
  readonly query: Query | null
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
export interface CreateCatalog extends Node<'create-catalog'> {
  readonly ifNotExists: boolean
  readonly name: Name
  readonly comment: string | null
  readonly options: readonly PropertyNode[]
}
export interface CreateDatabase extends Node<'create-database'> {
  readonly ifNotExists: boolean
  readonly name: readonly Name[]
  readonly comment: string | null
  readonly options: readonly PropertyNode[]
}
export interface CreateFunction extends Node<'create-function'> {
  readonly temporary: boolean
  readonly system: boolean
  readonly ifNotExists: boolean
  readonly name: readonly Name[]
  /** `class.name`, or `module#export`. */
  readonly implementation: { readonly text: string; readonly at: Position }
  readonly language: Name | null
  /** USING JAR '…', JAR '…' */
  readonly resources: readonly { readonly kind: string; readonly path: string; readonly at: Position }[]
  readonly options: readonly PropertyNode[]
}
export interface CreateModel extends Node<'create-model'> {
  readonly temporary: boolean
  readonly ifNotExists: boolean
  readonly name: readonly Name[]
  readonly input: readonly ColumnDefinition[]
  readonly output: readonly ColumnDefinition[]
  readonly comment: string | null
  readonly options: readonly PropertyNode[]
}
export interface CreateMaterializedTable extends Node<'create-materialized-table'> {
  readonly name: readonly Name[]
  readonly partitionedBy: readonly Name[]
  readonly comment: string | null
  readonly options: readonly PropertyNode[]
  readonly freshness: ExpressionNode | null
  readonly refreshMode: 'FULL' | 'CONTINUOUS' | null
  readonly query: Query
}
export interface Drop extends Node<'drop'> {
  readonly object: 'TABLE' | 'VIEW'
  readonly temporary: boolean
  readonly ifExists: boolean
  readonly name: readonly Name[]
}
/** DROP of anything else. */
export interface DropObject extends Node<'drop-object'> {
  readonly object: 'CATALOG' | 'DATABASE' | 'FUNCTION' | 'MODEL' | 'MATERIALIZED TABLE'
  readonly temporary: boolean
  readonly system: boolean
  readonly ifExists: boolean
  readonly name: readonly Name[]
  /** Of a database. */
  readonly behavior: 'RESTRICT' | 'CASCADE' | null
}
/** PARTITION (a = 1, b): a key without a value is null. */
export type PartitionSpec = readonly { readonly column: Name; readonly value: ExpressionNode | null }[]

export interface Insert extends Node<'insert'> {
  readonly overwrite: boolean
  readonly table: readonly Name[]
  /** Empty: no PARTITION clause. */
  readonly partition: PartitionSpec
  /** ON CONFLICT DO … */
  readonly onConflict: { readonly at: Position; readonly action: 'ERROR' | 'NOTHING' | 'DEDUPLICATE' } | null
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
export interface Pattern {
  readonly text: string
  readonly operator: 'LIKE' | 'ILIKE'
  readonly negated: boolean
}
export type ShownObject =
  | 'TABLES'
  | 'VIEWS'
  | 'MATERIALIZED TABLES'
  | 'CATALOGS'
  | 'DATABASES'
  | 'FUNCTIONS'
  | 'PROCEDURES'
  | 'MODELS'
  | 'MODULES'
  | 'JARS'
  | 'COLUMNS'
  | 'PARTITIONS'
export interface Show extends Node<'show'> {
  readonly object: ShownObject
  /** USER of functions, FULL of modules. */
  readonly only: 'USER' | 'FULL' | null
  /** FROM or IN: a catalog, database or table. */
  readonly from: readonly Name[] | null
  /** Of SHOW PARTITIONS. */
  readonly partition: PartitionSpec
  readonly pattern: Pattern | null
}
export interface ShowCurrent extends Node<'show-current'> {
  readonly object: 'CATALOG' | 'DATABASE'
}
export interface ShowCreate extends Node<'show-create'> {
  readonly object: 'TABLE' | 'VIEW' | 'CATALOG' | 'MODEL' | 'MATERIALIZED TABLE'
  readonly name: readonly Name[]
}
export type ShowJobs = Node<'show-jobs'>
export interface Describe extends Node<'describe'> {
  readonly extended: boolean
  readonly name: readonly Name[]
}
/** DESCRIBE of anything but a table or view. */
export interface DescribeObject extends Node<'describe-object'> {
  readonly object: 'CATALOG' | 'DATABASE' | 'FUNCTION' | 'MODEL'
  readonly extended: boolean
  readonly name: readonly Name[]
}
export interface DescribeJob extends Node<'describe-job'> {
  readonly job: { readonly text: string; readonly at: Position }
}
export interface StopJob extends Node<'stop-job'> {
  readonly job: { readonly text: string; readonly at: Position }
  readonly withSavepoint: boolean
  readonly withDrain: boolean
}
export interface Explain extends Node<'explain'> {
  readonly details: readonly ExplainDetail[]
  readonly statement: Insert | Select | StatementSet
}
export type ExplainDetail = 'ESTIMATED_COST' | 'CHANGELOG_MODE' | 'JSON_EXECUTION_PLAN' | 'PLAN_ADVICE'
export interface UseCatalog extends Node<'use-catalog'> {
  readonly name: Name
}
export interface UseDatabase extends Node<'use-database'> {
  readonly name: readonly Name[]
}
export interface UseModules extends Node<'use-modules'> {
  readonly names: readonly Name[]
}
export interface LoadModule extends Node<'load-module'> {
  readonly name: Name
  readonly options: readonly PropertyNode[]
}
export interface UnloadModule extends Node<'unload-module'> {
  readonly name: Name
}
/** ADD JAR and REMOVE JAR. */
export interface Jar extends Node<'jar'> {
  readonly action: 'ADD' | 'REMOVE'
  readonly path: string
}
export interface TruncateTable extends Node<'truncate'> {
  readonly table: readonly Name[]
}
export interface Delete extends Node<'delete'> {
  readonly table: readonly Name[]
  readonly where: ExpressionNode | null
}
export interface Update extends Node<'update'> {
  readonly table: readonly Name[]
  readonly assignments: readonly { readonly column: Name; readonly value: ExpressionNode }[]
  readonly where: ExpressionNode | null
}
export interface Call extends Node<'call-procedure'> {
  readonly call: CallNode
}
export interface Analyze extends Node<'analyze'> {
  readonly table: readonly Name[]
  readonly partition: PartitionSpec
  /** null: table statistics only; empty: FOR ALL COLUMNS. */
  readonly columns: readonly Name[] | null
}
/** COMPILE PLAN, and COMPILE AND EXECUTE PLAN. */
export interface CompilePlan extends Node<'compile-plan'> {
  readonly execute: boolean
  readonly path: string
  readonly ifNotExists: boolean
  readonly statement: Insert | StatementSet
}
export interface ExecutePlan extends Node<'execute-plan'> {
  readonly path: string
}
/** Commands of Flink's SQL client: QUIT, EXIT, CLEAR, HELP, SOURCE. */
export interface ClientCommand extends Node<'client-command'> {
  readonly command: string
}

export type Statement =
  | CreateTable
  | CreateView
  | CreateCatalog
  | CreateDatabase
  | CreateFunction
  | CreateModel
  | CreateMaterializedTable
  | AlterStatement
  | Drop
  | DropObject
  | Insert
  | StatementSet
  | BeginStatementSet
  | EndStatementSet
  | Select
  | SetStatement
  | Reset
  | Show
  | ShowCurrent
  | ShowCreate
  | ShowJobs
  | Describe
  | DescribeObject
  | DescribeJob
  | StopJob
  | Explain
  | UseCatalog
  | UseDatabase
  | UseModules
  | LoadModule
  | UnloadModule
  | Jar
  | TruncateTable
  | Delete
  | Update
  | Call
  | Analyze
  | CompilePlan
  | ExecutePlan
  | ClientCommand

/** A statement and its extent in the source, without the `;`. */
export interface ScriptStatement {
  readonly statement: Statement
  readonly start: Position
  readonly end: number
}
