/** From an operator's spec to the running operator. */
import type { OperatorNode } from '#core/graph/job-graph.js'
import type { Schema } from '#core/types/schema.js'
import { loadSink } from '#runtime/connectors/load-sink.js'
import { loadSource } from '#runtime/connectors/load-source.js'
import { createOperator } from '#runtime/operators/factory.js'
import type { Operator, SourceOperator } from '#runtime/operators/operator.js'

export type AnyOperator = Operator | SourceOperator
export type Instantiate = (node: OperatorNode, inputs: readonly Schema[]) => Promise<AnyOperator>

/** Loads what the operator needs, connectors' code among it. */
export const instantiate: Instantiate = async (node, inputs) => {
  const { spec } = node
  switch (spec.op) {
    case 'source':
      return loadSource(spec)
    case 'sink':
    case 'collect':
      return loadSink(spec)
    default:
      return createOperator(spec, inputs, node.outputSchema)
  }
}

export function isSource(operator: AnyOperator): operator is SourceOperator {
  return 'poll' in operator
}
