/** Names that an expression may use: the columns of its FROM clause, each under its table's name or alias. */
import { nearest } from '#core/config/nearest.js'
import type { LogicalType } from '#core/types/logical-type.js'
import type { SourceText } from '../parser/source-text.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import type { Name } from '../parser/token-stream.js'
import { DEFAULT_CATALOG, DEFAULT_DATABASE } from '../catalog/catalog.js'
import type { RelationField } from '../plan/relation.js'

export interface ScopeColumn {
  /** Alias or name of the table; null for a sub-query without one. */
  readonly qualifier: string | null
  readonly name: string
  readonly type: LogicalType
  readonly rowtime: boolean
}

export type Scope = readonly ScopeColumn[]

export function scopeOf(fields: readonly RelationField[], qualifier: string | null): Scope {
  return fields.map((field) => ({ qualifier, name: field.name, type: field.type, rowtime: field.rowtime }))
}

/**
 * Position of the column that `a`, `t.a` or `default_catalog.default_database.t.a` names.
 * @throws SQL_VALIDATION when there is none, with the nearest name, or when there is more than one
 */
export function resolveColumn(source: SourceText, scope: Scope, path: readonly Name[]): number {
  const column = path.at(-1) as Name
  const [first] = path as [Name]
  const table = qualifierOf(path)
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

function qualifierOf(path: readonly Name[]): string | undefined {
  if (path.length === 2) return path[0]?.text
  if (path.length === 3 && path[0]?.text === DEFAULT_DATABASE) return path[1]?.text
  if (path.length === 4 && path[0]?.text === DEFAULT_CATALOG && path[1]?.text === DEFAULT_DATABASE) return path[2]?.text
  return undefined
}

function matching(scope: Scope, name: string, qualifier?: string): number[] {
  const found: number[] = []
  for (const [i, column] of scope.entries()) {
    if (column.name === name && (qualifier === undefined || column.qualifier === qualifier)) found.push(i)
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
