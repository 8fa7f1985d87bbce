/** What the place of a row in its partition says: its number or rank, and values of other rows. */
import type { OverCall } from '#core/graph/operator-spec.js'
import { Batch } from '../../columnar/batch.js'
import { concatBatches } from '../../columnar/gather.js'
import { isNull, type Vector } from '../../columnar/vector.js'
import type { RowStore } from '../../state/row-store.js'
import { nullBits, setNull } from '../aggregate/accumulator.js'
import { takeVector } from '../changelog.js'
import type { FrameBounds, Peers } from './frames.js'

/** A row that is not there. */
export const NO_PLACE = -1

/** Writes the numbers of one partition's rows, from `at` on. */
export function numberRows(call: OverCall, { first, last }: Peers, numbers: Float64Array, at: number): void {
  const rows = first.length
  let dense = 0
  for (let row = 0; row < rows; row++) {
    if (first[row] === row) dense++
    numbers[at + row] = numberOf(row, dense)
  }
  function numberOf(row: number, denseRank: number): number {
    switch (call.function) {
      case 'ROW_NUMBER':
        return row + 1
      case 'RANK':
        return (first[row] as number) + 1
      case 'DENSE_RANK':
        return denseRank
      case 'PERCENT_RANK':
        return rows === 1 ? 0 : (first[row] as number) / (rows - 1)
      case 'CUME_DIST':
        return ((last[row] as number) + 1) / rows
      case 'NTILE': {
        // The first parts have one row more.
        const parts = call.offset as number
        const size = Math.floor(rows / parts)
        const larger = rows % parts
        return row < larger * (size + 1) ? Math.floor(row / (size + 1)) + 1 : larger + Math.floor((row - larger * (size + 1)) / size) + 1
      }
      default:
        throw new Error(`${call.function} is no number of a row`)
    }
  }
}

/** Numbers as a column of the call's type. */
export function numberColumn(call: OverCall, numbers: Float64Array): Vector {
  const { type } = call
  if (type.kind === 'DOUBLE') return { kind: 'float64', type, nulls: undefined, values: numbers }
  if (type.kind === 'INT') return { kind: 'int32', type, nulls: undefined, values: Int32Array.from(numbers) }
  return { kind: 'int64', type, nulls: undefined, values: BigInt64Array.from(numbers, (number) => BigInt(number)) }
}

/**
 * Writes from which place each row of one partition takes its value. `isEmpty`: the argument is NULL at that place. `places`: rows of the
 * partition, where the frames are only those of some (not for LAG and LEAD).
 */
export function pickPlaces(
  call: OverCall,
  { from, to }: FrameBounds,
  isEmpty: (place: number) => boolean,
  picked: Int32Array,
  at: number,
  places = from.length,
): void {
  const rows = from.length
  switch (call.function) {
    case 'LAG':
    case 'LEAD': {
      const distance = call.function === 'LAG' ? -(call.offset as number) : (call.offset as number)
      for (let row = 0; row < rows; row++) picked[at + row] = row + distance >= 0 && row + distance < rows ? row + distance : NO_PLACE
      return
    }
    case 'FIRST_VALUE': {
      let place = 0
      for (let row = 0; row < rows; row++) {
        place = Math.max(place, from[row] as number)
        while (place < places && isEmpty(place)) place++
        picked[at + row] = place < (to[row] as number) ? place : NO_PLACE
      }
      return
    }
    case 'LAST_VALUE': {
      let seen = 0
      let place = NO_PLACE
      for (let row = 0; row < rows; row++) {
        for (; seen < (to[row] as number); seen++) if (!isEmpty(seen)) place = seen
        picked[at + row] = place >= (from[row] as number) && place < (to[row] as number) ? place : NO_PLACE
      }
      return
    }
    default:
      throw new Error(`${call.function} is no value of another row`)
  }
}

/** The argument of the rows `from` (ids; -1: none), or else the rows' own default. */
export function pickedColumn(call: OverCall, store: RowStore, from: Int32Array, own: Int32Array): Vector {
  const count = own.length
  const [argument, fallback] = call.args as [number, number | undefined]
  const { type } = call
  const values = store.column(
    argument,
    from.map((id, i) => (id < 0 ? (own[i] as number) : id)),
    count,
  )
  if (!from.includes(NO_PLACE)) return { ...values, type } as Vector
  if (fallback === undefined) {
    const nulls = nullBits(count)
    for (let i = 0; i < count; i++) if ((from[i] as number) < 0 || isNull(values, i)) setNull(nulls, i)
    return { ...values, type, nulls } as Vector
  }
  const schema = { fields: [{ name: '', type }] }
  const both = concatBatches(schema, [new Batch(schema, [values], count), new Batch(schema, [store.column(fallback, own, count)], count)])
  return takeVector(
    both.columns[0] as Vector,
    from.map((id, i) => (id < 0 ? count + i : i)),
    type,
  )
}
