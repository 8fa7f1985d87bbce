/** From operator spec to running operator. Sources, sinks and collect are made by runtime/connectors. */
import type { OperatorSpec } from '#core/graph/operator-spec.js'
import type { Schema } from '#core/types/schema.js'
import { createCalc } from './calc.js'
import { createFromChangelog, createToChangelog } from './changelog-functions.js'
import { createGroupAggregate } from './group-aggregate.js'
import { createJoin } from './join/create-join.js'
import { createIntervalJoin } from './join/interval-join.js'
import { createTemporalJoin } from './join/temporal-join.js'
import { createMatch } from './match/match-operator.js'
import type { Operator, SourceOperator } from './operator.js'
import { createSessionWindow } from './session/session-window.js'
import { createOver } from './over/create-over.js'
import { createSetOperation } from './set-operation.js'
import { createRank } from './rank.js'
import { createSortLimit } from './sort-limit.js'
import { createUnnest } from './unnest.js'
import { createTemporalSort } from './temporal-sort.js'
import { createUnion } from './union.js'
import { createValues } from './values.js'
import { createWatermark } from './watermark.js'
import { createWindowAggregate } from './window-aggregate.js'
import { createWindowTableFunction } from './window-table-function.js'

/** `inputs`: schemas of the operator's inputs (none for values); `output`: its output schema. */
export function createOperator(spec: OperatorSpec, inputs: readonly Schema[], output: Schema): Operator | SourceOperator {
  switch (spec.op) {
    case 'calc':
      return createCalc(spec, inputs, output)
    case 'watermark':
      return createWatermark(spec, inputs, output)
    case 'group-aggregate':
      return createGroupAggregate(spec, inputs, output)
    case 'window-aggregate':
      return createWindowAggregate(spec, inputs, output)
    case 'unnest':
      return createUnnest(spec, inputs, output)
    case 'window-table-function':
      return createWindowTableFunction(spec, inputs, output)
    case 'session-window':
      return createSessionWindow(spec, inputs, output)
    case 'join':
      return createJoin(spec, inputs, output)
    case 'interval-join':
      return createIntervalJoin(spec, inputs, output)
    case 'temporal-join':
      return createTemporalJoin(spec, inputs, output)
    case 'rank':
      return createRank(spec, inputs, output)
    case 'sort-limit':
      return createSortLimit(spec, inputs, output)
    case 'to-changelog':
      return createToChangelog(spec, inputs, output)
    case 'from-changelog':
      return createFromChangelog(spec, inputs, output)
    case 'over':
      return createOver(spec, inputs, output)
    case 'set-operation':
      return createSetOperation(spec, inputs, output)
    case 'match-recognize':
      return createMatch(spec, inputs, output)
    case 'temporal-sort':
      return createTemporalSort(spec, inputs, output)
    case 'union':
      return createUnion(spec, inputs, output)
    case 'values':
      return createValues(spec)
    case 'lookup-join':
    case 'source':
    case 'sink':
    case 'collect':
      throw new Error(`${spec.op} is made by runtime/connectors`)
    case 'function':
      throw new Error('an operator of a program is made from its definition (operators/process)')
  }
}
