/** Nodes of a query before it is optimised, as Calcite prints them: `LogicalProject(n=[+($0, 1)])`, columns by their number. */
import type { AggregateCall } from '#core/graph/operator-spec.js'
import type { Expression, LiteralValue } from '#core/graph/expression.js'
import { typeToString, withNullable, type LogicalType } from '#core/types/logical-type.js'
import { describeExpression } from '#runtime/expr/describe.js'
import { describeNode } from './describe.js'
import type { Relation, RelationField, Root } from './relation.js'

const MAX_VALUES = 100
const MAX_DEPTH = 60

const OTHER_NAMES: Readonly<Partial<Record<(Relation | Root)['kind'], string>>> = {
  calc: 'LogicalCalc',
  'window-table-function': 'LogicalTableFunctionScan',
  'window-aggregate': 'LogicalWindowAggregate',
  rank: 'LogicalRank',
  over: 'LogicalWindow',
  match: 'LogicalMatch',
  sink: 'LogicalSink',
  collect: 'LogicalSink',
}

export function describeLogical(node: Relation | Root): string {
  switch (node.kind) {
    case 'scan':
      return `LogicalTableScan(table=[[${node.table.catalog}, ${node.table.database}, ${node.table.name}]])`
    case 'values':
      return `LogicalValues(tuples=[${tuples(node.rows, node.fields)}])`
    case 'project':
      return `LogicalProject(${node.expressions.map((expression, i) => `${node.fields[i]?.name}=[${rex(expression)}]`).join(', ')})`
    case 'filter':
      return `LogicalFilter(condition=[${rex(node.condition)}])`
    case 'watermark':
      return `LogicalWatermarkAssigner(rowtime=[${node.fields[node.column]?.name}], watermark=[${rex(node.expression)}])`
    case 'aggregate': {
      const calls = node.calls.map((call, i) => `${node.fields[node.keys.length + i]?.name}=[${aggregateText(call)}]`)
      return `LogicalAggregate(${[`group=[{${node.keys.join(', ')}}]`, ...calls].join(', ')})`
    }
    case 'join': {
      const width = node.left.fields.length
      const keys = node.leftKeys.map((key, i) => `=($${key}, $${width + (node.rightKeys[i] as number)})`)
      const parts = node.condition === null ? keys : [...keys, rex(node.condition)]
      const condition = parts.length === 0 ? 'true' : parts.length === 1 ? parts[0] : `AND(${parts.join(', ')})`
      return `LogicalJoin(condition=[${condition}], joinType=[${node.joinType}])`
    }
    case 'sort': {
      const keys = node.keys.map(({ column }, i) => `sort${i}=[$${column}]`)
      const directions = node.keys.map(
        ({ ascending, nullsFirst }, i) => `dir${i}=[${ascending ? 'ASC' : 'DESC'}-nulls-${nullsFirst ? 'first' : 'last'}]`,
      )
      const rows = [...(node.offset > 0 ? [`offset=[${node.offset}]`] : []), ...(node.limit === null ? [] : [`fetch=[${node.limit}]`])]
      return `LogicalSort(${[...keys, ...directions, ...rows].join(', ')})`
    }
    case 'union':
      return 'LogicalUnion(all=[true])'
    case 'set-operation':
      return `${node.operator === 'intersect' ? 'LogicalIntersect' : 'LogicalMinus'}(all=[${node.all}])`
    default:
      return describeNode(node).replace(/^\w+/, OTHER_NAMES[node.kind] ?? '$&')
  }
}

/** `[{ 1, _UTF-16LE'a' }, { 2, null }]` */
export function tuples(rows: readonly (readonly LiteralValue[])[], fields: readonly RelationField[]): string {
  const shown = rows
    .slice(0, MAX_VALUES)
    .map((row) => `{ ${row.map((value, i) => literal(value, (fields[i] as RelationField).type)).join(', ')} }`)
  return `[${shown.join(', ')}${rows.length > MAX_VALUES ? ', …' : ''}]`
}

/** `RecordType(INTEGER id, VARCHAR(11) name)` */
export function recordType(fields: readonly RelationField[]): string {
  return `RecordType(${fields.map(({ name, type }) => `${calciteType(type)} ${name}`).join(', ')})`
}

function calciteType(type: LogicalType): string {
  const text = typeToString(withNullable(type, true))
  return text === 'INT' ? 'INTEGER' : text === 'STRING' ? 'VARCHAR(2147483647)' : text
}

function literal(value: LiteralValue, type: LogicalType): string {
  if (value === null) return 'null'
  const text = describeExpression({ kind: 'literal', value, type })
  return type.kind === 'VARCHAR' ? `_UTF-16LE${text}` : text
}

function rex(expression: Expression, depth = 0): string {
  if (depth > MAX_DEPTH) return '…'
  switch (expression.kind) {
    case 'input':
      return `$${expression.index}`
    case 'literal':
      return expression.value === null ? `null:${calciteType(expression.type)}` : literal(expression.value, expression.type)
    case 'cast':
      return `${expression.safe ? 'TRY_CAST' : 'CAST'}(${rex(expression.arg, depth + 1)}):${calciteType(expression.type)}`
    case 'call': {
      // A user's function by the name it was called by, which only the general text knows.
      const called = describeExpression({ ...expression, args: [] }).replace(/\(\)$/, '')
      const name = /^[\w$.`]+$/.test(called) ? called : expression.name
      return `${name}(${expression.args.map((arg) => rex(arg, depth + 1)).join(', ')})`
    }
  }
}

function aggregateText({ function: name, distinct, args, filter }: AggregateCall): string {
  const text = `${name}(${distinct ? 'DISTINCT ' : ''}${args.map((arg) => `$${arg}`).join(', ')})`
  return filter === undefined ? text : `${text} FILTER $${filter}`
}
