/** The FROM clause: tables, views, sub-queries, window functions and joins, each to a relation and the names it brings. */
import { findConnector } from '#runtime/connectors/registry.js'
import type { CallNode } from '../parser/ast-expression.js'
import type { AliasNode, JoinNode, NamedTableNode, TableNode } from '../parser/ast-query.js'
import type { Position } from '../parser/source-text.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import type { Name } from '../parser/token-stream.js'
import { fullName, type Catalog, type CatalogColumn, type CatalogTable, type CatalogView, type RowField } from '../catalog/catalog.js'
import { castTo, inputColumn } from '../plan/expressions.js'
import { withJoinTime } from '../plan/join-times.js'
import { joinFields, projectedField, type Relation, type RelationField } from '../plan/relation.js'
import { bindCondition, bindExpression, expressionContext } from './bind-expression.js'
import { tableAsOf } from './bind-temporal.js'
import { bindMatch } from './bind-match.js'
import { bindQuery, renamed } from './bind-query.js'
import { bindChangelogFunction, isChangelogFunction } from './bind-changelog-function.js'
import { bindUnnest, joinUnnest } from './bind-unnest.js'
import { bindWindowFunction } from './bind-window-function.js'
import { MAX_VIEW_DEPTH, type BindContext } from './binder.js'
import { checkConnector, refusePartsOf } from './connector-options.js'
import { commonColumns, equalities, mergeCommon } from './common-columns.js'
import { scopeOf, type Scope, type ScopeColumn } from './scope.js'
import { findObject } from './table-names.js'

export interface BoundTable {
  readonly relation: Relation
  readonly scope: Scope
}

export function bindTable(node: TableNode, context: BindContext): BoundTable {
  const { source } = context
  switch (node.kind) {
    case 'named-table':
      return bindNamedTable(node, context)
    case 'derived-table':
      if (node.lateral) throw notSupported(source, node.at, 'LATERAL sub-queries.')
      return aliased(bindQuery(node.query, context), node.alias, null, context)
    case 'function-table':
      if (node.lateral) throw notSupported(source, node.at, 'LATERAL TABLE(…).')
      return aliased(bindTableFunction(node.call, context), node.alias, null, context)
    case 'unnest':
      return bindUnnest(node, context)
    case 'match':
      return aliased(bindMatch(node, bindTable(node.input, context), context), node.alias, null, context)
    case 'join':
      return bindJoin(node, context)
  }
}

function bindTableFunction(call: CallNode, context: BindContext): Relation {
  const name = (call.name.at(-1)?.text ?? '').toUpperCase()
  return isChangelogFunction(name) ? bindChangelogFunction(name, call, context) : bindWindowFunction(call, context)
}

function aliased(relation: Relation, alias: AliasNode | null, name: string | null, context: BindContext): BoundTable {
  const shown = alias === null ? relation : renamed(relation, alias.columns, alias.name.at, context)
  return { relation: shown, scope: scopeOf(shown.fields, alias?.name.text ?? name) }
}

function bindNamedTable(node: NamedTableNode, context: BindContext): BoundTable {
  const { source } = context
  if (node.asOf !== null)
    throw notSupported(source, node.at, 'FOR SYSTEM_TIME AS OF of a table that nothing is joined with.', 'Use it right of JOIN.')
  if (node.sampled) throw notSupported(source, node.at, 'TABLESAMPLE.')
  let options: Readonly<Record<string, string>> = {}
  for (const hint of node.hints) {
    if (hint.name !== 'OPTIONS') throw notSupported(source, hint.at, `the hint ${hint.name}.`)
    for (const { key, value } of hint.options) {
      if (value === null) throw validationError(source, hint.at, "The hint OPTIONS takes 'key'='value' pairs.")
      options = { ...options, [key]: value }
    }
  }
  const relation = bindNamed(node.name, options, context)
  return aliased(relation, node.alias, (node.name.at(-1) as Name).text, context)
}

/** A query of WITH, a view, or a table, by name. */
export function bindNamed(name: readonly Name[], options: Readonly<Record<string, string>>, context: BindContext): Relation {
  const { source } = context
  const at = (name.at(-1) as Name).at
  const cte = name.length === 1 ? context.ctes.get((name[0] as Name).text) : undefined
  const object = cte === undefined ? findObject(source, name, context.catalog, [...context.ctes.keys()]) : undefined
  if (object?.kind === 'table') return scanTable(object, options, at, context)
  if (Object.keys(options).length > 0)
    throw validationError(source, at, `The hint OPTIONS belongs to tables, and '${(name.at(-1) as Name).text}' is none.`)
  if (cte !== undefined) return cte
  return expandView(object as CatalogView, at, context)
}

