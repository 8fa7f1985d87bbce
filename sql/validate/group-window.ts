/**
 * Windows as Flink had them before table functions: GROUP BY TUMBLE(ts, size), HOP(ts, slide, size) or SESSION(ts, gap), with TUMBLE_START,
 * HOP_END and the like beside them. They are the window table function of the same name below the groups, whose borders are keys; the other
 * keys are the partitions of sessions.
 */
import type { Expression } from '#core/graph/expression.js'
import { notNull, timestamp, typeToString } from '#core/types/logical-type.js'
import type { CallNode, ExpressionNode } from '../parser/ast-expression.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import { inputColumn } from '../plan/expressions.js'
import { isProcessingTime } from '../plan/processing-time.js'
import type { Relation, RelationField, Window } from '../plan/relation.js'
import { intervalOf, type ExpressionContext } from './bind-expression.js'
import { resolveColumn, type Scope } from './scope.js'

const BORDERS = ['window_start', 'window_end', 'window_time'] as const
/** What a name behind the window's stands for. */
const AUXILIARY: Readonly<Record<string, (typeof BORDERS)[number]>> = {
  START: 'window_start',
  END: 'window_end',
  ROWTIME: 'window_time',
  PROCTIME: 'window_time',
}

type Name = 'TUMBLE' | 'HOP' | 'SESSION'
type Names = Pick<ExpressionContext, 'source' | 'scope'>

/** Undefined: the key is no window. */
export function groupWindowName(node: ExpressionNode): Name | undefined {
  if (node.kind !== 'call' || node.name.length > 1 || node.over !== null) return undefined
  const name = node.name[0]?.text.toUpperCase()
  return name === 'TUMBLE' || name === 'HOP' || name === 'SESSION' ? name : undefined
}

export class GroupWindow {
  /** The input with the borders behind its columns. */
  readonly relation: Relation
  readonly keys: readonly Expression[]
  readonly #name: string
  readonly #window: string
  readonly #width: number

  constructor(node: CallNode, name: Name, input: Relation, context: Names) {
    const { timeColumn, window } = windowCall(node, name, context)
    const time = input.fields[timeColumn] as RelationField
    const processingTime = isProcessingTime(input, timeColumn)
    if (!time.rowtime && !processingTime)
      throw validationError(
        context.source,
        node.at,
        `Window can only be defined over a time attribute column, but '${time.name}' is ${typeToString(time.type)}.`,
        'Declare it with WATERMARK FOR or make it with PROCTIME(), and pass it on unchanged up to here.',
      )
    const added = BORDERS.map((border): RelationField => ({
      name: border,
      type: notNull(border === 'window_time' ? time.type : timestamp(3)),
      rowtime: border === 'window_time' && !processingTime,
    }))
    const fields = [...input.fields.map((field) => ({ ...field, rowtime: false })), ...added]
    this.relation = { kind: 'window-table-function', input, window, timeColumn, processingTime, fields }
    this.#width = input.fields.length
    this.keys = added.map(({ type }, i) => inputColumn(this.#width + i, type))
    this.#name = name
    this.#window = JSON.stringify([timeColumn, window])
  }

  /** TUMBLE_START(ts, size) and the like: the border. Undefined: it is another function. @throws SQL_VALIDATION for another window */
  auxiliary(node: CallNode, name: string, context: Names): Expression | undefined {
    const [, of, what] = /^(TUMBLE|HOP|SESSION)_(START|END|ROWTIME|PROCTIME)$/.exec(name) ?? []
    if (of === undefined || what === undefined) return undefined
    const matches = (): boolean => {
      const { timeColumn, window } = windowCall(node, of as Name, context)
      return JSON.stringify([timeColumn, window]) === this.#window
    }
    const processing = (this.relation as { processingTime?: boolean }).processingTime === true
    if (of !== this.#name || !matches())
      throw validationError(
        context.source,
        node.at,
        `Call to auxiliary group function '${name}' must have matching call to group function '${of}' in GROUP BY clause.`,
        'Give it the same arguments.',
      )
    if ((what === 'PROCTIME') !== processing && (what === 'PROCTIME' || what === 'ROWTIME'))
      throw validationError(
        context.source,
        node.at,
        `${name} needs a window of ${what === 'PROCTIME' ? 'processing' : 'event'} time.`,
        `Use ${of}_${processing ? 'PROCTIME' : 'ROWTIME'}.`,
      )
    return this.keys[BORDERS.indexOf(AUXILIARY[what] as (typeof BORDERS)[number])]
  }
}

function windowCall(node: CallNode, name: Name, { source, scope }: Names): { timeColumn: number; window: Window } {
  const [time, ...lengths] = node.args
  const wanted = name === 'HOP' ? 2 : 1
  const example = name === 'HOP' ? "HOP(ts, INTERVAL '5' MINUTE, INTERVAL '10' MINUTE)" : `${name}(ts, INTERVAL '10' MINUTE)`
  if (time?.kind !== 'column' || lengths.length < wanted)
    throw validationError(
      source,
      node.at,
      `${node.name[0]?.text.toUpperCase()} takes a time attribute and ${wanted === 1 ? 'an interval' : 'two intervals'}.`,
      `Such as ${example}.`,
    )
  const [more] = lengths.slice(wanted)
  if (more !== undefined)
    throw notSupported(source, more.at, 'an alignment of windows in GROUP BY.', `Use the table function ${name} with an offset.`)
  const [first, second] = lengths.map((length) => milliseconds(length, { source, scope })) as [number, number | undefined]
  const timeColumn = resolveColumn(source, scope as Scope, time.path)
  if (name === 'SESSION') return { timeColumn, window: { kind: 'session', gapMs: first, partition: null } }
  if (second === undefined) return { timeColumn, window: { kind: 'tumble', sizeMs: first, offsetMs: 0 } }
  if (second % first !== 0)
    throw notSupported(source, node.at, `HOP windows whose size (${second} ms) is no multiple of their slide (${first} ms).`)
  return { timeColumn, window: { kind: 'hop', slideMs: first, sizeMs: second, offsetMs: 0 } }
}

function milliseconds(node: ExpressionNode, { source }: Names): number {
  const interval = intervalOf(node, { source })
  if (interval === undefined || interval.unit === 'MONTHS')
    throw validationError(source, node.at, "The length of a window is an INTERVAL of days or less, such as INTERVAL '10' MINUTE.")
  if (interval.amount <= 0) throw validationError(source, node.at, 'The length of a window must be positive.')
  return interval.amount
}
