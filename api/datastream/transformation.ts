/**
 * What a program has said so far: a graph of transformations, each with the users' functions in it. Plain data; the host (master or
 * worker) makes a job graph of it. Flink's Transformation.
 */
import type { FunctionKind } from '#runtime/operators/process/definition.js'
import type * as F from '#runtime/operators/process/functions.js'
import type { TypeInformation } from '#runtime/operators/process/type-information.js'

// Functions of users' types: the streams that made these checked them.
/* eslint-disable @typescript-eslint/no-explicit-any */
/** What the operator is: a function operator, or one that is built in. */
export type TransformationSpec =
  | FunctionKind
  /** A connector's table: options as in WITH, `type` a row. */
  | { readonly kind: 'table-source'; readonly options: Readonly<Record<string, string>>; readonly watermarks: F.WatermarkStrategy<any> }
  | { readonly kind: 'table-sink'; readonly options: Readonly<Record<string, string>> }

export type KeySelection =
  | { readonly kind: 'function'; readonly select: F.KeySelector<any, unknown>; readonly type: TypeInformation }
  | { readonly kind: 'fields'; readonly fields: readonly string[] }

/** How elements find their subtask. undefined: straight on where the parallelisms agree, else in turn. */
export type Exchange =
  | { readonly kind: 'FORWARD' | 'REBALANCE' | 'RESCALE' | 'SHUFFLE' | 'BROADCAST' | 'GLOBAL' }
  | { readonly kind: 'HASH'; readonly key: KeySelection }
  | {
      readonly kind: 'CUSTOM'
      readonly select: F.KeySelector<any, unknown>
      readonly partition: (key: any, numPartitions: number) => number
    }

export interface TransformationInput {
  readonly from: Transformation
  /** 0: the main output; 1 + i: side output i of `from`. */
  readonly output: number
  readonly exchange: Exchange | undefined
}

export interface Transformation {
  name: string
  uid: string | undefined
  parallelism: number | undefined
  maxParallelism: number | undefined
  /** HEAD: begins a chain. NEVER: is in none. */
  chaining: 'ALWAYS' | 'HEAD' | 'NEVER'
  spec: TransformationSpec
  readonly inputs: readonly TransformationInput[]
  type: TypeInformation
  /** Added as the program asks for them. */
  readonly sideOutputs: F.OutputTag<unknown>[]
  readonly role: 'source' | 'operator' | 'sink' | 'collect'
  /** Of a source: it ends by itself. */
  readonly bounded: boolean
  /** Highest parallelism that is possible; undefined: any. */
  readonly mostParallelism: number | undefined
}

/** A program's graph at `execute()`. */
export interface Pipeline {
  readonly name: string | undefined
  /** In the order in which the program made them: inputs before readers. */
  readonly transformations: readonly Transformation[]
  /** All that the program and its surroundings set. */
  readonly configuration: Readonly<Record<string, string>>
}

/** Element type of one output of a transformation. */
export function outputType(from: Transformation, output: number): TypeInformation {
  return output === 0 ? from.type : (from.sideOutputs[output - 1] as F.OutputTag<unknown>).type
}
