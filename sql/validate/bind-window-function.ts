/** Window table functions: `TABLE(HOP(TABLE t, DESCRIPTOR(ts), slide, size [, offset]))`, positional or with names; for TABLE t also `(SELECT …)`. */
import { timestamp, notNull } from '#core/types/logical-type.js'
import type { WindowSpec } from '#core/graph/operator-spec.js'
import type { CallNode, ExpressionNode } from '../parser/ast-expression.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import { isProcessingTime } from '../plan/processing-time.js'
import type { Relation, RelationField, Window } from '../plan/relation.js'
import { intervalOf } from './bind-expression.js'
import { bindQuery } from './bind-query.js'
import { bindNamed } from './bind-table.js'
import type { BindContext } from './binder.js'
import { resolveColumn, scopeOf } from './scope.js'
import { typeToString } from '#core/types/logical-type.js'

/** Parameters by function, in the order of positional arguments; what an example looks like. */
const FUNCTIONS = {
  TUMBLE: { parameters: ['DATA', 'TIMECOL', 'SIZE', 'OFFSET'], example: "INTERVAL '10' MINUTE" },
  HOP: { parameters: ['DATA', 'TIMECOL', 'SLIDE', 'SIZE', 'OFFSET'], example: "INTERVAL '5' MINUTE, INTERVAL '10' MINUTE" },
  CUMULATE: { parameters: ['DATA', 'TIMECOL', 'STEP', 'SIZE', 'OFFSET'], example: "INTERVAL '2' MINUTE, INTERVAL '10' MINUTE" },
  SESSION: { parameters: ['DATA', 'TIMECOL', 'GAP'], example: "INTERVAL '10' MINUTE" },
} as const
type WindowFunction = keyof typeof FUNCTIONS
type Parameter = (typeof FUNCTIONS)[WindowFunction]['parameters'][number]

export function bindWindowFunction(call: CallNode, context: BindContext): Relation {
  const { source } = context
  const name = (call.name.at(-1)?.text ?? '').toUpperCase()
  if (!isWindowFunction(name))
    throw notSupported(source, call.at, `the table function ${name}.`, `There are ${Object.keys(FUNCTIONS).join(', ')}.`)
  const given = namedArguments(name, call, context)
  const argument = (parameter: Parameter): ExpressionNode => {
    const node = given.get(parameter)
    if (node === undefined)
      throw validationError(
        source,
        call.at,
        `${name} needs ${parameter}.`,
        `Write ${name}(TABLE t, DESCRIPTOR(ts), ${FUNCTIONS[name].example}).`,
      )
    return node
  }
  const table = argument('DATA')
  if (table.kind !== 'table-argument' && table.kind !== 'scalar-query')
    throw validationError(
      source,
      table.at,
      `The first argument of ${name} is TABLE and the name of a table or view, or a query in parentheses.`,
    )
  const partitionBy = table.kind === 'table-argument' ? table.partitionBy : []
  if (table.kind === 'table-argument' && table.orderBy.length > 0) throw notSupported(source, table.at, 'ORDER BY of a table argument.')
  if (partitionBy.length > 0 && name !== 'SESSION') throw validationError(source, table.at, `${name} takes no PARTITION BY.`)
  const descriptor = argument('TIMECOL')
  if (descriptor.kind !== 'descriptor' || descriptor.columns.length !== 1)
    throw validationError(source, descriptor.at, `The second argument of ${name} is DESCRIPTOR(time column).`)

  const input = table.kind === 'table-argument' ? bindNamed(table.table, {}, context) : bindQuery(table.query, context)
  const timeColumn = resolveColumn(source, scopeOf(input.fields, null), descriptor.columns)
  const time = input.fields[timeColumn] as RelationField
  const processingTime = isProcessingTime(input, timeColumn)
  if (!time.rowtime && !processingTime) {
    throw validationError(
      source,
      descriptor.at,
      `The window function ${name} requires the timecol is a time attribute type, but '${time.name}' is ${typeToString(time.type)}.`,
      'Declare it with WATERMARK FOR or make it with PROCTIME(), and pass it on unchanged up to here.',
    )
  }
  const length = (parameter: Parameter): number => {
    const node = argument(parameter)
    const ms = milliseconds(node, parameter.toLowerCase(), context)
    if (ms <= 0) throw validationError(source, node.at, `The ${parameter.toLowerCase()} of a ${name} window must be positive.`)
    return ms
  }
  const offset = given.get('OFFSET')
  const offsetMs = offset === undefined ? 0 : milliseconds(offset, 'offset', context)
  const partition = partitionBy.map((key) => {
    if (key.kind === 'column') return resolveColumn(source, scopeOf(input.fields, null), key.path)
    throw validationError(source, key.at, `PARTITION BY of ${name} takes columns.`, 'Compute the key in a view and pass that.')
  })
  const window: Window =
    name === 'SESSION'
      ? { kind: 'session', gapMs: length('GAP'), partition }
      : windowOf(name, length, offsetMs, (part, ms, sizeMs) => {
          throw validationError(
            source,
            call.at,
            `${name} table function based aggregate requires ${name === 'HOP' ? 'size' : 'maxSize'} must be an integral multiple of ${part}, but got ` +
              `${name === 'HOP' ? 'size' : 'maxSize'} ${sizeMs} ms and ${part} ${ms} ms.`,
          )
        })

  // The borders are times on the clock of the session's zone, which the running operator knows; window_time is an event time again.
  const border = notNull(timestamp(3))
  const added = ['window_start', 'window_end', 'window_time'].map((column): RelationField => ({
    name: column,
    type: column === 'window_time' ? notNull(time.type) : border,
    rowtime: column === 'window_time' && !processingTime,
  }))
  for (const { name: column } of added) {
    if (input.fields.some((field) => field.name === column))
      throw validationError(source, table.at, `${name} adds the column '${column}', which the table has already.`)
  }
  const fields = [...input.fields.map((field) => ({ ...field, rowtime: false })), ...added]
  return {
    kind: 'window-table-function',
    input,
    window,
    timeColumn,
    processingTime,
    fields,
  }
}

