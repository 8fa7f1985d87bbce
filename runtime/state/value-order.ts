/** Orders of stored values: negative, 0 or positive, as for a sort. */

/** Total order of doubles: NaN equals NaN and is above all, -0.0 equals 0.0. */
export function compareDoubles(a: number, b: number): number {
  if (a < b) return -1
  if (a > b) return 1
  if (a === b) return 0
  return a !== a ? (b !== b ? 0 : 1) : -1
}

/** Two's complement numbers of `width` words, low word first. */
export function compareWords(a: Int32Array, atA: number, b: Int32Array, atB: number, width: number): number {
  const top = compareNumbers(a[atA + width - 1] as number, b[atB + width - 1] as number)
  if (top !== 0) return top
  for (let w = width - 2; w >= 0; w--) {
    const order = compareNumbers((a[atA + w] as number) >>> 0, (b[atB + w] as number) >>> 0)
    if (order !== 0) return order
  }
  return 0
}

/** Order of numbers that are not NaN. */
export function compareNumbers(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0
}
