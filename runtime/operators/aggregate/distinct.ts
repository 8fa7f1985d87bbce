/**
 * DISTINCT inside an aggregate: lets each value of a group through once. A value counts when its first row comes and is taken
 * away when its last row goes; all other rows get weight 0.
 */
import type { LogicalType } from '#core/types/logical-type.js'
import { hashRows } from '../../columnar/hash.js'
import { grown } from '../../state/growable.js'
import { KeyTable } from '../../state/key-table.js'
import type { RowPass } from './accumulator.js'

export class DistinctFilter {
  readonly #columns: readonly number[]
  readonly #values: KeyTable
  /** Rows per (group, value). */
  #counts = new Float64Array(0)

  constructor(columns: readonly number[], types: readonly LogicalType[]) {
    this.#columns = columns
    this.#values = new KeyTable(types, true)
  }

  /**
   * The rows' weights, seen as a set. `incarnations[row]` names the present life of the row's group: a group that vanished and
   * came back has another, so values left over by a malformed changelog never count for it.
   */
  weights(pass: RowPass, incarnations: Int32Array): Int8Array {
    const result = new Int8Array(pass.count)
    const rows = new Int32Array(pass.count)
    let counting = 0
    for (let row = 0; row < pass.count; row++) if (pass.weights[row] !== 0) rows[counting++] = row
    if (counting === 0) return result
    const positions = new Int32Array(counting)
    const prefix = new Int32Array(counting)
    for (let i = 0; i < counting; i++) {
      const row = rows[i] as number
      positions[i] = pass.positions[row] as number
      prefix[i] = incarnations[row] as number
    }
    const ids = new Int32Array(counting)
    this.#values.assign(
      pass.batch,
      this.#columns,
      positions,
      counting,
      hashRows(pass.batch.select(positions), this.#columns),
      ids,
      true,
      prefix,
    )
    this.#counts = grown(this.#counts, this.#values.idLimit)
    const counts = this.#counts
    for (let i = 0; i < counting; i++) {
      const id = ids[i] as number
      const row = rows[i] as number
      const before = counts[id] as number
      const weight = pass.weights[row] as number
      if (weight > 0) {
        counts[id] = before + 1
        if (before === 0) result[row] = 1
      } else if (before > 0) {
        counts[id] = before - 1
        if (before === 1) result[row] = -1
      }
    }
    for (let i = 0; i < counting; i++) {
      const id = ids[i] as number
      if (counts[id] !== 0) continue
      counts[id] = -1 // the same value may stand in the batch again
      this.#values.remove(id)
    }
    for (let i = 0; i < counting; i++) if (counts[ids[i] as number] === -1) counts[ids[i] as number] = 0
    return result
  }

  clear(): void {
    this.#values.clear()
    this.#counts.fill(0)
  }
}
