/** What a relation means, row by row and as slow as it likes: the measure for plans. */
import type { AggregateCall, OverCall, SortKey } from '#core/graph/operator-spec.js'
import type { LogicalType, Value } from '#core/types/logical-type.js'
import { literalToValue } from '#runtime/expr/bound-expression.js'
import { arrayElements } from '#runtime/columnar/nested-value.js'
import { evaluate } from '#runtime/expr/interpreter.js'
import type { Expression } from '#core/graph/expression.js'
import type { Over, Relation } from '#sql/plan/relation.js'

export type Row = readonly Value[]
/** Rows of the physical columns, by table. */
export type Tables = Readonly<Record<string, readonly Row[]>>

const context = { timeZone: 'UTC', now: () => 0 }

export function evaluateRelation(relation: Relation, tables: Tables): Row[] {
  const below = (input: Relation): Row[] => evaluateRelation(input, tables)
  const holds = (condition: Expression | null, row: Row): boolean => condition === null || evaluate(condition, row, context) === true
  switch (relation.kind) {
    case 'scan':
      return (tables[relation.table.name] as readonly Row[]).map((row) => relation.columns.map((column) => row[column] as Value))
    case 'values':
      return relation.rows.map((row) => row.map((value, i) => literalToValue(value, relation.fields[i]?.type as LogicalType)))
    case 'project':
      return below(relation.input).map((row) => relation.expressions.map((expression) => evaluate(expression, row, context)))
    case 'filter':
      return below(relation.input).filter((row) => holds(relation.condition, row))
    case 'calc':
      return below(relation.input)
        .filter((row) => holds(relation.condition, row))
        .map((row) => relation.projection.map((expression) => evaluate(expression, row, context)))
    case 'watermark':
      return below(relation.input)
    case 'aggregate': {
      const groups = grouped(below(relation.input), (row) => relation.keys.map((key) => row[key] as Value))
      if (relation.keys.length === 0 && groups.length === 0) groups.push({ key: [], rows: [] })
      return groups.map(({ key, rows }) => [...key, ...relation.calls.map((call) => aggregate(call, rows))])
    }
    case 'unnest':
      return below(relation.input).flatMap((row) => {
        const { kept, column, outer, ordinality } = relation
        const type = relation.input.fields[column]?.type as LogicalType
        const value = row[column] as string | null
        const elements = value === null ? [] : type.kind === 'ARRAY' ? arrayElements(value, type.element) : []
        const before = kept.map((index) => row[index] as Value)
        if (elements.length === 0) return outer ? [[...before, null, ...(ordinality ? [null] : [])]] : []
        return elements.map((element, i) => [...before, element, ...(ordinality ? [i + 1] : [])])
      })
    case 'window-table-function': {
      const rows = below(relation.input)
      const bordersOf = windowsOf(rows, relation)
      return rows.map((row) => [...row, ...bordersOf(row)])
    }
    case 'window-aggregate': {
      const rows = below(relation.input)
      const bordersOf = windowsOf(rows, relation)
      const { condition } = relation
      const counting = condition === undefined ? rows : rows.filter((row) => row[condition] === true)
      const groups = grouped(counting, (row) => [...relation.keys.map((key) => row[key] as Value), ...bordersOf(row)])
      const at = { window_start: 0, window_end: 1, window_time: 2 }
      return groups.map((group) => [
        ...group.key.slice(0, -3),
        ...relation.calls.map((call) => aggregate(call, group.rows)),
        ...relation.emit.map((name) => group.key.slice(-3)[at[name]] as Value),
      ])
    }
    case 'join': {
      const [left, right] = [below(relation.left), below(relation.right)]
      const { joinType } = relation
      const { time } = relation
      const inTime = (l: Row, r: Row): boolean => {
        if (time === undefined) return true
        const apart = (l[time.left] as bigint) - (r[time.right] as bigint)
        return apart >= BigInt(time.lowerMs) && apart <= BigInt(time.upperMs)
      }
      const matches = (l: Row, r: Row): boolean =>
        inTime(l, r) &&
        relation.leftKeys.every((key, i) => l[key] !== null && l[key] === r[relation.rightKeys[i] as number]) &&
        holds(relation.condition, [...l, ...r])
      const hasMatch = (l: Row): boolean => right.some((r) => matches(l, r))
      if (joinType === 'semi') return left.filter(hasMatch)
      if (joinType === 'anti') return left.filter((l) => !hasMatch(l))
      const padding = ({ fields }: Relation): null[] => fields.map(() => null)
      const rows = left.flatMap((l) => right.filter((r) => matches(l, r)).map((r) => [...l, ...r]))
      if (joinType === 'left' || joinType === 'full')
        rows.push(...left.filter((l) => !hasMatch(l)).map((l) => [...l, ...padding(relation.right)]))
      if (joinType === 'right' || joinType === 'full')
        rows.push(...right.filter((r) => !left.some((l) => matches(l, r))).map((r) => [...padding(relation.left), ...r]))
      return rows
    }
    case 'rank': {
      const partitions = grouped(below(relation.input), (row) => relation.partition.map((column) => row[column] as Value))
      return partitions.flatMap(({ rows }) =>
        [...rows]
          .sort((a, b) => compareRows(a, b, relation.order))
          .slice(0, relation.limit ?? undefined)
          .map((row, i) => (relation.numbered ? [...row, BigInt(i + 1)] : row)),
      )
    }
    case 'to-changelog':
    case 'from-changelog':
      throw new Error('changes have no meaning row by row')
    case 'match':
      throw new Error('patterns are measured by their own test')
    case 'over': {
      const partitions = grouped(below(relation.input), (row) => relation.partition.map((column) => row[column] as Value))
      return partitions.flatMap(({ rows }) => {
        const sorted = [...rows].sort((a, b) => compareRows(a, b, relation.order))
        return sorted.map((row, at) => [...row, ...relation.calls.map((call) => overValue(call, sorted, at, relation))])
      })
    }
    case 'sort': {
      const rows = below(relation.input).sort((a, b) => compareRows(a, b, relation.keys))
      return rows.slice(relation.offset, relation.limit === null ? undefined : relation.offset + relation.limit)
    }
    case 'set-operation': {
      const [left, right] = relation.inputs.map((input) => grouped(below(input), (row) => [...row])) as [Group[], Group[]]
      return left.flatMap(({ key, rows }) => {
        const [l, r] = [rows.length, right.find((group) => rowText(group.key) === rowText(key))?.rows.length ?? 0]
        const times = relation.operator === 'intersect' ? Math.min(l, r) : relation.all ? Math.max(0, l - r) : r === 0 ? l : 0
        return new Array<Row>(relation.all ? times : Math.min(1, times)).fill(key)
      })
    }
    case 'union':
      return relation.inputs.flatMap(below)
  }
}

