/** The columns window_start, window_end and window_time of rows, from the windows' starts. */
import type { LogicalType } from '#core/types/logical-type.js'
import type { Vector } from '../columnar/vector.js'
import type { TumblingWindows } from '../time/tumbling-windows.js'

export type WindowColumn = 'window_start' | 'window_end' | 'window_time'

/**
 * One value per start. Bounds are local times. `window_time` (the last ms of the window) is a time attribute: of the type of the
 * window's time column, so for a TIMESTAMP_LTZ it is an instant.
 */
export function windowColumn(column: WindowColumn, starts: Float64Array, windows: TumblingWindows, type: LogicalType): Vector {
  const words = new Int32Array(2 * starts.length)
  let start = NaN
  let value = 0
  for (let row = 0; row < starts.length; row++) {
    if (starts[row] !== start) {
      start = starts[row] as number
      value = column === 'window_start' ? start : start + windows.sizeMs - (column === 'window_time' ? 1 : 0)
      if (type.kind === 'TIMESTAMP_LTZ') value = windows.instantOf(value)
    }
    words[2 * row] = value
    words[2 * row + 1] = Math.floor(value / 4294967296)
  }
  return { kind: 'int64', type, nulls: undefined, values: new BigInt64Array(words.buffer) }
}
