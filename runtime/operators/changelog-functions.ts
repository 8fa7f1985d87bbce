/**
 * TO_CHANGELOG and FROM_CHANGELOG: what a row is to its stream (inserted, taken back) as a column of text, and back again.
 *
 * In:    'to-changelog': any row kinds; 'from-changelog': insertions with a column of codes.
 * Out:   'to-changelog': the kind's code, then the input's columns, +I; kinds without a code are left out. 'from-changelog': the input's
 *        columns without that of the codes, of the kinds that the codes say.
 * State: none.   Time: watermarks pass through.
 * @throws INVALID_OP_CODE
 * Source: Flink's ToChangelogFunction, FromChangelogFunction.
 */
import { defineError } from '#core/errors/define-error.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import { RowKind } from '#core/types/row-kind.js'
import type { Schema } from '#core/types/schema.js'
import { Batch } from '../columnar/batch.js'
import { decodeUtf8, textBuffer } from '../columnar/value.js'
import { isNull, type Utf8Vector, type Vector } from '../columnar/vector.js'
import { hasRetractions } from './changelog.js'
import type { Operator, OperatorContext, Output } from './operator.js'

export const InvalidOpCode = defineError('INVALID_OP_CODE', {
  recovery: 'fail-job',
  message: ({ code, column, known }: { code: string | null; column: string; known: string }) =>
    `Received ${code === null ? 'NULL op code' : `invalid op code '${code}'`} in column '${column}' of FROM_CHANGELOG. ` +
    `The mapping has ${known}: add the code to op_mapping, or filter such rows out before.`,
})

abstract class StatelessOperator implements Operator {
  protected output!: Output

  open(_context: OperatorContext, output: Output): void {
    this.output = output
  }

  abstract processBatch(batch: Batch): void

  processWatermark(watermark: number): void {
    this.output.emitWatermark(watermark)
  }

  endInput(): void {
    // Nothing is held back.
  }
}

class ToChangelogOperator extends StatelessOperator {
  readonly #schema: Schema
  /** By kind: where its code lies in `bytes`; undefined: rows of that kind are left out. */
  readonly #codes: readonly ({ readonly offset: number; readonly length: number } | undefined)[]
  readonly #bytes: Uint8Array

  constructor({ codes }: SpecOf<'to-changelog'>, output: Schema) {
    super()
    this.#schema = output
    const texts = codes.map((code) => (code === null ? undefined : Buffer.from(code)))
    this.#bytes = Buffer.concat(texts.flatMap((text) => text ?? []))
    let offset = 0
    this.#codes = texts.map((text) => {
      if (text === undefined) return undefined
      offset += text.length
      return { offset: offset - text.length, length: text.length }
    })
  }

  processBatch(batch: Batch): void {
    const { columns } = batch
    const kept = new Int32Array(batch.length)
    let count = 0
    let last = -1
    for (let row = 0; row < batch.length; row++) {
      const position = batch.position(row)
      last = Math.max(last, position)
      if (this.#codes[batch.rowKind(position)] !== undefined) kept[count++] = position
    }
    if (count === 0) return
    const offsets = new Int32Array(last + 1)
    const lengths = new Int32Array(last + 1)
    for (let i = 0; i < count; i++) {
      const position = kept[i] as number
      const code = this.#codes[batch.rowKind(position)] as { offset: number; length: number }
      offsets[position] = code.offset
      lengths[position] = code.length
    }
    const type = (this.#schema.fields[0] as Schema['fields'][number]).type
    const op: Vector = { kind: 'utf8', type, nulls: undefined, offsets, lengths, bytes: this.#bytes }
    const selection = batch.selection === undefined && count === batch.length ? undefined : kept.slice(0, count)
    this.output.collect(new Batch(this.#schema, [op, ...columns], count, selection))
  }
}

class FromChangelogOperator extends StatelessOperator {
  readonly #schema: Schema
  readonly #column: number
  readonly #name: string
  readonly #kinds: ReadonlyMap<string, RowKind>

  constructor({ column, kinds }: SpecOf<'from-changelog'>, input: Schema, output: Schema) {
    super()
    this.#schema = output
    this.#column = column
    this.#name = input.fields[column]?.name ?? ''
    this.#kinds = new Map(kinds.map(({ code, kind }) => [code, kind as RowKind]))
  }

  processBatch(batch: Batch): void {
    if (batch.length === 0) return
    if (hasRetractions(batch)) throw new Error('FROM_CHANGELOG takes insertions only')
    const codes = batch.columns[this.#column] as Utf8Vector
    let last = 0
    for (let row = 0; row < batch.length; row++) last = Math.max(last, batch.position(row))
    const kinds = new Uint8Array(last + 1)
    let onlyInserts = true
    for (let row = 0; row < batch.length; row++) {
      const position = batch.position(row)
      const kind = this.#kindAt(codes, position)
      kinds[position] = kind
      if (kind !== RowKind.INSERT) onlyInserts = false
    }
    const columns = batch.columns.filter((_, i) => i !== this.#column)
    this.output.collect(new Batch(this.#schema, columns, batch.length, batch.selection, onlyInserts ? undefined : kinds))
  }

  #kindAt(codes: Utf8Vector, position: number): RowKind {
    const start = codes.offsets[position] as number
    const code = isNull(codes, position) ? null : decodeUtf8(textBuffer(codes.bytes), start, start + (codes.lengths[position] as number))
    const kind = code === null ? undefined : this.#kinds.get(code)
    if (kind === undefined) throw new InvalidOpCode({ code, column: this.#name, known: [...this.#kinds.keys()].join(', ') })
    return kind
  }
}

export function createToChangelog(spec: SpecOf<'to-changelog'>, _inputs: readonly Schema[], output: Schema): Operator {
  return new ToChangelogOperator(spec, output)
}

export function createFromChangelog(spec: SpecOf<'from-changelog'>, inputs: readonly Schema[], output: Schema): Operator {
  return new FromChangelogOperator(spec, inputs[0] as Schema, output)
}
