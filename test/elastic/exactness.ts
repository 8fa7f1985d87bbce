/** Whether the output of changing-load counted each number once: pure. */

/** A line of its output. */
export interface CountedRow {
  readonly id: number
  readonly k: number
  readonly n: number
  /** ms since 1970. */
  readonly at: number
}

export interface Exactness {
  readonly rows: number
  /** Some of each; empty: none. */
  readonly missing: readonly number[]
  readonly repeated: readonly number[]
  /** Keys whose counts are not 1, 2, 3, … */
  readonly miscounted: readonly number[]
}

const EXAMPLES = 20

export function parseRows(texts: readonly string[]): CountedRow[] {
  return texts.flatMap((text) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [id = NaN, k = NaN, n = NaN, at = NaN] = line.split(',').map(Number)
        return { id, k, n, at }
      }),
  )
}

/** Ids are the numbers from 0 on; a number's key is its rest by `keys`. */
export function exactnessOf(rows: readonly CountedRow[], keys: number): Exactness {
  const times = new Map<number, number>()
  const counts = new Map<number, number[]>()
  for (const { id, k, n } of rows) {
    times.set(id, (times.get(id) ?? 0) + 1)
    const seen = counts.get(k)
    if (seen === undefined) counts.set(k, [n])
    else seen.push(n)
  }
  let last = -1
  for (const id of times.keys()) last = Math.max(last, id)
  const missing: number[] = []
  for (let id = 0; id <= last && missing.length < EXAMPLES; id++) if (!times.has(id)) missing.push(id)
  const repeated = [...times].filter(([, count]) => count > 1).map(([id]) => id)
  const miscounted = [...counts].filter(([, seen]) => seen.sort((a, b) => a - b).some((n, index) => n !== index + 1)).map(([k]) => k)
  const misplaced = rows.filter(({ id, k }) => k !== id % keys).map(({ k }) => k)
  return {
    rows: rows.length,
    missing,
    repeated: repeated.slice(0, EXAMPLES),
    miscounted: [...new Set([...miscounted, ...misplaced])].slice(0, EXAMPLES),
  }
}

export function isExact({ rows, missing, repeated, miscounted }: Exactness): boolean {
  return rows > 0 && missing.length + repeated.length + miscounted.length === 0
}
