/** What binding a query needs to know: the catalog, the settings, and which names are queries of WITH or views being expanded. */
import type { Configuration } from '#core/config/configuration.js'
import type { Catalog } from '../catalog/catalog.js'
import type { SourceText } from '../parser/source-text.js'
import type { Relation } from '../plan/relation.js'
import type { FunctionModules } from './function-modules.js'
import type { Scope } from './scope.js'

export interface BindContext {
  readonly catalog: Catalog
  readonly configuration: Configuration
  /** IANA name or offset of `table.local-time-zone`. */
  readonly timeZone: string
  /** Text that positions of the nodes at hand count in. */
  readonly source: SourceText
  /** Queries of WITH in reach. */
  readonly ctes: ReadonlyMap<string, Relation>
  /** Views being expanded, outermost first. */
  readonly views: readonly string[]
  /** In a sub-query of an expression: the columns of the query around it. */
  readonly outer?: Scope | undefined
  /** Modules of CREATE FUNCTION. */
  readonly modules?: FunctionModules | undefined
}

/** Deepest nesting of views. */
export const MAX_VIEW_DEPTH = 100
