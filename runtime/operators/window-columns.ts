/** The columns window_start, window_end and window_time of rows, from the windows' starts. */
import type { LogicalType } from '#core/types/logical-type.js'
import type { Vector } from '../columnar/vector.js'

export type WindowColumn = 'window_start' | 'window_end' | 'window_time'

/**
 * One value per window. Bounds are local times. `window_time` (the last ms of the window) is a time attribute: of the type of the
 * window's time column, so for a TIMESTAMP_LTZ it is an instant.
 */
export function windowColumn(
  column: WindowColumn,
  starts: Float64Array,
  ends: Float64Array,
  { instantOf }: { instantOf(local: number): number },
  type: LogicalType,
): Vector {
  const words = new Int32Array(2 * starts.length)
  const bounds = column === 'window_start' ? starts : ends
  let bound = NaN
  let value = 0
  for (let row = 0; row < bounds.length; row++) {
    if (bounds[row] !== bound) {
      bound = bounds[row] as number
      value = column === 'window_time' ? bound - 1 : bound
      if (type.kind === 'TIMESTAMP_LTZ') value = instantOf(value)
    }
    words[2 * row] = value
    words[2 * row + 1] = Math.floor(value / 4294967296)
  }
  return { kind: 'int64', type, nulls: undefined, values: new BigInt64Array(words.buffer) }
}
