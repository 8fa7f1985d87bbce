/** UNNEST: alone, or right of a join, where it may read the columns on its left. */
import { INT, isNested, notNull, typeToString, withNullable, type LogicalType } from '#core/types/logical-type.js'
import type { JoinNode, UnnestNode } from '../parser/ast-query.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import { inputColumn } from '../plan/expressions.js'
import type { Relation, RelationField } from '../plan/relation.js'
import { bindCondition, bindExpression, expressionContext } from './bind-expression.js'
import type { BoundTable } from './bind-table.js'
import type { BindContext } from './binder.js'
import { scopeOf } from './scope.js'

/** A row without columns that anyone could name. */
const ONE_ROW: Relation = { kind: 'values', rows: [[0]], fields: [{ name: 'ZERO', type: notNull(INT), rowtime: false }] }

/** FROM UNNEST(…) with nothing before it. */
export function bindUnnest(node: UnnestNode, context: BindContext): BoundTable {
  return unnested(node, { relation: ONE_ROW, scope: [] }, false, context)
}

/** `t CROSS JOIN UNNEST(t.a)`, `t, UNNEST(t.a)`, `t LEFT JOIN UNNEST(t.a) ON TRUE`. */
export function joinUnnest(join: JoinNode, node: UnnestNode, left: BoundTable, context: BindContext): BoundTable {
  const { source } = context
  if (join.type === 'RIGHT' || join.type === 'FULL' || join.natural || join.using !== null)
    throw validationError(source, node.at, 'UNNEST stands right of CROSS JOIN, JOIN … ON or LEFT JOIN … ON TRUE.')
  const table = unnested(node, left, join.type === 'LEFT', context)
  if (join.on === null) return table
  const condition = bindCondition(join.on, expressionContext(source, table.scope, 'ON'))
  if (condition.kind === 'literal' && condition.value === true) return table
  if (join.type === 'LEFT')
    throw notSupported(source, join.on.at, 'a condition other than TRUE at LEFT JOIN UNNEST.', 'Write ON TRUE, and the condition in WHERE.')
  return { ...table, relation: { kind: 'filter', input: table.relation, condition, fields: table.relation.fields } }
}

function unnested(node: UnnestNode, left: BoundTable, outer: boolean, context: BindContext): BoundTable {
  const { source } = context
  const width = left.scope.length
  const collection = bindExpression(node.arg, expressionContext(source, left.scope, 'UNNEST'))
  const { type } = collection
  if (!isNested(type.kind) || type.kind === 'ROW')
    throw validationError(
      source,
      node.arg.at,
      `UNNEST takes an ARRAY, a MAP or a MULTISET, not a ${typeToString(withNullable(type, true))}.`,
    )
  const { fields } = left.relation
  const input: Relation =
    collection.kind === 'input'
      ? left.relation
      : {
          kind: 'project',
          input: left.relation,
          expressions: [...fields.map((field, i) => inputColumn(i, field.type)), collection],
          fields: [...fields, { name: 'UNNESTED', type, rowtime: false }],
        }
  const elements = elementFields(type).map((field): RelationField => ({
    ...field,
    type: outer ? withNullable(field.type, true) : field.type,
    rowtime: false,
  }))
  if (node.ordinality) elements.push({ name: 'ORDINALITY', type: withNullable(INT, outer), rowtime: false })
  const names = node.alias?.columns ?? null
  if (names !== null && names.length !== elements.length)
    throw validationError(
      source,
      node.alias?.name.at ?? node.at,
      `${names.length} column names for ${elements.length} columns of UNNEST (${elements.map(({ name }) => name).join(', ')}).`,
    )
  const named = elements.map((field, i) => ({ ...field, name: names?.[i]?.text ?? field.name }))
  const relation: Relation = {
    kind: 'unnest',
    input,
    column: collection.kind === 'input' ? collection.index : fields.length,
    kept: Array.from({ length: width }, (_, i) => i),
    outer,
    ordinality: node.ordinality,
    fields: [...fields.slice(0, width), ...named],
  }
  return { relation, scope: [...left.scope, ...scopeOf(named, node.alias?.name.text ?? null)] }
}

function elementFields(type: LogicalType): { name: string; type: LogicalType }[] {
  if (type.kind === 'MAP')
    return [
      { name: 'KEY', type: type.key },
      { name: 'VALUE', type: type.value },
    ]
  const { element } = type as { element: LogicalType }
  if (element.kind !== 'ROW') return [{ name: 'f0', type: element }]
  return element.fields.map((field) => ({ name: field.name, type: element.nullable ? withNullable(field.type, true) : field.type }))
}
