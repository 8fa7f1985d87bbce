/** Names that an expression may use: the columns of its FROM clause, each under its table's name or alias. */
import { nearest } from '#core/config/nearest.js'
import type { LogicalType } from '#core/types/logical-type.js'
import type { SourceText } from '../parser/source-text.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import type { Name } from '../parser/token-stream.js'
import type { RelationField } from '../plan/relation.js'

export interface ScopeColumn {
  /** Alias or name of the table; null for a sub-query without one. */
  readonly qualifier: string | null
  readonly name: string
  readonly type: LogicalType
  readonly rowtime: boolean
  /** As in RelationField. */
  readonly path?: readonly string[]
  /** Only under its table's name: a column of USING and NATURAL, which the merged one stands for. */
  readonly hidden?: boolean
}

export type Scope = readonly ScopeColumn[]

export function scopeOf(fields: readonly RelationField[], qualifier: string | null): Scope {
  return fields.map((field) => ({
    qualifier,
    name: field.name,
    type: field.type,
    rowtime: field.rowtime,
    ...(field.path === undefined ? {} : { path: field.path }),
  }))
}

/**
 * Position of the column that `a`, `t.a` or `default_catalog.default_database.t.a` names.
 * @throws SQL_VALIDATION when there is none, with the nearest name, or when there is more than one
 */
export function resolveColumn(source: SourceText, scope: Scope, path: readonly Name[]): number {
  const column = path.at(-1) as Name
  const [first] = path as [Name]
  const table = qualifierOf(path)
  const field = rowField(source, scope, path)
  if (field !== undefined) return field
  if (table !== undefined) {
    const candidates = matching(scope, column.text, table)
    if (candidates.length === 1) return candidates[0] as number
    if (candidates.length > 1) throw validationError(source, first.at, `Column '${column.text}' is ambiguous in table '${table}'.`)
    if (scope.some(({ qualifier }) => qualifier === table)) {
      throw validationError(
        source,
        column.at,
        `Column '${column.text}' not found in table '${table}'.`,
        didYouMean(
          column.text,
          scope.filter(({ qualifier }) => qualifier === table).map(({ name }) => name),
        ),
      )
    }
  }
  if (path.length > 1 && matching(scope, first.text).length === 1) {
    throw notSupported(source, first.at, `fields of a column ('${first.text}' is no ROW).`)
  }
  if (table === undefined || path.length > 1) {
    const tables = [...new Set(scope.flatMap(({ qualifier }) => (qualifier === null ? [] : [qualifier])))]
    if (path.length > 1) throw validationError(source, first.at, `Table '${first.text}' not found.`, didYouMean(first.text, tables))
  }
  const candidates = matching(scope, column.text)
  if (candidates.length === 1) return candidates[0] as number
  if (candidates.length > 1) {
    const tables = candidates.map((index) => scope[index]?.qualifier).filter((name) => name !== null && name !== undefined)
    throw validationError(
      source,
      column.at,
      `Column '${column.text}' is ambiguous.`,
      tables.length > 0 ? `Write ${tables.map((name) => `${name}.${column.text}`).join(' or ')}.` : null,
    )
  }
  if (scope.length === 0) throw validationError(source, column.at, `Column '${column.text}' not found: there is no table here.`)
  throw validationError(
    source,
    column.at,
    `Column '${column.text}' not found in any table.`,
    didYouMean(
      column.text,
      scope.map(({ name }) => name),
    ),
  )
}

/** How many names of the path lead to a column that is a ROW value, behind which names of fields follow; undefined: it is no such path. */
export function rowPrefix(scope: Scope, path: readonly Name[]): number | undefined {
  if (path.length < 2 || isColumn(scope, path)) return undefined
  for (let length = 1; length < path.length; length++) {
    const prefix = path.slice(0, length)
    const qualifier = qualifierOf(prefix)
    if (length > 1 && qualifier === undefined) continue
    const found = matching(scope, (prefix.at(-1) as Name).text, qualifier)
    if (found.length === 1 && scope[found[0] as number]?.type.kind === 'ROW') return length
  }
  return undefined
}

