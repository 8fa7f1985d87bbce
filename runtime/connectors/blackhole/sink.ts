import type { Operator } from '../../operators/operator.js'

export function createSink(): Operator {
  return { processBatch: () => undefined, processWatermark: () => undefined, endInput: () => undefined }
}
