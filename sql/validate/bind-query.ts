/** Queries to relational algebra: WITH, set operations, VALUES, ORDER BY and LIMIT of what is no SELECT. */
import type { Expression } from '#core/graph/expression.js'
import type { SortKey } from '#core/graph/operator-spec.js'
import type { LogicalType } from '#core/types/logical-type.js'
import { foldConstant } from '#runtime/expr/interpreter.js'
import { commonType, typeInMessage } from '#runtime/expr/type-rules.js'
import type { ExpressionNode, SortItemNode } from '../parser/ast-expression.js'
import type { Query, QueryBody, SetOperationNode, ValuesNode } from '../parser/ast-query.js'
import type { Position } from '../parser/source-text.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import type { Name } from '../parser/token-stream.js'
import { castTo, inputColumn } from '../plan/expressions.js'
import { projectedField, type Relation, type RelationField } from '../plan/relation.js'
import { bindAll, expressionContext } from './bind-expression.js'
import { bindSelect } from './bind-select.js'
import type { BindContext } from './binder.js'
import { resolveColumn, scopeOf } from './scope.js'

export function bindQuery(query: Query, outer: BindContext): Relation {
  const context = withCtes(query, outer)
  const limit = limitValue(query.limit, 'LIMIT', context)
  const offset = limitValue(query.offset, 'OFFSET', context) ?? 0
  if (query.body.kind === 'select') return bindSelect(query.body, query.orderBy, limit, offset, context)
  const input = bindBody(query.body, context)
  if (query.orderBy.length === 0 && limit === null && offset === 0) return input
  const keys = query.orderBy.map((item) => sortKey(item, outputColumn(item, input, context)))
  return { kind: 'sort', input, keys, limit, offset, fields: input.fields }
}

function withCtes(query: Query, outer: BindContext): BindContext {
  let context = outer
  for (const { name, columns, query: inner } of query.with) {
    const relation = renamed(bindQuery(inner, context), columns, name.at, context)
    context = { ...context, ctes: new Map([...context.ctes, [name.text, relation]]) }
  }
  return context
}

function bindBody(body: QueryBody, context: BindContext): Relation {
  switch (body.kind) {
    case 'select':
      return bindSelect(body, [], null, 0, context)
    case 'query':
      return bindQuery(body, context)
    case 'values':
      return bindValues(body, context)
    case 'set-operation':
      return bindSetOperation(body, context)
  }
}

function bindSetOperation(node: SetOperationNode, context: BindContext): Relation {
  const bodies: QueryBody[] = [node.right]
  let rest = node.left
  // A UNION of unions is one; without ALL it does not matter which of them kept rows twice.
  while (node.operator === 'UNION' && rest.kind === 'set-operation' && rest.operator === 'UNION' && (rest.all || !node.all)) {
    bodies.unshift(rest.right)
    rest = rest.left
  }
  bodies.unshift(rest)
  const bound = bodies.map((body) => bindBody(body, context))
  const places = bodies.map((body) => body.at)
  const fields = commonFields(bound, places, `${node.operator}${node.all ? ' ALL' : ''}`, context)
  const inputs = bound.map((input) => converted(input, fields))
  const kept = fields.map((field) => ({ ...field, rowtime: false }))
  switch (node.operator) {
    case 'UNION': {
      const union: Relation = { kind: 'union', inputs, fields }
      return node.all ? union : { kind: 'aggregate', input: union, keys: fields.map((_, i) => i), calls: [], fields: kept }
    }
    case 'INTERSECT':
      return { kind: 'set-operation', operator: 'intersect', all: node.all, inputs, fields: kept }
    case 'EXCEPT':
      return { kind: 'set-operation', operator: 'except', all: node.all, inputs, fields: kept }
  }
}

/** Columns by position; each takes the common type and the first input's name. */
function commonFields(inputs: readonly Relation[], places: readonly Position[], operation: string, context: BindContext): RelationField[] {
  const [first] = inputs as [Relation]
  for (const [i, input] of inputs.entries()) {
    if (input.fields.length !== first.fields.length) {
      throw validationError(
        context.source,
        places[i] as Position,
        `Column count mismatch in ${operation}: ${first.fields.length} in the first query, ${input.fields.length} in this one.`,
      )
    }
  }
  return first.fields.map((field, column): RelationField => {
    const columns = inputs.map((input) => input.fields[column] as RelationField)
    const type = commonType(columns.map((other) => other.type))
    if (type === undefined) {
      const wrong = columns.findIndex((other) => commonType([field.type, other.type]) === undefined)
      throw validationError(
        context.source,
        places[Math.max(0, wrong)] as Position,
        `Type mismatch in column ${column + 1} of ${operation}: ${columns.map((other) => typeInMessage(other.type)).join(' and ')}.`,
      )
    }
    return { name: field.name, type, rowtime: columns.every((other) => other.rowtime) }
  })
}

/** The relation with its columns cast to the types of `fields` and named like them. */
export function converted(input: Relation, fields: readonly RelationField[]): Relation {
  const expressions = input.fields.map((field, i) => castTo(inputColumn(i, field.type), (fields[i] as RelationField).type))
  if (expressions.every((expression) => expression.kind === 'input')) return input
  return {
    kind: 'project',
    input,
    expressions,
    fields: fields.map((field, i) => projectedField(field.name, expressions[i] as Expression, input.fields)),
  }
}

