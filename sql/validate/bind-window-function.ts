/** Window table functions: `TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), size [, offset]))`, positional or with names. */
import { timestamp, notNull } from '#core/types/logical-type.js'
import type { CallNode, ExpressionNode } from '../parser/ast-expression.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import type { Relation, RelationField } from '../plan/relation.js'
import { intervalOf } from './bind-expression.js'
import { bindNamed } from './bind-table.js'
import type { BindContext } from './binder.js'
import { resolveColumn, scopeOf } from './scope.js'
import { typeToString } from '#core/types/logical-type.js'

const PARAMETERS = ['DATA', 'TIMECOL', 'SIZE', 'OFFSET'] as const
type Parameter = (typeof PARAMETERS)[number]

export function bindWindowFunction(call: CallNode, context: BindContext): Relation {
  const { source } = context
  const name = (call.name.at(-1)?.text ?? '').toUpperCase()
  if (name !== 'TUMBLE')
    throw notSupported(
      source,
      call.at,
      `the table function ${name}.`,
      ['HOP', 'CUMULATE', 'SESSION'].includes(name) ? 'TUMBLE is there.' : null,
    )
  const given = namedArguments(call, context)
  const argument = (parameter: Parameter): ExpressionNode => {
    const node = given.get(parameter)
    if (node === undefined)
      throw validationError(source, call.at, `TUMBLE needs ${parameter}.`, "Write TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' MINUTE).")
    return node
  }
  const table = argument('DATA')
  if (table.kind !== 'table-argument')
    throw validationError(source, table.at, 'The first argument of TUMBLE is TABLE and the name of a table or view.')
  if (table.orderBy.length > 0) throw notSupported(source, table.at, 'ORDER BY of a table argument.')
  if (table.partitionBy.length > 0) throw validationError(source, table.at, 'TUMBLE takes no PARTITION BY.')
  const descriptor = argument('TIMECOL')
  if (descriptor.kind !== 'descriptor' || descriptor.columns.length !== 1)
    throw validationError(source, descriptor.at, 'The second argument of TUMBLE is DESCRIPTOR(time column).')

  const input = bindNamed(table.table, {}, context)
  const timeColumn = resolveColumn(source, scopeOf(input.fields, null), descriptor.columns)
  const time = input.fields[timeColumn] as RelationField
  if (!time.rowtime) {
    throw validationError(
      source,
      descriptor.at,
      `The window function TUMBLE requires the timecol is a time attribute type, but '${time.name}' is ${typeToString(time.type)}.`,
      'Declare it with WATERMARK FOR, and pass it on unchanged up to here.',
    )
  }
  const sizeMs = milliseconds(argument('SIZE'), 'size', context)
  if (sizeMs <= 0) throw validationError(source, argument('SIZE').at, 'The size of a TUMBLE window must be positive.')
  const offset = given.get('OFFSET')
  const offsetMs = offset === undefined ? 0 : milliseconds(offset, 'offset', context)

  // The borders are times on the clock of the session's zone, which the running operator knows; window_time is an event time again.
  const border = notNull(timestamp(3))
  const added = ['window_start', 'window_end', 'window_time'].map((column): RelationField => ({
    name: column,
    type: column === 'window_time' ? notNull(time.type) : border,
    rowtime: column === 'window_time',
  }))
  for (const { name: column } of added) {
    if (input.fields.some((field) => field.name === column))
      throw validationError(source, table.at, `TUMBLE adds the column '${column}', which the table has already.`)
  }
  const fields = [...input.fields.map((field) => ({ ...field, rowtime: false })), ...added]
  return {
    kind: 'window-table-function',
    input,
    window: { kind: 'tumble', sizeMs, offsetMs: modulo(offsetMs, sizeMs) },
    timeColumn,
    fields,
  }
}

function modulo(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor
}

function milliseconds(node: ExpressionNode, what: string, context: BindContext): number {
  const interval = intervalOf(node, context)
  if (interval === undefined)
    throw validationError(context.source, node.at, `The ${what} of a window is an INTERVAL, such as INTERVAL '10' MINUTE.`)
  if (interval.unit === 'MONTHS')
    throw validationError(context.source, node.at, `The ${what} of a window cannot be given in months or years: they differ in length.`)
  return interval.amount
}

function namedArguments(call: CallNode, { source }: BindContext): Map<Parameter, ExpressionNode> {
  const given = new Map<Parameter, ExpressionNode>()
  for (const [i, node] of call.args.entries()) {
    const named = node.kind === 'named-argument'
    const parameter = named ? PARAMETERS.find((candidate) => candidate === node.name.text.toUpperCase()) : PARAMETERS[i]
    if (parameter === undefined)
      throw validationError(
        source,
        node.at,
        named
          ? `TUMBLE has no parameter ${node.name.text}: it takes ${PARAMETERS.join(', ')}.`
          : `TUMBLE takes at most ${PARAMETERS.length} arguments.`,
      )
    if (given.has(parameter)) throw validationError(source, node.at, `${parameter} is given twice.`)
    given.set(parameter, named ? node.value : node)
  }
  return given
}
