/**
 * Operators that call a function for each element of keyed streams: keyed process (one and two inputs) and the rolling reduce.
 *
 * In:    keyed elements, any selection.   Out: what the function collects, with the timestamp of the element or timer it was called for.
 * State: keyed state of the function, timers.   Time: the watermark passes when the timers it reaches have fired.
 * @throws FUNCTION_FAILED
 * Source: Flink's KeyedProcessOperator, KeyedCoProcessOperator, StreamGroupedReduceOperator.
 */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import type { Batch } from '../../columnar/batch.js'
import type { OperatorSnapshot, RestoredState, SnapshotRequest } from '../../state/snapshot.js'
import type { Operator, OperatorContext, Output } from '../operator.js'
import type { BroadcastStates } from './broadcast-state.js'
import type { FunctionDefinition, KeyLayout } from './definition.js'
import { ElementOutput } from './element-output.js'
import { ElementReader } from './element-reader.js'
import type { KeyedProcessContext, OnTimerContext, TimeDomain } from './functions.js'
import { KeyedServices } from './keyed-services.js'
import { closeFunction, functionFailed, openFunction, runtimeContext } from './user-call.js'

export interface KeyedSurroundings {
  readonly context: OperatorContext
  readonly out: ElementOutput
  readonly services: KeyedServices
  readonly processContext: KeyedProcessContext<unknown>
  readonly timerContext: OnTimerContext<unknown>
}
export interface KeyedCalls {
  /** For one element of each input. */
  readonly elements: readonly ((value: unknown) => void)[]
  readonly timer?: ((time: number) => void) | undefined
}

export class KeyedOperator implements Operator {
  readonly #definition: FunctionDefinition
  readonly #function: unknown
  readonly #methods: readonly string[]
  readonly #prepare: (surroundings: KeyedSurroundings) => KeyedCalls
  readonly #readers: readonly ElementReader[]
  /** Columns of the key by input; undefined: a broadcast input. */
  readonly #keys: readonly (readonly number[] | undefined)[]
  readonly #broadcast: BroadcastStates | undefined
  #context: OperatorContext | undefined
  #out!: ElementOutput
  #services!: KeyedServices
  #calls!: KeyedCalls
  #domain: TimeDomain = 'event'

  /** `methods`: names of the calls for elements, for errors. */
  constructor(
    definition: FunctionDefinition,
    user: unknown,
    methods: readonly string[],
    prepare: (surroundings: KeyedSurroundings) => KeyedCalls,
    broadcast?: BroadcastStates,
  ) {
    this.#broadcast = broadcast
    this.#definition = definition
    this.#function = user
    this.#methods = methods
    this.#prepare = prepare
    this.#readers = definition.inputs.map((input) => new ElementReader(input.type))
    this.#keys = definition.inputs.map((input) => input.key?.columns)
  }

  async open(context: OperatorContext, output: Output): Promise<void> {
    this.#out = new ElementOutput(this.#definition, context.operatorName, output)
    this.#services = keyedServices(
      this.#definition,
      context,
      (time, domain) => this.#onTimer(time, domain),
      () => this.#out.flush(),
    )
    const out = this.#out
    const services = this.#services
    const timerService = services.timerService()
    const processContext: KeyedProcessContext<unknown> = {
      timestamp: () => (out.timestamp !== out.timestamp ? undefined : out.timestamp),
      timerService: () => timerService,
      output: (tag, value) => out.side(tag, value),
      getCurrentKey: () => services.state.keyValue(),
    }
    const timerContext = { ...processContext, timeDomain: () => this.#domainName() }
    this.#context = context
    this.#calls = this.#prepare({ context, out, services, processContext, timerContext })
    await openFunction(this.#function, runtimeContext(context, services.global), context)
  }

  processBatch(batch: Batch, input: number): void {
    const reader = this.#readers[input] as ElementReader
    const invoke = this.#calls.elements[input] as (value: unknown) => void
    const out = this.#out
    const { state } = this.#services
    const keys = this.#keys[input]
    const ids = keys === undefined ? undefined : state.assign(batch, keys)
    reader.bind(batch)
    try {
      for (let row = 0; row < batch.length; row++) {
        const position = batch.position(row)
        out.timestamp = reader.timestamp(position)
        if (ids !== undefined) state.useKey(ids[row] as number)
        invoke(reader.read(position))
      }
    } catch (error) {
      throw functionFailed(error, this.#context as OperatorContext, this.#methods[input] ?? 'function', reader.last())
    }
    if (ids !== undefined) state.release(ids, batch.length)
    state.expire()
    out.flush()
  }

  processWatermark(watermark: number): void {
    this.#services.advanceWatermark(watermark)
    this.#out.emitWatermark(watermark)
  }

  endInput(): void {
    // Timers of the clock that are still waiting do not fire, as in Flink.
  }

  async close(): Promise<void> {
    ;(this.#services as KeyedServices | undefined)?.close()
    await closeFunction(this.#function, this.#context)
  }

  #onTimer(time: number, domain: TimeDomain): void {
    this.#domain = domain
    // As in Flink: what a timer of the clock emits has no timestamp.
    this.#out.timestamp = domain === 'event' ? time : NaN
    try {
      this.#calls.timer?.(time)
    } catch (error) {
      throw functionFailed(error, this.#context as OperatorContext, 'onTimer')
    }
  }

  #domainName(): 'EVENT_TIME' | 'PROCESSING_TIME' {
    return this.#domain === 'event' ? 'EVENT_TIME' : 'PROCESSING_TIME'
  }

  stateTables(): readonly StateTableDescriptor[] {
    return this.#services.stateTables()
  }

  snapshotState(request: SnapshotRequest): OperatorSnapshot {
    const { keyed, lists } = this.#services.snapshotState(request)
    return { keyed, lists: { ...lists, ...this.#broadcast?.snapshot() } }
  }

  async restoreState(state: RestoredState): Promise<void> {
    this.#broadcast?.restore(state.lists)
    await this.#services.restoreState(state)
  }

  checkpointComplete(checkpointId: number): void {
    this.#services.checkpointComplete(checkpointId)
  }

  checkpointAborted(checkpointId: number): void {
    this.#services.checkpointAborted(checkpointId)
  }
}

/** Services for the definition's first keyed input. */
export function keyedServices(
  definition: FunctionDefinition,
  context: OperatorContext,
  onTimer: (time: number, domain: TimeDomain) => void,
  flush: () => void,
): KeyedServices {
  const input = definition.inputs.findIndex((candidate) => candidate.key !== undefined)
  const layout = definition.inputs[input]?.key as KeyLayout | undefined
  const schema = context.inputSchemas[input]
  if (layout === undefined || schema === undefined) throw new Error(`${definition.kind} has no keyed input`)
  return new KeyedServices(layout, schema, context, onTimer, flush)
}
