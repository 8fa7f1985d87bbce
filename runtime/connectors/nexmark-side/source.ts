/** Emits the rows in order. List state: the next row. */
import type { SpecOf } from '#core/graph/operator-spec.js'
import { projectSchema } from '#core/types/schema.js'
import * as z from '#core/zod.js'
import { BatchBuilder } from '../../columnar/batch-builder.js'
import { BATCH_CAPACITY } from '../../columnar/batch.js'
import type { OperatorContext, Output, SourceOperator } from '../../operators/operator.js'
import type { OperatorSnapshot, RestoredState } from '../../state/snapshot.js'
import { rowsOf } from './factory.js'

const NEXT_STATE = 'next'

export function createSource(spec: SpecOf<'source'>): SideInputSource {
  return new SideInputSource(spec)
}

export class SideInputSource implements SourceOperator {
  readonly #spec: SpecOf<'source'>
  readonly #rows: number
  #next = 0
  #output: Output | undefined

  constructor(spec: SpecOf<'source'>) {
    this.#spec = spec
    this.#rows = rowsOf(spec.options)
  }

  open(_context: OperatorContext, output: Output): void {
    this.#output = output
  }

  restoreState({ lists }: RestoredState): void {
    const [next] = lists[NEXT_STATE] ?? []
    this.#next = z.int().min(0).parse(next)
  }

  snapshotState(): OperatorSnapshot {
    return { lists: { [NEXT_STATE]: { mode: 'SPLIT', items: [this.#next] } } }
  }

  poll(): 'more' | 'end' {
    const { schema, projection } = this.#spec
    const builder = new BatchBuilder(projectSchema(schema, projection))
    const end = Math.min(this.#rows, this.#next + BATCH_CAPACITY)
    for (; this.#next < end; this.#next++)
      builder.appendRow(
        projection.map((column) => (column === 0 ? BigInt(this.#next) : String(this.#next))),
        0,
      )
    if (builder.length > 0) this.#output?.collect(builder.finish())
    return this.#next < this.#rows ? 'more' : 'end'
  }
}
