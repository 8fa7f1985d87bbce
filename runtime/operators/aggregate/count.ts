/** COUNT(*) and COUNT(x): BIGINT, never NULL. */
import type { LogicalType } from '#core/types/logical-type.js'
import type { Vector } from '../../columnar/vector.js'
import { grown } from '../../state/growable.js'
import type { WordColumn } from '../../state/lifted-columns.js'
import { FIRST, wordsOf, type Accumulator, type RowPass } from './accumulator.js'
import { COUNT_TYPE, loadWords, savedWords } from './state-columns.js'

export class CountAccumulator implements Accumulator {
  readonly stateTypes = [COUNT_TYPE]
  readonly #type: LogicalType
  #counts = new BigInt64Array(0)

  constructor(type: LogicalType) {
    this.#type = type
  }

  reserve(groups: number): void {
    this.#counts = grown(this.#counts, groups)
  }

  update(pass: RowPass, changed: Uint8Array | undefined): Vector | undefined {
    const { count, groups, weights, flags } = pass
    const counts = this.#counts
    const values = new BigInt64Array(changed === undefined ? 0 : 2 * count)
    for (let row = 0; row < count; row++) {
      const group = groups[row] as number
      if (((flags[row] as number) & FIRST) !== 0) counts[group] = 0n
      const weight = weights[row] as number
      if (changed !== undefined) {
        values[2 * row] = counts[group] as bigint
        if (weight !== 0) changed[row] = 1
      }
      if (weight > 0) counts[group] = BigInt.asIntN(64, (counts[group] as bigint) + 1n)
      else if (weight < 0) counts[group] = BigInt.asIntN(64, (counts[group] as bigint) - 1n)
      if (changed !== undefined) values[2 * row + 1] = counts[group] as bigint
    }
    return changed === undefined ? undefined : { kind: 'int64', type: this.#type, nulls: undefined, values }
  }

  results(groups: Int32Array, count: number): Vector {
    const counts = this.#counts
    const values = new BigInt64Array(count)
    for (let i = 0; i < count; i++) values[i] = counts[groups[i] as number] as bigint
    return { kind: 'int64', type: this.#type, nulls: undefined, values }
  }

  save(groups: Int32Array, count: number): Vector[] {
    return [
      { kind: 'int64', type: COUNT_TYPE, nulls: undefined, values: new BigInt64Array(savedWords(this.#counts, 2, groups, count).buffer) },
    ]
  }

  load(groups: Int32Array, columns: readonly Vector[]): void {
    loadWords(columns[0] as Vector, 2, groups, this.#counts)
  }

  merge({ count, groups, weights, flags }: RowPass, columns: readonly Vector[]): void {
    const { values } = columns[0] as Vector & { kind: 'int64' }
    const counts = this.#counts
    for (let row = 0; row < count; row++) {
      const group = groups[row] as number
      if (((flags[row] as number) & FIRST) !== 0) counts[group] = 0n
      if (weights[row] !== 0) counts[group] = BigInt.asIntN(64, (counts[group] as bigint) + (values[row] as bigint))
    }
  }

  columns(): WordColumn[] {
    return [{ values: wordsOf(this.#counts), width: 2 }]
  }

  drop(): void {
    this.#counts = new BigInt64Array(0)
  }

  clear(): void {
    this.#counts.fill(0n)
  }
}
