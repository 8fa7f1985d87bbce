/** The order of a SELECT's rows, told from the texts of their cells. */
import type { ResultSortKey } from '#core/rest/responses.js'
import type { CollectedRow } from '#core/rpc/operator-events.js'

/** Negative, 0 or positive. */
export function compareRows(a: CollectedRow, b: CollectedRow, order: readonly ResultSortKey[]): number {
  for (const { column, ascending, nullsFirst, compare } of order) {
    const x = a.cells[column] ?? null
    const y = b.cells[column] ?? null
    if (x === y) continue
    if (x === null) return nullsFirst ? -1 : 1
    if (y === null) return nullsFirst ? 1 : -1
    const difference = COMPARE[compare](x, y)
    if (difference !== 0) return ascending ? difference : -difference
  }
  return 0
}

const COMPARE: Readonly<Record<ResultSortKey['compare'], (a: string, b: string) => number>> = {
  number: compareNumbers,
  double: (a, b) => compareDoubles(Number(a), Number(b)),
  // By UTF-8 bytes, which is by code points, as the engine sorts.
  text: (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)),
}

/** Exact decimal numbers of any length: `-12.50`, `7`. */
function compareNumbers(a: string, b: string): number {
  const [x, y] = [parts(a), parts(b)]
  const digits = Math.max(x.fraction.length, y.fraction.length)
  const difference = unscaled(x, digits) - unscaled(y, digits)
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

function parts(text: string): { whole: string; fraction: string } {
  const [whole = '', fraction = ''] = text.split('.')
  return { whole, fraction }
}

function unscaled({ whole, fraction }: { whole: string; fraction: string }, digits: number): bigint {
  return BigInt(whole + fraction.padEnd(digits, '0'))
}

/** NaN is the largest. */
function compareDoubles(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  return a - b === 0 || a === b ? 0 : a < b ? -1 : 1
}
