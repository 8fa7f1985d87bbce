/** Event time in columns. */
import { defineError } from '#core/errors/define-error.js'
import type { Batch } from '../columnar/batch.js'
import type { Vector } from '../columnar/vector.js'

export const RowtimeIsNull = defineError('ROWTIME_IS_NULL', {
  recovery: 'fail-job',
  message: (d: { column: string }) =>
    `RowTime field should not be null, please convert it to a non-null long value. Column '${d.column}' is NULL in a row: ` +
    `filter such rows in the source's query, or declare the watermark on a computed column such as COALESCE(${d.column}, …).`,
})

/** Ms of the rows of a TIMESTAMP or TIMESTAMP_LTZ column, by row. @throws ROWTIME_IS_NULL */
export function rowtimes(batch: Batch, column: number): Float64Array {
  const vector = batch.columns[column] as Vector
  if (vector.kind !== 'int64') throw new Error(`time column ${column} holds ${vector.kind}`)
  const words = new Int32Array(vector.values.buffer, vector.values.byteOffset, vector.values.length * 2)
  const { nulls } = vector
  const { selection } = batch
  const times = new Float64Array(batch.length)
  for (let row = 0; row < times.length; row++) {
    const position = selection === undefined ? row : (selection[row] as number)
    if (nulls !== undefined && ((nulls[position >> 3] as number) & (1 << (position & 7))) !== 0) {
      throw new RowtimeIsNull({ column: batch.schema.fields[column]?.name ?? `#${column}` })
    }
    times[row] = (words[2 * position + 1] as number) * 4294967296 + ((words[2 * position] as number) >>> 0)
  }
  return times
}
