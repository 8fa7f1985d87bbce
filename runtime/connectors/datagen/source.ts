/**
 * Makes rows at a steady rate: `rows-per-second` over all subtasks. Ahead of its time it waits; behind (the job is slower, or more is asked
 * for than can be made) it goes on without a pause, but makes up for no more than a second.
 *
 * List state: which rows the subtask has left to make, and where its random numbers are (ranges.ts).
 */
import type { SpecOf } from '#core/graph/operator-spec.js'
import { projectSchema, type Schema } from '#core/types/schema.js'
import { Batch, BATCH_CAPACITY } from '../../columnar/batch.js'
import type { OperatorContext, Output, SourceOperator } from '../../operators/operator.js'
import type { OperatorSnapshot, RestoredState } from '../../state/snapshot.js'
import { randomGenerator, sequenceGenerator, type Generator } from './generators.js'
import { Random } from './random.js'
import { DatagenStateSchema, firstRange, rangesOf, type DatagenState, type RowRange } from './ranges.js'

const DEFAULT_RATE = 10_000
/** Shortest wait in ms: rows that are due sooner are gathered into a batch instead. */
const MIN_WAIT = 20
const MAX_ARREARS = 1000
const BATCHES_PER_POLL = 4
/** Most text in a batch. */
const MAX_TEXT_BYTES = 4 * 1024 * 1024
const ROWS_STATE = 'rows'

export function createSource(spec: SpecOf<'source'>): DatagenSource {
  return new DatagenSource(spec)
}

export class DatagenSource implements SourceOperator {
  readonly #spec: SpecOf<'source'>
  readonly #schema: Schema
  #context: OperatorContext | undefined
  #output: Output | undefined
  #random = new Random([0, 0, 0, 0])
  #generators: readonly Generator[] = []
  #rowsPerBatch = BATCH_CAPACITY
  /** Left to make. The first is in work: of several, after each batch, the one that is furthest behind. */
  #ranges: RowRange[] = []
  /** Rows made since open. */
  #made = 0
  #ratePerMs = 0
  /** Monotonic time at which row `#dueFrom` was due. */
  #start = 0
  #dueFrom = 0

  constructor(spec: SpecOf<'source'>) {
    this.#spec = spec
    this.#schema = projectSchema(spec.schema, spec.projection)
  }

  open(context: OperatorContext, output: Output): void {
    const { subtaskIndex, parallelism, environment } = context
    this.#context = context
    this.#output = output
    this.#random = Random.seeded(environment.random.bytes(16))
    this.#ranges = [firstRange(this.#total(), subtaskIndex, parallelism, this.#random)]
    this.#makeGenerators()
    this.#ratePerMs = Number(this.#spec.options['rows-per-second'] ?? DEFAULT_RATE) / 1000 / parallelism
    this.#start = environment.clock.monotonic()
  }

  restoreState({ lists }: RestoredState): void {
    const { subtaskIndex, parallelism } = this.#opened()
    const states = (lists[ROWS_STATE] ?? []).map((item) => DatagenStateSchema.parse(item))
    this.#ranges = rangesOf(states, subtaskIndex, parallelism)
    const first = this.#ranges[0]
    if (first !== undefined) this.#random.resume(first.random)
  }

  /** UNION: each subtask takes its own again, or its share when the parallelism has changed. */
  snapshotState(): OperatorSnapshot {
    const { subtaskIndex: subtask, parallelism } = this.#opened()
    const ranges = this.#ranges.map((range, i) => (i === 0 ? { ...range, random: [...this.#random.state] } : range))
    const state: DatagenState = { subtask, parallelism, ranges }
    return { lists: { [ROWS_STATE]: { mode: 'UNION', items: [state] } } }
  }

