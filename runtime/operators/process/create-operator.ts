/** From what the program defines (definition.ts) to the running operator. */
import type { Operator, SourceOperator } from '../operator.js'
import type { FunctionDefinition } from './definition.js'

/** Schemas of inputs and output are those of stream-layout.ts for the definition's types. */
export function createFunctionOperator(definition: FunctionDefinition): Operator | SourceOperator {
  throw new Error(`${definition.kind} has no operator yet`)
}