interface Group {
  readonly key: Value[]
  readonly rows: Row[]
}

function grouped(rows: readonly Row[], keyOf: (row: Row) => Value[]): Group[] {
  const groups = new Map<string, Group>()
  for (const row of rows) {
    const key = keyOf(row)
    const text = rowText(key)
    const group = groups.get(text)
    if (group === undefined) groups.set(text, { key, rows: [row] })
    else group.rows.push(row)
  }
  return [...groups.values()]
}

/** Of INT and BIGINT. */
function aggregate(call: AggregateCall, rows: readonly Row[]): Value {
  const kept = rows.filter((row) => call.filter === undefined || row[call.filter] === true)
  const [arg] = call.args
  if (arg === undefined) return BigInt(kept.length)
  let values = kept.flatMap((row) => (row[arg] === null ? [] : [BigInt(row[arg] as number | bigint)]))
  if (call.distinct) values = [...new Set(values)]
  const back = (value: bigint): Value => (call.type.kind === 'INT' ? Number(BigInt.asIntN(32, value)) : BigInt.asIntN(64, value))
  if (call.function === 'COUNT') return BigInt(values.length)
  if (values.length === 0) return null
  const sum = values.reduce((a, b) => a + b, 0n)
  switch (call.function) {
    case 'SUM':
      return back(sum)
    case 'AVG':
      return back(sum / BigInt(values.length))
    case 'MIN':
      return back(values.reduce((a, b) => (a < b ? a : b)))
    case 'MAX':
      return back(values.reduce((a, b) => (a > b ? a : b)))
    case 'FIRST_VALUE':
      return back(values[0] as bigint)
    case 'LAST_VALUE':
      return back(values.at(-1) as bigint)
  }
}

type Windowed = Extract<Relation, { kind: 'window-aggregate' | 'window-table-function' }>

/** The borders of a row's window; those of a session follow from all rows. */
function windowsOf(rows: readonly Row[], { window, timeColumn }: Windowed): (row: Row) => Value[] {
  const timeOf = (row: Row): bigint => row[timeColumn] as bigint
  if (window.kind !== 'session') return (row) => borders(timeOf(row), window)
  const partition = window.partition ?? []
  const gap = BigInt(window.gapMs)
  const sessions = grouped(rows, (row) => partition.map((column) => row[column] as Value)).flatMap((group) => {
    const found: { key: string; start: bigint; end: bigint }[] = []
    for (const time of group.rows.map(timeOf).sort((a, b) => (a < b ? -1 : 1))) {
      const last = found.at(-1)
      if (last !== undefined && time <= last.end) last.end = time + gap
      else found.push({ key: rowText(group.key), start: time, end: time + gap })
    }
    return found
  })
  return (row) => {
    const key = rowText(partition.map((column) => row[column] as Value))
    const own = sessions.find((each) => each.key === key && each.start <= timeOf(row) && timeOf(row) < each.end)
    const { start, end } = own as (typeof sessions)[number]
    return [start, end, end - 1n]
  }
}

/** Of frames without distances in RANGE. */
function overValue(call: OverCall, rows: readonly Row[], at: number, { frame, order }: Over): Value {
  if (call.function === 'ROW_NUMBER') return BigInt(at + 1)
  const peer = (place: number): boolean => compareRows(rows[place] as Row, rows[at] as Row, order) === 0
  const seen = rows.filter((_, place) => {
    const apart = frame.unit === 'RANGE' && peer(place) ? 0 : place - at
    return (frame.start === null || apart >= frame.start) && (frame.end === null || apart <= frame.end)
  })
  return aggregate(call as AggregateCall, seen)
}

function borders(time: bigint, window: { sizeMs: number; offsetMs: number }): [bigint, bigint, bigint] {
  const size = BigInt(window.sizeMs)
  const since = (((time - BigInt(window.offsetMs)) % size) + size) % size
  const start = time - since
  return [start, start + size, start + size - 1n]
}

function compareRows(a: Row, b: Row, keys: readonly SortKey[]): number {
  for (const { column, ascending, nullsFirst } of keys) {
    const [x, y] = [a[column] as Value, b[column] as Value]
    if (x === null || y === null) {
      if (x !== y) return (x === null) === nullsFirst ? -1 : 1
    } else if (x !== y) return x < y === ascending ? -1 : 1
  }
  return 0
}

export function rowText(row: Row): string {
  return row.map(String).join('|')
}