function expandView(view: CatalogView, at: Position, context: BindContext): Relation {
  const name = fullName(view)
  if (context.views.includes(name))
    throw validationError(context.source, at, `The view '${name}' is made of itself (${[...context.views, name].join(' → ')}).`)
  if (context.views.length >= MAX_VIEW_DEPTH)
    throw validationError(context.source, at, `Views are nested more than ${MAX_VIEW_DEPTH} levels deep.`)
  const inner: BindContext = {
    ...context,
    source: view.source,
    catalog: context.catalog.within(view.within),
    ctes: new Map(),
    views: [...context.views, name],
    outer: undefined,
  }
  const relation = bindQuery(view.query, inner)
  const same = relation.fields.length === view.columns.length && relation.fields.every((field, i) => field.name === view.columns[i]?.name)
  if (same) return relation
  const fields = relation.fields.map((field, i): RelationField => ({ ...field, name: view.columns[i]?.name ?? field.name }))
  return { kind: 'project', input: relation, expressions: fields.map((field, i) => inputColumn(i, field.type)), fields }
}

/** Scan of the physical columns, the computed ones above it, then the watermark. */
function scanTable(table: CatalogTable, hinted: Readonly<Record<string, string>>, at: Position, context: BindContext): Relation {
  const options = Object.keys(hinted).length === 0 ? table.options : { ...table.options, ...hinted }
  refusePartsOf(table, at, context.source, true)
  const physical = table.columns.filter((column) => column.kind === 'physical')
  const schema = { fields: physical.map(({ name, type }) => ({ name, type })) }
  checkConnector(table, options, schema, 'source', at, context.source)
  let relation: Relation = {
    kind: 'scan',
    table,
    options,
    columns: physical.map((_, i) => i),
    bounded: findConnector(options['connector'] ?? '')?.source?.bounded(options) ?? false,
    fields: physical.map(({ name, type, field }) => ({ name, type, rowtime: false, ...pathOf(field) })),
  }
  if (table.columns.some((column) => column.kind === 'computed')) relation = computeColumns(table, relation, context.catalog)
  if (table.watermark === null) return relation
  const { column } = table.watermark
  const inner = expressionContext(table.watermark.source, scopeOf(relation.fields, table.name), 'WATERMARK FOR', context.catalog)
  const expression = bindExpression(table.watermark.expression, inner)
  return {
    kind: 'watermark',
    input: relation,
    column,
    expression,
    fields: relation.fields.map((field, i) => ({ ...field, rowtime: i === column })),
  }
}

/** All columns in the table's order, over the scan of the physical ones. */
function computeColumns(table: CatalogTable, scan: Relation, catalog: Catalog): Relation {
  const scope = scopeOf(scan.fields, table.name)
  const expressions = table.columns.map((column: CatalogColumn) => {
    if (column.kind === 'physical') {
      const index = scan.fields.findIndex((field) => field.name === column.name)
      return inputColumn(index, column.type)
    }
    if (column.kind === 'metadata') throw new TypeError(`Column ${column.name} of ${fullName(table)} has no source`)
    return castTo(bindExpression(column.expression, expressionContext(column.source, scope, 'a computed column', catalog)), column.type)
  })
  return {
    kind: 'project',
    input: scan,
    expressions,
    fields: expressions.map((expression, i) => {
      const column = table.columns[i] as CatalogColumn
      return { ...projectedField(column.name, expression, scan.fields), ...(column.kind === 'physical' ? pathOf(column.field) : {}) }
    }),
  }
}

function pathOf(field: RowField | undefined): { path: readonly string[] } | undefined {
  return field === undefined ? undefined : { path: field.path }
}

const JOIN_TYPES = { INNER: 'inner', CROSS: 'inner', LEFT: 'left', RIGHT: 'right', FULL: 'full' } as const

function bindJoin(node: JoinNode, context: BindContext): BoundTable {
  const { source } = context
  const left = bindTable(node.left, context)
  if (node.right.kind === 'unnest') return joinUnnest(node, node.right, left, context)
  const asOf = node.right.kind === 'named-table' && node.right.asOf !== null ? node.right : undefined
  const right = bindTable(asOf === undefined ? node.right : { ...asOf, asOf: null }, context)
  const sides = asOf === undefined ? { right: right.relation } : tableAsOf(node, asOf, left, right.relation, context)
  const twice = right.scope.find(({ qualifier }) => qualifier !== null && left.scope.some((column) => column.qualifier === qualifier))
  if (twice !== undefined)
    throw validationError(
      source,
      node.right.at,
      `Table or alias '${twice.qualifier}' stands twice in FROM.`,
      'Give one of them another name with AS.',
    )
  const scope = [...left.scope, ...right.scope]
  const common = commonColumns(node, left.scope, right.scope, context)
  const on = { ...expressionContext(source, scope, 'ON', context.catalog), outer: context.outer }
  const condition = common === undefined ? (node.on === null ? null : bindCondition(node.on, on)) : equalities(common, scope, on)
  const joinType = JOIN_TYPES[node.type]
  const relation = withJoinTime({
    kind: 'join',
    joinType,
    left: left.relation,
    ...sides,
    leftKeys: [],
    rightKeys: [],
    condition,
    fields: joinFields(joinType, left.relation.fields, sides.right.fields, sides),
  })
  const joined = scope.map((column, i): ScopeColumn => {
    const { type, rowtime } = relation.fields[i] as RelationField
    return { ...column, type, rowtime }
  })
  return common === undefined ? { relation, scope: joined } : mergeCommon({ relation, scope: joined }, common, joinType, on)
}
