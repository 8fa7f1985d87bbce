/** From what the program defines (definition.ts) to the running operator. */
import type { Operator, SourceOperator } from '../operator.js'
import { AsyncWaitOperator } from './async-wait.js'
import { createBroadcastProcess, createKeyedBroadcastProcess } from './broadcast-operator.js'
import type { FunctionDefinition, FunctionKind } from './definition.js'
import { ElementOperator, type Invoke } from './element-operator.js'
import type * as F from './functions.js'
import { createIntervalJoin } from './interval-join.js'
import { KeyedOperator } from './keyed-operator.js'
import { FilterOperator, MapOperator } from './map.js'
import { PrintOperator } from './print-operator.js'
import { createReduce } from './reduce.js'
import {
  ElementUnionOperator,
  FromTableOperator,
  KeyByOperator,
  PartitionByOperator,
  SelectOutputOperator,
  ToTableOperator,
} from './reshape.js'
import { FunctionSink } from './sink-operator.js'
import { createCollectionSource, createSequenceSource } from './small-sources.js'
import { FunctionSource } from './source-operator.js'
import { TimestampsAndWatermarksOperator } from './timestamps-and-watermarks.js'
import type { TypeInformation } from './type-information.js'
import { methodOf } from './user-call.js'
import { WatermarkAlignmentOperator } from './watermark-alignment.js'
import { createCoGroup, createWindow, createWindowFlatJoin, createWindowJoin } from './window-functions.js'

type Of<K extends FunctionKind['kind']> = FunctionDefinition & Extract<FunctionKind, { kind: K }>

/**
 * Schemas of inputs and output are those of stream-layout.ts for the definition's types. Elements that are
 * collected for the program ('collect') go through runtime/connectors.
 */
export function createFunctionOperator(definition: FunctionDefinition): Operator | SourceOperator {
  const input = (definition.inputs[0]?.type ?? { kind: 'generic' }) as TypeInformation
  switch (definition.kind) {
    case 'map':
      return new MapOperator(definition, definition.function)
    case 'flat-map':
      return createFlatMap(definition)
    case 'filter':
      return new FilterOperator(definition, definition.function)
    case 'key-by':
      return new KeyByOperator(input, definition.select)
    case 'partition-by': {
      const { select, partition, numPartitions } = definition
      return new PartitionByOperator(input, (value) => partition(select(value), numPartitions), numPartitions)
    }
    case 'select-output':
      return new SelectOutputOperator(definition.outputs, definition.index)
    case 'union':
      return new ElementUnionOperator(definition.output)
    case 'timestamps-and-watermarks':
      return new TimestampsAndWatermarksOperator(input, definition.strategy)
    case 'watermark-alignment': {
      const { alignment = { group: '', maxDrift: Infinity, updateInterval: 1000 }, idleTimeout = 0 } = definition.strategy
      return new WatermarkAlignmentOperator({ ...alignment, idleTimeout })
    }
    case 'process':
      return createProcess(definition)
    case 'co-map':
      return createCoMap(definition)
    case 'co-flat-map':
      return createCoFlatMap(definition)
    case 'co-process':
      return createCoProcess(definition)
    case 'keyed-process':
      return createKeyedProcess(definition)
    case 'keyed-co-process':
      return createKeyedCoProcess(definition)
    case 'keyed-reduce':
      return createReduce(definition)
    case 'broadcast-process':
      return createBroadcastProcess(definition)
    case 'keyed-broadcast-process':
      return createKeyedBroadcastProcess(definition)
    case 'window':
      return createWindow(definition)
    case 'co-group':
      return createCoGroup(definition)
    case 'window-join':
      return createWindowJoin(definition)
    case 'window-flat-join':
      return createWindowFlatJoin(definition)
    case 'interval-join':
      return createIntervalJoin(definition)
    case 'async':
      return new AsyncWaitOperator(definition)
    case 'source':
      return new FunctionSource(definition)
    case 'collection-source':
      return createCollectionSource(definition)
    case 'sequence-source':
      return createSequenceSource(definition)
    case 'sink':
      return new FunctionSink(definition)
    case 'print':
      return new PrintOperator(definition)
    case 'from-table':
      return new FromTableOperator(definition.output)
    case 'to-table':
      return new ToTableOperator(input)
    case 'collect':
      throw new Error('collect is made by runtime/connectors')
  }
}

