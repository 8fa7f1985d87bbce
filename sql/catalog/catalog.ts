/**
 * The session's catalog: default_catalog.default_database, in memory. Temporary objects stand in front of permanent ones of the
 * same name, as in Flink.
 */
import type { LogicalType } from '#core/types/logical-type.js'
import type { Query } from '../parser/ast-query.js'
import type { ExpressionNode } from '../parser/ast-expression.js'
import type { Position, SourceText } from '../parser/source-text.js'

export const DEFAULT_CATALOG = 'default_catalog'
export const DEFAULT_DATABASE = 'default_database'

export type CatalogColumn =
  | { readonly kind: 'physical'; readonly name: string; readonly type: LogicalType; readonly comment: string | null }
  | {
      readonly kind: 'computed'
      readonly name: string
      readonly type: LogicalType
      readonly comment: string | null
      readonly expression: ExpressionNode
      /** As written. */
      readonly text: string
    }

export interface CatalogTable {
  readonly kind: 'table'
  readonly name: string
  readonly temporary: boolean
  readonly columns: readonly CatalogColumn[]
  readonly watermark: { readonly column: number; readonly expression: ExpressionNode; readonly text: string } | null
  readonly primaryKey: readonly string[] | null
  readonly options: Readonly<Record<string, string>>
  readonly comment: string | null
  /** The text that the expressions' positions count in, and where CREATE stands in it. */
  readonly source: SourceText
  readonly at: Position
}

export interface CatalogView {
  readonly kind: 'view'
  readonly name: string
  readonly temporary: boolean
  readonly columns: readonly { readonly name: string; readonly type: LogicalType; readonly rowtime: boolean }[]
  readonly query: Query
  readonly text: string
  readonly comment: string | null
  readonly source: SourceText
  readonly at: Position
}

export type CatalogObject = CatalogTable | CatalogView

/** `default_catalog.default_database.t` */
export function fullName(name: string): string {
  return `${DEFAULT_CATALOG}.${DEFAULT_DATABASE}.${name}`
}

export class Catalog {
  readonly #temporary = new Map<string, CatalogObject>()
  readonly #permanent = new Map<string, CatalogObject>()

  find(name: string): CatalogObject | undefined {
    return this.#temporary.get(name) ?? this.#permanent.get(name)
  }

  /** The object of that name in its own layer: what a CREATE or DROP of that kind meets. */
  findExactly(name: string, temporary: boolean): CatalogObject | undefined {
    return (temporary ? this.#temporary : this.#permanent).get(name)
  }

  put(object: CatalogObject): void {
    const layer = object.temporary ? this.#temporary : this.#permanent
    layer.set(object.name, object)
  }

  remove(name: string, temporary: boolean): void {
    const layer = temporary ? this.#temporary : this.#permanent
    layer.delete(name)
  }

  /** Names of all objects a statement can see, sorted. */
  names(kind?: CatalogObject['kind']): string[] {
    const names = [...new Set([...this.#temporary.keys(), ...this.#permanent.keys()])].sort()
    return kind === undefined ? names : names.filter((name) => this.find(name)?.kind === kind)
  }
}
