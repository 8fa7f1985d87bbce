/**
 * The rolling reduce of a keyed stream: every element in, the reduced value so far out.
 *
 * State: the reduced value per key, encoded each time, so that what was emitted never changes under anybody.
 * Source: Flink's StreamGroupedReduceOperator.
 */
import type { FunctionDefinition, FunctionKind } from './definition.js'
import { KeyedOperator } from './keyed-operator.js'
import { ValueHandle } from './state-handles.js'
import { methodOf } from './user-call.js'

export function createReduce(definition: FunctionDefinition & Extract<FunctionKind, { kind: 'keyed-reduce' }>): KeyedOperator {
  const reduce = methodOf<(a: unknown, b: unknown) => unknown>(definition.function, 'reduce')
  return new KeyedOperator(definition, definition.function, ['reduce'], ({ out, services }) => {
    const reduced = new ValueHandle(services.state, { name: '$reduced' }, false)
    return {
      elements: [
        (value) => {
          const before = reduced.value()
          const result = before === undefined ? value : reduce(before, value)
          reduced.update(result)
          out.collect(result)
        },
      ],
    }
  })
}