/** A function that returns an iterable emits its items, too. */
function emitting(call: (value: unknown, out: F.Collector<unknown>) => unknown, out: F.Collector<unknown>): Invoke {
  return (value) => {
    const results = call(value, out)
    if (results === undefined || results === null) return
    if (typeof (results as Iterable<unknown>)[Symbol.iterator] !== 'function' || typeof results === 'string') {
      throw new TypeError('it returned neither nothing nor an iterable of elements')
    }
    for (const result of results as Iterable<unknown>) out.collect(result)
  }
}

function createFlatMap(definition: Of<'flat-map'>): ElementOperator {
  const flatMap = methodOf<(value: unknown, out: F.Collector<unknown>) => unknown>(definition.function, 'flatMap')
  return new ElementOperator(definition, definition.function, ['flatMap'], ({ out }) => [emitting(flatMap, out)])
}

function createCoFlatMap(definition: Of<'co-flat-map'>): ElementOperator {
  const user = definition.function
  return new ElementOperator(definition, user, ['flatMap1', 'flatMap2'], ({ out }) => [
    emitting((value, collector) => user.flatMap1(value, collector), out),
    emitting((value, collector) => user.flatMap2(value, collector), out),
  ])
}

function createCoMap(definition: Of<'co-map'>): ElementOperator {
  const user = definition.function
  return new ElementOperator(definition, user, ['map1', 'map2'], ({ out }) => [
    (value) => out.collect(user.map1(value)),
    (value) => out.collect(user.map2(value)),
  ])
}

function createProcess(definition: Of<'process'>): ElementOperator {
  const user = definition.function
  return new ElementOperator(definition, user, ['processElement'], ({ out, processContext }) => [
    (value) => noPromise(user.processElement(value, processContext, out)),
  ])
}

function createCoProcess(definition: Of<'co-process'>): ElementOperator {
  const user = definition.function
  return new ElementOperator(definition, user, ['processElement1', 'processElement2'], ({ out, processContext }) => [
    (value) => noPromise(user.processElement1(value, processContext, out)),
    (value) => noPromise(user.processElement2(value, processContext, out)),
  ])
}

function createKeyedProcess(definition: Of<'keyed-process'>): KeyedOperator {
  const user = definition.function
  return new KeyedOperator(definition, user, ['processElement'], ({ out, processContext, timerContext }) => ({
    elements: [(value) => noPromise(user.processElement(value, processContext, out))],
    timer: user.onTimer === undefined ? undefined : (time) => noPromise(user.onTimer?.(time, timerContext, out)),
  }))
}

function createKeyedCoProcess(definition: Of<'keyed-co-process'>): KeyedOperator {
  const user = definition.function
  return new KeyedOperator(definition, user, ['processElement1', 'processElement2'], ({ out, processContext, timerContext }) => ({
    elements: [
      (value) => noPromise(user.processElement1(value, processContext, out)),
      (value) => noPromise(user.processElement2(value, processContext, out)),
    ],
    timer: user.onTimer === undefined ? undefined : (time) => noPromise(user.onTimer?.(time, timerContext, out)),
  }))
}

/** An async method would go on after its element, with another key current, and its failure would be lost. */
function noPromise(result: unknown): void {
  if (result === undefined || result === null || typeof (result as { then?: unknown }).then !== 'function') return
  ;(result as Promise<unknown>).then(undefined, () => undefined)
  throw new TypeError('it returned a promise: functions of operators are not asynchronous; AsyncDataStream is for that')
}
