/** From an operator's spec to the running operator. */
import type { TaskDeploymentDescriptor } from '#core/graph/deployment.js'
import type { OperatorNode } from '#core/graph/job-graph.js'
import type { Schema } from '#core/types/schema.js'
import { loadLookupJoin } from '#runtime/connectors/load-lookup.js'
import { loadSink } from '#runtime/connectors/load-sink.js'
import { loadSource } from '#runtime/connectors/load-source.js'
import { loadModules } from '#runtime/expr/user-functions.js'
import { createOperator } from '#runtime/operators/factory.js'
import type { Operator, SourceOperator } from '#runtime/operators/operator.js'
import type { ProgramLoader } from './program-loader.js'

export type AnyOperator = Operator | SourceOperator
export type Instantiate = (node: OperatorNode, inputs: readonly Schema[], task: TaskDeploymentDescriptor) => Promise<AnyOperator>

/** Loads what the task's operators are made of, so that they are made at once when it comes. */
export type Preload = (task: TaskDeploymentDescriptor) => Promise<void>

export const preloadWith =
  (programs: ProgramLoader): Preload =>
  async (task) => {
    for (const node of task.operators) {
      const { spec } = node
      if (spec.op === 'function') {
        await programs.definition({ ...node, spec }, task)
        await import('#runtime/operators/process/create-operator.js')
      } else if (spec.op === 'source') await loadSource(spec)
      else if (spec.op === 'sink') await loadSink(spec)
    }
  }

/** Loads what the operator needs: connectors' code, the program's functions. */
export const instantiateWith =
  (programs: ProgramLoader): Instantiate =>
  async (node, inputs, task) => {
    const { spec } = node
    if (node.modules !== undefined) await loadModules(node.modules)
    if (spec.op !== 'function') return instantiateBuiltIn(node, inputs)
    const definition = await programs.definition({ ...node, spec }, task)
    if (definition.kind === 'collect') {
      const { CollectElementsOperator } = await import('#runtime/connectors/collect/element-sink.js')
      return new CollectElementsOperator(definition.inputs[0]?.type ?? { kind: 'generic' })
    }
    const { createFunctionOperator } = await import('#runtime/operators/process/create-operator.js')
    return createFunctionOperator(definition)
  }

async function instantiateBuiltIn(node: OperatorNode, inputs: readonly Schema[]): Promise<AnyOperator> {
  const { spec } = node
  switch (spec.op) {
    case 'source':
      return loadSource(spec)
    case 'sink':
    case 'collect':
      return loadSink(spec)
    case 'lookup-join':
      return loadLookupJoin(spec, inputs, node.outputSchema)
    default:
      return createOperator(spec, inputs, node.outputSchema)
  }
}

export function isSource(operator: AnyOperator): operator is SourceOperator {
  return 'poll' in operator
}
