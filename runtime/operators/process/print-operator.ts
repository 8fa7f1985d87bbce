/**
 * print(): a line per element, to the container's output, or to the terminal of a local run. Strings as they are, other values as
 * node's util.inspect shows them, in one line.
 *
 * Source: Flink's PrintSinkFunction (its prefixes).
 */
import { inspect } from 'node:util'
import type { Batch } from '../../columnar/batch.js'
import type { Operator, OperatorContext } from '../operator.js'
import type { FunctionDefinition, FunctionKind } from './definition.js'
import { ElementReader } from './element-reader.js'

type Definition = FunctionDefinition & Extract<FunctionKind, { kind: 'print' }>

const FORMAT = { breakLength: Infinity, depth: 10, maxArrayLength: 1000, maxStringLength: 10_000 } as const

export class PrintOperator implements Operator {
  readonly #definition: Definition
  readonly #reader: ElementReader
  #context!: OperatorContext
  #prefix = ''

  constructor(definition: Definition) {
    this.#definition = definition
    this.#reader = new ElementReader((definition.inputs[0] as Definition['inputs'][0]).type)
  }

  open(context: OperatorContext): void {
    const { prefix } = this.#definition
    const number = context.parallelism > 1 ? String(context.subtaskIndex + 1) : ''
    const label = prefix !== '' && number !== '' ? `${prefix}:${number}` : prefix + number
    this.#context = context
    this.#prefix = label === '' ? '' : `${label}> `
  }

  processBatch(batch: Batch): void {
    this.#reader.bind(batch)
    for (let row = 0; row < batch.length; row++) {
      const element = this.#reader.read(batch.position(row))
      this.#context.printLine(this.#prefix + (typeof element === 'string' ? element : inspect(element, FORMAT)), this.#definition.stderr)
    }
  }

  processWatermark(): void {
    // Nobody is behind it.
  }

  endInput(): void {
    // Nothing is held back.
  }
}
