/** How many subtasks an operator has, and how far that may ever grow. */
import { MAX_PARALLELISM, PARALLELISM } from '#core/config/options/execution.js'
import { SQL_PARALLELISM } from '#core/config/options/sql.js'
import type { Configuration } from '#core/config/configuration.js'

/** Flink's smallest and largest derived number of key groups. */
const MIN_KEY_GROUPS = 128
const MAX_KEY_GROUPS = 32_768

/** `table.exec.resource.default-parallelism`, else `parallelism.default`. */
export function defaultParallelism(configuration: Configuration): number {
  const ofSql = configuration.get(SQL_PARALLELISM)
  return ofSql > 0 ? ofSql : configuration.get(PARALLELISM)
}

/** `pipeline.max-parallelism`, else Flink's rule: one and a half times the parallelism, rounded up to a power of two, 128 at least. */
export function maxParallelismOf(parallelism: number, configuration: Configuration): number {
  const given = configuration.get(MAX_PARALLELISM)
  if (given > 0) return Math.max(given, parallelism)
  const wanted = 2 ** Math.ceil(Math.log2(parallelism + Math.floor(parallelism / 2)))
  return Math.min(Math.max(wanted, MIN_KEY_GROUPS), MAX_KEY_GROUPS)
}
