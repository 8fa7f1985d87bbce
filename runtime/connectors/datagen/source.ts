/**
 * Makes rows at a steady rate: `rows-per-second` over all subtasks. Ahead of its time it waits; behind (the job is slower) it
 * does not catch up by more than a second.
 */
import type { SpecOf } from '#core/graph/operator-spec.js'
import { projectSchema, type Schema } from '#core/types/schema.js'
import { BatchBuilder } from '../../columnar/batch-builder.js'
import { BATCH_CAPACITY } from '../../columnar/batch.js'
import type { OperatorContext, Output, SourceOperator } from '../../operators/operator.js'
import { randomGenerator, Random, sequenceGenerator, shareOf, type Generator } from './generators.js'

const DEFAULT_RATE = 10_000
/** Shortest wait: below this many ms rows are gathered into a batch instead. */
const MIN_WAIT = 20
const MAX_ARREARS = 1000

export function createSource(spec: SpecOf<'source'>): DatagenSource {
  return new DatagenSource(spec)
}

export class DatagenSource implements SourceOperator {
  readonly #spec: SpecOf<'source'>
  readonly #schema: Schema
  #context: OperatorContext | undefined
  #output: Output | undefined
  #generators: readonly Generator[] = []
  /** Rows of this subtask in all, and made so far. */
  #total = Infinity
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
    const { options, schema, projection } = this.#spec
    const { subtaskIndex, parallelism, environment } = context
    const random = new Random(environment.random.bytes(16))
    const totals = options['number-of-rows'] === undefined ? [] : [BigInt(options['number-of-rows'])]
    this.#generators = schema.fields.map(({ name, type }) => {
      const field = { get: (key: string) => options[`fields.${name}.${key}`] }
      if (field.get('kind') !== 'sequence') return randomGenerator(type, field, random, () => environment.clock.now())
      const start = BigInt(field.get('start') ?? 0)
      totals.push(BigInt(field.get('end') ?? 0) - start + 1n)
      return sequenceGenerator(type, start, subtaskIndex, parallelism)
    })
    this.#generators = projection.map((column) => this.#generators[column] as Generator)
    this.#context = context
    this.#output = output
    this.#total =
      totals.length === 0
        ? Infinity
        : Number(
            shareOf(
              totals.reduce((a, b) => (a < b ? a : b)),
              subtaskIndex,
              parallelism,
            ),
          )
    this.#ratePerMs = Number(options['rows-per-second'] ?? DEFAULT_RATE) / 1000 / parallelism
    this.#start = environment.clock.monotonic()
  }

  poll(): 'more' | 'end' | Promise<'more'> {
    if (this.#made >= this.#total) return 'end'
    if (this.#context === undefined) throw new Error('the source is not open')
    const now = this.#context.environment.clock.monotonic()
    if (now - this.#start - this.#elapsedDue() > MAX_ARREARS) {
      this.#start = now
      this.#dueFrom = this.#made
    }
    // The first row is due at once.
    const due = this.#dueFrom + Math.floor((now - this.#start) * this.#ratePerMs) + 1
    const count = Math.min(due, this.#total) - this.#made
    if (count > 0) this.#emit(Math.min(count, BATCH_CAPACITY))
    if (this.#made >= this.#total) return 'end'
    return this.#made < due ? 'more' : this.#wait()
  }

  /** Ms from #start to when the rows made so far were due. */
  #elapsedDue(): number {
    return (this.#made - this.#dueFrom) / this.#ratePerMs
  }

  #wait(): Promise<'more'> {
    const { environment } = this.#context as OperatorContext
    const next = this.#start + this.#elapsedDue() - environment.clock.monotonic()
    return new Promise((resolve) => this.#context?.schedule(Math.max(MIN_WAIT, Math.ceil(next)), () => resolve('more')))
  }

  #emit(count: number): void {
    const builder = new BatchBuilder(this.#schema, count)
    for (let row = 0; row < count; row++, this.#made++) {
      for (let i = 0; i < this.#generators.length; i++) this.#generators[i]?.(builder.columns[i] as never, this.#made)
      builder.endRow()
    }
    this.#output?.collect(builder.finish())
  }
}