/** The ROW column that alone has a field of that name, where no column is called so: `x` may then be said for `r.x`, as in Flink. */
export function fieldAlone(scope: Scope, path: readonly Name[]): number | undefined {
  const [name, more] = path
  if (name === undefined || more !== undefined || matching(scope, name.text).length > 0) return undefined
  const rows = scope.flatMap(({ type }, i) => (type.kind === 'ROW' && type.fields.some((field) => field.name === name.text) ? [i] : []))
  return rows.length === 1 ? rows[0] : undefined
}

/** True when a column has that name, or several do. */
export function isColumn(scope: Scope, path: readonly Name[]): boolean {
  const qualifier = qualifierOf(path)
  if (path.length > 1 && qualifier === undefined) return false
  return matching(scope, (path.at(-1) as Name).text, qualifier).length > 0
}

/** `column.field`, `t.column.field`: a field of a ROW. A column or table alias of the same name comes first. */
function rowField(source: SourceText, scope: Scope, path: readonly Name[]): number | undefined {
  const names = path.map(({ text }) => text)
  const begins = (column: ScopeColumn, of: readonly string[]): boolean => of.every((name, i) => column.path?.[i] === name)
  const within = scope.flatMap((column, index) => {
    if (column.path === undefined) return []
    if (names[0] === column.qualifier && names.length > 1 && begins(column, names.slice(1))) return [{ index, depth: names.length - 1 }]
    return begins(column, names) ? [{ index, depth: names.length }] : []
  })
  if (within.length === 0) {
    const row = scope.find((column) => column.path?.[0] === names[0] || (names.length > 1 && column.path?.[0] === names[1]))
    const isColumn = scope.some((column) => column.path === undefined && (column.name === names.at(-1) || column.qualifier === names[0]))
    if (row === undefined || isColumn) return undefined
    const fields = scope
      .filter((column) => column.path?.[0] === row.path?.[0])
      .map((column) => (column.path as string[]).slice(1).join('.'))
    const at = (path.at(-1) as Name).at
    throw validationError(
      source,
      at,
      `The ROW '${row.path?.[0]}' has no field '${names.at(-1)}'.`,
      didYouMean(names.at(-1) as string, fields),
    )
  }
  const exact = within.find(({ index, depth }) => scope[index]?.path?.length === depth)
  if (exact !== undefined) {
    if (within.length === 1) return exact.index
    const first = path[0] as Name
    throw validationError(source, first.at, `Column '${names.join('.')}' is ambiguous.`)
  }
  const { path: of } = scope[(within[0] as { index: number }).index] as ScopeColumn
  throw notSupported(
    source,
    (path[0] as Name).at,
    `a whole ROW as a value ('${names.join('.')}').`,
    `Name its fields: ${(of as string[]).join('.')}, …`,
  )
}

function qualifierOf(path: readonly Name[]): string | undefined {
  if (path.length === 2) return path[0]?.text
  // database.t.a and catalog.database.t.a
  return path.length === 3 || path.length === 4 ? path.at(-2)?.text : undefined
}

function matching(scope: Scope, name: string, qualifier?: string): number[] {
  const found: number[] = []
  for (const [i, column] of scope.entries()) {
    if (column.name === name && (qualifier === undefined ? column.hidden !== true : column.qualifier === qualifier)) found.push(i)
  }
  return found
}

/** `Did you mean 'price'?`, or the names there are when they are few; null when there is nothing to say. */
export function didYouMean(word: string, names: readonly string[]): string | null {
  // One letter is as near to every other.
  const meant = word.length > 1 ? nearest(word, names) : undefined
  if (meant !== undefined) return `Did you mean '${meant}'?`
  return names.length > 0 && names.length <= 12 ? `There ${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}.` : null
}
