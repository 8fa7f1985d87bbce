/**
 * Emits its epochs of events as fast as they are taken, 20 epochs a batch.
 *
 * List state: the epochs left (splits.ts).
 */
import type { SpecOf } from '#core/graph/operator-spec.js'
import { projectSchema, type Schema } from '#core/types/schema.js'
import { Batch } from '../../columnar/batch.js'
import type { OperatorContext, Output, SourceOperator } from '../../operators/operator.js'
import type { OperatorSnapshot, RestoredState } from '../../state/snapshot.js'
import { isNexmarkColumn, type NexmarkColumn } from './columns.js'
import { NexmarkGenerator } from './generator.js'
import { EPOCH } from './proportions.js'
import { NexmarkStateSchema, splitsOf, takeEpoch, type EpochSplit, type NexmarkState } from './splits.js'

const EPOCHS_PER_BATCH = 20
const BATCHES_PER_POLL = 4
const SPLITS_STATE = 'splits'

export function createSource(spec: SpecOf<'source'>): NexmarkSource {
  return new NexmarkSource(spec)
}

export class NexmarkSource implements SourceOperator {
  readonly #schema: Schema
  readonly #columns: readonly NexmarkColumn[]
  readonly #events: number
  readonly #generator: NexmarkGenerator
  #splits: EpochSplit[] = []
  #context: OperatorContext | undefined
  #output: Output | undefined

  constructor({ schema, projection, options }: SpecOf<'source'>) {
    this.#schema = projectSchema(schema, projection)
    this.#columns = this.#schema.fields.map(({ name }) => name).filter(isNexmarkColumn)
    this.#events = Number(options['events'])
    this.#generator = new NexmarkGenerator(Number(options['rate']))
  }

  open(context: OperatorContext, output: Output): void {
    this.#context = context
    this.#output = output
    this.#splits = [{ next: context.subtaskIndex, step: context.parallelism }]
  }

  restoreState({ lists }: RestoredState): void {
    const { subtaskIndex, parallelism } = this.#opened()
    const states = (lists[SPLITS_STATE] ?? []).map((item) => NexmarkStateSchema.parse(item))
    this.#splits = splitsOf(states, subtaskIndex, parallelism)
  }

  /** UNION: each subtask takes its own again, or its share when the parallelism has changed. */
  snapshotState(): OperatorSnapshot {
    const { subtaskIndex: subtask, parallelism } = this.#opened()
    const state: NexmarkState = { subtask, parallelism, splits: this.#splits }
    return { lists: { [SPLITS_STATE]: { mode: 'UNION', items: [state] } } }
  }

  poll(): 'more' | 'end' {
    for (let batches = 0; batches < BATCHES_PER_POLL; batches++) if (!this.#emit()) return 'end'
    return 'more'
  }

  /** False: there is nothing left. */
  #emit(): boolean {
    const end = Math.ceil(this.#events / EPOCH)
    const epochs: number[] = []
    let rows = 0
    while (epochs.length < EPOCHS_PER_BATCH && rows === epochs.length * EPOCH) {
      const epoch = takeEpoch(this.#splits, end)
      if (epoch === undefined) break
      epochs.push(epoch)
      // Only the very last epoch may be cut off; it is the last of its batch.
      rows += Math.min(EPOCH, this.#events - epoch * EPOCH)
    }
    if (rows === 0) return false
    const columns = this.#columns.map((column) => this.#generator.column(column, epochs, rows))
    this.#output?.collect(new Batch(this.#schema, columns, rows))
    return true
  }

  #opened(): OperatorContext {
    if (this.#context === undefined) throw new Error('the source is not open')
    return this.#context
  }
}
