/** Syntax of queries: frozen plain objects with a `kind` and the place where they begin. */
import type { CallNode, ExpressionNode, SortItemNode, WindowNode } from './ast-expression.js'
import type { Position } from './source-text.js'
import type { Name } from './token-stream.js'

/** `OPTIONS('k'='v'), BROADCAST(t)`: pairs for the first form, words for the second. */
export interface HintNode {
  readonly kind: 'hint'
  readonly at: Position
  readonly name: string
  readonly options: readonly { readonly key: string; readonly value: string | null }[]
}

/** A whole query: CTEs, body, and what orders and cuts its result. */
export interface Query {
  readonly kind: 'query'
  readonly at: Position
  /** Offset behind the query. */
  readonly end: number
  readonly with: readonly { readonly name: Name; readonly columns: readonly Name[] | null; readonly query: Query }[]
  readonly body: QueryBody
  readonly orderBy: readonly SortItemNode[]
  readonly limit: ExpressionNode | null
  readonly offset: ExpressionNode | null
}

export type QueryBody = SelectNode | ValuesNode | SetOperationNode | Query

export interface SelectItemNode {
  readonly expression: ExpressionNode
  readonly alias: Name | null
}

export type GroupingNode =
  | { readonly kind: 'expression'; readonly expression: ExpressionNode }
  | {
      readonly kind: 'grouping-sets'
      readonly at: Position
      readonly type: 'GROUPING SETS' | 'ROLLUP' | 'CUBE'
      readonly sets: readonly (readonly ExpressionNode[])[]
    }

export interface SelectNode {
  readonly kind: 'select'
  readonly at: Position
  readonly hints: readonly HintNode[]
  readonly distinct: boolean
  readonly items: readonly SelectItemNode[]
  readonly from: TableNode | null
  readonly where: ExpressionNode | null
  /** null: no GROUP BY. */
  readonly groupBy: readonly GroupingNode[] | null
  readonly having: ExpressionNode | null
  readonly windows: readonly { readonly name: Name; readonly window: WindowNode }[]
  readonly qualify: ExpressionNode | null
}

export interface ValuesNode {
  readonly kind: 'values'
  readonly at: Position
  readonly rows: readonly (readonly ExpressionNode[])[]
}

export interface SetOperationNode {
  readonly kind: 'set-operation'
  readonly at: Position
  readonly operator: 'UNION' | 'INTERSECT' | 'EXCEPT'
  readonly all: boolean
  readonly left: QueryBody
  readonly right: QueryBody
}

/** What `AS t (a, b)` says. */
export interface AliasNode {
  readonly name: Name
  readonly columns: readonly Name[] | null
}

/** A table or view by name. */
export interface NamedTableNode {
  readonly kind: 'named-table'
  readonly at: Position
  readonly name: readonly Name[]
  readonly hints: readonly HintNode[]
  /** FOR SYSTEM_TIME AS OF … */
  readonly asOf: ExpressionNode | null
  readonly sampled: boolean
  readonly alias: AliasNode | null
}
/** A sub-query. */
export interface DerivedTableNode {
  readonly kind: 'derived-table'
  readonly at: Position
  readonly query: Query
  readonly lateral: boolean
  readonly alias: AliasNode | null
}
/** `TABLE(f(…))`, `LATERAL TABLE(f(…))`, `f(…)` */
export interface FunctionTableNode {
  readonly kind: 'function-table'
  readonly at: Position
  readonly call: CallNode
  readonly lateral: boolean
  readonly alias: AliasNode | null
}
export interface UnnestNode {
  readonly kind: 'unnest'
  readonly at: Position
  readonly arg: ExpressionNode
  readonly ordinality: boolean
  readonly alias: AliasNode | null
}
export interface JoinNode {
  readonly kind: 'join'
  readonly at: Position
  readonly type: 'INNER' | 'LEFT' | 'RIGHT' | 'FULL' | 'CROSS'
  readonly natural: boolean
  readonly left: TableNode
  readonly right: TableNode
  readonly on: ExpressionNode | null
  readonly using: readonly Name[] | null
}

/** `t MATCH_RECOGNIZE (…)` */
export interface MatchNode {
  readonly kind: 'match'
  readonly at: Position
  readonly input: TableNode
  readonly partitionBy: readonly ExpressionNode[]
  readonly orderBy: readonly SortItemNode[]
  readonly measures: readonly { readonly expression: ExpressionNode; readonly alias: Name; readonly final: boolean }[]
  readonly rows: 'ONE' | 'ALL'
  readonly skip: MatchSkip
  readonly pattern: PatternNode
  /** `^` and `$` */
  readonly anchored: { readonly start: boolean; readonly end: boolean }
  readonly within: ExpressionNode | null
  readonly subsets: readonly { readonly name: Name; readonly of: readonly Name[] }[]
  readonly define: readonly { readonly name: Name; readonly condition: ExpressionNode }[]
  readonly alias: AliasNode | null
}
/** AFTER MATCH SKIP … */
export type MatchSkip =
  { readonly kind: 'PAST LAST ROW' | 'TO NEXT ROW' } | { readonly kind: 'TO FIRST' | 'TO LAST'; readonly variable: Name }
export type PatternNode =
  | { readonly kind: 'variable'; readonly name: Name }
  | { readonly kind: 'sequence' | 'alternatives' | 'permutation'; readonly parts: readonly PatternNode[] }
  | {
      readonly kind: 'repeat'
      readonly part: PatternNode
      readonly least: number
      /** null: any number. */
      readonly most: number | null
      readonly greedy: boolean
    }
  | { readonly kind: 'exclusion'; readonly part: PatternNode }

export type TableNode = NamedTableNode | DerivedTableNode | FunctionTableNode | UnnestNode | JoinNode | MatchNode
