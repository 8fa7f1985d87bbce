/** What a run of `make elastic` is judged by, from samples, rescales and the times of rows: pure. Times in ms since 1970. */

export interface Step {
  /** Multiple of the least load: 1x, 6x, … */
  readonly factor: number
  /** Numbers per second. */
  readonly rate: number
  readonly from: number
  readonly to: number
}

export interface ElasticSample {
  readonly at: number
  /** Of the vertex that does the work. */
  readonly parallelism: number
  /** Running, as the ResourceManager tells, the master's among them. */
  readonly containers: number
}

export interface RescaleTimes {
  readonly before: number
  readonly after: number
  /** Of the checkpoint from which the job went on, and when all tasks ran again. */
  readonly from: number
  readonly to: number
  readonly phases: Readonly<Record<string, number>>
}

/** Rows that the first round trips bring late are waited for so long behind a rescale. */
const AFTER_MS = 5_000
/** One batch of rows may be under way when the checkpoint is asked for. */
const BEFORE_MS = 500

/** The longest time around the rescale without a row. `at`: of all rows, ascending. */
export function pauseOf({ from, to }: RescaleTimes, at: Float64Array): number {
  let longest = 0
  let before: number | undefined
  for (const now of at) {
    if (now < from - BEFORE_MS) continue
    if (before !== undefined) longest = Math.max(longest, now - before)
    if (now > to + AFTER_MS) break
    before = now
  }
  return longest
}

/** Nearest rank. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}

/** Changes of direction. */
export function reversals(values: readonly number[]): number {
  let count = 0
  let direction = 0
  for (const [i, now] of values.entries()) {
    const turn = Math.sign(now - (values[i - 1] ?? now))
    if (turn !== 0 && direction !== 0 && turn !== direction) count++
    if (turn !== 0) direction = turn
  }
  return count
}

/**
 * How long after the load fell more containers ran than the step needed in the end; undefined: to its very end. `containersOf`: with that parallelism.
 */
export function giveBackTime(
  step: Step,
  samples: readonly ElasticSample[],
  containersOf: (parallelism: number) => number,
): number | undefined {
  const within = samples.filter(({ at }) => at >= step.from && at < step.to)
  const last = within.at(-1)
  if (last === undefined) return undefined
  const needed = containersOf(last.parallelism)
  const above = within.findLast(({ containers }) => containers > needed)
  if (above === undefined) return 0
  return above === last ? undefined : above.at - step.from
}

export function stepSamples({ from, to }: Step, samples: readonly ElasticSample[]): readonly ElasticSample[] {
  return samples.filter(({ at }) => at >= from && at < to)
}