  poll(): 'more' | 'end' | Promise<'more'> {
    const now = this.#opened().environment.clock.monotonic()
    if (now - this.#start - this.#elapsedDue() > MAX_ARREARS) {
      this.#start = now - MAX_ARREARS
      this.#dueFrom = this.#made
    }
    // The first row is due at once.
    const due = this.#dueFrom + Math.floor((now - this.#start) * this.#ratePerMs) + 1
    for (let batches = 0; batches < BATCHES_PER_POLL; batches++) {
      const range = this.#ranges[0]
      if (range === undefined) return 'end'
      const count = Math.min(due - this.#made, this.#rowsPerBatch, range.left ?? Infinity)
      if (count > 0) this.#emit(range, count)
      if (range.left !== null && range.left - Math.max(0, count) === 0) this.#dropFirst()
      else if (count <= 0) return this.#wait(now)
      else this.#takeTurns()
    }
    return this.#ranges.length === 0 ? 'end' : 'more'
  }

  /** Rows of all subtasks together; null: without end. */
  #total(): number | null {
    const { options, schema } = this.#spec
    const totals = options['number-of-rows'] === undefined ? [] : [BigInt(options['number-of-rows'])]
    for (const { name } of schema.fields) {
      if (options[`fields.${name}.kind`] !== 'sequence') continue
      totals.push(BigInt(options[`fields.${name}.end`] ?? 0) - BigInt(options[`fields.${name}.start`] ?? 0) + 1n)
    }
    if (totals.length === 0) return null
    return Math.min(Number(totals.reduce((a, b) => (a < b ? a : b))), Number.MAX_SAFE_INTEGER)
  }

  #makeGenerators(): void {
    const { options, schema, projection } = this.#spec
    const { clock } = this.#opened().environment
    this.#generators = projection.map((column) => {
      const { name, type } = schema.fields[column] as Schema['fields'][number]
      const field = { get: (key: string) => options[`fields.${name}.${key}`] }
      return field.get('kind') === 'sequence'
        ? sequenceGenerator(type, BigInt(field.get('start') ?? 0))
        : randomGenerator(type, field, this.#random, () => clock.now())
    })
    const text = this.#generators.reduce((sum, generator) => sum + generator.textBytes, 0)
    this.#rowsPerBatch = Math.max(1, Math.min(BATCH_CAPACITY, Math.floor(MAX_TEXT_BYTES / Math.max(1, text))))
  }

  /** Ms from #start to when the rows made so far were due. */
  #elapsedDue(): number {
    return (this.#made - this.#dueFrom) / this.#ratePerMs
  }

  #wait(now: number): Promise<'more'> {
    const context = this.#opened()
    const next = this.#start + this.#elapsedDue() - now
    const gathered = Math.min(MIN_WAIT, this.#rowsPerBatch / this.#ratePerMs)
    return new Promise((resolve) => context.schedule(Math.ceil(Math.max(gathered, next)), () => resolve('more')))
  }

  #emit(range: RowRange, count: number): void {
    const columns = this.#generators.map((generator) => generator.fill(count, range.next, range.step))
    this.#made += count
    this.#ranges[0] = { ...range, next: range.next + count * range.step, left: range.left === null ? null : range.left - count }
    this.#output?.collect(new Batch(this.#schema, columns, count))
  }

  #dropFirst(): void {
    this.#ranges.shift()
    const [first] = this.#ranges
    if (first !== undefined) this.#random.resume(first.random)
    this.#takeTurns()
  }

  /** Rows that lie side by side come at about the same time, so that times made from their numbers are about in order. */
  #takeTurns(): void {
    const [first] = this.#ranges
    if (first === undefined || this.#ranges.length === 1) return
    let next = 0
    for (let i = 1; i < this.#ranges.length; i++) if ((this.#ranges[i] as RowRange).next < (this.#ranges[next] as RowRange).next) next = i
    if (next === 0) return
    this.#ranges[0] = { ...first, random: [...this.#random.state] }
    const [chosen] = this.#ranges.splice(next, 1) as [RowRange]
    this.#ranges.unshift(chosen)
    this.#random.resume(chosen.random)
  }

  #opened(): OperatorContext {
    if (this.#context === undefined) throw new Error('the source is not open')
    return this.#context
  }
}
