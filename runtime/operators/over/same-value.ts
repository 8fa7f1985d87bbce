import { isNull, type Utf8Vector, type Vector } from '../../columnar/vector.js'

/** True when the two rows hold the same, of columns of one type: NULL is NULL, NaN is NaN, -0.0 is not 0.0. */
export function sameValue(a: Vector, rowA: number, b: Vector, rowB: number): boolean {
  const nullA = isNull(a, rowA)
  if (nullA || isNull(b, rowB)) return nullA === isNull(b, rowB)
  switch (a.kind) {
    case 'decimal128': {
      const { lanes } = b as typeof a
      return a.lanes[2 * rowA] === lanes[2 * rowB] && a.lanes[2 * rowA + 1] === lanes[2 * rowB + 1]
    }
    case 'utf8': {
      const other = b as Utf8Vector
      const length = a.lengths[rowA] as number
      if (length !== other.lengths[rowB]) return false
      const [from, otherFrom] = [a.offsets[rowA] as number, other.offsets[rowB] as number]
      for (let i = 0; i < length; i++) if (a.bytes[from + i] !== other.bytes[otherFrom + i]) return false
      return true
    }
    default:
      return Object.is(a.values[rowA], (b as typeof a).values[rowB])
  }
}
