/**
 * Operators without keyed state that call a function for each element: flatMap, process, and their forms with two inputs.
 *
 * In:    elements (stream-layout.ts), any selection.   Out: what the function collects, with the timestamp of the element it was called for.
 * State: broadcast state, where the function has some.   Time: watermarks pass when everything before them was emitted.
 * @throws FUNCTION_FAILED
 * Source: Flink's StreamFlatMap, ProcessOperator, CoStreamMap, CoProcessOperator.
 */
import type { Batch } from '../../columnar/batch.js'
import { NO_WATERMARK, type Operator, type OperatorContext, type Output } from '../operator.js'
import type { OperatorSnapshot, RestoredState } from '../../state/snapshot.js'
import type { BroadcastStates } from './broadcast-state.js'
import type { FunctionDefinition } from './definition.js'
import { ElementOutput } from './element-output.js'
import { ElementReader } from './element-reader.js'
import type { ProcessContext, TimerService } from './functions.js'
import { closeFunction, functionFailed, openFunction, runtimeContext } from './user-call.js'

/** What an operator's functions are called with. */
export interface Surroundings {
  readonly context: OperatorContext
  readonly out: ElementOutput
  readonly processContext: ProcessContext
}
/** The call for one element of one input. */
export type Invoke = (value: unknown) => void

export class ElementOperator implements Operator {
  readonly #definition: FunctionDefinition
  readonly #function: unknown
  readonly #methods: readonly string[]
  readonly #prepare: (surroundings: Surroundings) => readonly Invoke[]
  readonly #readers: readonly ElementReader[]
  #context: OperatorContext | undefined
  #out!: ElementOutput
  #invokes: readonly Invoke[] = []
  #watermark = NO_WATERMARK
  readonly #broadcast: BroadcastStates | undefined

  /** `prepare`: the calls, one per input; `methods`: their names, for errors. */
  constructor(
    definition: FunctionDefinition,
    user: unknown,
    methods: readonly string[],
    prepare: (surroundings: Surroundings) => readonly Invoke[],
    broadcast?: BroadcastStates,
  ) {
    this.#broadcast = broadcast
    this.#definition = definition
    this.#function = user
    this.#methods = methods
    this.#prepare = prepare
    this.#readers = definition.inputs.map((input) => new ElementReader(input.type))
  }

  async open(context: OperatorContext, output: Output): Promise<void> {
    this.#out = new ElementOutput(this.#definition, context.operatorName, output)
    this.#context = context
    const out = this.#out
    const processContext = untimedContext(context, out, () => this.#watermark)
    this.#invokes = this.#prepare({ context, out, processContext })
    await openFunction(this.#function, runtimeContext(context), context)
  }

  processBatch(batch: Batch, input: number): void {
    const reader = this.#readers[input] as ElementReader
    const invoke = this.#invokes[input] as Invoke
    const out = this.#out
    reader.bind(batch)
    try {
      for (let row = 0; row < batch.length; row++) {
        const position = batch.position(row)
        out.timestamp = reader.timestamp(position)
        invoke(reader.read(position))
      }
    } catch (error) {
      throw functionFailed(error, this.#context as OperatorContext, this.#methods[input] ?? 'function', reader.last())
    }
    out.flush()
  }

  processWatermark(watermark: number): void {
    this.#watermark = watermark
    this.#out.emitWatermark(watermark)
  }

  endInput(): void {
    // Nothing is held back.
  }

  async close(): Promise<void> {
    await closeFunction(this.#function, this.#context)
  }

  snapshotState(): OperatorSnapshot {
    return { lists: this.#broadcast?.snapshot() }
  }

  restoreState(state: RestoredState): void {
    this.#broadcast?.restore(state.lists)
  }
}

/** The context of functions on streams without key: it tells times, but has no timers. */
export function untimedContext(context: OperatorContext, out: ElementOutput, watermark: () => number): ProcessContext {
  const noTimers = (): never => {
    throw new TypeError('timers need a keyed stream; put a keyBy before the operator')
  }
  const timerService: TimerService = {
    currentProcessingTime: () => context.environment.clock.now(),
    currentWatermark: watermark,
    registerEventTimeTimer: noTimers,
    registerProcessingTimeTimer: noTimers,
    deleteEventTimeTimer: noTimers,
    deleteProcessingTimeTimer: noTimers,
  }
  return {
    timestamp: () => (out.timestamp !== out.timestamp ? undefined : out.timestamp),
    timerService: () => timerService,
    output: (tag, value) => out.side(tag, value),
  }
}
