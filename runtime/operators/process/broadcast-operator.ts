/** Process functions with broadcast state, on streams with and without key. Input 1 is the broadcast one. */
import { BroadcastStates } from './broadcast-state.js'
import type { FunctionDefinition, FunctionKind } from './definition.js'
import { ElementOperator } from './element-operator.js'
import type * as F from './functions.js'
import { KeyedOperator } from './keyed-operator.js'

type Definition<K extends FunctionKind['kind']> = FunctionDefinition & Extract<FunctionKind, { kind: K }>

const METHODS = ['processElement', 'processBroadcastElement']

export function createBroadcastProcess(definition: Definition<'broadcast-process'>): ElementOperator {
  const user = definition.function
  const states = new BroadcastStates(definition.states)
  return new ElementOperator(
    definition,
    user,
    METHODS,
    ({ out, processContext }) => {
      const reading: F.BroadcastReadOnlyContext = { ...processContext, getBroadcastState: readOnly(states) }
      const writing: F.BroadcastContext = { ...processContext, getBroadcastState: writable(states) }
      return [(value) => user.processElement(value, reading, out), (value) => user.processBroadcastElement(value, writing, out)]
    },
    states,
  )
}

export function createKeyedBroadcastProcess(definition: Definition<'keyed-broadcast-process'>): KeyedOperator {
  const user = definition.function
  const states = new BroadcastStates(definition.states)
  return new KeyedOperator(
    definition,
    user,
    METHODS,
    ({ out, services, processContext, timerContext }) => {
      const reading = { ...processContext, getBroadcastState: readOnly(states) }
      const timer = { ...timerContext, getBroadcastState: readOnly(states) }
      const { timestamp, timerService, output } = processContext
      const writing: F.KeyedBroadcastContext<unknown> = {
        timestamp,
        timerService,
        output,
        getBroadcastState: writable(states),
        applyToKeyedState(descriptor, visit) {
          const handle = services.global.getState(descriptor)
          const { state } = services
          const { entries } = state
          const keys = entries.ids(entries.stateNumber(`value:${descriptor.name}`)).map((entry) => entries.keyOf(entry))
          for (const key of keys) {
            state.useKey(key)
            visit(state.keyValue(), handle)
            state.releaseKey(key)
          }
        },
      }
      return {
        elements: [(value) => user.processElement(value, reading, out), (value) => user.processBroadcastElement(value, writing, out)],
        timer: user.onTimer === undefined ? undefined : (time) => user.onTimer?.(time, timer, out),
      }
    },
    states,
  )
}

function readOnly(states: BroadcastStates): F.BroadcastReadOnlyContext['getBroadcastState'] {
  return <K, V>(descriptor: F.MapStateDescriptor<K, V>) => states.get(descriptor, false) as F.ReadOnlyBroadcastState<K, V>
}

function writable(states: BroadcastStates): F.BroadcastContext['getBroadcastState'] {
  return <K, V>(descriptor: F.MapStateDescriptor<K, V>) => states.get(descriptor, true) as F.BroadcastState<K, V>
}
