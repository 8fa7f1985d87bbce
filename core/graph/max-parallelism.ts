/** How far an operator's parallelism may ever grow: the number of its key groups. */

/** Flink's smallest and largest derived number of key groups. */
const MIN_KEY_GROUPS = 128
const MAX_KEY_GROUPS = 32_768

/** What was given, else Flink's rule: one and a half times the parallelism, rounded up to a power of two, 128 at least. */
export function maxParallelismOf(parallelism: number, given: number | undefined): number {
  if (given !== undefined) return Math.max(given, parallelism)
  const wanted = 2 ** Math.ceil(Math.log2(parallelism + Math.floor(parallelism / 2)))
  return Math.min(Math.max(wanted, MIN_KEY_GROUPS), MAX_KEY_GROUPS)
}
