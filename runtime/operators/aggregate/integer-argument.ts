/** INT arguments as 64-bit lanes, without a BigInt made per row. */
import type { Vector } from '../../columnar/vector.js'
import type { RowPass } from './accumulator.js'

/** The column's values as int64 by column position (an INT column is widened at the rows' positions). */
export function int64Argument(pass: RowPass, column: number): BigInt64Array {
  const vector = pass.batch.columns[column] as Vector
  if (vector.kind === 'int64') return vector.values
  const source = (vector as { values: Int32Array }).values
  const words = new Int32Array(source.length * 2)
  for (let row = 0; row < pass.count; row++) {
    const position = pass.positions[row] as number
    const value = source[position] as number
    words[2 * position] = value
    words[2 * position + 1] = value >> 31
  }
  return new BigInt64Array(words.buffer)
}
