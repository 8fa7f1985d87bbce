/** Size of a batch's rows when laid out compactly, in bytes: what budgets, metrics of the exchange and pieces of snapshots count. */
import type { Batch } from './batch.js'

/** A guess: the true size is known only once an object is encoded. */
const OBJECT_BYTES = 100

export function batchBytes(batch: Batch): number {
  const { length, selection } = batch
  let bytes = batch.rowKinds === undefined ? 0 : length
  for (const column of batch.columns) {
    switch (column.kind) {
      case 'boolean':
        bytes += length
        break
      case 'int32':
        bytes += length * 4
        break
      case 'int64':
      case 'float64':
        bytes += length * 8
        break
      case 'decimal128':
        bytes += length * 16
        break
      case 'utf8': {
        const lengths = column.lengths
        let total = 0
        if (selection === undefined) for (let row = 0; row < length; row++) total += lengths[row] as number
        else for (let row = 0; row < length; row++) total += lengths[selection[row] as number] as number
        bytes += length * 4 + total
        break
      }
      case 'object':
        bytes += length * OBJECT_BYTES
        break
    }
  }
  return bytes
}
