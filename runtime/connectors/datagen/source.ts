import type { SourceOperator } from '../../operators/operator.js'
export function createSource(): SourceOperator {
  return { poll: () => 'end' }
}
