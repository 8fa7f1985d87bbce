import type { SpecOf } from '#core/graph/operator-spec.js'
import type { Schema } from '#core/types/schema.js'
import type { Operator } from '../operator.js'
import { SortedOverOperator } from './sorted-over.js'
import { TimedOverOperator } from './timed-over.js'

export function createOver(spec: SpecOf<'over'>, inputs: readonly Schema[], output: Schema): Operator {
  const timed = spec.output === 'rowtime' || spec.output === 'processing-time'
  return timed ? new TimedOverOperator(spec, inputs[0] as Schema, output) : new SortedOverOperator(spec, inputs[0] as Schema, output)
}
