/**
 * Brings the rows of a SELECT to the client: as text to this operator's coordinator beside the JobMaster. One request is under
 * way at a time and its answer is the coordinator's leave to send more, so at most MAX_PENDING_ROWS wait here.
 */
import { CollectAnswerSchema, type CollectedRow } from '#core/rpc/operator-events.js'
import type { Schema } from '#core/types/schema.js'
import type { Batch } from '../../columnar/batch.js'
import { readValue } from '../../columnar/value.js'
import type { Vector } from '../../columnar/vector.js'
import { formatterOf } from '../../expr/cast.js'
import { evaluationContext } from '../../operators/evaluation-context.js'
import type { Operator, OperatorContext } from '../../operators/operator.js'

const MAX_REQUEST_ROWS = 1024
/** In UTF-16 units of the cells; a single longer row goes alone. */
const MAX_REQUEST_CHARACTERS = 1024 * 1024
const MAX_PENDING_ROWS = 4096

type CellText = (value: Exclude<ReturnType<typeof readValue>, null>) => string

export class CollectOperator implements Operator {
  readonly #schema: Schema
  #context: OperatorContext | undefined
  #texts: readonly CellText[] = []
  #pending: CollectedRow[] = []
  #sending: Promise<void> | undefined
  /** Rows that came, and that the coordinator has. */
  #received = 0
  #sent = 0
  #failure: unknown

  constructor(schema: Schema) {
    this.#schema = schema
  }

  open(context: OperatorContext): void {
    this.#context = context
    const evaluation = evaluationContext(context)
    this.#texts = this.#schema.fields.map((field) => formatterOf(field.type, evaluation))
  }

  processBatch(batch: Batch): void | Promise<void> {
    this.#check()
    for (let row = 0; row < batch.length; row++) {
      const position = batch.position(row)
      this.#pending.push({ kind: batch.rowKind(position), cells: this.cells(batch, position) })
    }
    this.#received += batch.length
    if (this.#pending.length > 0) this.#sending ??= this.#send()
    if (this.#pending.length > MAX_PENDING_ROWS) return this.#drained()
  }

  /** The row at a position as text. */
  protected cells(batch: Batch, position: number): (string | null)[] {
    return batch.columns.map((column, index) => {
      const value = readValue(column as Vector, position)
      return value === null ? null : (this.#texts[index] as CellText)(value)
    })
  }

  processWatermark(): void {}

  endInput(): Promise<void> {
    return this.#drained()
  }

  /** The rows that came before the barrier are with the coordinator, which shows them when the checkpoint is complete. */
  async prepareCommit(): Promise<readonly unknown[]> {
    const rows = this.#received
    while (this.#sent < rows && this.#sending !== undefined) await this.#sending
    this.#check()
    return rows === 0 ? [] : [{ rows }]
  }

  close(): void {
    this.#pending = []
  }

  async #drained(): Promise<void> {
    await this.#sending
    this.#check()
  }

  /** Sends what there is, and what comes meanwhile. Never rejects: the next call of the task does. */
  async #send(): Promise<void> {
    try {
      while (this.#pending.length > 0) {
        const rows = this.#take()
        CollectAnswerSchema.parse(await this.#context?.requestCoordinator({ type: 'rows', rows }))
        this.#sent += rows.length
      }
    } catch (error) {
      this.#failure = error
      this.#pending = []
    }
    this.#sending = undefined
  }

  #take(): CollectedRow[] {
    let characters = 0
    let count = 0
    while (count < this.#pending.length && count < MAX_REQUEST_ROWS) {
      for (const cell of this.#pending[count]?.cells ?? []) characters += cell?.length ?? 4
      if (count > 0 && characters > MAX_REQUEST_CHARACTERS) break
      count++
    }
    return this.#pending.splice(0, count)
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }
}
