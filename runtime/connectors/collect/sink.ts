/**
 * Brings the rows of a SELECT to the client: as text to this operator's coordinator beside the JobMaster. One request is under
 * way at a time and its answer is the coordinator's leave to send more, so at most MAX_PENDING_ROWS wait here.
 *
 * No state: the coordinator keeps the rows. At a barrier what waits is sent without that leave (a checkpoint does not wait for the
 * client), and the committable says how many rows this attempt has sent before it; the coordinator shows them when it is complete.
 */
import { CollectAnswerSchema, type CollectedRow } from '#core/rpc/operator-events.js'
import type { Schema } from '#core/types/schema.js'
import type { Batch } from '../../columnar/batch.js'
import { isBinary } from '#core/types/logical-type.js'
import { readValue } from '../../columnar/value.js'
import type { Vector } from '../../columnar/vector.js'
import { printedForm } from '../../expr/cast.js'
import { jsonOf } from '../../formats/json/nested-text.js'
import { evaluationContext } from '../../operators/evaluation-context.js'
import type { Operator, OperatorContext } from '../../operators/operator.js'

const MAX_REQUEST_ROWS = 1024
/** In UTF-16 units of the cells; a single longer row goes alone. */
const MAX_REQUEST_CHARACTERS = 1024 * 1024
const MAX_PENDING_ROWS = 4096
/** With more rows that were not answered a barrier waits for the answers, too. */
const MAX_UNANSWERED_ROWS = 20_000

/** As Flink's gateway writes JSON. */
const JSON_STYLE = { timestamps: 'ISO-8601', scientificDecimals: false, nullKey: () => 'null' } as const

type CellText = (value: Exclude<ReturnType<typeof readValue>, null>) => string

export class CollectOperator implements Operator {
  readonly #schema: Schema
  #context: OperatorContext | undefined
  #texts: readonly CellText[] = []
  /** Of columns whose text does not tell everything. */
  #json: readonly (CellText | undefined)[] | undefined
  #pending: CollectedRow[] = []
  /** Rows of this attempt. */
  #received = 0
  /** Requests under way, and rows in them. */
  #requests = 0
  #unanswered = 0
  #waiting: (() => void)[] = []
  #failure: unknown

  constructor(schema: Schema) {
    this.#schema = schema
  }

  open(context: OperatorContext): void {
    this.#context = context
    const evaluation = evaluationContext(context)
    this.#texts = this.#schema.fields.map((field) => printedForm(field.type, evaluation))
    const binary = this.#schema.fields.map(({ type }) => isBinary(type))
    if (binary.includes(true)) this.#json = this.#schema.fields.map(({ type }) => (isBinary(type) ? jsonOf(type, JSON_STYLE) : undefined))
  }

  processBatch(batch: Batch): void | Promise<void> {
    this.#check()
    for (let row = 0; row < batch.length; row++) {
      const position = batch.position(row)
      const json = this.#jsonCells(batch, position)
      this.#pending.push({ kind: batch.rowKind(position), cells: this.cells(batch, position), ...(json === undefined ? {} : { json }) })
    }
    this.#received += batch.length
    this.#send()
    if (this.#pending.length > MAX_PENDING_ROWS) return this.#drained()
  }

  /** The row at a position as text. */
  protected cells(batch: Batch, position: number): (string | null)[] {
    return batch.columns.map((column, index) => {
      const value = readValue(column as Vector, position)
      return value === null ? null : (this.#texts[index] as CellText)(value)
    })
  }

  #jsonCells(batch: Batch, position: number): (string | null)[] | undefined {
    return this.#json?.map((text, index) => {
      const value = text === undefined ? null : readValue(batch.columns[index] as Vector, position)
      return value === null || text === undefined ? null : text(value)
    })
  }

  processWatermark(): void {}

  endInput(): Promise<void> {
    return this.#drained()
  }

  /** Rows and checkpoint go the same way, so they arrive in this order. */
  async prepareCommit(): Promise<readonly unknown[]> {
    const rows = this.#received
    if (this.#unanswered > MAX_UNANSWERED_ROWS) await this.#drained()
    while (this.#pending.length > 0) void this.#request(this.#take())
    this.#check()
    return rows === 0 ? [] : [{ rows }]
  }

  close(): void {
    this.#pending = []
  }

  async #drained(): Promise<void> {
    while (this.#failure === undefined && (this.#pending.length > 0 || this.#requests > 0)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    this.#check()
  }

  #send(): void {
    if (this.#requests === 0 && this.#pending.length > 0) void this.#request(this.#take())
  }

  /** Never rejects: the next call of the task does. */
  async #request(rows: readonly CollectedRow[]): Promise<void> {
    this.#requests++
    this.#unanswered += rows.length
    try {
      CollectAnswerSchema.parse(await this.#context?.requestCoordinator({ type: 'rows', rows }))
    } catch (error) {
      this.#failure ??= error
      this.#pending = []
    }
    this.#requests--
    this.#unanswered -= rows.length
    this.#send()
    for (const resume of this.#waiting.splice(0)) resume()
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
