/**
 * A sink of the program: its writer. What the writer prepares goes to its committer beside the JobMaster once the checkpoint is complete.
 *
 * In:    elements, any selection.
 * State: the writer's own (SPLIT).   Time: the writer is told the watermark.
 * @throws FUNCTION_FAILED
 * Source: Flink's SinkWriterOperator (FLIP-143).
 */
import { copyJson } from '#core/checkpoint/json-state.js'
import type { Batch } from '../../columnar/batch.js'
import type { OperatorSnapshot, RestoredState } from '../../state/snapshot.js'
import { NO_WATERMARK, type Operator, type OperatorContext } from '../operator.js'
import type { SinkWriter } from './connectors.js'
import type { FunctionDefinition, FunctionKind } from './definition.js'
import { ElementReader } from './element-reader.js'
import { isPromiseLike } from './errors.js'
import { functionFailed } from './user-call.js'

type Definition = FunctionDefinition & Extract<FunctionKind, { kind: 'sink' }>

export class FunctionSink implements Operator {
  readonly #definition: Definition
  readonly #reader: ElementReader
  #context: OperatorContext | undefined
  #writer: SinkWriter<unknown> | undefined
  #timestamp = NaN
  #watermark = NO_WATERMARK
  readonly #writeContext = {
    timestamp: () => (this.#timestamp !== this.#timestamp ? null : this.#timestamp),
    currentWatermark: () => this.#watermark,
  }
  /** Work under way; what comes next waits for it. */
  #tail: Promise<void> | undefined

  constructor(definition: Definition) {
    this.#definition = definition
    this.#reader = new ElementReader((definition.inputs[0] as Definition['inputs'][0]).type)
  }

  open(context: OperatorContext): void {
    this.#context = context
  }

  async restoreState(state: RestoredState): Promise<void> {
    await this.#createWriter(state.lists['writer'] ?? [])
  }

  processBatch(batch: Batch): void | Promise<void> {
    if (this.#tail !== undefined || this.#writer === undefined) return this.#behind(() => this.#write(batch, 0))
    const rest = this.#write(batch, 0)
    return rest === undefined ? undefined : this.#behind(() => rest)
  }

  processWatermark(watermark: number): void {
    this.#watermark = watermark
  }

  endInput(): Promise<void> {
    return this.#behind(() => this.#call('flush', (writer) => writer.flush(true)))
  }

  /** At once as far as the writer is synchronous: the snapshot that follows is of a writer that has flushed and prepared. */
  prepareCommit(): Promise<readonly unknown[]> {
    const prepared: { committables: readonly unknown[] } = { committables: [] }
    const step = (): void | Promise<void> =>
      this.#then(
        this.#call('flush', (writer) => writer.flush(false)),
        () =>
          this.#call('prepareCommit', (writer) => {
            const given = writer.prepareCommit?.() ?? []
            const keep = (committables: readonly unknown[]) =>
              void (prepared.committables = copyJson(committables, 'What prepareCommit of a writer gives'))
            if (!isPromiseLike(given)) keep(given as readonly unknown[])
            else return (given as Promise<readonly unknown[]>).then(keep)
          }),
      )
    if (this.#tail !== undefined || this.#writer === undefined) return this.#behind(step).then(() => prepared.committables)
    try {
      const under = step()
      return under === undefined ? Promise.resolve(prepared.committables) : this.#behind(() => under).then(() => prepared.committables)
    } catch (error) {
      return Promise.reject(error as Error)
    }
  }

  snapshotState({ checkpointId }: { readonly checkpointId: number }): OperatorSnapshot {
    try {
      const items = copyJson([...(this.#writer?.snapshotState?.(checkpointId) ?? [])], 'What snapshotState of a writer gives')
      return { lists: { writer: { mode: 'SPLIT', items } } }
    } catch (error) {
      throw this.#failed(error, 'snapshotState')
    }
  }

  async close(): Promise<void> {
    // A failure of it was reported where it was awaited.
    await this.#tail?.catch(() => undefined)
    try {
      await this.#writer?.close?.()
    } catch (error) {
      throw this.#failed(error, 'close')
    }
  }

  async #createWriter(restored: readonly unknown[]): Promise<void> {
    const { jobId, subtaskIndex, parallelism, attemptNumber } = this.#context as OperatorContext
    try {
      this.#writer = await this.#definition.sink.createWriter({ jobId, subtaskIndex, parallelism, attemptNumber }, restored)
    } catch (error) {
      throw this.#failed(error, 'createWriter')
    }
  }

  /** Runs when what was begun before is done. */
  #behind(run: () => void | Promise<void>): Promise<void> {
    const before = this.#tail ?? Promise.resolve()
    const tail = before.then(async () => {
      if (this.#writer === undefined) await this.#createWriter([])
      await run()
    })
    this.#tail = tail
    // A failure stays: everything behind it fails alike.
    void tail.then(
      () => {
        if (this.#tail === tail) this.#tail = undefined
      },
      () => undefined,
    )
    return tail
  }

  /** Rows from `row` on. */
  #write(batch: Batch, row: number): void | Promise<void> {
    const writer = this.#writer as SinkWriter<unknown>
    const reader = this.#reader
    reader.bind(batch)
    try {
      for (; row < batch.length; row++) {
        const position = batch.position(row)
        this.#timestamp = reader.timestamp(position)
        const written = writer.write(reader.read(position), this.#writeContext)
        if (written !== undefined) {
          const next = row + 1
          return written.then(
            () => this.#write(batch, next),
            (error: unknown) => {
              throw this.#failed(error, 'write')
            },
          )
        }
      }
    } catch (error) {
      throw this.#failed(error, 'write')
    }
  }

  #call(method: string, run: (writer: SinkWriter<unknown>) => void | Promise<void>): void | Promise<void> {
    const failed = (error: unknown): never => {
      throw this.#failed(error, method)
    }
    try {
      return run(this.#writer as SinkWriter<unknown>)?.catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  #then(first: void | Promise<void>, second: () => void | Promise<void>): void | Promise<void> {
    return first === undefined ? second() : first.then(second)
  }

  #failed(error: unknown, method: string): Error {
    return functionFailed(error, this.#context as OperatorContext, method)
  }
}
