/** How many subtasks an operator has, and how far that may ever grow. */
import { MAX_PARALLELISM, PARALLELISM } from '#core/config/options/execution.js'
import { SQL_PARALLELISM } from '#core/config/options/sql.js'
import { maxParallelismOf } from '#core/graph/max-parallelism.js'
import type { Configuration } from '#core/config/configuration.js'

/** `table.exec.resource.default-parallelism`, else `parallelism.default`. */
export function defaultParallelism(configuration: Configuration): number {
  const ofSql = configuration.get(SQL_PARALLELISM)
  return ofSql > 0 ? ofSql : configuration.get(PARALLELISM)
}

/** `pipeline.max-parallelism`, else what Flink derives from the parallelism. */
export function configuredMaxParallelism(parallelism: number, configuration: Configuration): number {
  const given = configuration.get(MAX_PARALLELISM)
  return maxParallelismOf(parallelism, given > 0 ? given : undefined)
}
