/** Plan nodes as Flink prints them: `Calc(select=[a, b], where=[(a > 1)])`. */
import type { Expression } from '#core/graph/expression.js'
import type { AggregateCall, JoinType, OverCall, SortKey } from '#core/graph/operator-spec.js'
import { matchText } from './describe-match.js'
import { formatDuration } from '#core/config/units.js'
import { describeExpression } from '#runtime/expr/describe.js'
import { fullName } from '../catalog/catalog.js'
import {
  inputsOf,
  type Aggregate,
  type Join,
  type Over,
  type Rank,
  type Relation,
  type RelationField,
  type Root,
  type WindowAggregate,
  type Window,
} from './relation.js'

const MAX_VALUES = 10
const JOIN_TYPES: Readonly<Record<JoinType, string>> = {
  inner: 'InnerJoin',
  left: 'LeftOuterJoin',
  right: 'RightOuterJoin',
  full: 'FullOuterJoin',
  semi: 'LeftSemiJoin',
  anti: 'LeftAntiJoin',
}

export function expressionText(expression: Expression, fields: readonly RelationField[]): string {
  return describeExpression(expression, { fields })
}

/** Short name without attributes: `GroupAggregate`. */
export function nodeName(node: Relation | Root): string {
  switch (node.kind) {
    case 'scan':
      return 'TableSourceScan'
    case 'values':
      return 'Values'
    case 'project':
      return 'Project'
    case 'filter':
      return 'Filter'
    case 'calc':
      return 'Calc'
    case 'watermark':
      return 'WatermarkAssigner'
    case 'aggregate':
      return 'GroupAggregate'
    case 'unnest':
      return 'Correlate'
    case 'window-table-function':
      return 'WindowTableFunction'
    case 'window-aggregate':
      return 'WindowAggregate'
    case 'join':
      if (node.lookup === true) return 'LookupJoin'
      if (node.temporal !== undefined) return 'TemporalJoin'
      return node.time === undefined ? 'Join' : node.time.kind === 'rowtime' ? 'IntervalJoin' : 'WindowJoin'
    case 'to-changelog':
    case 'from-changelog':
      return 'ProcessTableFunction'
    case 'over':
      return 'OverAggregate'
    case 'match':
      return 'Match'
    case 'rank':
      return isDeduplicate(node) ? 'Deduplicate' : 'Rank'
    case 'sort':
      return node.keys.length === 0 ? 'Limit' : node.limit === null && node.offset === 0 ? 'Sort' : 'SortLimit'
    case 'union':
      return 'Union'
    case 'set-operation':
      return node.operator === 'intersect' ? 'Intersect' : 'Minus'
    case 'sink':
    case 'collect':
      return 'Sink'
  }
}

/** `more`: attributes behind the node's own. */
export function describeNode(node: Relation | Root, more: readonly string[] = []): string {
  const attributes = [...attributesOf(node).map(([key, value]) => `${key}=[${value}]`), ...more]
  return `${nodeName(node)}(${attributes.join(', ')})`
}

