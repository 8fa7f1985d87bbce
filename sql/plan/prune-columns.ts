/**
 * Columns nobody reads leave the plan, down to the scan. `prune` returns a relation with exactly the wanted columns that are
 * needed, and where each of the old ones now is.
 */
import type { Expression } from '#core/graph/expression.js'
import { columnsOf, renumber } from './expressions.js'
import { matchColumns, moveMatchColumns } from './match-columns.js'
import { hasRightColumns, joinFields, type Relation, type RelationField, type Window } from './relation.js'

interface Pruned {
  readonly relation: Relation
  /** Old column → new one, for the wanted columns at least. */
  readonly at: ReadonlyMap<number, number>
}

/**
 * Prunes the queries of one job. Where several read a table, all read the columns that any of them wants, so that the source and
 * its watermarks can be one.
 */
export function pruneAll(relations: readonly Relation[]): Relation[] {
  const shared: SharedColumns = new Map()
  for (const relation of relations) pruneColumns(relation, shared)
  return relations.map((relation) => pruneColumns(relation, shared))
}

/** Columns wanted of a scan or watermark, by its text. */
type SharedColumns = Map<string, Set<number>>

function pruneColumns(relation: Relation, shared: SharedColumns): Relation {
  const all = relation.fields.map((_, i) => i)
  const pruned = prune(relation, new Set(all), shared)
  if (pruned.relation.fields.length === all.length && all.every((column) => pruned.at.get(column) === column)) return pruned.relation
  const expressions = all.map((column): Expression => ({
    kind: 'input',
    index: pruned.at.get(column) as number,
    type: (relation.fields[column] as RelationField).type,
  }))
  return { kind: 'project', input: pruned.relation, expressions, fields: relation.fields }
}

/** What is wanted here and by the other readers of the same table. */
function wantedByAll(relation: Relation, wanted: ReadonlySet<number>, shared: SharedColumns): ReadonlySet<number> {
  const key = JSON.stringify(relation, (name, value: unknown) => (name === 'table' ? (value as { name: string }).name : value))
  const all = new Set([...(shared.get(key) ?? []), ...wanted])
  shared.set(key, all)
  return all
}

