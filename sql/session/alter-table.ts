/** ALTER TABLE over the catalog in memory: a table's parts are changed and the whole is checked anew. */
import type { AlterTable, ColumnPlace, SchemaChange, TableChange } from '../parser/ast-alter.js'
import type { Position } from '../parser/source-text.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import type { Name } from '../parser/token-stream.js'
import { fullName, type CatalogTable } from '../catalog/catalog.js'
import type { BindContext } from '../validate/binder.js'
import { keyDraft, onlyWatermark } from '../validate/create-table.js'
import { didYouMean } from '../validate/scope.js'
import { draftColumn, draftOf, keepsRowsFlat, optionsOf, resolveTable, type DraftColumn, type TableDraft } from '../validate/table-draft.js'
import { objectPath } from '../validate/table-names.js'

export function alterTable(statement: AlterTable, context: BindContext): void {
  const { catalog, source } = context
  const path = objectPath(source, statement.name, catalog)
  const at = (statement.name.at(-1) as Name).at
  const table = catalog.find(path)
  if (table?.kind !== 'table') {
    if (table === undefined && statement.ifExists) return
    const hint = table === undefined ? didYouMean(path.name, catalog.names('table', path)) : 'It is a view: use ALTER VIEW.'
    throw validationError(
      source,
      at,
      `Table \`${path.catalog}\`.\`${path.database}\`.\`${path.name}\` doesn't exist or is a temporary table.`,
      hint,
    )
  }
  if (table.temporary)
    throw validationError(
      source,
      at,
      `Table \`${path.catalog}\`.\`${path.database}\`.\`${path.name}\` doesn't exist or is a temporary table.`,
      'Temporary tables are not altered: DROP and CREATE it.',
    )
  const { change } = statement
  if (change.kind === 'rename') return rename(table, change.to, context)
  catalog.put({ ...resolveTable(changed(draftOf(table, at), change, context), context), source: table.source, at: table.at })
}

function rename(table: CatalogTable, to: readonly Name[], { catalog, source }: BindContext): void {
  const target = objectPath(source, to, catalog.within(table))
  if (target.catalog !== table.catalog || target.database !== table.database)
    throw validationError(source, (to[0] as Name).at, 'A table stays in its database when it is renamed.')
  if (catalog.findExactly(target, false) !== undefined)
    throw validationError(
      source,
      (to.at(-1) as Name).at,
      `Table (or view) ${fullName(target)} already exists in Catalog ${target.catalog}.`,
      null,
      'TableAlreadyExistException',
    )
  catalog.remove(table, false)
  catalog.put({ ...table, name: target.name })
}

function changed(draft: TableDraft, change: Exclude<TableChange, { kind: 'rename' }>, context: BindContext): TableDraft {
  const { source } = context
  switch (change.kind) {
    case 'set-options':
      return { ...draft, options: { ...draft.options, ...optionsOf(change.options, context) } }
    case 'reset-options': {
      if (change.keys.length === 0) throw validationError(source, draft.at, 'ALTER TABLE RESET does not support empty key')
      const gone = new Set(change.keys.map(({ key }) => key))
      return { ...draft, options: Object.fromEntries(Object.entries(draft.options).filter(([key]) => !gone.has(key))) }
    }
    case 'add':
      return added(draft, change.change, context)
    case 'modify':
      return modified(draft, change.change, context)
    case 'rename-column':
      return renamedColumn(draft, change.column, change.to, context)
    case 'drop-columns':
      return change.columns.reduce((before, column) => withoutColumn(before, column, context), draft)
    case 'drop-primary-key':
      if (draft.primaryKey === null) throw validationError(source, draft.at, 'The base table does not define any primary key.')
      return { ...draft, primaryKey: null }
    case 'drop-constraint': {
      const constraint = draft.primaryKey?.constraint ?? (draft.primaryKey === null ? null : constraintName(draft.primaryKey.columns))
      if (constraint !== change.name.text) {
        const problem =
          constraint === null
            ? 'The base table does not define any primary key.'
            : `The base table does not define a primary key constraint named '${change.name.text}'. Available constraint name: ['${constraint}'].`
        throw validationError(source, change.name.at, problem)
      }
      return { ...draft, primaryKey: null }
    }
    case 'drop-watermark':
      if (draft.watermark === null) throw validationError(source, draft.at, 'The base table does not define any watermark strategy.')
      return { ...draft, watermark: null }
    case 'drop-distribution':
      if (draft.distribution === null) throw validationError(source, draft.at, 'The base table does not define any distribution.')
      return { ...draft, distribution: null }
    case 'add-partitions':
    case 'drop-partitions':
      throw notSupported(source, draft.at, `ALTER TABLE … ${change.kind === 'add-partitions' ? 'ADD' : 'DROP'} PARTITION.`)
  }
}