function isWindowFunction(name: string): name is WindowFunction {
  return Object.hasOwn(FUNCTIONS, name)
}

/** `refuse`: the size is no multiple of a part of it. */
function windowOf(
  name: Exclude<WindowFunction, 'SESSION'>,
  length: (parameter: Parameter) => number,
  offsetMs: number,
  refuse: (part: string, ms: number, sizeMs: number) => never,
): WindowSpec {
  const sizeMs = length('SIZE')
  if (name === 'TUMBLE') return { kind: 'tumble', sizeMs, offsetMs: modulo(offsetMs, sizeMs) }
  if (name === 'HOP') {
    const slideMs = length('SLIDE')
    if (sizeMs % slideMs !== 0) refuse('slide', slideMs, sizeMs)
    return { kind: 'hop', slideMs, sizeMs, offsetMs: modulo(offsetMs, slideMs) }
  }
  const stepMs = length('STEP')
  if (sizeMs % stepMs !== 0) refuse('step', stepMs, sizeMs)
  return { kind: 'cumulate', stepMs, sizeMs, offsetMs: modulo(offsetMs, sizeMs) }
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

function namedArguments(name: WindowFunction, call: CallNode, { source }: BindContext): Map<Parameter, ExpressionNode> {
  const { parameters } = FUNCTIONS[name]
  const given = new Map<Parameter, ExpressionNode>()
  for (const [i, node] of call.args.entries()) {
    const named = node.kind === 'named-argument'
    const parameter: Parameter | undefined = named
      ? parameters.find((candidate) => candidate === node.name.text.toUpperCase())
      : parameters[i]
    if (parameter === undefined)
      throw validationError(
        source,
        node.at,
        named
          ? `${name} has no parameter ${node.name.text}: it takes ${parameters.join(', ')}.`
          : `${name} takes at most ${parameters.length} arguments.`,
      )
    if (given.has(parameter)) throw validationError(source, node.at, `${parameter} is given twice.`)
    given.set(parameter, named ? node.value : node)
  }
  return given
}