function prune(relation: Relation, columns: ReadonlySet<number>, shared: SharedColumns): Pruned {
  const wanted = relation.kind === 'scan' || relation.kind === 'watermark' ? wantedByAll(relation, columns, shared) : columns
  switch (relation.kind) {
    case 'scan': {
      // A scan of nothing at all still has rows to count: it keeps its first column.
      const kept = keep(relation.fields, wanted)
      return {
        relation: { ...relation, columns: kept.map((i) => relation.columns[i] as number), fields: pick(relation.fields, kept) },
        at: positions(kept),
      }
    }
    case 'values': {
      const kept = keep(relation.fields, wanted)
      return {
        relation: { ...relation, rows: relation.rows.map((row) => pick(row, kept)), fields: pick(relation.fields, kept) },
        at: positions(kept),
      }
    }
    case 'project': {
      const kept = keep(relation.fields, wanted)
      const expressions = pick(relation.expressions, kept)
      const input = prune(relation.input, union(expressions), shared)
      return {
        relation: {
          ...relation,
          input: input.relation,
          expressions: expressions.map((expression) => moved(expression, input)),
          fields: pick(relation.fields, kept),
        },
        at: positions(kept),
      }
    }
    case 'filter': {
      const input = prune(relation.input, new Set([...wanted, ...columnsOf(relation.condition)]), shared)
      return {
        relation: { ...relation, input: input.relation, condition: moved(relation.condition, input), fields: input.relation.fields },
        at: input.at,
      }
    }
    case 'calc':
      return identity(relation)
    case 'to-changelog':
    case 'from-changelog': {
      // Each change counts, whichever column it is of: all of them stay.
      const all = relation.input.fields.map((_, i) => i)
      return identity({ ...relation, input: exactly(prune(relation.input, new Set(all), shared), all, relation.input.fields) })
    }
    case 'watermark': {
      const input = prune(relation.input, new Set([...wanted, relation.column, ...columnsOf(relation.expression)]), shared)
      const column = input.at.get(relation.column) as number
      const fields = input.relation.fields.map((field, i) => ({ ...field, rowtime: i === column }))
      return {
        relation: { ...relation, input: input.relation, column, expression: moved(relation.expression, input), fields },
        at: input.at,
      }
    }
    case 'aggregate':
    case 'window-aggregate': {
      const width = relation.keys.length
      const calls = relation.calls.map((_, i) => i).filter((i) => wanted.has(width + i))
      // Keys make the groups, read or not. An aggregate without keys and calls would have no columns: it keeps a call.
      if (width === 0 && calls.length === 0 && relation.calls.length > 0) calls.push(0)
      const keptCalls = pick(relation.calls, calls)
      const used = new Set([
        ...relation.keys,
        ...keptCalls.flatMap((call) => [...call.args, ...(call.filter === undefined ? [] : [call.filter])]),
      ])
      if (relation.kind === 'window-aggregate') {
        used.add(relation.timeColumn)
        if (relation.condition !== undefined) used.add(relation.condition)
        for (const column of partitionOf(relation.window)) used.add(column)
      }
      const input = pruneExactly(relation.input, used, shared)
      const at = (column: number): number => input.at.get(column) as number
      const kept = [...relation.keys.keys(), ...calls.map((i) => width + i)]
      const emitted =
        relation.kind === 'window-aggregate'
          ? relation.emit.map((_, i) => i).filter((i) => wanted.has(width + relation.calls.length + i))
          : []
      // Without keys, calls and wanted borders a row would have no columns.
      if (kept.length === 0 && emitted.length === 0) emitted.push(0)
      kept.push(...emitted.map((i) => width + relation.calls.length + i))
      const common = {
        input: input.relation,
        keys: relation.keys.map(at),
        calls: keptCalls.map((call) => ({
          ...call,
          args: call.args.map(at),
          ...(call.filter === undefined ? {} : { filter: at(call.filter) }),
        })),
        fields: pick(relation.fields, kept),
      }
      const pruned: Relation =
        relation.kind === 'aggregate'
          ? { ...relation, ...common }
          : {
              ...relation,
              ...common,
              window: movedWindow(relation.window, at),
              timeColumn: at(relation.timeColumn),
              ...(relation.condition === undefined ? {} : { condition: at(relation.condition) }),
              emit: pick(relation.emit, emitted),
            }
      return { relation: pruned, at: positions(kept) }
    }
    case 'unnest': {
      const width = relation.kept.length
      const kept = relation.kept.map((_, i) => i).filter((i) => wanted.has(i))
      const elements = relation.fields.map((_, i) => i).filter((i) => i >= width)
      const input = prune(relation.input, new Set([...kept.map((i) => relation.kept[i] as number), relation.column]), shared)
      const at = (column: number): number => input.at.get(column) as number
      const pruned: Relation = {
        ...relation,
        input: input.relation,
        column: at(relation.column),
        kept: kept.map((i) => at(relation.kept[i] as number)),
        fields: pick(relation.fields, [...kept, ...elements]),
      }
      return { relation: pruned, at: positions([...kept, ...elements]) }
    }
    case 'window-table-function': {
      const width = relation.input.fields.length
      const used = [...[...wanted].filter((column) => column < width), relation.timeColumn, ...partitionOf(relation.window)]
      const input = prune(relation.input, new Set(used), shared)
      const window = movedWindow(relation.window, (column) => input.at.get(column) as number)
      const narrow = input.relation.fields.length
      const fields = [...input.relation.fields.map((field) => ({ ...field, rowtime: false })), ...relation.fields.slice(width)]
      const at = new Map([...input.at, ...[0, 1, 2].map((i) => [width + i, narrow + i] as const)])
      return {
        relation: { ...relation, input: input.relation, window, timeColumn: input.at.get(relation.timeColumn) as number, fields },
        at,
      }
    }
    case 'join': {
      const width = relation.left.fields.length
      const { time, temporal } = relation
      const times = time ?? temporal
      const used = new Set([...wanted, ...(relation.condition === null ? [] : columnsOf(relation.condition))])
      const left = pruneExactly(
        relation.left,
        new Set([...[...used].filter((column) => column < width), ...relation.leftKeys, ...(times === undefined ? [] : [times.left])]),
        shared,
      )
      const right = pruneExactly(
        relation.right,
        new Set([
          ...[...used].filter((column) => column >= width).map((column) => column - width),
          ...relation.rightKeys,
          ...(times === undefined ? [] : [times.right]),
        ]),
        shared,
      )
      const narrow = left.relation.fields.length
      const at = new Map([...left.at, ...[...right.at].map(([from, to]) => [from + width, to + narrow] as const)])
      const fields = joinFields(relation.joinType, left.relation.fields, right.relation.fields, relation)
      return {
        relation: {
          ...relation,
          left: left.relation,
          right: right.relation,
          fields,
          leftKeys: relation.leftKeys.map((key) => left.at.get(key) as number),
          rightKeys: relation.rightKeys.map((key) => right.at.get(key) as number),
          ...(time === undefined
            ? {}
            : { time: { ...time, left: left.at.get(time.left) as number, right: right.at.get(time.right) as number } }),
          ...(temporal === undefined
            ? {}
            : { temporal: { left: left.at.get(temporal.left) as number, right: right.at.get(temporal.right) as number } }),
          condition: relation.condition === null ? null : renumber(relation.condition, (index) => at.get(index) as number),
        },
        at: hasRightColumns(relation) ? at : left.at,
      }
    }
    case 'rank': {
      const width = relation.input.fields.length
      const used = new Set([
        ...[...wanted].filter((column) => column < width),
        ...relation.partition,
        ...relation.order.map(({ column }) => column),
      ])
      const input = pruneExactly(relation.input, used, shared)
      const at = (column: number): number => input.at.get(column) as number
      const numbered = relation.numbered && wanted.has(width)
      const fields = input.relation.fields.map((field) => ({ ...field, rowtime: false }))
      const kept = new Map([...input.at, ...(numbered ? [[width, fields.length] as const] : [])])
      if (numbered) fields.push(relation.fields[width] as (typeof fields)[number])
      return {
        relation: {
          ...relation,
          input: input.relation,
          partition: relation.partition.map(at),
          order: relation.order.map((key) => ({ ...key, column: at(key.column) })),
          numbered,
          fields,
        },
        at: kept,
      }
    }
    case 'over': {
      const width = relation.input.fields.length
      const calls = relation.calls.map((_, i) => i).filter((i) => wanted.has(width + i))
      const below = [...wanted].filter((column) => column < width)
      // Nobody asks for its results: rows are the same without it.
      if (calls.length === 0) return prune(relation.input, new Set(below), shared)
      const keptCalls = pick(relation.calls, calls)
      const used = new Set([
        ...below,
        ...relation.partition,
        ...relation.order.map(({ column }) => column),
        ...keptCalls.flatMap((call) => [...call.args, ...(call.filter === undefined ? [] : [call.filter])]),
      ])
      const input = pruneExactly(relation.input, used, shared)
      const at = (column: number): number => input.at.get(column) as number
      const narrow = input.relation.fields.length
      const fields = input.relation.fields.map((field) => ({ ...field, rowtime: field.rowtime && relation.time !== null }))
      return {
        relation: {
          ...relation,
          input: input.relation,
          partition: relation.partition.map(at),
          order: relation.order.map((key) => ({ ...key, column: at(key.column) })),
          calls: keptCalls.map((call) => ({
            ...call,
            args: call.args.map(at),
            ...(call.filter === undefined ? {} : { filter: at(call.filter) }),
          })),
          fields: [...fields, ...pick(relation.fields, calls.map((i) => width + i))], // prettier-ignore
        },
        at: new Map([...input.at, ...calls.map((i, place) => [width + i, narrow + place] as const)]),
      }
    }
    case 'match': {
      const width = relation.partition.length
      const measures = relation.measures.map((_, i) => i).filter((i) => wanted.has(width + i))
      // Without partition and wanted measures a row would have no columns.
      if (width === 0 && measures.length === 0) measures.push(0)
      const kept = pick(relation.measures, measures)
      const conditions = relation.pattern.flatMap(({ condition }) => condition ?? [])
      const used = new Set([
        ...relation.partition,
        relation.timeColumn,
        ...relation.order.map(({ column }) => column),
        ...[...kept, ...conditions].flatMap(matchColumns),
      ])
      const input = pruneExactly(relation.input, used, shared)
      const at = (column: number): number => input.at.get(column) as number
      const columns = [...relation.partition.keys(), ...measures.map((i) => width + i)]
      return {
        relation: {
          ...relation,
          input: input.relation,
          partition: relation.partition.map(at),
          timeColumn: at(relation.timeColumn),
          order: relation.order.map((key) => ({ ...key, column: at(key.column) })),
          pattern: relation.pattern.map((one) =>
            one.condition === undefined ? one : { ...one, condition: moveMatchColumns(one.condition, at) },
          ),
          measures: kept.map((one) => moveMatchColumns(one, at)),
          fields: pick(relation.fields, columns),
        },
        at: positions(columns),
      }
    }
    case 'sort': {
      const input = pruneExactly(relation.input, new Set([...wanted, ...relation.keys.map((key) => key.column)]), shared)
      const keys = relation.keys.map((key) => ({ ...key, column: input.at.get(key.column) as number }))
      return { relation: { ...relation, input: input.relation, keys, fields: input.relation.fields }, at: input.at }
    }
    case 'set-operation': {
      // Rows are compared whole.
      const all = relation.fields.map((_, i) => i)
      const inputs = relation.inputs.map((input) => exactly(prune(input, new Set(all), shared), all, input.fields))
      return { relation: { ...relation, inputs }, at: positions(all) }
    }
    case 'union': {
      const kept = keep(relation.fields, wanted)
      const inputs = relation.inputs.map((input) => exactly(prune(input, new Set(kept), shared), kept, input.fields))
      return { relation: { ...relation, inputs, fields: pick(relation.fields, kept) }, at: positions(kept) }
    }
  }
}

