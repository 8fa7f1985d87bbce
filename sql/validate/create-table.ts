/** CREATE TABLE and CREATE VIEW: a statement to the catalog's object, everything in it checked. */
import type { CreateTable, CreateView, PrimaryKeyDefinition } from '../parser/ast-statement.js'
import type { Position, SourceText } from '../parser/source-text.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import type { CatalogTable, CatalogView, ObjectPath } from '../catalog/catalog.js'
import type { Query } from '../parser/ast-query.js'
import type { Relation } from '../plan/relation.js'
import { bindQuery, renamed } from './bind-query.js'
import type { BindContext } from './binder.js'
import { draftColumn, keepsRowsFlat, optionsOf, resolveTable, type DraftWatermark, type TableDraft } from './table-draft.js'
import { likeOptions, withLike } from './table-like.js'
import { objectPath } from './table-names.js'

/** `query`: the bound query of AS SELECT. */
export function defineTable(statement: CreateTable, context: BindContext, query: Relation | null = null): CatalogTable {
  const { source } = context
  const options = optionsOf(statement.options, context)
  const flattened = keepsRowsFlat(
    options['connector'] === undefined && statement.like !== null ? likeOptions(statement.like, context) : options,
  )
  const own: TableDraft = {
    ...objectPath(source, statement.name, context.catalog),
    temporary: statement.temporary,
    columns: statement.columns.flatMap((column) => (column.kind === 'named' ? [] : [draftColumn(column, context, flattened)])),
    watermark: onlyWatermark(statement.watermarks, context),
    primaryKey: keyDraft(statement.primaryKey, context),
    partitionKeys: statement.partitionedBy,
    distribution: statement.distribution,
    options,
    comment: statement.comment,
    at: statement.name.at(-1)?.at as Position,
  }
  const draft =
    statement.like !== null ? withLike(own, statement.like, context) : query !== null ? withQuery(own, statement, query, context) : own
  return resolveTable(draft, context)
}

/** Two are refused. */
export function onlyWatermark(definitions: CreateTable['watermarks'], { source }: BindContext): DraftWatermark | null {
  const [definition, second] = definitions
  if (second !== undefined) throw validationError(source, second.at, 'Multiple WATERMARK statements are not supported: a table has one.')
  return definition === undefined ? null : { ...definition, source }
}

/** @throws SQL_VALIDATION for a key that is ENFORCED */
export function keyDraft(key: PrimaryKeyDefinition | null, { source }: BindContext): TableDraft['primaryKey'] {
  if (key === null) return null
  if (key.enforced) {
    throw validationError(
      source,
      key.at,
      'ENFORCED mode for a PRIMARY KEY is not supported: the data is stored outside, nobody here can check it.',
      'Write PRIMARY KEY (…) NOT ENFORCED.',
    )
  }
  return { at: key.at, columns: key.columns, constraint: key.constraint }
}

/** The query's columns behind those of the statement, which may not be physical ones. */
function withQuery(own: TableDraft, statement: CreateTable, query: Relation, { source }: BindContext): TableDraft {
  const named = statement.columns.find(({ kind }) => kind === 'named')
  if (named !== undefined)
    throw notSupported(source, named.name.at, 'CREATE TABLE … AS SELECT with an order of its columns.', 'Order them in the query.')
  const physical = own.columns.find(({ kind }) => kind !== 'computed')
  if (physical !== undefined)
    throw notSupported(
      source,
      physical.name.at,
      `columns of their own in CREATE TABLE … AS SELECT ('${physical.name.text}').`,
      'They follow from the query: cast there, or use CREATE TABLE and then INSERT INTO.',
    )
  if (statement.temporary)
    throw validationError(source, statement.at, 'CREATE TABLE AS SELECT syntax does not support to create temporary table yet.', null)
  const columns = query.fields.map(({ name, type }): TableDraft['columns'][number] => ({
    kind: 'physical',
    name: { text: name, at: (statement.query as Query).at },
    parts: [{ kind: 'physical', name, type, comment: null }],
  }))
  return { ...own, columns: [...columns, ...own.columns] }
}

export function defineView(statement: CreateView, context: BindContext): CatalogView {
  return viewOf(
    { ...statement, path: objectPath(context.source, statement.name, context.catalog), nameAt: statement.name.at(-1)?.at as Position },
    context,
  )
}

export interface ViewDraft {
  readonly path: ObjectPath
  readonly temporary: boolean
  readonly columns: CreateView['columns']
  readonly comment: string | null
  readonly query: Query
  readonly text: string
  readonly at: Position
  readonly nameAt: Position
}

export function viewOf(draft: ViewDraft, context: BindContext): CatalogView {
  const source: SourceText = context.source
  const relation = renamed(bindQuery(draft.query, context), draft.columns, draft.at, context)
  const seen = new Set<string>()
  for (const field of relation.fields) {
    if (seen.has(field.name))
      throw validationError(source, draft.at, `The view has two columns named '${field.name}'.`, 'Name them with AS.')
    seen.add(field.name)
  }
  return {
    kind: 'view',
    ...draft.path,
    temporary: draft.temporary,
    query: draft.query,
    text: draft.text,
    comment: draft.comment,
    within: context.catalog.current,
    source,
    at: draft.nameAt,
    columns: relation.fields.map(({ name: column, type, rowtime }) => ({ name: column, type, rowtime })),
  }
}
