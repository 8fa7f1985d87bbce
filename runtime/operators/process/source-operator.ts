/**
 * A source of the program: its reader, fed with splits by its enumerator beside the JobMaster (runtime/connectors), with timestamps and
 * watermarks by the strategy.
 *
 * Out:   elements in batches of what one poll emits.
 * State: the reader's splits, and those on their way to it (SPLIT).
 * @throws FUNCTION_FAILED, SOURCE_CONTRACT, ELEMENT_TYPE_MISMATCH
 * Source: Flink's SourceOperator (FLIP-27).
 */
import { copyJson } from '#core/checkpoint/json-state.js'
import { SourceAnswerSchema } from '#core/rpc/operator-events.js'
import type { OperatorSnapshot, RestoredState } from '../../state/snapshot.js'
import type { OperatorContext, Output, SourceOperator } from '../operator.js'
import type { ReaderOutput, SourceReader } from './connectors.js'
import type { FunctionDefinition, FunctionKind } from './definition.js'
import { ElementOutput } from './element-output.js'
import { describe, SourceContract } from './errors.js'
import { Watermarks } from './timestamps-and-watermarks.js'
import { functionFailed } from './user-call.js'

type Definition = FunctionDefinition & Extract<FunctionKind, { kind: 'source' }>

export class FunctionSource implements SourceOperator {
  readonly #definition: Definition
  #context: OperatorContext | undefined
  #out!: ElementOutput
  #watermarks: Watermarks | undefined
  #reader: SourceReader<unknown, unknown> | undefined
  #readerOutput!: ReaderOutput<unknown>
  /** Splits that came and that the reader does not have yet; null: there are no more. */
  #arrived: unknown[] = []
  #noMore = false
  #requested = false
  #failure: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined

  constructor(definition: Definition) {
    this.#definition = definition
  }

  async open(context: OperatorContext, output: Output): Promise<void> {
    const out = new ElementOutput(this.#definition, context.operatorName, output)
    const watermarks = new Watermarks(this.#definition.watermarks, context, {
      collect: (batch) => output.collect(batch),
      emitWatermark: (watermark) => out.emitWatermark(watermark),
      emitIdle: (idle) => output.emitIdle?.(idle),
    })
    this.#context = context
    this.#out = out
    this.#watermarks = watermarks
    this.#readerOutput = {
      collect(value, timestamp) {
        out.timestamp = watermarks.timestampOf(value, timestamp ?? NaN)
        out.collect(value)
        watermarks.onEvent(value, out.timestamp)
      },
      emitWatermark: (watermark) => watermarks.emit(watermark),
      markIdle: () => watermarks.setIdle(true),
      markActive: () => watermarks.setIdle(false),
    }
    const { jobId, subtaskIndex, parallelism } = context
    try {
      this.#reader = this.#definition.source.createReader({ jobId, subtaskIndex, parallelism, sendSplitRequest: () => this.#request() })
      await this.#reader.start?.()
    } catch (error) {
      throw functionFailed(error, context, 'createReader')
    }
    watermarks.start()
  }

  poll(): 'more' | 'end' | Promise<'more' | 'end'> {
    const reader = this.#reader as SourceReader<unknown, unknown>
    const context = this.#context as OperatorContext
    if (this.#failure !== undefined) throw this.#failure.error
    if (!this.#requested) this.#request()
    try {
      this.#handOver(reader)
      const status = reader.pollNext(this.#readerOutput)
      this.#flush()
      switch (status) {
        case 'MORE_AVAILABLE':
          return 'more'
        case 'END_OF_INPUT':
          return 'end'
        case 'NOTHING_AVAILABLE':
          return this.#available(reader)
        default:
          throw new SourceContract({ operator: context.operatorName, problem: `pollNext returned ${describe(status)}, not an InputStatus` })
      }
    } catch (error) {
      throw functionFailed(error, context, 'pollNext')
    }
  }

  async close(): Promise<void> {
    this.#watermarks?.close()
    try {
      await this.#reader?.close?.()
    } catch (error) {
      throw functionFailed(error, this.#context as OperatorContext, 'close')
    }
  }

  snapshotState({ checkpointId }: { readonly checkpointId: number }): OperatorSnapshot {
    let held: readonly unknown[] | undefined
    try {
      held = copyJson(this.#reader?.snapshotState(checkpointId) ?? [], 'What snapshotState of a reader gives')
    } catch (error) {
      throw functionFailed(error, this.#context as OperatorContext, 'snapshotState')
    }
    // The reader may go on with these very objects before the checkpoint is written.
    const coming = copyJson(
      this.#arrived.filter((split) => split !== null),
      'A split',
    )
    return { lists: { splits: { mode: 'SPLIT', items: [...(held ?? []), ...coming] } } }
  }

  restoreState(state: RestoredState): void {
    const splits = state.lists['splits'] ?? []
    if (splits.length === 0) return
    // The reader asks for more itself when it is done with these.
    this.#requested = true
    this.#reader?.addSplits(splits)
  }

  checkpointComplete(checkpointId: number): void {
    this.#reader?.notifyCheckpointComplete?.(checkpointId)
  }

  #flush(): void {
    this.#out.flush()
    this.#watermarks?.afterBatch()
  }

  #handOver(reader: SourceReader<unknown, unknown>): void {
    if (this.#arrived.length === 0) return
    const arrived = this.#arrived
    this.#arrived = []
    for (const split of arrived) {
      if (split === null) reader.notifyNoMoreSplits()
      else reader.addSplits([split])
    }
    this.#watermarks?.active()
  }

  #request(): void {
    this.#requested = true
    if (this.#noMore) return
    ;(this.#context as OperatorContext).requestCoordinator({ type: 'requestSplit' }).then(
      (answer) => {
        const { split } = SourceAnswerSchema.parse(answer)
        if (split === null) this.#noMore = true
        this.#arrived.push(split)
        this.#wake?.()
      },
      (error: unknown) => {
        this.#failure = { error }
        this.#wake?.()
      },
    )
  }

  async #available(reader: SourceReader<unknown, unknown>): Promise<'more'> {
    if (this.#arrived.length > 0) return 'more'
    const arrival = new Promise<void>((resolve) => (this.#wake = resolve))
    try {
      await Promise.race([arrival, reader.isAvailable()])
    } catch (error) {
      throw functionFailed(error, this.#context as OperatorContext, 'isAvailable')
    } finally {
      this.#wake = undefined
    }
    return 'more'
  }
}
