/**
 * What a session knows by name: catalogs in memory with their databases, tables, views and functions. It begins with
 * default_catalog.default_database. Temporary objects stand in front of permanent ones of the same path, as in Flink; they need no
 * catalog or database of that name.
 */
import type { UserFunction } from '#core/graph/function-module.js'
import type { LogicalType } from '#core/types/logical-type.js'
import type { Query } from '../parser/ast-query.js'
import type { ExpressionNode } from '../parser/ast-expression.js'
import type { Position, SourceText } from '../parser/source-text.js'

export const DEFAULT_CATALOG = 'default_catalog'
export const DEFAULT_DATABASE = 'default_database'
/** Of catalogs made with CREATE CATALOG, unless their option default-database says otherwise. */
const DEFAULT_DATABASE_OF_OTHERS = 'default'

export interface DatabasePath {
  readonly catalog: string
  readonly database: string
}
export interface ObjectPath extends DatabasePath {
  readonly name: string
}

/** A field of a column of type ROW, which is kept as its fields: `path` begins with the column's name. */
export interface RowField {
  readonly path: readonly string[]
  /** Of the whole column, as DESCRIBE prints it. */
  readonly columnType: string
}

export interface PhysicalColumn {
  readonly kind: 'physical'
  readonly name: string
  readonly type: LogicalType
  readonly comment: string | null
  readonly field?: RowField
}

export type CatalogColumn =
  | PhysicalColumn
  | {
      readonly kind: 'computed'
      readonly name: string
      readonly type: LogicalType
      readonly comment: string | null
      readonly expression: ExpressionNode
      /** As written. */
      readonly text: string
      /** That the expression's positions count in. */
      readonly source: SourceText
    }
  | {
      readonly kind: 'metadata'
      readonly name: string
      readonly type: LogicalType
      readonly comment: string | null
      /** The connector's key; null: the column's name. */
      readonly from: string | null
      readonly virtual: boolean
    }

export interface CatalogTable extends ObjectPath {
  readonly kind: 'table'
  readonly temporary: boolean
  readonly columns: readonly CatalogColumn[]
  readonly watermark: {
    readonly column: number
    readonly expression: ExpressionNode
    readonly text: string
    readonly source: SourceText
  } | null
  readonly primaryKey: readonly string[] | null
  /** Of the primary key, where it was given. */
  readonly constraint: string | null
  readonly partitionKeys: readonly string[]
  readonly distribution: {
    readonly strategy: 'HASH' | 'RANGE' | null
    readonly columns: readonly string[]
    readonly buckets: number | null
  } | null
  readonly options: Readonly<Record<string, string>>
  readonly comment: string | null
  /** Where CREATE stands. */
  readonly source: SourceText
  readonly at: Position
}

export interface CatalogView extends ObjectPath {
  readonly kind: 'view'
  readonly temporary: boolean
  readonly columns: readonly { readonly name: string; readonly type: LogicalType; readonly rowtime: boolean }[]
  readonly query: Query
  readonly text: string
  readonly comment: string | null
  /** What short names in its query mean. */
  readonly within: DatabasePath
  readonly source: SourceText
  readonly at: Position
}

export type CatalogObject = CatalogTable | CatalogView

/** `language`: of the module that `implementation` (`module#export`) names. */
export interface CatalogFunction {
  readonly name: string
  readonly implementation: string
  readonly language: 'TYPESCRIPT' | 'JAVASCRIPT'
  /** What the module declares; asked when the function is called. */
  readonly module: () => { readonly digest: string; readonly declared: UserFunction | { readonly problem: string } }
}

export interface CatalogDatabase {
  readonly comment: string | null
  readonly options: Readonly<Record<string, string>>
}

export interface CatalogDescription {
  readonly comment: string | null
  /** With `type`. */
  readonly options: Readonly<Record<string, string>>
}

interface Database extends CatalogDatabase {
  readonly objects: Map<string, CatalogObject>
  readonly functions: Map<string, CatalogFunction>
}

interface Entry extends CatalogDescription {
  readonly databases: Map<string, Database>
}

/** `default_catalog.default_database.t` */
export function fullName({ catalog, database, name }: ObjectPath): string {
  return `${catalog}.${database}.${name}`
}

/** What all views of a session's catalogs share. */
interface Store {
  readonly catalogs: Map<string, Entry>
  readonly temporary: Map<string, CatalogObject>
  readonly temporaryFunctions: Map<string, CatalogFunction>
  readonly systemFunctions: Map<string, CatalogFunction>
}

const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Names of parts cannot be told apart in a text with dots. */
const keyOf = ({ catalog, database, name }: ObjectPath): string => JSON.stringify([catalog, database, name])

export class Catalog {
  readonly #store: Store
  #current: DatabasePath

