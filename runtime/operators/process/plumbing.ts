/**
 * The ends of DataStream programs that need no function: elements of the program itself, lines of print, rows of connectors' tables.
 */
import { DOUBLE, notNull } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import { Batch, BATCH_CAPACITY } from '../../columnar/batch.js'
import type { Vector } from '../../columnar/vector.js'
import type { OperatorSnapshot, RestoredState } from '../../state/snapshot.js'
import type { Operator, OperatorContext, Output, SourceOperator } from '../operator.js'
import type { FunctionDefinition } from './definition.js'
import { ElementOutput } from './element-output.js'
import { ElementReader } from './element-reader.js'
import { elementFields, streamSchema } from './stream-layout.js'
import type { TypeInformation } from './type-information.js'

/** Undefined: the definition is of another kind. */
export function createPlumbing(definition: FunctionDefinition): Operator | SourceOperator | undefined {
  switch (definition.kind) {
    case 'collection-source':
      return new CollectionSource(definition, definition.elements)
    case 'sequence-source':
      return new SequenceSource(definition.from, definition.to, streamSchema(definition.output))
    case 'print':
      return new PrintOperator(inputType(definition), definition.prefix, definition.stderr)
    case 'from-table':
      return new FromTable(definition.output)
    case 'to-table':
      return new ToTable(inputType(definition))
    default:
      return undefined
  }
}

function inputType(definition: FunctionDefinition): TypeInformation {
  return definition.inputs[0]?.type ?? { kind: 'generic' }
}

const POSITION = 'position'

/** Elements of an array of the program, in subtask 0. State: how many were emitted. @throws ELEMENT_TYPE_MISMATCH */
class CollectionSource implements SourceOperator {
  readonly #definition: FunctionDefinition
  readonly #elements: readonly unknown[]
  #next = 0
  #emits = true
  #out!: ElementOutput

  constructor(definition: FunctionDefinition, elements: readonly unknown[]) {
    this.#definition = definition
    this.#elements = elements
  }