/** Rows of constants; a column's type is what its values have in common. */
function bindValues(node: ValuesNode, context: BindContext): Relation {
  const width = (node.rows[0] ?? []).length
  const expressions = expressionContext(context.source, [], 'VALUES', context.catalog)
  const rows = node.rows.map((row) => {
    if (row.length !== width) {
      throw validationError(
        context.source,
        (row[0] as ExpressionNode).at,
        `Values passed to VALUES operator must have compatible types: ${width} columns in the first row, ${row.length} in this one.`,
      )
    }
    return bindAll(row, expressions)
  })
  const types = Array.from({ length: width }, (_, column): LogicalType => {
    const type = commonType(rows.map((row) => (row[column] as Expression).type))
    const place = (
      (node.rows.find((_row, i) => rows[i]?.[column]?.type.kind !== rows[0]?.[column]?.type.kind) ??
        node.rows[0]) as readonly ExpressionNode[]
    )[column] as ExpressionNode
    if (type === undefined)
      throw validationError(
        context.source,
        place.at,
        `Values passed to VALUES operator must have compatible types: column ${column + 1} has ${[...new Set(rows.map((row) => typeInMessage((row[column] as Expression).type)))].join(' and ')}.`,
      )
    if (type.kind === 'NULL')
      throw validationError(
        context.source,
        place.at,
        "Illegal use of 'NULL': the column has no other value.",
        'Cast it: CAST(NULL AS INT).',
      )
    return type
  })
  const fields = types.map((type, i): RelationField => ({ name: `EXPR$${i}`, type, rowtime: false }))
  return constantRows(rows, fields, context)
}

/** Rows whose columns have no input: literals where they fold, else a projection over one row of nothing. */
export function constantRows(rows: readonly (readonly Expression[])[], fields: readonly RelationField[], context: BindContext): Relation {
  const evaluation = { timeZone: context.timeZone, now: () => 0 }
  const folded = rows.map((row) => row.map((cell, i) => fold(castTo(cell, (fields[i] as RelationField).type), evaluation)))
  const literals = folded.map((row) => row.map((cell) => (cell.kind === 'literal' ? cell.value : undefined)))
  if (literals.every((row) => row.every((value) => value !== undefined))) {
    return { kind: 'values', rows: literals as (string | number | boolean | null)[][], fields }
  }
  const one: Relation = { kind: 'values', rows: [[0]], fields: [{ name: 'ZERO', type: { kind: 'INT', nullable: false }, rowtime: false }] }
  const projects = folded.map((expressions): Relation => ({ kind: 'project', input: one, expressions, fields }))
  return projects.length === 1 ? (projects[0] as Relation) : { kind: 'union', inputs: projects, fields }
}

/** A literal where the expression has no inputs and can be computed; failures are left to the moment they happen. */
function fold(expression: Expression, evaluation: Parameters<typeof foldConstant>[1]): Expression {
  try {
    return foldConstant(expression, evaluation) ?? expression
  } catch {
    return expression
  }
}

/** The relation under other column names, as `AS t (a, b)` gives them. */
export function renamed(input: Relation, columns: readonly Name[] | null, at: Position, context: BindContext): Relation {
  if (columns === null) return input
  if (columns.length !== input.fields.length) {
    throw validationError(
      context.source,
      at,
      `${columns.length} column name${columns.length === 1 ? '' : 's'} for ${input.fields.length} column${input.fields.length === 1 ? '' : 's'} (${input.fields.map(({ name }) => name).join(', ')}).`,
    )
  }
  const twice = columns.find((name, i) => columns.findIndex((other) => other.text === name.text) !== i)
  if (twice !== undefined) throw validationError(context.source, twice.at, `Duplicate name '${twice.text}' in column alias.`)
  const fields = input.fields.map((field, i) => ({ ...field, name: (columns[i] as Name).text }))
  return { kind: 'project', input, expressions: input.fields.map((field, i) => inputColumn(i, field.type)), fields }
}

/** The number of LIMIT or OFFSET. */
function limitValue(node: ExpressionNode | null, clause: string, context: BindContext): number | null {
  if (node === null) return null
  if (node.kind !== 'number' || !/^\d+$/.test(node.text)) throw validationError(context.source, node.at, `${clause} takes a whole number.`)
  const value = Number(node.text)
  if (value > 2_147_483_647) throw validationError(context.source, node.at, `${clause} ${node.text} is larger than 2147483647.`)
  return value
}

/** NULL counts as the lowest value, as in Flink. */
export function sortKey(item: SortItemNode, column: number): SortKey {
  return { column, ascending: item.ascending, nullsFirst: item.nullsFirst ?? item.ascending }
}

/** The output column an item of ORDER BY names, or counts (from 1). */
function outputColumn(item: SortItemNode, input: Relation, context: BindContext): number {
  const { expression } = item
  if (expression.kind === 'column') return resolveColumn(context.source, scopeOf(input.fields, null), expression.path)
  const ordinal = ordinalOf(expression, input.fields.length, context)
  if (ordinal !== undefined) return ordinal
  throw notSupported(
    context.source,
    expression.at,
    'expressions in the ORDER BY of UNION and VALUES.',
    'Order by a column, or by its number.',
  )
}

/** `ORDER BY 2`: the second output column. */
export function ordinalOf(expression: ExpressionNode, width: number, context: BindContext): number | undefined {
  if (expression.kind !== 'number' || !/^\d+$/.test(expression.text)) return undefined
  const ordinal = Number(expression.text)
  if (ordinal < 1 || ordinal > width)
    throw validationError(context.source, expression.at, `Ordinal out of range: there are ${width} columns.`)
  return ordinal - 1
}
