/** One subtask of an operator around functions, driven by hand: for operators whose work goes on between calls. */
import { Configuration } from '#core/config/configuration.js'
import { FileSystems } from '#core/fs/file-systems.js'
import type { JobId, OperatorId } from '#core/ids/ids.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import type { Batch } from '#runtime/columnar/batch.js'
import type { Operator, OperatorContext, Output, SourceOperator } from '#runtime/operators/operator.js'
import { createFunctionOperator } from '#runtime/operators/process/create-operator.js'
import type { FunctionKind } from '#runtime/operators/process/definition.js'
import { ElementReader } from '#runtime/operators/process/element-reader.js'
import { ElementOutput } from '#runtime/operators/process/element-output.js'
import { keyedStreamSchema, streamSchema } from '#runtime/operators/process/stream-layout.js'
import type { TypeInformation } from '#runtime/operators/process/type-information.js'

const GENERIC: TypeInformation = { kind: 'generic' }

export interface TaskOptions {
  readonly input?: TypeInformation
  readonly output?: TypeInformation
  readonly subtaskIndex?: number
  readonly parallelism?: number
  readonly requestCoordinator?: (event: unknown) => Promise<unknown>
}

export class Task {
  readonly environment = virtualEnvironment()
  readonly operator: Operator | SourceOperator
  readonly context: OperatorContext
  /** Elements, `watermark n` and `idle b`, in order. */
  readonly log: unknown[] = []
  readonly timestamps: number[] = []
  readonly printed: string[] = []
  readonly #input: TypeInformation
  readonly #output: TypeInformation

  constructor(kind: FunctionKind, options: TaskOptions = {}) {
    this.#input = options.input ?? GENERIC
    this.#output = options.output ?? GENERIC
    const source = kind.kind.endsWith('source')
    this.operator = createFunctionOperator({
      ...kind,
      inputs: source ? [] : [{ type: this.#input }],
      output: this.#output,
      sideOutputs: [],
    })
    this.context = {
      jobId: '0'.repeat(32) as JobId,
      attemptNumber: 0,
      operatorId: '1'.repeat(32) as OperatorId,
      operatorName: kind.kind,
      subtaskIndex: options.subtaskIndex ?? 0,
      parallelism: options.parallelism ?? 1,
      maxParallelism: 128,
      keyGroups: { first: 0, last: 127 },
      inputSchemas: source ? [] : [streamSchema(this.#input)],
      outputSchema: kind.kind === 'key-by' ? keyedStreamSchema(this.#output) : streamSchema(this.#output),
      configuration: Configuration.of({}),
      environment: this.environment,
      fileSystems: new FileSystems('/'),
      requestCoordinator: options.requestCoordinator ?? (() => Promise.reject(new Error('no coordinator'))),
      printLine: (line) => void this.printed.push(line),
      countLate: () => undefined,
      counter: () => ({ inc: () => undefined, count: 0 }),
      schedule: (delay, action) => this.environment.timers.after(delay, action),
      nextTurn: () => Promise.resolve(),
    }
  }

  async open(): Promise<this> {
    const reader = new ElementReader(this.#output)
    const output: Output = {
      collect: (batch) => {
        reader.bind(batch)
        for (let row = 0; row < batch.length; row++) {
          this.log.push(reader.read(batch.position(row)))
          this.timestamps.push(reader.timestamp(batch.position(row)))
        }
      },
      emitWatermark: (watermark) => void this.log.push(`watermark ${watermark}`),
      emitIdle: (idle) => void this.log.push(`idle ${idle}`),
    }
    await this.operator.open?.(this.context, output)
    return this
  }

  get sink(): Operator {
    return this.operator as Operator
  }

  get source(): SourceOperator {
    return this.operator as SourceOperator
  }

  /** The elements as one batch; timestamps: their index, if not given. */
  send(values: readonly unknown[], timestamps: readonly number[] = values.map((_, i) => i)): void | Promise<void> {
    return this.sink.processBatch(batchOf(this.#input, values, timestamps), 0)
  }

  /** Time passes, and whatever that sets off. */
  async pass(ms: number): Promise<void> {
    for (let turn = 0; turn < 20; turn++) {
      await new Promise((resolve) => setImmediate(resolve))
      this.environment.advance(turn === 0 ? ms : 0)
    }
  }
}

export function batchOf(type: TypeInformation, values: readonly unknown[], timestamps: readonly number[]): Batch {
  const batches: Batch[] = []
  const out = new ElementOutput({ output: type, sideOutputs: [] }, 'test', {
    collect: (batch) => void batches.push(batch),
    emitWatermark: () => undefined,
  })
  values.forEach((value, i) => {
    out.timestamp = timestamps[i] as number
    out.collect(value)
  })
  out.flush()
  return batches[0] as Batch
}
