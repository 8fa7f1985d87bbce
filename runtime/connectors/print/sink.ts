/**
 * `+I[1, a]` per row, as Flink's print sink: values as Java's toString shows them (a TIMESTAMP is a LocalDateTime,
 * `2024-01-02T03:04`), NULL as null. Before it `identifier:subtask> `; the subtask (from 1) only where there are several. At least
 * once: what was printed behind the checkpoint that a job goes on from is printed again.
 */
import type { SpecOf } from '#core/graph/operator-spec.js'
import { hasNanos, type LogicalType, type Value } from '#core/types/logical-type.js'
import { ROW_KIND_SYMBOLS } from '#core/types/row-kind.js'
import type { Batch } from '../../columnar/batch.js'
import { readValue } from '../../columnar/value.js'
import type { Vector } from '../../columnar/vector.js'
import { formatTime } from '../../expr/calendar.js'
import { millisOfTimestamp } from '../../expr/cast.js'
import { formatNested, type NestedStyle } from '../../expr/nested-cast.js'
import { scalarText } from '../../formats/scalar-text.js'
import { fractionText, timestampParts } from '../../formats/temporal-text.js'
import type { Operator, OperatorContext } from '../../operators/operator.js'

export function createSink(spec: SpecOf<'sink'>): Operator {
  const types = spec.schema.fields.map((field) => field.type)
  const stderr = spec.options['standard-error']?.trim().toLowerCase() === 'true'
  let context: OperatorContext | undefined
  let prefix = ''
  return {
    open(opened) {
      context = opened
      prefix = printPrefix(spec.options['print-identifier'] ?? '', opened.subtaskIndex, opened.parallelism)
    },
    processBatch(batch: Batch) {
      for (let row = 0; row < batch.length; row++) context?.printLine(prefix + rowText(batch, batch.position(row), types), stderr)
    },
    processWatermark: () => undefined,
    endInput: () => undefined,
  }
}

export function printPrefix(identifier: string, subtaskIndex: number, parallelism: number): string {
  const parts = [...(identifier === '' ? [] : [identifier]), ...(parallelism > 1 ? [String(subtaskIndex + 1)] : [])]
  return parts.length === 0 ? '' : `${parts.join(':')}> `
}

function rowText(batch: Batch, position: number, types: readonly LogicalType[]): string {
  const cells = batch.columns.map((column, index) => javaText(readValue(column as Vector, position), types[index] as LogicalType))
  return `${ROW_KIND_SYMBOLS[batch.rowKind(position)]}[${cells.join(', ')}]`
}

/** Java's toString of the class Flink hands a row's value out as. */
export function javaText(value: Value, type: LogicalType): string {
  if (value === null) return 'null'
  switch (type.kind) {
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return timestampText(value as bigint, type)
    case 'TIME':
      return timeText(value as number)
    case 'BYTES':
      return `[${Array.from(Buffer.from(value as string, 'latin1'), (byte) => (byte << 24) >> 24).join(', ')}]`
    case 'ARRAY':
    case 'MAP':
    case 'MULTISET':
    case 'ROW':
      return formatNested(type, (inner) => (part) => javaText(part, inner), JAVA_STYLE)(value)
    default:
      return scalarText(value, type, 'ISO-8601', true)
  }
}

const JAVA_STYLE: NestedStyle = { nullText: 'null', row: ['+I[', ']'] }

/** LocalTime: without seconds where there are none, a fraction of three digits. */
function timeText(value: number): string {
  const text = formatTime(value, 3).replace(/\.000$/, '')
  return text.endsWith(':00') ? text.slice(0, -3) : text
}

function timestampText(value: bigint, type: LogicalType): string {
  const { date, hourMinute, second, millisecond } = timestampParts(millisOfTimestamp(type)(value))
  // Three, six or nine digits, as many as are needed.
  const nanos = hasNanos(type) ? fractionText(value).slice(1) : millisecond === 0 ? '' : String(millisecond).padStart(3, '0')
  const fraction = nanos === '' ? '' : `.${nanos.padEnd(Math.ceil(nanos.length / 3) * 3, '0')}`
  // LocalDateTime leaves zero seconds out, Instant does not.
  const seconds = second === 0 && fraction === '' && type.kind === 'TIMESTAMP' ? '' : `:${String(second).padStart(2, '0')}${fraction}`
  return `${date}T${hourMinute}${seconds}${type.kind === 'TIMESTAMP_LTZ' ? 'Z' : ''}`
}