  open(context: OperatorContext, output: Output): void {
    this.#out = new ElementOutput(this.#definition, context.operatorName, output)
    this.#emits = context.subtaskIndex === 0
    if (!this.#emits) this.#next = this.#elements.length
  }

  snapshotState(): OperatorSnapshot {
    return { lists: { [POSITION]: { mode: 'UNION', items: this.#emits ? [this.#next] : [] } } }
  }

  restoreState(state: RestoredState): void {
    const position = state.lists[POSITION]?.[0]
    if (this.#emits && typeof position === 'number') this.#next = position
  }

  poll(): 'more' | 'end' {
    const end = Math.min(this.#elements.length, this.#next + BATCH_CAPACITY)
    while (this.#next < end) this.#out.collect(this.#elements[this.#next++])
    this.#out.flush()
    return this.#next >= this.#elements.length ? 'end' : 'more'
  }
}

interface Range {
  next: number
  /** The last number. */
  readonly to: number
}

/** Numbers, the range cut into one piece for each subtask. State: what is left, as pieces; dealt out anew at another parallelism. */
class SequenceSource implements SourceOperator {
  readonly #from: number
  readonly #to: number
  readonly #schema: Schema
  #ranges: Range[] = []
  #output!: Output

  constructor(from: number, to: number, schema: Schema) {
    this.#from = from
    this.#to = to
    this.#schema = schema
  }

  open({ subtaskIndex, parallelism }: OperatorContext, output: Output): void {
    this.#output = output
    const count = this.#to - this.#from + 1
    const start = (subtask: number) => this.#from + Math.floor(count / parallelism) * subtask + Math.min(subtask, count % parallelism)
    const to = start(subtaskIndex + 1) - 1
    this.#ranges = start(subtaskIndex) <= to ? [{ next: start(subtaskIndex), to }] : []
  }

  snapshotState(): OperatorSnapshot {
    return { lists: { [POSITION]: { mode: 'SPLIT', items: this.#ranges.map(({ next, to }) => [next, to]) } } }
  }

  restoreState(state: RestoredState): void {
    this.#ranges = (state.lists[POSITION] ?? []).map((item) => {
      const [next, to] = item as [number, number]
      return { next, to }
    })
  }

  poll(): 'more' | 'end' {
    const [range] = this.#ranges
    if (range === undefined) return 'end'
    const length = Math.min(BATCH_CAPACITY, range.to - range.next + 1)
    const values = new Float64Array(length)
    for (let row = 0; row < length; row++) values[row] = range.next++
    if (range.next > range.to) this.#ranges.shift()
    const type = notNull(DOUBLE)
    const columns: Vector[] = [{ kind: 'float64', type, nulls: undefined, values }, noTimestamps(length)]
    this.#output.collect(new Batch(this.#schema, columns, length))
    return this.#ranges.length === 0 ? 'end' : 'more'
  }
}

function noTimestamps(length: number): Vector {
  return { kind: 'float64', type: notNull(DOUBLE), nulls: undefined, values: new Float64Array(length).fill(NaN) }
}

abstract class PassThrough implements Operator {
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

/** Rows of a table as elements without timestamps. */
class FromTable extends PassThrough {
  readonly #schema: Schema

  constructor(type: TypeInformation) {
    super()
    this.#schema = streamSchema(type)
  }

  processBatch(batch: Batch): void {
    const { selection, length } = batch
    let positions = length
    if (selection !== undefined) for (let row = 0; row < length; row++) positions = Math.max(positions, (selection[row] as number) + 1)
    this.output.collect(batch.withColumns(this.#schema, [...batch.columns, noTimestamps(positions)]))
  }
}

/** Elements as rows of a table. */
class ToTable extends PassThrough {
  readonly #schema: Schema

  constructor(type: TypeInformation) {
    super()
    this.#schema = { fields: elementFields(type) }
  }

  processBatch(batch: Batch): void {
    this.output.collect(batch.withColumns(this.#schema, batch.columns.slice(0, this.#schema.fields.length)))
  }
}

/** A line for each element: a text as it is, anything else as JSON. With several subtasks: `2> …`, with an identifier `id:2> …`. */
class PrintOperator implements Operator {
  readonly #reader: ElementReader
  readonly #identifier: string
  readonly #stderr: boolean
  #context!: OperatorContext
  #prefix = ''

  constructor(type: TypeInformation, identifier: string, stderr: boolean) {
    this.#reader = new ElementReader(type)
    this.#identifier = identifier
    this.#stderr = stderr
  }

  open(context: OperatorContext): void {
    this.#context = context
    const parts = [
      ...(this.#identifier === '' ? [] : [this.#identifier]),
      ...(context.parallelism > 1 ? [String(context.subtaskIndex + 1)] : []),
    ]
    this.#prefix = parts.length === 0 ? '' : `${parts.join(':')}> `
  }

  processBatch(batch: Batch): void {
    this.#reader.bind(batch)
    for (let row = 0; row < batch.length; row++) {
      this.#context.printLine(this.#prefix + elementText(this.#reader.read(batch.position(row))), this.#stderr)
    }
  }

  processWatermark(): void {
    // Nothing follows.
  }

  endInput(): void {
    // Nothing is held back.
  }
}

/** One line that shows an element: `abc`, `{"word":"abc","count":2}`, `12`. bigints as digits, Maps and Sets as arrays. */
export function elementText(element: unknown): string {
  if (typeof element === 'string') return element
  if (typeof element === 'bigint') return String(element)
  return (
    JSON.stringify(element, (_, value: unknown) => {
      if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
      if (value instanceof Map) return [...(value as Map<unknown, unknown>)]
      if (value instanceof Set) return [...(value as Set<unknown>)]
      return value
    }) ?? String(element)
  )
}
