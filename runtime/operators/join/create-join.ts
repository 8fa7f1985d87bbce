/** A regular join by its type. */
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { Schema } from '#core/types/schema.js'
import type { Operator } from '../operator.js'
import { InnerJoinOperator } from './inner-join.js'
import { OuterJoinOperator } from './outer-join.js'

export function createJoin(spec: SpecOf<'join'>, inputs: readonly Schema[], output: Schema): Operator {
  const [left, right] = inputs as [Schema, Schema]
  return spec.joinType === 'inner' ? new InnerJoinOperator(spec, left, right, output) : new OuterJoinOperator(spec, left, right, output)
}