/** Before an exchange: what only a filter below needed does not travel on. */
function pruneExactly(relation: Relation, wanted: ReadonlySet<number>, shared: SharedColumns): Pruned {
  const pruned = prune(relation, wanted, shared)
  const kept = keep(relation.fields, wanted)
  if (pruned.relation.fields.length <= kept.length) return pruned
  return { relation: exactly(pruned, kept, relation.fields), at: positions(kept) }
}

/** A projection on top when the pruned relation has more than these columns, or has them in another order. */
function exactly(pruned: Pruned, columns: readonly number[], fields: readonly RelationField[]): Relation {
  const { relation, at } = pruned
  if (relation.fields.length === columns.length && columns.every((column, i) => at.get(column) === i)) return relation
  return {
    kind: 'project',
    input: relation,
    fields: pick(fields, columns),
    expressions: columns.map((column) => ({
      kind: 'input',
      index: at.get(column) as number,
      type: (fields[column] as RelationField).type,
    })),
  }
}

function keep(fields: readonly RelationField[], wanted: ReadonlySet<number>): number[] {
  const kept = fields.map((_, i) => i).filter((i) => wanted.has(i))
  return kept.length === 0 && fields.length > 0 ? [0] : kept
}

function pick<T>(items: readonly T[], at: readonly number[]): T[] {
  return at.map((i) => items[i] as T)
}

function positions(kept: readonly number[]): Map<number, number> {
  return new Map(kept.map((column, i) => [column, i]))
}

function identity(relation: Relation): Pruned {
  return { relation, at: positions(relation.fields.map((_, i) => i)) }
}

function union(expressions: readonly Expression[]): Set<number> {
  const columns = new Set<number>()
  for (const expression of expressions) columnsOf(expression, columns)
  return columns
}

function moved(expression: Expression, input: Pruned): Expression {
  return renumber(expression, (index) => input.at.get(index) as number)
}

function partitionOf(window: Window): readonly number[] {
  return window.kind === 'session' ? (window.partition ?? []) : []
}

function movedWindow(window: Window, at: (column: number) => number): Window {
  return window.kind === 'session' && window.partition !== null ? { ...window, partition: window.partition.map(at) } : window
}