/** As Flink names a key without a name of its own: by Java's hash of the list of its columns. */
export function constraintName(columns: readonly { readonly text: string }[]): string {
  const hash = (text: string): number => [...text].reduce((sum, _, i) => (Math.imul(31, sum) + text.charCodeAt(i)) | 0, 0)
  return `PK_${columns.reduce((sum, { text }) => (Math.imul(31, sum) + hash(text)) | 0, 1)}`
}

function added(draft: TableDraft, change: SchemaChange, context: BindContext): TableDraft {
  const { source } = context
  if (change.watermarks.length > 0 && draft.watermark !== null)
    throw validationError(
      source,
      (change.watermarks[0] as { at: Position }).at,
      `The base table has already defined the watermark strategy \`${draft.watermark.column[0]?.text}\` AS ${draft.watermark.text}. You might want to drop it before adding a new one.`,
    )
  if (change.primaryKey !== null && draft.primaryKey !== null)
    throw validationError(
      source,
      change.primaryKey.at,
      `The base table has already defined the primary key constraint [${draft.primaryKey.columns.map(({ text }) => `\`${text}\``).join(', ')}]. You might want to drop it before adding a new one.`,
    )
  if (change.distribution !== null && draft.distribution !== null)
    throw validationError(
      source,
      change.distribution.at,
      'The base table has already defined a distribution. You might want to drop it before adding a new one.',
    )
  let columns = [...draft.columns]
  for (const { column, place } of change.columns) {
    if (columns.some((other) => other.name.text === column.name.text))
      throw validationError(source, column.name.at, `Try to add a column \`${column.name.text}\` which already exists in the table.`)
    columns = placed(columns, draftColumn(column, context, keepsRowsFlat(draft.options)), place, columns.length, context)
  }
  return {
    ...draft,
    columns,
    watermark: onlyWatermark(change.watermarks, context) ?? draft.watermark,
    primaryKey: keyDraft(change.primaryKey, context) ?? draft.primaryKey,
    distribution: change.distribution ?? draft.distribution,
  }
}

function modified(draft: TableDraft, change: SchemaChange, context: BindContext): TableDraft {
  const { source } = context
  const needs = (there: unknown, what: string, at: Position): void => {
    if (there === null) throw validationError(source, at, `The base table does not define any ${what}. You might want to add a new one.`)
  }
  if (change.watermarks[0] !== undefined) needs(draft.watermark, 'watermark', change.watermarks[0].at)
  if (change.primaryKey !== null) needs(draft.primaryKey, 'primary key constraint', change.primaryKey.at)
  if (change.distribution !== null) needs(draft.distribution, 'distribution', change.distribution.at)
  let columns = [...draft.columns]
  for (const { column, place } of change.columns) {
    const index = indexOf(columns, column.name, context, 'modify')
    const before = columns[index] as DraftColumn
    let next = draftColumn(column, context, keepsRowsFlat(draft.options))
    // A comment that is not given stays.
    if (next.kind === 'physical' && before.kind === 'physical' && next.parts[0]?.comment === null) {
      const comment = before.parts[0]?.comment ?? null
      next = { ...next, parts: next.parts.map((part) => ({ ...part, comment })) }
    }
    columns.splice(index, 1)
    columns = placed(columns, next, place, index, context)
  }
  return {
    ...draft,
    columns,
    watermark: onlyWatermark(change.watermarks, context) ?? draft.watermark,
    primaryKey: keyDraft(change.primaryKey, context) ?? draft.primaryKey,
    distribution: change.distribution ?? draft.distribution,
  }
}

