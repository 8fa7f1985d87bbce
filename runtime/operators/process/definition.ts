/**
 * What graph building (api/) hands to the running operators: one definition per function operator, with the user's own functions in it.
 * It is never serialized: on the worker the program's `main` builds the graph again, and the definition is found by operator id.
 *
 * Rows of a stream between function operators: stream-layout.ts. `createFunctionOperator` (create-operator.ts) makes the running operator.
 */
import type { Sink, Source } from './connectors.js'
import type * as F from './functions.js'
import type { TypeInformation } from './type-information.js'

/** Where the key of a keyed input is: the columns that its HASH edge goes by, and how they are read. */
export interface KeyLayout {
  /** Columns of the input: fields of the element, or `$key` alone. */
  readonly columns: readonly number[]
  /** `$key`: generic or atomic text. One field: atomic. Several fields: a row. */
  readonly type: TypeInformation
}

export interface Input {
  readonly type: TypeInformation
  readonly key?: KeyLayout
}

interface Common {
  readonly inputs: readonly Input[]
  readonly output: TypeInformation
  /** Further outputs that the program takes, in the order of their `$output`. */
  readonly sideOutputs: readonly F.OutputTag<unknown>[]
}

export interface WindowDefinition {
  readonly assigner: F.WindowAssigner
  readonly trigger?: F.Trigger<unknown>
  readonly evictor?: F.Evictor<unknown>
  readonly allowedLateness: number
  readonly lateOutput?: F.OutputTag<unknown>
}

// Functions of users' types: the types were checked where the graph was built.
/* eslint-disable @typescript-eslint/no-explicit-any */
export type FunctionKind =
  | { readonly kind: 'map'; readonly function: F.MapFunction<any, any> }
  | { readonly kind: 'flat-map'; readonly function: F.FlatMapFunction<any, any> }
  | { readonly kind: 'filter'; readonly function: F.FilterFunction<any> }
  /** Appends `$key`. */
  | { readonly kind: 'key-by'; readonly select: F.KeySelector<any, any>; readonly keyType: TypeInformation }
  /** Appends `$partition` INT: the subtask that the row goes to. */
  | {
      readonly kind: 'partition-by'
      readonly select: F.KeySelector<any, any>
      readonly partition: (key: any, numPartitions: number) => number
      readonly numPartitions: number
    }
  /** The rows of one output of an operator with side outputs. */
  | { readonly kind: 'select-output'; readonly outputs: readonly TypeInformation[]; readonly index: number }
  /** Elements of several inputs: what their streams do not have in common (keys) is dropped. */
  | { readonly kind: 'union' }
  | { readonly kind: 'timestamps-and-watermarks'; readonly strategy: F.WatermarkStrategy<any> }
  /** Behind the watermarks of a strategy that has an alignment. */
  | { readonly kind: 'watermark-alignment'; readonly strategy: F.WatermarkStrategy<any> }
  | { readonly kind: 'process'; readonly function: F.ProcessFunction<any, any> }
  | { readonly kind: 'keyed-process'; readonly function: F.KeyedProcessFunction<any, any, any> }
  /** Rolling: every element in, the reduced value out (with the element's timestamp). */
  | { readonly kind: 'keyed-reduce'; readonly function: F.ReduceFunction<any> }
  | {
      readonly kind: 'window'
      readonly window: WindowDefinition
      /** At most one of both: elements are combined as they come. Neither: they are kept. */
      readonly reduce?: F.ReduceFunction<any>
      readonly aggregate?: F.AggregateFunction<any, any, any>
      /** Absent: what was combined is the result. */
      readonly process?: F.ProcessWindowFunction<any, any, any>
      readonly apply?: F.WindowFunction<any, any, any>
    }
  | { readonly kind: 'co-map'; readonly function: F.CoMapFunction<any, any, any> }
  | { readonly kind: 'co-flat-map'; readonly function: F.CoFlatMapFunction<any, any, any> }
  | { readonly kind: 'co-process'; readonly function: F.CoProcessFunction<any, any, any> }
  | { readonly kind: 'keyed-co-process'; readonly function: F.KeyedCoProcessFunction<any, any, any, any> }
  /** Input 1 is the broadcast one. */
  | {
      readonly kind: 'broadcast-process'
      readonly function: F.BroadcastProcessFunction<any, any, any>
      readonly states: readonly F.MapStateDescriptor<any, any>[]
    }
  | {
      readonly kind: 'keyed-broadcast-process'
      readonly function: F.KeyedBroadcastProcessFunction<any, any, any, any>
      readonly states: readonly F.MapStateDescriptor<any, any>[]
    }
  | { readonly kind: 'window-join'; readonly window: WindowDefinition; readonly join: F.JoinFunction<any, any, any> }
  | { readonly kind: 'window-flat-join'; readonly window: WindowDefinition; readonly join: F.FlatJoinFunction<any, any, any> }
  | { readonly kind: 'co-group'; readonly window: WindowDefinition; readonly function: F.CoGroupFunction<any, any, any> }
  /** left.timestamp + lower <= right.timestamp <= left.timestamp + upper; ms. */
  | {
      readonly kind: 'interval-join'
      readonly lower: number
      readonly upper: number
      readonly lowerExclusive: boolean
      readonly upperExclusive: boolean
      readonly lateOutputs: { readonly left?: F.OutputTag<any>; readonly right?: F.OutputTag<any> }
      readonly function: F.ProcessJoinFunction<any, any, any>
    }
  | {
      readonly kind: 'async'
      readonly function: F.AsyncFunction<any, any>
      readonly ordered: boolean
      /** Ms; 0: none. */
      readonly timeout: number
      readonly capacity: number
      readonly retry?: F.AsyncRetryStrategy<any>
    }
  | { readonly kind: 'source'; readonly source: Source<any, any>; readonly watermarks: F.WatermarkStrategy<any> }
  | { readonly kind: 'collection-source'; readonly elements: readonly unknown[] }
  /** Both inclusive. */
  | { readonly kind: 'sequence-source'; readonly from: number; readonly to: number }
  | { readonly kind: 'sink'; readonly sink: Sink<any, any> }
  | { readonly kind: 'print'; readonly prefix: string; readonly stderr: boolean }
  /** To the program, through the operator's coordinator. */
  | { readonly kind: 'collect' }
  /** Rows of a connector's table become elements: appends `$timestamp`. */
  | { readonly kind: 'from-table' }
  /** Elements become rows of a connector's table: drops the hidden columns. */
  | { readonly kind: 'to-table' }

export type FunctionDefinition = Common & FunctionKind
export type FunctionOperatorKind = FunctionKind['kind']