  constructor(store?: Store, current: DatabasePath = { catalog: DEFAULT_CATALOG, database: DEFAULT_DATABASE }) {
    this.#store = store ?? {
      catalogs: new Map(),
      temporary: new Map(),
      temporaryFunctions: new Map(),
      systemFunctions: new Map(),
    }
    this.#current = current
    if (store === undefined)
      this.createCatalog(DEFAULT_CATALOG, { comment: null, options: { type: 'generic_in_memory', 'default-database': DEFAULT_DATABASE } })
  }

  /** What short names mean. */
  get current(): DatabasePath {
    return this.#current
  }

  set current(path: DatabasePath) {
    this.#current = path
  }

  /** The same objects, with another meaning of short names. */
  within(path: DatabasePath): Catalog {
    return new Catalog(this.#store, path)
  }

  // Catalogs.

  catalogs(): string[] {
    return [...this.#store.catalogs.keys()].sort(byName)
  }

  catalog(name: string): CatalogDescription | undefined {
    return this.#store.catalogs.get(name)
  }

  /** The database that USE CATALOG makes the current one. */
  defaultDatabase(name: string): string {
    return this.#store.catalogs.get(name)?.options['default-database'] ?? DEFAULT_DATABASE_OF_OTHERS
  }

  createCatalog(name: string, description: CatalogDescription): void {
    const databases = new Map<string, Database>()
    this.#store.catalogs.set(name, { ...description, databases })
    databases.set(this.defaultDatabase(name), { comment: null, options: {}, objects: new Map(), functions: new Map() })
  }

  changeCatalog(name: string, description: CatalogDescription): void {
    const entry = this.#store.catalogs.get(name)
    if (entry !== undefined) this.#store.catalogs.set(name, { ...entry, ...description })
  }

  dropCatalog(name: string): void {
    this.#store.catalogs.delete(name)
  }

  // Databases.

  databases(catalog: string): string[] {
    return [...(this.#store.catalogs.get(catalog)?.databases.keys() ?? [])].sort(byName)
  }

  database(path: DatabasePath): CatalogDatabase | undefined {
    return this.#database(path)
  }

  createDatabase({ catalog, database }: DatabasePath, description: CatalogDatabase): void {
    this.#store.catalogs.get(catalog)?.databases.set(database, { ...description, objects: new Map(), functions: new Map() })
  }

  changeDatabase(path: DatabasePath, description: CatalogDatabase): void {
    const database = this.#database(path)
    if (database !== undefined) this.#store.catalogs.get(path.catalog)?.databases.set(path.database, { ...database, ...description })
  }

  dropDatabase({ catalog, database }: DatabasePath): void {
    this.#store.catalogs.get(catalog)?.databases.delete(database)
  }

  /** True: it holds tables, views or functions. */
  holdsObjects(path: DatabasePath): boolean {
    const database = this.#database(path)
    return database !== undefined && database.objects.size + database.functions.size > 0
  }

  // Tables and views.

  find(path: ObjectPath): CatalogObject | undefined {
    return this.findExactly(path, true) ?? this.findExactly(path, false)
  }

  /** The object of that path in its own layer: what a CREATE or DROP of that kind meets. */
  findExactly(path: ObjectPath, temporary: boolean): CatalogObject | undefined {
    return temporary ? this.#store.temporary.get(keyOf(path)) : this.#database(path)?.objects.get(path.name)
  }

  put(object: CatalogObject): void {
    if (object.temporary) this.#store.temporary.set(keyOf(object), object)
    else this.#database(object)?.objects.set(object.name, object)
  }

  remove(path: ObjectPath, temporary: boolean): void {
    if (temporary) this.#store.temporary.delete(keyOf(path))
    else this.#database(path)?.objects.delete(path.name)
  }

  /** Names of all objects of a database that a statement can see, sorted. */
  names(kind?: CatalogObject['kind'], path: DatabasePath = this.#current): string[] {
    const temporary = [...this.#store.temporary.values()].filter(
      ({ catalog, database }) => catalog === path.catalog && database === path.database,
    )
    const names = new Set([...temporary.map(({ name }) => name), ...(this.#database(path)?.objects.keys() ?? [])])
    const sorted = [...names].sort(byName)
    return kind === undefined ? sorted : sorted.filter((name) => this.find({ ...path, name })?.kind === kind)
  }

  // Functions: their names know no case.

  findFunction(path: ObjectPath | { readonly name: string }, layer: 'system' | 'temporary' | 'permanent'): CatalogFunction | undefined {
    return this.#functions(path, layer)?.map.get(this.#functions(path, layer)?.key ?? '')
  }

  putFunction(path: ObjectPath | { readonly name: string }, layer: 'system' | 'temporary' | 'permanent', value: CatalogFunction): void {
    const at = this.#functions(path, layer)
    at?.map.set(at.key, value)
  }

  removeFunction(path: ObjectPath | { readonly name: string }, layer: 'system' | 'temporary' | 'permanent'): void {
    const at = this.#functions(path, layer)
    at?.map.delete(at.key)
  }

  /** Names of a database's functions and of temporary ones that can be called from it. */
  functionNames(path: DatabasePath = this.#current): string[] {
    const prefix = keyOf({ ...path, name: '' }).slice(0, -3)
    const temporary = [...this.#store.temporaryFunctions].filter(([key]) => key.startsWith(prefix)).map(([, { name }]) => name)
    const permanent = [...(this.#database(path)?.functions.values() ?? [])].map(({ name }) => name)
    const system = [...this.#store.systemFunctions.values()].map(({ name }) => name)
    return [...new Set([...system, ...temporary, ...permanent])].sort(byName)
  }

  #functions(
    path: ObjectPath | { readonly name: string },
    layer: 'system' | 'temporary' | 'permanent',
  ): { readonly map: Map<string, CatalogFunction>; readonly key: string } | undefined {
    const name = path.name.toLowerCase()
    if (layer === 'system') return { map: this.#store.systemFunctions, key: name }
    if (!('catalog' in path)) return undefined
    if (layer === 'temporary') return { map: this.#store.temporaryFunctions, key: keyOf({ ...path, name }) }
    const map = this.#database(path)?.functions
    return map === undefined ? undefined : { map, key: name }
  }

  #database({ catalog, database }: DatabasePath): Database | undefined {
    return this.#store.catalogs.get(catalog)?.databases.get(database)
  }
}
