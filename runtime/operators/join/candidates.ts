/** Pairs of a batch's rows with stored rows of the other side, tested many at a time. */
import type { Schema } from '#core/types/schema.js'
import { Batch, BATCH_CAPACITY } from '../../columnar/batch.js'
import { takeVector } from '../changelog.js'
import type { JoinedBatch } from './join-output.js'

export class Candidates {
  readonly #schema: Schema
  readonly #matched: (row: number, id: number) => void
  #condition: ((batch: Batch) => Int32Array) | undefined
  /** Row of the batch, id of the other side's row. */
  readonly #rows = new Int32Array(BATCH_CAPACITY)
  readonly #ids = new Int32Array(BATCH_CAPACITY)
  #count = 0

  /** `schema`: left ++ right. `matched` hears of the pairs for which the condition holds, in the order in which they were added. */
  constructor(schema: Schema, matched: (row: number, id: number) => void) {
    this.#schema = schema
    this.#matched = matched
  }

  /** undefined: all match. */
  open(condition: ((batch: Batch) => Int32Array) | undefined): void {
    this.#condition = condition
  }

  add(batch: JoinedBatch, row: number, id: number): void {
    if (this.#count === BATCH_CAPACITY) this.test(batch)
    this.#rows[this.#count] = row
    this.#ids[this.#count++] = id
  }

  /** Tests those that were added since. */
  test({ rows, input, positions, otherStore }: JoinedBatch): void {
    const count = this.#count
    if (count === 0) return
    this.#count = 0
    if (this.#condition === undefined) {
      for (let i = 0; i < count; i++) this.#matched(this.#rows[i] as number, this.#ids[i] as number)
      return
    }
    const at = this.#rows.slice(0, count)
    for (let i = 0; i < count; i++) at[i] = positions[at[i] as number] as number
    const own = rows.columns.map((column) => takeVector(column, at))
    const others = otherStore.columns(this.#ids, count)
    const pairs = new Batch(this.#schema, input === 0 ? [...own, ...others] : [...others, ...own], count)
    for (const i of this.#condition(pairs)) this.#matched(this.#rows[i] as number, this.#ids[i] as number)
  }
}