function attributesOf(node: Relation | Root): (readonly [key: string, value: string])[] {
  const names = (fields: readonly RelationField[]): string => fields.map(({ name }) => name).join(', ')
  switch (node.kind) {
    case 'scan':
      return [
        ['table', `[${node.table.catalog}, ${node.table.database}, ${node.table.name}]`],
        ['fields', names(node.fields)],
      ]
    case 'values': {
      const rows = node.rows
        .slice(0, MAX_VALUES)
        .map(
          (row) =>
            `{ ${row.map((value, i) => expressionText({ kind: 'literal', value, type: (node.fields[i] as RelationField).type }, [])).join(', ')} }`,
        )
      return [['tuples', `[${rows.join(', ')}${node.rows.length > MAX_VALUES ? ', …' : ''}]`]]
    }
    case 'project':
      return [['select', selection(node.expressions, node.fields, node.input.fields)]]
    case 'filter':
      return [['condition', expressionText(node.condition, node.fields)]]
    case 'calc': {
      const select = ['select', selection(node.projection, node.fields, node.input.fields)] as const
      return node.condition === null ? [select] : [select, ['where', expressionText(node.condition, node.input.fields)]]
    }
    case 'watermark':
      return [
        ['rowtime', node.fields[node.column]?.name ?? ''],
        ['watermark', expressionText(node.expression, node.fields)],
      ]
    case 'aggregate':
      return [...groupBy(node), ['select', aggregation(node)]]
    case 'unnest': {
      const field = node.input.fields[node.column]
      const what = field?.type.kind === 'MAP' ? 'UNNEST_MAP' : 'UNNEST_ROWS'
      return [
        ['invocation', `$${what}${node.ordinality ? '_WITH_ORDINALITY' : ''}$1(${field?.name ?? ''})`],
        ['select', node.fields.map(({ name }) => name).join(', ')],
        ['joinType', node.outer ? 'LEFT' : 'INNER'],
      ]
    }
    case 'window-table-function':
      return [['window', windowText(node.window, node.timeColumn, node.input.fields)]]
    case 'window-aggregate': {
      const borders = node.emit.map((property) => `${property.replace('window_', '')}('w$) AS ${property}`)
      return [
        ...groupBy(node),
        ['window', windowText(node.window, node.timeColumn, node.input.fields)],
        ...(node.condition === undefined ? [] : [['where', node.input.fields[node.condition]?.name ?? ''] as const]),
        ['select', [aggregation(node), ...borders].filter((part) => part !== '').join(', ')],
      ]
    }
    case 'join': {
      const keys = node.leftKeys.map(
        (key, i) => `(${node.left.fields[key]?.name} = ${node.right.fields[node.rightKeys[i] as number]?.name})`,
      )
      const rest = node.condition === null ? [] : [expressionText(node.condition, [...node.left.fields, ...node.right.fields])]
      const where = [...keys, ...rest]
      return [
        ...(node.lookup === true ? [['table', lookupName(node.right)] as const] : []),
        ['joinType', JOIN_TYPES[node.joinType]],
        ...joinTimeText(node),
        ['where', where.length === 0 ? 'true' : where.length === 1 ? (where[0] as string) : `(${where.join(' AND ')})`],
        ['select', names(node.fields)],
        ...(node.single === true ? [['singleRow', 'true'] as const] : []),
      ]
    }
    case 'match':
      return matchText(node)
    case 'rank': {
      const partition = node.partition.map((key) => node.input.fields[key]?.name).join(', ')
      const [first] = node.order
      if (isDeduplicate(node))
        return [
          ['keep', first?.ascending === true ? 'FirstRow' : 'LastRow'],
          ['key', partition],
          ['order', 'ROWTIME'],
        ]
      return [
        ['rankType', 'ROW_NUMBER'],
        ['rankRange', `rankStart=1, rankEnd=${node.limit}`],
        ['partitionBy', partition],
        ['orderBy', node.order.map((key) => sortText(key, node.input.fields)).join(', ')],
        ['select', names(node.fields)],
      ]
    }
    case 'to-changelog':
      return [
        [
          'invocation',
          `TO_CHANGELOG(TABLE(#0), DESCRIPTOR(_UTF-16LE'${node.fields[0]?.name}'), ${node.codes.map((code) => code ?? '-').join('/')})`,
        ],
        ['select', names(node.fields)],
      ]
    case 'from-changelog':
      return [
        ['invocation', `FROM_CHANGELOG(TABLE(#0), DESCRIPTOR(_UTF-16LE'${node.input.fields[node.column]?.name}'))`],
        ['select', names(node.fields)],
      ]
    case 'over':
      return [
        ...(node.partition.length === 0
          ? []
          : [['partitionBy', node.partition.map((key) => node.input.fields[key]?.name).join(', ')] as const]),
        ...(node.order.length === 0 ? [] : [['orderBy', node.order.map((key) => sortText(key, node.input.fields)).join(', ')] as const]),
        ['window', frameText(node)],
        ['select', [names(node.input.fields), ...node.calls.map((call, i) => `${callText(call, node.input.fields)} AS ${node.fields[node.input.fields.length + i]?.name}`)].join(', ')], // prettier-ignore
      ]
    case 'sort': {
      const attributes: (readonly [string, string])[] =
        node.keys.length === 0 ? [] : [['orderBy', node.keys.map((key) => sortText(key, node.fields)).join(', ')]]
      if (node.limit !== null || node.offset > 0)
        attributes.push(['offset', String(node.offset)], ['fetch', node.limit === null ? 'unlimited' : String(node.limit)])
      return attributes
    }
    case 'set-operation':
      return [
        ['all', String(node.all)],
        [node.operator === 'intersect' ? 'intersect' : 'minus', names(node.fields)],
      ]
    case 'union':
      return [
        ['all', 'true'],
        ['union', names(node.fields)],
      ]
    case 'sink':
      return [
        ['table', fullName(node.table)],
        ['fields', names(node.input.fields)],
      ]
    case 'collect':
      return [
        ['table', '*anonymous_collect$1*'],
        ['fields', names(node.input.fields)],
      ]
  }
}

/** Of the table that is looked up. */
function lookupName(relation: Relation): string {
  const [input] = inputsOf(relation)
  return relation.kind === 'scan' ? fullName(relation.table) : input === undefined ? '' : lookupName(input)
}

