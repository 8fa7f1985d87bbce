/** In a task: the running lookup join of a spec, its table's connector loaded on demand. */
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { Schema } from '#core/types/schema.js'
import { LookupJoinOperator } from '../operators/join/lookup-join.js'
import type { Operator } from '../operators/operator.js'
import { readTable } from './read-table.js'

export function loadLookupJoin(spec: SpecOf<'lookup-join'>, inputs: readonly Schema[], output: Schema): Operator {
  return new LookupJoinOperator(spec, inputs[0] as Schema, output, (context) => readTable(spec.table, context))
}
