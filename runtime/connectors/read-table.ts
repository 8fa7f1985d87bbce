/** In a task: all rows of a bounded table, as lookup joins want them: read by one reader that is its own coordinator. */
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { Batch } from '../columnar/batch.js'
import type { OperatorContext } from '../operators/operator.js'
import { loadEnumerator } from './load-coordinator.js'
import { loadSource } from './load-source.js'

/** `context`: of the operator that reads it. @throws what the connector's enumerator and reader throw */
export async function* readTable(spec: SpecOf<'source'>, context: OperatorContext): AsyncGenerator<Batch> {
  const { jobId, operatorId, configuration, environment, fileSystems } = context
  const source = await loadSource(spec)
  const enumerator = await loadEnumerator(spec, { jobId, operatorId, parallelism: 1, configuration, environment, fileSystems })
  const batches: Batch[] = []
  try {
    await enumerator?.start()
    const alone: OperatorContext = {
      ...context,
      subtaskIndex: 0,
      parallelism: 1,
      requestCoordinator: async () => ({ split: (await enumerator?.nextSplit(0)) ?? null }),
    }
    await source.open?.(alone, {
      collect: (batch) => void batches.push(batch),
      emitWatermark: () => undefined,
    })
    for (let state = 'more'; state !== 'end';) {
      state = await source.poll()
      yield* batches.splice(0)
    }
  } finally {
    await source.close?.(false)
    await enumerator?.close()
  }
}