function placed(
  columns: readonly DraftColumn[],
  column: DraftColumn,
  place: ColumnPlace,
  otherwise: number,
  context: BindContext,
): DraftColumn[] {
  const index = place === null ? otherwise : place.kind === 'first' ? 0 : indexOf(columns, place.column, context, 'refer to') + 1
  return [...columns.slice(0, index), column, ...columns.slice(index)]
}

function indexOf(columns: readonly DraftColumn[], name: Name, { source }: BindContext, what: string): number {
  const index = columns.findIndex((column) => column.name.text === name.text)
  if (index >= 0) return index
  const names = columns.map((column) => column.name.text)
  const problem =
    what === 'refer to'
      ? `Referenced column \`${name.text}\` by 'AFTER' does not exist in the table.`
      : what === 'modify'
        ? `Try to modify a column \`${name.text}\` which does not exist in the table.`
        : `The column \`${name.text}\` does not exist in the base table.`
  throw validationError(source, name.at, problem, didYouMean(name.text, names))
}

function renamedColumn(draft: TableDraft, path: readonly Name[], to: Name, context: BindContext): TableDraft {
  const { source } = context
  const [name] = path as readonly [Name]
  if (path.length > 1) throw notSupported(source, name.at, 'renaming a field of a column.')
  const index = indexOf(draft.columns, name, context, 'rename')
  if (draft.columns.some((column) => column.name.text === to.text))
    throw validationError(source, to.at, `The column \`${to.text}\` already existed in table schema.`)
  refuseReferences(draft, name, context)
  const before = draft.columns[index] as DraftColumn
  const after: DraftColumn =
    before.kind !== 'physical'
      ? { ...before, name: to }
      : {
          ...before,
          name: to,
          parts: before.parts.map((part) => {
            const field = part.field === undefined ? undefined : { ...part.field, path: [to.text, ...part.field.path.slice(1)] }
            return { ...part, name: field?.path.join('.') ?? to.text, ...(field === undefined ? {} : { field }) }
          }),
        }
  const renamed = (names: readonly Name[]): readonly Name[] => names.map((other) => (other.text === name.text ? to : other))
  return {
    ...draft,
    columns: draft.columns.map((column, i) => (i === index ? after : column)),
    primaryKey: draft.primaryKey === null ? null : { ...draft.primaryKey, columns: renamed(draft.primaryKey.columns) },
    distribution: draft.distribution === null ? null : { ...draft.distribution, columns: renamed(draft.distribution.columns) },
  }
}

function withoutColumn(draft: TableDraft, name: Name, context: BindContext): TableDraft {
  const { source } = context
  const index = indexOf(draft.columns, name, context, 'drop')
  const used = (what: string) => validationError(source, name.at, `The column \`${name.text}\` is used as ${what}.`)
  if (draft.primaryKey?.columns.some(({ text }) => text === name.text) === true) throw used('the primary key')
  if (draft.distribution?.columns.some(({ text }) => text === name.text) === true) throw used('a distribution key')
  refuseReferences(draft, name, context)
  return { ...draft, columns: draft.columns.filter((_, i) => i !== index) }
}

/** What names the column in a text of its own cannot follow a change of it. */
function refuseReferences({ columns, watermark, partitionKeys }: TableDraft, name: Name, { source }: BindContext): void {
  const refuse = (what: string) => validationError(source, name.at, `The column \`${name.text}\` is ${what}.`)
  for (const column of columns) {
    if (column.kind === 'computed' && column.name.text !== name.text && mentions(column.text, name.text))
      throw refuse(`referenced by computed column \`${column.name.text}\``)
  }
  if (watermark !== null && (watermark.column[0]?.text === name.text || mentions(watermark.text, name.text)))
    throw refuse('referenced by watermark expression')
  if (partitionKeys.some(({ text }) => text === name.text)) throw refuse('used as a partition key')
}

/** True when the text of an expression holds the word, quoted or not. */
function mentions(text: string, name: string): boolean {
  return (
    text
      .replace(/'(?:[^']|'')*'/g, "''")
      .split(/[^\p{L}\p{N}_$]+/u)
      .includes(name) || text.includes(`\`${name}\``)
  )
}