function joinTimeText({ time, left, right }: Join): (readonly [string, string])[] {
  if (time === undefined) return []
  const [ofLeft, ofRight] = [left.fields[time.left]?.name, right.fields[time.right]?.name]
  if (time.kind !== 'rowtime') return [['windows', `${ofLeft} = ${ofRight}`]]
  const bounds = `leftLowerBound=${time.lowerMs}, leftUpperBound=${time.upperMs}`
  return [['windowBounds', `isRowTime=true, ${bounds}, leftTime=${ofLeft}, rightTime=${ofRight}`]]
}

function selection(expressions: readonly Expression[], fields: readonly RelationField[], input: readonly RelationField[]): string {
  return expressions
    .map((expression, i) => {
      const text = expressionText(expression, input)
      const name = fields[i]?.name ?? ''
      return text === name ? name : `${text} AS ${name}`
    })
    .join(', ')
}

function groupBy(node: Aggregate | WindowAggregate): (readonly [string, string])[] {
  return node.keys.length === 0 ? [] : [['groupBy', node.keys.map((key) => node.input.fields[key]?.name).join(', ')]]
}

function aggregation(node: Aggregate | WindowAggregate): string {
  const keys = node.keys.map((key) => node.input.fields[key]?.name ?? '')
  const calls = node.calls.map((call, i) => `${callText(call, node.input.fields)} AS ${node.fields[node.keys.length + i]?.name}`)
  return [...keys, ...calls].join(', ')
}

/** As Flink prints it, which has RANG for RANGE. */
function frameText({ frame: { unit, start, end } }: Over): string {
  const bound = (rows: number | null, unbounded: string): string =>
    rows === null ? `UNBOUNDED ${unbounded}` : rows === 0 ? 'CURRENT ROW' : `${Math.abs(rows)} ${rows < 0 ? 'PRECEDING' : 'FOLLOWING'}`
  return ` ${unit === 'ROWS' ? unit : 'RANG'} BETWEEN ${bound(start, 'PRECEDING')} AND ${bound(end, 'FOLLOWING')}`
}

function callText(call: AggregateCall | OverCall, input: readonly RelationField[]): string {
  const args = call.args.map((arg) => input[arg]?.name).join(', ')
  const filter = call.filter === undefined ? '' : ` FILTER ${input[call.filter]?.name}`
  return `${call.function}(${call.distinct ? 'DISTINCT ' : ''}${args === '' ? '*' : args})${filter}`
}

function windowText(window: Window, timeColumn: number, fields: readonly RelationField[]): string {
  const time = `time_col=[${fields[timeColumn]?.name ?? ''}]`
  if (window.kind === 'session') {
    const partition = (window.partition ?? []).map((column) => fields[column]?.name ?? '')
    const keys = partition.length === 0 ? [] : [`partition keys=[${partition.join(', ')}]`]
    return `SESSION(${[time, `gap=[${formatDuration(window.gapMs)}]`, ...keys].join(', ')})`
  }
  const attributes: (readonly [string, number])[] =
    window.kind === 'tumble'
      ? [['size', window.sizeMs]]
      : window.kind === 'hop'
        ? [
            ['size', window.sizeMs],
            ['slide', window.slideMs],
          ]
        : [
            ['max_size', window.sizeMs],
            ['step', window.stepMs],
          ]
  if (window.offsetMs !== 0) attributes.push(['offset', window.offsetMs])
  const texts = attributes.map(([name, ms]) => `${name}=[${formatDuration(ms)}]`)
  return `${window.kind.toUpperCase()}(${[time, ...texts].join(', ')})`
}

/** The first or last row of each key by event time. */
export function isDeduplicate({ limit, order, input }: Rank): boolean {
  const [key, second] = order
  return limit === 1 && key !== undefined && second === undefined && input.fields[key.column]?.rowtime === true
}

function sortText(key: SortKey, fields: readonly RelationField[]): string {
  const nulls = key.nullsFirst === key.ascending ? '' : key.nullsFirst ? ' NULLS FIRST' : ' NULLS LAST'
  return `${fields[key.column]?.name} ${key.ascending ? 'ASC' : 'DESC'}${nulls}`
}

/** The tree, root first, inputs below their reader. */
export function describeTree(root: Relation | Root, line: (node: Relation | Root) => string): string {
  const lines: string[] = []
  const visit = (node: Relation | Root, first: string, rest: string): void => {
    lines.push(first + line(node))
    const inputs = node.kind === 'sink' || node.kind === 'collect' ? [node.input] : inputsOf(node)
    for (const [i, input] of inputs.entries()) {
      const last = i === inputs.length - 1
      visit(input, `${rest}${last ? '+- ' : ':- '}`, `${rest}${last ? '   ' : ':  '}`)
    }
  }
  visit(root, '', '')
  return lines.join('\n')
}
